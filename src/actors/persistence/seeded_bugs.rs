//! Bugs on purpose, to prove that the torture finds them. Compiled in only with the feature `seeded-bugs`.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::model::{ChannelEffect, Effect, GroupEffect, Record};

/// Set before a store is opened: see [`SeededBug::ForgetFanOuts`].
pub static FORGET_FAN_OUTS: AtomicBool = AtomicBool::new(false);

/// Set before a store is opened: see [`SeededBug::ForgetPosts`].
pub static FORGET_POSTS: AtomicBool = AtomicBool::new(false);

/// Set before a store is opened: see [`SeededBug::ForgetErasures`].
pub static FORGET_ERASURES: AtomicBool = AtomicBool::new(false);

/// A record as the bugs that forget something replay it.
#[must_use]
pub fn replayed(mut record: Record) -> Record {
    if FORGET_FAN_OUTS.load(Ordering::Relaxed) {
        for effect in &mut record.effects {
            if let Effect::Group(GroupEffect::FanOut { position, .. }) = effect {
                *position = None;
            }
        }
    }
    if FORGET_POSTS.load(Ordering::Relaxed) {
        record.effects.retain(|effect| !matches!(effect, Effect::Channel(ChannelEffect::Posted(_))));
    }
    if FORGET_ERASURES.load(Ordering::Relaxed) {
        record.effects.retain(|effect| !matches!(effect, Effect::Erasure(_)));
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
    /// At open a post of a channel that the index lacks is not put on the number line again: who has not heard of it yet
    /// never will. Kills find it.
    ForgetPosts,
    /// At open an erasure that the index lacks is not taken up again: the account is gone, and what it wrote is shown.
    /// Kills find it.
    ForgetErasures,
}

impl SeededBug {
    /// Every seeded bug.
    pub const ALL: [SeededBug; 6] = [
        SeededBug::AcknowledgeBeforeWrite,
        SeededBug::AcknowledgeBeforeSync,
        SeededBug::ServeUnsyncedTail,
        SeededBug::ForgetFanOuts,
        SeededBug::ForgetPosts,
        SeededBug::ForgetErasures,
    ];

    /// Its name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            SeededBug::AcknowledgeBeforeWrite => "acknowledge-before-write",
            SeededBug::AcknowledgeBeforeSync => "acknowledge-before-sync",
            SeededBug::ServeUnsyncedTail => "serve-unsynced-tail",
            SeededBug::ForgetFanOuts => "forget-fan-outs",
            SeededBug::ForgetPosts => "forget-posts",
            SeededBug::ForgetErasures => "forget-erasures",
        }
    }

    /// The bug of a name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<SeededBug> {
        SeededBug::ALL.into_iter().find(|bug| bug.name() == name)
    }
}
