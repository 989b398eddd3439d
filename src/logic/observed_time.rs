//! Observed time: what expiry and retention go by. It advances with the monotonic clock while the process runs, and across
//! a restart with the wall clock, but by a day at most without an operator's word.
//!
//! So a clock that was set wrong removes nothing: turned back, time stands until the process has lived on; turned far
//! forward, timed cleanup is suspended until an operator says that the time is right.

use crate::model::TimeMs;

/// The longest absence that is believed.
pub const ABSENCE_MAX_MS: i64 = 24 * 60 * 60 * 1000;

/// How long nothing expires after an operator's word. Source: every device that is used is heard of within a day.
pub const GRACE_MS: i64 = 24 * 60 * 60 * 1000;

/// See the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ObservedTime {
    at: TimeMs,
    /// The monotonic clock at `at`, microseconds.
    monotonic_us: u64,
    suspended: bool,
    /// After an operator's word nothing expires before this: who is there is heard of first.
    resumes: Option<TimeMs>,
}

impl ObservedTime {
    /// Time at a start: `stored` is the newest that was stored before it, `wall` and `monotonic_us` are the clocks now.
    #[must_use]
    pub fn at_start(stored: Option<TimeMs>, wall: TimeMs, monotonic_us: u64) -> ObservedTime {
        let Some(stored) = stored else {
            return ObservedTime { at: wall, monotonic_us, suspended: false, resumes: None };
        };
        let absent_ms = wall.0.saturating_sub(stored.0);
        let suspended = absent_ms > ABSENCE_MAX_MS;
        let at = if suspended { stored } else { stored.max(wall) };
        ObservedTime { at, monotonic_us, suspended, resumes: None }
    }

    /// Moves on to a reading of the monotonic clock.
    pub fn advance(&mut self, monotonic_us: u64) {
        let passed_ms = monotonic_us.saturating_sub(self.monotonic_us) / 1000;
        self.at.0 = self.at.0.saturating_add(i64::try_from(passed_ms).unwrap_or(i64::MAX));
        // What is less than a millisecond is left for the next time.
        self.monotonic_us += passed_ms * 1000;
    }

    /// An operator says that the wall clock is right. What was heard of while time was not believed bears an old time, so
    /// nothing expires for a while yet.
    pub fn accept(&mut self, wall: TimeMs) {
        if self.suspended {
            self.resumes = Some(TimeMs(self.at.max(wall).0.saturating_add(GRACE_MS)));
        }
        self.at = self.at.max(wall);
        self.suspended = false;
    }

    /// The time.
    #[must_use]
    pub fn at(&self) -> TimeMs {
        self.at
    }

    /// Whether nothing may expire: more time would have passed than is believed, or that was so a while ago.
    #[must_use]
    pub fn is_suspended(&self) -> bool {
        self.suspended || self.resumes.is_some_and(|resumes| self.at < resumes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STORED: TimeMs = TimeMs(1_000_000_000);

    #[test]
    fn across_a_restart_the_wall_clock_counts_for_a_day_and_never_backwards() {
        for (wall, at, suspended) in [
            (STORED.0 + 5, STORED.0 + 5, false),
            (STORED.0 + ABSENCE_MAX_MS, STORED.0 + ABSENCE_MAX_MS, false),
            (STORED.0 + ABSENCE_MAX_MS + 1, STORED.0, true),
            (STORED.0 - 1, STORED.0, false),
            (-7, STORED.0, false),
        ] {
            let time = ObservedTime::at_start(Some(STORED), TimeMs(wall), 50);
            assert_eq!((time.at(), time.is_suspended()), (TimeMs(at), suspended), "wall {wall}");
        }
        let first = ObservedTime::at_start(None, TimeMs(7), 50);
        assert_eq!((first.at(), first.is_suspended()), (TimeMs(7), false));
    }

    #[test]
    fn it_moves_with_the_monotonic_clock_and_loses_nothing() {
        let mut time = ObservedTime::at_start(None, TimeMs(0), 500);
        for us in (500..2_000_500).step_by(700) {
            time.advance(us);
        }
        time.advance(2_000_500);
        assert_eq!(time.at(), TimeMs(2_000));
        time.advance(0);
        assert_eq!(time.at(), TimeMs(2_000), "a clock that goes back moves nothing");
    }

    #[test]
    fn an_operator_can_say_that_the_time_is_right() {
        let mut time = ObservedTime::at_start(Some(STORED), TimeMs(STORED.0 * 9), 0);
        time.accept(TimeMs(STORED.0 * 9));
        assert_eq!(
            (time.at(), time.is_suspended()),
            (TimeMs(STORED.0 * 9), true),
            "who is there is heard of first"
        );
        time.advance(GRACE_MS as u64 * 1000);
        assert_eq!((time.at(), time.is_suspended()), (TimeMs(STORED.0 * 9 + GRACE_MS), false));
        time.accept(STORED);
        assert_eq!(time.at(), TimeMs(STORED.0 * 9 + GRACE_MS), "it never falls");
        assert!(!time.is_suspended(), "there was nothing to accept");
    }
}
