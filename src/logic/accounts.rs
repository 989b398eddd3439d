//! The decisions on accounts and their devices.

use highwater_wire::Refusal;

use super::{
    broadcasts,
    decide::{Decided, Needs, authorise},
    lineages,
    operation::{Answer, EndDevices, NewDevice, Principal, Register},
    profiles, sign_ins,
    state::{Need, State},
};
use crate::model::{
    DeviceId, Effect, Lineages, Profile, TimeMs, UserId, Version,
    record::{Account, Device, HostIdentity, name_key},
};

pub(super) fn register_needs(needs: &mut Needs<'_>, register: &Register) {
    needs.need(Need::Account(register.user));
    needs.need(Need::Name(name_key(&register.name)));
    needs.need(Need::Device(register.device.device));
    broadcasts::new_user_needs(needs);
    if let Some(invite) = register.invite {
        needs.need(Need::Invite(invite));
    }
    if let Some(identity) = register.host_identity {
        needs.need(Need::HostIdentity(identity));
        if let Some(Some(user)) = needs.state.host_identities.get(&identity).copied() {
            needs.need(Need::Account(user));
        }
    }
}

/// Makes an account with its first device.
pub(super) fn register(
    state: &mut State,
    at: TimeMs,
    register: &Register,
    version: Version,
) -> Result<Decided, Refusal> {
    let key = name_key(&register.name);
    if matches!(state.names.get(&key), Some(Some(_))) {
        return Err(Refusal::NameTaken);
    }
    if let Some(invite) = register.invite {
        let held = state.invites.get(&invite).copied().flatten();
        held.filter(|held| held.expires > at).ok_or(Refusal::InvalidInvite)?;
    }
    // Ids are random 64-bit numbers drawn by the caller; one that is taken is drawn again by asking again.
    if matches!(state.accounts.get(&register.user), Some(Some(_)))
        || matches!(state.devices.get(&register.device.device), Some(Some(_)))
    {
        return Err(Refusal::Busy);
    }
    // Two first sign-ins at once: the second one asks again, and finds the account of the first.
    // Who was known and is erased comes as somebody new.
    let is_known = |identity| {
        let user = state.host_identities.get(identity).copied().flatten();
        user.is_some_and(|user| matches!(state.accounts.get(&user), Some(Some(_))))
    };
    if register.host_identity.as_ref().is_some_and(is_known) {
        return Err(Refusal::Busy);
    }
    let mut effects = Vec::with_capacity(4);
    if let Some(key) = register.host_identity {
        state.host_identities.change(key, Some(register.user), version);
        effects.push(Effect::HostIdentity(HostIdentity { key, user: register.user }));
    }
    if let Some(invite) = register.invite {
        state.invites.change(invite, None, version);
        effects.push(Effect::InviteGone(invite));
    }
    let account = Account {
        user: register.user,
        name: register.name.clone(),
        password: register.password.clone(),
        created: at,
        devices: vec![register.device.device],
        suspended: false,
        bot: false,
        made_by: None,
        profile: Profile::default(),
        strangers: None,
    };
    begin(state, &account, version);
    let item = profiles::own_item(state, &account, version);
    effects.push(Effect::Account(account.clone()));
    let device = device_row(&register.device, at);
    state.devices.change(device.device, Some(device.clone()), version);
    effects.push(Effect::Device(device.clone()));
    effects.push(lineages::add_device(state, register.user, device.device, Version(0), version));
    effects.push(item);
    broadcasts::give_all(state, &mut effects, &account, version);
    Ok(Decided::changed(version, effects, Answer::DeviceAdded(device)))
}

/// A new account without a device. Its first device begins with everything that has come by then.
pub(super) fn put_new(state: &mut State, account: Account, version: Version) -> Vec<Effect> {
    begin(state, &account, version);
    let item = profiles::own_item(state, &account, version);
    let mut effects = vec![Effect::Account(account.clone()), item];
    broadcasts::give_all(state, &mut effects, &account, version);
    effects
}

/// The user is new, so nothing can be waiting: all this is known without a read.
fn begin(state: &mut State, account: &Account, version: Version) {
    let user = account.user;
    state.names.change(name_key(&account.name), Some(user), version);
    state.accounts.change(user, Some(account.clone()), version);
    state.inboxes.warm(user, Version(0));
    state.lineages.warm(user, Lineages::none(user));
}

pub(super) fn add_device_needs(needs: &mut Needs<'_>, new: &NewDevice) {
    needs.need(Need::Device(new.device));
    lineages::head_needs(needs, new.user);
    sign_ins::needs(needs, new);
}

