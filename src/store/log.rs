//! The commit log: batches of decided effects, each on disk before anything speaks of it.
//!
//! One append is one write and one sync of a preallocated segment. Batch n + 1 is written only after the sync of n
//! returned, so whenever a log is opened at most its last batch is in doubt: reading it back does not prove that it is
//! on disk. Opening therefore always starts a new segment. A last batch that is intact is copied into it, one that is
//! torn is cut, and the new segment's header says up to where the segment before counts; segment and directory are
//! synced before the last batch is reported. A failed write or sync is never retried on the same handle: the owner
//! calls [`Log::reopen`], which finds out in the same way.
//!
//! A segment bears its name only once its header, and the batch copied into it, are synced. So a crash at any point
//! leaves either the old state or the new, and a bad byte anywhere but in the last batch is damage, never cut.

use std::sync::Arc;

use super::files::{FileFault, Files, LogFile};
use super::log_batch::{Batch, Chain, OwnedBatch, StoreId, encode_frame, frame_bytes};
pub use super::log_config::{LogConfig, OpenFacts};
use super::log_fault::{AppendFault, LogFault, ReplayFault};
use super::log_scan::{ClosedSegment, Scan, scan};
use super::log_segment::{PREPARED_NAME, SEGMENT_HEADER_BYTES, SegmentHeader, segment_name, segment_number};
use super::log_start::{ActiveSegment, cut, preallocate, start_after};
use crate::model::Version;

/// What opening found and did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenReport {
    /// Last version in the log, 0 if there is none.
    pub last_version: Version,
    /// Batches replayed.
    pub batches: u64,
    /// The last whole batch, unless the segment found last had none: it may have been in doubt, and is on disk now.
    pub last_batch: Option<OwnedBatch>,
    /// A torn batch was cut off.
    pub torn: bool,
    /// The log ends before the version that the watermark says was durable, and an operator accepted it.
    pub loss_accepted: bool,
}

/// What [`Log::reopen`] found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reopened {
    /// The batch that was in doubt, if it has survived: it is on disk now. Nothing if it is gone for good, or if none
    /// was in doubt.
    pub survived: Option<OwnedBatch>,
}

/// What [`Log::release`] deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Released {
    /// Segments deleted.
    pub segments: u64,
    /// Bytes given back.
    pub bytes: u64,
}

/// The open commit log. One owner, one thread at a time.
pub struct Log {
    files: Arc<dyn Files>,
    config: LogConfig,
    store: StoreId,
    /// Segments before the active one, oldest first. Bounded by the tail: the owner releases what the index has.
    closed: Vec<ClosedSegment>,
    active: ActiveSegment,
    /// Preallocated, synced, without header, under [`PREPARED_NAME`].
    prepared: Option<Box<dyn LogFile>>,
    /// Chain value after the last batch appended.
    chain: Chain,
    /// Last version appended and synced.
    last: Version,
    /// Versions of the batch that failed; nothing is appended while there is one.
    in_doubt: Option<(Version, Version)>,
    /// Reused for every append; at most one frame of the largest batch.
    frame: Vec<u8>,
}

impl Log {
    /// Whether the directory has no segment at all, as in a store that was never opened.
    ///
    /// # Errors
    /// [`FileFault`] when the directory cannot be listed.
    pub fn is_absent(files: &dyn Files) -> Result<bool, FileFault> {
        Ok(files.list()?.iter().all(|name| segment_number(name).is_none()))
    }

