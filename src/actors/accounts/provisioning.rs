//! Accounts that an operator provisions with devices, for host apps, load and tests.

use highwater_wire::{Refusal, proto};

use super::{Accounts, is_valid_name, making::Entitled};
use crate::model::{UserId, record::name_key};

impl Accounts {
    /// Whether all these names can be registered now.
    ///
    /// # Errors
    /// `InvalidName` or `NameTaken`.
    pub async fn refuse_taken(&self, names: &[String]) -> Result<(), Refusal> {
        if !names.iter().all(|name| is_valid_name(name)) {
            return Err(Refusal::InvalidName);
        }
        let keys: Vec<String> = names.iter().map(|name| name_key(name)).collect();
        let is_taken = self.services.readers.ask(move |view| {
            for key in &keys {
                if view.user_of_name(key)?.is_some() {
                    return Ok(true);
                }
            }
            Ok(false)
        });
        if is_taken.await? { Err(Refusal::NameTaken) } else { Ok(()) }
    }

    /// Whether so many devices of a class can be live for one user: the tokens of those that had to give way would be
    /// dead before they are told.
    ///
    /// # Errors
    /// `TooManyDevices` or `DeviceClassTaken`.
    pub fn refuse_too_many(&self, devices: usize, class: proto::DeviceClass) -> Result<(), Refusal> {
        let policy = self.services.policy.now().devices;
        if devices > policy.devices_max {
            return Err(Refusal::TooManyDevices);
        }
        if devices > policy.of_class_max(class as u8) { Err(Refusal::DeviceClassTaken) } else { Ok(()) }
    }

    /// Makes an account without a password, with devices, for host apps, load and tests.
    ///
    /// # Errors
    /// `NameTaken` and the like.
    pub async fn provision(
        &self,
        name: String,
        devices: usize,
        class: proto::DeviceClass,
    ) -> Result<Vec<proto::SignedIn>, Refusal> {
        if !is_valid_name(&name) {
            return Err(Refusal::InvalidName);
        }
        let info = proto::DeviceInfo { name: "provisioned".to_owned(), device_class: class.into() };
        let first = self.make_account(name, Entitled::default(), info.clone()).await?;
        let user = UserId(first.user_id);
        let mut made = Vec::with_capacity(devices);
        made.push(first);
        for _ in 1..devices {
            made.push(self.add_device(user, info.clone(), 0, None).await?);
        }
        Ok(made)
    }
}
