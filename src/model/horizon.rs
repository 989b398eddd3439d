//! The horizon: how far back is kept what goes by age, as the committer decided it. It only moves on.
//!
//! Nothing is removed by age before a horizon that allows it is durable, so whoever reads it knows what may be gone.

use super::{Day, TimeMs, Version};

/// Points that are kept. Source: with a resolution of a thirty-second of their age, ten years in steps of a tenth of a
/// second make about 770. Were there more, the oldest would go, and what only they date would be kept for longer.
pub const AGE_POINTS_MAX: usize = 1024;

/// A point is dropped when the two beside it are nearer to each other than this part of their age. Source: what is kept
/// for 30 days is then removed within 31, and a row of points for 90 days has about 250.
const RESOLUTION: i64 = 32;

/// A version, and when it was the newest: everything at or below it is at least as old.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AgePoint {
    /// Observed time.
    pub at: TimeMs,
    /// The newest version at that time.
    pub version: Version,
}

/// See the module.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Horizon {
    /// Receipts of days before it may have been removed: a send of such a day is refused, whatever the clocks say.
    pub receipts_from: Day,
    /// Oldest first, neither time nor version falls.
    points: Vec<AgePoint>,
}

impl Horizon {
    /// A horizon as it was stored.
    #[must_use]
    pub fn stored(receipts_from: Day, points: Vec<AgePoint>) -> Horizon {
        Horizon { receipts_from, points }
    }

    /// The points, oldest first.
    #[must_use]
    pub fn points(&self) -> &[AgePoint] {
        &self.points
    }

    /// The day that counts as today for sends: the day of the wall clock, but never one whose receipts may be gone. So a
    /// clock that is set back after it was wrong locks nobody out.
    #[must_use]
    pub fn today(&self, wall: Day) -> Day {
        wall.max(self.receipts_from)
    }

    /// Receipts of days before `day` may be removed from now on.
    pub fn raise_receipts(&mut self, day: Day) {
        self.receipts_from = self.receipts_from.max(day);
    }

    /// Notes that `version` is the newest at `at`. Points are thinned with age, and what is older than the longest
    /// retention is told by one point.
    pub fn note(&mut self, at: TimeMs, version: Version, longest_ms: i64) {
        let newest = self.points.last().map_or(TimeMs(i64::MIN), |point| point.at);
        if at < newest {
            return;
        }
        if at == newest {
            self.points.pop();
        }
        self.points.push(AgePoint { at, version });
        let past = self.points.partition_point(|point| point.at.0 <= at.0.saturating_sub(longest_ms));
        self.points.drain(..past.saturating_sub(1));
        self.thin(at);
        let surplus = self.points.len().saturating_sub(AGE_POINTS_MAX);
        self.points.drain(..surplus);
    }

    fn thin(&mut self, now: TimeMs) {
        let mut kept: Vec<AgePoint> = Vec::with_capacity(self.points.len());
        for (place, point) in self.points.iter().enumerate() {
            if let (Some(before), Some(after)) = (kept.last(), self.points.get(place + 1)) {
                let age_ms = now.0.saturating_sub(before.at.0);
                if after.at.0 - before.at.0 <= age_ms / RESOLUTION {
                    continue;
                }
            }
            kept.push(*point);
        }
        self.points = kept;
    }

    /// The newest version that is known to be as old as `before`; 0 when none is.
    #[must_use]
    pub fn past(&self, before: TimeMs) -> Version {
        let count = self.points.partition_point(|point| point.at <= before);
        count.checked_sub(1).map_or(Version(0), |place| self.points[place].version)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR_MS: i64 = 60 * 60 * 1000;
    const LONGEST_MS: i64 = 90 * 24 * HOUR_MS;

    #[test]
    fn what_is_past_was_decided_before_and_not_much_before() {
        let mut horizon = Horizon::default();
        for hour in 0..20_000_u64 {
            let now_ms = hour as i64 * HOUR_MS;
            horizon.note(TimeMs(now_ms), Version(hour * 10), LONGEST_MS);
            for days in [1, 7, 30, 90] {
                let before_ms = now_ms - days * 24 * HOUR_MS;
                let Some(hours) = u64::try_from(before_ms / HOUR_MS).ok().filter(|_| before_ms >= 0) else {
                    assert_eq!(horizon.past(TimeMs(before_ms)), Version(0));
                    continue;
                };
                let past = horizon.past(TimeMs(before_ms)).0 / 10;
                assert!(past <= hours, "{days} days before hour {hour}: {past} is younger");
                let slack_hours = days as u64 * 24 / 16 + 2;
                assert!(past + slack_hours >= hours, "{days} days before hour {hour}: only {past}");
            }
            assert!(horizon.points().len() < 300, "{} points", horizon.points().len());
        }
    }

    #[test]
    fn points_are_bounded_whatever_the_retention() {
        let mut horizon = Horizon::default();
        let mut at_ms = 0;
        for step in 1..200_000_u64 {
            at_ms += if step % 1000 == 0 { 3 * 24 * HOUR_MS } else { 100 };
            horizon.note(TimeMs(at_ms), Version(step), i64::MAX);
        }
        assert!(horizon.points().len() <= AGE_POINTS_MAX, "{} points", horizon.points().len());
        assert!(horizon.points().is_sorted_by_key(|point| (point.at, point.version)));
    }

    #[test]
    fn neither_time_nor_receipts_go_back() {
        let mut horizon = Horizon::default();
        horizon.note(TimeMs(100), Version(7), LONGEST_MS);
        horizon.note(TimeMs(50), Version(9), LONGEST_MS);
        assert_eq!(horizon.points(), [AgePoint { at: TimeMs(100), version: Version(7) }]);
        horizon.note(TimeMs(100), Version(9), LONGEST_MS);
        assert_eq!(horizon.past(TimeMs(100)), Version(9), "the newest of one moment");
        horizon.raise_receipts(Day(20));
        horizon.raise_receipts(Day(10));
        assert_eq!((horizon.today(Day(15)), horizon.today(Day(25))), (Day(20), Day(25)));
    }
}
