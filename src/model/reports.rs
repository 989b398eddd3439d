//! What reports are of: days and weeks of UTC, and what became of each.

use std::{fmt, ops::Range};

use time::{Date, Month, Weekday};

/// Periods that were begun and are remembered by name, so that none is begun twice when a clock goes back.
/// Source: two weeks of daily reports; a clock that is wrong for longer is seen before.
pub const BEGUN_MAX: usize = 16;

/// Periods without a report that are named in the next one; of more the number is told. Source: a month of days.
pub const MARKS_MAX: usize = 31;

/// The day that the numbers of days begin with, as a Julian day: 1970-01-01.
const EPOCH_JULIAN_DAY: i64 = 2_440_588;
/// Monday of the week that the numbers of weeks begin with, in days: 1969-12-29.
const FIRST_MONDAY: i64 = -3;
const DAY_MINUTES: i64 = 24 * 60;

/// How long a period is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PeriodKind {
    /// A day of UTC.
    Day,
    /// A week by ISO 8601: from Monday on.
    Week,
}

impl PeriodKind {
    /// Both.
    pub const ALL: [PeriodKind; 2] = [PeriodKind::Day, PeriodKind::Week];

    /// What programs call it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            PeriodKind::Day => "day",
            PeriodKind::Week => "week",
        }
    }

    const fn days(self) -> i64 {
        match self {
            PeriodKind::Day => 1,
            PeriodKind::Week => 7,
        }
    }

    const fn first_day(self) -> i64 {
        match self {
            PeriodKind::Day => 0,
            PeriodKind::Week => FIRST_MONDAY,
        }
    }
}

/// A day or a week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Period {
    /// Which of the two.
    pub kind: PeriodKind,
    /// Which one, counted from 1970.
    pub number: i64,
}

impl Period {
    /// The period in which a minute lies.
    #[must_use]
    pub const fn of_minute(kind: PeriodKind, minute: i64) -> Period {
        let day = minute.div_euclid(DAY_MINUTES);
        Period { kind, number: (day - kind.first_day()).div_euclid(kind.days()) }
    }

    /// `2026-11-21`, or `2026-W47`.
    #[must_use]
    pub fn parse(kind: PeriodKind, text: &str) -> Option<Period> {
        let digits = |text: &str, count| {
            (text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit()))
                .then(|| text.parse::<u16>().ok())
                .flatten()
        };
        let mut parts = text.splitn(3, '-');
        let year = i32::from(digits(parts.next()?, 4)?);
        let date = match kind {
            PeriodKind::Day => {
                let month = Month::try_from(u8::try_from(digits(parts.next()?, 2)?).ok()?).ok()?;
                let day = u8::try_from(digits(parts.next()?, 2)?).ok()?;
                Date::from_calendar_date(year, month, day)
            }
            PeriodKind::Week => {
                let week = u8::try_from(digits(parts.next()?.strip_prefix('W')?, 2)?).ok()?;
                Date::from_iso_week_date(year, week, Weekday::Monday)
            }
        };
        let day = i64::from(date.ok()?.to_julian_day()) - EPOCH_JULIAN_DAY;
        parts.next().is_none().then(|| Period::of_minute(kind, day * DAY_MINUTES))
    }

    /// Its minutes, since 1970.
    #[must_use]
    pub const fn minutes(self) -> Range<i64> {
        let day = self.first_day();
        day * DAY_MINUTES..(day + self.kind.days()) * DAY_MINUTES
    }

    /// The one before.
    #[must_use]
    pub const fn before(self) -> Period {
        Period { kind: self.kind, number: self.number - 1 }
    }

    const fn first_day(self) -> i64 {
        self.kind.first_day() + self.number * self.kind.days()
    }
}

/// As [`Period::parse`] reads it.
impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let julian = i32::try_from(self.first_day().saturating_add(EPOCH_JULIAN_DAY)).ok();
        let Some(date) = julian.and_then(|julian| Date::from_julian_day(julian).ok()) else {
            return write!(f, "{} {}", self.kind.name(), self.number);
        };
        match self.kind {
            PeriodKind::Day => {
                write!(f, "{:04}-{:02}-{:02}", date.year(), u8::from(date.month()), date.day())
            }
            PeriodKind::Week => {
                let (year, week, _) = date.to_iso_week_date();
                write!(f, "{year:04}-W{week:02}")
            }
        }
    }
}

