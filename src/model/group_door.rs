//! How somebody comes into a group whom no member names: by a link, which is a secret that owner or admins hand on.

use std::fmt;

use super::{
    ids::{ConversationId, TimeMs, UserId},
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
}

impl Door {
    /// Of a group into which there is no way.
    #[must_use]
    pub fn shut(group: ConversationId) -> Door {
        Door { group, links: Vec::new() }
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
    fn no_secret_is_shown() {
        assert_eq!(format!("{:?}", LinkSecret([7; 16])), "LinkSecret(..)");
    }
}