    /// Opens the log in this directory, or makes a new one in an empty directory, and hands every batch to `visit`, in
    /// order. All that was ever synced is among them, and at most one batch more. The last batch is handed over only
    /// after it was made durable; whoever replays keeps everything to itself until this returns `Ok`.
    ///
    /// The caller holds the lock of the directory. A crash or error at any point leaves a log that can be opened again
    /// with the same outcome.
    ///
    /// # Errors
    /// [`LogFault`]: damage, a log that is too short, a failing or full disk, or a batch refused by `visit`.
    pub fn open(
        files: Arc<dyn Files>,
        config: LogConfig,
        facts: OpenFacts,
        visit: &mut dyn FnMut(Batch<'_>) -> Result<(), ReplayFault>,
    ) -> Result<(Log, OpenReport), LogFault> {
        config.check();
        let mut batches = 0;
        let mut count_and_visit = |batch: Batch<'_>| {
            batches += 1;
            visit(batch).map_err(|source| LogFault::Replay { last: batch.last, source })
        };
        // Names that were found may be in memory only, and the new segment is going to refer to them.
        files.sync_dir()?;
        #[allow(unused_mut, reason = "a seeded bug changes it")]
        let mut found = scan(&*files, facts.store, &mut count_and_visit)?;
        let last_version = found.last_version();
        #[cfg(feature = "seeded-bugs")]
        let left_unsynced = super::log_start::leave_unsynced(&mut found, facts.store);
        let is_shorter = last_version < facts.durable;
        if is_shorter && !facts.accept_loss {
            return Err(LogFault::ShorterThanWatermark { log_last: last_version, durable: facts.durable });
        }
        let (active, chain) = start_after(&*files, config, facts.store, &found)?;
        let Scan { segments: mut closed, batch, torn, .. } = found;
        #[cfg(feature = "seeded-bugs")]
        let batch = left_unsynced.or(batch);
        cut(&*files, &mut closed)?;
        if let Some(batch) = &batch {
            count_and_visit(batch.as_batch())?;
        }
        let log = Log {
            files,
            config,
            store: facts.store,
            closed,
            active,
            prepared: None,
            chain,
            last: last_version,
            in_doubt: None,
            frame: Vec::new(),
        };
        let report = OpenReport { last_version, batches, last_batch: batch, torn, loss_accepted: is_shorter };
        Ok((log, report))
    }

    /// Appends a batch: one write, one sync. `Ok` means that the batch is on disk, whatever happens next.
    ///
    /// When the active segment has no room the next one is begun first, which costs three more syncs if
    /// [`Log::prepare_next`] was called in time, and its preallocation otherwise.
    ///
    /// # Panics
    /// If the batch is larger than the limit or its versions do not rise: the committer's bug.
    ///
    /// # Errors
    /// [`AppendFault::Full`]: nothing was written, try again later. [`AppendFault::InDoubt`]: see [`Log::reopen`].
    pub fn append(&mut self, batch: Batch<'_>) -> Result<(), AppendFault> {
        self.check_batch(batch);
        if let Some((first, last)) = self.in_doubt {
            return Err(AppendFault::InDoubt { first, last, source: None });
        }
        let needed = frame_bytes(batch.payload.len()) as u64;
        if self.active.end + needed > self.active.bytes {
            self.make_sure_next_is_prepared(batch)?;
            self.begin_prepared().map_err(|fault| self.doubt(batch, fault))?;
        }
        self.frame.clear();
        let chain = encode_frame(&mut self.frame, batch, self.chain, self.store);
        let written = self.active.file.write_at(self.active.end, &self.frame);
        written.and_then(|()| self.active.file.sync_data()).map_err(|fault| self.doubt(batch, fault))?;
        self.chain = chain;
        self.last = batch.last;
        self.active.end += needed;
        self.active.first.get_or_insert(batch.first);
        Ok(())
    }

    /// Opens the log anew after a failed append, as [`Log::open`] does, and says whether the batch in doubt survived.
    /// Batches appended before it are checked, not replayed. Every older handle on the files is given up first.
    ///
    /// # Errors
    /// As [`Log::open`]; the log stays unusable then, and this may be called again.
    pub fn reopen(&mut self) -> Result<Reopened, LogFault> {
        let facts = OpenFacts { store: self.store, durable: self.last, accept_loss: false };
        let (in_doubt, durable) = (self.in_doubt, self.last);
        // If this fails too, nobody may append to what it left behind.
        self.in_doubt = Some(in_doubt.unwrap_or((self.last, self.last)));
        self.prepared = None;
        let (log, report) = Log::open(Arc::clone(&self.files), self.config, facts, &mut |_| Ok(()))?;
        *self = log;
        // The marker of a failed reopening stands for a batch that was durable before: that one is in no doubt.
        let is_the_one =
            |batch: &OwnedBatch| in_doubt == Some((batch.first, batch.last)) && batch.first > durable;
        Ok(Reopened { survived: report.last_batch.filter(is_the_one) })
    }

    /// Makes the next segment ready, if it is not: called when there is nothing to append, since it writes and syncs a
    /// whole segment of zeros. Returns whether there was anything to do.
    ///
    /// # Errors
    /// [`FileFault`]: the log itself is untouched and can be used on.
    pub fn prepare_next(&mut self) -> Result<bool, FileFault> {
        if self.prepared.is_some() {
            return Ok(false);
        }
        self.prepared = Some(preallocate(&*self.files, &[], self.config.segment_bytes)?);
        Ok(true)
    }

