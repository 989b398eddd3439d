//! A fan-out as who drives it sees it: when its next step is due, and what becomes of one that cannot be done.
//!
//! It believes what durable records say. What it remembers beside them decides nothing but when it asks: should it be
//! wrong, a step finds nothing to do.

use crate::model::{
    ConversationId, Effect, GroupEffect, Position, Record, Seq, TimeMs, UserId,
    limits::{BATCH_GROUP_POINTERS_MAX, FAN_OUT_STEP_POINTERS_MAX},
};

/// Steps that are asked for at a time, at most one for each entry that waits. Source: as many as a batch makes pointers
/// for, so that a queue moves by a batch and not by a step, and members are told of several entries at once.
pub const STEPS_AT_ONCE_MAX: u64 = 8;
const _: () = assert!(STEPS_AT_ONCE_MAX as usize * FAN_OUT_STEP_POINTERS_MAX <= BATCH_GROUP_POINTERS_MAX);

/// How long a step waits that was refused for want of room, or whose outcome is not known, µs; after each further one in
/// a row twice as long. Source: a batch takes a few ms, and by then there is room.
pub const RETRY_MIN_US: u64 = 20_000;

/// The longest of these waits, µs.
pub const RETRY_MAX_US: u64 = 2_000_000;

/// Steps in a row that met a fault before the fan-out is parked. Source: with the waits between them a second has passed,
/// so it is no hiccup.
pub const FAULTS_MAX: u32 = 6;

/// How often a parked fan-out is tried again, µs. Source: a row that is put right by hand is noticed within a minute, and
/// one that is not costs nothing.
pub const PARKED_RETRY_US: u64 = 60_000_000;

/// Deaths in a row of who drives it before it waits like one that met a fault.
pub const DEATHS_AT_ONCE_MAX: u32 = 3;

/// The group that a record is about, if it is about one: a direct conversation is known by its number.
#[must_use]
pub fn group_of(record: &Record) -> Option<ConversationId> {
    record.effects.iter().find_map(|effect| match effect {
        Effect::Group(effect) => Some(effect.group()),
        Effect::Message(delivery) => {
            let conversation = delivery.message.conversation;
            let is_direct = match delivery.pointers.as_slice() {
                [(one, _)] => conversation == direct(*one, *one),
                [(one, _), (other, _)] => conversation == direct(*one, *other),
                _ => false,
            };
            (!is_direct).then_some(conversation)
        }
        _ => None,
    })
}

fn direct(one: UserId, other: UserId) -> ConversationId {
    ConversationId::direct(one, other, 0)
}

/// What is to be done for a fan-out now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Nothing waits.
    Nothing,
    /// Steps are under way: their answers come.
    UnderWay,
    /// The next steps are due.
    Step,
    /// The next steps are due then, on the monotonic clock.
    WaitUntil(u64),
}

/// Why a step was not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Setback {
    /// There was no room, or it is not known what became of it: it is asked again.
    NotNow,
    /// The store could not be read for it.
    Fault,
}

/// What an operator is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waiting {
    /// Entries that are not wholly expanded.
    pub entries: u64,
    /// When the oldest of them was written, as far as it is known; else since when it is known that it waits.
    pub since: TimeMs,
    /// Steps in a row that met a fault.
    pub faults: u32,
    /// It was given up for a while: see `FAULTS_MAX`.
    pub is_parked: bool,
}

/// Steps that were asked for together. They are alike: whichever is decided first is the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked {
    /// Comes back with what became of each.
    pub number: u64,
    /// How many they are; at least one.
    pub steps: u64,
}

/// Steps without an answer.
#[derive(Debug, Clone, Copy)]
struct UnderWay {
    number: u64,
    unanswered: u64,
    /// A record came that moved the position.
    has_moved: bool,
    /// The first that one of them met.
    setback: Option<Setback>,
}

/// See the module.
#[derive(Debug, Clone, Default)]
pub struct FanOutJob {
    position: Option<Position>,
    head: Seq,
    since: TimeMs,
    under_way: Option<UnderWay>,
    /// How often steps were asked for so far.
    asked: u64,
    setbacks: u32,
    faults: u32,
    deaths: u32,
    due_us: u64,
}

impl FanOutJob {
    /// One that an earlier run left, as its rows are.
    #[must_use]
    pub fn left(position: Position, head: Seq, since: TimeMs) -> FanOutJob {
        FanOutJob { position: Some(position), head, since, ..FanOutJob::default() }
    }

    /// A record of its group is durable. `written` says when an entry was written, where that is known.
    pub fn note(&mut self, record: &Record, written: impl Fn(Seq) -> Option<TimeMs>) {
        for effect in &record.effects {
            match effect {
                Effect::Message(delivery) => {
                    self.head = self.head.max(delivery.message.seq);
                    if delivery.pointers.is_empty() && self.position.is_none() {
                        // Where it stands exactly the first step says.
                        self.position = Some(Position { entry: delivery.message.seq, after: None });
                        self.since = delivery.message.sent_at;
                    }
                }
                Effect::Group(GroupEffect::FanOut { position, .. }) => self.moved(*position, &written),
                _ => {}
            }
        }
    }

