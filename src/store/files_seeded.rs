//! A file layer with a bug on purpose: a sync returns before it is done, and is done with the next write.
//! Compiled in only with the feature `seeded-bugs`.

use std::sync::{Arc, atomic::AtomicBool};

use parking_lot::Mutex;

use super::files::{DirectoryLock, FileFault, Files, LogFile};

/// Set before a store is opened: its last batch is served from where it stands, unsynced.
pub static SERVE_UNSYNCED_TAIL: AtomicBool = AtomicBool::new(false);

/// See the module. Only `sync_data` is late: segments begin as they should.
pub struct LateSyncFiles {
    inner: Arc<dyn Files>,
}

impl LateSyncFiles {
    /// Wraps a file layer.
    #[must_use]
    pub fn new(inner: Arc<dyn Files>) -> LateSyncFiles {
        LateSyncFiles { inner }
    }
}

struct LateSyncFile {
    inner: Box<dyn LogFile>,
    /// A sync was promised and not done.
    owed: Mutex<bool>,
}

fn late(inner: Box<dyn LogFile>) -> Box<dyn LogFile> {
    Box::new(LateSyncFile { inner, owed: Mutex::new(false) })
}

impl Files for LateSyncFiles {
    fn create(&self, name: &str) -> Result<Box<dyn LogFile>, FileFault> {
        self.inner.create(name).map(late)
    }

    fn open(&self, name: &str) -> Result<Box<dyn LogFile>, FileFault> {
        self.inner.open(name).map(late)
    }

    fn list(&self) -> Result<Vec<String>, FileFault> {
        self.inner.list()
    }

    fn rename(&self, from: &str, to: &str) -> Result<(), FileFault> {
        self.inner.rename(from, to)
    }

    fn remove(&self, name: &str) -> Result<(), FileFault> {
        self.inner.remove(name)
    }

    fn sync_dir(&self) -> Result<(), FileFault> {
        self.inner.sync_dir()
    }

    fn exists(&self, name: &str) -> Result<bool, FileFault> {
        self.inner.exists(name)
    }

    fn read_all(&self, name: &str, bytes_max: usize) -> Result<Vec<u8>, FileFault> {
        self.inner.read_all(name, bytes_max)
    }

    fn lock(&self, name: &str) -> Result<DirectoryLock, FileFault> {
        self.inner.lock(name)
    }
}

impl LogFile for LateSyncFile {
    fn write_at(&self, at: u64, bytes: &[u8]) -> Result<(), FileFault> {
        if std::mem::take(&mut *self.owed.lock()) {
            self.inner.sync_data()?;
        }
        self.inner.write_at(at, bytes)
    }

    fn read_at(&self, at: u64, buffer: &mut [u8]) -> Result<usize, FileFault> {
        self.inner.read_at(at, buffer)
    }

    fn sync_data(&self) -> Result<(), FileFault> {
        *self.owed.lock() = true;
        Ok(())
    }

    fn sync_all(&self) -> Result<(), FileFault> {
        self.inner.sync_all()
    }

    fn len(&self) -> Result<u64, FileFault> {
        self.inner.len()
    }

    fn set_len(&self, bytes: u64) -> Result<(), FileFault> {
        self.inner.set_len(bytes)
    }
}
