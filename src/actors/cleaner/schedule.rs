//! When the next pass of cleanup begins: through everything after a pause, and through broadcasts and erasures as long as
//! something comes of it, since others wait for them.

use std::time::Duration;

/// Time between two passes through what others wait for while something comes of them. Source: what a pass asks for is decided within
/// milliseconds, and the index is a second behind on a server that has little to do.
const AWAITED_PAUSE: Duration = Duration::from_secs(1);

/// Through what a pass goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pass {
    /// All users, tombstones and bodies, and what others wait for.
    Full,
    /// What others wait for alone: channels that everybody is to follow, and erasures.
    Awaited,
}

/// What a pass leaves of that for which others wait, from the least to the most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Left {
    /// Nothing is under way.
    Nothing,
    /// Nothing could be done: the index is behind.
    Waits,
    /// Something was asked for or written, and the next pass sees what came of it.
    Moves,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Schedule {
    /// Time between the end of a full pass and the next.
    pause: Duration,
    /// When the next full pass is due, on the monotonic clock.
    full_due_us: u64,
    /// After how long it is looked at again.
    again: Duration,
    /// When it is, if anything may be under way.
    awaited_due_us: Option<u64>,
}

impl Schedule {
    /// Nothing was done yet: a full pass is due after the pause.
    pub(super) fn new(pause: Duration, now_us: u64) -> Schedule {
        let full_due_us = now_us.saturating_add(micros(pause));
        Schedule { pause, full_due_us, again: AWAITED_PAUSE.min(pause), awaited_due_us: None }
    }

    /// A broadcast or an erasure has begun: it is looked at as soon as may be, and soon again.
    pub(super) fn wake(&mut self, now_us: u64) {
        self.again = AWAITED_PAUSE.min(self.pause);
        self.awaited_due_us = Some(now_us);
    }

    /// Whether a full pass, which may take long, is to be interrupted for what others wait for.
    pub(super) fn awaited_is_due(&self, now_us: u64) -> bool {
        self.awaited_due_us.is_some_and(|due_us| due_us <= now_us)
    }

    /// A pass has ended. Returns the next one, and after how long it begins. What waits for ever is looked at more and more
    /// seldom, and a full pass is never put off.
    pub(super) fn ended(&mut self, pass: Pass, left: Left, now_us: u64) -> (Pass, Duration) {
        if pass == Pass::Full {
            self.full_due_us = now_us.saturating_add(micros(self.pause));
        }
        let again = match left {
            Left::Nothing => None,
            Left::Moves => {
                self.again = AWAITED_PAUSE.min(self.pause);
                Some(self.again)
            }
            Left::Waits => {
                let again = self.again;
                self.again = (again * 2).min(self.pause);
                Some(again)
            }
        };
        self.awaited_due_us = again.map(|again| now_us.saturating_add(micros(again)));
        let until_full = Duration::from_micros(self.full_due_us.saturating_sub(now_us));
        match again.filter(|again| *again < until_full) {
            Some(again) => (Pass::Awaited, again),
            None => (Pass::Full, until_full),
        }
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND_US: u64 = 1_000_000;

    fn secs(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    #[test]
    fn what_others_wait_for_is_looked_at_as_long_as_something_comes_of_it() {
        let mut schedule = Schedule::new(secs(600), 0);
        assert_eq!(schedule.ended(Pass::Awaited, Left::Nothing, 0), (Pass::Full, secs(600)));
        for _ in 0..3 {
            assert_eq!(schedule.ended(Pass::Awaited, Left::Moves, 0), (Pass::Awaited, secs(1)));
        }
        for wait in [1, 2, 4, 8] {
            assert_eq!(schedule.ended(Pass::Awaited, Left::Waits, 0), (Pass::Awaited, secs(wait)));
        }
        schedule.wake(0);
        assert_eq!(schedule.ended(Pass::Awaited, Left::Waits, 0), (Pass::Awaited, secs(1)));
    }

    #[test]
    fn a_full_pass_is_interrupted_for_what_is_awaited_and_due_and_for_nothing_else() {
        let mut schedule = Schedule::new(secs(600), 0);
        assert!(!schedule.awaited_is_due(u64::MAX));
        schedule.wake(5);
        assert!(!schedule.awaited_is_due(4) && schedule.awaited_is_due(5));
        schedule.ended(Pass::Awaited, Left::Waits, 10);
        assert!(!schedule.awaited_is_due(10) && schedule.awaited_is_due(10 + SECOND_US));
        schedule.ended(Pass::Awaited, Left::Nothing, 20);
        assert!(!schedule.awaited_is_due(u64::MAX));
    }

    #[test]
    fn a_full_pass_is_never_put_off_and_its_pause_begins_with_its_end() {
        let mut schedule = Schedule::new(secs(10), 0);
        let at = |second: u64| second * SECOND_US;
        assert_eq!(schedule.ended(Pass::Awaited, Left::Moves, at(8)), (Pass::Awaited, secs(1)));
        assert_eq!(schedule.ended(Pass::Awaited, Left::Moves, at(9)), (Pass::Full, secs(1)));
        assert_eq!(schedule.ended(Pass::Awaited, Left::Moves, at(12)), (Pass::Full, secs(0)));
        assert_eq!(schedule.ended(Pass::Full, Left::Nothing, at(13)), (Pass::Full, secs(10)));
        assert_eq!(schedule.ended(Pass::Full, Left::Moves, at(23)), (Pass::Awaited, secs(1)));
    }

    #[test]
    fn no_pause_is_longer_than_that_of_full_passes() {
        let mut schedule = Schedule::new(Duration::from_millis(100), 0);
        for left in [Left::Nothing, Left::Moves, Left::Waits, Left::Waits] {
            assert_eq!(schedule.ended(Pass::Full, left, 0), (Pass::Full, Duration::from_millis(100)));
        }
    }
}
