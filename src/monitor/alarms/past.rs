//! Minutes that rules compare with and that the ring of points holds no more: those around yesterday and last week.
//!
//! Only the ids of rules that look so far back are kept, in memory, so that judging never waits for a disk. A start takes
//! them from the stored points; each judged minute adds its own.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    rule::{Baseline, Condition, Rule},
    series::Series,
};
use crate::{
    model::PointRow,
    monitor::minutes::{DAY_MINUTES, Minute},
};

/// See the module. Of a minute it takes about 40 bytes and 16 per id: half a megabyte for a week of two ids.
#[derive(Debug, Default)]
pub struct Past {
    /// How far back is kept.
    back_minutes: i64,
    ids: Box<[u32]>,
    /// Of a minute the values of all ids, in their order.
    minutes: BTreeMap<Minute, Box<[Option<i64>]>>,
}

/// The points of a series, and of the past where it has none.
pub struct Remembered<'a, Newer> {
    newer: &'a Newer,
    past: &'a Past,
}

impl Past {
    /// What these rules look back at; nothing is known of it yet.
    #[must_use]
    pub fn of<'a>(rules: impl IntoIterator<Item = &'a Rule>) -> Past {
        let (mut back_minutes, mut ids) = (0, BTreeSet::new());
        for rule in rules {
            if let Condition::Fell { than: Baseline::DaysAgo { days, around }, .. }
            | Condition::Rose { than: Baseline::DaysAgo { days, around }, .. } = rule.condition
            {
                back_minutes = back_minutes.max(days * DAY_MINUTES + around);
                ids.extend(rule.ids());
            }
        }
        Past { back_minutes, ids: ids.into_iter().collect(), minutes: BTreeMap::new() }
    }

    /// How many minutes before the judged one are looked at, at most.
    #[must_use]
    pub fn back_minutes(&self) -> i64 {
        self.back_minutes
    }

    /// Ids that are kept, ascending.
    #[must_use]
    pub fn ids(&self) -> &[u32] {
        &self.ids
    }

    /// Takes up stored minutes; of an id that a row does not have nothing is known.
    pub fn take_up(&mut self, rows: &[PointRow]) {
        for row in rows {
            let known =
                self.minutes.entry(Minute(row.slot)).or_insert_with(|| vec![None; self.ids.len()].into());
            for (place, id) in known.iter_mut().zip(&self.ids) {
                *place = row.value(*id).or(*place);
            }
        }
    }

    /// Adds a minute that was judged. What lies behind it comes of a clock that was ahead, and is forgotten, as is what is
    /// older than any rule looks.
    pub fn note(&mut self, newer: &impl Series, minute: Minute) {
        self.minutes.split_off(&minute);
        let oldest = minute.plus(-self.back_minutes);
        while self.minutes.first_key_value().is_some_and(|(first, _)| *first < oldest) {
            self.minutes.pop_first();
        }
        if !self.ids.is_empty() {
            self.minutes.insert(minute, self.ids.iter().map(|id| newer.point(*id, minute)).collect());
        }
    }

    /// The points of `newer`, and behind them these.
    pub fn behind<'a, Newer: Series>(&'a self, newer: &'a Newer) -> Remembered<'a, Newer> {
        Remembered { newer, past: self }
    }
}

impl<Newer: Series> Series for Remembered<'_, Newer> {
    fn point(&self, id: u32, minute: Minute) -> Option<i64> {
        self.newer.point(id, minute).or_else(|| {
            let place = self.past.ids.binary_search(&id).ok()?;
            *self.past.minutes.get(&minute)?.get(place)?
        })
    }
}
