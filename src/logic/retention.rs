//! The decisions on what goes by age: how far the horizon moves, and what may be removed because of it.
//!
//! Each decision is durable before anything is removed because of it. While time is suspended none is made.

use super::{
    decide::{Decided, Needs},
    lineages::change,
    operation::Answer,
    reading,
    state::{Need, State},
};
use crate::model::{
    Bodies, ConversationId, Day, Effect, Horizon, Kind, Seq, TimeMs, UserId, Version,
    limits::{KINDS_MAX, RECEIPTS_KEPT_DAYS},
};

/// Stores the observed time, and moves the horizon with it.
pub(super) fn store_time(state: &mut State, at: TimeMs, version: Version) -> Decided {
    let mut effects = vec![Effect::Time(state.time.at())];
    if !state.time.is_suspended() {
        state.horizon = moved(state, at, version);
        effects.push(Effect::Horizon(state.horizon.clone()));
    }
    Decided::changed(version, effects, Answer::Done)
}

/// The horizon, moved on to now. What was decided while time was suspended is dated when it is believed again: it is
/// kept for longer, and never for less.
fn moved(state: &State, at: TimeMs, version: Version) -> Horizon {
    let mut horizon = state.horizon.clone();
    let now = state.time.at();
    horizon.note(now, version, state.policy.retentions.longest_ms());
    // A resend is judged by the wall clock and removal goes by observed time: the earlier of both keeps for longer.
    let today = now.day().min(at.day());
    horizon.raise_receipts(Day(today.0.saturating_sub(RECEIPTS_KEPT_DAYS)));
    horizon
}

/// The newest version that is older than a retention; none while time is suspended.
pub(super) fn past(state: &State, retention_ms: i64) -> Version {
    if state.time.is_suspended() {
        return Version(0);
    }
    state.horizon.past(TimeMs(state.time.at().0.saturating_sub(retention_ms)))
}

/// Raises the floor of an inbox to its newest entry that is past retention, whoever lacks it.
pub(super) fn retire_inbox(state: &mut State, user: UserId, through: Version, version: Version) -> Decided {
    let due = through <= past(state, state.policy.retentions.inbox_ms);
    let floor = state.lineages.get(&user).map_or(Version::MAX, |lineages| lineages.floor);
    if !due || through <= floor {
        return Decided::unchanged(Answer::Done);
    }
    let effect = change(state, user, version, |lineages| lineages.floor = through);
    Decided::changed(version, vec![effect], Answer::Done)
}

/// Raises the floor of a state kind to its newest tombstone that is past retention: who is below is told the kind anew.
pub(super) fn retire_tombstones(
    state: &mut State,
    (user, kind): (UserId, Kind),
    through: Version,
    version: Version,
) -> Decided {
    let due = through <= past(state, state.policy.retentions.tombstones_ms);
    let floor = floor_of(state, user, kind);
    if !due || floor.is_none_or(|floor| through <= floor) {
        return Decided::unchanged(Answer::Done);
    }
    let effect = change(state, user, version, |lineages| {
        lineages.tombstones[usize::from(kind.0) - 1] = through;
    });
    Decided::changed(version, vec![effect], Answer::Done)
}

/// Removes tombstones at or below the floor of their kind, as far as they are still what the items are.
pub(super) fn remove_tombstones(
    state: &mut State,
    (user, kind): (UserId, Kind),
    tombstones: &[(String, Version)],
    version: Version,
) -> Decided {
    let floor = floor_of(state, user, kind).unwrap_or_default();
    let mut effects = Vec::new();
    for (key, tombstone) in tombstones {
        let item = (user, kind, key.clone());
        if state.items.get(&item) == Some(tombstone) && *tombstone <= floor {
            state.items.change(item, Version(0), version);
            effects.push(Effect::ItemGone { user, kind, key: key.clone(), version: *tombstone });
        }
    }
    if effects.is_empty() {
        return Decided::unchanged(Answer::Done);
    }
    Decided::changed(version, effects, Answer::Done)
}

/// What must be in memory to let messages of a conversation go.
pub(super) fn bodies_needs(needs: &mut Needs<'_>, conversation: ConversationId) {
    if !needs.need(Need::Conversation(conversation)) {
        return;
    }
    let held = needs.state.conversations.get(&conversation).copied().flatten();
    for member in held.into_iter().flat_map(|held| held.row.members) {
        needs.need(Need::Lineages(member));
        needs.need(Need::Reading(member, conversation));
    }
}

/// Raises the oldest message of a conversation that can be read, as far as the policy lets go: below the floors of all
/// members, so that no inbox points to what is gone. `through` is the version of the newest message that goes.
pub(super) fn retire_bodies(
    state: &mut State,
    conversation: ConversationId,
    (oldest, through): (Seq, Version),
    version: Version,
) -> Decided {
    let Some(held) = state.conversations.get(&conversation).copied().flatten() else {
        return Decided::unchanged(Answer::Done);
    };
    let floor = |member| state.lineages.get(member).map_or(Version(0), |lineages| lineages.floor);
    let floors = held.row.members.iter().map(floor).min().unwrap_or_default();
    let due = through <= floors && through <= let_go_through(state);
    if !due || oldest <= held.row.oldest || oldest > held.head {
        return Decided::unchanged(Answer::Done);
    }
    // Before the row of the conversation: who finds messages gone finds what they said.
    let mut effects = reading::keep_rows(state, conversation, oldest, version);
    let mut row = held.row;
    (row.oldest, row.let_go) = (oldest, through);
    state.conversations.change_with(&conversation, version, |held| {
        if let Some(held) = held {
            held.row = row;
        }
    });
    effects.push(Effect::Conversation(row));
    Decided::changed(version, effects, Answer::Done)
}

/// The newest version whose message the policy would let go.
fn let_go_through(state: &State) -> Version {
    match state.policy.retentions.bodies {
        Bodies::Forever => Version(0),
        Bodies::UntilDelivered => Version::MAX,
        policy @ Bodies::Days(_) => past(state, policy.retention_ms().unwrap_or(i64::MAX)),
    }
}

/// The floor under the tombstones of a state kind; none for what is no state kind.
fn floor_of(state: &State, user: UserId, kind: Kind) -> Option<Version> {
    let is_state = (1..=KINDS_MAX).contains(&usize::from(kind.0)) && kind != Kind::MESSAGES;
    let lineages = state.lineages.get(&user).filter(|_| is_state)?;
    Some(lineages.tombstones[usize::from(kind.0) - 1])
}
