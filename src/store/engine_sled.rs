//! The index engine on disk by default: sled, one tree. No other file names sled.
//!
//! What is done here against sled's ways, each measured or read in the source of 0.34.7:
//! * `flush()` is `sync_file_range`, never `fsync`: it is no sync, and nothing may count as durable after it. So
//!   [`Engine::sync`](super::engine::Engine::sync) is `flush()` and then `sync_data()` on a handle of its own on sled's
//!   log file. The handle is opened once and kept: the operating system reports a failed write-back once per handle,
//!   and sled's flush thread swallows the report that its own handle gets.
//! * `conf` is never synced by sled, and without it the store does not open. So a store is created beside its place,
//!   synced with all files and directories, and renamed to its place.
//! * The flush thread is never turned off: only it frees segments and memory.
//! * Damage makes it panic. So it runs under `catch_unwind`, and a panic is a fault like any other.
//! * The opening after one that met damage may succeed, without the records it could not read. So damage is noted in a
//!   file, and while that is there the store is not opened.
//! * Damage in the log can also open without a word, as a prefix of the batches. No engine sees that by itself: the
//!   reach that each batch carries falls back with it, and the store compares it with its watermark.
//! * A batch is atomic in one tree only. So there is one tree, and repositories have prefixes.

use std::fs::File;
use std::io;
use std::ops::{Bound, ControlFlow};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::OnceLock;
use std::time::Duration;

use super::engine::{Direction, EngineFault, IndexBatch, RawEngine};
use super::engine_sled_directory::{
    beside, is_missing_or_empty, remove_unfinished_snapshots, sync_directory, sync_parent,
};

const NAME: &str = "sled";

/// sled's log file in its directory.
pub(super) const LOG_FILE: &str = "db";

/// Made in the directory when opening met damage; the operator removes it with the damage.
pub(super) const DAMAGE_NOTE: &str = "damaged";

/// How often, and how far apart, opening is tried while the previous engine of this process lets go of its files: its
/// threads end a little after it. After that the directory counts as in use. 2 s in all.
const LOCK_ATTEMPTS: u32 = 100;
const LOCK_WAIT: Duration = Duration::from_millis(20);

pub(super) const ADVICE_DAMAGED: &str = "Move this directory aside and restore it from a backup; as long as the file `damaged` \
                              is in it, it is not opened again";
pub(super) const ADVICE_IN_USE: &str = "Another process has this directory open; stop it first";
pub(super) const ADVICE_FILES: &str =
    "Check that the disk is mounted, has space, and that this user may write there";

/// Settings of sled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SledOptions {
    /// Bytes of pages kept in memory. Resident memory is about 1.2 times this, plus 35 MB per million records.
    pub cache_capacity_bytes: u64,
    /// Milliseconds between two rounds of the flush thread, which frees segments and memory. It makes nothing durable
    /// that anybody waits for.
    pub flush_interval_ms: u64,
}

impl Default for SledOptions {
    /// Source: the storage measurements (cache 128 to 256 MB, flush interval 100 to 500 ms).
    fn default() -> SledOptions {
        SledOptions { cache_capacity_bytes: 128 * 1024 * 1024, flush_interval_ms: 500 }
    }
}

/// An open sled store. One per directory and process; closing it (dropping the last handle) takes up to a second.
#[derive(Debug)]
pub struct SledEngine {
    /// `Some` until dropped.
    db: Option<sled::Db>,
    pub(super) log_file: File,
    /// The step that failed first. Never cleared: a new engine is opened instead.
    poisoned_since: OnceLock<&'static str>,
}

