//! When lineages handed back, as persistence learns it from what became durable and the operator's port asks for it.
//!
//! A question holds the lock for one lineage at a time, so that a commit never waits for a whole answer.

use std::sync::Arc;

use parking_lot::Mutex;

use crate::{
    logic::hand_back_times::{HandBackTimes, MARKS_MAX},
    model::{Record, TimeMs},
};

/// Shared by persistence, which notes, and operators, who look.
#[derive(Clone)]
pub struct HandBacks {
    times: Arc<Mutex<HandBackTimes>>,
}

impl HandBacks {
    /// Nothing is known before a start, at this observed time and clock, but what these records say: those that the start
    /// has replayed.
    #[must_use]
    pub fn since(observed: TimeMs, wall: TimeMs, replayed: &[Arc<Record>]) -> HandBacks {
        let times = HandBackTimes::since(observed, wall, MARKS_MAX);
        let hand_backs = HandBacks { times: Arc::new(Mutex::new(times)) };
        hand_backs.note(replayed);
        hand_backs
    }

    /// Records are durable.
    pub fn note(&self, records: &[Arc<Record>]) {
        let mut times = self.times.lock();
        records.iter().for_each(|record| times.note(record));
    }

    /// Looks at what is known.
    pub fn look<R>(&self, question: impl FnOnce(&HandBackTimes) -> R) -> R {
        question(&self.times.lock())
    }
}
