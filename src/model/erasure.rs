//! The erasure of a user: the account is gone, and what the user wrote with it.

use super::ids::{ConversationId, TimeMs, UserId, Version};

/// How it stands with the erasure of a user. Kept for good: it says why there is an id without an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Erasure {
    /// Who was erased.
    pub user: UserId,
    /// When it was decided.
    pub at: TimeMs,
    /// Of the operation that decided it: everything that the user wrote has a lower version.
    pub begun: Version,
    /// Everybody was told of it in the user's conversations through this one, in the order of ids; 0 for none yet.
    pub told: ConversationId,
    /// Nothing that the user wrote is in the index any more. Only the index itself says so: what brings it back, replay of
    /// a log into an older index, brings back a row that does not.
    pub is_done: bool,
}

impl Erasure {
    /// One that begins.
    #[must_use]
    pub fn begun(user: UserId, at: TimeMs, begun: Version) -> Erasure {
        Erasure { user, at, begun, told: ConversationId(0), is_done: false }
    }
}
