//! The committer's hold on the index: written behind the log, batch by batch, and cleaned of what nobody needs.

use super::Committer;
use crate::{
    model::Version,
    store::{
        engine::{EngineFault, IndexBatch},
        index_writer,
    },
};

/// Index batches still to be applied, and the reach when they are.
pub(super) struct IndexJob {
    batches: std::vec::IntoIter<IndexBatch>,
    reach: Version,
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
            let batches = index_writer::batches(&records, reach, self.bounds.index_batch_bytes).into_iter();
            self.index_job = Some(IndexJob { batches, reach });
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
        let reach = job.reach;
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
}
