//! When lineages handed back, as persistence learns it from what became durable and the operator's port asks for it.
//!
//! A question holds the lock for one lineage at a time, so that a commit never waits for a whole answer.

use std::sync::Arc;

use parking_lot::Mutex;

use crate::{
    logic::hand_back_times::{HandBackTimes, MARKS_MAX},
    model::{Record, TimeMs, Version},
};

/// Shared by persistence, which notes, and operators, who look.
#[derive(Clone)]
pub struct HandBacks {
    times: Arc<Mutex<HandBackTimes>>,
}

impl HandBacks {
    /// Nothing is known before a start, at this observed time and clock, but what the records say that it has replayed,
    /// which are those above `indexed`.
    #[must_use]
    pub fn since(observed: TimeMs, wall: TimeMs, indexed: Version, replayed: &[Arc<Record>]) -> HandBacks {
        let times = HandBackTimes::since((observed, wall), MARKS_MAX, indexed, replayed);
        HandBacks { times: Arc::new(Mutex::new(times)) }
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
