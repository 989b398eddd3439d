//! What users have read, and how they keep a conversation: marks that rise with reading and writing, mute and pin.
//!
//! A message carries the mark that it leaves its sender, so that sending changes no row. Only now and then, when the newest
//! row lies far behind, a message takes the row with it.

use highwater_wire::Refusal;

use super::{
    channels,
    decide::{Decided, Needs, authorise, put_item},
    fan_out::head_of,
    operation::{Answer, Principal},
    state::{Need, State},
};
use crate::{
    model::{
        ConversationId, Effect, Reading, Seq, TimeMs, UserId, Version,
        limits::READING_BEHIND_MAX,
        record::{Item, ItemValue},
    },
    sync::kinds::CONVERSATIONS,
};

/// What a user says of one of the user's conversations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadingRequest {
    /// Who says it.
    pub by: Principal,
    /// Of which conversation.
    pub conversation: ConversationId,
    /// What.
    pub change: ReadingChange,
}

/// See [`ReadingRequest`]. Each may come twice: the second time it changes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadingChange {
    /// Everything through this place is read. What lies above the head means the head.
    Read(Seq),
    /// Mute and pin, in place of those before.
    Keep {
        /// See `Reading::muted_until`.
        muted_until: TimeMs,
        /// See `Reading::pinned`.
        pinned: bool,
    },
}

/// Key of the item that tells a user's own devices what the user has read of a conversation.
fn item_key(conversation: ConversationId) -> String {
    format!("{conversation}/own")
}

/// What must be in memory to decide what a user says of a conversation.
pub(super) fn needs(needs: &mut Needs<'_>, request: &ReadingRequest) {
    let (user, conversation) = (request.by.user, request.conversation);
    needs.need(Need::Device(request.by.device));
    if !needs.need(Need::Conversation(conversation)) {
        return;
    }
    let Some(held) = needs.state.conversations.get(&conversation).copied().flatten() else {
        return;
    };
    if held.row.is_group() {
        needs.need(Need::Group(conversation));
    }
    needs.need(Need::Item(user, CONVERSATIONS, item_key(conversation)));
    let shown = match request.change {
        ReadingChange::Read(seq) => seq,
        ReadingChange::Keep { .. } => Seq(0),
    };
    reading_needs(needs, (user, conversation), shown);
}

/// What must be in memory to say what a user has read of a conversation that is held, and to raise the mark to what a device
/// shows. Of a group its members are asked for elsewhere.
pub(super) fn reading_needs(
    needs: &mut Needs<'_>,
    (user, conversation): (UserId, ConversationId),
    shown: Seq,
) {
    let state = needs.state;
    let held = state.groups.get(&conversation).and_then(Option::as_ref);
    if held.is_some_and(|held| held.channel.is_some() && held.present(user).is_none()) {
        needs.need(Need::Follow(user, conversation));
    }
    if !needs.need(Need::Reading(user, conversation)) {
        return;
    }
    let read = state.readings.get(&(user, conversation)).map_or(Seq(0), |reading| reading.read);
    let places = [shown.min(head_of(state, conversation)), begun_behind(state, user, conversation)];
    for seq in places.into_iter().filter(|seq| *seq > read) {
        if count_known(state, conversation, seq).is_none() {
            needs.need(Need::Count(conversation, seq));
        }
    }
}

/// Decides what a user says of a conversation.
pub(super) fn decide(
    state: &mut State,
    request: &ReadingRequest,
    version: Version,
) -> Result<Decided, Refusal> {
    authorise(state, request.by)?;
    let (user, conversation) = (request.by.user, request.conversation);
    let held = state.conversations.get(&conversation).copied().flatten();
    let held = held.ok_or(Refusal::NoSuchConversation)?;
    let is_of_user = match held.row.is_group() {
        true => channels::since(state, user, conversation).is_some(),
        false => held.row.peer_of(user).is_some(),
    };
    if !is_of_user {
        return Err(Refusal::NoSuchConversation);
    }
    let before = reading_of(state, user, conversation);
    let mut reading = before.clone();
    match request.change {
        ReadingChange::Read(seq) => raise_to(state, &mut reading, seq.min(held.head)),
        ReadingChange::Keep { muted_until, pinned } => {
            (reading.muted_until, reading.pinned) = (muted_until, pinned);
        }
    }
    if reading == before {
        return Ok(Decided::unchanged(Answer::Done));
    }
    reading.as_of = held.head;
    let value = Some(ItemValue::Reading(Box::new(reading.clone())));
    let item = Item { kind: CONVERSATIONS, key: item_key(conversation), version, value };
    let effects = vec![put(state, reading, version), put_item(state, user, item)];
    Ok(Decided::changed(version, effects, Answer::Done))
}

