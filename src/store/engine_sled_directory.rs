//! The directory of an index store on disk: made whole beside its place, cleared of what a crash left, and synced.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

/// What sled adds to the name of a snapshot that it has not finished.
const UNFINISHED_SNAPSHOT: &str = ".generating";

/// Where a store is made before it is moved to `dir`: `dir` with `.creating` behind its name.
pub(super) fn beside(dir: &Path) -> PathBuf {
    let mut name = dir.as_os_str().to_os_string();
    name.push(".creating");
    PathBuf::from(name)
}

pub(super) fn is_missing_or_empty(dir: &Path) -> io::Result<bool> {
    match std::fs::read_dir(dir) {
        Ok(mut entries) => Ok(entries.next().is_none()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(error) => Err(error),
    }
}

/// A snapshot that a crash cut is written again under the same name without being emptied, so it must go first.
pub(super) fn remove_unfinished_snapshots(dir: &Path) -> io::Result<()> {
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        if path.to_string_lossy().ends_with(UNFINISHED_SNAPSHOT) {
            std::fs::remove_file(path)?;
        }
    }
    Ok(())
}

/// Syncs every file below `dir`, and `dir` itself.
pub(super) fn sync_directory(dir: &Path) -> io::Result<()> {
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        match entry.file_type()?.is_dir() {
            true => sync_directory(&entry.path())?,
            false => match File::open(entry.path()) {
                Ok(file) => file.sync_all()?,
                // sled's own threads may remove a file that is no longer needed.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            },
        }
    }
    File::open(dir)?.sync_all()
}

pub(super) fn sync_parent(dir: &Path) -> io::Result<()> {
    let parent = dir.parent().filter(|parent| !parent.as_os_str().is_empty());
    File::open(parent.unwrap_or(Path::new(".")))?.sync_all()
}
