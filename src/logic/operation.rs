//! What may be asked of the committer.

pub use super::{
    answer::{Answer, MadeLink},
    api_keys::{ApiKeyChange, MakeUser},
    broadcasts::BroadcastRequest,
    channels::{ChannelChange, ChannelRequest},
    contact_changes::{ChangeContact, ContactChange},
    erasure::{Erase, ErasedBy, ErasureRequest},
    group_doors::DoorChange,
    lineages::{HandedBack, OpenLineage},
    on_behalf::{OnBehalf, Voucher},
    operator_changes::OperatorChange,
    passwords::ChangePassword,
    profiles::ProfileRequest,
    reading::{ReadingChange, ReadingRequest},
};
use crate::model::{
    ClientMessageId, Content, ConversationId, Day, DeviceId, Form, Role, Seq, Strangers, TimeMs, UserId,
    Version,
    record::{HostIdentityKey, Invite, NOBODY, SecretHash},
};

/// Who asks: a signed-in device, proven by its token when the request arrived and again inside the commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Principal {
    /// The user.
    pub user: UserId,
    /// The device.
    pub device: DeviceId,
}

/// The device of a principal for whom an API key or an operator asks: no device has this id.
pub const NO_DEVICE: DeviceId = DeviceId(0);

/// One operation on its way to the committer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// When the server received it. The decider knows no other time.
    pub at: TimeMs,
    /// What is asked.
    pub request: Request,
}

