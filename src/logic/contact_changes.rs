//! What a user may ask with regard to another one.

use super::Principal;
use crate::model::UserId;

/// What a user does with regard to another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeContact {
    /// Who does it.
    pub by: Principal,
    /// With regard to whom.
    pub other: UserId,
    /// What.
    pub change: ContactChange,
}

/// A change of what a user has of another one. Each may come twice: the second time it changes nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ContactChange {
    /// Nothing is taken from the other one any more.
    Block,
    /// A block ends.
    Unblock,
    /// What the user calls a contact, and under which labels the user keeps it.
    Note {
        /// Empty for none.
        remark: String,
        /// In the user's order.
        labels: Vec<String>,
    },
    /// A contact is a stranger again.
    Delete,
    /// The other one is asked to be a contact.
    Ask {
        /// What is said with it; may be empty.
        greeting: String,
    },
    /// What the other one asked is granted: each is a contact of the other.
    Accept,
    /// What the other one asked is not granted; the other one is not told.
    Refuse,
    /// What was asked is asked no more.
    Withdraw,
}
