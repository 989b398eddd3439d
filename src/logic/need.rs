//! What operations read: which row is lacking, and what a reader found.

use std::collections::{BTreeSet, HashMap};

use super::state::{ConversationState, GroupState};
use crate::model::{
    ApiKeys, Broadcasts, ClientMessageId, Contact, ContactTally, ConversationId, DeviceId, Erasure, Follow,
    Kind, Lineages, Operators, Reading, Seq, UserId, Version,
    record::{Account, Device, HostIdentityKey, Invite, Receipt, ReceiptDay, SecretHash},
};

/// A row that must be in memory before an operation can be decided.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Need {
    /// The account of a user.
    Account(UserId),
    /// The user of a name.
    Name(String),
    /// A device.
    Device(DeviceId),
    /// A conversation and its newest seq.
    Conversation(ConversationId),
    /// The newest pointer of an inbox.
    Inbox(UserId),
    /// Everything that one user sent on one day.
    Receipts(ReceiptDay),
    /// The lineages of a user.
    Lineages(UserId),
    /// An invite.
    Invite(SecretHash),
    /// The user of a host app's identity.
    HostIdentity(HostIdentityKey),
    /// All API keys.
    ApiKeys,
    /// All named operators.
    Operators,
    /// The version of one item of one user.
    Item(UserId, Kind, String),
    /// A group with all of its members.
    Group(ConversationId),
    /// What the first has of the second.
    Contact(UserId, UserId),
    /// How it stands with the erasure of a user.
    Erasure(UserId),
    /// What is counted of a user's contacts.
    ContactTally(UserId),
    /// What the user has of a channel.
    Follow(UserId, ConversationId),
    /// How many follows of a user are kept.
    FollowCount(UserId),
    /// How many groups and channels a user owns.
    Owned(UserId),
    /// The channels that everybody follows.
    Broadcasts,
    /// Everybody who follows a channel now. Only asked of one whose followers may become members of a group.
    Followers(ConversationId),
    /// What a user has read of a conversation.
    Reading(UserId, ConversationId),
    /// How many entries of a conversation count through one of them.
    Count(ConversationId, Seq),
}

/// What a reader found for a need.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Warm {
    /// See `Need::Account`.
    Account(UserId, Option<Account>),
    /// See `Need::Name`.
    Name(String, Option<UserId>),
    /// See `Need::Device`.
    Device(DeviceId, Option<Device>),
    /// See `Need::Conversation`.
    Conversation(ConversationId, Option<ConversationState>),
    /// See `Need::Inbox`.
    Inbox(UserId, Version),
    /// See `Need::Receipts`.
    Receipts(ReceiptDay, HashMap<ClientMessageId, Receipt>),
    /// See `Need::Lineages`.
    Lineages(UserId, Lineages),
    /// See `Need::Invite`.
    Invite(SecretHash, Option<Invite>),
    /// See `Need::HostIdentity`.
    HostIdentity(HostIdentityKey, Option<UserId>),
    /// See `Need::ApiKeys`.
    ApiKeys(ApiKeys),
    /// See `Need::Operators`.
    Operators(Operators),
    /// See `Need::Item`; version 0 when there is no such item.
    Item(UserId, Kind, String, Version),
    /// See `Need::Group`.
    Group(ConversationId, Option<GroupState>),
    /// See `Need::Contact`.
    Contact(UserId, UserId, Option<Box<Contact>>),
    /// See `Need::Erasure`.
    Erasure(UserId, Option<Erasure>),
    /// See `Need::ContactTally`.
    ContactTally(ContactTally),
    /// See `Need::Follow`.
    Follow(UserId, ConversationId, Option<Follow>),
    /// See `Need::FollowCount`.
    FollowCount(UserId, u32),
    /// See `Need::Owned`.
    Owned(UserId, u32),
    /// See `Need::Broadcasts`.
    Broadcasts(Broadcasts),
    /// See `Need::Followers`.
    Followers(ConversationId, BTreeSet<UserId>),
    /// See `Need::Reading`.
    Reading(Box<Reading>),
    /// See `Need::Count`.
    Count(ConversationId, Seq, u64),
}
