//! A report: the figures of a period, each against the one before it.

use serde::Serialize;

use super::{figures::FIGURES, gathered::Gathered};
use crate::model::{
    Resolution,
    reports::{Mark, Period},
};

/// Periods are compared only if neither lacks more than one in so many of its minutes. Source: a tenth that is missing is
/// more than weeks differ by.
const MISSING_SHARE: i64 = 10;

/// What is told of a period.
#[derive(Debug, Clone)]
pub struct Report {
    /// Which period.
    pub period: Period,
    /// Whether it has ended.
    pub has_ended: bool,
    /// How long the points are that it is made of.
    pub resolution: Resolution,
    /// Minutes of it, so far, without points.
    pub minutes_missing: i64,
    /// Minutes of the one before without points.
    pub minutes_missing_before: i64,
    /// The figures, in the order of [`FIGURES`].
    pub figures: Vec<Told>,
    /// Periods before it of which there is no report.
    pub marks: Vec<Mark>,
    /// How many more there are.
    pub marks_more: u64,
}

/// A figure of two periods.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Told {
    /// What programs call it.
    pub name: &'static str,
    /// The same for people.
    pub says: &'static str,
    /// Of the period; `None` where nothing is known.
    pub value: Option<i64>,
    /// Of the one before.
    pub before: Option<i64>,
    /// One against the other.
    pub compared: Compared,
}

/// A value against the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compared {
    /// It is the same.
    Same,
    /// So much more, in tenths of a percent; below 0 it is less. 0 is less than half a tenth.
    Changed(i64),
    /// There was none, and now there is: no percentage says so.
    FromZero,
    /// The period has not ended.
    NotEnded,
    /// One of the two has no points at all.
    NoPoints,
    /// One of the two lacks too many minutes.
    TooFewPoints,
}

impl Compared {
    /// What programs call it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Compared::Same => "same",
            Compared::Changed(_) => "changed",
            Compared::FromZero => "from_zero",
            Compared::NotEnded => "not_ended",
            Compared::NoPoints => "no_points",
            Compared::TooFewPoints => "too_few_points",
        }
    }

    /// The same for people.
    #[must_use]
    pub fn says(self) -> String {
        match self {
            Compared::Same => "unchanged".to_owned(),
            Compared::Changed(0) => "nearly unchanged".to_owned(),
            Compared::Changed(tenths) => {
                let sign = if tenths < 0 { '\u{2212}' } else { '+' };
                let tenths = tenths.unsigned_abs();
                format!("{sign}{}.{} %", tenths / 10, tenths % 10)
            }
            Compared::FromZero => "none before".to_owned(),
            Compared::NotEnded => "not over yet".to_owned(),
            Compared::NoPoints => "not comparable: no points".to_owned(),
            Compared::TooFewPoints => "not comparable: minutes missing".to_owned(),
        }
    }
}

#[derive(Serialize)]
struct Answer {
    period: String,
    kind: &'static str,
    from_ms: i64,
    to_ms: i64,
    before: String,
    ended: bool,
    step_minutes: i64,
    minutes_missing: i64,
    minutes_missing_before: i64,
    figures: Vec<FigureAnswer>,
}

#[derive(Serialize)]
struct FigureAnswer {
    name: &'static str,
    says: &'static str,
    value: Option<i64>,
    before: Option<i64>,
    compared: &'static str,
    percent: Option<f64>,
}

