//! How long a poll may still wait for something new: a pure function of the monotonic clock. The wall clock has no say, so
//! setting it neither ends a poll nor prolongs it.

use std::time::Duration;

/// Longest that a sync waits for something new, milliseconds. Source: below the minute after which proxies and NATs
/// commonly end a silent exchange.
pub const WAIT_MS_MAX: u64 = 50_000;

/// A poll that waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PollWait {
    began_us: u64,
    wait_us: u64,
}

impl PollWait {
    /// Begins at a reading of the monotonic clock, for `wait_ms` or [`WAIT_MS_MAX`].
    #[must_use]
    pub fn begin(wait_ms: u32, now_us: u64) -> PollWait {
        PollWait { began_us: now_us, wait_us: u64::from(wait_ms).min(WAIT_MS_MAX) * 1000 }
    }

    /// Whether it waits at all.
    #[must_use]
    pub fn is_wanted(&self) -> bool {
        self.wait_us > 0
    }

    /// What is left of it; nothing when it is over. It never grows beyond what was asked for.
    #[must_use]
    pub fn left(&self, now_us: u64) -> Option<Duration> {
        let passed_us = now_us.saturating_sub(self.began_us);
        let left_us = self.wait_us.checked_sub(passed_us)?;
        (left_us > 0).then(|| Duration::from_micros(left_us))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_poll_ends_when_its_time_has_passed_whichever_way_the_clock_is_moved() {
        const BEGAN_US: u64 = 7_000_000;
        let wait = PollWait::begin(20_000, BEGAN_US);
        let whole = Duration::from_secs(20);
        for (now_us, left) in [
            (BEGAN_US, Some(whole)),
            (BEGAN_US + 1, Some(whole - Duration::from_micros(1))),
            (BEGAN_US + 19_999_999, Some(Duration::from_micros(1))),
            (BEGAN_US + 20_000_000, None),
            (u64::MAX, None),
            // A clock that goes back all the same prolongs nothing.
            (BEGAN_US - 1, Some(whole)),
            (0, Some(whole)),
        ] {
            assert_eq!(wait.left(now_us), left, "at {now_us}");
        }
    }

    #[test]
    fn no_poll_waits_longer_than_the_limit_and_one_of_no_time_not_at_all() {
        let longest = PollWait::begin(u32::MAX, 5);
        assert_eq!(longest.left(5), Some(Duration::from_millis(WAIT_MS_MAX)));
        let none = PollWait::begin(0, 5);
        assert!(!none.is_wanted() && none.left(5).is_none() && none.left(0).is_none());
    }
}
