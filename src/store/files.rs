//! The seam to the disk under the commit log and the watermark: one directory of plain files.
//!
//! Everything whose durability matters goes through these two traits, so that a test can hand in a disk which fails,
//! lies, fills up or loses power (`files_faulty`), and the server the real one (`files_disk`).
//!
//! Promises that every implementation keeps:
//! - bytes written are seen by later reads at once, and are on disk only after a sync of that file returned `Ok`;
//! - a name created, renamed or removed is on disk only after `sync_dir` returned `Ok`;
//! - after a failed write or sync nothing is known about the bytes concerned, and a later sync of the same file
//!   that returns `Ok` does not prove that they are on disk.

use std::any::Any;
use std::fmt;
use std::io;

/// One directory of files. Names have no separators. Shared between threads, hence `&self` throughout.
pub trait Files: Send + Sync {
    /// Makes an empty file, or empties the one of that name, open for reading and writing.
    ///
    /// # Errors
    /// [`FileFault`], named `create`.
    fn create(&self, name: &str) -> Result<Box<dyn LogFile>, FileFault>;

    /// Opens an existing file for reading and writing.
    ///
    /// # Errors
    /// [`FileFault`], named `open`; its source is of kind `NotFound` if there is no such file.
    fn open(&self, name: &str) -> Result<Box<dyn LogFile>, FileFault>;

    /// Names of all files in the directory, sorted; sub-directories are left out.
    ///
    /// # Errors
    /// [`FileFault`], named `list`.
    fn list(&self) -> Result<Vec<String>, FileFault>;

    /// Renames a file; one that has the new name already is replaced.
    ///
    /// # Errors
    /// [`FileFault`], named `rename`.
    fn rename(&self, from: &str, to: &str) -> Result<(), FileFault>;

    /// Removes a file.
    ///
    /// # Errors
    /// [`FileFault`], named `remove`.
    fn remove(&self, name: &str) -> Result<(), FileFault>;

    /// Returns once all names created, renamed and removed so far are on disk.
    ///
    /// # Errors
    /// [`FileFault`], named `sync directory`.
    fn sync_dir(&self) -> Result<(), FileFault>;

    /// Whether there is a file of that name.
    ///
    /// # Errors
    /// [`FileFault`], named `look up`.
    fn exists(&self, name: &str) -> Result<bool, FileFault>;

    /// The whole content of a file of at most `bytes_max` bytes.
    ///
    /// # Errors
    /// [`FileFault`], named `open` or `read`; of kind `FileTooLarge` if there is more.
    fn read_all(&self, name: &str, bytes_max: usize) -> Result<Vec<u8>, FileFault>;

    /// Takes the exclusive lock that stands for the whole directory, by a file of that name; dropping it gives it up,
    /// and so does the end of the process, however it ends.
    ///
    /// # Errors
    /// [`FileFault`], named `lock`; its source is of kind `WouldBlock` if another process holds it.
    fn lock(&self, name: &str) -> Result<DirectoryLock, FileFault>;
}

/// One open file, written and read at explicit positions.
pub trait LogFile: Send + Sync {
    /// Writes all of `bytes` at byte position `at`, growing the file when it ends before.
    ///
    /// # Errors
    /// [`FileFault`], named `write`: any part of the bytes may have been written.
    fn write_at(&self, at: u64, bytes: &[u8]) -> Result<(), FileFault>;

    /// Fills `buffer` from byte position `at`; fewer bytes than asked for are returned only where the file ends.
    ///
    /// # Errors
    /// [`FileFault`], named `read`.
    fn read_at(&self, at: u64, buffer: &mut [u8]) -> Result<usize, FileFault>;

    /// Returns once all bytes written so far, and the length needed to read them, are on disk.
    ///
    /// # Errors
    /// [`FileFault`], named `sync`: see the module about what is known then.
    fn sync_data(&self) -> Result<(), FileFault>;

    /// As [`LogFile::sync_data`], all metadata of the file included.
    ///
    /// # Errors
    /// [`FileFault`], named `sync`.
    fn sync_all(&self) -> Result<(), FileFault>;

    /// Length of the file in bytes.
    ///
    /// # Errors
    /// [`FileFault`], named `look up`.
    fn len(&self) -> Result<u64, FileFault>;

    /// Whether the file has no bytes.
    ///
    /// # Errors
    /// [`FileFault`], named `look up`.
    fn is_empty(&self) -> Result<bool, FileFault> {
        Ok(self.len()? == 0)
    }

    /// Cuts the file to `bytes`, or grows it with zeros (which reserves no space).
    ///
    /// # Errors
    /// [`FileFault`], named `set length`.
    fn set_len(&self, bytes: u64) -> Result<(), FileFault>;
}

/// The exclusive lock on a directory, held until it is dropped.
pub struct DirectoryLock {
    _held: Box<dyn Any + Send>,
}

impl DirectoryLock {
    /// Wraps whatever gives the lock up when it is dropped.
    pub fn new(held: impl Any + Send) -> DirectoryLock {
        DirectoryLock { _held: Box::new(held) }
    }
}

impl fmt::Debug for DirectoryLock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DirectoryLock")
    }
}

/// A call to the disk that failed: which, on what name, and why.
#[derive(Debug, thiserror::Error)]
#[error("cannot {call} \"{name}\"")]
pub struct FileFault {
    /// What was asked for: `create`, `open`, `write`, `sync`…
    pub call: &'static str,
    /// The file, or `.` for the directory itself.
    pub name: String,
    /// What the system answered.
    pub source: io::Error,
}

impl FileFault {
    /// A fault of this call on this name.
    pub fn new(call: &'static str, name: &str, source: io::Error) -> FileFault {
        FileFault { call, name: name.to_owned(), source }
    }

    /// Whether the disk, or the quota on it, is full: it may work again once space is back.
    #[must_use]
    pub fn is_full(&self) -> bool {
        matches!(self.source.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
    }

    /// Whether there is no file of that name.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        self.source.kind() == io::ErrorKind::NotFound
    }

    /// Whether another process holds the lock.
    #[must_use]
    pub fn is_locked(&self) -> bool {
        self.source.kind() == io::ErrorKind::WouldBlock
    }
}