/// A user writes an entry that counts, whose place is the one behind the head. Returns how many count through it, and the
/// read mark that it leaves the user.
pub(super) fn write(
    state: &mut State,
    effects: &mut Vec<Effect>,
    (user, conversation): (UserId, ConversationId),
    shown: Seq,
    version: Version,
) -> (u64, Seq) {
    let held = state.conversations.get(&conversation).copied().flatten();
    let held = held.expect("who writes to a conversation holds it");
    let seq = held.head.next();
    let count = held.counted.with(seq, true).count;
    let mut reading = reading_of(state, user, conversation);
    raise_to(state, &mut reading, shown.min(held.head));
    reading.wrote(seq, count);
    let read = reading.read;
    if seq.0 > reading.as_of.0 + READING_BEHIND_MAX {
        reading.as_of = seq;
        effects.push(put(state, reading, version));
    } else {
        state.readings.change((user, conversation), reading, version);
    }
    (count, read)
}

/// A conversation begins: nobody has read anything of it.
pub(super) fn begin(state: &mut State, conversation: ConversationId, user: UserId, version: Version) {
    state.readings.change((user, conversation), Reading::none(user, conversation), version);
}

/// Messages before `oldest` go, and what they say of their senders with them: it is written as a row first.
pub(super) fn keep_rows(
    state: &mut State,
    conversation: ConversationId,
    oldest: Seq,
    version: Version,
) -> Vec<Effect> {
    let Some(held) = state.conversations.get(&conversation).copied().flatten() else {
        return Vec::new();
    };
    let mut members = held.row.members.to_vec();
    members.dedup();
    let mut effects = Vec::new();
    for user in members {
        let reading = state.readings.get(&(user, conversation));
        if let Some(reading) = reading.filter(|reading| reading.as_of.next() < oldest).cloned() {
            effects.push(put(state, Reading { as_of: held.head, ..reading }, version));
        }
    }
    effects
}

fn put(state: &mut State, reading: Reading, version: Version) -> Effect {
    state.readings.change((reading.user, reading.conversation), reading.clone(), version);
    Effect::Reading(Box::new(reading))
}

/// What a user has read; what stood there before a join or a follow is not unread.
fn reading_of(state: &State, user: UserId, conversation: ConversationId) -> Reading {
    let reading = state.readings.get(&(user, conversation)).expect("what was read was warmed");
    let mut reading = reading.clone();
    raise_to(state, &mut reading, begun_behind(state, user, conversation));
    reading
}

fn raise_to(state: &State, reading: &mut Reading, seq: Seq) {
    if seq > reading.read {
        let count = count_known(state, reading.conversation, seq).expect("what is counted was warmed");
        reading.raise(seq, count);
    }
}

/// The place behind which the present membership or follow of a user began; 0 for a conversation between two.
fn begun_behind(state: &State, user: UserId, conversation: ConversationId) -> Seq {
    let since = channels::since(state, user, conversation);
    since.map_or(Seq(0), |since| Seq(since.0.saturating_sub(1)))
}

fn count_known(state: &State, conversation: ConversationId, seq: Seq) -> Option<u64> {
    let held = state.conversations.get(&conversation).copied().flatten()?;
    let counted = held.counted.through(held.head, seq);
    counted.or_else(|| state.counts.get(&(conversation, seq)).copied())
}