/// The closed list of what changes the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// A message between two.
    Send(Send),
    /// A new account with its first device.
    Register(Register),
    /// A new device of an account whose password was proven, or which an operator provisions.
    AddDevice(NewDevice),
    /// The end of one device, or of all but one.
    EndDevices {
        /// Who asks.
        by: Principal,
        /// Which.
        which: EndDevices,
    },
    /// The end of a device by an operator's word.
    EndDevice {
        /// Whose.
        user: UserId,
        /// Which.
        device: DeviceId,
    },
    /// A new password of the one who asks.
    ChangePassword(ChangePassword),
    /// A new password by an operator's word.
    SetPassword {
        /// Whose.
        user: UserId,
        /// PHC string.
        password: String,
        /// Whether all devices end with it.
        end_devices: bool,
    },
    /// An account is suspended or resumed by an operator's word.
    Suspend {
        /// Whose.
        user: UserId,
        /// Whether it is suspended from now on.
        suspended: bool,
    },
    /// A user is erased, in an operation and many steps.
    Erase(ErasureRequest),
    /// A device begins, or goes on with, a chain of snapshots.
    OpenLineage(OpenLineage),
    /// Marks that lineages of a user handed back, gathered. Nobody waits for it.
    HandBack {
        /// Whose.
        user: UserId,
        /// Which lineages, and how far each has everything.
        handed: Vec<HandedBack>,
    },
    /// Cleanup found that lineages of a user have expired, for which something is kept.
    Expire(UserId),
    /// Cleanup found entries of an inbox that are past their retention, the newest of which has this version.
    RetireInbox {
        /// Whose.
        user: UserId,
        /// The newest that may go.
        through: Version,
    },
    /// Cleanup found tombstones of a kind that are past their retention, the newest of which has this version.
    RetireTombstones {
        /// Whose.
        user: UserId,
        /// Of which state kind.
        kind: crate::model::Kind,
        /// The newest that may go.
        through: Version,
    },
    /// Tombstones that lie at or below the floor of their kind are removed.
    RemoveTombstones {
        /// Whose.
        user: UserId,
        /// Of which state kind.
        kind: crate::model::Kind,
        /// Item keys, and the versions of their tombstones. An item that has another value by now is passed over.
        tombstones: Vec<(String, Version)>,
    },
    /// Cleanup found that the policy keeps the messages of a conversation only from a seq on.
    RetireBodies {
        /// A member: it is decided in order with what that user asks.
        member: UserId,
        /// Which conversation.
        conversation: ConversationId,
        /// The oldest message that stays.
        oldest: Seq,
        /// Version of the message before it, the newest that goes.
        through: Version,
    },
    /// The observed time is stored: now and then, so that the next start knows it.
    StoreTime,
    /// An operator says that the wall clock is right.
    AcceptTime,
    /// A user changes what the user has of another one.
    ChangeContact(ChangeContact),
    /// A new invite, from an operator.
    Invite(Invite),
    /// An item of a kind that the server does not look into, from an operator or a host app.
    PutDocument {
        /// For whom.
        user: UserId,
        /// Of which kind.
        kind: crate::model::Kind,
        /// Which item.
        key: String,
        /// JSON document; `None` deletes.
        value: Option<String>,
    },
    /// A user has read something of a conversation, or keeps it in another way.
    Reading(ReadingRequest),
    /// A user says what others are told of the user.
    SetPrivacy {
        /// Who says it.
        by: Principal,
        /// Whether the user's read marks are told to nobody, and nobody's to the user.
        hides_read: bool,
    },
    /// A user says what is taken of strangers.
    SetStrangers {
        /// Who says it.
        by: Principal,
        /// What.
        strangers: Strangers,
    },
    /// A user shows something else, or somebody is told of it.
    Profile(ProfileRequest),
    /// Something is done with a group.
    Group(GroupRequest),
    /// An operator makes an API key or takes one back, or one was used.
    ApiKey(ApiKeyChange),
    /// A named operator is made or taken back.
    Operator(OperatorChange),
    /// An account that has no device yet, from an API key or an operator.
    MakeUser(MakeUser),
    /// What a user might ask, asked for that user by an API key or an operator.
    OnBehalf(OnBehalf),
    /// Something is done with a channel, or a group becomes one.
    Channel(ChannelRequest),
    /// A group becomes a channel or the reverse, by an operator's word or since it has grown: its owner does it by the log.
    Turn(ConversationId, Form),
    /// A channel becomes one that everybody follows, or is one no more, by an operator's word and in many steps.
    Broadcast(BroadcastRequest),
    /// Cleanup found a time in which a user followed a channel that is past the retention of inboxes.
    ForgetFollow {
        /// Whose.
        user: UserId,
        /// Which channel.
        channel: ConversationId,
        /// Where it ended.
        through: Seq,
        /// Version of the last post in it; 0 when there was none.
        last: Version,
    },
    /// The next step of a group's fan-out: pointers to what waits in its log. Nobody waits for it.
    Expand(ConversationId),
}

/// What a member does with a group, or who makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupRequest {
    /// Who asks.
    pub by: Principal,
    /// Which group. For a new one made of the request, so that the same request names the same: see `logic::id_of_new`.
    pub group: ConversationId,
    /// What is done.
    pub change: GroupChange,
}

/// See [`GroupRequest`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GroupChange {
    /// It is made. Who makes it owns it. The same group made once more by the same one is done already.
    Create {
        /// What it is called.
        name: String,
        /// Who belongs to it besides.
        members: Vec<UserId>,
    },
    /// Members come; those who are members already are passed over. For owner and admins.
    Add(Vec<UserId>),
    /// A member goes. For the owner, and for admins unless it is another admin.
    Remove(UserId),
    /// The one who asks goes.
    Leave,
    /// It gets another name. For owner and admins.
    Rename(String),
    /// A member gets another role. For the owner; who makes another one owner becomes an admin.
    GiveRole(UserId, Role),
    /// Every membership ends with one entry. For the owner.
    Dissolve,
    /// Only owner and admins may write, or everybody may again. For owner and admins.
    MuteAll(bool),
    /// A member may not write, or may again. For the owner, and for admins unless it is another admin.
    Mute(UserId, bool),
    /// Every member is to know this; empty: nothing any more. For owner and admins.
    Announce(String),
    /// A way into it is made, used or closed.
    Door(DoorChange),
}

