//! Bugs on purpose, to prove that the torture finds them. Compiled in only with the feature `seeded-bugs`.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::model::{Effect, GroupEffect, Record};

/// Set before a store is opened: see [`SeededBug::ForgetFanOuts`].
pub static FORGET_FAN_OUTS: AtomicBool = AtomicBool::new(false);

/// A record as [`SeededBug::ForgetFanOuts`] replays it.
#[must_use]
pub fn replayed(mut record: Record) -> Record {
    if FORGET_FAN_OUTS.load(Ordering::Relaxed) {
        for effect in &mut record.effects {
            if let Effect::Group(GroupEffect::FanOut { position, .. }) = effect {
                *position = None;
            }
        }
    }
    record
}

/// One of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SeededBug {
    /// A batch is told before it is written; it is written with the next one. Kills find it.
    AcknowledgeBeforeWrite,
    /// A batch is told after it is written and before it is synced; the next one's sync covers it. Power cuts find it.
    AcknowledgeBeforeSync,
    /// At open the last batch is read back and served, and stays where it was, unsynced. Power cuts find it.
    ServeUnsyncedTail,
    /// At open an unfinished fan-out is taken as done: whom it had not come to never gets the entry. Kills find it.
    ForgetFanOuts,
}

impl SeededBug {
    /// Every seeded bug.
    pub const ALL: [SeededBug; 4] = [
        SeededBug::AcknowledgeBeforeWrite,
        SeededBug::AcknowledgeBeforeSync,
        SeededBug::ServeUnsyncedTail,
        SeededBug::ForgetFanOuts,
    ];

    /// Its name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            SeededBug::AcknowledgeBeforeWrite => "acknowledge-before-write",
            SeededBug::AcknowledgeBeforeSync => "acknowledge-before-sync",
            SeededBug::ServeUnsyncedTail => "serve-unsynced-tail",
            SeededBug::ForgetFanOuts => "forget-fan-outs",
        }
    }

    /// The bug of a name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<SeededBug> {
        SeededBug::ALL.into_iter().find(|bug| bug.name() == name)
    }
}
