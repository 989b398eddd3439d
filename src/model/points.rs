//! Points of the monitor as they are stored: what was counted under numeric ids within a stretch of time.
//!
//! A row says everything about its stretch: which ids were known, of what kind, and their values. An id that a row knows
//! and that was quiet reads 0; one that it does not know, or a stretch without a row, is missing.

use std::{ops::RangeInclusive, sync::Arc};

/// How reports to an id combine, within a stretch of time and across threads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PointKind {
    /// Added up. The total only grows while the process lives; a minute's point is what the minute added.
    Sum,
    /// The last value set. A minute's point is the value at its end.
    Gauge,
    /// The highest value set. A minute's point is the highest of the minute.
    Max,
}

/// What one step of a value stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PointUnit {
    /// Things: calls, messages, connections.
    Count,
    /// Microseconds; shown to Prometheus as seconds.
    Micros,
    /// Bytes.
    Bytes,
}

impl PointUnit {
    /// What programs call it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            PointUnit::Count => "count",
            PointUnit::Micros => "microseconds",
            PointUnit::Bytes => "bytes",
        }
    }

    /// The unit of this name.
    #[must_use]
    pub fn of_name(name: &str) -> Option<PointUnit> {
        [PointUnit::Count, PointUnit::Micros, PointUnit::Bytes].into_iter().find(|unit| unit.name() == name)
    }
}

impl PointKind {
    /// What programs call it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            PointKind::Sum => "sum",
            PointKind::Gauge => "gauge",
            PointKind::Max => "max",
        }
    }

    /// The kind of this name.
    #[must_use]
    pub fn of_name(name: &str) -> Option<PointKind> {
        [PointKind::Sum, PointKind::Gauge, PointKind::Max].into_iter().find(|kind| kind.name() == name)
    }

    /// The value of two stretches that follow each other.
    #[must_use]
    pub fn combine(self, earlier: i64, later: i64) -> i64 {
        match self {
            PointKind::Sum => earlier.wrapping_add(later),
            PointKind::Gauge => later,
            PointKind::Max => earlier.max(later),
        }
    }
}

/// Ids in ascending order, none twice, each with its kind.
pub type PointIds = Arc<[(u32, PointKind)]>;

/// The length of the stretches of a series of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Resolution {
    /// One minute: as counted.
    Minute,
    /// Five minutes, rolled up from minutes.
    FiveMinutes,
    /// An hour, rolled up from minutes.
    Hour,
}

impl Resolution {
    /// All, the finest first.
    pub const ALL: [Resolution; 3] = [Resolution::Minute, Resolution::FiveMinutes, Resolution::Hour];

    /// Minutes of a stretch.
    #[must_use]
    pub const fn minutes(self) -> i64 {
        match self {
            Resolution::Minute => 1,
            Resolution::FiveMinutes => 5,
            Resolution::Hour => 60,
        }
    }

    /// The stretch in which a minute lies; both are counted from 1970-01-01 UTC.
    #[must_use]
    pub const fn slot_of(self, minute: i64) -> i64 {
        minute.div_euclid(self.minutes())
    }

    /// The first minute of a stretch.
    #[must_use]
    pub const fn first_minute(self, slot: i64) -> i64 {
        slot.saturating_mul(self.minutes())
    }
}

/// What was counted in one stretch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PointRow {
    /// Which stretch of its resolution, counted from 1970-01-01 UTC.
    pub slot: i64,
    /// How many of its minutes have a point: fewer than the resolution has if some are missing.
    pub minutes: u32,
    /// The ids that were known.
    pub ids: PointIds,
    /// A value for each of them, in their order.
    pub values: Box<[i64]>,
}

impl PointRow {
    /// The value of an id; `None` if the row does not know it.
    #[must_use]
    pub fn value(&self, id: u32) -> Option<i64> {
        let index = self.ids.binary_search_by_key(&id, |(id, _)| *id).ok()?;
        Some(self.values[index])
    }

    /// The row without the ids outside a range.
    #[must_use]
    pub fn only(&self, ids: &RangeInclusive<u32>) -> PointRow {
        let (from, to) = (
            self.ids.partition_point(|(id, _)| id < ids.start()),
            self.ids.partition_point(|(id, _)| id <= ids.end()),
        );
        let within = from..to.max(from);
        PointRow {
            slot: self.slot,
            minutes: self.minutes,
            ids: self.ids[within.clone()].into(),
            values: self.values[within].into(),
        }
    }

    /// This row as the beginning of a stretch of which `later` is the rest: ids of either, kinds as the later one has them.
    #[must_use]
    pub fn followed_by(self, later: &PointRow) -> PointRow {
        let minutes = self.minutes + later.minutes;
        if self.ids == later.ids {
            let pairs = self.ids.iter().zip(self.values.iter().zip(&later.values));
            let values = pairs.map(|((_, kind), (a, b))| kind.combine(*a, *b)).collect();
            return PointRow { slot: self.slot, minutes, ids: Arc::clone(&self.ids), values };
        }
        let mut all: Vec<(u32, PointKind)> = self.ids.iter().chain(later.ids.iter()).copied().collect();
        all.sort_by_key(|(id, _)| *id);
        all.dedup_by_key(|(id, _)| *id);
        let both = |(id, kind): &mut (u32, PointKind)| match (self.value(*id), later.value(*id)) {
            (Some(a), Some(b)) => {
                let index = later.ids.binary_search_by_key(id, |(id, _)| *id);
                *kind = later.ids[index.expect("the later row has a value of it")].1;
                kind.combine(a, b)
            }
            (a, b) => a.or(b).expect("an id of the union is in one of them"),
        };
        let values = all.iter_mut().map(both).collect();
        PointRow { slot: self.slot, minutes, ids: all.into(), values }
    }
}
