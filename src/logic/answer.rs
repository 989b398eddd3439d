//! What the committer answers.

use crate::model::{ConversationId, DeviceId, Lineage, Seq, TimeMs, UserId, record::Device};

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
    /// These devices are gone; their connections must be closed.
    DevicesEnded(Vec<DeviceId>),
    /// It is done.
    Done,
}
