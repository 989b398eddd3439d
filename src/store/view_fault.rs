//! Why a read of the store failed.

use super::{engine::EngineFault, field::Malformed};
use crate::model::{ConversationId, Seq, UserId, Version};

/// Why a read failed.
#[derive(Debug, thiserror::Error)]
pub enum ReadFault {
    /// The index could not be read.
    #[error("the index cannot be read")]
    Engine(#[from] EngineFault),
    /// A value's checksum is right and its content is not.
    #[error("the index holds a value that cannot be understood")]
    Malformed(#[from] Malformed),
    /// A pointer leads to no message.
    #[error("conversation {conversation} has no message {seq}, though an inbox points to it")]
    MissingMessage {
        /// Which conversation.
        conversation: ConversationId,
        /// Which place.
        seq: Seq,
    },
    /// The version of an item is known, and its value is not there.
    #[error("user {user} has no item of version {version}, though a key leads to it")]
    MissingItem {
        /// Whose.
        user: UserId,
        /// Which.
        version: Version,
    },
    /// An inbox does not continue where the pointer says.
    #[error("inbox of user {user} has a hole: after version {found} it names {expected}")]
    BrokenInbox {
        /// Whose.
        user: UserId,
        /// The pointer before the hole.
        found: Version,
        /// What the next one names as the one before it.
        expected: Version,
    },
}