/// Makes a further device. Those that have to give way end in the same operation, so two of a class that allows one are
/// never live at once.
pub(super) fn add_device(
    state: &mut State,
    at: TimeMs,
    new: &NewDevice,
    version: Version,
) -> Result<Decided, Refusal> {
    let account = state.accounts.get(&new.user).cloned().flatten();
    let mut account = account.ok_or(Refusal::NoSuchUser)?;
    // Proven before it was changed: whoever knew the old one alone comes in no more.
    if new.proven.is_some() && new.proven != account.password {
        return Err(Refusal::WrongCredentials);
    }
    // Only after the proof: a stranger is not told that there is such an account.
    if account.suspended {
        return Err(Refusal::AccountSuspended);
    }
    if matches!(state.devices.get(&new.device), Some(Some(_))) {
        return Err(Refusal::Busy);
    }
    let mut effects = Vec::with_capacity(3);
    let giving_way = sign_ins::giving_way(state, &account, new)?;
    for device in &giving_way {
        end(state, &mut account, *device, &mut effects, version);
    }
    effects.extend(lineages::end_devices(state, new.user, &giving_way, version));
    let device = device_row(new, at);
    let from = messages_from(state, &account, version);
    account.devices.push(new.device);
    state.accounts.change(new.user, Some(account.clone()), version);
    state.devices.change(device.device, Some(device.clone()), version);
    effects.push(Effect::Account(account));
    effects.push(Effect::Device(device.clone()));
    effects.push(lineages::add_device(state, new.user, device.device, from, version));
    Ok(Decided::changed(version, effects, Answer::DeviceAdded(device)))
}

/// Where a further device begins with messages: the only one at what is left of the inbox, any other at its head.
fn messages_from(state: &State, account: &Account, version: Version) -> Version {
    if account.devices.is_empty() {
        return state.lineages.get(&account.user).map(|lineages| lineages.floor).unwrap_or_default();
    }
    lineages::head(state, account.user, version)
}

fn device_row(new: &NewDevice, at: TimeMs) -> Device {
    Device {
        device: new.device,
        user: new.user,
        name: new.name.clone(),
        class: new.class,
        token: new.token,
        created: at,
        suspended: false,
    }
}

pub(super) fn end_devices_needs(needs: &mut Needs<'_>, by: Principal, which: EndDevices) {
    needs.need(Need::Device(by.device));
    if let EndDevices::One(device) = which {
        needs.need(Need::Device(device));
    }
    all_devices_needs(needs, by.user);
}

/// What must be in memory to end any of a user's devices.
pub(super) fn all_devices_needs(needs: &mut Needs<'_>, user: UserId) {
    needs.need(Need::Lineages(user));
    if needs.need(Need::Account(user)) {
        let devices = needs.state.accounts.get(&user).cloned().flatten().map(|account| account.devices);
        for device in devices.unwrap_or_default() {
            needs.need(Need::Device(device));
        }
    }
}

pub(super) fn end_device_needs(needs: &mut Needs<'_>, user: UserId, device: DeviceId) {
    needs.need(Need::Account(user));
    needs.need(Need::Lineages(user));
    needs.need(Need::Device(device));
}

/// Ends a device of a user by an operator's word: nobody's token is asked for.
pub(super) fn end_device(
    state: &mut State,
    user: UserId,
    device: DeviceId,
    version: Version,
) -> Result<Decided, Refusal> {
    let account = state.accounts.get(&user).cloned().flatten().ok_or(Refusal::NoSuchUser)?;
    if !account.devices.contains(&device) {
        return Err(Refusal::NoSuchDevice);
    }
    Ok(end_all(state, account, vec![device], version))
}

/// Ends devices of the one who asks.
pub(super) fn end_devices(
    state: &mut State,
    by: Principal,
    which: EndDevices,
    version: Version,
) -> Result<Decided, Refusal> {
    authorise(state, by)?;
    let account = state.accounts.get(&by.user).cloned().flatten().ok_or(Refusal::NoSuchUser)?;
    let ending: Vec<DeviceId> = match which {
        EndDevices::One(device) if account.devices.contains(&device) => vec![device],
        EndDevices::One(_) => return Err(Refusal::NoSuchDevice),
        EndDevices::AllOthers => {
            account.devices.iter().copied().filter(|device| *device != by.device).collect()
        }
    };
    if ending.is_empty() {
        return Ok(Decided::unchanged(Answer::DevicesEnded(ending)));
    }
    Ok(end_all(state, account, ending, version))
}

/// Ends devices and writes the account's row, whatever else of it is new.
pub(super) fn end_all(
    state: &mut State,
    mut account: Account,
    ending: Vec<DeviceId>,
    version: Version,
) -> Decided {
    let mut effects = Vec::with_capacity(ending.len() + 2);
    for device in &ending {
        end(state, &mut account, *device, &mut effects, version);
    }
    effects.extend(lineages::end_devices(state, account.user, &ending, version));
    state.accounts.change(account.user, Some(account.clone()), version);
    effects.push(Effect::Account(account));
    Decided::changed(version, effects, Answer::DevicesEnded(ending))
}

/// Ends one device; the caller writes the account's row.
fn end(
    state: &mut State,
    account: &mut Account,
    device: DeviceId,
    effects: &mut Vec<Effect>,
    version: Version,
) {
    account.devices.retain(|held| *held != device);
    if let Some(row) = state.devices.get(&device).cloned().flatten() {
        effects.push(Effect::DeviceEnded { user: row.user, device, token: row.token });
        state.devices.change(device, None, version);
    }
}
