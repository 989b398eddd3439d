//! What is done with channels: made, followed, turned into groups and back. What is posted goes the way of every entry.
//!
//! A follow is no entry of the log, since a log of a million follows is none: it begins behind the newest entry of the
//! time, and has the version of its own operation. So a post that waits to be put on the number line is for those in
//! whose time it was said.

use highwater_wire::Refusal;

use super::{
    broadcasts::is_broadcast,
    contacts,
    decide::{Decided, Needs, authorise, put_item},
    fan_out::{CONVERSATIONS, head_of},
    group_changes::{Changed, apply, closed, write_notice},
    groups::{self, check_name, is_made},
    heirs::heir_of,
    operation::{Answer, Principal},
    state::{GroupState, Need, State},
    turns,
};
use crate::model::{
    Channel, ChannelEffect, ConversationId, Effect, Follow, FollowEnd, FollowInterval, Form, Group, Interval,
    Member, Notice, Role, Seq, TimeMs, UserId, Version, belonging,
    limits::{FOLLOW_INTERVALS_MAX, FOLLOWS_PER_USER_MAX},
    record::{Item, ItemValue},
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
        ChannelChange::Follow => {
            unfollow_needs(needs, user, channel);
            let held = needs.state.groups.get(&channel).and_then(Option::as_ref);
            if let Some(owner) = held.and_then(owner_of) {
                contacts::block_needs(needs, owner, user);
            }
        }
        ChannelChange::Create(_) | ChannelChange::Unfollow => {
            unfollow_needs(needs, user, channel);
        }
    }
}

/// The rows of one follow, and whether it is one that everybody has.
pub(super) fn unfollow_needs(needs: &mut Needs<'_>, user: UserId, channel: ConversationId) {
    needs.need(Need::Broadcasts);
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
    if held.present_count() == 0 {
        // It has ended: nobody writes to it any more.
        return Err(Refusal::NoSuchConversation);
    }
    let is_blocked = owner_of(held).is_some_and(|owner| contacts::is_blocked(state, owner, user));
    if is_blocked && !is_broadcast(state, channel) {
        // For somebody whom its owner blocks there is no such channel, unless everybody follows it.
        return Err(Refusal::NoSuchConversation);
    }
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
    let heir = left.filter(|left| left.role == Role::Owner).and_then(|_| heir_of(state, held, user));
    let heir =
        heir.map(|heir| Member { role: Role::Owner, ranked: seq.next(), is_muted: false, ..heir.clone() });
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
        end.seq == through && end.version <= super::retention::past(state, state.retentions.inbox_ms)
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

/// The row of a user who follows from here on; the user does not follow yet.
pub(super) fn begin(
    state: &State,
    (user, channel): (UserId, ConversationId),
    after: FollowEnd,
) -> Result<Follow, Refusal> {
    let held = state.follows.get(&(user, channel)).and_then(Option::as_ref);
    let times = held.map_or(0, |follow| follow.intervals.len());
    let follows = state.follow_counts.get(&user).copied().unwrap_or(0);
    let follow = begin_unbounded(state, (user, channel), after);
    let is_one_more = follow.intervals.len() > times.max(FOLLOW_INTERVALS_MAX);
    if is_one_more || (held.is_none() && follows >= FOLLOWS_PER_USER_MAX) {
        return Err(Refusal::TooManyFollows);
    }
    Ok(follow)
}

/// The same where an operator has the user follow, who is not refused for what the user did.
pub(super) fn begin_unbounded(
    state: &State,
    (user, channel): (UserId, ConversationId),
    after: FollowEnd,
) -> Follow {
    let held = state.follows.get(&(user, channel)).cloned().flatten();
    let mut follow = held.unwrap_or(Follow { user, channel, intervals: Vec::new() });
    let last = follow.intervals.last_mut();
    match last.filter(|last| last.through.is_some_and(|end| end.seq == after.seq)) {
        // Nothing was said since, so it is as if the user had stayed.
        Some(last) => last.through = None,
        None => follow.intervals.push(FollowInterval { after, through: None }),
    }
    follow
}

/// The row of a user who does not follow any more. A time in which nothing was said is not worth remembering.
pub(super) fn ended(follow: &Follow, end: FollowEnd) -> Follow {
    let mut intervals = follow.intervals.clone();
    let last = intervals.last_mut().expect("a follow has a time");
    last.through = Some(end);
    if last.after.seq == end.seq {
        intervals.pop();
    }
    Follow { intervals, ..follow.clone() }
}

/// The row takes its value, in memory and in the record; without any time in it it goes.
pub(super) fn put_follow(state: &mut State, effects: &mut Vec<Effect>, follow: Follow, version: Version) {
    let (user, channel, key) = (follow.user, follow.channel, (follow.user, follow.channel));
    let was_kept = state.follows.get(&key).is_some_and(Option::is_some);
    let is_kept = !follow.intervals.is_empty();
    state.note_follower((channel, user), follow.is_open(), version);
    state.follows.change(key, is_kept.then(|| follow.clone()), version);
    let effect =
        if is_kept { ChannelEffect::Follow(follow) } else { ChannelEffect::FollowGone { user, channel } };
    effects.push(Effect::Channel(effect));
    if was_kept != is_kept {
        let follows = state.follow_counts.get(&user).copied().unwrap_or(0);
        let follows = if is_kept { follows + 1 } else { follows.saturating_sub(1) };
        state.follow_counts.change(user, follows, version);
        effects.push(Effect::Channel(ChannelEffect::FollowCount { user, follows }));
    }
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
