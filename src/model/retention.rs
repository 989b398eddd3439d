//! How long things are kept that go by age. The times are observed time.

use super::{
    Bodies,
    limits::{INBOX_RETENTION_MS, TOMBSTONE_RETENTION_MS},
};

/// The retentions in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retentions {
    /// Entries of an inbox that live lineages still lack, milliseconds.
    pub inbox_ms: i64,
    /// Tombstones of items, milliseconds.
    pub tombstones_ms: i64,
    /// Messages in the logs of their conversations; never for less long than entries of an inbox.
    pub bodies: Bodies,
}

impl Default for Retentions {
    fn default() -> Self {
        Retentions {
            inbox_ms: INBOX_RETENTION_MS,
            tombstones_ms: TOMBSTONE_RETENTION_MS,
            bodies: Bodies::default(),
        }
    }
}

impl Retentions {
    /// The longest of them: what is older need not be told apart by age.
    #[must_use]
    pub fn longest_ms(&self) -> i64 {
        self.inbox_ms.max(self.tombstones_ms).max(self.bodies.retention_ms().unwrap_or_default())
    }

    /// The shortest of them: time is stored often enough for it.
    #[must_use]
    pub fn shortest_ms(&self) -> i64 {
        self.inbox_ms.min(self.tombstones_ms)
    }
}
