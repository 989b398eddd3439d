//! When lineages handed back messages, to the minute, for the last day: what an operator asks, and no decision needs.
//!
//! It is learned from durable records alone: they say how far each lineage is and when its mark of messages last rose, so
//! that a hand-back costs no record of its own. In memory only; what a start does not know it says: `known_since`.

use std::{collections::BTreeMap, sync::Arc};

use rustc_hash::FxHashMap;

use crate::model::{Effect, Lineage, LineageId, Record, TimeMs, Version};

/// Minutes that are remembered: a day. Older ones are forgotten.
pub const MINUTES_MAX: usize = 24 * 60;

/// Marks that are remembered over all lineages and minutes. When there are more the oldest minute is forgotten.
/// Source: about 50 bytes each, so 25 MB; 350 lineages that hand back every minute fill a day of it.
pub const MARKS_MAX: usize = 500_000;

const MINUTE_MS: i64 = 60 * 1000;

/// A minute since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Minute(i64);

impl Minute {
    /// In which a moment lies.
    #[must_use]
    pub fn of(at: TimeMs) -> Minute {
        Minute(at.0.div_euclid(MINUTE_MS))
    }

    /// Its first moment.
    #[must_use]
    pub fn begin(self) -> TimeMs {
        TimeMs(self.0.saturating_mul(MINUTE_MS))
    }

    fn next(self) -> Minute {
        Minute(self.0.saturating_add(1))
    }
}

/// Between which versions a message was made visible; both are the same where that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Versions {
    /// At the earliest.
    pub least: Version,
    /// At the latest.
    pub greatest: Version,
}

/// When something was handed back: within these minutes, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HandedBackWithin {
    /// Nothing when it may have been at any time before.
    pub from: Option<Minute>,
    /// At the latest.
    pub to: Minute,
}

/// See the module.
#[derive(Debug)]
pub struct HandBackTimes {
    known_since: TimeMs,
    /// What was handed back by records at or below it, or by marks at or below it, is not remembered, or never was known.
    known_above: Version,
    marks_max: usize,
    /// How far each lineage came in a minute in which its mark of messages rose, by the observed time.
    handed: BTreeMap<Minute, FxHashMap<LineageId, Version>>,
    marks: usize,
    /// Versions of the messages of a minute, by the clock that their senders are shown.
    sent: BTreeMap<Minute, Versions>,
    /// Of the minutes through this one some messages may not be known.
    sent_after: Minute,
}

impl HandBackTimes {
    /// At a start: `since` is the observed time, `wall` the clock, `replayed` every record above `indexed`. At most
    /// `marks_max` marks are remembered.
    #[must_use]
    pub fn since(
        (since, wall): (TimeMs, TimeMs),
        marks_max: usize,
        indexed: Version,
        replayed: &[Arc<Record>],
    ) -> HandBackTimes {
        let mut times = HandBackTimes {
            known_since: since,
            known_above: indexed,
            marks_max,
            handed: BTreeMap::new(),
            marks: 0,
            sent: BTreeMap::new(),
            // The observed time has seen how far the clock was before this start.
            sent_after: Minute::of(since.max(wall)),
        };
        // Where the time begins before what they say, minutes come a second time: what they say is as if it were older.
        let is_later =
            |row: &Lineage| row.handed.is_some_and(|handed| Minute::of(handed) > Minute::of(since));
        if replayed.iter().flat_map(|record| rows(record)).any(is_later) {
            times.known_above = replayed.last().map_or(indexed, |record| record.version);
        } else {
            replayed.iter().for_each(|record| times.note(record));
        }
        times
    }

    /// How many marks are remembered at most.
    #[must_use]
    pub fn marks_max(&self) -> usize {
        self.marks_max
    }

    /// From when on every hand-back is remembered.
    #[must_use]
    pub fn known_since(&self) -> TimeMs {
        self.known_since
    }

    /// A record is durable.
    pub fn note(&mut self, record: &Record) {
        for effect in &record.effects {
            if let Effect::Message(delivery) = effect {
                self.note_sent(Minute::of(delivery.message.sent_at), record.version);
            }
        }
        rows(record).for_each(|row| self.note_handed(row));
    }

