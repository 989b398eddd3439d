//! What is kept: the rows, entries and items of every repository, as plain values.

use super::{
    channel::Form,
    contact::Contact,
    content::Content,
    group::Role,
    ids::{
        ApiKeyId, ClientMessageId, ConversationId, Day, DeviceId, Kind, RunNumber, Seq, TimeMs, UserId,
        Version,
    },
    profile::Profile,
    reading::Reading,
    strangers::Strangers,
};

/// SHA-256 of a secret that is only shown once: a device token, an invite, the setup token.
pub type SecretHash = [u8; 32];

/// One account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Who.
    pub user: UserId,
    /// As the user wrote it; unique without regard to case (see [`name_key`]).
    pub name: String,
    /// Argon2id PHC string; `None` for accounts that sign in by provisioned device tokens only.
    pub password: Option<String>,
    /// When it was made.
    pub created: TimeMs,
    /// Live devices, oldest first; at most `limits::DEVICES_PER_USER_MAX`.
    pub devices: Vec<DeviceId>,
    /// By an operator's word: nobody signs in, and every device is suspended with it.
    pub suspended: bool,
    /// Whether a program drives it: it has no password, and others are told.
    pub bot: bool,
    /// The API key that made it, if one did.
    pub made_by: Option<ApiKeyId>,
    /// What the user shows besides the name.
    pub profile: Profile,
    /// Who may write first; `None` while the user has not said so: then it is as the operator has it.
    pub strangers: Option<Strangers>,
}

/// The form of a name by which it is unique: without case. By way of the upper case, since "ß" and "SS", or the two small
/// sigmas, have only that in common.
#[must_use]
pub fn name_key(name: &str) -> String {
    name.to_uppercase().to_lowercase()
}

/// Whether a name may have this letter.
#[must_use]
pub fn is_name_letter(letter: char) -> bool {
    letter.is_alphanumeric() || ['.', '-', '_'].contains(&letter)
}

/// One installation of a client that is signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// Which.
    pub device: DeviceId,
    /// Whose.
    pub user: UserId,
    /// Shown in the user's list of devices.
    pub name: String,
    /// Number of the wire's `DeviceClass`.
    pub class: u8,
    /// Hash of its token.
    pub token: SecretHash,
    /// When it signed in.
    pub created: TimeMs,
    /// Whether its account is: it may ask nothing until that is over.
    pub suspended: bool,
}

/// A conversation: between two (which may be the same one: notes to oneself), or the log of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Conversation {
    /// Which.
    pub conversation: ConversationId,
    /// The two, lower id first. Twice nobody, [`NOBODY`], for a group, whose members have rows of their own.
    pub members: [UserId; 2],
    /// When its first entry was made.
    pub created: TimeMs,
    /// The oldest message that can be read: those before it may have been removed. It never falls, and never lies above
    /// the newest.
    pub oldest: Seq,
    /// Version of the message before it, the newest that was let go; 0 when none was. What had a version at or below it when
    /// an older copy of the store was put back is known by it to be of this history.
    pub let_go: Version,
}

/// No user has this id.
pub const NOBODY: UserId = UserId(0);

impl Conversation {
    /// The row of a group's log. It keeps the id from being taken for the conversation of a pair.
    #[must_use]
    pub fn of_group(group: ConversationId, created: TimeMs) -> Conversation {
        Conversation {
            conversation: group,
            members: [NOBODY; 2],
            created,
            oldest: Seq(1),
            let_go: Version(0),
        }
    }

    /// Whether it is the log of a group.
    #[must_use]
    pub fn is_group(&self) -> bool {
        self.members == [NOBODY; 2]
    }

    /// The other one, seen from `user`; `None` when `user` is not a member.
    #[must_use]
    pub fn peer_of(&self, user: UserId) -> Option<UserId> {
        match self.members {
            [one, other] if one == user => Some(other),
            [one, other] if other == user => Some(one),
            _ => None,
        }
    }
}

/// An entry of a conversation's log. Its body stands here once; inboxes point to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// In which conversation.
    pub conversation: ConversationId,
    /// At which place.
    pub seq: Seq,
    /// Who sent it.
    pub sender: UserId,
    /// When the server decided it.
    pub sent_at: TimeMs,
    /// The sender's idempotency key.
    pub id: ClientMessageId,
    /// What it says.
    pub content: Content,
    /// How many entries of its conversation count through this one: see [`Content::counts`].
    pub count: u64,
    /// The sender's read mark after it; 0 when the entry does not count.
    pub read: Seq,
}

