//! Offences found, counted by bucket, the first few of each kept with their place.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::history::At;

/// How many events of each bucket are kept; the others are counted only.
pub const EVENTS_PER_BUCKET: usize = 10;

/// The kinds of offence, named as in Jepsen's queue and log workloads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Bucket {
    /// An acknowledged message that a lineage entitled to it does not have at the end.
    Lost,
    /// A message at two places, twice in one store, or given twice along one chain.
    Duplicated,
    /// An order that is not that of seq, or a seq order that is not that of real time.
    Reordered,
    /// An entry that nobody sent so: token, sender, id or conversation is made up, or the send was refused.
    Invented,
    /// A message that was never acknowledged, shown to one lineage and not held by another at the end.
    Unseen,
    /// A hole in the seqs that a lineage holds, at which no known message stands.
    Skipped,
    /// A chain of snapshots that does not hang together, or goes back.
    Rewound,
    /// Two messages at one place, or two places answered for one message.
    Inconsistent,
    /// An entry given to somebody who may not have it: no party to it, outside of his membership, from somebody whom he
    /// blocks, or to a device that has ended.
    Leaked,
    /// An entry of a group that some of its members have and others never got.
    Partial,
    /// A lineage that never reached the end.
    Stuck,
}

impl Bucket {
    /// All buckets, in the order of reports.
    pub const ALL: [Self; 11] = [
        Self::Lost,
        Self::Duplicated,
        Self::Reordered,
        Self::Invented,
        Self::Unseen,
        Self::Skipped,
        Self::Rewound,
        Self::Inconsistent,
        Self::Leaked,
        Self::Partial,
        Self::Stuck,
    ];

    /// The word used in verdict lines.
    pub fn name(self) -> &'static str {
        match self {
            Self::Lost => "lost",
            Self::Duplicated => "duplicated",
            Self::Reordered => "reordered",
            Self::Invented => "invented",
            Self::Unseen => "unseen",
            Self::Skipped => "skipped",
            Self::Rewound => "rewound",
            Self::Inconsistent => "inconsistent",
            Self::Leaked => "leaked",
            Self::Partial => "partial",
            Self::Stuck => "stuck",
        }
    }
}

/// One offence and where it shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its kind.
    pub bucket: Bucket,
    /// The file with the offending line.
    pub file: PathBuf,
    /// The line, from 1.
    pub line: u32,
    /// What is wrong, in words.
    pub what: String,
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}:{}: {}", self.bucket.name(), self.file.display(), self.line, self.what)
    }
}

/// Collects offences. Keeps at most [`EVENTS_PER_BUCKET`] of each bucket in words and counts all.
#[derive(Debug)]
pub(crate) struct Findings {
    files: Vec<PathBuf>,
    counts: [u64; Bucket::ALL.len()],
    events: Vec<Event>,
}

impl Findings {
    pub(crate) fn new(files: &[PathBuf]) -> Self {
        Self { files: files.to_vec(), counts: [0; Bucket::ALL.len()], events: Vec::new() }
    }

    /// Counts one offence; `what` is asked for only if the event is kept.
    pub(crate) fn report(&mut self, bucket: Bucket, at: At, what: impl FnOnce() -> String) {
        let count = &mut self.counts[bucket as usize];
        *count += 1;
        if *count <= EVENTS_PER_BUCKET as u64 {
            let file = self.file(at).to_owned();
            self.events.push(Event { bucket, file, line: at.line, what: what() });
        }
    }

    /// The file of a place.
    pub(crate) fn file(&self, at: At) -> &Path {
        &self.files[at.file as usize]
    }

    pub(crate) fn count(&self, bucket: Bucket) -> u64 {
        self.counts[bucket as usize]
    }

    /// The kept events, bucket by bucket, within one in order of discovery.
    pub(crate) fn into_events(mut self) -> Vec<Event> {
        self.events.sort_by_key(|event| event.bucket as usize);
        self.events
    }
}
