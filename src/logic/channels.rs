//! What is done with channels: made, followed, turned into groups and back. What is posted goes the way of every entry.
//!
//! A follow is no entry of the log, since a log of a million follows is none: it begins behind the newest entry of the
//! time, and has the version of its own operation. So a post that waits to be put on the number line is for those in
//! whose time it was said.

use highwater_wire::Refusal;

pub(super) use super::follow_rows::{begin, begin_unbounded, ended, put_follow};
use super::{
    broadcasts::is_broadcast,
    contacts,
    decide::{Decided, Needs, authorise, put_item},
    fan_out::head_of,
    group_changes::{Changed, apply, closed, write_notice},
    groups::{self, check_name, is_made},
    heirs::heir_of,
    operation::{Answer, Principal},
    owned_groups,
    state::{GroupState, Need, State},
    turns,
};
use crate::{
    model::{
        Channel, ChannelEffect, ConversationId, Effect, Follow, FollowEnd, Form, Group, Interval, Member,
        Notice, Role, Seq, TimeMs, UserId, Version, belonging,
        record::{Item, ItemValue},
    },
    sync::kinds::CONVERSATIONS,
};

/// What a user does with a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelRequest {
    /// Who asks.
    pub by: Principal,
    /// Which channel. For a new one made of the request, so that the same request names the same: see `logic::id_of_new`.
    pub channel: ConversationId,
    /// What is done.
    pub change: ChannelChange,
}

/// See [`ChannelRequest`]. Each may come twice: the second time it changes nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChannelChange {
    /// It is made, under this name. Who makes it owns it, and follows it.
    Create(String),
    /// The one who asks follows it from here on. Not for somebody whom its owner blocks.
    Follow,
    /// The one who asks does not any more. Not for its owner.
    Unfollow,
    /// A group becomes a channel, or a channel a group. For the owner.
    Turn(Form),
}

/// What must be in memory to decide on a channel.
pub(super) fn needs(needs: &mut Needs<'_>, request: &ChannelRequest) {
    let (user, channel) = (request.by.user, request.channel);
    needs.need(Need::Device(request.by.device));
    needs.need(Need::Conversation(channel));
    let is_held = needs.need(Need::Group(channel));
    match &request.change {
        ChannelChange::Turn(to) if is_held => turns::needs(needs, channel, *to),
        ChannelChange::Turn(_) => {}
        ChannelChange::Create(_) => {
            follow_needs(needs, user, channel);
            owned_groups::needs(needs, user);
        }
        ChannelChange::Follow | ChannelChange::Unfollow => unfollow_needs(needs, user, channel),
    }
}

/// The rows of one follow, whether it is one that everybody has, and whether there is such a channel for who asks.
pub(super) fn unfollow_needs(needs: &mut Needs<'_>, user: UserId, channel: ConversationId) {
    needs.need(Need::Broadcasts);
    follow_needs(needs, user, channel);
    let held = needs.state.groups.get(&channel).and_then(Option::as_ref);
    if let Some(owner) = held.and_then(owner_of) {
        contacts::block_needs(needs, owner, user);
    }
}

fn follow_needs(needs: &mut Needs<'_>, user: UserId, channel: ConversationId) {
    needs.need(Need::Follow(user, channel));
    needs.need(Need::FollowCount(user));
    needs.need(Need::Item(user, CONVERSATIONS, channel.to_string()));
}

/// Decides what is done with a channel.
pub(super) fn decide(
    state: &mut State,
    at: TimeMs,
    request: &ChannelRequest,
    version: Version,
) -> Result<Decided, Refusal> {
    authorise(state, request.by)?;
    let place = (request.by.user, request.channel);
    match &request.change {
        ChannelChange::Create(name) => create(state, at, place, name, version),
        ChannelChange::Follow => follow(state, place, version),
        ChannelChange::Unfollow => unfollow(state, place, version),
        ChannelChange::Turn(to) => turns::decide(state, at, place, *to, version),
    }
}

fn create(
    state: &mut State,
    at: TimeMs,
    (founder, channel): (UserId, ConversationId),
    name: &str,
    version: Version,
) -> Result<Decided, Refusal> {
    check_name(name)?;
    if is_made(state, channel, |held| held.row.founder == founder)? {
        return Ok(Decided::unchanged(Answer::GroupCreated(channel)));
    }
    owned_groups::check_room(state, founder)?;
    let first = begin(state, (founder, channel), FollowEnd { seq: Seq(0), version })?;
    let row = Group::new(channel, name, founder, at);
    let of_channel =
        Channel { channel, followers: 0, changed: version, before: Form::Channel, turns: Vec::new() };
    let mut effects = vec![groups::begin(state, &row, Some(of_channel), version)];
    let intervals = vec![Interval { join: Seq(1), leave: None }];
    let owner = Member {
        group: channel,
        user: founder,
        role: Role::Owner,
        ranked: Seq(1),
        intervals,
        is_muted: false,
        is_removed: false,
    };
    let notice = Notice::Created { name: name.to_owned(), members: Vec::new() };
    let mut changed = Changed::members(vec![owner], notice);
    changed.row = Some(row);
    apply(state, &mut effects, channel, &changed, version);
    put_follow(state, &mut effects, first, version);
    count_followers(state, &mut effects, channel, |followers| followers + 1, version);
    effects.push(put_conversation(state, (founder, channel), version));
    write_notice(state, &mut effects, (at, channel, founder, Seq(1)), changed.notice, version);
    Ok(Decided::changed(version, effects, Answer::GroupCreated(channel)))
}

