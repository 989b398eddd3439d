//! A history as tables of numbers: what was sent, answered and applied, by lineage.

use std::collections::HashMap;
use std::ops::Range;

use crate::asked::Asked;
use crate::intern::Interner;
use crate::line::ApplyFlags;
use crate::written::SnapshotName;
use crate::written_entry::NoticeKind;

/// A place in the files, for reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct At {
    /// Index into the list of files.
    pub(crate) file: u32,
    /// From 1.
    pub(crate) line: u32,
}

/// The tables. Tokens, ids, users, conversations and lineages are dense numbers; see [`Interner`].
#[derive(Debug, Default)]
pub(crate) struct History {
    pub(crate) tokens: Interner,
    pub(crate) ids: Interner,
    pub(crate) users: Interner,
    pub(crate) conversations: Interner,
    pub(crate) lineages: Vec<Lineage>,
    pub(crate) invokes: Vec<Invoke>,
    pub(crate) acks: Vec<Ack>,
    pub(crate) refusals: Vec<Refusal>,
    /// Notices of groups by the token that they were given, see [`crate::written_entry`].
    pub(crate) notices: HashMap<u32, Notice>,
    pub(crate) request_ids: Interner,
    /// Requests other than sends, each time that one was given to the network.
    pub(crate) asks: Vec<Ask>,
    pub(crate) answers: Vec<Answer>,
    /// Lineages whose device the operator ended.
    pub(crate) operator_ends: Vec<OperatorEnd>,
    pub(crate) erasures: Vec<Erasure>,
    /// Entries of all applies and dumps, which hold ranges of it.
    pub(crate) entries: Vec<Entry>,
    /// When the server was killed.
    pub(crate) kills: Vec<u64>,
    /// When it served again, or was healed.
    pub(crate) served: Vec<u64>,
    pub(crate) cuts: Vec<(u64, Option<u64>)>,
    pub(crate) healed_at: Option<u64>,
}

/// One lineage and what it wrote.
#[derive(Debug)]
pub(crate) struct Lineage {
    pub(crate) name: String,
    pub(crate) user: u32,
    /// Live from the beginning, so entitled to every message of its user.
    pub(crate) declared: bool,
    /// The place that first names it.
    pub(crate) at: At,
    /// In order of time.
    pub(crate) steps: Vec<Step>,
    /// The last one written, should there be several.
    pub(crate) dump: Option<Dump>,
    /// What was read out to its device by place, and in archives.
    pub(crate) reads: Vec<ReadOut>,
    pub(crate) exports: Vec<Export>,
    /// Posts of channels that it was told of by name alone.
    pub(crate) gaps: Vec<Gap>,
    /// Set when somebody tried to end its device.
    pub(crate) ended: Option<Ended>,
}

/// Posts of a channel that a page named instead of telling them, both ends included.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Gap {
    pub(crate) conversation: u32,
    pub(crate) from: u64,
    pub(crate) to: u64,
}

/// The end of a lineage's device: from `begun` on nothing is owed to it, and from `done` on nothing may be given to it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ended {
    pub(crate) begun: u64,
    /// None if it was never answered, or while the power was going away.
    pub(crate) done: Option<u64>,
}

/// A change of what a lineage holds.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) t: u64,
    pub(crate) at: At,
    pub(crate) change: Change,
}

/// The kinds of [`Step`].
#[derive(Debug)]
pub(crate) enum Change {
    Apply(Apply),
    /// The client was killed and came back with this snapshot; none when the line does not say.
    Restart(Option<SnapshotName>),
}

/// One page or push that a client stored.
#[derive(Debug)]
pub(crate) struct Apply {
    pub(crate) base: SnapshotName,
    pub(crate) snapshot: SnapshotName,
    pub(crate) flags: ApplyFlags,
    pub(crate) entries: Range<usize>,
    /// False when it raced a power cut: what it shows may be gone afterwards.
    pub(crate) settled: bool,
}

/// What a lineage held at the end.
#[derive(Debug)]
pub(crate) struct Dump {
    pub(crate) t: u64,
    pub(crate) at: At,
    pub(crate) synced: bool,
    pub(crate) entries: Range<usize>,
}

