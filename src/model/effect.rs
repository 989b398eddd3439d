//! What an operation does, decided: numbers, rows and positions, never the request.
//!
//! Replaying effects runs no decider; they hold absolute values, so applying them twice changes nothing.

use std::sync::Arc;

use super::{
    contact::ContactTally,
    horizon::Horizon,
    ids::{Day, DeviceId, Kind, TimeMs, UserId, Version},
    lineage::Lineages,
    record::{Account, Conversation, Device, Invite, Item, Message, Run, SecretHash},
};

/// A change of one row, entry or item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// The account has this value now. Its name row follows from it.
    Account(Account),
    /// The device has this value now. Its token row follows from it.
    Device(Device),
    /// The device and its token are gone.
    DeviceEnded {
        /// Whose.
        user: UserId,
        /// Which.
        device: DeviceId,
        /// Hash of its token.
        token: SecretHash,
    },
    /// The conversation exists.
    Conversation(Conversation),
    /// An item of a state kind has a new value for one user.
    Item {
        /// For whom.
        user: UserId,
        /// The value, with the version of this operation.
        item: Item,
        /// The version that the item had before, which is no longer told; 0 if it is new.
        supersedes: Version,
    },
    /// A tombstone is not kept any more: the floor of its kind lies at or above it.
    ItemGone {
        /// Whose.
        user: UserId,
        /// Of which kind.
        kind: Kind,
        /// Which item.
        key: String,
        /// Version of the tombstone.
        version: Version,
    },
    /// A message stands in its conversation and in the inboxes of its audience.
    Message(Arc<Delivery>),
    /// The lineages of a user have these marks now, and the inbox this floor.
    Lineages(Lineages),
    /// The observed time has come this far.
    Time(TimeMs),
    /// How far back is kept what goes by age.
    Horizon(Horizon),
    /// A start of the store.
    Run(Run),
    /// An invite can be used.
    Invite(Invite),
    /// An invite was used or withdrawn.
    InviteGone(SecretHash),
    /// What is counted of a user's contacts is this now.
    ContactTally(ContactTally),
}

/// A message with the pointers that one operation makes to it, all of that operation's version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Version of the operation, and so of every pointer.
    pub version: Version,
    /// The entry.
    pub message: Message,
    /// Day that the client named with its message id.
    pub day: Day,
    /// See `Receipt::fingerprint`.
    pub fingerprint: u64,
    /// Whose inbox gets a pointer, and the version of that inbox's pointer before it.
    pub pointers: Vec<(UserId, Version)>,
}

/// One decided operation, as it stands in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Its number.
    pub version: Version,
    /// What it does, in order.
    pub effects: Vec<Effect>,
}

impl Record {
    /// Why the devices that this operation ended are no more.
    #[must_use]
    pub fn end_of_devices(&self) -> DeviceEnd {
        let adds = self.effects.iter().any(|effect| matches!(effect, Effect::Device(_)));
        if adds { DeviceEnd::Replaced } else { DeviceEnd::SignedOut }
    }
}

/// Why a device is no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceEnd {
    /// It was signed out: by itself, another device, or an operator.
    SignedOut,
    /// Another device signed in, and this one had to give way.
    Replaced,
}
