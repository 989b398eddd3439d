//! Who makes room for a device that signs in: the login policy, against the devices that there are.

use highwater_wire::Refusal;

use super::{
    decide::Needs,
    operation::NewDevice,
    state::{Need, State},
};
use crate::model::{
    DeviceId, Lineage,
    device_policy::{ClassRule, WhenFull},
    record::Account,
};

/// Every device of the user: which of them are looked at is the policy's, and readers do not know it.
pub(super) fn needs(needs: &mut Needs<'_>, new: &NewDevice) {
    needs.need(Need::Lineages(new.user));
    if needs.need(Need::Account(new.user)) {
        let account = needs.state.accounts.get(&new.user).cloned().flatten();
        for device in account.map(|account| account.devices).unwrap_or_default() {
            needs.need(Need::Device(device));
        }
    }
}

/// The devices that end so that a new one can come: the one whose place it takes, those of its class where the policy
/// wants only one, and the oldest when there are too many.
///
/// Where the policy would rather refuse, only devices that are no longer live give way, so that nobody is locked out
/// for good by a device that is lost.
///
/// # Errors
/// `DeviceClassTaken` or `TooManyDevices`.
pub(super) fn giving_way(
    state: &State,
    account: &Account,
    new: &NewDevice,
) -> Result<Vec<DeviceId>, Refusal> {
    let policy = state.policy.devices;
    let mut ending: Vec<DeviceId> =
        account.devices.iter().copied().filter(|device| Some(*device) == new.in_place_of).collect();
    let of_class = left(account, &ending).into_iter().filter(|device| class_of(state, *device) == new.class);
    match policy.rule(new.class) {
        ClassRule::Many => {}
        ClassRule::Replace => ending.extend(of_class.collect::<Vec<_>>()),
        ClassRule::Refuse => {
            let of_class: Vec<DeviceId> = of_class.collect();
            if of_class.iter().any(|device| is_live(state, account, *device)) {
                return Err(Refusal::DeviceClassTaken);
            }
            ending.extend(of_class);
        }
    }
    let left = left(account, &ending);
    // A limit that was lowered is kept from the next sign-in on.
    let surplus = (left.len() + 1).saturating_sub(policy.devices_max);
    match policy.when_full {
        WhenFull::EndOldest => ending.extend(left.into_iter().take(surplus)),
        WhenFull::Refuse => {
            let silent = left.into_iter().filter(|device| !is_live(state, account, *device));
            let silent: Vec<DeviceId> = silent.take(surplus).collect();
            if silent.len() < surplus {
                return Err(Refusal::TooManyDevices);
            }
            ending.extend(silent);
        }
    }
    Ok(ending)
}

/// The devices that are not about to end, oldest first.
fn left(account: &Account, ending: &[DeviceId]) -> Vec<DeviceId> {
    account.devices.iter().copied().filter(|device| !ending.contains(device)).collect()
}

fn class_of(state: &State, device: DeviceId) -> u8 {
    state.devices.get(&device).and_then(Option::as_ref).map_or(0, |row| row.class)
}

/// Whether one of its lineages is live.
fn is_live(state: &State, account: &Account, device: DeviceId) -> bool {
    let since = state.heard_since();
    let live = |row: &Lineage| row.id.device == device && row.is_live(since);
    state.lineages.get(&account.user).is_some_and(|lineages| lineages.rows.iter().any(live))
}
