//! Who waits over HTTP for something new: a request that found nothing registers before it looks, and is woken by the
//! news of its user.
//!
//! A lineage waits once: a newer request ends the older one. Bounded by `waiters_max`; who comes when it is full is not
//! made to wait. A wake that comes between looking and waiting is kept.

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

use crate::model::{LineageId, UserId};

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
    waiters_max: usize,
    waiting: Mutex<FxHashMap<UserId, Vec<Waiting>>>,
}

struct Waiting {
    lineage: LineageId,
    woken: Arc<Notify>,
    replaced: Arc<AtomicBool>,
}

/// One that waits; dropped, it waits no longer.
pub struct Waiter {
    user: UserId,
    woken: Arc<Notify>,
    replaced: Arc<AtomicBool>,
    waiters: Waiters,
}

impl Waiters {
    /// So many at a time.
    #[must_use]
    pub fn bounded(waiters_max: usize) -> Waiters {
        Waiters { shared: Arc::new(Shared { waiters_max, ..Shared::default() }) }
    }

    /// Begins to listen for news of a user. What comes from now on wakes it. Nothing when too many wait.
    #[must_use]
    pub fn register(&self, user: UserId, lineage: LineageId) -> Option<Waiter> {
        let (woken, replaced) = (Arc::new(Notify::new()), Arc::new(AtomicBool::new(false)));
        let mut waiting = self.shared.waiting.lock();
        if self.shared.count.load(Ordering::SeqCst) >= self.shared.waiters_max {
            return None;
        }
        let of_user = waiting.entry(user).or_default();
        for older in of_user.iter().filter(|older| older.lineage == lineage) {
            older.replaced.store(true, Ordering::SeqCst);
            older.woken.notify_one();
        }
        of_user.push(Waiting { lineage, woken: Arc::clone(&woken), replaced: Arc::clone(&replaced) });
        self.shared.count.fetch_add(1, Ordering::SeqCst);
        Some(Waiter { user, woken, replaced, waiters: self.clone() })
    }

    /// Something durable is new for a user.
    pub fn wake(&self, user: UserId) {
        if self.shared.count.load(Ordering::SeqCst) == 0 {
            return;
        }
        if let Some(waiting) = self.shared.waiting.lock().get(&user) {
            waiting.iter().for_each(|waiter| waiter.woken.notify_one());
        }
    }

    /// The server stops: nobody waits any longer.
    pub fn close(&self) {
        self.shared.closed.store(true, Ordering::SeqCst);
        for waiter in self.shared.waiting.lock().values().flatten() {
            waiter.woken.notify_one();
        }
    }

    /// Who waits now.
    #[must_use]
    pub fn count(&self) -> usize {
        self.shared.count.load(Ordering::Relaxed)
    }
}

impl Waiter {
    /// Waits for news, at most so long; false when none came, another took its place, or the server stops.
    pub async fn news(&self, longest: Duration) -> bool {
        if self.waiters.shared.closed.load(Ordering::SeqCst) {
            return false;
        }
        let woken = actix_web::rt::time::timeout(longest, self.woken.notified()).await.is_ok();
        let ended = self.waiters.shared.closed.load(Ordering::SeqCst) || self.replaced.load(Ordering::SeqCst);
        woken && !ended
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        self.waiters.shared.count.fetch_sub(1, Ordering::SeqCst);
        let mut waiting = self.waiters.shared.waiting.lock();
        if let Some(of_user) = waiting.get_mut(&self.user) {
            of_user.retain(|other| !Arc::ptr_eq(&other.woken, &self.woken));
            if of_user.is_empty() {
                waiting.remove(&self.user);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::DeviceId;

    const ANN: UserId = UserId(1);
    const LONG: Duration = Duration::from_secs(60);

    fn app(device: u64) -> LineageId {
        LineageId { device: DeviceId(device), context: 0 }
    }

    #[actix_web::test]
    async fn news_before_waiting_and_while_waiting_wake_those_of_the_user_only() {
        let waiters = Waiters::bounded(2);
        let ann = waiters.register(ANN, app(1)).expect("there is room");
        let bob = waiters.register(UserId(2), app(2)).expect("there is room");
        assert!(waiters.register(ANN, app(3)).is_none(), "no more than two wait");
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
    async fn a_newer_request_of_the_lineage_ends_the_older() {
        let waiters = Waiters::bounded(9);
        let older = waiters.register(ANN, app(1)).expect("there is room");
        let other = waiters.register(ANN, app(2)).expect("there is room");
        let newer = waiters.register(ANN, app(1)).expect("there is room");
        assert!(!older.news(LONG).await);
        waiters.wake(ANN);
        assert!(newer.news(LONG).await && other.news(LONG).await);
    }

    #[actix_web::test]
    async fn a_stop_wakes_everybody_and_lets_nobody_wait() {
        let waiters = Waiters::bounded(9);
        let ann = waiters.register(ANN, app(1)).expect("there is room");
        waiters.close();
        assert!(!ann.news(LONG).await);
        let late = waiters.register(ANN, app(1)).expect("there is room");
        assert!(!late.news(LONG).await);
    }
}
