//! What a rule says: data, without anything that has happened.

use crate::monitor::minutes::Minute;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Somebody should look at it today.
    Warning,
    /// Somebody should look at it now.
    Critical,
}

/// What is measured of a minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// The points of these ids, added.
    Of(&'static [u32]),
    /// `times` × the points of `above` ÷ those of `below`. Of a minute in which `below` has less than `below_least` it says
    /// nothing, since a share of few is chance.
    Ratio {
        /// What is divided.
        above: &'static [u32],
        /// By what.
        below: &'static [u32],
        /// 100 for percent, 1 for a mean.
        times: i64,
        /// Fewest that are divided by.
        below_least: i64,
        /// What is divided is a part of what it is divided by, so that it is never more than `times`.
        is_share: bool,
    },
}

/// What a measure is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Baseline {
    /// The mean of the minutes just before.
    Previous {
        /// How many.
        minutes: i64,
    },
    /// The mean of the same minute so many days ago and of those around it.
    DaysAgo {
        /// 1 for yesterday, 7 for last week.
        days: i64,
        /// Minutes on each side.
        around: i64,
    },
}

/// When a minute counts against the bound of its rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// The measure is above it.
    Above,
    /// The measure is below it.
    Below,
    /// The measure is more than the bound, in percent, under its baseline, which is `mean_least` or more.
    Fell {
        /// What it is compared with.
        than: Baseline,
        /// Smallest mean that says anything.
        mean_least: i64,
    },
    /// The measure is more than the bound, in percent, over its baseline, which is `mean_least` or more.
    Rose {
        /// What it is compared with.
        than: Baseline,
        /// Smallest mean that says anything.
        mean_least: i64,
    },
    /// More minutes than the bound have no point between this one and the last one before it that has.
    Missing {
        /// Minutes that are looked back.
        within: i64,
    },
}

/// Hours of the day, UTC, in which a rule is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hours {
    /// The first hour, 0 to 23.
    pub from: u8,
    /// The hour before which it ends, 1 to 24. If it is not behind `from` the night lies between.
    pub until: u8,
}

/// A rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// Small letters and underscores. Unique.
    pub name: &'static str,
    /// What it says when it fires, in one sentence without numbers.
    pub says: &'static str,
    /// How bad that is.
    pub severity: Severity,
    /// What is measured.
    pub measure: Measure,
    /// When a minute counts.
    pub condition: Condition,
    /// In `unit`.
    pub bound: i64,
    /// Of the measure and the bound: "%", "us", "bytes" or "" for a count.
    pub unit: &'static str,
    /// It fires when so many of the last `of_minutes` count, and is over when none does and so many are quiet.
    pub n: u32,
    /// At most [`OF_MINUTES_MAX`].
    pub of_minutes: u32,
    /// Minutes after which it is told again while it fires.
    pub repeat_minutes: i64,
    /// When it is judged; always, if there are none.
    pub hours: Option<Hours>,
}

/// Most minutes that a rule looks at before it fires. Source: what was wrong an hour ago is another episode.
pub const OF_MINUTES_MAX: u32 = 60;

impl Severity {
    /// Its name on the wire, in the log and in labels.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Severity::Warning => "warning",
            Severity::Critical => "critical",
        }
    }
}

impl Hours {
    /// Whether a minute lies in them.
    #[must_use]
    pub fn contain(self, minute: Minute) -> bool {
        let hour = minute.0.div_euclid(60).rem_euclid(24);
        let (from, until) = (i64::from(self.from), i64::from(self.until));
        if from < until { (from..until).contains(&hour) } else { hour >= from || hour < until }
    }
}

impl Measure {
    /// More than this it never is, whatever is counted.
    #[must_use]
    pub const fn most(self) -> Option<i64> {
        match self {
            Measure::Ratio { times, is_share: true, .. } => Some(times),
            Measure::Ratio { .. } | Measure::Of(_) => None,
        }
    }
}

impl Rule {
    /// Ids whose points it reads.
    pub fn ids(&self) -> impl Iterator<Item = u32> + use<> {
        let (first, second): (&'static [u32], &'static [u32]) = match self.measure {
            Measure::Of(ids) => (ids, &[]),
            Measure::Ratio { above, below, .. } => (above, below),
        };
        first.iter().chain(second).copied()
    }
}
