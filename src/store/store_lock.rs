//! One process per data directory.
//!
//! The lock is the operating system's, on the file `lock` in the directory: it is gone when the process is, however it
//! ends, and nobody has to remove anything. The pid in the file is only for the message to whoever comes second.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

/// Name of the lock file in the data directory.
pub const LOCK_FILE: &str = "lock";

/// Most bytes of the lock file that are read: a pid has ten digits at most.
const MAX_PID_BYTES: u64 = 32;

/// The right to write in a data directory, held until dropped.
#[derive(Debug)]
pub struct StoreLock {
    /// Holds the lock; closing it lets go.
    _file: File,
    directory: PathBuf,
}

impl StoreLock {
    /// Takes the lock on `directory`, which has to exist, without waiting.
    ///
    /// # Errors
    ///
    /// [`StoreLockFault::Held`] if another process (or another lock of this one) has it.
    pub fn acquire(directory: &Path) -> Result<StoreLock, StoreLockFault> {
        let fault = |source| StoreLockFault::Io { directory: directory.to_path_buf(), source };
        // Not emptied on opening: until it is locked, the file belongs to who holds it.
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(directory.join(LOCK_FILE))
            .map_err(fault)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let pid = read_pid(&mut file);
                return Err(StoreLockFault::Held { directory: directory.to_path_buf(), holder: Holder(pid) });
            }
            Err(TryLockError::Error(source)) => return Err(fault(source)),
        }
        write_pid(&mut file).map_err(fault)?;
        Ok(StoreLock { _file: file, directory: directory.to_path_buf() })
    }

    /// Whether a process works in `directory`: looks, and takes nothing.
    ///
    /// # Errors
    ///
    /// The lock file cannot be read.
    pub fn is_held(directory: &Path) -> io::Result<bool> {
        let file = match File::open(directory.join(LOCK_FILE)) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(error),
        };
        match file.try_lock_shared() {
            Ok(()) => Ok(false),
            Err(TryLockError::WouldBlock) => Ok(true),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// The locked directory.
    pub fn directory(&self) -> &Path {
        &self.directory
    }
}

/// Why a data directory cannot be locked.
#[derive(Debug, thiserror::Error)]
pub enum StoreLockFault {
    /// Somebody else works in it.
    #[error("the data directory {} is in use by {holder}; stop it, or choose another directory", directory.display())]
    Held {
        /// The data directory.
        directory: PathBuf,
        /// Who has it.
        holder: Holder,
    },
    /// The lock file cannot be made, read or written.
    #[error("the data directory {} cannot be locked", directory.display())]
    Io {
        /// The data directory.
        directory: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
}

/// The pid that a lock file names, if it names one: just after taking the lock a process has not written it yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holder(pub Option<u32>);

impl std::fmt::Display for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Some(pid) => write!(f, "process {pid}"),
            None => f.write_str("another process"),
        }
    }
}

fn read_pid(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.take(MAX_PID_BYTES).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

fn write_pid(file: &mut File) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    file.write_all(format!("{}\n", std::process::id()).as_bytes())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::store::engine_conformance::TestDirectory;
    use std::process::{Command, Stdio};

    #[test]
    fn the_second_is_refused_with_directory_and_pid_until_the_first_lets_go() {
        let directory = TestDirectory::new();
        let first = StoreLock::acquire(directory.path()).unwrap();
        let fault = StoreLock::acquire(directory.path()).unwrap_err();
        let text = fault.to_string();
        assert!(text.contains(&directory.path().display().to_string()), "{text}");
        assert!(text.contains(&format!("process {}", std::process::id())), "{text}");
        drop(first);
        StoreLock::acquire(directory.path()).unwrap();
    }

    #[test]
    fn what_a_dead_process_left_does_not_lock() {
        let directory = TestDirectory::new();
        std::fs::write(directory.path().join(LOCK_FILE), "4294967295 and much more than a pid has").unwrap();
        let lock = StoreLock::acquire(directory.path()).unwrap();
        let text = std::fs::read_to_string(directory.path().join(LOCK_FILE)).unwrap();
        assert_eq!(text, format!("{}\n", std::process::id()));
        assert_eq!(lock.directory(), directory.path());
    }

    #[test]
    fn another_process_holds_it_and_lets_go_when_killed() {
        let directory = TestDirectory::new();
        let file = directory.path().join(LOCK_FILE);
        let script = "echo $$ > \"$0\"; echo locked; read _ignored";
        let mut child = Command::new("flock")
            .args(["--no-fork", "--exclusive"])
            .arg(&file)
            .args(["sh", "-c", script])
            .arg(&file)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("util-linux's flock is there");
        let mut answer = [0; 7];
        child.stdout.as_mut().unwrap().read_exact(&mut answer).unwrap();
        let fault = StoreLock::acquire(directory.path()).unwrap_err();
        assert!(
            matches!(fault, StoreLockFault::Held { holder: Holder(Some(pid)), .. } if pid == child.id()),
            "{fault}"
        );
        child.kill().unwrap();
        child.wait().unwrap();
        StoreLock::acquire(directory.path()).unwrap();
    }

    #[test]
    fn a_directory_that_is_not_there_is_named() {
        let fault = StoreLock::acquire(Path::new("/nonexistent/highwater")).unwrap_err();
        assert!(fault.to_string().contains("/nonexistent/highwater"), "{fault}");
    }
}
