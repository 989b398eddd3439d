//! Ticks: how far a user has come with a conversation, as it is told to others. Two places of its log, never more than that.

use super::ids::Seq;

/// How far a user has come with a conversation. A place is 0 where nothing is known, or nothing is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ticks {
    /// A device of the user has handed back everything through this entry.
    pub delivered: Seq,
    /// The user has read everything through this entry.
    pub read: Seq,
}

impl Ticks {
    /// The higher one of both, place by place: what was told once is not taken back.
    #[must_use]
    pub fn raised_to(self, other: Ticks) -> Ticks {
        Ticks { delivered: self.delivered.max(other.delivered), read: self.read.max(other.read) }
    }
}

/// What a server tells its users of each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TicksTold {
    /// What was delivered.
    pub delivered: bool,
    /// What was read, by users who do not hide it, to users who do not hide it.
    pub read: bool,
}

impl Default for TicksTold {
    fn default() -> TicksTold {
        TicksTold { delivered: true, read: true }
    }
}