    /// Deletes the oldest segments whose versions are all at most `reach`, which the index was synced past; the last of
    /// them that has batches is kept, and the active segment always. The deletion of each is on disk before the next,
    /// so that no crash leaves a hole.
    ///
    /// # Errors
    /// [`FileFault`]: some may have been deleted; the log can be used on, and this may be called again.
    pub fn release(&mut self, reach: Version) -> Result<Released, FileFault> {
        let freed = self.closed.iter().take_while(|segment| segment.last <= reach).count();
        let kept_from = self.closed[..freed].iter().rposition(|segment| segment.first.is_some()).unwrap_or(0);
        let mut released = Released::default();
        for _ in 0..kept_from {
            let oldest = &self.closed[0];
            let (name, bytes) = (segment_name(oldest.number), oldest.bytes);
            match self.files.remove(&name) {
                Err(fault) if !fault.is_not_found() => return Err(fault),
                // Already gone: an earlier call removed it and then failed to sync.
                _ => self.files.sync_dir()?,
            }
            self.closed.remove(0);
            released.segments += 1;
            released.bytes += bytes;
        }
        Ok(released)
    }

    /// Smallest version that the log still holds; nothing if it has no batch.
    #[must_use]
    pub fn first_version(&self) -> Option<Version> {
        self.closed.iter().find_map(|segment| segment.first).or(self.active.first)
    }

    /// Last version that is on disk; 0 if there is none.
    #[must_use]
    pub fn last_version(&self) -> Version {
        self.last
    }

    /// Versions of the batch in doubt, while there is one.
    #[must_use]
    pub fn in_doubt(&self) -> Option<(Version, Version)> {
        self.in_doubt
    }

    /// Number of segments, the active one included, one that is only prepared not.
    #[must_use]
    pub fn segments(&self) -> usize {
        self.closed.len() + 1
    }

    /// Bytes on disk, preallocated ones included.
    #[must_use]
    pub fn size_bytes(&self) -> u64 {
        let prepared = if self.prepared.is_some() { self.config.segment_bytes } else { 0 };
        self.closed.iter().map(|segment| segment.bytes).sum::<u64>() + self.active.bytes + prepared
    }

    /// Bytes of payload that still fit into the active segment, at most those of one batch.
    #[must_use]
    pub fn room_bytes(&self) -> u64 {
        let left = self.active.bytes.saturating_sub(self.active.end);
        left.saturating_sub(frame_bytes(0) as u64).min(u64::from(self.config.batch_bytes_max))
    }

    fn check_batch(&self, batch: Batch<'_>) {
        assert!(
            batch.payload.len() <= self.config.batch_bytes_max as usize,
            "a batch of {} bytes is over the limit",
            batch.payload.len()
        );
        assert!(
            self.last < batch.first && batch.first <= batch.last && batch.last <= Version::MAX,
            "versions {}–{} do not follow {}",
            batch.first,
            batch.last,
            self.last
        );
    }

    fn make_sure_next_is_prepared(&mut self, batch: Batch<'_>) -> Result<(), AppendFault> {
        match self.prepare_next() {
            Ok(_) => Ok(()),
            Err(source) if source.is_full() => Err(AppendFault::Full { source }),
            Err(fault) => Err(self.doubt(batch, fault)),
        }
    }

    /// Makes the prepared segment the active one: header written and synced before it gets its name.
    fn begin_prepared(&mut self) -> Result<(), FileFault> {
        let file = self.prepared.take().expect("the next segment was prepared just before");
        let number = self.active.number + 1;
        let header = SegmentHeader {
            store: self.store,
            number,
            previous_counts_to: self.active.end,
            chain: self.chain,
            versions_above: self.last,
            segment_bytes: self.config.segment_bytes,
            batch_bytes_max: self.config.batch_bytes_max,
        };
        file.write_at(0, &header.encode())?;
        file.sync_data()?;
        self.files.rename(PREPARED_NAME, &segment_name(number))?;
        self.files.sync_dir()?;
        let next = ActiveSegment {
            number,
            file,
            bytes: self.config.segment_bytes,
            end: SEGMENT_HEADER_BYTES as u64,
            first: None,
        };
        let full = std::mem::replace(&mut self.active, next);
        self.closed.push(ClosedSegment {
            number: full.number,
            counts_to: full.end,
            first: full.first,
            last: self.last,
            bytes: full.bytes,
        });
        Ok(())
    }

    fn doubt(&mut self, batch: Batch<'_>, source: FileFault) -> AppendFault {
        self.in_doubt = Some((batch.first, batch.last));
        AppendFault::InDoubt { first: batch.first, last: batch.last, source: Some(source) }
    }
}
