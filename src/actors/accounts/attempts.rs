//! Attempts to prove who one is: failures are counted, and so are those that are being judged, so that guessing ends.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    net::IpAddr,
};

use highwater_wire::Refusal;
use parking_lot::Mutex;

use crate::model::TimeMs;

/// Failed sign-ins of one account from one address before further ones are refused, and the window in which they count.
/// Source: security baseline (at most 10 evaluated per account in 10 minutes).
const FAILURES_MAX: u32 = 10;
const FAILURES_WINDOW_MS: i64 = 10 * 60 * 1000;

/// Pairs of account and address that are remembered. When it is full the oldest are forgotten.
const FAILURES_REMEMBERED_MAX: usize = 10_000;

/// Whose attempts, and from where.
type Key = (String, Option<IpAddr>);

/// See the module.
#[derive(Default)]
pub(super) struct Attempts(Mutex<BTreeMap<Key, Failures>>);

/// One that is being judged, until it ends or nobody waits for it any more.
pub(super) struct Attempt<'a> {
    attempts: &'a Attempts,
    key: Key,
    failed: bool,
}

#[derive(Debug, Clone, Copy)]
struct Failures {
    since: TimeMs,
    count: u32,
    being_judged: u32,
}

impl Attempts {
    /// Notes an attempt that is being judged. So many at the same time as would pass the limit if all failed: the rest
    /// waits, or attempts at the same time would be a way around it.
    ///
    /// # Errors
    /// `TooManyAttempts`, or `Busy` while others are being judged.
    pub(super) fn begin(
        &self,
        account: String,
        peer: Option<IpAddr>,
        now: TimeMs,
    ) -> Result<Attempt<'_>, Refusal> {
        self.begin_of(account, peer, now, FAILURES_MAX)
    }

    /// The same with another number of failures.
    ///
    /// # Errors
    /// As `begin`.
    pub(super) fn begin_of(
        &self,
        account: String,
        peer: Option<IpAddr>,
        now: TimeMs,
        failures_max: u32,
    ) -> Result<Attempt<'_>, Refusal> {
        let key = (account, peer);
        let mut failures = self.0.lock();
        if failures.len() >= FAILURES_REMEMBERED_MAX && !failures.contains_key(&key) {
            let oldest = failures.iter().min_by_key(|(_, noted)| noted.since).map(|(key, _)| key.clone());
            oldest.map(|oldest| failures.remove(&oldest));
        }
        let none = Failures { since: now, count: 0, being_judged: 0 };
        let noted = failures.entry(key.clone()).or_insert(none);
        if now.0 - noted.since.0 >= FAILURES_WINDOW_MS {
            *noted = Failures { since: now, count: 0, ..*noted };
        }
        if noted.count >= failures_max {
            return Err(Refusal::TooManyAttempts);
        }
        if noted.count + noted.being_judged >= failures_max {
            return Err(Refusal::Busy);
        }
        noted.being_judged += 1;
        Ok(Attempt { attempts: self, key, failed: false })
    }

    fn end(&self, key: Key, failed: bool) {
        let mut failures = self.0.lock();
        if let Entry::Occupied(mut noted) = failures.entry(key) {
            noted.get_mut().being_judged = noted.get().being_judged.saturating_sub(1);
            noted.get_mut().count += u32::from(failed);
            if noted.get().count == 0 && noted.get().being_judged == 0 {
                noted.remove();
            }
        }
    }
}

impl Attempt<'_> {
    /// Counts it, if it failed. One that is dropped without this was asked by somebody who went away: it is not counted,
    /// since nobody learnt anything, and takes up no place.
    pub(super) fn end(mut self, failed: bool) {
        self.failed = failed;
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        self.attempts.end(std::mem::take(&mut self.key), self.failed);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn begin(attempts: &Attempts, at_ms: i64) -> Result<Attempt<'_>, Refusal> {
        attempts.begin("ann".to_owned(), None, TimeMs(at_ms))
    }

    #[test]
    fn guessing_ends_for_one_account_and_one_address_until_the_window_is_over() {
        let attempts = Attempts::default();
        for _ in 0..FAILURES_MAX {
            begin(&attempts, 0).unwrap().end(true);
        }
        assert_eq!(begin(&attempts, FAILURES_WINDOW_MS - 1).err(), Some(Refusal::TooManyAttempts));
        for (account, peer) in [("bob", None), ("ann", Some("192.0.3.1".parse().unwrap()))] {
            attempts.begin(account.to_owned(), peer, TimeMs(0)).unwrap().end(false);
        }
        begin(&attempts, FAILURES_WINDOW_MS).unwrap().end(false);
    }

    #[test]
    fn so_many_are_judged_at_once_as_may_fail() {
        let attempts = Attempts::default();
        begin(&attempts, 0).unwrap().end(true);
        let judged: Vec<_> = (1..FAILURES_MAX).map(|_| begin(&attempts, 0).unwrap()).collect();
        assert_eq!(begin(&attempts, 0).err(), Some(Refusal::Busy));
        judged.into_iter().for_each(|one| one.end(false));
        begin(&attempts, 0).unwrap().end(false);
    }

    #[test]
    fn who_goes_away_takes_up_no_place() {
        let attempts = Attempts::default();
        for _ in 0..3 * FAILURES_MAX {
            drop(begin(&attempts, 0).unwrap());
        }
        assert!(attempts.0.lock().is_empty(), "and nothing is remembered");
    }
}