    fn moved(&mut self, position: Option<Position>, written: impl Fn(Seq) -> Option<TimeMs>) {
        let entry = |position: Option<Position>| position.map(|position| position.entry);
        if entry(position) != entry(self.position) {
            self.since = position.and_then(|position| written(position.entry)).unwrap_or(self.since);
        }
        self.position = position;
        self.head = self.head.max(entry(position).unwrap_or_default());
        if let Some(under_way) = &mut self.under_way {
            under_way.has_moved = true;
        }
        (self.setbacks, self.faults, self.deaths, self.due_us) = (0, 0, 0, 0);
    }

    /// What is to be done at this moment.
    #[must_use]
    pub fn next(&self, now_us: u64) -> Next {
        if self.under_way.is_some() {
            return Next::UnderWay;
        }
        match self.position {
            None => Next::Nothing,
            Some(_) if now_us < self.due_us => Next::WaitUntil(self.due_us),
            Some(_) => Next::Step,
        }
    }

    /// The next steps are asked for: after a setback one, else as many as there is surely work for.
    pub fn ask(&mut self) -> Asked {
        self.asked += 1;
        let has_trouble = self.setbacks + self.faults + self.deaths > 0;
        let entries = self.waiting().map_or(1, |waiting| waiting.entries);
        let steps = if has_trouble { 1 } else { entries.clamp(1, STEPS_AT_ONCE_MAX) };
        self.under_way =
            Some(UnderWay { number: self.asked, unanswered: steps, has_moved: false, setback: None });
        Asked { number: self.asked, steps }
    }

    /// What became of one of the steps of this number; those of an earlier one say nothing any more. The next are due
    /// when all have answered. True when the fan-out was parked by it.
    pub fn answered(&mut self, number: u64, result: Result<(), Setback>, now_us: u64) -> bool {
        let Some(under_way) = self.under_way.as_mut().filter(|under_way| under_way.number == number) else {
            return false;
        };
        under_way.unanswered -= 1;
        under_way.setback = under_way.setback.or(result.err());
        if under_way.unanswered > 0 {
            return false;
        }
        let (has_moved, setback) = (under_way.has_moved, under_way.setback);
        self.under_way = None;
        let was_parked = self.is_parked();
        match setback {
            // They were decided and there was nothing to do.
            None if !has_moved => self.position = None,
            None => {}
            Some(Setback::NotNow) => {
                self.setbacks = self.setbacks.saturating_add(1);
                self.due_us = now_us + wait_us(self.setbacks);
            }
            Some(Setback::Fault) => {
                self.faults = self.faults.saturating_add(1);
                let wait = if self.is_parked() { PARKED_RETRY_US } else { wait_us(self.faults) };
                self.due_us = now_us + wait;
            }
        }
        self.is_parked() && !was_parked
    }

    /// Who drove it died, and it is not known whether the step under way was asked for. Another one may ask at once, but
    /// not for ever. True when the fan-out was parked by it.
    pub fn died(&mut self, now_us: u64) -> bool {
        let was_parked = self.is_parked();
        self.under_way = None;
        self.deaths = self.deaths.saturating_add(1);
        if self.is_parked() {
            self.due_us = now_us + PARKED_RETRY_US;
        } else {
            self.due_us = self.due_us.max(now_us + self.pause_us());
        }
        self.is_parked() && !was_parked && self.position.is_some()
    }

    /// How long whoever takes over waits before anything else: nothing, unless those before it died one after the other.
    #[must_use]
    pub fn pause_us(&self) -> u64 {
        match self.deaths.saturating_sub(DEATHS_AT_ONCE_MAX) {
            0 => 0,
            further => wait_us(further),
        }
    }

    /// Who drives it has told the members something, so it lives.
    pub fn lives(&mut self) {
        self.deaths = 0;
    }

    fn is_parked(&self) -> bool {
        self.faults >= FAULTS_MAX || self.deaths >= DEATHS_AT_ONCE_MAX + FAULTS_MAX
    }

    /// What waits; nothing when everything is expanded.
    #[must_use]
    pub fn waiting(&self) -> Option<Waiting> {
        let position = self.position?;
        let entries = position.waiting(self.head);
        Some(Waiting { entries, since: self.since, faults: self.faults, is_parked: self.is_parked() })
    }
}

/// How long to wait after so many in a row.
fn wait_us(in_a_row: u32) -> u64 {
    let doublings = in_a_row.saturating_sub(1).min(16);
    (RETRY_MIN_US << doublings).min(RETRY_MAX_US)
}
