//! How somebody comes into a group whom no member names: links are made, taken back, and used. Where a group wants to be
//! asked, see `group_approvals`.
//!
//! A link is the word of who made it: it holds while this one may make links, and is no link to whom this one blocks. Time,
//! number and place are judged here, inside the commit, so that of two who use the last use of a link one comes in. Why a
//! link opens nothing is never told: who tries codes learns nothing by it.

use highwater_wire::Refusal;
use sha2::{Digest, Sha256};

use super::{
    answer::MadeLink,
    contacts,
    decide::{Decided, Needs},
    fan_out::{admit, check_queue, head_of},
    gone::is_gone,
    group_approvals::{accept, ask, asked_again, asked_before, refused, set_approval, with_asking, withdraw},
    group_changes::{apply, write_notice},
    groups::{check_rank, joining},
    operation::Answer,
    state::{GroupState, Need, State},
};
use crate::model::{
    ConversationId, Door, Effect, Form, GroupEffect, Link, LinkId, LinkSecret, Notice, Role, TimeMs, UserId,
    Version,
    limits::{LINK_USES_MAX, LINK_VALID_S_MAX, LINKS_PER_GROUP_MAX},
    record::SecretHash,
};

/// What is done with the ways into a group. Each may come twice: the second time it changes nothing, but that a link that
/// is made once more has a new secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DoorChange {
    /// A link is made, in place of the one of this id. For owner and admins.
    MakeLink {
        /// See [`LinkId`].
        id: LinkId,
        /// Drawn at random by the caller.
        secret: LinkSecret,
        /// For how long it holds, seconds.
        valid_s: u32,
        /// How many users it lets in.
        uses_max: u32,
    },
    /// A link opens nothing any more. For owner and admins.
    RevokeLink(LinkId),
    /// The one who asks becomes a member by a link, or asks to, with this greeting.
    Join(LinkSecret, String),
    /// Whether a link lets ask, or lets in. For owner and admins.
    SetApproval(bool),
    /// Who asked is let in, or is not. For owner and admins; who asked takes it back by refusing himself.
    Answer(UserId, bool),
}

/// The hash under which the secret of a link is stored.
#[must_use]
pub fn link_hash(group: ConversationId, secret: LinkSecret) -> SecretHash {
    Sha256::new().chain_update(group.0.to_le_bytes()).chain_update(secret.0).finalize().into()
}

/// Who becomes a member by a change.
pub(super) fn coming<'a>(change: &'a DoorChange, by: &'a UserId) -> &'a [UserId] {
    match change {
        DoorChange::Join(..) => std::slice::from_ref(by),
        DoorChange::Answer(user, true) => std::slice::from_ref(user),
        DoorChange::MakeLink { .. }
        | DoorChange::RevokeLink(_)
        | DoorChange::SetApproval(_)
        | DoorChange::Answer(_, false) => &[],
    }
}

/// Whether who comes is not let in by this, but waits.
pub(super) fn only_asks(held: &GroupState, change: &DoorChange) -> bool {
    matches!(change, DoorChange::Join(..)) && held.door.approval
}

/// What else must be in memory, where the group is known: whether the maker of the link is there, and what that one has of
/// the one who uses it.
pub(super) fn needs_of_held(needs: &mut Needs<'_>, held: &GroupState, by: UserId, change: &DoorChange) {
    match change {
        DoorChange::Join(secret, _) => {
            if let Some(link) = link_of(&held.door, *secret) {
                contacts::block_needs(needs, link.by, by);
                needs.need(Need::Account(link.by));
            }
        }
        // Whose name is told with the link.
        DoorChange::MakeLink { .. } => {
            needs.need(Need::Account(by));
        }
        DoorChange::RevokeLink(_) | DoorChange::SetApproval(_) | DoorChange::Answer(..) => {}
    }
}

/// Decides a change.
pub(super) fn decide(
    state: &mut State,
    at: TimeMs,
    (by, group): (UserId, ConversationId),
    change: &DoorChange,
    version: Version,
) -> Result<Decided, Refusal> {
    match change {
        DoorChange::Join(secret, greeting) => {
            return join(state, at, (by, group), (*secret, greeting), version);
        }
        DoorChange::Answer(user, false) if *user == by => return Ok(withdraw(state, (by, group), version)),
        _ => {}
    }
    let held = managed(state, group, by)?;
    let before = held.door.clone();
    let (after, answer) = match change {
        DoorChange::MakeLink { id, secret, valid_s, uses_max } => {
            let link = made((by, *id), link_hash(group, *secret), (at, *valid_s), *uses_max)?;
            let after = with_link(held, at, link.clone())?;
            let maker = contacts::account_name(state, by);
            (after, Answer::LinkMade(Box::new(MadeLink { group, secret: *secret, link, maker })))
        }
        DoorChange::RevokeLink(id) => (without_link(&before, id), Answer::Done),
        DoorChange::SetApproval(wanted) => return set_approval(state, at, (by, group), *wanted, version),
        DoorChange::Answer(user, true) => return accept(state, at, (by, group), *user, version),
        DoorChange::Answer(user, false) => (refused(held, at, *user)?, Answer::Done),
        DoorChange::Join(..) => unreachable!("it was decided before"),
    };
    if after == before {
        return Ok(Decided::unchanged(answer));
    }
    let effect = put_door(state, after, version);
    Ok(Decided::changed(version, vec![effect], answer))
}

