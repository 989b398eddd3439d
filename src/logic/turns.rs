//! How a group becomes a channel, and a channel a group: an entry of the log, behind which everything is expanded the new
//! way. The members of the group follow the channel from there on, or the followers are its members; what stands before is
//! expanded the old way, whenever it comes to it.

use highwater_wire::Refusal;

use super::{
    broadcasts::is_broadcast,
    channels::{begin, change_channel, ended, owner_of, put_conversation, put_follow, since},
    decide::{Decided, Needs},
    fan_out::{check_queue, head_of},
    group_changes::{Changed, apply, write_notice},
    groups::rejoin,
    operation::Answer,
    state::{GroupState, Need, State},
};
use crate::{
    model::{
        ConversationId, Follow, FollowEnd, Form, Member, Notice, Role, TimeMs, Turn, UserId, Version,
        limits::{GROUP_MEMBERS_CEILING, TURNS_WAITING_MAX},
    },
    sync::kinds::CONVERSATIONS,
};

/// What must be in memory to turn a group that is held.
pub(super) fn needs(needs: &mut Needs<'_>, group: ConversationId, to: Form) {
    let state = needs.state;
    let Some(held) = state.groups.get(&group).and_then(Option::as_ref).filter(|held| held.form() != to)
    else {
        return;
    };
    if to == Form::Channel {
        for member in held.present_members() {
            needs.need(Need::Follow(member.user, group));
            needs.need(Need::FollowCount(member.user));
            needs.need(Need::Item(member.user, CONVERSATIONS, group.to_string()));
        }
        super::fan_out::entry_needs(needs, held, &[]);
        return;
    }
    needs.need(Need::Broadcasts);
    let followers = held.channel.as_ref().map_or(0, |channel| channel.followers);
    if followers > GROUP_MEMBERS_CEILING as u64 || !needs.need(Need::Followers(group)) {
        return;
    }
    for user in state.followers.get(&group).into_iter().flatten() {
        needs.need(Need::Follow(*user, group));
        needs.need(Need::FollowCount(*user));
        needs.need(Need::Item(*user, CONVERSATIONS, group.to_string()));
    }
}

/// What must be in memory to turn a group without the word of its owner.
pub(super) fn unasked_needs(wanted: &mut Needs<'_>, group: ConversationId, to: Form) {
    wanted.need(Need::Conversation(group));
    if wanted.need(Need::Group(group)) {
        needs(wanted, group, to);
    }
}

/// Decides the same by an operator's word, or since the group has grown. Who owns it does it by its log: a group has one.
pub(super) fn decide_unasked(
    state: &mut State,
    at: TimeMs,
    group: ConversationId,
    to: Form,
    version: Version,
) -> Result<Decided, Refusal> {
    let held = state.groups.get(&group).and_then(Option::as_ref);
    let owner = held.and_then(owner_of).ok_or(Refusal::NoSuchConversation)?;
    decide(state, at, (owner, group), to, version)
}

/// Somebody has joined: a group that has more members than a group is to have becomes a channel by a later operation, which
/// the committer asks for. Not one that was a channel before: who turned it back wanted a group. What cannot be done then,
/// since too much waits say, is asked for again with the next join.
pub(super) fn note_growth(state: &mut State, group: ConversationId) {
    let bound = state.policy.channel_above_members;
    let held = state.groups.get(&group).and_then(Option::as_ref).filter(|held| held.channel.is_none());
    let is_outgrown = bound > 0 && held.is_some_and(|held| held.present_count() > bound);
    if is_outgrown && !state.outgrown.contains(&group) {
        state.outgrown.push(group);
    }
}

