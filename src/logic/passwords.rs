//! The decisions on passwords: who may set one, and which devices end with the old one.

use highwater_wire::Refusal;

use super::{
    accounts::end_all,
    decide::{Decided, authorise},
    operation::Principal,
    state::State,
};
use crate::model::{DeviceId, UserId, Version};

/// A password to be changed by its user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangePassword {
    /// Who asks.
    pub by: Principal,
    /// PHC string of the old password, which was proven. It has to be the account's still.
    pub proven: String,
    /// PHC string of the new one.
    pub password: String,
    /// Whether all devices end but the one that asks.
    pub end_other_devices: bool,
}

/// Changes the password of the one who asks.
///
/// The old one was proven before this, off the committer: if another one was set meanwhile, the proof is worth nothing.
/// So of two changes by the same old password one is done.
pub(super) fn change(
    state: &mut State,
    change: &ChangePassword,
    version: Version,
) -> Result<Decided, Refusal> {
    authorise(state, change.by)?;
    let account = state.accounts.get(&change.by.user).cloned().flatten();
    let mut account = account.ok_or(Refusal::NoSuchUser)?;
    if account.password.as_ref() != Some(&change.proven) {
        return Err(Refusal::WrongCredentials);
    }
    account.password = Some(change.password.clone());
    let others = account.devices.iter().copied().filter(|device| *device != change.by.device);
    let ending: Vec<DeviceId> = others.filter(|_| change.end_other_devices).collect();
    Ok(end_all(state, account, ending, version))
}

/// Sets the password of a user by an operator's word: nobody's token or password is asked for.
pub(super) fn set(
    state: &mut State,
    user: UserId,
    password: &str,
    end_devices: bool,
    version: Version,
) -> Result<Decided, Refusal> {
    let mut account = state.accounts.get(&user).cloned().flatten().ok_or(Refusal::NoSuchUser)?;
    if account.bot {
        return Err(Refusal::BotHasNoPassword);
    }
    account.password = Some(password.to_owned());
    let ending = if end_devices { account.devices.clone() } else { Vec::new() };
    Ok(end_all(state, account, ending, version))
}
