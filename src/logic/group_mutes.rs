//! Who may write to a group, and who takes or gives that right. Each change is an entry, so that all agree on what was said
//! before it and what was refused behind it.

use highwater_wire::Refusal;

use super::{
    fan_out::check_queue,
    gone::is_gone,
    group_changes::Changed,
    groups::check_rank,
    state::{GroupState, State},
};
use crate::model::{Group, Member, Notice, Role, UserId};

/// Whether a member may write at this place of the log.
pub(super) fn check_may_write(held: &GroupState, user: UserId) -> Result<(), Refusal> {
    let member = held.present(user).ok_or(Refusal::NoSuchConversation)?;
    let is_silent = member.is_muted || (held.row.is_muted && member.role == Role::Member);
    if is_silent { Err(Refusal::Muted) } else { Ok(()) }
}

/// Only owner and admins may write, or everybody may again but those who are muted one by one.
pub(super) fn mute_all(
    state: &State,
    held: &GroupState,
    by: UserId,
    muted: bool,
) -> Result<Option<Changed>, Refusal> {
    check_rank(held, by, Role::Member)?;
    if held.row.is_muted == muted {
        return Ok(None);
    }
    check_queue(state, held)?;
    let row = Group { is_muted: muted, ..held.row.clone() };
    Ok(Some(Changed::row(row, Notice::AllMuted(muted))))
}

/// One member may not write, or may again. As with removing, one acts on those who rank lower.
pub(super) fn mute(
    state: &State,
    held: &GroupState,
    by: UserId,
    (user, muted): (UserId, bool),
) -> Result<Option<Changed>, Refusal> {
    if user == by {
        return Err(Refusal::InvalidField);
    }
    check_rank(held, by, Role::Member)?;
    let member = held.present(user).filter(|_| !is_gone(state, user)).ok_or(Refusal::NoSuchUser)?;
    check_rank(held, by, member.role)?;
    if member.is_muted == muted {
        return Ok(None);
    }
    check_queue(state, held)?;
    let row = Member { is_muted: muted, ..member.clone() };
    Ok(Some(Changed::members(vec![row], Notice::Muted(user, muted))))
}