    fn note_sent(&mut self, minute: Minute, version: Version) {
        let newest = self.sent.last_key_value().map_or(minute, |(newest, _)| *newest);
        // Operations wait for a moment; more than that is a clock that was set back, and minutes come a second time.
        if minute.0 < newest.0 - 1 {
            self.sent_after = self.sent_after.max(newest);
            self.sent.clear();
        }
        let sent = self.sent.entry(minute).or_insert(Versions { least: version, greatest: version });
        sent.greatest = sent.greatest.max(version);
        if self.sent.len() > MINUTES_MAX {
            self.sent.pop_first();
        }
    }

    /// A row says when its mark rose last, also one that another lineage of the user brought along: noted twice it is the
    /// same.
    fn note_handed(&mut self, row: &Lineage) {
        let Some(minute) = row.handed.map(Minute::of) else {
            return;
        };
        let newest = self.handed.last_key_value().map_or(minute, |(newest, _)| *newest);
        if minute.0 <= newest.0 - MINUTES_MAX as i64 {
            return;
        }
        let marks = self.handed.entry(minute).or_default();
        let before = marks.len();
        let mark = marks.entry(row.id).or_default();
        *mark = row.acked_messages().max(*mark);
        self.marks += marks.len() - before;
        self.forget(minute.max(newest));
    }

    /// Forgets what is older than a day before `newest`, and more while there is too much.
    fn forget(&mut self, newest: Minute) {
        while let Some((oldest, marks)) = self.handed.first_key_value()
            && (oldest.0 <= newest.0 - MINUTES_MAX as i64 || self.marks > self.marks_max)
        {
            self.known_since = self.known_since.max(oldest.next().begin());
            self.known_above = marks.values().copied().fold(self.known_above, Version::max);
            self.marks -= marks.len();
            self.handed.pop_first();
        }
    }

    /// Versions of the messages of the minute in which a message was sent, if all of them are known.
    #[must_use]
    pub fn sent_within(&self, sent_at: TimeMs) -> Option<Versions> {
        let minute = Minute::of(sent_at);
        self.sent.get(&minute).copied().filter(|_| minute > self.sent_after)
    }

    /// When a lineage handed back a message that it is known to have handed back.
    ///
    /// Nothing when no minute is known before which it did: it was longer ago than is remembered, and its mark has not
    /// risen since its row tells the time.
    #[must_use]
    pub fn handed_back(
        &self,
        row: &Lineage,
        versions: Versions,
        sent_at: TimeMs,
    ) -> Option<HandedBackWithin> {
        let sent = Minute::of(sent_at);
        let mut marks: BTreeMap<Minute, Version> =
            self.handed.iter().filter_map(|(minute, marks)| Some((*minute, *marks.get(&row.id)?))).collect();
        // What the row itself says is known also after a restart.
        marks.extend(row.handed.map(|handed| (Minute::of(handed), row.acked_messages())));
        let has = |least: Version| marks.iter().find(|(_, mark)| **mark >= least).map(|(minute, _)| *minute);
        let last = marks.keys().next_back().copied();
        // It has the message, so its last mark is above it, whatever version that bears.
        let to = has(versions.greatest).or(last)?;
        let mut lacked = marks.iter().filter(|(_, mark)| **mark < versions.least).map(|(minute, _)| *minute);
        // From a moment on at which it lacked the message every hand-back must be known.
        let lacked = lacked.next_back().map(Minute::begin);
        let is_known =
            self.known_above < versions.least || lacked.is_some_and(|lacked| self.known_since <= lacked);
        let from = is_known.then(|| has(versions.least).unwrap_or(to).max(sent).min(to));
        Some(HandedBackWithin { from, to })
    }
}

fn rows(record: &Record) -> impl Iterator<Item = &Lineage> {
    record.effects.iter().flat_map(|effect| match effect {
        Effect::Lineages(lineages) => lineages.rows.as_slice(),
        _ => &[],
    })
}
