//! The index, between batches and in idle moments: brought further, cleaned, and left alone while it cannot be written.

use std::time::Duration;

use super::Persistence;
use crate::{
    monitor::ids,
    store::{engine::EngineFault, keys},
};

/// Index keys that cleanup removes in one batch, every interval: about 5,000 chunks a second.
const REMOVALS_MAX: usize = 256;

/// Index keys that are written anew in one batch, every interval. Source: as many of 8 KiB as a batch of the index has
/// bytes.
const REWRITES_MAX: usize = 16;

/// How long the end may take to bring the index up to the log. Source: of the 10 s that a stop may take.
const FINISH_INDEX_MAX: Duration = Duration::from_secs(1);

impl Persistence {
    /// Brings the index one batch further. Returns whether there may be more to do.
    pub(super) fn index_step(&mut self) -> bool {
        if self.index_is_broken || !self.index_may_grow() {
            return false;
        }
        match self.committer.index_step() {
            Ok(more) => {
                self.monitor.add(ids::INDEX_BATCHES, u64::from(more));
                let (written, left_out) = self.committer.take_indexed_entries();
                self.monitor.add(ids::INDEX_ENTRIES, written);
                self.monitor.add(ids::INDEX_ENTRIES_LEFT_OUT, left_out);
                more
            }
            Err(fault) => {
                self.index_failed(&fault);
                false
            }
        }
    }

    /// The next start has less to replay. What is not done in time it replays.
    pub(super) fn index_before_the_end(&mut self) {
        let end_us = self.clock.monotonic_us() + FINISH_INDEX_MAX.as_micros() as u64;
        let indexing = self.bounds.index_after_bytes < usize::MAX;
        while indexing && self.clock.monotonic_us() < end_us && self.index_step() {}
    }

    /// Removes what cleanup found, a batch at a time, and writes anew what it found to be written. What was not removed is found again by the next pass.
    pub(super) fn remove_step(&mut self) {
        self.rewrite_step();
        let keys = self.intake.take_removals(REMOVALS_MAX);
        if keys.is_empty() || self.index_is_broken {
            return;
        }
        match self.committer.remove_from_index(&keys) {
            Ok(()) => self.count_removed(&keys),
            Err(fault) => self.index_failed(&fault),
        }
    }

    /// Writes what is to be without what erased users wrote, a batch at a time. What was not written is found again by
    /// the next pass.
    fn rewrite_step(&mut self) {
        let rewrites = self.intake.take_rewrites(REWRITES_MAX);
        if rewrites.is_empty() || self.index_is_broken {
            return;
        }
        let is_erasure = |key: &[u8]| key.first() == Some(&keys::ERASURE);
        let done = rewrites.iter().filter(|(key, _)| is_erasure(key)).count() as u64;
        self.monitor.add(ids::ERASURES_CHUNKS, rewrites.len() as u64 - done);
        match self.committer.rewrite_in_index(rewrites) {
            Ok(()) => self.monitor.add(ids::ERASURES_DONE, done),
            Err(fault) => self.index_failed(&fault),
        }
    }

    fn count_removed(&self, removed: &[Vec<u8>]) {
        for (prefix, id) in [
            (keys::POINTER, ids::CLEANUP_CHUNKS),
            (keys::RECEIPT, ids::CLEANUP_RECEIPTS),
            (keys::MESSAGE, ids::CLEANUP_BODIES),
        ] {
            let count = removed.iter().filter(|key| key.first() == Some(&prefix)).count();
            self.monitor.add(id, count as u64);
        }
    }

    fn index_failed(&mut self, fault: &EngineFault) {
        let error = fault as &dyn std::error::Error;
        tracing::error!(error, "the index could not be written; it will be opened anew");
        self.index_is_broken = true;
    }

    /// Looks at the disk when there is something to index, and says once when the index begins and ceases to wait.
    fn index_may_grow(&mut self) -> bool {
        if self.committer.tail().indexed() >= self.committer.tail().durable() {
            return true;
        }
        let waits = !(self.index_has_room)();
        if waits != self.index_waits_for_room {
            self.index_waits_for_room = waits;
            if waits {
                tracing::warn!("the disk is nearly full: the index waits for space");
            } else {
                tracing::info!("there is space on the disk again: the index goes on");
            }
        }
        !waits
    }
}
