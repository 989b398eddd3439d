//! Minute points as JSON, for programs.

use std::ops::RangeInclusive;

use serde::Serialize;

use super::minutes::{Minute, Minutes};
use super::registry::{Entry, Kind, Unit};
use super::window::Window;
use crate::model::TimeMs;

/// Ids in one answer; the next ones are asked for by `next_id`. Keeps an answer below about 1.5 MB.
pub const IDS_PER_ANSWER_MAX: usize = 100;

#[derive(Serialize)]
struct Answer {
    /// Start of the first minute, ms since 1970-01-01 UTC.
    from_ms: i64,
    minute_ms: i64,
    minutes: usize,
    series: Vec<Series>,
    /// The first id of the range that did not fit.
    next_id: Option<u32>,
}

#[derive(Serialize)]
struct Series {
    id: u32,
    name: &'static str,
    kind: &'static str,
    unit: &'static str,
    owner: &'static str,
    /// One value per minute, oldest first; `null` where the minute is missing.
    points: Vec<Option<i64>>,
}

/// The points of the registered ids within `ids`, at most [`IDS_PER_ANSWER_MAX`], up to the last complete minute:
/// `{"from_ms", "minute_ms", "minutes", "series": [{"id", "name", "kind", "unit", "owner", "points"}], "next_id"}`.
#[must_use]
pub fn points_json(minutes: &Minutes, ids: RangeInclusive<u32>, window: Window, now: TimeMs) -> String {
    let range = window.minutes(now);
    let mut entries = minutes.registry().iter().filter(|entry| ids.contains(&entry.id));
    let series =
        entries.by_ref().take(IDS_PER_ANSWER_MAX).map(|entry| one(minutes, entry, range.clone())).collect();
    let answer = Answer {
        from_ms: range.start * 60_000,
        minute_ms: 60_000,
        minutes: range.clone().count(),
        series,
        next_id: entries.next().map(|entry| entry.id),
    };
    serde_json::to_string(&answer).expect("an answer of numbers and names is always JSON")
}

fn one(minutes: &Minutes, entry: &Entry, range: std::ops::Range<i64>) -> Series {
    Series {
        id: entry.id,
        name: entry.name,
        kind: match entry.kind {
            Kind::Sum => "sum",
            Kind::Gauge => "gauge",
            Kind::Max => "max",
        },
        unit: match entry.unit {
            Unit::Count => "count",
            Unit::Micros => "microseconds",
            Unit::Bytes => "bytes",
        },
        owner: entry.owner,
        points: range.map(|minute| minutes.point(entry.id, Minute(minute))).collect(),
    }
}

#[cfg(test)]
mod tests;
