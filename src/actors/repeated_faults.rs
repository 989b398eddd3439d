//! Faults that others can bring about as often as they like: the same one is logged once in a while, with how often it
//! was met, so that nobody fills the disk.

use std::time::Duration;

use parking_lot::Mutex;

use crate::model::Clock;

/// The same fault is logged once in so long.
const TOLD_AGAIN: Duration = Duration::from_secs(10);

/// Faults that are remembered. Source: those of one place are a dozen kinds. What is met beyond is not logged.
const KINDS_MAX: usize = 64;

/// The faults of one place.
pub(super) struct RepeatedFaults<Fault>(Mutex<Vec<Told<Fault>>>);

struct Told<Fault> {
    fault: Fault,
    at_us: u64,
    since: u64,
}

impl<Fault> Default for RepeatedFaults<Fault> {
    fn default() -> RepeatedFaults<Fault> {
        RepeatedFaults(Mutex::default())
    }
}

impl<Fault: PartialEq> RepeatedFaults<Fault> {
    /// How often a fault was met since it was told, if it is to be told again.
    pub(super) fn is_to_be_told(&self, fault: Fault, clock: &Clock) -> Option<u64> {
        let now_us = clock.monotonic_us();
        let mut told = self.0.lock();
        let Some(before) = told.iter_mut().find(|told| told.fault == fault) else {
            if told.len() == KINDS_MAX {
                return None;
            }
            told.push(Told { fault, at_us: now_us, since: 0 });
            return Some(1);
        };
        before.since += 1;
        if now_us.saturating_sub(before.at_us) < TOLD_AGAIN.as_micros() as u64 {
            return None;
        }
        before.at_us = now_us;
        Some(std::mem::take(&mut before.since))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    };

    use super::*;

    #[test]
    fn the_same_is_told_once_in_a_while_with_how_often_it_was_met() {
        let now_us = Arc::new(AtomicU64::new(1));
        let turned = Arc::clone(&now_us);
        let clock = Clock::new(|| 0, move || turned.load(Ordering::SeqCst));
        let faults = RepeatedFaults::default();
        assert_eq!(faults.is_to_be_told(1, &clock), Some(1));
        assert_eq!(faults.is_to_be_told(2, &clock), Some(1));
        for _ in 0..5 {
            assert_eq!(faults.is_to_be_told(1, &clock), None);
        }
        now_us.fetch_add(TOLD_AGAIN.as_micros() as u64, Ordering::SeqCst);
        assert_eq!(faults.is_to_be_told(1, &clock), Some(6));
        assert_eq!(faults.is_to_be_told(1, &clock), None);
        for other in 3..=KINDS_MAX {
            assert_eq!(faults.is_to_be_told(other, &clock), Some(1));
        }
        assert_eq!(faults.is_to_be_told(KINDS_MAX + 1, &clock), None, "no more are remembered");
    }
}