impl Report {
    /// Compares what was gathered of a period with the one before. `now_minute` is the first that has not ended.
    #[must_use]
    pub fn new(now: &Gathered, before: &Gathered, now_minute: i64) -> Report {
        let period = now.period();
        let has_ended = period.minutes().end <= now_minute;
        let missing = |gathered: &Gathered| {
            let minutes = gathered.period().minutes();
            (minutes.end.min(now_minute) - minutes.start - gathered.minutes_counted()).max(0)
        };
        let (minutes_missing, minutes_missing_before) = (missing(now), missing(before));
        let length = period.minutes().end - period.minutes().start;
        let has_too_few = minutes_missing.max(minutes_missing_before) > length / MISSING_SHARE;
        let told = |place: usize| {
            let (value, before) = (now.figure(place), before.figure(place));
            let compared = match (value, before) {
                _ if !has_ended => Compared::NotEnded,
                (None, _) | (_, None) => Compared::NoPoints,
                _ if has_too_few => Compared::TooFewPoints,
                (Some(value), Some(before)) => compare(value, before),
            };
            Told { name: FIGURES[place].name, says: FIGURES[place].says, value, before, compared }
        };
        Report {
            period,
            has_ended,
            resolution: now.resolution(),
            minutes_missing,
            minutes_missing_before,
            figures: (0..FIGURES.len()).map(told).collect(),
            marks: Vec::new(),
            marks_more: 0,
        }
    }

    /// With what the report tells of periods before it.
    #[must_use]
    pub fn with_marks(self, marks: Vec<Mark>, marks_more: u64) -> Report {
        Report { marks, marks_more, ..self }
    }

    /// The report for programs:
    /// `{"period", "kind", "from_ms", "to_ms", "before", "ended", "step_minutes", "minutes_missing",
    /// "minutes_missing_before", "figures": [{"name", "says", "value", "before", "compared", "percent"}]}`.
    #[must_use]
    pub fn json(&self) -> String {
        let minutes = self.period.minutes();
        let figure = |told: &Told| FigureAnswer {
            name: told.name,
            says: told.says,
            value: told.value,
            before: told.before,
            compared: told.compared.name(),
            percent: match told.compared {
                #[expect(clippy::cast_precision_loss, reason = "a percentage has some digits")]
                Compared::Changed(tenths) => Some(tenths as f64 / 10.0),
                _ => None,
            },
        };
        let answer = Answer {
            period: self.period.to_string(),
            kind: self.period.kind.name(),
            from_ms: minutes.start * 60_000,
            to_ms: minutes.end * 60_000,
            before: self.period.before().to_string(),
            ended: self.has_ended,
            step_minutes: self.resolution.minutes(),
            minutes_missing: self.minutes_missing,
            minutes_missing_before: self.minutes_missing_before,
            figures: self.figures.iter().map(figure).collect(),
        };
        serde_json::to_string(&answer).expect("an answer of numbers and names is always JSON")
    }

    /// What is to be known beside the figures, a sentence each.
    #[must_use]
    pub fn remarks(&self) -> Vec<String> {
        let mut remarks = Vec::new();
        let minutes =
            |count: i64| if count == 1 { "1 minute".to_owned() } else { format!("{count} minutes") };
        let lacks = |count: i64, period: Period| {
            format!("{} of {period} {} no points.", minutes(count), if count == 1 { "has" } else { "have" })
        };
        let (period, before) = (self.period, self.period.before());
        if self.minutes_missing > 0 {
            remarks.push(lacks(self.minutes_missing, period));
        }
        if self.minutes_missing_before > 0 {
            remarks.push(lacks(self.minutes_missing_before, before));
        }
        if self.resolution != Resolution::Minute {
            let length = minutes(self.resolution.minutes());
            remarks.push(format!("Connections at a time were looked at every {length}."));
        }
        remarks.extend(self.marks.iter().map(|mark| format!("{}: {}.", mark.period, mark.why.says())));
        if self.marks_more > 0 {
            remarks.push(format!("There is no report of {} more before.", self.marks_more));
        }
        remarks
    }
}

/// Neither lacks points.
fn compare(value: i64, before: i64) -> Compared {
    if value == before {
        return Compared::Same;
    }
    if before == 0 {
        return Compared::FromZero;
    }
    let (value, before) = (i128::from(value), i128::from(before));
    let (more, size) = ((value - before) * 1000, before.abs());
    // Rounded to the nearest tenth, halves away from zero.
    let tenths = (more.abs() * 2 + size) / (size * 2) * more.signum();
    Compared::Changed(i64::try_from(tenths).unwrap_or(if tenths < 0 { i64::MIN } else { i64::MAX }))
}
