//! How the entries of a group reach the inboxes of its members: in the operation that makes an entry, or by later steps.
//!
//! What is not expanded stands in the log of the group, and that is the queue: first in, first out, with a position that
//! moves in the record that holds the pointers it covers. For whom an entry is says its place, whenever it is expanded:
//! the list of members as it is now decides nothing.

use std::{
    collections::BTreeSet,
    ops::Bound::{Excluded, Unbounded},
    sync::Arc,
};

use highwater_wire::Refusal;

use super::{
    decide::{Decided, Needs, put_item},
    operation::Answer,
    state::{GroupState, Need, State},
};
use crate::model::{
    ConversationId, Day, Delivery, Effect, Expansion, Kind, Member, Position, Seq, UserId, Version,
    limits::{BATCH_GROUP_POINTERS_MAX, FAN_OUT_ENTRIES_MAX},
    record::{Item, ItemValue, Message},
};

/// The kind that begins with a join and ends with a leave; its number as on the wire.
pub(super) const CONVERSATIONS: Kind = Kind(highwater_wire::kind::CONVERSATIONS as u8);

/// Pointers that may still be made in one batch.
#[derive(Debug, Clone, Copy)]
pub(super) struct BatchRoom {
    /// By operations that make entries.
    at_once: usize,
    /// By steps for entries that wait.
    by_steps: usize,
}

impl Default for BatchRoom {
    fn default() -> BatchRoom {
        BatchRoom { at_once: BATCH_GROUP_POINTERS_MAX, by_steps: BATCH_GROUP_POINTERS_MAX }
    }
}

impl BatchRoom {
    /// Whether one more step may be decided in this batch; what has no room waits for the next.
    pub(super) fn has_room_for_step(self) -> bool {
        self.by_steps > 0
    }
}

/// An entry to be written.
pub(super) struct Entry {
    /// Who sent it, or did what a notice says. Its conversation is a group, and its seq the one after the head.
    pub(super) message: Message,
    /// See `Delivery::day`.
    pub(super) day: Day,
    /// See `Delivery::fingerprint`.
    pub(super) fingerprint: u64,
}

/// Whether a user may write to a group now, and the group takes entries.
pub(super) fn admit(state: &State, group: ConversationId, user: UserId) -> Result<&GroupState, Refusal> {
    let held = state.groups.get(&group).and_then(Option::as_ref).ok_or(Refusal::NoSuchConversation)?;
    // Whether there is no such group or the user is not in it looks the same from outside.
    held.present(user).ok_or(Refusal::NoSuchConversation)?;
    Ok(held)
}

/// Refuses what may wait while too much of a group waits already.
pub(super) fn check_queue(state: &State, held: &GroupState) -> Result<(), Refusal> {
    let head = head_of(state, held.row.group);
    match held.position {
        Some(position) if head.0 - position.entry.0 >= FAN_OUT_ENTRIES_MAX => Err(Refusal::Busy),
        _ => Ok(()),
    }
}

/// The newest seq of a group's log.
pub(super) fn head_of(state: &State, group: ConversationId) -> Seq {
    state.conversations.get(&group).copied().flatten().map(|held| held.head).unwrap_or_default()
}

/// What must be in memory to write an entry to a group that is held, when these are members too. Some of them may be
/// members already.
pub(super) fn entry_needs(needs: &mut Needs<'_>, held: &GroupState, added: &[UserId]) {
    let present = held.present_members().map(|member| member.user);
    let audience: BTreeSet<UserId> = present.chain(added.iter().copied()).collect();
    let waits = held.position.is_some() || audience.len() > needs.state.group_bounds.step_pointers_max;
    for user in audience.into_iter().filter(|_| !waits) {
        needs.need(Need::Inbox(user));
    }
}

/// Writes an entry whose place the rows of the group know already: with pointers for its whole audience when nothing waits
/// and there is room, and without any, not even the sender's own, when steps come later.
pub(super) fn write_entry(state: &mut State, effects: &mut Vec<Effect>, entry: Entry, version: Version) {
    let (group, seq) = (entry.message.conversation, entry.message.seq);
    let counts = entry.message.content.counts();
    state.conversations.change_with(&group, version, |held| {
        if let Some(held) = held {
            held.has_entry(seq, counts);
        }
    });
    let held = state.groups.get(&group).and_then(Option::as_ref);
    let held = held.expect("an entry is written to a group that is held");
    let audience: Vec<Member> = held.members.values().filter(|member| member.has(seq)).cloned().collect();
    let room = state.batch.at_once.min(state.group_bounds.step_pointers_max);
    let at_once = held.position.is_none() && audience.len() <= room;
    let mut pointers = Vec::new();
    if at_once {
        state.batch.at_once -= audience.len();
        pointers = point(state, &audience, version);
        tell_items(state, effects, group, &audience, (seq, version));
    } else if held.position.is_none() {
        set_position(state, effects, group, Some(Position { entry: seq, after: None }), version);
    }
    let Entry { message, day, fingerprint } = entry;
    effects.push(Effect::Message(Arc::new(Delivery { version, message, day, fingerprint, pointers })));
}