/// Which devices to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndDevices {
    /// This one.
    One(DeviceId),
    /// Every device but the one that asks.
    AllOthers,
}

/// Where a message goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A conversation of the sender.
    Conversation(ConversationId),
    /// A user by id.
    User(UserId),
    /// A user by name, already in the form of `name_key`.
    Name(String),
}

/// A message to be decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Send {
    /// Who sends.
    pub by: Principal,
    /// To whom.
    pub to: Target,
    /// Idempotency key.
    pub id: ClientMessageId,
    /// Day that goes with the key.
    pub day: Day,
    /// What it says.
    pub content: Content,
    /// The newest entry of the conversation that the device shows; 0 for none.
    pub shown: Seq,
}

/// An account to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Register {
    /// Drawn at random by the caller.
    pub user: UserId,
    /// Already checked against the rules for names.
    pub name: String,
    /// PHC string, or `None` for provisioned accounts.
    pub password: Option<String>,
    /// Hash of the invite that pays for it; `None` when registration is open or an operator asks.
    pub invite: Option<SecretHash>,
    /// Who the user is to a host app; nobody else may be that.
    pub host_identity: Option<HostIdentityKey>,
    /// Its first device; the version fields are the committer's.
    pub device: NewDevice,
}

/// A device to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewDevice {
    /// Whose.
    pub user: UserId,
    /// Drawn at random by the caller.
    pub device: DeviceId,
    /// Shown to the user.
    pub name: String,
    /// Number of the wire's `DeviceClass`.
    pub class: u8,
    /// Hash of its token.
    pub token: SecretHash,
    /// The device that ends because this one takes its place, if it is one of the user's.
    pub in_place_of: Option<DeviceId>,
    /// PHC string of the password that was proven; `None` where none is asked for. It has to be the account's still.
    pub proven: Option<String>,
}

impl Operation {
    /// Whose operation it is: those of one actor are decided in the order in which they came.
    #[must_use]
    pub fn actor(&self) -> Option<UserId> {
        match &self.request {
            Request::Send(send) => Some(send.by.user),
            Request::Register(register) => Some(register.user),
            Request::AddDevice(device) => Some(device.user),
            Request::EndDevices { by, .. }
            | Request::SetPrivacy { by, .. }
            | Request::SetStrangers { by, .. } => Some(by.user),
            Request::ChangePassword(change) => Some(change.by.user),
            Request::Erase(request) => Some(request.user()),
            Request::OpenLineage(open) => Some(open.by.user),
            Request::ChangeContact(change) => Some(change.by.user),
            Request::HandBack { user, .. }
            | Request::EndDevice { user, .. }
            | Request::SetPassword { user, .. }
            | Request::Suspend { user, .. }
            | Request::PutDocument { user, .. }
            | Request::Expire(user) => Some(*user),
            Request::RetireInbox { user, .. }
            | Request::RetireTombstones { user, .. }
            | Request::RemoveTombstones { user, .. } => Some(*user),
            Request::RetireBodies { member, .. } => Some(*member),
            Request::Reading(request) => Some(request.by.user),
            Request::Profile(request) => Some(request.actor()),
            Request::Group(request) => Some(request.by.user),
            Request::Channel(request) => Some(request.by.user),
            Request::ApiKey(_) | Request::Operator(_) => Some(NOBODY),
            Request::MakeUser(make) => Some(make.user),
            Request::OnBehalf(on_behalf) => on_behalf.operation.actor(),
            Request::ForgetFollow { user, .. } => Some(*user),
            Request::Broadcast(request) => Some(request.channel().as_actor()),
            Request::Turn(group, _) | Request::Expand(group) => Some(group.as_actor()),
            Request::StoreTime | Request::AcceptTime | Request::Invite(_) => None,
        }
    }
}
