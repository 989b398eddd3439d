//! Passwords that change while others sign in by the one before: a proof counts only for as long as it is true.

use std::collections::BTreeMap;

use highwater::{
    logic::{
        Operation, Principal, Request,
        operation::{ChangePassword, NewDevice},
    },
    model::{DeviceId, Effect, Record, UserId, record::Account},
};

use crate::{operations::Ticket, world::World};

/// What was asked, by what must be true of it when it is done.
#[derive(Default)]
pub struct Proofs {
    /// By what password a device is to be made.
    sign_ins: BTreeMap<DeviceId, String>,
    /// Every new password, each of which is used once.
    changes: BTreeMap<String, Change>,
}

/// A password that is to be set.
struct Change {
    /// Who asks, and the old password that was proven; `None` is an operator.
    by: Option<(DeviceId, String)>,
    /// Other devices end with it.
    ends: bool,
}

impl World {
    /// A sign-in that is judged by the password of now: it may be another one when it is decided.
    pub fn proven(&mut self, device: NewDevice) -> NewDevice {
        let Some(password) = self.password(device.user) else {
            return device;
        };
        self.proofs.sign_ins.insert(device.device, password.clone());
        NewDevice { proven: Some(password), ..device }
    }

    /// A user or an operator wants another password; a user at times twice at once, by the same old one.
    pub fn new_password(&mut self, client: usize) {
        let by = self.clients[client].principal();
        match self.password(by.user).filter(|_| !self.random.one_in(4)) {
            Some(proven) => {
                let at_once = if self.random.one_in(3) { 2 } else { 1 };
                (0..at_once).for_each(|_| self.change_password(by, proven.clone()));
            }
            None => {
                let ends = self.random.one_in(8);
                let password = self.another_password(Change { by: None, ends });
                self.submit(
                    Request::SetPassword { user: by.user, password, end_devices: ends },
                    Ticket::Other,
                );
            }
        }
    }

    fn change_password(&mut self, by: Principal, proven: String) {
        let end_other_devices = self.random.one_in(2);
        let change = Change { by: Some((by.device, proven.clone())), ends: end_other_devices };
        let password = self.another_password(change);
        let change = ChangePassword { by, proven, password, end_other_devices };
        self.submit(Request::ChangePassword(change), Ticket::Other);
    }

    fn another_password(&mut self, change: Change) -> String {
        let password = format!("password {}", self.proofs.changes.len());
        self.proofs.changes.insert(password.clone(), change);
        password
    }

    fn password(&self, user: UserId) -> Option<String> {
        self.oracle.accounts.get(&user).and_then(|account| account.password.clone())
    }

    /// A record is about to be published: what it does by a password is done by the right one.
    pub fn check_passwords(&mut self, record: &Record) {
        for effect in &record.effects {
            match effect {
                Effect::Account(account) => self.check_change(account),
                Effect::Device(device) => {
                    let proven = self.proofs.sign_ins.get(&device.device);
                    if let Some(proven) = proven.filter(|_| !self.oracle.is_live(device.device)) {
                        let password = self.password(device.user);
                        assert_eq!(password.as_ref(), Some(proven), "signed in by another password");
                    }
                }
                _ => {}
            }
        }
    }

    fn check_change(&mut self, account: &Account) {
        let Some(before) = self.oracle.accounts.get(&account.user) else {
            return;
        };
        let Some(password) = account.password.as_ref().filter(|_| before.password != account.password) else {
            assert_eq!(before.password, account.password, "a password is gone");
            return;
        };
        let change = &self.proofs.changes[password];
        let stays = match &change.by {
            Some((device, proven)) => {
                assert_eq!(before.password.as_ref(), Some(proven), "changed by another password");
                assert!(self.oracle.is_live(*device), "changed by a device that had ended");
                self.counts.saw("password changed");
                vec![*device]
            }
            None => {
                self.counts.saw("password set");
                Vec::new()
            }
        };
        if change.ends {
            assert_eq!(account.devices, stays, "devices outlived the password");
            if before.devices.len() > stays.len() {
                self.counts.saw("others ended by a password");
            }
        } else {
            assert_eq!(account.devices, before.devices, "devices ended without being asked for");
        }
    }

    /// Somebody came with a password that is no more.
    pub fn proof_refused(&mut self, operation: &Operation) {
        let (user, proven, event) = match &operation.request {
            Request::AddDevice(new) => (new.user, new.proven.as_ref(), "sign-in by an old password"),
            Request::ChangePassword(change) => {
                (change.by.user, Some(&change.proven), "change by an old password")
            }
            other => panic!("{other:?} is proven by no password"),
        };
        assert_ne!(self.password(user).as_ref(), proven, "the password is right");
        self.counts.saw(event);
    }
}
