//! The watermark: a small file outside log and index that remembers how far the store had come.
//!
//! It holds three numbers. `reserved`: versions up to it may have been used; raising it is synced before any version
//! above the old value is used, so no version is given twice even if the log is lost. `durable` and `indexed`: how far
//! log and index had come, behind by at most a batch, so that a store which was restored or lost its end is refused by
//! name. These two are written after the acknowledgement, never before it.
//!
//! The file has two slots, each with a number and a checksum. A write goes to the slot that does not hold the newest
//! synced state, so a torn write never costs what was synced. Layout in `docs/commit-log-format.md`.

use std::sync::Arc;

use xxhash_rust::xxh3::xxh3_64;

use super::files::{FileFault, Files, LogFile};
use super::log_batch::{StoreId, u32_at, u64_at};
use crate::model::Version;

/// Name of the file.
pub const WATERMARK_NAME: &str = "watermark";

/// The file in which a new watermark is made before it gets its name.
const NEW_NAME: &str = "watermark.tmp";

/// A slot has a disk block of its own, so that writing one cannot tear the other.
const SLOT_BYTES: usize = 4096;

const FORMAT: u32 = 1;
const MAGIC: [u8; 8] = *b"HWWATERM";

/// Bytes of a slot that are used; the last 8 of them are the checksum of those before.
const USED_BYTES: usize = 72;

/// The numbers in the watermark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Marks {
    /// Versions up to this one may have been used.
    pub reserved: Version,
    /// The log was durable up to this version, at least.
    pub durable: Version,
    /// The index was synced up to this version, at least.
    pub indexed: Version,
}

/// A store that ends before what was durable once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the store ends at version {found}, but version {expected} was reached once")]
pub struct Shortfall {
    /// Where it ends.
    pub found: Version,
    /// Where it should end at least.
    pub expected: Version,
}

impl Marks {
    /// Whether a log that ends with `log_last` is shorter than it once was: it is refused unless an operator accepts
    /// the loss.
    #[must_use]
    pub fn log_shortfall(&self, log_last: Version) -> Option<Shortfall> {
        shortfall(log_last, self.durable)
    }

    /// Whether an index with this reach is behind what it once was: it is healed by replay, with an alarm.
    #[must_use]
    pub fn index_shortfall(&self, reach: Version) -> Option<Shortfall> {
        shortfall(reach, self.indexed)
    }
}

fn shortfall(found: Version, expected: Version) -> Option<Shortfall> {
    (found < expected).then_some(Shortfall { found, expected })
}

/// Why the watermark cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum WatermarkFault {
    /// There is none, although the store is not new.
    #[error("the watermark file is missing")]
    Missing,
    /// Neither slot is whole.
    #[error("the watermark file is damaged")]
    Damaged,
    /// It belongs to another store.
    #[error("the watermark file belongs to another store")]
    Foreign,
    /// Written by a release with another format.
    #[error("the watermark file has format {format}, which this release does not read")]
    Format {
        /// The format in the newest slot.
        format: u32,
    },
    /// The disk failed.
    #[error("the disk failed under the watermark file")]
    File {
        /// The call that failed.
        #[from]
        source: FileFault,
    },
}

/// The open watermark file. One owner.
pub struct Watermark {
    files: Arc<dyn Files>,
    store: StoreId,
    /// Nothing after a failed write or sync: the next write opens the file anew.
    file: Option<Box<dyn LogFile>>,
    /// Number of the newest state written, synced or not.
    sequence: u64,
    /// Slot that holds the newest synced state; never the one written to.
    synced_slot: u64,
    /// What the newest synced slot says.
    synced: Marks,
    /// What the next write will say.
    marks: Marks,
    /// Whether `marks` is in the file, synced or not.
    is_written: bool,
}

