//! Repair after a gap in the messages, or a change of level, as a pure state machine: what to ask next, and when it is done.
//!
//! The heads of all conversations are read list by list; what the store lacks of those in one list is fetched by ranges
//! before the next list is asked for. One request is open at a time. It begins when a sync has caught up, goes on beside
//! further syncs and pushes, and where it stood after a lost connection. A further gap begins it anew, since the
//! heads read before may lie below that gap.

use crate::holes::{SeqRange, take_newest};
use highwater_wire::proto::{self, client_frame::Request};
use std::collections::VecDeque;
use std::time::Instant;

/// Heads that one list may have. Source: choice; bounds what is read from the store for one of them, at most
/// [`crate::holes::REPAIRED_PER_CONVERSATION_MAX`] seqs for each.
pub(crate) const HEADS_PER_LIST_MAX: u32 = 100;

/// A conversation, and what the store lacks of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Lack {
    /// Which.
    pub(crate) conversation_id: u64,
    /// In order of seq.
    pub(crate) holes: Vec<SeqRange>,
}

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// The list of heads after a place.
    Heads { after: u64 },
    /// Entries of the first conversation that lacks some.
    Range { conversation_id: u64, seqs: SeqRange },
}

/// The request in flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Open {
    #[default]
    Nothing,
    Asked(Step),
    /// Its answer is of no use any more.
    Outdated,
}

/// A conversation of which entries were fetched and no more will be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Repaired {
    pub(crate) conversation_id: u64,
    pub(crate) entries: usize,
}

/// How far a repair is. It outlives connections; whether one is due outlives the process, in the store.
#[derive(Debug, Default)]
pub(crate) struct Repair {
    /// The store says that messages are lacking.
    is_due: bool,
    /// On this connection a sync was answered to its end, and no gap was told since.
    has_caught_up: bool,
    /// The server does not do it for this client; the next connection may be to another version of it.
    is_put_off: bool,
    /// Where the next list of heads begins; none after the last.
    heads_after: Option<u64>,
    /// Conversations of the list read last that lack entries.
    lacks: VecDeque<Lack>,
    /// New entries of the first of them, and those that have a new content.
    fetched: usize,
    open: Open,
    not_before: Option<Instant>,
}

impl Repair {
    /// As the store says at the start.
    pub(crate) fn new(is_due: bool) -> Repair {
        Repair { is_due, heads_after: is_due.then_some(0), ..Repair::default() }
    }

    /// A gap, or a change of level, was told and noted: whatever was going on begins anew after the next sync that catches
    /// up.
    pub(crate) fn became_due(&mut self) -> Option<Repaired> {
        let ended = self.end_conversation();
        let open = if self.open == Open::Nothing { Open::Nothing } else { Open::Outdated };
        let (is_put_off, not_before) = (self.is_put_off, self.not_before);
        *self = Repair { open, is_put_off, not_before, ..Repair::new(true) };
        ended
    }

    /// A sync was answered to its end.
    pub(crate) fn caught_up(&mut self) {
        self.has_caught_up = true;
    }

    /// What was open gets no answer; it is asked again after the next catching up.
    pub(crate) fn connection_lost(&mut self) {
        if let Some(step) = self.answered() {
            self.again(step, None);
        }
        self.has_caught_up = false;
        self.is_put_off = false;
        self.not_before = None;
    }

    /// The next request, if there is one now. It counts as open from here on.
    pub(crate) fn take_next(&mut self, now: Instant) -> Option<Request> {
        if !self.may_ask() || self.not_before.is_some_and(|at| now < at) {
            return None;
        }
        self.not_before = None;
        let step = self.next_step()?;
        self.open = Open::Asked(step);
        Some(match step {
            Step::Heads { after } => Request::Heads(proto::Heads { after, limit: HEADS_PER_LIST_MAX }),
            Step::Range { conversation_id, seqs: SeqRange { from_seq, to_seq } } => {
                Request::Range(proto::Range { conversation_id, from_seq, to_seq })
            }
        })
    }

    /// When a refused request may be asked again.
    pub(crate) fn wakes_at(&self) -> Option<Instant> {
        self.not_before.filter(|_| self.may_ask())
    }

    fn may_ask(&self) -> bool {
        self.is_due && self.has_caught_up && !self.is_put_off && self.open == Open::Nothing
    }

    fn next_step(&mut self) -> Option<Step> {
        match self.lacks.front_mut() {
            Some(lack) => {
                let seqs = take_newest(&mut lack.holes)?;
                Some(Step::Range { conversation_id: lack.conversation_id, seqs })
            }
            None => self.heads_after.take().map(|after| Step::Heads { after }),
        }
    }

    /// The open request has its answer; this is what was asked, unless that is of no use any more.
    pub(crate) fn answered(&mut self) -> Option<Step> {
        match std::mem::take(&mut self.open) {
            Open::Asked(step) => Some(step),
            Open::Nothing | Open::Outdated => None,
        }
    }

    /// A list of heads was read, and this is lacking of its conversations. `next` is where the next list begins.
    pub(crate) fn heads_told(&mut self, lacks: Vec<Lack>, next: Option<u64>) {
        self.lacks = lacks.into_iter().filter(|lack| !lack.holes.is_empty()).collect();
        self.heads_after = next;
    }

    /// Entries of the first conversation were stored; `rest` of the range asked for is still due. Says when it was the
    /// last of the conversation.
    pub(crate) fn entries_told(&mut self, new_entries: usize, rest: Option<SeqRange>) -> Option<Repaired> {
        self.fetched += new_entries;
        let lack = self.lacks.front_mut()?;
        lack.holes.extend(rest);
        if lack.holes.is_empty() { self.end_conversation() } else { None }
    }

    /// The same is asked again, not before the time given.
    pub(crate) fn again(&mut self, step: Step, not_before: Option<Instant>) {
        match step {
            Step::Heads { after } => self.heads_after = Some(after),
            Step::Range { seqs, .. } => {
                if let Some(lack) = self.lacks.front_mut() {
                    lack.holes.push(seqs);
                }
            }
        }
        self.not_before = not_before;
    }

    /// It cannot be had: a range ends its conversation, a list of heads puts all of it off to the next connection.
    pub(crate) fn give_up(&mut self, step: Step) -> Option<Repaired> {
        match step {
            Step::Range { .. } => self.end_conversation(),
            Step::Heads { .. } => {
                // From the beginning, in case it is the place that the server does not like.
                self.heads_after = Some(0);
                self.is_put_off = true;
                None
            }
        }
    }

    /// Nothing is left to ask for, though a repair is due: the store has to be told. To be asked when an answer was dealt
    /// with.
    pub(crate) fn is_done(&self) -> bool {
        self.is_due && self.open == Open::Nothing && self.heads_after.is_none() && self.lacks.is_empty()
    }

    /// The store knows that the repair is done.
    pub(crate) fn ended(&mut self) {
        self.is_due = false;
    }

    fn end_conversation(&mut self) -> Option<Repaired> {
        let entries = std::mem::take(&mut self.fetched);
        let Lack { conversation_id, .. } = self.lacks.pop_front()?;
        (entries > 0).then_some(Repaired { conversation_id, entries })
    }
}

#[cfg(test)]
mod tests;