impl SledEngine {
    /// Opens the store in directory `dir`, and creates it if `dir` does not exist or is empty. When this returns, all
    /// files, the directory and its parent are synced. May take seconds; the parent directory has to exist.
    ///
    /// # Errors
    ///
    /// [`EngineFault::Open`] with advice if the files are damaged (now or at an earlier opening), in use or not
    /// accessible. It is of no use to try again without doing something about it.
    pub fn open(dir: &Path, options: SledOptions) -> Result<SledEngine, EngineFault> {
        let files_fault = |error: io::Error| open_fault(dir, error.to_string(), ADVICE_FILES);
        if is_missing_or_empty(dir).map_err(files_fault)? {
            create(dir, options)?;
        }
        refuse_if_noted_as_damaged(dir)?;
        remove_unfinished_snapshots(dir).map_err(files_fault)?;
        let db = open_db(dir, options)?;
        let log_file = File::open(dir.join(LOG_FILE)).map_err(files_fault)?;
        sync_directory(dir).map_err(files_fault)?;
        sync_parent(dir).map_err(files_fault)?;
        Ok(SledEngine { db: Some(db), log_file, poisoned_since: OnceLock::new() })
    }

    fn db(&self) -> &sled::Db {
        self.db.as_ref().expect("the store is open until it is dropped")
    }

    fn refuse_if_poisoned(&self) -> Result<(), EngineFault> {
        match self.poisoned_since.get() {
            Some(since) => Err(EngineFault::Poisoned { engine: NAME, since }),
            None => Ok(()),
        }
    }

    /// Notes that `during` failed, so that nothing is written from now on.
    fn poison(&self, during: &'static str, fault: EngineFault) -> EngineFault {
        // Only the first failure is kept; a second one that raced with it says nothing new.
        let _ = self.poisoned_since.set(during);
        fault
    }
}

impl RawEngine for SledEngine {
    fn raw_get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, EngineFault> {
        let found = guarded("get", || self.db().get(key))?;
        Ok(found.map(|sealed| sealed.to_vec()))
    }

    fn raw_scan(
        &self,
        from: &[u8],
        to: Option<&[u8]>,
        direction: Direction,
        visit: &mut dyn FnMut(&[u8], &[u8]) -> ControlFlow<()>,
    ) -> Result<(), EngineFault> {
        let upper = to.map_or(Bound::Unbounded, Bound::Excluded);
        let mut entries = self.db().range::<&[u8], _>((Bound::Included(from), upper));
        loop {
            let entry = guarded("scan", || {
                match direction {
                    Direction::Forward => entries.next(),
                    Direction::Backward => entries.next_back(),
                }
                .transpose()
            })?;
            let Some((key, sealed)) = entry else { return Ok(()) };
            if visit(&key, &sealed).is_break() {
                return Ok(());
            }
        }
    }

    fn raw_apply(&self, batch: &IndexBatch) -> Result<(), EngineFault> {
        self.refuse_if_poisoned()?;
        let mut changes = sled::Batch::default();
        for record in batch.records() {
            match &record.sealed {
                Some(sealed) => changes.insert(record.key.as_slice(), sealed.as_slice()),
                None => changes.remove(record.key.as_slice()),
            }
        }
        guarded("apply", || self.db().apply_batch(changes)).map_err(|fault| self.poison("apply", fault))
    }

    fn raw_sync(&self) -> Result<(), EngineFault> {
        self.refuse_if_poisoned()?;
        guarded("flush", || self.db().flush()).map_err(|fault| self.poison("flush", fault))?;
        self.log_file.sync_data().map_err(|source| {
            self.poison("sync", EngineFault::Io { engine: NAME, during: "sync of the log file", source })
        })
    }

    fn raw_size_on_disk(&self) -> u64 {
        self.db().size_on_disk().unwrap_or(0)
    }

    fn raw_name(&self) -> &'static str {
        NAME
    }
}

impl Drop for SledEngine {
    /// sled panics if its last sync fails. What was not synced before is not promised to anybody, so that is no fault.
    fn drop(&mut self) {
        let db = self.db.take();
        if catch_unwind(AssertUnwindSafe(|| drop(db))).is_err() {
            tracing::warn!("sled panicked while closing; what was synced before is not touched by that");
        }
    }
}