/// Decides that a group is a channel from here on, or the reverse.
pub(super) fn decide(
    state: &mut State,
    at: TimeMs,
    (by, group): (UserId, ConversationId),
    to: Form,
    version: Version,
) -> Result<Decided, Refusal> {
    let held = state.groups.get(&group).and_then(Option::as_ref).ok_or(Refusal::NoSuchConversation)?;
    let member = held.present(by).ok_or(Refusal::NoSuchConversation)?;
    if member.role != Role::Owner {
        return Err(Refusal::Forbidden);
    }
    if held.form() == to {
        return Ok(Decided::unchanged(Answer::Done));
    }
    if is_broadcast(state, group) {
        // Everybody would be a member.
        return Err(Refusal::FollowedByAll);
    }
    check_queue(state, held)?;
    let end = FollowEnd { seq: head_of(state, group).next(), version };
    let turned = turned(held, Turn { at: end.seq, to })?;
    let rows = match to {
        Form::Channel => to_channel(state, held, end)?,
        Form::Group => to_group(state, held, end)?,
    };
    let mut effects = Vec::new();
    let changed = Changed::members(rows.members, Notice::Turned(to));
    apply(state, &mut effects, group, &changed, version);
    for follow in rows.follows {
        put_follow(state, &mut effects, follow, version);
    }
    change_channel(state, &mut effects, group, version, |row| {
        (row.before, row.turns, row.followers) = (turned.0, turned.1, rows.followers);
    });
    for user in rows.told {
        effects.push(put_conversation(state, (user, group), version));
    }
    write_notice(state, &mut effects, (at, group, by, end.seq), changed.notice, version);
    Ok(Decided::changed(version, effects, Answer::Done))
}

/// The turns that count with one more: those that are expanded say no more than what was before the others.
fn turned(held: &GroupState, turn: Turn) -> Result<(Form, Vec<Turn>), Refusal> {
    let row = held.channel.as_ref();
    let (mut before, mut turns) =
        row.map_or((Form::Group, Vec::new()), |row| (row.before, row.turns.clone()));
    while let Some(oldest) = turns.first().filter(|turn| held.is_expanded(turn.at)) {
        before = oldest.to;
        turns.remove(0);
    }
    if turns.len() >= TURNS_WAITING_MAX {
        return Err(Refusal::Busy);
    }
    turns.push(turn);
    Ok((before, turns))
}

/// What becomes of those who belong to it.
struct Rows {
    members: Vec<Member>,
    follows: Vec<Follow>,
    /// Whose conversation is of the other form from here on.
    told: Vec<UserId>,
    followers: u64,
}

/// Every member follows. The rows of the members stay: they say who may write, and who was given what waits.
fn to_channel(state: &State, held: &GroupState, end: FollowEnd) -> Result<Rows, Refusal> {
    let begun = |member: &Member| begin(state, (member.user, held.row.group), end);
    let follows = held.present_members().map(begun).collect::<Result<Vec<_>, _>>()?;
    let followers = follows.len() as u64;
    let told = held.present_members().map(|member| member.user).collect();
    Ok(Rows { members: Vec::new(), follows, told, followers })
}

/// Every follower is a member, since the follow began. Who was one all the time stays what he was.
fn to_group(state: &State, held: &GroupState, end: FollowEnd) -> Result<Rows, Refusal> {
    let group = held.row.group;
    let followers = held.channel.as_ref().map_or(0, |channel| channel.followers);
    if followers > state.policy.group_bounds.members_max as u64 {
        return Err(Refusal::GroupFull);
    }
    let users = state.followers.get(&group).ok_or(Refusal::Busy)?;
    let new = users.iter().filter(|user| held.present(**user).is_none());
    let joined = |user: &UserId| {
        let since = since(state, *user, group).unwrap_or(end.seq);
        Ok(Member { ranked: end.seq, ..rejoin(held, *user, since)? })
    };
    let members = new.map(joined).collect::<Result<_, _>>()?;
    let follows = users.iter().filter_map(|user| state.follows.get(&(*user, group)).cloned().flatten());
    let follows: Vec<Follow> = follows.collect();
    let told = follows.iter().map(|follow| follow.user).collect();
    let follows = follows.iter().map(|follow| ended(follow, end)).collect();
    Ok(Rows { members, follows, told, followers: 0 })
}
