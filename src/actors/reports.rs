//! Reports of a running server: read from the stored points, day by day.

use super::point_keeper::PointKeeper;
use crate::{
    model::{Resolution, TimeMs, reports::Period},
    monitor::{
        minutes::{DAY_MINUTES, Minute},
        reports::{Gathered, Picture, Report, pictures},
    },
    store::files::FileFault,
};

/// The ids of reports are the server's own; those of host programs lie above.
const IDS: std::ops::RangeInclusive<u32> = 0..=9_999;

/// What was counted in a period and in the one before.
pub struct Compiled {
    now: Gathered,
    before: Gathered,
    now_minute: i64,
}

impl Compiled {
    /// Reads both, in the finest points that are still kept of the two. Blocks.
    ///
    /// # Errors
    /// [`FileFault`]: points could not be read.
    pub fn read(points: &PointKeeper, period: Period, now: TimeMs) -> Result<Compiled, FileFault> {
        let now_minute = Minute::of(now).0;
        let both = period.before().minutes().start..period.minutes().end;
        let resolution = points.retention().resolution(&both, now_minute, i64::MAX);
        Ok(Compiled {
            now: gather(points, period, resolution)?,
            before: gather(points, period.before(), resolution)?,
            now_minute,
        })
    }

    /// The figures.
    #[must_use]
    pub fn report(&self) -> Report {
        Report::new(&self.now, &self.before, self.now_minute)
    }

    /// The curves.
    #[must_use]
    pub fn pictures(&self) -> Vec<Picture> {
        pictures(&self.now, &self.before, self.now_minute)
    }
}

/// A day at a time: the other ids of a week are never in memory together.
fn gather(points: &PointKeeper, period: Period, resolution: Resolution) -> Result<Gathered, FileFault> {
    let (mut gathered, minutes) = (Gathered::new(period, resolution), period.minutes());
    for day in minutes.start.div_euclid(DAY_MINUTES)..minutes.end.div_euclid(DAY_MINUTES) {
        let slots = resolution.slot_of(day * DAY_MINUTES)..resolution.slot_of((day + 1) * DAY_MINUTES);
        points.rows(resolution, slots, IDS)?.iter().for_each(|row| gathered.add(row));
    }
    Ok(gathered)
}
