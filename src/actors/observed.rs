//! The observed time as others than the committer see it, and whether persistence goes on: for looking, never for deciding.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};

use crate::{
    logic::ObservedTime,
    model::{HeardSince, TimeMs},
};

/// Set by persistence, some times a second.
#[derive(Debug, Default)]
pub struct Observed {
    at_ms: AtomicI64,
    heard_since_ms: AtomicI64,
    suspended: AtomicBool,
    /// When persistence began its last turn; 0 before the first.
    turn_us: AtomicU64,
}

impl Observed {
    pub(super) fn set(&self, time: ObservedTime, since: HeardSince) {
        self.at_ms.store(time.at().0, Ordering::Relaxed);
        self.heard_since_ms.store(since.0.0, Ordering::Relaxed);
        self.suspended.store(time.is_suspended(), Ordering::Relaxed);
    }

    /// Persistence begins another turn: it does not hang.
    pub(super) fn turn(&self, monotonic_us: u64) {
        self.turn_us.store(monotonic_us, Ordering::Relaxed);
    }

    /// For how long persistence has been in the turn that it is in, microseconds: what a sync takes that does not return.
    #[must_use]
    pub fn turn_age_us(&self, monotonic_us: u64) -> u64 {
        match self.turn_us.load(Ordering::Relaxed) {
            0 => 0,
            began_us => monotonic_us.saturating_sub(began_us),
        }
    }

    /// The time.
    #[must_use]
    pub fn at(&self) -> TimeMs {
        TimeMs(self.at_ms.load(Ordering::Relaxed))
    }

    /// Lineages heard of after it are live.
    #[must_use]
    pub fn heard_since(&self) -> HeardSince {
        HeardSince(TimeMs(self.heard_since_ms.load(Ordering::Relaxed)))
    }

    /// Whether nothing expires, because more time would have passed than is believed.
    #[must_use]
    pub fn is_suspended(&self) -> bool {
        self.suspended.load(Ordering::Relaxed)
    }
}
