//! Accounts and devices as users ask for them: their own devices, and others by name. What a user shows.

use highwater_wire::{Refusal, proto};
use proto::server_frame::Body;

use crate::{
    logic::{
        Principal,
        operation::{self, ProfileRequest},
    },
    model::{DeviceId, Profile, Strangers, UserId, record::Account},
    store::view::{ReadFault, View},
};

/// A user's devices.
///
/// # Errors
/// When the store cannot be read.
pub fn device_list(view: &View, user: UserId, current: DeviceId) -> Result<proto::DeviceList, ReadFault> {
    let account = view.account(user)?;
    let mut devices = Vec::new();
    for id in account.map(|account| account.devices).unwrap_or_default() {
        if let Some(device) = view.device(id)? {
            devices.push(proto::Device {
                device_id: id.0,
                name: device.name,
                device_class: i32::from(device.class),
                created_ms: device.created.0,
                current: id == current,
            });
        }
    }
    Ok(proto::DeviceList { devices })
}

/// Who has a name, given as `name_key`. Nobody has it for whom its owner blocks.
///
/// # Errors
/// When the store cannot be read.
pub fn user_by_name(view: &View, asking: UserId, name_key: &str) -> Result<Result<Body, Refusal>, ReadFault> {
    let found = match view.user_of_name(name_key)? {
        Some(user) if view.contact(user, asking)?.is_some_and(|contact| contact.is_blocked) => None,
        Some(user) => view.account(user)?,
        None => None,
    };
    let body = found.map(|account| {
        let Profile { display_name, avatar, about, paced: _ } = account.profile.clone();
        Body::User(proto::User { display_name, avatar, about, ..shown(account) })
    });
    Ok(body.ok_or(Refusal::NoSuchUser))
}

/// An account as others are told of it, without what its user shows besides.
#[must_use]
pub fn shown(account: Account) -> proto::User {
    proto::User { user_id: account.user.0, name: account.name, bot: account.bot, ..proto::User::default() }
}

/// What a user wants to show, in the committer's terms.
#[must_use]
pub fn change_of_profile(by: Principal, wanted: &proto::SetProfile) -> ProfileRequest {
    let proto::SetProfile { display_name, avatar, about } = wanted.clone();
    ProfileRequest::Set { by, profile: Profile { display_name, avatar, about, ..Profile::default() } }
}

/// What a user says of strangers, in the committer's terms.
///
/// # Errors
/// `InvalidField` when it says nothing.
pub fn change_of_strangers(by: Principal, said: &proto::SetStrangers) -> Result<operation::Request, Refusal> {
    let strangers = match said.strangers() {
        proto::Strangers::Unspecified => return Err(Refusal::InvalidField),
        proto::Strangers::Write => Strangers::Write,
        proto::Strangers::Ask => Strangers::Ask,
    };
    Ok(operation::Request::SetStrangers { by, strangers })
}