fn follow(
    state: &mut State,
    (user, channel): (UserId, ConversationId),
    version: Version,
) -> Result<Decided, Refusal> {
    let held = held_channel(state, channel)?;
    if is_following(state, user, channel) {
        return Ok(Decided::unchanged(Answer::Done));
    }
    check_is_there(state, held, (user, channel))?;
    let end = FollowEnd { seq: head_of(state, channel), version };
    let follow = begin(state, (user, channel), end)?;
    let mut effects = Vec::new();
    put_follow(state, &mut effects, follow, version);
    count_followers(state, &mut effects, channel, |followers| followers + 1, version);
    effects.push(put_conversation(state, (user, channel), version));
    Ok(Decided::changed(version, effects, Answer::Done))
}

/// Ends a follow. Who wrote to the channel as an admin does not any more.
pub(super) fn unfollow(
    state: &mut State,
    (user, channel): (UserId, ConversationId),
    version: Version,
) -> Result<Decided, Refusal> {
    let held = held_channel(state, channel)?;
    if is_broadcast(state, channel) {
        return Err(Refusal::FollowedByAll);
    }
    if !is_following(state, user, channel) {
        // Who followed once knows of it, so that asked twice it is the same.
        let has_followed = state.follows.get(&(user, channel)).is_some_and(Option::is_some);
        if !has_followed {
            check_is_there(state, held, (user, channel))?;
        }
        return Ok(Decided::unchanged(Answer::Done));
    }
    let member = held.present(user);
    if member.is_some_and(|member| member.role == Role::Owner) {
        // A channel that nobody owns could never be written to again.
        return Err(Refusal::Forbidden);
    }
    let seq = head_of(state, channel);
    let members = member.map(|member| closed(member, seq)).into_iter().collect();
    let mut effects = Vec::new();
    part(state, &mut effects, (user, channel), members, version);
    Ok(Decided::changed(version, effects, Answer::Done))
}

/// A channel goes on without a user who was erased: the follow ends, and the place of an owner goes to the heir. Where
/// nobody inherits the channel has ended: who follows it keeps it, and nobody writes to it or comes to follow it any more.
pub(super) fn without_erased(
    state: &mut State,
    effects: &mut Vec<Effect>,
    (user, channel): (UserId, ConversationId),
    version: Version,
) {
    let Some(held) = state.groups.get(&channel).and_then(Option::as_ref) else { return };
    let seq = head_of(state, channel);
    let left = held.present(user);
    let heir = left.and_then(|left| heir_of(state, held, left, seq.next()));
    let told = heir.as_ref().map(|heir| heir.user);
    let members = left.map(|left| closed(left, seq)).into_iter().chain(heir).collect();
    part(state, effects, (user, channel), members, version);
    // No step will tell the heir.
    effects.extend(told.map(|heir| put_conversation(state, (heir, channel), version)));
}

/// A user does not follow any more, if the user does, and these rows of members become so.
fn part(
    state: &mut State,
    effects: &mut Vec<Effect>,
    (user, channel): (UserId, ConversationId),
    members: Vec<Member>,
    version: Version,
) {
    let end = FollowEnd { seq: head_of(state, channel), version };
    if !members.is_empty() {
        apply(state, effects, channel, &Changed::members(members, Notice::Left), version);
    }
    let follow = state.follows.get(&(user, channel)).cloned().flatten().filter(Follow::is_open);
    if let Some(follow) = follow {
        put_follow(state, effects, ended(&follow, end), version);
        count_followers(state, effects, channel, |followers| followers - 1, version);
        effects.push(put_conversation(state, (user, channel), version));
    }
}

/// The rows to forget a time in which a user followed a channel.
pub(super) fn forget_needs(needs: &mut Needs<'_>, user: UserId, channel: ConversationId) {
    needs.need(Need::Group(channel));
    needs.need(Need::Follow(user, channel));
    needs.need(Need::FollowCount(user));
    needs.need(Need::Lineages(user));
}