/// A group whose door is this user's to keep.
fn managed(state: &State, group: ConversationId, by: UserId) -> Result<&GroupState, Refusal> {
    let held = admit(state, group, by)?;
    check_rank(held, by, Role::Member)?;
    // A channel is followed as one likes.
    if held.form() == Form::Channel { Err(Refusal::Forbidden) } else { Ok(held) }
}

fn made(
    (by, id): (UserId, LinkId),
    hash: SecretHash,
    (at, valid_s): (TimeMs, u32),
    uses_max: u32,
) -> Result<Link, Refusal> {
    let is_right = (1..=LINK_VALID_S_MAX).contains(&valid_s) && (1..=LINK_USES_MAX).contains(&uses_max);
    if !is_right {
        return Err(Refusal::InvalidField);
    }
    let until = TimeMs(at.0.saturating_add(i64::from(valid_s) * 1000));
    Ok(Link { id, hash, by, until, uses_max, used: 0 })
}

/// The door with one more link. Those that nobody can use any more are forgotten.
fn with_link(held: &GroupState, at: TimeMs, link: Link) -> Result<Door, Refusal> {
    let stays = |other: &&Link| other.id != link.id && is_valid(held, other, at);
    let mut links: Vec<Link> = held.door.links.iter().filter(stays).cloned().collect();
    if links.len() >= LINKS_PER_GROUP_MAX {
        return Err(Refusal::TooManyLinks);
    }
    links.push(link);
    Ok(Door { links, ..held.door.clone() })
}

fn without_link(door: &Door, id: &LinkId) -> Door {
    let links = door.links.iter().filter(|link| link.id != *id).cloned().collect();
    Door { links, ..door.clone() }
}

/// Who is a member already has nothing to ask for, whatever became of the link: so a resend is answered as the first.
fn join(
    state: &mut State,
    at: TimeMs,
    (by, group): (UserId, ConversationId),
    (secret, greeting): (LinkSecret, &str),
    version: Version,
) -> Result<Decided, Refusal> {
    let held = state.groups.get(&group).and_then(Option::as_ref);
    let held = held.filter(|held| held.form() == Form::Group).ok_or(Refusal::NoSuchLink)?;
    if held.present(by).is_some() {
        return Ok(Decided::unchanged(Answer::Joined(group)));
    }
    if held.door.approval
        && let Some(door) = asked_before(&held.door, at, (by, greeting))?
    {
        return Ok(asked_again(state, group, door, version));
    }
    let link = link_of(&held.door, secret).filter(|link| is_valid(held, link, at));
    let is_good = |link: &&Link| !is_gone(state, link.by) && !contacts::is_blocked(state, link.by, by);
    let link = link.filter(is_good).ok_or(Refusal::NoSuchLink)?;
    if held.door.approval {
        let (door, maker) = (with_use(&held.door, &link.hash), link.by);
        let door = with_asking(held, door, at, (by, greeting))?;
        return ask(state, (at, maker), door, version);
    }
    if held.members.get(&by).is_some_and(|member| member.is_removed) {
        return Err(Refusal::Forbidden);
    }
    check_queue(state, held)?;
    let seq = head_of(state, group).next();
    let changed = joining(state, held, vec![by], seq, Notice::JoinedByLink)?;
    let door = with_use(&held.door, &link.hash);
    let mut effects = Vec::new();
    apply(state, &mut effects, group, &changed, version);
    effects.push(put_door(state, door, version));
    write_notice(state, &mut effects, (at, group, by, seq), changed.notice, version);
    Ok(Decided::changed(version, effects, Answer::Joined(group)))
}

fn with_use(door: &Door, hash: &SecretHash) -> Door {
    let mut door = door.clone();
    door.links.iter_mut().filter(|link| link.hash == *hash).for_each(|link| link.used += 1);
    door
}

/// The link that a secret is of, whether it opens anything or not.
#[must_use]
pub fn link_of(door: &Door, secret: LinkSecret) -> Option<&Link> {
    let hash = link_hash(door.group, secret);
    door.links.iter().find(|link| link.hash == hash)
}

/// Whether a link opens the group for somebody: it is open, and who made it may still make links.
fn is_valid(held: &GroupState, link: &Link, at: TimeMs) -> bool {
    link.is_open(at) && held.present(link.by).is_some_and(|maker| maker.role < Role::Member)
}

/// The door takes its value, in memory and in the record.
pub(super) fn put_door(state: &mut State, door: Door, version: Version) -> Effect {
    state.groups.change_with(&door.group, version, |held| {
        held.as_mut().expect("a group whose door changes is held").door = door.clone();
    });
    Effect::Group(GroupEffect::Door(door))
}
