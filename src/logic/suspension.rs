//! The decision on suspending an account, and on resuming it.

use highwater_wire::Refusal;

use super::{decide::Decided, operation::Answer, state::State};
use crate::model::{Effect, UserId, Version};

/// Suspends an account with all of its devices, or lets it go on.
///
/// The devices bear it themselves, so that who asks is judged by one row, the device's, as ever. They keep tokens and
/// lineages: resumed, each goes on from its snapshot. What is sent to the user meanwhile is stored as for anybody who is
/// away, so that the others are told nothing and nothing is lost.
pub(super) fn decide(
    state: &mut State,
    user: UserId,
    suspended: bool,
    version: Version,
) -> Result<Decided, Refusal> {
    let mut account = state.accounts.get(&user).cloned().flatten().ok_or(Refusal::NoSuchUser)?;
    if account.suspended == suspended {
        return Ok(Decided::unchanged(Answer::Done));
    }
    account.suspended = suspended;
    let mut effects = Vec::with_capacity(account.devices.len() + 1);
    for device in &account.devices {
        if let Some(mut row) = state.devices.get(device).cloned().flatten() {
            row.suspended = suspended;
            state.devices.change(*device, Some(row.clone()), version);
            effects.push(Effect::Device(row));
        }
    }
    state.accounts.change(user, Some(account.clone()), version);
    effects.push(Effect::Account(account));
    Ok(Decided::changed(version, effects, Answer::Done))
}
