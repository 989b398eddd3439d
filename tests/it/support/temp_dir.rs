//! A directory that goes when the test does.

use std::{
    path::{Path, PathBuf},
    sync::atomic::{AtomicUsize, Ordering},
};

static LAST: AtomicUsize = AtomicUsize::new(0);

/// See the module.
pub struct TempDir(PathBuf);

impl TempDir {
    pub fn new() -> TempDir {
        let number = LAST.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("highwater-it-{}-{number}", std::process::id()));
        std::fs::create_dir(&path).unwrap();
        TempDir(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        // Left behind in the system's directory for temporary files, it does no harm.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
