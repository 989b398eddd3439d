//! What the tail has of an inbox.

use std::sync::Arc;

use crate::model::{ConversationId, Delivery, Seq, Version, record::Pointer};

/// A pointer in the tail, with what it points to.
#[derive(Debug, Clone)]
pub struct InboxEntry {
    /// Of the operation that made it.
    pub version: Version,
    /// The user's pointer before this one.
    pub previous: Version,
    /// Which conversation's log it points to.
    pub conversation: ConversationId,
    /// Which entry there.
    pub seq: Seq,
    /// The entry; nothing when it had left the tail before the pointer came.
    pub delivery: Option<Arc<Delivery>>,
}

impl From<Pointer> for InboxEntry {
    /// A pointer of the index; what it points to is looked up.
    fn from(pointer: Pointer) -> InboxEntry {
        let Pointer { version, previous, conversation, seq } = pointer;
        InboxEntry { version, previous, conversation, seq, delivery: None }
    }
}
