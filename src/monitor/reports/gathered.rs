//! The points of one period, added up: the figures, and the curves in so many stretches as a picture shows.

use super::figures::{Adding, FIGURES};
use crate::{
    model::{
        PointRow, Resolution,
        reports::{Period, PeriodKind},
    },
    monitor::{Op, Outcome, histogram::BAND_COUNT, ids},
};

/// Minutes of a stretch of a picture of a day, and of a week. Source: finer ones are narrower than a line is wide.
const DAY_STRETCH_MINUTES: i64 = 10;
const WEEK_STRETCH_MINUTES: i64 = 60;

/// What was counted in a period. Rows are given one after the other, so that a week of all ids is never in memory.
#[derive(Debug, Clone)]
pub struct Gathered {
    period: Period,
    resolution: Resolution,
    minutes_counted: i64,
    figures: [Adding; FIGURES.len()],
    stretches: Vec<Stretch>,
}

/// What was counted in one stretch of a picture.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stretch {
    /// How many of its minutes have points; 0: it is missing.
    pub minutes: u32,
    /// Messages stored.
    pub messages: i64,
    /// Sign-ins that were granted.
    pub sign_ins: i64,
    /// The most open connections.
    pub online: i64,
    /// Syncs of the commit log by how long they took.
    pub syncs: [i64; BAND_COUNT],
}

impl Gathered {
    /// Nothing yet.
    #[must_use]
    pub fn new(period: Period, resolution: Resolution) -> Gathered {
        let minutes = period.minutes();
        let stretches = (minutes.end - minutes.start) / stretch_minutes(period, resolution);
        Gathered {
            period,
            resolution,
            minutes_counted: 0,
            figures: std::array::from_fn(|place| Adding::new(&FIGURES[place])),
            stretches: vec![Stretch::default(); usize::try_from(stretches).unwrap_or_default()],
        }
    }

    /// Adds a row of the period; one of another time is left out.
    pub fn add(&mut self, row: &PointRow) {
        let (minutes, first) = (self.period.minutes(), self.resolution.first_minute(row.slot));
        if !minutes.contains(&first) {
            return;
        }
        self.minutes_counted += i64::from(row.minutes);
        self.figures.iter_mut().for_each(|figure| figure.add(row));
        let place = (first - minutes.start) / self.stretch_minutes();
        if let Some(stretch) = usize::try_from(place).ok().and_then(|place| self.stretches.get_mut(place)) {
            stretch.add(row);
        }
    }

    /// Which period.
    #[must_use]
    pub fn period(&self) -> Period {
        self.period
    }

    /// How long its points are.
    #[must_use]
    pub fn resolution(&self) -> Resolution {
        self.resolution
    }

    /// Minutes that have points.
    #[must_use]
    pub fn minutes_counted(&self) -> i64 {
        self.minutes_counted
    }

    /// A figure, by its place in [`FIGURES`]; `None` where nothing is known of it.
    #[must_use]
    pub fn figure(&self, place: usize) -> Option<i64> {
        self.figures[place].value()
    }

    /// How many minutes a stretch of its pictures has.
    #[must_use]
    pub fn stretch_minutes(&self) -> i64 {
        stretch_minutes(self.period, self.resolution)
    }

    /// The stretches of its pictures, oldest first.
    #[must_use]
    pub fn stretches(&self) -> &[Stretch] {
        &self.stretches
    }
}

impl Stretch {
    fn add(&mut self, row: &PointRow) {
        let value = |id| row.value(id).unwrap_or_default();
        self.minutes += row.minutes;
        self.messages += value(ids::MESSAGES_STORED);
        let refused = Outcome::ERRORS.iter().filter_map(|(outcome, _)| Op::SignIn.errors(*outcome));
        self.sign_ins += value(Op::SignIn.calls()) - refused.map(value).sum::<i64>();
        self.online = self.online.max(value(ids::CONNECTIONS_OPEN));
        for (band, id) in self.syncs.iter_mut().zip(ids::BATCH_SYNC.bands()) {
            *band += value(id);
        }
    }
}

/// How many minutes a stretch of a picture has: no fewer than a point.
const fn stretch_minutes(period: Period, resolution: Resolution) -> i64 {
    let shown = match period.kind {
        PeriodKind::Day => DAY_STRETCH_MINUTES,
        PeriodKind::Week => WEEK_STRETCH_MINUTES,
    };
    if resolution.minutes() > shown { resolution.minutes() } else { shown }
}