impl Watermark {
    /// Opens the watermark and takes the newest whole slot. If there is no file and the store is new (its log has no
    /// segment), one with zeros is made and synced.
    ///
    /// # Errors
    /// [`WatermarkFault`].
    pub fn open(files: Arc<dyn Files>, store: StoreId, is_new: bool) -> Result<Watermark, WatermarkFault> {
        // A name that is found may be in memory only: its maker may have died before it synced the directory.
        files.sync_dir()?;
        if !files.exists(WATERMARK_NAME)? {
            if !is_new {
                return Err(WatermarkFault::Missing);
            }
            create(&*files, store)?;
        }
        let file = files.open(WATERMARK_NAME)?;
        let mut bytes = vec![0; 2 * SLOT_BYTES];
        let read = file.read_at(0, &mut bytes)?;
        let (slot, newest) = newest_slot(&bytes[..read], store)?;
        let mut watermark = Watermark {
            files,
            store,
            file: Some(file),
            sequence: newest.sequence,
            synced_slot: slot,
            synced: newest.marks,
            marks: newest.marks,
            is_written: true,
        };
        watermark.rewrite(slot, &newest.encode(store))?;
        Ok(watermark)
    }

    /// The numbers as the owner last gave them.
    #[must_use]
    pub fn marks(&self) -> Marks {
        self.marks
    }

    /// Largest version that may be used: `reserved` as it is on disk.
    #[must_use]
    pub fn usable(&self) -> Version {
        self.synced.reserved
    }

    /// Raises `reserved` and returns once that is on disk; nothing happens if it is that high already. Versions above
    /// the old value are used only after this returned `Ok`.
    ///
    /// # Errors
    /// [`FileFault`]: [`Watermark::usable`] is as before; this may be called again.
    pub fn reserve(&mut self, up_to: Version) -> Result<(), FileFault> {
        if up_to <= self.synced.reserved {
            return Ok(());
        }
        self.set(Marks { reserved: self.marks.reserved.max(up_to), ..self.marks });
        self.save()
    }

    /// Notes how far log and index have come, in memory only.
    ///
    /// # Panics
    /// If one of them is lower than before: the caller's bug.
    pub fn note(&mut self, durable: Version, indexed: Version) {
        debug_assert!(durable >= self.marks.durable && indexed >= self.marks.indexed, "a mark fell");
        self.set(Marks { durable, indexed, ..self.marks });
    }

    /// Writes what was noted, without a sync: it survives the end of the process, not a power cut. Cheap enough for
    /// after every batch; does nothing if nothing changed.
    ///
    /// # Errors
    /// [`FileFault`]: what was synced before still stands; this may be called again.
    pub fn write_behind(&mut self) -> Result<(), FileFault> {
        if self.is_written {
            return Ok(());
        }
        let at = (1 - self.synced_slot) * SLOT_BYTES as u64;
        let state = Slot { sequence: self.sequence + 1, marks: self.marks };
        let bytes = state.encode(self.store);
        let written = self.handle().and_then(|file| file.write_at(at, &bytes));
        self.give_up_on_failure(written)?;
        self.sequence = state.sequence;
        self.is_written = true;
        Ok(())
    }

    /// Writes what was noted and returns once it is on disk; does nothing if it is already.
    ///
    /// # Errors
    /// [`FileFault`]: what was synced before still stands; this may be called again.
    pub fn save(&mut self) -> Result<(), FileFault> {
        self.write_behind()?;
        if self.synced == self.marks {
            return Ok(());
        }
        self.sync()?;
        self.synced_slot = 1 - self.synced_slot;
        self.synced = self.marks;
        Ok(())
    }

    /// Lowers `durable` and `indexed` to where log and index really end, after an operator accepted the loss or when the
    /// index is healed by replay; `reserved` stays, so that no version is used again. Returns once that is on disk.
    ///
    /// # Errors
    /// [`FileFault`]: what was synced before still stands; this may be called again.
    pub fn accept_loss(&mut self, log_last: Version, index_reach: Version) -> Result<(), FileFault> {
        let Marks { reserved, durable, indexed } = self.marks;
        self.set(Marks {
            reserved,
            durable: durable.min(log_last),
            indexed: indexed.min(index_reach).min(log_last),
        });
        self.save()
    }

    fn set(&mut self, marks: Marks) {
        if marks != self.marks {
            self.marks = marks;
            self.is_written = false;
        }
    }

    /// Writes and syncs the newest slot as it is. What was read back need not be on disk, and a sync alone would not
    /// prove it after one that failed. The same bytes over the same bytes cannot tear.
    fn rewrite(&mut self, slot: u64, bytes: &[u8]) -> Result<(), FileFault> {
        let written = self.handle().and_then(|file| file.write_at(slot * SLOT_BYTES as u64, bytes));
        self.give_up_on_failure(written)?;
        self.sync()
    }

