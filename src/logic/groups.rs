//! What is done with groups: made, added to, left, named. Each is an entry of the group's log like a message, so that one
//! order decides who got what.

use std::collections::BTreeMap;

use highwater_wire::Refusal;

use super::{
    channels, contacts,
    decide::{Decided, authorise},
    fan_out::{admit, check_queue, head_of},
    gone::is_gone,
    group_announcements,
    group_changes::{Changed, apply, closed, write_notice},
    group_doors, group_mutes,
    heirs::heir_of,
    operation::{Answer, GroupChange, GroupRequest},
    owned_groups,
    state::{ConversationState, GroupState, State},
    visible_text,
};
use crate::model::{
    Channel, ConversationId, Counted, Door, Effect, Form, Group, Interval, Member, Notice, Role, Seq, TimeMs,
    UserId, Version,
    limits::{
        FORMER_MEMBERS_MAX, GROUP_NAME_BYTES_MAX, GROUP_USERS_PER_OPERATION_MAX, INTERVALS_PER_MEMBER_MAX,
    },
    record::Conversation,
    seeded::{self, SyncBug},
};

/// Decides what is done with a group.
pub(super) fn decide(
    state: &mut State,
    at: TimeMs,
    request: &GroupRequest,
    version: Version,
) -> Result<Decided, Refusal> {
    authorise(state, request.by)?;
    let (by, group) = (request.by.user, request.group);
    if let GroupChange::Create { name, members } = &request.change {
        return create(state, at, (by, group), (name, members), version);
    }
    if let GroupChange::Door(change) = &request.change {
        return group_doors::decide(state, at, (by, group), change, version);
    }
    if request.change == GroupChange::Leave && is_channel(state, group) {
        return channels::unfollow(state, (by, group), version);
    }
    let held = admit(state, group, by)?;
    if held.form() == Form::Channel
        && matches!(request.change, GroupChange::Add(_) | GroupChange::Remove(_) | GroupChange::Dissolve)
    {
        // Nobody is made to follow, nor kept from it; and what many follow does not end by one word.
        return Err(Refusal::Forbidden);
    }
    let seq = head_of(state, group).next();
    let changed = match &request.change {
        GroupChange::Create { .. } | GroupChange::Door(_) => unreachable!("it was decided before"),
        GroupChange::Add(users) => add(state, held, by, users, seq)?,
        GroupChange::Remove(user) => remove(state, held, by, *user, seq)?,
        GroupChange::Leave => Some(leave(state, held, by, seq)),
        GroupChange::Rename(name) => rename(state, held, by, name, seq)?,
        GroupChange::GiveRole(user, role) => give_role(state, held, by, (*user, *role), seq)?,
        GroupChange::Dissolve => Some(dissolve(held, by, seq)?),
        GroupChange::MuteAll(muted) => group_mutes::mute_all(state, held, by, *muted)?,
        GroupChange::Mute(user, muted) => group_mutes::mute(state, held, by, (*user, *muted))?,
        GroupChange::Announce(text) => group_announcements::announce(state, held, (at, by), text)?,
    };
    let Some(changed) = changed else {
        return Ok(Decided::unchanged(Answer::Done));
    };
    let mut effects = Vec::new();
    apply(state, &mut effects, group, &changed, version);
    if let Notice::RoleGiven(..) = changed.notice
        && is_channel(state, group)
    {
        // No step will tell them.
        let users = changed.members.iter().map(|member| member.user);
        effects.extend(users.map(|user| channels::put_conversation(state, (user, group), version)));
    }
    write_notice(state, &mut effects, (at, group, by, seq), changed.notice, version);
    Ok(Decided::changed(version, effects, Answer::Done))
}

fn is_channel(state: &State, group: ConversationId) -> bool {
    let held = state.groups.get(&group).and_then(Option::as_ref);
    held.is_some_and(|held| held.form() == Form::Channel)
}

fn create(
    state: &mut State,
    at: TimeMs,
    (founder, group): (UserId, ConversationId),
    (name, members): (&str, &[UserId]),
    version: Version,
) -> Result<Decided, Refusal> {
    check_name(name)?;
    if is_made(state, group, |held| held.row.founder == founder)? {
        return Ok(Decided::unchanged(Answer::GroupCreated(group)));
    }
    let others = distinct(members, |user| user != founder);
    check_users(state, founder, members, &others)?;
    owned_groups::check_room(state, founder)?;
    if others.len() + 1 > state.policy.group_bounds.members_max {
        return Err(Refusal::GroupFull);
    }
    let row = Group::new(group, name, founder, at);
    let joined = Interval { join: Seq(1), leave: None };
    let member = |user, role| Member {
        group,
        user,
        role,
        ranked: Seq(1),
        intervals: vec![joined],
        is_muted: false,
        is_removed: false,
    };
    let mut rows = vec![member(founder, Role::Owner)];
    rows.extend(others.iter().map(|user| member(*user, Role::Member)));
    let mut effects = vec![begin(state, &row, None, version)];
    let notice = Notice::Created { name: row.name.clone(), members: others };
    let changed = Changed { row: Some(row), ..Changed::members(rows, notice) };
    apply(state, &mut effects, group, &changed, version);
    write_notice(state, &mut effects, (at, group, founder, Seq(1)), changed.notice, version);
    Ok(Decided::changed(version, effects, Answer::GroupCreated(group)))
}

