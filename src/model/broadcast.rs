//! Channels that everybody follows, by an operator's word: who is there when it is said is given the follow by steps, and who
//! comes later has it from the operation by which he comes.

use super::ids::{ConversationId, UserId, Version};

/// Channels that everybody may be made to follow at once. One more: refused as `too_many_broadcasts`. Source: the operation
/// that makes a user tells him of the conversation, and an operation tells one user of one item of a kind: items are stored
/// and told by kind and version. With more the others would have to wait for operations of their own.
pub const BROADCASTS_MAX: usize = 1;
const _: () = assert!(BROADCASTS_MAX == 1, "an operation writes one item of a kind for a user");

/// A channel that everybody follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Broadcast {
    /// Which.
    pub channel: ConversationId,
    /// Version of the operation since which it is one. Who was made before it is given the follow by a step.
    pub begun: Version,
    /// The users behind this one, in the order of ids, have not been looked at; nothing when all of them have.
    pub left_after: Option<UserId>,
}

/// All of them, oldest first; at most [`BROADCASTS_MAX`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Broadcasts(pub Vec<Broadcast>);

impl Broadcasts {
    /// What is known of a channel as one that everybody follows, if it is one.
    #[must_use]
    pub fn get(&self, channel: ConversationId) -> Option<&Broadcast> {
        self.0.iter().find(|broadcast| broadcast.channel == channel)
    }
}
