//! A file layer that keeps nothing but beginnings: the null store of the benchmarks, against which the cost of storing is
//! measured.

use std::{collections::HashMap, sync::Arc};

use parking_lot::Mutex;

use super::files::{DirectoryLock, FileFault, Files, LogFile};

/// Bytes of each file that can be read back: enough for a watermark, whose two slots have 4 KiB each.
const KEPT_BYTES: usize = 8 * 1024;

/// See the module. Every write and sync returns at once.
#[derive(Default)]
pub struct NullFiles {
    files: Mutex<HashMap<String, NullFile>>,
}

#[derive(Clone, Default)]
struct NullFile {
    beginning: Arc<Mutex<Vec<u8>>>,
}

fn not_found(call: &'static str, name: &str) -> FileFault {
    FileFault::new(call, name, std::io::ErrorKind::NotFound.into())
}

impl Files for NullFiles {
    fn create(&self, name: &str) -> Result<Box<dyn LogFile>, FileFault> {
        let file = NullFile::default();
        self.files.lock().insert(name.to_owned(), file.clone());
        Ok(Box::new(file))
    }

    fn open(&self, name: &str) -> Result<Box<dyn LogFile>, FileFault> {
        let file = self.files.lock().get(name).cloned().ok_or_else(|| not_found("open", name))?;
        Ok(Box::new(file))
    }

    fn list(&self) -> Result<Vec<String>, FileFault> {
        Ok(self.files.lock().keys().cloned().collect())
    }

    fn rename(&self, from: &str, to: &str) -> Result<(), FileFault> {
        let mut files = self.files.lock();
        let file = files.remove(from).ok_or_else(|| not_found("rename", from))?;
        files.insert(to.to_owned(), file);
        Ok(())
    }

    fn remove(&self, name: &str) -> Result<(), FileFault> {
        self.files.lock().remove(name).map(drop).ok_or_else(|| not_found("remove", name))
    }

    fn sync_dir(&self) -> Result<(), FileFault> {
        Ok(())
    }

    fn exists(&self, name: &str) -> Result<bool, FileFault> {
        Ok(self.files.lock().contains_key(name))
    }

    fn read_all(&self, name: &str, _: usize) -> Result<Vec<u8>, FileFault> {
        let file = self.files.lock().get(name).cloned().ok_or_else(|| not_found("read", name))?;
        let beginning = file.beginning.lock().clone();
        Ok(beginning)
    }

    fn lock(&self, _: &str) -> Result<DirectoryLock, FileFault> {
        Ok(DirectoryLock::new(()))
    }
}

impl LogFile for NullFile {
    fn write_at(&self, at: u64, bytes: &[u8]) -> Result<(), FileFault> {
        let at = usize::try_from(at).unwrap_or(usize::MAX);
        let kept = bytes.len().min(KEPT_BYTES.saturating_sub(at));
        if kept > 0 {
            let mut beginning = self.beginning.lock();
            let end = (at + kept).max(beginning.len());
            beginning.resize(end, 0);
            beginning[at..at + kept].copy_from_slice(&bytes[..kept]);
        }
        Ok(())
    }

    fn read_at(&self, at: u64, buffer: &mut [u8]) -> Result<usize, FileFault> {
        let beginning = self.beginning.lock();
        let from = usize::try_from(at).unwrap_or(usize::MAX).min(beginning.len());
        let count = buffer.len().min(beginning.len() - from);
        buffer[..count].copy_from_slice(&beginning[from..from + count]);
        Ok(count)
    }

    fn sync_data(&self) -> Result<(), FileFault> {
        Ok(())
    }

    fn sync_all(&self) -> Result<(), FileFault> {
        Ok(())
    }

    fn len(&self) -> Result<u64, FileFault> {
        Ok(self.beginning.lock().len() as u64)
    }

    fn set_len(&self, bytes: u64) -> Result<(), FileFault> {
        self.beginning.lock().truncate(usize::try_from(bytes).unwrap_or(usize::MAX));
        Ok(())
    }
}