/// Makes an empty store beside `dir` and moves it to its place when it is whole on disk, so that a crash on the way
/// leaves no half of a store there.
fn create(dir: &Path, options: SledOptions) -> Result<(), EngineFault> {
    let files_fault = |error: io::Error| open_fault(dir, error.to_string(), ADVICE_FILES);
    let unfinished = beside(dir);
    if unfinished.exists() {
        std::fs::remove_dir_all(&unfinished).map_err(files_fault)?;
    }
    let db = open_db(&unfinished, options)?;
    guarded("flush", || db.flush())?;
    drop(db);
    sync_directory(&unfinished).map_err(files_fault)?;
    std::fs::rename(&unfinished, dir).map_err(files_fault)?;
    sync_parent(dir).map_err(files_fault)
}

/// Opens sled, waiting while a former handle of this process lets go.
fn open_db(dir: &Path, options: SledOptions) -> Result<sled::Db, EngineFault> {
    let config = sled::Config::new()
        .path(dir)
        .mode(sled::Mode::LowSpace)
        .cache_capacity(options.cache_capacity_bytes)
        .flush_every_ms(Some(options.flush_interval_ms.max(1)));
    let mut attempt = 1;
    loop {
        match catch_unwind(AssertUnwindSafe(|| config.open())) {
            Ok(Ok(db)) => return Ok(db),
            Ok(Err(error)) if is_in_use(&error) && attempt < LOCK_ATTEMPTS => {
                attempt += 1;
                #[allow(
                    clippy::disallowed_methods,
                    reason = "only while opening, before anything is served"
                )]
                std::thread::sleep(LOCK_WAIT);
            }
            Ok(Err(error)) => {
                return Err(match &error {
                    error if is_in_use(error) => open_fault(dir, error.to_string(), ADVICE_IN_USE),
                    sled::Error::Io(_) => open_fault(dir, error.to_string(), ADVICE_FILES),
                    _ => damage_fault(dir, error.to_string()),
                });
            }
            Err(panic) => return Err(damage_fault(dir, panic_text(&*panic))),
        }
    }
}

/// Runs a call of sled and makes its error, or its panic, a fault.
fn guarded<T>(during: &'static str, call: impl FnOnce() -> sled::Result<T>) -> Result<T, EngineFault> {
    let broken = |detail| EngineFault::Broken { engine: NAME, during, detail };
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(sled::Error::Io(source))) => Err(EngineFault::Io { engine: NAME, during, source }),
        Ok(Err(error)) => Err(broken(error.to_string())),
        Err(panic) => Err(broken(panic_text(&*panic))),
    }
}

/// sled has no error of its own for a lock that is held.
fn is_in_use(error: &sled::Error) -> bool {
    matches!(error, sled::Error::Io(error) if error.to_string().starts_with("could not acquire lock"))
}

/// A fault of opening that is noted in the directory, so that it stays one.
fn damage_fault(dir: &Path, detail: String) -> EngineFault {
    let note = dir.join(DAMAGE_NOTE);
    let noted = std::fs::write(&note, format!("{detail}\n")).and_then(|()| File::open(&note)?.sync_all());
    if let Err(error) = noted.and_then(|()| File::open(dir)?.sync_all()) {
        tracing::error!(%error, "the damage of the index could not be noted in its directory");
    }
    open_fault(dir, detail, ADVICE_DAMAGED)
}

fn refuse_if_noted_as_damaged(dir: &Path) -> Result<(), EngineFault> {
    match std::fs::read_to_string(dir.join(DAMAGE_NOTE)) {
        Ok(note) => Err(open_fault(dir, format!("damage was met before ({})", note.trim()), ADVICE_DAMAGED)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(open_fault(dir, error.to_string(), ADVICE_FILES)),
    }
}

fn open_fault(dir: &Path, detail: String, advice: &'static str) -> EngineFault {
    EngineFault::Open { engine: NAME, path: dir.to_path_buf(), detail, advice }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("panic: {}", text.unwrap_or("without a text"))
}
