//! How somebody comes into a group whom no member names: by a link, which is a secret that owner or admins hand on, and
//! where the group wants it so, by asking and being let in.

use std::fmt;

use super::{
    ids::{ConversationId, TimeMs, UserId},
    limits::JOIN_REQUEST_EXPIRY_MS,
    record::SecretHash,
};

/// Under which number a link is listed and taken back; no secret. Chosen by who makes it.
pub type LinkId = [u8; 16];

/// Every way into one group. A group has no row of it before it makes a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Door {
    /// Of which group.
    pub group: ConversationId,
    /// Oldest first, at most `limits::LINKS_PER_GROUP_MAX`, also such as nobody can use any more.
    pub links: Vec<Link>,
    /// Whether a link lets nobody in, but lets ask.
    pub approval: bool,
    /// Who asked, oldest first, each once, at most `limits::JOIN_REQUESTS_MAX`.
    pub asking: Vec<Asking>,
}

/// Somebody who asked to come in, until it expires or he is let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asking {
    /// Who.
    pub user: UserId,
    /// When.
    pub at: TimeMs,
    /// What was said with it; may be empty.
    pub greeting: String,
    /// What became of it.
    pub state: AskingState,
}

/// See [`Asking`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AskingState {
    /// Owner and admins see it.
    Waiting,
    /// One of them refused. Who asked is not told, and asks in vain until it expires.
    Refused,
    /// Who asked took it back.
    Withdrawn,
}

impl Door {
    /// Of a group into which there is no way.
    #[must_use]
    pub fn shut(group: ConversationId) -> Door {
        Door { group, links: Vec::new(), approval: false, asking: Vec::new() }
    }
}

impl Asking {
    /// Whether it counts no more.
    #[must_use]
    pub fn is_expired(&self, at: TimeMs) -> bool {
        at.0.saturating_sub(self.at.0) >= JOIN_REQUEST_EXPIRY_MS
    }

    /// Whether it can be answered.
    #[must_use]
    pub fn waits(&self, at: TimeMs) -> bool {
        self.state == AskingState::Waiting && !self.is_expired(at)
    }
}

/// A secret that opens a group for a time and for a number of users.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// See [`LinkId`].
    pub id: LinkId,
    /// Of the secret, which nobody keeps.
    pub hash: SecretHash,
    /// Who made it. It holds while this one may make links.
    pub by: UserId,
    /// From then on it opens nothing.
    pub until: TimeMs,
    /// How many users it lets in, from 1 on.
    pub uses_max: u32,
    /// How many it has let in.
    pub used: u32,
}

impl Link {
    /// Whether time and number are not over; who made it, and who comes, is not asked.
    #[must_use]
    pub fn is_open(&self, at: TimeMs) -> bool {
        at < self.until && self.used < self.uses_max
    }
}

/// What opens a group. It is told once, to who makes it, and shown nowhere.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct LinkSecret(pub [u8; 16]);

impl fmt::Debug for LinkSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LinkSecret(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_open_until_its_time_and_for_its_number() {
        let link =
            |used| Link { id: [1; 16], hash: [2; 32], by: UserId(1), until: TimeMs(9), uses_max: 2, used };
        let open = |used, at| link(used).is_open(TimeMs(at));
        assert!(open(0, 8) && open(1, 8));
        assert!(!open(2, 8) && !open(0, 9) && !open(0, 10));
    }

    #[test]
    fn what_was_asked_waits_until_it_expires() {
        let asking = |state| Asking { user: UserId(1), at: TimeMs(5), greeting: String::new(), state };
        let waits = |state, at| asking(state).waits(TimeMs(at));
        let last = 5 + JOIN_REQUEST_EXPIRY_MS - 1;
        assert!(waits(AskingState::Waiting, 0) && waits(AskingState::Waiting, last));
        assert!(!waits(AskingState::Waiting, last + 1));
        assert!(!waits(AskingState::Refused, 5) && !waits(AskingState::Withdrawn, 5));
    }

    #[test]
    fn no_secret_is_shown() {
        assert_eq!(format!("{:?}", LinkSecret([7; 16])), "LinkSecret(..)");
    }
}
