//! How many groups and channels a user owns: a bound on what one user makes others keep.
//!
//! The count moves with the ownership, wherever it goes, in the record that moves it; so no look at all groups is needed,
//! and of two that are made at the same moment the later one finds what the earlier one left. Who inherits a group gets it
//! however many there are: a leave is never refused for it.

use highwater_wire::Refusal;

use super::{
    decide::Needs,
    state::{Need, State},
};
use crate::model::{Effect, Owned, UserId, Version};

/// What must be in memory where a user becomes the owner of a group, or ends to be it.
pub(super) fn needs(needs: &mut Needs<'_>, user: UserId) {
    needs.need(Need::Owned(user));
}

/// Whether there is room for one more.
pub(super) fn check_room(state: &State, user: UserId) -> Result<(), Refusal> {
    if count_of(state, user) < state.policy.groups_owned_max { Ok(()) } else { Err(Refusal::TooManyGroups) }
}

/// A group changed hands: who owned it before and who does now; nobody owns what is not there yet, or has ended.
pub(super) fn note(
    state: &mut State,
    effects: &mut Vec<Effect>,
    (before, after): (Option<UserId>, Option<UserId>),
    version: Version,
) {
    if before == after {
        return;
    }
    if let Some(user) = before {
        // What an older store made was not counted, and is not missed.
        let groups = count_of(state, user).saturating_sub(1);
        put(state, effects, Owned { user, groups }, version);
    }
    if let Some(user) = after {
        let groups = count_of(state, user) + 1;
        put(state, effects, Owned { user, groups }, version);
    }
}

fn count_of(state: &State, user: UserId) -> u32 {
    *state.owned.get(&user).expect("the count of whose groups change is held")
}

fn put(state: &mut State, effects: &mut Vec<Effect>, owned: Owned, version: Version) {
    state.owned.change(owned.user, owned.groups, version);
    effects.push(Effect::Owned(owned));
}
