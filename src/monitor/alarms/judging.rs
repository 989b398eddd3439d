//! What a rule says of a minute: a pure function of (rule, series, minute), which looks at no later point.
//!
//! What is missing is never taken for a zero, and never for quiet: without the point, or without a baseline, the minute is
//! not evaluable. A point that is 0 is one like any other. A baseline that is there and small, and a ratio of few, are quiet:
//! there is nothing that could have gone wrong.

use super::{
    rule::{Baseline, Condition, Measure, Rule},
    series::Series,
};
use crate::monitor::minutes::{DAY_MINUTES, Minute};

/// What a rule says of a minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It counts: the measure or by how much it moved, and the bound, both in the unit of the rule.
    Firing {
        /// What was measured.
        value: i64,
        /// What it was compared with.
        bound: i64,
    },
    /// It does not, and this is known.
    Quiet,
    /// It is not known.
    NotEvaluable(Why),
}

/// Why it is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// The minute has no point.
    NoPoint,
    /// Fewer than half of the minutes of the baseline have one.
    NoBaseline,
    /// The rule is not judged at this hour.
    OutOfHours,
}

impl Why {
    /// Its name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Why::NoPoint => "no_point",
            Why::NoBaseline => "no_baseline",
            Why::OutOfHours => "out_of_hours",
        }
    }
}

/// What was measured of a minute.
enum Measured {
    Missing,
    TooFew,
    Value(i64),
}

/// What a rule says of a minute.
#[must_use]
pub fn evaluate(rule: &Rule, series: &impl Series, minute: Minute) -> Verdict {
    if rule.hours.is_some_and(|hours| !hours.contain(minute)) {
        return Verdict::NotEvaluable(Why::OutOfHours);
    }
    let value = match measured(rule.measure, series, minute) {
        Measured::Missing => return Verdict::NotEvaluable(Why::NoPoint),
        Measured::TooFew => return Verdict::Quiet,
        Measured::Value(value) => value,
    };
    match rule.condition {
        Condition::Above => judge(rule, value, value > rule.bound),
        Condition::Below => judge(rule, value, value < rule.bound),
        Condition::Fell { than, mean_least } => moved(rule, series, minute, than, mean_least, -1, value),
        Condition::Rose { than, mean_least } => moved(rule, series, minute, than, mean_least, 1, value),
        Condition::Missing { within } => missing(rule, series, minute, within),
    }
}

fn judge(rule: &Rule, value: i64, counts: bool) -> Verdict {
    if counts { Verdict::Firing { value, bound: rule.bound } } else { Verdict::Quiet }
}

/// By how many percent the value lies over (`sign` 1) or under (`sign` -1) its baseline.
fn moved(
    rule: &Rule,
    series: &impl Series,
    minute: Minute,
    than: Baseline,
    mean_least: i64,
    sign: i128,
    value: i64,
) -> Verdict {
    let (minutes, length) = baseline_minutes(than, minute);
    let (mut sum, mut count) = (0_i128, 0_i128);
    for minute in minutes {
        if let Measured::Value(value) = measured(rule.measure, series, minute) {
            sum += i128::from(value);
            count += 1;
        }
    }
    if count * 2 < i128::from(length) || count == 0 {
        return Verdict::NotEvaluable(Why::NoBaseline);
    }
    if sum < i128::from(mean_least.max(1)) * count {
        return Verdict::Quiet;
    }
    let percent = sign * (i128::from(value) * count - sum) * 100 / sum;
    let percent = i64::try_from(percent).unwrap_or(i64::MAX);
    judge(rule, percent, percent > rule.bound)
}

/// The minutes of a baseline, and how many they are. All lie before the minute.
fn baseline_minutes(than: Baseline, minute: Minute) -> (impl Iterator<Item = Minute>, i64) {
    let (first, last) = match than {
        Baseline::Previous { minutes } => (minute.plus(-minutes), minute.plus(-1)),
        Baseline::DaysAgo { days, around } => {
            let then = minute.plus(-days * DAY_MINUTES);
            (then.plus(-around), then.plus(around))
        }
    };
    ((first.0..=last.0).map(Minute), last.0 - first.0 + 1)
}

/// How many minutes have no point between this one and the last one before it that has.
fn missing(rule: &Rule, series: &impl Series, minute: Minute, within: i64) -> Verdict {
    let before = (1..=within)
        .find(|back| !matches!(measured(rule.measure, series, minute.plus(-back)), Measured::Missing));
    match before {
        None => Verdict::NotEvaluable(Why::NoBaseline),
        Some(back) => judge(rule, back - 1, back - 1 > rule.bound),
    }
}

fn measured(measure: Measure, series: &impl Series, minute: Minute) -> Measured {
    let sum = |ids: &[u32]| -> Option<i64> {
        ids.iter().try_fold(0_i64, |sum, id| Some(sum.saturating_add(series.point(*id, minute)?)))
    };
    match measure {
        Measure::Of(ids) => sum(ids).map_or(Measured::Missing, Measured::Value),
        Measure::Ratio { above, below, times, below_least, .. } => match (sum(above), sum(below)) {
            (Some(_), Some(below)) if below < below_least.max(1) => Measured::TooFew,
            (Some(above), Some(below)) => Measured::Value(above.saturating_mul(times) / below),
            _ => Measured::Missing,
        },
    }
}
