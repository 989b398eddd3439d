//! The committer's hold on the index: written behind the log, batch by batch, and cleaned of what nobody needs.

use super::Committer;
use crate::{
    model::Version,
    store::{
        engine::{Engine, EngineFault, IndexBatch},
        index_writer, keys,
    },
};

/// Index batches still to be applied, and the reach when they are.
pub(super) struct IndexJob {
    batches: std::vec::IntoIter<IndexBatch>,
    reach: Version,
    /// Inbox entries that are written, and that are left out.
    entries: (u64, u64),
}

impl Committer {
    /// Brings the index one bounded batch further. Returns whether there may be more to do.
    ///
    /// # Errors
    /// When the index failed: it must be opened anew, and the step is begun again from the last reach.
    pub fn index_step(&mut self) -> Result<bool, EngineFault> {
        if self.index_job.is_none() {
            let records = self.tail.unindexed(self.bounds.index_step_bytes);
            let Some(last) = records.last() else {
                self.tail.retire();
                return Ok(false);
            };
            let reach = last.version;
            let (tail, since) = (&self.tail, self.state.heard_since());
            let left_out =
                |user| tail.lineages(user).map_or(Version(0), |lineages| lineages.left_out_through(since));
            let is_erased = |user| tail.is_erased(user);
            let bytes_max = self.bounds.index_batch_bytes;
            let step = index_writer::step_without(&records, reach, bytes_max, left_out, is_erased);
            let entries = (step.entries_written, step.entries_left_out);
            self.index_job = Some(IndexJob { batches: step.batches.into_iter(), reach, entries });
        }
        let result = self.advance_index_job();
        if result.is_err() {
            self.index_job = None;
        }
        result
    }

    fn advance_index_job(&mut self) -> Result<bool, EngineFault> {
        let Some(job) = &mut self.index_job else {
            return Ok(false);
        };
        if let Some(batch) = job.batches.next() {
            self.engine.apply(&batch)?;
            return Ok(true);
        }
        self.engine.sync()?;
        let (reach, entries) = (job.reach, job.entries);
        self.indexed_entries = (self.indexed_entries.0 + entries.0, self.indexed_entries.1 + entries.1);
        self.index_job = None;
        self.tail.index_reached(reach);
        self.tail.retire();
        self.state.sweep(reach);
        self.watermark.note(self.tail.durable(), reach);
        if let Err(fault) = self.log.release(reach) {
            tracing::warn!(error = &fault as &dyn std::error::Error, "log segments could not be deleted");
        }
        Ok(true)
    }

    /// Inbox entries that were written to the index since the last call, and that were left out of it.
    pub fn take_indexed_entries(&mut self) -> (u64, u64) {
        std::mem::take(&mut self.indexed_entries)
    }

    /// Removes keys that nothing refers to any more: cleanup found them below a durable floor. It becomes durable with
    /// the next step; should it be lost before, the next pass finds the same.
    ///
    /// # Errors
    /// When the index failed: it must be opened anew.
    pub fn remove_from_index(&mut self, keys: &[Vec<u8>]) -> Result<(), EngineFault> {
        let mut batch = IndexBatch::new();
        for key in keys {
            batch
                .delete(key)
                .expect("a key that was read from the index keeps its limits, and so does their number");
        }
        self.engine.apply(&batch)
    }

    /// Gives keys other values: chunks without what erased users wrote, and the rows that say that nothing is left of it.
    /// Before such a row the chunks are durable: whoever believes it looks no further.
    ///
    /// # Errors
    /// When the index failed: it must be opened anew.
    pub fn rewrite_in_index(&mut self, rewrites: Vec<(Vec<u8>, Vec<u8>)>) -> Result<(), EngineFault> {
        rewrite(&*self.engine, rewrites)
    }
}

/// See [`Committer::rewrite_in_index`].
///
/// # Errors
/// When the index failed.
pub fn rewrite(engine: &dyn Engine, rewrites: Vec<(Vec<u8>, Vec<u8>)>) -> Result<(), EngineFault> {
    let (rows, chunks): (Vec<_>, Vec<_>) =
        rewrites.into_iter().partition(|(key, _)| key.first() == Some(&keys::ERASURE));
    apply(engine, chunks)?;
    if rows.is_empty() {
        return Ok(());
    }
    engine.sync()?;
    apply(engine, rows)
}

fn apply(engine: &dyn Engine, writes: Vec<(Vec<u8>, Vec<u8>)>) -> Result<(), EngineFault> {
    let mut batch = IndexBatch::new();
    for (key, value) in writes {
        batch.put(&key, value).expect("what was read from the index keeps its limits, and shrinks");
    }
    engine.apply(&batch)
}
