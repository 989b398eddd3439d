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
    channels,
    decide::{Decided, Needs, put_item},
    operation::Answer,
    state::{GroupState, Need, State},
};
use crate::{
    model::{
        ChannelEffect, ConversationId, Day, Delivery, Effect, Expansion, Form, GroupEffect, Member, Position,
        Posted, Role, Seq, UserId, Version,
        limits::{BATCH_GROUP_POINTERS_MAX, FAN_OUT_ENTRIES_MAX},
        record::{Item, ItemValue, Message},
        seeded::{self, SyncBug},
    },
    sync::kinds::CONVERSATIONS,
};

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

/// Whether a user may write to a group now: every member may, and of a channel its owner and admins.
pub(super) fn admit(state: &State, group: ConversationId, user: UserId) -> Result<&GroupState, Refusal> {
    let held = state.groups.get(&group).and_then(Option::as_ref).ok_or(Refusal::NoSuchConversation)?;
    // Whether there is no such group or the user is not in it looks the same from outside.
    let member = held.present(user).ok_or(Refusal::NoSuchConversation)?;
    if held.form() == Form::Channel && member.role == Role::Member {
        return Err(Refusal::Forbidden);
    }
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
    if held.form() == Form::Channel {
        return;
    }
    let present = held.present_members().map(|member| member.user);
    let at_once_max = needs.state.policy.group_bounds.step_pointers_max;
    if held.position.is_some() || held.present_count() > at_once_max {
        return;
    }
    let audience: BTreeSet<UserId> = present.chain(added.iter().copied()).collect();
    let waits = audience.len() > at_once_max;
    for user in audience.into_iter().filter(|_| !waits) {
        needs.need(Need::Inbox(user));
    }
}

/// Writes an entry whose place the rows of the group know already: with pointers for its whole audience when nothing waits
/// and there is room, and without any, not even the sender's own, when steps come later. An entry of a channel is put on the
/// number line in their place.
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
    let is_post = held.form_at(seq) == Form::Channel;
    // A post costs what one pointer costs, whoever follows.
    let audience = match is_post {
        true => Audience::default(),
        false => Audience::of(held, seq, held.members.values().filter(|member| member.has(seq))),
    };
    let pointers_due = if is_post { 1 } else { audience.users.len() };
    let waits = held.position.is_some();
    let at_once =
        !waits && pointers_due <= state.batch.at_once.min(state.policy.group_bounds.step_pointers_max);
    let mut pointers = Vec::new();
    if seeded::is(SyncBug::SenderAheadOfQueue) && !at_once {
        let sender = audience.users.iter().filter(|user| **user == entry.message.sender);
        pointers = point(state, &sender.copied().collect::<Vec<_>>(), version);
    }
    if at_once {
        state.batch.at_once -= pointers_due;
        pointers = point(state, &audience.users, version);
        tell_items(state, effects, group, audience.changed, (seq, version));
    } else if !waits {
        set_position(state, effects, group, Some(Position { entry: seq, after: None }), version);
    }
    let Entry { message, day, fingerprint } = entry;
    effects.push(Effect::Message(Arc::new(Delivery { version, message, day, fingerprint, pointers })));
    if is_post && at_once {
        effects.push(Effect::Channel(ChannelEffect::Posted(Posted { channel: group, seq, version })));
    }
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
    if held.form_at(position.entry) == Form::Channel {
        return;
    }
    let (audience, _) = step(held, position, needs.state.policy.group_bounds.step_pointers_max);
    for user in audience.users {
        needs.need(Need::Inbox(user));
    }
    for member in audience.changed {
        needs.need(Need::Item(member.user, CONVERSATIONS, group.to_string()));
        if held.form() == Form::Channel {
            needs.need(Need::Follow(member.user, group));
        }
    }
}

/// One step: pointers to the oldest entry that waits, for the next of its audience. Nothing happens when nothing waits.
pub(super) fn expand(state: &mut State, group: ConversationId, version: Version) -> Decided {
    let step_max = state.policy.group_bounds.step_pointers_max;
    let held = state.groups.get(&group).and_then(Option::as_ref);
    let Some((held, position)) = held.and_then(|held| Some((held, held.position?))) else {
        return Decided::unchanged(Answer::Done);
    };
    let entry = position.entry;
    if held.form_at(entry) == Form::Channel {
        return post(state, group, entry, version);
    }
    let (audience, is_last) = step(held, position, step_max);
    let next = match audience.users.last().filter(|_| !is_last) {
        Some(user) => Some(Position { entry, after: Some(*user) }),
        None => behind(state, group, entry),
    };
    state.batch.by_steps = state.batch.by_steps.saturating_sub(audience.users.len().max(1));
    let mut effects = Vec::new();
    tell_items(state, &mut effects, group, audience.changed, (entry, version));
    let pointers = point(state, &audience.users, version);
    if !pointers.is_empty() {
        let step = Expansion { version, group, seq: entry, pointers };
        effects.push(Effect::Group(GroupEffect::Expanded(Arc::new(step))));
    }
    set_position(state, &mut effects, group, next, version);
    if seeded::is(SyncBug::PositionAfterPointers) && next.is_some() {
        effects.pop();
        effects.push(Effect::Group(GroupEffect::FanOut { group, position: Some(position) }));
    }
    Decided::changed(version, effects, Answer::Done)
}