/// One message as a lineage was given it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry {
    pub(crate) token: u32,
    /// [`Entry::NO_ID`] when the line names none.
    pub(crate) id: u32,
    pub(crate) conversation: u32,
    pub(crate) sender: u32,
    pub(crate) seq: u64,
    /// A message with its text; not one that was erased, and no notice.
    pub(crate) is_text: bool,
}

impl Entry {
    /// In place of an id that was not written.
    pub(crate) const NO_ID: u32 = u32::MAX;
}

/// A send given to the network.
#[derive(Debug)]
pub(crate) struct Invoke {
    pub(crate) t: u64,
    pub(crate) at: At,
    pub(crate) id: u32,
    pub(crate) token: u32,
    pub(crate) sender: u32,
    pub(crate) to: Target,
}

/// To whom a message is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    User(u32),
    /// The number of the group's conversation.
    Group(u32),
}

/// A send answered with its place.
#[derive(Debug)]
pub(crate) struct Ack {
    pub(crate) t: u64,
    pub(crate) at: At,
    pub(crate) id: u32,
    pub(crate) conversation: u32,
    pub(crate) seq: u64,
    /// False when it raced a power cut.
    pub(crate) settled: bool,
}

/// A send that was finally refused.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) at: At,
    pub(crate) id: u32,
    pub(crate) code: u64,
}

/// What a group's log says became of the group.
#[derive(Debug)]
pub(crate) struct Notice {
    pub(crate) conversation: u32,
    pub(crate) seq: u64,
    pub(crate) sender: u32,
    pub(crate) kind: NoticeKind,
    pub(crate) users: Vec<u32>,
}

/// A request given to the network.
#[derive(Debug)]
pub(crate) struct Ask {
    pub(crate) t: u64,
    pub(crate) at: At,
    pub(crate) by: u32,
    /// Index into the lineages.
    pub(crate) lineage: u32,
    pub(crate) request: u32,
    pub(crate) asked: Asked<u32>,
}

/// What came of a request.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) t: u64,
    pub(crate) request: u32,
    pub(crate) outcome: Outcome,
    /// False when it raced a power cut.
    pub(crate) settled: bool,
}

/// The kinds of [`Answer`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Done; of a group or channel that was made, its conversation.
    Done(Option<u32>),
    /// Refused for good, so certainly not done.
    Refused,
    /// Given up by its client, which does not send it again.
    Unknown,
}

/// What the server read out by place.
#[derive(Debug)]
pub(crate) struct ReadOut {
    pub(crate) t: u64,
    pub(crate) at: At,
    /// When it was asked for.
    pub(crate) asked: u64,
    pub(crate) entries: Range<usize>,
}

/// What an archive held.
#[derive(Debug)]
pub(crate) struct Export {
    pub(crate) at: At,
    /// When it was asked for.
    pub(crate) asked: u64,
    pub(crate) tokens: Vec<u32>,
}

/// The operator erased a user.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Erasure {
    pub(crate) user: u32,
    /// When it was begun.
    pub(crate) t: u64,
    /// When it was done; none if nobody knows.
    pub(crate) done: Option<u64>,
}

/// The operator ended a device.
#[derive(Debug)]
pub(crate) struct OperatorEnd {
    pub(crate) lineage: u32,
    /// When it was begun.
    pub(crate) t: u64,
    /// When it was done; none if nobody knows.
    pub(crate) done: Option<u64>,
}

impl History {
    /// The lineages of each user that were live from the beginning.
    pub(crate) fn declared_by_user(&self) -> Vec<Vec<u32>> {
        let mut by_user = vec![Vec::new(); self.users.len()];
        for (lineage, number) in self.lineages.iter().zip(0u32..) {
            if lineage.declared {
                by_user[lineage.user as usize].push(number);
            }
        }
        by_user
    }

    /// A conversation and seq, for people.
    pub(crate) fn place(&self, conversation: u32, seq: u64) -> String {
        format!("conversation {} seq {seq}", self.conversations.value(conversation))
    }

    /// A token, for people and for grep; or a notice.
    pub(crate) fn token(&self, token: u32) -> String {
        if let Some(notice) = self.notices.get(&token) {
            let users: Vec<String> =
                notice.users.iter().map(|user| self.users.value(*user).to_string()).collect();
            let by = self.users.value(notice.sender);
            return format!("notice {:?} by {by} of [{}]", notice.kind, users.join(", "));
        }
        format!("token {:032x}", self.tokens.value(token))
    }
}
