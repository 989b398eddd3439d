//! What the commit log must be told before it is opened.

use super::log_batch::{StoreId, frame_bytes};
use super::log_segment::SEGMENT_HEADER_BYTES;
use crate::model::Version;

/// Sizes of the commit log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogConfig {
    /// Bytes reserved for one segment. A batch that does not fit into what is left goes to the next.
    pub segment_bytes: u64,
    /// Largest payload of one batch in bytes. Who gathers a batch keeps to it; a larger one is a bug.
    pub batch_bytes_max: u32,
}

impl Default for LogConfig {
    fn default() -> LogConfig {
        LogConfig { segment_bytes: 64 * 1024 * 1024, batch_bytes_max: 8 * 1024 * 1024 }
    }
}

/// What must be known about a store before its log is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenFacts {
    /// The store whose log this is.
    pub store: StoreId,
    /// Durable version as the watermark says; 0 for a new store.
    pub durable: Version,
    /// An operator has accepted that the log may be shorter than `durable`.
    pub accept_loss: bool,
}

impl LogConfig {
    /// A segment holds at least one batch of the largest size.
    ///
    /// # Panics
    /// If it does not: the configuration is checked before it comes here.
    pub(super) fn check(&self) {
        let least = SEGMENT_HEADER_BYTES + frame_bytes(self.batch_bytes_max as usize);
        assert!(self.segment_bytes >= least as u64, "a segment must have at least {least} bytes");
    }
}
