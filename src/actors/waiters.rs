//! Who waits over HTTP for something new: a request that found nothing registers before it looks, and is woken by the
//! news of its user.
//!
//! Bounded by the connections of single requests. A wake that comes between looking and waiting is kept.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use parking_lot::Mutex;
use rustc_hash::FxHashMap;
use tokio::sync::Notify;

use crate::model::UserId;

/// All who wait.
#[derive(Clone, Default)]
pub struct Waiters {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    /// Who waits; read without the lock, since usually nobody does.
    count: AtomicUsize,
    closed: AtomicBool,
    waiting: Mutex<FxHashMap<UserId, Vec<Arc<Notify>>>>,
}

/// One that waits; dropped, it waits no longer.
pub struct Waiter {
    user: UserId,
    woken: Arc<Notify>,
    waiters: Waiters,
}

impl Waiters {
    /// Begins to listen for news of a user. What comes from now on wakes it.
    #[must_use]
    pub fn register(&self, user: UserId) -> Waiter {
        let woken = Arc::new(Notify::new());
        self.shared.waiting.lock().entry(user).or_default().push(Arc::clone(&woken));
        self.shared.count.fetch_add(1, Ordering::SeqCst);
        Waiter { user, woken, waiters: self.clone() }
    }

    /// Something durable is new for a user.
    pub fn wake(&self, user: UserId) {
        if self.shared.count.load(Ordering::SeqCst) == 0 {
            return;
        }
        if let Some(waiting) = self.shared.waiting.lock().get(&user) {
            waiting.iter().for_each(|waiter| waiter.notify_one());
        }
    }

    /// The server stops: nobody waits any longer.
    pub fn close(&self) {
        self.shared.closed.store(true, Ordering::SeqCst);
        for waiter in self.shared.waiting.lock().values().flatten() {
            waiter.notify_one();
        }
    }

    /// Who waits now.
    #[must_use]
    pub fn count(&self) -> usize {
        self.shared.count.load(Ordering::Relaxed)
    }
}

impl Waiter {
    /// Waits for news, at most so long; false when none came, or the server stops.
    pub async fn news(&self, longest: Duration) -> bool {
        if self.waiters.shared.closed.load(Ordering::SeqCst) {
            return false;
        }
        let woken = actix_web::rt::time::timeout(longest, self.woken.notified()).await.is_ok();
        woken && !self.waiters.shared.closed.load(Ordering::SeqCst)
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        self.waiters.shared.count.fetch_sub(1, Ordering::SeqCst);
        let mut waiting = self.waiters.shared.waiting.lock();
        if let Some(of_user) = waiting.get_mut(&self.user) {
            of_user.retain(|other| !Arc::ptr_eq(other, &self.woken));
            if of_user.is_empty() {
                waiting.remove(&self.user);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANN: UserId = UserId(1);
    const LONG: Duration = Duration::from_secs(60);

    #[actix_web::test]
    async fn news_before_waiting_and_while_waiting_wake_those_of_the_user_only() {
        let waiters = Waiters::default();
        let (ann, bob) = (waiters.register(ANN), waiters.register(UserId(2)));
        waiters.wake(ANN);
        assert!(ann.news(LONG).await, "what came before is not lost");
        assert!(!bob.news(Duration::from_millis(1)).await);
        let later = waiters.clone();
        actix_web::rt::spawn(async move { later.wake(ANN) });
        assert!(ann.news(LONG).await);
        drop((ann, bob));
        assert_eq!(waiters.count(), 0);
        waiters.wake(ANN);
        assert!(waiters.shared.waiting.lock().is_empty());
    }

    #[actix_web::test]
    async fn a_stop_wakes_everybody_and_lets_nobody_wait() {
        let waiters = Waiters::default();
        let ann = waiters.register(ANN);
        waiters.close();
        assert!(!ann.news(LONG).await);
        assert!(!waiters.register(ANN).news(LONG).await);
    }
}