/// Forgets the oldest time in which a user followed a channel, when it is past the retention of inboxes and the floor of
/// the user's messages, which is raised by an earlier operation, lies at or above its `last` post.
pub(super) fn forget(
    state: &mut State,
    (user, channel): (UserId, ConversationId),
    (through, last): (Seq, Version),
    version: Version,
) -> Decided {
    let unchanged = Decided::unchanged(Answer::Done);
    let Some(Some(follow)) = state.follows.get(&(user, channel)) else { return unchanged };
    let held = state.groups.get(&channel).and_then(Option::as_ref);
    let floor = state.lineages.get(&user).map_or(Version(0), |lineages| lineages.floor);
    let is_due = follow.intervals[0].through.is_some_and(|end| {
        end.seq == through && end.version <= super::retention::past(state, state.policy.retentions.inbox_ms)
    });
    // What waits has no version yet, so the floor says nothing of it.
    let is_expanded = held.is_some_and(|held| held.is_expanded(through));
    if !is_due || !is_expanded || last > floor {
        return unchanged;
    }
    let follow = Follow { intervals: follow.intervals[1..].to_vec(), ..follow.clone() };
    let mut effects = Vec::new();
    put_follow(state, &mut effects, follow, version);
    Decided::changed(version, effects, Answer::Done)
}

/// The group of a channel. Whether there is no such conversation or it is a group looks the same from outside.
pub(super) fn held_channel(state: &State, channel: ConversationId) -> Result<&GroupState, Refusal> {
    let held = state.groups.get(&channel).and_then(Option::as_ref);
    held.filter(|held| held.form() == Form::Channel).ok_or(Refusal::NoSuchConversation)
}

/// For somebody whom its owner blocks there is no such channel, unless everybody follows it; and for nobody one that has
/// ended: nobody writes to it any more.
fn check_is_there(
    state: &State,
    held: &GroupState,
    (user, channel): (UserId, ConversationId),
) -> Result<(), Refusal> {
    match owner_of(held) {
        Some(owner) if is_broadcast(state, channel) || !contacts::is_blocked(state, owner, user) => Ok(()),
        _ => Err(Refusal::NoSuchConversation),
    }
}

/// Whom a group belongs to; nobody, when it has ended.
pub(super) fn owner_of(held: &GroupState) -> Option<UserId> {
    held.present_members().find(|member| member.role == Role::Owner).map(|member| member.user)
}

fn is_open(follow: &Option<Follow>) -> bool {
    follow.as_ref().is_some_and(Follow::is_open)
}

/// The first place of the time in which a conversation of many is a user's now: of the membership, or of the follow, or of
/// both. Of a channel the follow of who is no member must be held.
pub(super) fn since(state: &State, user: UserId, group: ConversationId) -> Option<Seq> {
    let held = state.groups.get(&group).and_then(Option::as_ref)?;
    let follow = state.follows.get(&(user, group)).and_then(Option::as_ref);
    belonging::since(held.members.get(&user), follow)
}

pub(super) fn is_following(state: &State, user: UserId, channel: ConversationId) -> bool {
    state.follows.get(&(user, channel)).is_some_and(is_open)
}

pub(super) fn count_followers(
    state: &mut State,
    effects: &mut Vec<Effect>,
    channel: ConversationId,
    count: impl Fn(u64) -> u64,
    version: Version,
) {
    change_channel(state, effects, channel, version, |row| row.followers = count(row.followers));
}

/// Changes the row of a channel, in memory and in the record.
pub(super) fn change_channel(
    state: &mut State,
    effects: &mut Vec<Effect>,
    channel: ConversationId,
    version: Version,
    change: impl FnOnce(&mut Channel),
) {
    state.groups.change_with(&channel, version, |held| {
        let held = held.as_mut().expect("a channel that changes is held");
        let none =
            || Channel { channel, followers: 0, changed: version, before: Form::Group, turns: Vec::new() };
        let row = held.channel.get_or_insert_with(none);
        change(row);
        row.changed = version;
        effects.push(Effect::Channel(ChannelEffect::Row(row.clone())));
    });
}

/// The conversation of a follower as his follow is now: it is there while the user follows, with the name and role of now.
pub(super) fn put_conversation(
    state: &mut State,
    (user, channel): (UserId, ConversationId),
    version: Version,
) -> Effect {
    let held = state.groups.get(&channel).and_then(Option::as_ref);
    let name = held.map(|held| held.row.name.clone()).unwrap_or_default();
    let role = held.and_then(|held| held.present(user)).map_or(Role::Member, |member| member.role);
    let form = held.map_or(Form::Channel, GroupState::form);
    let since = since(state, user, channel);
    let value = since.map(|since| ItemValue::Group { group: channel, name, role, since, form });
    put_item(state, user, Item { kind: CONVERSATIONS, key: channel.to_string(), version, value })
}