/// Whether this very request made it before. An id that something else has is refused: the next one is drawn anew.
pub(super) fn is_made(
    state: &State,
    group: ConversationId,
    is_same: impl FnOnce(&GroupState) -> bool,
) -> Result<bool, Refusal> {
    match state.groups.get(&group).and_then(Option::as_ref) {
        Some(held) if is_same(held) => Ok(true),
        Some(_) => Err(Refusal::Busy),
        None if matches!(state.conversations.get(&group), Some(Some(_))) => Err(Refusal::Busy),
        None => Ok(false),
    }
}

/// A log without entries, and the group, or channel, without members that it is of. The record gets the one; the other goes
/// with what is applied to it.
pub(super) fn begin(state: &mut State, row: &Group, channel: Option<Channel>, version: Version) -> Effect {
    let conversation = Conversation::of_group(row.group, row.created);
    let begun = ConversationState { row: conversation, head: Seq(0), counted: Counted::default() };
    state.conversations.change(row.group, Some(begun), version);
    let empty = GroupState {
        row: row.clone(),
        members: BTreeMap::new(),
        position: None,
        channel,
        door: Door::shut(row.group),
    };
    state.groups.change(row.group, Some(empty), version);
    Effect::Conversation(conversation)
}

fn add(
    state: &State,
    held: &GroupState,
    by: UserId,
    users: &[UserId],
    seq: Seq,
) -> Result<Option<Changed>, Refusal> {
    check_rank(held, by, Role::Member)?;
    // Who is erased and has not left yet is nobody who could be added.
    let added = distinct(users, |user| held.present(user).is_none() || is_gone(state, user));
    check_users(state, by, users, &added)?;
    if added.is_empty() {
        return Ok(None);
    }
    check_queue(state, held)?;
    joining(state, held, added.clone(), seq, Notice::Joined(added)).map(Some)
}

/// What makes members of users who are none, if there is room for them.
pub(super) fn joining(
    state: &State,
    held: &GroupState,
    added: Vec<UserId>,
    seq: Seq,
    notice: Notice,
) -> Result<Changed, Refusal> {
    if held.present_count() + added.len() > state.policy.group_bounds.members_max {
        return Err(Refusal::GroupFull);
    }
    let forgotten = make_room(held, &added, state.policy.group_bounds.members_max + FORMER_MEMBERS_MAX)?;
    let joined = |user: &UserId| rejoin(held, *user, seq);
    let members = added.iter().map(joined).collect::<Result<_, _>>()?;
    Ok(Changed { forgotten, ..Changed::members(members, notice) })
}

/// The row of a new member since some place, or of one who was a member before. A membership that ended there or later has
/// not ended: nothing was said between.
pub(super) fn rejoin(held: &GroupState, user: UserId, seq: Seq) -> Result<Member, Refusal> {
    let group = held.row.group;
    let before = held.members.get(&user).filter(|_| !seeded::is(SyncBug::RejoinForgets));
    let is_muted = before.is_some_and(|member| member.is_muted);
    let before = before.map(|member| member.intervals.clone());
    let mut intervals = before.unwrap_or_default();
    let goes_on = |last: &&mut Interval| last.leave.is_some_and(|leave| leave >= seq);
    if let Some(last) = intervals.last_mut().filter(goes_on) {
        last.leave = None;
    } else {
        if intervals.len() >= INTERVALS_PER_MEMBER_MAX {
            let oldest = intervals.remove(0);
            if !oldest.leave.is_some_and(|leave| held.is_expanded(leave)) {
                return Err(Refusal::Busy);
            }
        }
        intervals.push(Interval { join: seq, leave: None });
    }
    Ok(Member { group, user, role: Role::Member, ranked: seq, intervals, is_muted, is_removed: false })
}

/// Who is forgotten so that the rows of these users fit: those who left longest ago, and have been told so.
fn make_room(held: &GroupState, added: &[UserId], rows_max: usize) -> Result<Vec<UserId>, Refusal> {
    let new = added.iter().filter(|user| !held.members.contains_key(user)).count();
    let surplus = (held.members.len() + new).saturating_sub(rows_max);
    let is_former = |member: &&Member| member.left().is_some_and(|left| held.is_expanded(left));
    let mut former: Vec<&Member> =
        held.members.values().filter(is_former).filter(|member| !added.contains(&member.user)).collect();
    if former.len() < surplus {
        return Err(Refusal::Busy);
    }
    former.sort_by_key(|member| member.left());
    Ok(former.iter().take(surplus).map(|member| member.user).collect())
}

fn remove(
    state: &State,
    held: &GroupState,
    by: UserId,
    user: UserId,
    seq: Seq,
) -> Result<Option<Changed>, Refusal> {
    if user == by {
        return Err(Refusal::InvalidField);
    }
    let Some(member) = held.present(user).filter(|_| !is_gone(state, user)) else {
        check_rank(held, by, Role::Member)?;
        return Ok(None);
    };
    check_rank(held, by, member.role)?;
    let row = Member { is_removed: true, ..closed(member, seq) };
    Ok(Some(Changed::members(vec![row], Notice::Removed(user))))
}

