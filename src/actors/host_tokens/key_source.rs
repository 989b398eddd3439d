//! Where the keys of a host app come from: files that were read at the start, and what it publishes at a URL.
//!
//! A fetch that fails changes nothing: the old keys stay. Tokens that name keys which nobody knows make one fetch in
//! `floor`, however many they are; who asks while one is under way waits for that one.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use parking_lot::RwLock;

use crate::{
    logic::host_keys::{HostKeys, KEY_SET_BYTES_MAX, KeySetFault},
    model::Clock,
    monitor::{Monitor, ids},
};

/// How long a fetch may take in all. Source: who signs in waits for it, and five seconds are as long as people do.
const FETCH_TIMEOUT: Duration = Duration::from_secs(5);

/// Gets a set of keys and reads it; blocks.
pub type Fetch = Arc<dyn Fn() -> Result<HostKeys, FetchFault> + Send + Sync>;

/// Why there are no newer keys.
#[derive(Debug, thiserror::Error)]
pub enum FetchFault {
    /// The host app did not answer, or not with a page of its own.
    #[error("the keys cannot be fetched")]
    Transport(#[source] Box<ureq::Error>),
    /// What it answered is no set of keys.
    #[error("what was fetched cannot be used")]
    Keys(#[source] KeySetFault),
}

/// See the module.
pub struct KeySource {
    held: Arc<RwLock<Held>>,
    url: Option<Published>,
}

struct Held {
    keys: Arc<HostKeys>,
    /// Counts what was fetched; 0 before the first.
    edition: u64,
}

struct Published {
    fetch: Fetch,
    floor: Duration,
    refresh: Duration,
    /// One fetch at a time, and when the newest one for an unknown key was begun, by the monotonic clock.
    asked_us: tokio::sync::Mutex<Option<u64>>,
    /// A fetch is under way, though who asked for it may have gone.
    under_way: Arc<AtomicBool>,
}

impl KeySource {
    /// Keys that stay as they are.
    #[must_use]
    pub fn fixed(keys: HostKeys) -> KeySource {
        KeySource { held: Arc::new(RwLock::new(Held { keys: Arc::new(keys), edition: 1 })), url: None }
    }

    /// Keys that are fetched: every `refresh`, and for tokens that name unknown ones at most once in `floor`.
    #[must_use]
    pub fn published(fetch: Fetch, floor: Duration, refresh: Duration) -> KeySource {
        let url = Published {
            fetch,
            floor,
            refresh,
            asked_us: tokio::sync::Mutex::default(),
            under_way: Arc::default(),
        };
        let held = Held { keys: Arc::default(), edition: 0 };
        KeySource { held: Arc::new(RwLock::new(held)), url: Some(url) }
    }

    /// The keys that are good now, and their edition.
    pub(super) fn now(&self) -> (Arc<HostKeys>, u64) {
        let held = self.held.read();
        (Arc::clone(&held.keys), held.edition)
    }

    /// Whether there are any: not before the first fetch.
    pub(super) fn is_there(&self) -> bool {
        self.held.read().edition > 0
    }

    /// Fetches newer keys than those of an edition, unless somebody did meanwhile or it is too early. True when there
    /// are newer ones.
    pub(super) async fn renew_after(&self, edition: u64, clock: &Clock, monitor: &Monitor) -> bool {
        let Some(url) = &self.url else {
            return false;
        };
        let mut asked_us = url.asked_us.lock().await;
        if self.now().1 != edition {
            return true;
        }
        let now_us = clock.monotonic_us();
        if asked_us.is_some_and(|asked_us| now_us.saturating_sub(asked_us) < url.floor.as_micros() as u64) {
            return false;
        }
        *asked_us = Some(now_us);
        self.fetch(url, monitor).await;
        let is_newer = self.now().1 != edition;
        if is_newer && edition == 0 {
            // The first keys were not there yet: that was no unknown one.
            *asked_us = None;
        }
        is_newer
    }

    /// Fetches at once, and then again and again.
    pub(super) async fn keep_fresh(&self, monitor: &Monitor) {
        let Some(url) = &self.url else {
            return;
        };
        let (mut interval, mut is_due) = (tokio::time::interval(url.refresh), false);
        interval.tick().await;
        loop {
            {
                let _one_at_a_time = url.asked_us.lock().await;
                // Who signed in before this had its turn has fetched them.
                if is_due || !self.is_there() {
                    self.fetch(url, monitor).await;
                }
            }
            is_due = true;
            interval.tick().await;
        }
    }

    async fn fetch(&self, url: &Published, monitor: &Monitor) {
        if url.under_way.swap(true, Ordering::AcqRel) {
            return;
        }
        let (fetch, held) = (Arc::clone(&url.fetch), Arc::clone(&self.held));
        let (under_way, monitor) = (UnderWay(Arc::clone(&url.under_way)), monitor.clone());
        let fetching = tokio::task::spawn_blocking(move || {
            let _until_the_end = under_way;
            take(&held, fetch(), &monitor);
        });
        // A panic in there was logged; the old keys stay.
        let _ = fetching.await;
    }
}

/// A fetch, until it ends in whatever way.
struct UnderWay(Arc<AtomicBool>);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

fn take(held: &RwLock<Held>, fetched: Result<HostKeys, FetchFault>, monitor: &Monitor) {
    monitor.add(ids::HOST_KEY_FETCHES, 1);
    match fetched {
        Ok(keys) => {
            let mut held = held.write();
            held.keys = Arc::new(keys);
            held.edition += 1;
        }
        Err(fault) => {
            monitor.add(ids::HOST_KEY_FETCHES_FAILED, 1);
            tracing::warn!(
                error = &fault as &dyn std::error::Error,
                "the keys of the host app are not renewed: those that were there stay good"
            );
        }
    }
}

/// Fetches from a URL: within five seconds, no more than a set may have, and from nowhere else.
#[must_use]
pub fn fetch(url: String) -> Fetch {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .timeout_global(Some(FETCH_TIMEOUT))
        .max_redirects(0)
        .proxy(None)
        .user_agent("highwater")
        .build()
        .into();
    Arc::new(move || {
        let fault = |error| FetchFault::Transport(Box::new(error));
        let mut answer = agent.get(&url).header("accept", "application/json").call().map_err(fault)?;
        // One more than is taken, so that a longer one is found out.
        let body = answer.body_mut().with_config().limit(KEY_SET_BYTES_MAX as u64 + 1);
        HostKeys::of_set(&body.read_to_vec().map_err(fault)?).map_err(FetchFault::Keys)
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::{
        Mutex,
        atomic::AtomicU64,
        mpsc::{Receiver, Sender, channel},
    };

    use super::*;

    const FLOOR: Duration = Duration::from_secs(30);
    const HOUR: Duration = Duration::from_secs(3600);
    /// How long anything that must happen may take.
    const DEADLINE: Duration = Duration::from_secs(20);

    /// A source whose fetches are told, and fail unless the counter of good ones says otherwise; and a clock to be turned.
    struct Sample {
        source: Arc<KeySource>,
        fetched: Receiver<()>,
        good: Arc<AtomicU64>,
        now_us: Arc<AtomicU64>,
        clock: Clock,
        monitor: Monitor,
    }

    impl Sample {
        fn new(refresh: Duration) -> Sample {
            let (good, now_us) = (Arc::new(AtomicU64::new(u64::MAX)), Arc::new(AtomicU64::new(1)));
            let (tell, fetched) = channel();
            let (left, turned) = (Arc::clone(&good), Arc::clone(&now_us));
            let fetch = fetching(left, Mutex::new(tell));
            let source = Arc::new(KeySource::published(fetch, FLOOR, refresh));
            let clock = Clock::new(|| 0, move || turned.load(Ordering::SeqCst));
            Sample { source, fetched, good, now_us, clock, monitor: Monitor::new() }
        }

        async fn renew(&self) -> bool {
            let (_, edition) = self.source.now();
            self.source.renew_after(edition, &self.clock, &self.monitor).await
        }

        fn times(&self) -> usize {
            self.fetched.try_iter().count()
        }
    }

    fn fetching(left: Arc<AtomicU64>, tell: Mutex<Sender<()>>) -> Fetch {
        Arc::new(move || {
            // The test may be over.
            let _ = tell.lock().unwrap().send(());
            let is_good = left.load(Ordering::SeqCst) > 0;
            if is_good { Ok(HostKeys::default()) } else { Err(FetchFault::Keys(KeySetFault::Malformed)) }
        })
    }

    #[tokio::test]
    async fn an_unknown_key_is_asked_for_once_in_the_floor() {
        let sample = Sample::new(HOUR);
        assert!(sample.renew().await, "the first keys");
        assert!(sample.renew().await, "and they do not count");
        for _ in 0..10 {
            assert!(!sample.renew().await);
        }
        assert_eq!(sample.times(), 2);
        sample.now_us.fetch_add(FLOOR.as_micros() as u64 - 1, Ordering::SeqCst);
        assert!(!sample.renew().await);
        sample.now_us.fetch_add(1, Ordering::SeqCst);
        assert!(sample.renew().await);
        assert_eq!(sample.times(), 1);
    }

    #[tokio::test]
    async fn who_asks_at_the_same_time_waits_for_one_fetch() {
        let sample = Sample::new(HOUR);
        assert!(sample.renew().await);
        let (_, edition) = sample.source.now();
        let asking = (0..50).map(|_| sample.source.renew_after(edition, &sample.clock, &sample.monitor));
        let answers = futures_util::future::join_all(asking).await;
        assert!(answers.into_iter().all(|is_newer| is_newer), "all of them have the newer keys");
        assert_eq!(sample.times(), 2);
    }

    #[tokio::test]
    async fn a_fetch_that_fails_leaves_the_keys_and_holds_the_floor() {
        let sample = Sample::new(HOUR);
        sample.good.store(0, Ordering::SeqCst);
        assert!(!sample.renew().await);
        assert!(!sample.source.is_there());
        assert!(!sample.renew().await, "too early");
        assert_eq!(sample.times(), 1);
        sample.good.store(1, Ordering::SeqCst);
        sample.now_us.fetch_add(FLOOR.as_micros() as u64, Ordering::SeqCst);
        assert!(sample.renew().await);
        let before = sample.source.now();
        sample.good.store(0, Ordering::SeqCst);
        assert!(!sample.renew().await);
        let after = sample.source.now();
        assert!(Arc::ptr_eq(&before.0, &after.0) && before.1 == after.1, "the old ones stay");
        assert_eq!(sample.monitor.value(ids::HOST_KEY_FETCHES), 3);
        assert_eq!(sample.monitor.value(ids::HOST_KEY_FETCHES_FAILED), 2);
    }

    #[tokio::test]
    async fn keys_are_fetched_again_when_they_are_old() {
        let sample = Sample::new(Duration::from_millis(1));
        let (source, monitor) = (Arc::clone(&sample.source), sample.monitor.clone());
        let keeping = tokio::spawn(async move { source.keep_fresh(&monitor).await });
        let fetched = sample.fetched;
        let times = tokio::task::spawn_blocking(move || {
            (0..5).map_while(|_| fetched.recv_timeout(DEADLINE).ok()).count()
        });
        assert_eq!(times.await.unwrap(), 5);
        assert!(sample.source.is_there());
        keeping.abort();
    }
}