/// What must be in memory for the next step of a group.
pub(super) fn expand_needs(needs: &mut Needs<'_>, group: ConversationId) {
    let is_held = needs.need(Need::Conversation(group));
    if !needs.need(Need::Group(group)) || !is_held {
        return;
    }
    let Some(held) = needs.state.groups.get(&group).and_then(Option::as_ref) else {
        return;
    };
    let Some(position) = held.position else { return };
    let (members, _) = step(held, position, needs.state.group_bounds.step_pointers_max);
    for member in members {
        needs.need(Need::Inbox(member.user));
        if changes_item(held, &member, position.entry) {
            needs.need(Need::Item(member.user, CONVERSATIONS, group.to_string()));
        }
    }
}

/// One step: pointers to the oldest entry that waits, for the next of its audience. Nothing happens when nothing waits.
pub(super) fn expand(state: &mut State, group: ConversationId, version: Version) -> Decided {
    let step_max = state.group_bounds.step_pointers_max;
    let held = state.groups.get(&group).and_then(Option::as_ref);
    let Some((held, position)) = held.and_then(|held| Some((held, held.position?))) else {
        return Decided::unchanged(Answer::Done);
    };
    let (members, is_last) = step(held, position, step_max);
    let entry = position.entry;
    let next = match members.last().filter(|_| !is_last) {
        Some(member) => Some(Position { entry, after: Some(member.user) }),
        None if entry < head_of(state, group) => Some(Position { entry: entry.next(), after: None }),
        None => None,
    };
    state.batch.by_steps = state.batch.by_steps.saturating_sub(members.len().max(1));
    let mut effects = Vec::new();
    tell_items(state, &mut effects, group, &members, (entry, version));
    let pointers = point(state, &members, version);
    if !pointers.is_empty() {
        effects.push(Effect::Expanded(Arc::new(Expansion { version, group, seq: entry, pointers })));
    }
    set_position(state, &mut effects, group, next, version);
    Decided::changed(version, effects, Answer::Done)
}

/// The next of the audience of an entry, and whether these are the last of it.
fn step(held: &GroupState, position: Position, pointers_max: usize) -> (Vec<Member>, bool) {
    let from = position.after.map_or(Unbounded, Excluded);
    let left = held.members.range((from, Unbounded)).map(|(_, member)| member);
    let mut audience = left.filter(|member| member.has(position.entry));
    let members = audience.by_ref().take(pointers_max).cloned().collect();
    (members, audience.next().is_none())
}

/// Gives each a pointer. Returns whom, with the pointer before it.
fn point(state: &mut State, audience: &[Member], version: Version) -> Vec<(UserId, Version)> {
    let mut pointers = Vec::with_capacity(audience.len());
    for user in audience.iter().map(|member| member.user) {
        let previous = state.inboxes.get(&user).copied().unwrap_or_default();
        state.inboxes.change(user, version, version);
        pointers.push((user, previous));
    }
    pointers
}

/// Whether the entry at this place begins, ends or renames the member's conversation.
fn changes_item(held: &GroupState, member: &Member, seq: Seq) -> bool {
    member.joins_at(seq) || member.leaves_at(seq) || held.row.named == seq
}

/// A member's conversation begins and ends, and is renamed, in the step that tells why. It has the newest name: an older
/// one that was never told need not be told any more.
fn tell_items(
    state: &mut State,
    effects: &mut Vec<Effect>,
    group: ConversationId,
    audience: &[Member],
    (seq, version): (Seq, Version),
) {
    let held = state.groups.get(&group).and_then(Option::as_ref);
    let Some(held) = held else { return };
    let changed: Vec<Member> =
        audience.iter().filter(|member| changes_item(held, member, seq)).cloned().collect();
    let value = ItemValue::Group { group, name: held.row.name.clone() };
    for member in changed {
        let value = (!member.leaves_at(seq)).then(|| value.clone());
        let item = Item { kind: CONVERSATIONS, key: group.to_string(), version, value };
        effects.push(put_item(state, member.user, item));
    }
}

fn set_position(
    state: &mut State,
    effects: &mut Vec<Effect>,
    group: ConversationId,
    position: Option<Position>,
    version: Version,
) {
    state.groups.change_with(&group, version, |held| {
        if let Some(held) = held {
            held.position = position;
        }
    });
    effects.push(Effect::FanOut { group, position });
}
