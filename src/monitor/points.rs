//! Stored points as JSON, for programs.

use std::ops::{Range, RangeInclusive};

use serde::Serialize;

use super::host_values::HostValues;
use super::ids::FRAMEWORK;
use super::registry::{Kind, Unit};
use crate::model::{PointRow, Resolution};

/// Ids in one answer, at most; the next ones are asked for by `next_id`.
pub const IDS_PER_ANSWER_MAX: usize = 100;

/// Values in one answer: of more, fewer ids. Keeps an answer below about 3 MB.
pub const VALUES_PER_ANSWER_MAX: usize = 300_000;

/// What a question for points is answered from.
#[derive(Debug)]
pub struct Answered<'a> {
    /// How long a stretch is.
    pub resolution: Resolution,
    /// Which stretches were asked for.
    pub slots: Range<i64>,
    /// Which ids were asked for.
    pub ids: RangeInclusive<u32>,
    /// What there is of them, oldest first.
    pub rows: &'a [PointRow],
}

#[derive(Serialize)]
struct Answer<'a> {
    /// Start of the first stretch, ms since 1970-01-01 UTC.
    from_ms: i64,
    step_ms: i64,
    steps: usize,
    /// How many minutes of each stretch were counted, oldest first; 0 where it is missing.
    minutes: Vec<u32>,
    series: Vec<Series<'a>>,
    /// The first id of the range that did not fit.
    next_id: Option<u32>,
}

#[derive(Serialize)]
struct Series<'a> {
    #[serde(flatten)]
    id: Described<'a>,
    /// One value per stretch, oldest first; `null` where it is missing.
    points: Vec<Option<i64>>,
}

/// An id as it is told to programs.
#[derive(Serialize)]
struct Described<'a> {
    id: u32,
    name: &'a str,
    kind: &'static str,
    unit: &'static str,
    owner: &'static str,
}

/// Owner of the ids of host programs.
const HOST_OWNER: &str = "host";

impl<'a> Described<'a> {
    fn of(id: u32, name: &'a str, kind: Kind, unit: Unit, owner: &'static str) -> Described<'a> {
        Described { id, name, kind: kind.name(), unit: unit.name(), owner }
    }
}

/// The server's ids, then those of host programs, ascending.
fn all(host: &HostValues) -> impl Iterator<Item = Described<'_>> {
    let own = FRAMEWORK.iter();
    let own = own.map(|entry| Described::of(entry.id, entry.name, entry.kind, entry.unit, entry.owner));
    own.chain(host.each().map(|(id, _)| Described::of(id.id, &id.name, id.kind, id.unit, HOST_OWNER)))
}

/// Every id, a line each: `{"id", "name", "kind", "unit", "owner"}`.
#[must_use]
pub fn described(host: &HostValues) -> String {
    let line =
        |id: Described<'_>| serde_json::to_string(&id).expect("numbers and names are always JSON") + "\n";
    all(host).map(line).collect()
}

impl Answered<'_> {
    /// The answer, with the ids that are registered:
    /// `{"from_ms", "step_ms", "steps", "minutes", "series": [{"id", "name", "kind", "unit", "owner", "points"}], "next_id"}`.
    #[must_use]
    pub fn json(&self, host: &HostValues) -> String {
        let steps = self.slots.clone().count();
        let by_step: Vec<Option<&PointRow>> = self.slots.clone().map(|slot| self.row(slot)).collect();
        let mut entries = all(host).filter(|entry| self.ids.contains(&entry.id));
        let ids_max = (VALUES_PER_ANSWER_MAX / steps.max(1)).clamp(1, IDS_PER_ANSWER_MAX);
        let series = entries.by_ref().take(ids_max).map(|entry| one(entry, &by_step)).collect();
        let answer = Answer {
            from_ms: self.resolution.first_minute(self.slots.start).saturating_mul(60_000),
            step_ms: self.resolution.minutes() * 60_000,
            steps,
            minutes: by_step.iter().map(|row| row.map_or(0, |row| row.minutes)).collect(),
            series,
            next_id: entries.next().map(|entry| entry.id),
        };
        serde_json::to_string(&answer).expect("an answer of numbers and names is always JSON")
    }

    fn row(&self, slot: i64) -> Option<&PointRow> {
        let at = self.rows.binary_search_by_key(&slot, |row| row.slot).ok()?;
        Some(&self.rows[at])
    }
}

fn one<'a>(id: Described<'a>, by_step: &[Option<&PointRow>]) -> Series<'a> {
    let points = by_step.iter().map(|row| row.and_then(|row| row.value(id.id))).collect();
    Series { id, points }
}

#[cfg(test)]
mod tests;
