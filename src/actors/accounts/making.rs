//! Accounts and devices that are made, by whatever somebody is entitled to them.

use highwater_wire::{Refusal, proto};

use super::{Accounts, secret_hash};
use crate::{
    logic::operation::{NewDevice, Register, Request},
    model::{
        DeviceId, UserId,
        limits::DEVICE_NAME_BYTES_MAX,
        record::{HostIdentityKey, SecretHash},
    },
    monitor::ids,
};

/// Why there may be an account; nothing where an operator asks.
#[derive(Default)]
pub(super) struct Entitled {
    /// PHC string of the password that was chosen.
    pub(super) password: Option<String>,
    /// The invite that pays for it.
    pub(super) invite: Option<SecretHash>,
    /// Who the user is to the host app that vouches.
    pub(super) host_identity: Option<HostIdentityKey>,
}

impl Accounts {
    /// Makes an account with its first device, in one operation.
    pub(super) async fn make_account(
        &self,
        name: String,
        by: Entitled,
        info: proto::DeviceInfo,
    ) -> Result<proto::SignedIn, Refusal> {
        let Entitled { password, invite, host_identity } = by;
        let user = UserId(self.random.id());
        let (device, token) = self.new_device(user, info);
        let told = proto::SignedIn { user_id: user.0, device_id: device.device.0, token };
        let register = Register { user, name, password, invite, host_identity, device };
        self.decide(Request::Register(register)).await?;
        self.services.monitor.add(ids::ACCOUNTS_MADE, 1);
        Ok(told)
    }

    /// Makes a further device of a user, in place of one if the client names one.
    pub(super) async fn add_device(
        &self,
        user: UserId,
        info: proto::DeviceInfo,
        in_place_of: u64,
        proven: Option<String>,
    ) -> Result<proto::SignedIn, Refusal> {
        let (device, token) = self.new_device(user, info);
        let told = proto::SignedIn { user_id: user.0, device_id: device.device.0, token };
        let in_place_of = (in_place_of != 0).then_some(DeviceId(in_place_of));
        self.decide(Request::AddDevice(NewDevice { in_place_of, proven, ..device })).await?;
        Ok(told)
    }

    fn new_device(&self, user: UserId, info: proto::DeviceInfo) -> (NewDevice, String) {
        let token = self.secret("hwd_");
        let device = NewDevice {
            user,
            device: DeviceId(self.random.id()),
            // A class of a newer schema is stored as unspecified, so that every encoding can name it.
            class: proto::DeviceClass::try_from(info.device_class).map_or(0, |class| class as u8),
            name: shortened(info.name),
            token: secret_hash(&token),
            in_place_of: None,
            proven: None,
        };
        (device, token)
    }
}

/// A name of a device within its limit, cut between two characters.
fn shortened(mut name: String) -> String {
    if name.len() > DEVICE_NAME_BYTES_MAX {
        let end = (0..=DEVICE_NAME_BYTES_MAX).rev().find(|end| name.is_char_boundary(*end)).unwrap_or(0);
        name.truncate(end);
    }
    name
}
