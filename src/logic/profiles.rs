//! The decisions on what users show besides their names: a user changes it, and whoever has something of the user is given
//! what is shown by now, one small operation each.
//!
//! Steps are asked for by who finds them: see `actors::profile_changes`. Each gives what is shown at its own commit, so a
//! newer change overtakes an older one, and a step that comes twice changes nothing. While one of the two blocks the other
//! neither is told of changes; the end of the last block makes up for it.

use highwater_wire::Refusal;

use super::{
    contacts,
    decide::{Decided, Needs, authorise, put_item},
    gone::is_gone,
    operation::{Answer, Principal},
    state::{Need, State},
    visible_text,
};
use crate::{
    model::{
        Effect, Profile, Standing, TimeMs, UserId, Version,
        limits::{ABOUT_CHARS_MAX, AVATAR_BYTES_MAX, DISPLAY_NAME_CHARS_MAX},
        record::{Account, Item, ItemValue},
    },
    sync::{kinds::ACCOUNT, levels::OWN_KEY},
};

/// A change of a profile, and the steps in which others are told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProfileRequest {
    /// A user shows something else.
    Set {
        /// Who.
        by: Principal,
        /// What, in place of all that was shown before; its pace is not looked at.
        profile: Profile,
    },
    /// Somebody has something of a user who shows something else by now. Nobody waits for it.
    Tell {
        /// Of whom.
        user: UserId,
        /// Who has it.
        owner: UserId,
    },
}

impl ProfileRequest {
    /// Whose operation it is: what is told to somebody is decided in order with what that one asks.
    #[must_use]
    pub fn actor(&self) -> UserId {
        match self {
            ProfileRequest::Set { by, .. } => by.user,
            ProfileRequest::Tell { owner, .. } => *owner,
        }
    }
}

/// What must be in memory to decide one of them.
pub(super) fn needs(needs: &mut Needs<'_>, request: &ProfileRequest) {
    match request {
        ProfileRequest::Set { by, .. } => {
            needs.need(Need::Device(by.device));
            needs.need(Need::Account(by.user));
            needs.need(Need::Item(by.user, ACCOUNT, OWN_KEY.to_owned()));
        }
        ProfileRequest::Tell { user, owner } => {
            contacts::put_needs(needs, *owner, *user);
            contacts::block_needs(needs, *user, *owner);
            needs.need(Need::Account(*user));
            needs.need(Need::Account(*owner));
        }
    }
}

/// Decides one of them.
pub(super) fn decide(
    state: &mut State,
    at: TimeMs,
    request: &ProfileRequest,
    version: Version,
) -> Result<Decided, Refusal> {
    match request {
        ProfileRequest::Set { by, profile } => set(state, at, *by, profile, version),
        ProfileRequest::Tell { user, owner } => {
            let effects: Vec<Effect> = refresh(state, *owner, *user, version).into_iter().collect();
            Ok(if effects.is_empty() {
                Decided::unchanged(Answer::Done)
            } else {
                Decided::changed(version, effects, Answer::Done)
            })
        }
    }
}

/// It stands in place of what was shown before. What is shown already is not counted.
fn set(
    state: &mut State,
    at: TimeMs,
    by: Principal,
    wanted: &Profile,
    version: Version,
) -> Result<Decided, Refusal> {
    authorise(state, by)?;
    check(wanted)?;
    let account = state.accounts.get(&by.user).cloned().flatten().ok_or(Refusal::NoSuchUser)?;
    let before = account.profile.clone();
    if before.says_as(wanted) {
        return Ok(Decided::unchanged(Answer::Done));
    }
    let paced = before.pace(at).ok_or(Refusal::TooManyChanges)?;
    let account = Account { profile: Profile { paced, ..wanted.clone() }, ..account };
    let item = own_item(state, &account, version);
    state.accounts.change(by.user, Some(account.clone()), version);
    let mut effects = vec![Effect::Account(account), item];
    // What a user says of himself stands nowhere else.
    if (&before.display_name, &before.avatar) != (&wanted.display_name, &wanted.avatar) {
        effects.push(Effect::ProfileChanged(by.user));
    }
    Ok(Decided::changed(version, effects, Answer::Done))
}

/// Gives the user's devices the item that says who the user is and what others are shown.
pub(super) fn own_item(state: &mut State, account: &Account, version: Version) -> Effect {
    let profile = Box::new(Profile { paced: TimeMs(0), ..account.profile.clone() });
    let value = Some(ItemValue::Account { user: account.user, name: account.name.clone(), profile });
    let item = Item { kind: ACCOUNT, key: OWN_KEY.to_owned(), version, value };
    put_item(state, account.user, item)
}

/// Gives the owner what the other one shows by now, if the owner has something of the other one that lacks it and neither
/// blocks the other.
pub(super) fn refresh(state: &mut State, owner: UserId, other: UserId, version: Version) -> Option<Effect> {
    let profile = shown(state, other);
    let before = contacts::held(state, owner, other)?;
    let is_due = !is_gone(state, owner)
        && !is_gone(state, other)
        && before.standing != Standing::Erased
        && !before.is_blocked
        && !contacts::is_blocked(state, other, owner)
        && !before.shows(&profile);
    let after = is_due.then(|| before.clone().showing(&profile))?;
    Some(contacts::put(state, owner, after, version))
}

/// What a user shows; nothing of somebody who is not there.
pub(super) fn shown(state: &State, user: UserId) -> Profile {
    let account = state.accounts.get(&user).and_then(Option::as_ref);
    account.map(|account| account.profile.clone()).unwrap_or_default()
}

/// Whether a profile keeps its limits. Nothing is said by what is empty; white space alone would look like nothing and be
/// something.
fn check(profile: &Profile) -> Result<(), Refusal> {
    let Profile { display_name, avatar, about, paced: _ } = profile;
    let shows = |text: &str| text.is_empty() || !text.trim().is_empty();
    let is_right = [display_name, avatar, about].into_iter().all(|text| shows(text))
        && display_name.chars().count() <= DISPLAY_NAME_CHARS_MAX
        && visible_text::is_line(display_name)
        && avatar.len() <= AVATAR_BYTES_MAX
        && !avatar.chars().any(char::is_control)
        && about.chars().count() <= ABOUT_CHARS_MAX
        && visible_text::is_lines(about);
    if is_right { Ok(()) } else { Err(Refusal::InvalidProfile) }
}