/// Everybody may leave. An owner's place goes to the heir.
pub(super) fn leave(state: &State, held: &GroupState, by: UserId, seq: Seq) -> Changed {
    let leaver = held.present(by).expect("who is no member was refused before");
    let heir = heir_of(state, held, leaver, seq);
    Changed::members([closed(leaver, seq)].into_iter().chain(heir).collect(), Notice::Left)
}

/// The owner may end the group. Like a leave it is taken however much waits: it is everybody's last entry.
fn dissolve(held: &GroupState, by: UserId, seq: Seq) -> Result<Changed, Refusal> {
    held.present(by).filter(|member| member.role == Role::Owner).ok_or(Refusal::Forbidden)?;
    let members = held.present_members().map(|member| closed(member, seq)).collect();
    Ok(Changed::members(members, Notice::Dissolved))
}

fn rename(
    state: &State,
    held: &GroupState,
    by: UserId,
    name: &str,
    seq: Seq,
) -> Result<Option<Changed>, Refusal> {
    check_rank(held, by, Role::Member)?;
    check_name(name)?;
    if held.row.name == name {
        return Ok(None);
    }
    check_queue(state, held)?;
    let row = Group { name: name.to_owned(), named: seq, ..held.row.clone() };
    Ok(Some(Changed::row(row, Notice::Renamed(name.to_owned()))))
}

/// The owner makes admins and members of each other, and may hand on the ownership.
fn give_role(
    state: &State,
    held: &GroupState,
    by: UserId,
    (user, role): (UserId, Role),
    seq: Seq,
) -> Result<Option<Changed>, Refusal> {
    let owner = held.present(by).filter(|member| member.role == Role::Owner).ok_or(Refusal::Forbidden)?;
    let member = match held.present(user) {
        _ if is_gone(state, user) => return Err(Refusal::NoSuchUser),
        Some(member) => member.clone(),
        None => of_follower(state, held, user)?,
    };
    if member.role == role {
        return Ok(None);
    }
    if user == by {
        // A group has one owner: the place is given to another, never given up.
        return Err(Refusal::InvalidField);
    }
    check_queue(state, held)?;
    if role == Role::Owner {
        owned_groups::check_room(state, user)?;
    }
    // An owner is never muted.
    let is_muted = member.is_muted && role != Role::Owner;
    let mut members = vec![Member { role, ranked: seq, is_muted, ..member }];
    if role == Role::Owner {
        members.push(Member { role: Role::Admin, ranked: seq, ..owner.clone() });
    }
    Ok(Some(Changed::members(members, Notice::RoleGiven(user, role))))
}

/// The row of a follower of a channel who is to write to it. So many may as a group may have members.
fn of_follower(state: &State, held: &GroupState, user: UserId) -> Result<Member, Refusal> {
    let group = held.row.group;
    if held.form() == Form::Group || !channels::is_following(state, user, group) {
        return Err(Refusal::NoSuchUser);
    }
    if held.present_count() >= state.policy.group_bounds.members_max {
        return Err(Refusal::GroupFull);
    }
    // Since the follow began, so that the one is never without the other.
    let since = channels::since(state, user, group);
    rejoin(held, user, since.unwrap_or_else(|| head_of(state, group).next()))
}

/// Whether one may act on members of a role: an admin on members, the owner on everybody else.
pub(super) fn check_rank(held: &GroupState, by: UserId, on: Role) -> Result<(), Refusal> {
    let role = held.present(by).map_or(Role::Member, |member| member.role);
    if role < on { Ok(()) } else { Err(Refusal::Forbidden) }
}

pub(super) fn check_name(name: &str) -> Result<(), Refusal> {
    let is_allowed = !name.trim().is_empty() && visible_text::is_line(name);
    if is_allowed && name.len() <= GROUP_NAME_BYTES_MAX { Ok(()) } else { Err(Refusal::InvalidGroupName) }
}

/// Whether so many may be named at once, and all that would be added are there for the one who adds them: for somebody
/// whom a user blocks there is no such user.
fn check_users(state: &State, by: UserId, named: &[UserId], added: &[UserId]) -> Result<(), Refusal> {
    if named.len() > GROUP_USERS_PER_OPERATION_MAX {
        return Err(Refusal::InvalidField);
    }
    let is_there = |user: &UserId| {
        matches!(state.accounts.get(user), Some(Some(_))) && !contacts::is_blocked(state, *user, by)
    };
    if added.iter().all(is_there) { Ok(()) } else { Err(Refusal::NoSuchUser) }
}

/// Each of them once, in their order, as far as wanted.
fn distinct(users: &[UserId], wanted: impl Fn(UserId) -> bool) -> Vec<UserId> {
    let mut found = Vec::new();
    for user in users {
        if wanted(*user) && !found.contains(user) {
            found.push(*user);
        }
    }
    found
}