/// Why there is no report of a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoReport {
    /// Nobody was there to write it when it was due.
    NotRun,
    /// The mail server did not take it for everybody until the next one was due.
    Refused,
    /// It was on its way when the server ended, or nothing was heard of the mail server: it may have come.
    Unknown,
}

impl NoReport {
    /// All.
    pub const ALL: [NoReport; 3] = [NoReport::NotRun, NoReport::Refused, NoReport::Unknown];

    /// What files and programs call it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            NoReport::NotRun => "not_run",
            NoReport::Refused => "refused",
            NoReport::Unknown => "unknown",
        }
    }

    /// The same for people.
    #[must_use]
    pub const fn says(self) -> &'static str {
        match self {
            NoReport::NotRun => "no report: the server did not run when it was due",
            NoReport::Refused => "no report: the mail server did not take it for everybody",
            NoReport::Unknown => {
                "the report may not have come: the server ended, or the mail server fell silent"
            }
        }
    }
}

/// A period of which there is no report, or perhaps none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// Which.
    pub period: Period,
    /// Why.
    pub why: NoReport,
}

/// How far a report is that was begun and not settled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stage {
    /// It goes out, or went out: it is not known what became of it.
    Begun,
    /// It was not taken for all.
    Refused {
        /// When it was tried last, ms.
        tried_ms: i64,
        /// Those it was not taken for.
        left: Vec<String>,
    },
}

/// A report that was begun and not settled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenReport {
    /// Of which period.
    pub period: Period,
    /// How far it is.
    pub stage: Stage,
    /// What it tells of periods before.
    pub marks: Vec<Mark>,
    /// How many more it tells of by their number.
    pub marks_more: u64,
}

/// What is noted of the reports of one kind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReportNotes {
    /// The newest period that was due when it was looked last; `None` before the first look.
    pub through: Option<i64>,
    /// Periods at or below this one are never begun.
    pub floor: Option<i64>,
    /// Those that were begun last, ascending; at most [`BEGUN_MAX`].
    pub begun: Vec<i64>,
    /// The one that is not settled.
    pub open: Option<OpenReport>,
    /// What the next report tells of periods before it, oldest first; at most [`MARKS_MAX`].
    pub marks: Vec<Mark>,
    /// How many older ones there were no room for.
    pub marks_more: u64,
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn days_and_weeks_have_their_names_and_minutes() {
        for (kind, name, first_day) in [
            (PeriodKind::Day, "1970-01-01", 0),
            (PeriodKind::Day, "2026-11-21", 20_778),
            (PeriodKind::Day, "2024-02-29", 19_782),
            (PeriodKind::Week, "1970-W01", -3),
            (PeriodKind::Week, "2026-W47", 20_773),
            (PeriodKind::Week, "2020-W53", 18_624),
        ] {
            let period = Period::parse(kind, name).unwrap();
            assert_eq!(period.to_string(), name);
            let days = if kind == PeriodKind::Day { 1 } else { 7 };
            assert_eq!(period.minutes(), first_day * 1440..(first_day + days) * 1440, "{name}");
            assert_eq!(Period::of_minute(kind, period.minutes().end - 1), period);
            assert_eq!(Period::of_minute(kind, period.minutes().start), period);
            assert_eq!(period.before().minutes().end, period.minutes().start);
        }
        assert_eq!(Period::parse(PeriodKind::Week, "2021-W01").unwrap().before().to_string(), "2020-W53");
    }

    #[test]
    fn what_is_no_period_is_none() {
        for text in
            ["", "2026", "2026-11", "2026-11-31", "2026-13-01", "2026-1-01", "2026-11-21-", "+026-11-21"]
        {
            assert_eq!(Period::parse(PeriodKind::Day, text), None, "{text}");
        }
        for text in ["2026-W54", "2026-W00", "2026-47", "2021-W53", "2026-W4", "2026-W47-1"] {
            assert_eq!(Period::parse(PeriodKind::Week, text), None, "{text}");
        }
    }
}
