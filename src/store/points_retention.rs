//! For how long points are kept, and what that means for who asks.

use std::ops::Range;

use super::points_chunk::ROWS;
use crate::model::Resolution;

const MINUTES_PER_DAY: i64 = 24 * 60;

/// For how many days points are kept, at least.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PointRetention {
    /// Points of minutes.
    pub minute_days: u32,
    /// Points of five minutes.
    pub five_minute_days: u32,
    /// Points of hours.
    pub hour_days: u32,
}

impl PointRetention {
    /// The days of a resolution.
    #[must_use]
    pub fn days(&self, resolution: Resolution) -> i64 {
        i64::from(match resolution {
            Resolution::Minute => self.minute_days,
            Resolution::FiveMinutes => self.five_minute_days,
            Resolution::Hour => self.hour_days,
        })
    }

    /// The finest resolution that still has the first of these minutes, in at most so many stretches; hours if none has.
    #[must_use]
    pub fn resolution(&self, minutes: &Range<i64>, now_minute: i64, stretches_max: i64) -> Resolution {
        let is_fit = |resolution: &Resolution| {
            now_minute.saturating_sub(self.days(*resolution) * MINUTES_PER_DAY) <= minutes.start
                && minutes.end.saturating_sub(minutes.start) / resolution.minutes() <= stretches_max
        };
        Resolution::ALL.into_iter().find(is_fit).unwrap_or(Resolution::Hour)
    }

    /// Chunks that are kept: what the days fill, and the one that is being filled.
    pub(super) fn chunks(&self, resolution: Resolution) -> usize {
        let minutes = self.days(resolution) * MINUTES_PER_DAY;
        let whole = (minutes + ROWS * resolution.minutes() - 1) / (ROWS * resolution.minutes());
        whole.unsigned_abs() as usize + 1
    }
}
