//! What the committer answers.

use crate::model::{
    ConversationId, DeviceId, Lineage, Link, LinkSecret, Seq, TimeMs, UserId, record::Device,
};

/// What the committer answers when it did not refuse. Told only after the commit is durable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// A message stands in its conversation: newly, or since an earlier attempt.
    Sent {
        /// Which conversation.
        conversation: ConversationId,
        /// At which place.
        seq: Seq,
        /// Since when.
        sent_at: TimeMs,
    },
    /// The device can sign in with its token.
    DeviceAdded(Device),
    /// The lineage as it is stored.
    LineageOpened(Lineage),
    /// The group is there: newly, or since an earlier attempt.
    GroupCreated(ConversationId),
    /// The account is there: newly, or since an earlier attempt.
    UserMade(UserId),
    /// The link is there, and this is its secret, which is told now and never again.
    LinkMade(Box<MadeLink>),
    /// The user is a member of the group: newly, or since an earlier attempt.
    Joined(ConversationId),
    /// It waits for owner or admins of the group whether the user becomes a member.
    Asked(ConversationId),
    /// These devices are gone; their connections must be closed.
    DevicesEnded(Vec<DeviceId>),
    /// It is done.
    Done,
}

/// See [`Answer::LinkMade`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MadeLink {
    /// Into which group.
    pub group: ConversationId,
    /// What opens it.
    pub secret: LinkSecret,
    /// What is stored of it.
    pub link: Link,
    /// The name of who made it.
    pub maker: String,
}
