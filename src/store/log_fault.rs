//! What can go wrong with the commit log, by name.

use super::files::FileFault;
use crate::model::Version;

/// Why the log could not be opened. Nothing that counts was changed.
#[derive(Debug, thiserror::Error)]
pub enum LogFault {
    /// Bytes that were once synced are not what was written. Nothing was cut.
    #[error("segment {segment} of the commit log is damaged at byte {offset}")]
    Damaged {
        /// Number of the segment.
        segment: u64,
        /// Where its last good batch ends; 0 if its header is bad.
        offset: u64,
    },
    /// A segment is gone from the middle of the log.
    #[error("segment {segment} of the commit log is missing")]
    Missing {
        /// Number of the segment.
        segment: u64,
    },
    /// A segment's file bears the name of another.
    #[error("the file of segment {segment} of the commit log is a copy of segment {is}")]
    Misplaced {
        /// Number in the name.
        segment: u64,
        /// Number in the header.
        is: u64,
    },
    /// A segment of another store lies in the directory.
    #[error("segment {segment} in the directory of the commit log belongs to another store")]
    Foreign {
        /// Number of the segment.
        segment: u64,
    },
    /// A segment was written by a release with another format.
    #[error("segment {segment} of the commit log has format {format}, which this release does not read")]
    Format {
        /// Number of the segment.
        segment: u64,
        /// The format in its header.
        format: u32,
    },
    /// The log ends before what the watermark says was durable: it was restored, or lost its end.
    #[error("the commit log ends at version {log_last}, but version {durable} was durable once")]
    ShorterThanWatermark {
        /// Last whole batch that was found.
        log_last: Version,
        /// What the watermark says.
        durable: Version,
    },
    /// The disk is full; opening may be tried again once space is back.
    #[error("no space to open the commit log")]
    Full {
        /// The call that found no space.
        source: FileFault,
    },
    /// The disk failed.
    #[error("the disk failed under the commit log")]
    File {
        /// The call that failed.
        source: FileFault,
    },
    /// Whoever replays the batches refused one.
    #[error("the batch that ends with version {last} cannot be replayed")]
    Replay {
        /// Last version of the batch.
        last: Version,
        /// Why.
        source: ReplayFault,
    },
}

/// Why the one who replays refused a batch.
pub type ReplayFault = Box<dyn std::error::Error + Send + Sync>;

impl From<FileFault> for LogFault {
    fn from(source: FileFault) -> LogFault {
        if source.is_full() { LogFault::Full { source } } else { LogFault::File { source } }
    }
}

impl LogFault {
    /// Whether opening may work once space is back.
    #[must_use]
    pub fn is_full(&self) -> bool {
        matches!(self, LogFault::Full { .. })
    }
}

/// Why a batch was not appended.
#[derive(Debug, thiserror::Error)]
pub enum AppendFault {
    /// No space for the next segment. Nothing of the batch was written; the log can be used on, and the append may be
    /// tried again once space is back.
    #[error("no space for the next segment of the commit log")]
    Full {
        /// The call that found no space.
        source: FileFault,
    },
    /// A write or sync failed: the batch named may be on disk or not, and nothing more is appended by this handle until
    /// [`reopen`](super::log::Log::reopen) has found out.
    #[error("it is in doubt whether the batch {first}–{last} is stored")]
    InDoubt {
        /// First version of the batch in doubt.
        first: Version,
        /// Last version of the batch in doubt.
        last: Version,
        /// The call that failed; nothing if this append was refused because of an earlier failure.
        source: Option<FileFault>,
    },
}

impl AppendFault {
    /// Whether a full disk is the cause.
    #[must_use]
    pub fn is_full(&self) -> bool {
        match self {
            AppendFault::Full { .. } => true,
            AppendFault::InDoubt { source, .. } => source.as_ref().is_some_and(FileFault::is_full),
        }
    }
}
