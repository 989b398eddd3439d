//! The real disk behind the file seam: one directory, through the standard library.
//!
//! No raw system calls: a preloaded library that records writes and syncs must see every one of them.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::files::{DirectoryLock, FileFault, Files, LogFile};

/// Mode of files that are made: what people wrote is for the server's own account only.
const FILE_MODE: u32 = 0o600;

/// A directory on the real disk.
#[derive(Debug)]
pub struct DiskFiles {
    path: PathBuf,
    /// Kept open for `sync_dir`.
    directory: File,
}

impl DiskFiles {
    /// Opens the directory, and makes it when it is missing (not its parents): the parent is synced then, so that the
    /// new directory is on disk before anything in it counts.
    ///
    /// # Errors
    /// [`FileFault`] when the directory cannot be made, opened or synced.
    pub fn open(path: impl Into<PathBuf>) -> Result<DiskFiles, FileFault> {
        let path = path.into();
        let name = path.display().to_string();
        match std::fs::create_dir(&path) {
            Ok(()) => sync_parent(&path).map_err(|e| FileFault::new("sync the parent of", &name, e))?,
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
            Err(e) => return Err(FileFault::new("create", &name, e)),
        }
        let directory = File::open(&path).map_err(|e| FileFault::new("open", &name, e))?;
        Ok(DiskFiles { path, directory })
    }

    /// Where the directory is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn open_with(
        &self,
        call: &'static str,
        name: &str,
        options: &mut OpenOptions,
    ) -> Result<Box<dyn LogFile>, FileFault> {
        let file = options
            .read(true)
            .write(true)
            .mode(FILE_MODE)
            .open(self.path.join(name))
            .map_err(|e| FileFault::new(call, name, e))?;
        Ok(Box::new(DiskFile { name: name.to_owned(), file }))
    }
}

impl Files for DiskFiles {
    fn create(&self, name: &str) -> Result<Box<dyn LogFile>, FileFault> {
        self.open_with("create", name, OpenOptions::new().create(true).truncate(true))
    }

    fn open(&self, name: &str) -> Result<Box<dyn LogFile>, FileFault> {
        self.open_with("open", name, &mut OpenOptions::new())
    }

    fn list(&self) -> Result<Vec<String>, FileFault> {
        let fault = |e| FileFault::new("list", ".", e);
        let mut names = Vec::new();
        for entry in std::fs::read_dir(&self.path).map_err(fault)? {
            let entry = entry.map_err(fault)?;
            if entry.file_type().map_err(fault)?.is_file() {
                // A name that is not UTF-8 was not given by this program.
                if let Ok(name) = entry.file_name().into_string() {
                    names.push(name);
                }
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    fn rename(&self, from: &str, to: &str) -> Result<(), FileFault> {
        std::fs::rename(self.path.join(from), self.path.join(to))
            .map_err(|e| FileFault::new("rename", from, e))
    }

    fn remove(&self, name: &str) -> Result<(), FileFault> {
        std::fs::remove_file(self.path.join(name)).map_err(|e| FileFault::new("remove", name, e))
    }

    fn sync_dir(&self) -> Result<(), FileFault> {
        self.directory.sync_all().map_err(|e| FileFault::new("sync directory", ".", e))
    }

    fn exists(&self, name: &str) -> Result<bool, FileFault> {
        self.path.join(name).try_exists().map_err(|e| FileFault::new("look up", name, e))
    }

    fn read_all(&self, name: &str, bytes_max: usize) -> Result<Vec<u8>, FileFault> {
        // For reading alone: what is only looked at may lie on a medium that takes no writes.
        let file = File::open(self.path.join(name)).map_err(|e| FileFault::new("open", name, e))?;
        let file = DiskFile { name: name.to_owned(), file };
        let length = file.len()?;
        let fits = usize::try_from(length).ok().filter(|&length| length <= bytes_max);
        let Some(length) = fits else {
            return Err(FileFault::new("read", name, io::ErrorKind::FileTooLarge.into()));
        };
        let mut bytes = vec![0; length];
        let read = file.read_at(0, &mut bytes)?;
        bytes.truncate(read);
        Ok(bytes)
    }

    fn lock(&self, name: &str) -> Result<DirectoryLock, FileFault> {
        let fault = |e| FileFault::new("lock", name, e);
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(FILE_MODE)
            .open(self.path.join(name))
            .map_err(fault)?;
        match file.try_lock() {
            Ok(()) => Ok(DirectoryLock::new(file)),
            Err(TryLockError::WouldBlock) => Err(fault(io::ErrorKind::WouldBlock.into())),
            Err(TryLockError::Error(e)) => Err(fault(e)),
        }
    }
}

#[derive(Debug)]
struct DiskFile {
    name: String,
    file: File,
}

impl DiskFile {
    fn fault(&self, call: &'static str, source: io::Error) -> FileFault {
        FileFault::new(call, &self.name, source)
    }
}

impl LogFile for DiskFile {
    fn write_at(&self, at: u64, bytes: &[u8]) -> Result<(), FileFault> {
        self.file.write_all_at(bytes, at).map_err(|e| self.fault("write", e))
    }

    fn read_at(&self, at: u64, buffer: &mut [u8]) -> Result<usize, FileFault> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.file.read_at(&mut buffer[filled..], at + filled as u64) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(self.fault("read", e)),
            }
        }
        Ok(filled)
    }

    fn sync_data(&self) -> Result<(), FileFault> {
        self.file.sync_data().map_err(|e| self.fault("sync", e))
    }

    fn sync_all(&self) -> Result<(), FileFault> {
        self.file.sync_all().map_err(|e| self.fault("sync", e))
    }

    fn len(&self) -> Result<u64, FileFault> {
        Ok(self.file.metadata().map_err(|e| self.fault("look up", e))?.len())
    }

    fn set_len(&self, bytes: u64) -> Result<(), FileFault> {
        self.file.set_len(bytes).map_err(|e| self.fault("set length", e))
    }
}

fn sync_parent(path: &Path) -> io::Result<()> {
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    File::open(parent)?.sync_all()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_directory_keeps_what_is_written_and_one_holder_of_its_lock() {
        let path = std::env::temp_dir().join(format!("highwater-files-disk-{}", std::process::id()));
        let files = DiskFiles::open(&path).unwrap();
        let file = files.create("a").unwrap();
        file.write_at(3, b"xyz").unwrap();
        file.sync_data().unwrap();
        assert_eq!(file.len().unwrap(), 6);
        file.set_len(5).unwrap();
        files.rename("a", "b").unwrap();
        files.sync_dir().unwrap();
        assert_eq!(files.read_all("b", 5).unwrap(), b"\0\0\0xy");
        assert_eq!(files.read_all("b", 4).unwrap_err().source.kind(), io::ErrorKind::FileTooLarge);
        assert!(files.open("a").err().unwrap().is_not_found());
        assert_eq!(files.list().unwrap(), ["b"]);

        let held = files.lock("lock").unwrap();
        assert!(DiskFiles::open(&path).unwrap().lock("lock").unwrap_err().is_locked());
        drop(held);
        files.lock("lock").unwrap();
        files.remove("lock").unwrap();
        files.remove("b").unwrap();
        assert!(!files.exists("b").unwrap());
        std::fs::remove_dir(&path).unwrap();
    }
}
