//! What an operation does, decided: numbers, rows and positions, never the request.
//!
//! Replaying effects runs no decider; they hold absolute values, so applying them twice changes nothing.

use std::sync::Arc;

use super::{
    api_key::ApiKeys,
    channel::ChannelEffect,
    contact::ContactTally,
    erasure::Erasure,
    group::{Expansion, Group, Member, Owned, Position},
    group_door::Door,
    horizon::Horizon,
    ids::{ConversationId, Day, DeviceId, Kind, TimeMs, UserId, Version},
    lineage::Lineages,
    operator::Operators,
    reading::Reading,
    record::{Account, Conversation, Device, HostIdentity, Invite, Item, Message, Run, SecretHash},
};

/// A change of one row, entry or item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// The account has this value now. Its name row follows from it.
    Account(Account),
    /// The account is no more. Its name leads to it still, so that nobody takes it, unless it is given up.
    AccountGone {
        /// Whose.
        user: UserId,
        /// The name that anybody may have from now on, in the form of `name_key`; `None` when it is kept back.
        name: Option<String>,
    },
    /// It stands so with the erasure of a user.
    Erasure(Erasure),
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
    /// A change of a group.
    Group(GroupEffect),
    /// A change of a channel, or of who follows it.
    Channel(ChannelEffect),
    /// What is counted of a user's contacts is this now.
    ContactTally(ContactTally),
    /// So many groups and channels are a user's now.
    Owned(Owned),
    /// What the user shows is another one from this operation on: whoever has something of the user is to be told.
    ProfileChanged(UserId),
    /// What a user has read of a conversation is this now.
    Reading(Box<Reading>),
    /// The user is known to a host app.
    HostIdentity(HostIdentity),
    /// The API keys are these now.
    ApiKeys(ApiKeys),
    /// The named operators are these now.
    Operators(Operators),
}

/// A change of one row of a group, or of what is expanded of its log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GroupEffect {
    /// The group has this value now.
    Row(Group),
    /// The user's membership has this value now.
    Member(Member),
    /// A former member is not remembered any more.
    MemberGone {
        /// Of which group.
        group: ConversationId,
        /// Who.
        user: UserId,
    },
    /// How far the log of a group is expanded; `None` when there is nothing left to do.
    FanOut {
        /// Of which group.
        group: ConversationId,
        /// Where the next step begins.
        position: Option<Position>,
    },
    /// The ways into the group are these now.
    Door(Door),
    /// An entry of a group, written by an earlier operation, stands in the inboxes of part of its audience.
    Expanded(Arc<Expansion>),
}

impl GroupEffect {
    /// Of which group.
    #[must_use]
    pub fn group(&self) -> ConversationId {
        match self {
            GroupEffect::Row(row) => row.group,
            GroupEffect::Member(row) => row.group,
            GroupEffect::MemberGone { group, .. } | GroupEffect::FanOut { group, .. } => *group,
            GroupEffect::Door(row) => row.group,
            GroupEffect::Expanded(step) => step.group,
        }
    }
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
    /// Whose inbox gets a pointer, and the version of that inbox's pointer before it. Empty when the fan-out of its group
    /// gives the pointers later.
    pub pointers: Vec<(UserId, Version)>,
}

impl Delivery {
    /// Whether a client sent it, so that it is recognised when it is sent again; what the committer made was not sent.
    #[must_use]
    pub fn was_sent(&self) -> bool {
        self.message.content.is_of_client()
    }

    /// Whether its sender's inbox has a pointer of this operation.
    #[must_use]
    pub fn is_in_own_inbox(&self) -> bool {
        self.pointers.iter().any(|(user, _)| *user == self.message.sender)
    }
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

/// Why a device is no more, or may not be here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceEnd {
    /// It was signed out: by itself, another device, or an operator.
    SignedOut,
    /// Another device signed in, and this one had to give way.
    Replaced,
    /// It is still there, but its account is suspended.
    Suspended,
}