    fn sync(&mut self) -> Result<(), FileFault> {
        let synced = self.handle().and_then(|file| file.sync_data());
        self.give_up_on_failure(synced)
    }

    fn handle(&mut self) -> Result<&dyn LogFile, FileFault> {
        if self.file.is_none() {
            self.file = Some(self.files.open(WATERMARK_NAME)?);
        }
        Ok(self.file.as_deref().expect("opened just before"))
    }

    /// After a failure the handle is dropped and the slot written again, with a new number: nothing is known about it.
    fn give_up_on_failure(&mut self, outcome: Result<(), FileFault>) -> Result<(), FileFault> {
        if outcome.is_err() {
            self.file = None;
            self.is_written = false;
        }
        outcome
    }
}

/// One state of the watermark as it stands in a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Slot {
    sequence: u64,
    marks: Marks,
}

/// What a slot turned out to be.
enum Found {
    Whole(Slot),
    Foreign,
    Format(u32),
    Damaged,
}

impl Slot {
    fn encode(&self, store: StoreId) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(SLOT_BYTES);
        bytes.extend_from_slice(&MAGIC);
        bytes.extend_from_slice(&FORMAT.to_le_bytes());
        bytes.extend_from_slice(&[0; 4]);
        bytes.extend_from_slice(&store.0);
        bytes.extend_from_slice(&self.sequence.to_le_bytes());
        bytes.extend_from_slice(&self.marks.reserved.0.to_le_bytes());
        bytes.extend_from_slice(&self.marks.durable.0.to_le_bytes());
        bytes.extend_from_slice(&self.marks.indexed.0.to_le_bytes());
        let checksum = xxh3_64(&bytes);
        bytes.extend_from_slice(&checksum.to_le_bytes());
        debug_assert_eq!(bytes.len(), USED_BYTES);
        bytes.resize(SLOT_BYTES, 0);
        bytes
    }

    fn parse(bytes: &[u8], store: StoreId) -> Found {
        let Some(used) = bytes.get(..USED_BYTES) else {
            return Found::Damaged;
        };
        let sum_at = USED_BYTES - 8;
        if used[..8] != MAGIC || xxh3_64(&used[..sum_at]) != u64_at(used, sum_at) {
            return Found::Damaged;
        }
        if u32_at(used, 8) != FORMAT {
            return Found::Format(u32_at(used, 8));
        }
        if used[16..32] != store.0 {
            return Found::Foreign;
        }
        let version = |at| Version(u64_at(used, at));
        let marks = Marks { reserved: version(40), durable: version(48), indexed: version(56) };
        Found::Whole(Slot { sequence: u64_at(used, 32), marks })
    }
}

/// The newest whole slot and its number; if there is none, why.
fn newest_slot(bytes: &[u8], store: StoreId) -> Result<(u64, Slot), WatermarkFault> {
    let mut newest: Option<(u64, Slot)> = None;
    let mut fault = WatermarkFault::Damaged;
    for (slot, bytes) in (0..).zip(bytes.chunks(SLOT_BYTES)) {
        match Slot::parse(bytes, store) {
            Found::Whole(state) if newest.is_none_or(|(_, other)| other.sequence < state.sequence) => {
                newest = Some((slot, state));
            }
            Found::Whole(_) | Found::Damaged => {}
            Found::Foreign => fault = WatermarkFault::Foreign,
            Found::Format(format) => fault = WatermarkFault::Format { format },
        }
    }
    newest.ok_or(fault)
}

/// Makes the file with zeros for a new store; it has its name only once it is whole and on disk.
fn create(files: &dyn Files, store: StoreId) -> Result<(), FileFault> {
    let file = files.create(NEW_NAME)?;
    let mut bytes = Slot { sequence: 1, marks: Marks::default() }.encode(store);
    bytes.extend(Slot { sequence: 2, marks: Marks::default() }.encode(store));
    file.write_at(0, &bytes)?;
    file.sync_all()?;
    files.rename(NEW_NAME, WATERMARK_NAME)?;
    files.sync_dir()
}
