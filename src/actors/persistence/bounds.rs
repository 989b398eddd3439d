//! How much the committer holds and takes at a time.

use crate::{logic::ROWS_MAX, store::index_writer};

/// The committer's bounds. The defaults are a server's; simulations make them small, so that a
/// short history evicts rows and writes index steps of many batches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CommitterBounds {
    /// Rows of each sort held for decisions. Over it, rows that the index has are evicted and warmed again when needed.
    pub rows_max: usize,
    /// Encoded records taken into one index step, bytes, but at least one record. The rest waits for the next step.
    pub index_step_bytes: usize,
    /// Content of one index batch, bytes, but at least one write. The rest of the step goes into the next batch.
    pub index_batch_bytes: usize,
}

impl Default for CommitterBounds {
    /// Source of the step: larger ones pack better and make the reach move more rarely.
    fn default() -> CommitterBounds {
        CommitterBounds {
            rows_max: ROWS_MAX,
            index_step_bytes: 8 * 1024 * 1024,
            index_batch_bytes: index_writer::BATCH_BYTES_MAX,
        }
    }
}

/// Bounds of the tail.
#[derive(Debug, Clone, Copy)]
pub struct TailBounds {
    /// Commits wait while the tail holds more, bytes.
    pub bytes_max: usize,
    /// The index is written once the tail holds more, bytes; below it only when there is nothing else to do.
    pub index_after_bytes: usize,
}