/// One step of a channel: the oldest entry that waits is put on the number line.
fn post(state: &mut State, channel: ConversationId, seq: Seq, version: Version) -> Decided {
    state.batch.by_steps = state.batch.by_steps.saturating_sub(1);
    let next = behind(state, channel, seq);
    let mut effects = vec![Effect::Channel(ChannelEffect::Posted(Posted { channel, seq, version }))];
    set_position(state, &mut effects, channel, next, version);
    Decided::changed(version, effects, Answer::Done)
}

/// Where the next step begins when an entry is wholly expanded.
fn behind(state: &State, group: ConversationId, entry: Seq) -> Option<Position> {
    (entry < head_of(state, group)).then_some(Position { entry: entry.next(), after: None })
}

/// Those who get an entry, or some of them.
#[derive(Default)]
struct Audience {
    /// In the order of ids.
    users: Vec<UserId>,
    /// Those of them whose conversation begins, ends or changes by it.
    changed: Vec<Member>,
}

impl Audience {
    fn of<'a>(held: &GroupState, seq: Seq, members: impl Iterator<Item = &'a Member>) -> Audience {
        let mut audience = Audience { users: Vec::new(), changed: Vec::new() };
        for member in members {
            audience.users.push(member.user);
            if changes_item(held, member, seq) {
                audience.changed.push(member.clone());
            }
        }
        audience
    }
}

/// The next of the audience of an entry, and whether these are the last of it.
fn step(held: &GroupState, position: Position, pointers_max: usize) -> (Audience, bool) {
    let from = position.after.map_or(Unbounded, Excluded);
    let left = held.members.range((from, Unbounded)).map(|(_, member)| member);
    let is_for = |member: &&Member| match seeded::is(SyncBug::MembersAtExpansion) {
        true => member.since().is_some(),
        false => member.has(position.entry),
    };
    let mut members = left.filter(is_for);
    // A step that made no pointer would be taken for ever.
    let audience = Audience::of(held, position.entry, members.by_ref().take(pointers_max.max(1)));
    (audience, members.next().is_none())
}

/// Gives each a pointer. Returns whom, with the pointer before it.
fn point(state: &mut State, audience: &[UserId], version: Version) -> Vec<(UserId, Version)> {
    let mut pointers = Vec::with_capacity(audience.len());
    for user in audience {
        let previous = state.inboxes.replace(*user, version, version).unwrap_or_default();
        pointers.push((*user, previous));
    }
    pointers
}

/// Whether the entry at this place begins, ends or renames the member's conversation, or gives the member a role.
fn changes_item(held: &GroupState, member: &Member, seq: Seq) -> bool {
    member.joins_at(seq) || member.leaves_at(seq) || member.ranked == seq || held.row.named == seq
}

/// A member's conversation begins and ends, is renamed and gets a role, in the step that tells why. It has the newest name
/// and role: older ones that were never told need not be told any more.
fn tell_items(
    state: &mut State,
    effects: &mut Vec<Effect>,
    group: ConversationId,
    changed: Vec<Member>,
    (seq, version): (Seq, Version),
) {
    let held = state.groups.get(&group).and_then(Option::as_ref);
    let Some(held) = held else { return };
    let changed: Vec<(UserId, Role, Option<Seq>)> = changed
        .iter()
        .map(|member| (member.user, member.role, has_since(state, held, member, seq)))
        .collect();
    let (name, form) = (held.row.name.clone(), held.form());
    for (user, role, since) in changed {
        if since.is_none() && seeded::is(SyncBug::LeaverItemLeft) {
            continue;
        }
        let value = since.map(|since| ItemValue::Group { group, name: name.clone(), role, since, form });
        let item = Item { kind: CONVERSATIONS, key: group.to_string(), version, value };
        effects.push(put_item(state, user, item));
    }
}

/// Since which place a member has the conversation that he has after the entry at this one; nothing when he has none.
/// Follows and unfollows are told by their own operations: where the group turned at the entry or since, they are newer,
/// and it counts who belongs to it now.
fn has_since(state: &State, held: &GroupState, member: &Member, seq: Seq) -> Option<Seq> {
    let mut turns = held.channel.iter().flat_map(|channel| &channel.turns);
    if !turns.any(|turn| turn.at >= seq) {
        return member.since_at(seq).filter(|_| !member.leaves_at(seq));
    }
    match held.form() {
        Form::Group => member.since(),
        Form::Channel => channels::since(state, member.user, held.row.group),
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
    effects.push(Effect::Group(GroupEffect::FanOut { group, position }));
}
