//! The observed time as others than the committer see it: for looking, never for deciding.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

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
}

impl Observed {
    pub(super) fn set(&self, time: ObservedTime, since: HeardSince) {
        self.at_ms.store(time.at().0, Ordering::Relaxed);
        self.heard_since_ms.store(since.0.0, Ordering::Relaxed);
        self.suspended.store(time.is_suspended(), Ordering::Relaxed);
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