impl Message {
    /// The entry when its sender is erased: place, time and counts stay.
    #[must_use]
    pub fn erased(self) -> Message {
        Message { content: self.content.erased(), ..self }
    }
}

/// An entry of a user's inbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pointer {
    /// Of the operation that made it visible to the user.
    pub version: Version,
    /// The user's pointer before this one, so that a missing one is seen; 0 for the first.
    pub previous: Version,
    /// Which conversation's log it points to.
    pub conversation: ConversationId,
    /// Which entry there.
    pub seq: Seq,
}

/// A message as it stands in an inbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InboxMessage {
    /// Version of its pointer.
    pub version: Version,
    /// What it points to.
    pub message: Message,
}

/// What is remembered of a send, to recognise it when it comes again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receipt {
    /// Where it went.
    pub conversation: ConversationId,
    /// At which place.
    pub seq: Seq,
    /// When.
    pub sent_at: TimeMs,
    /// Fingerprint of target and body: the same id with another one is refused.
    pub fingerprint: u64,
}

/// One item of a state kind, as synchronised to one user: the newest value, or a tombstone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Of which kind.
    pub kind: Kind,
    /// Identity within the kind.
    pub key: String,
    /// Of the operation that made this value visible to the user.
    pub version: Version,
    /// `None` is a tombstone.
    pub value: Option<ItemValue>,
}

impl Item {
    /// The conversation that it stands for, or stood for: what came before the end stays with the user. Of an item of kind
    /// conversations.
    #[must_use]
    pub fn conversation(&self) -> Option<ConversationId> {
        match &self.value {
            Some(value) => value.conversation(),
            None => self.key.parse().ok().map(ConversationId),
        }
    }
}

/// Values of the state kinds, before they are rendered for a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ItemValue {
    /// The user's own account.
    Account {
        /// Own id.
        user: UserId,
        /// Own name.
        name: String,
        /// What others are shown besides. When it was changed is not told.
        profile: Box<Profile>,
    },
    /// What the user has of another one.
    Contact(Box<Contact>),
    /// A conversation of the user.
    Conversation {
        /// Which.
        conversation: ConversationId,
        /// With whom.
        peer: UserId,
    },
    /// A group that the user is a member of, or a channel that the user follows.
    Group {
        /// Which.
        group: ConversationId,
        /// What it is called.
        name: String,
        /// The user's own role.
        role: Role,
        /// Place of the entry that made the user a member; of a channel, the first entry that is for the user.
        since: Seq,
        /// Whether it is a channel.
        form: Form,
    },
    /// What the user has read of a conversation, as it was last said: what was written since says itself what it changed.
    Reading(Box<Reading>),
    /// What the user tells others.
    Privacy {
        /// Read marks are told to nobody, and nobody's are told to the user.
        hides_read: bool,
    },
    /// What the user takes of strangers.
    Strangers(Strangers),
    /// A JSON document of a kind that the server itself does not look into.
    Document(String),
}

impl ItemValue {
    /// The conversation that it stands for.
    #[must_use]
    pub fn conversation(&self) -> Option<ConversationId> {
        match self {
            ItemValue::Conversation { conversation, .. } => Some(*conversation),
            ItemValue::Group { group, .. } => Some(*group),
            ItemValue::Account { .. }
            | ItemValue::Contact(_)
            | ItemValue::Reading(_)
            | ItemValue::Privacy { .. }
            | ItemValue::Strangers(_)
            | ItemValue::Document(_) => None,
        }
    }
}

/// One life of the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    /// 1, 2, 3…
    pub number: RunNumber,
    /// Random, so that two histories that fork from one backup are told apart.
    pub id: u32,
    /// Version of the run record itself: the first number of this run.
    pub first: Version,
    /// Version of the last record before it.
    pub found: Version,
    /// Something that may have been told is missing: restored, or loss accepted by an operator.
    pub lossy: bool,
}

/// A single-use permission to register.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Invite {
    /// Hash of the code.
    pub hash: SecretHash,
    /// After this moment it is void.
    pub expires: TimeMs,
}

/// Who somebody is to a host app: the hash of the app's name for itself and of its name for the user.
pub type HostIdentityKey = [u8; 32];

/// A user that a host app vouches for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HostIdentity {
    /// Who it is to the host app.
    pub key: HostIdentityKey,
    /// Who it is here. Changes only when that one was erased: then it is somebody new.
    pub user: UserId,
}

/// The sends of one user on one day are recognised together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ReceiptDay {
    /// The sender.
    pub user: UserId,
    /// The day that the client named.
    pub day: Day,
}
