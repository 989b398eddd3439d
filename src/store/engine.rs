//! The seam between the store and the engine that keeps the index.
//!
//! An engine is an ordered map of byte keys to byte values, changed by whole batches. It holds only what the commit
//! log already holds durably, so "applied" and "on disk" are two steps here: [`Engine::apply`] makes a batch visible,
//! [`Engine::sync`] puts everything applied before it on disk.
//!
//! An engine implements [`RawEngine`], which knows values as opaque bytes. Everybody else uses [`Engine`], which every
//! raw engine is by the one implementation below: values are sealed with a checksum when they enter a batch and
//! verified whenever they are read, so that a flipped bit, or the value of another key, is a fault and never an answer.

use std::ops::ControlFlow;

pub use super::engine_batch::{
    BatchLimit, IndexBatch, IndexRecord, MAX_BATCH_RECORDS, MAX_KEY_BYTES, MAX_VALUE_BYTES,
};
pub use super::engine_fault::EngineFault;
pub use super::engine_seal::{SEAL_BYTES, open_value};

/// Which way a scan goes through its range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From the smallest key of the range up.
    Forward,
    /// From the largest key of the range down.
    Backward,
}

/// An index engine as the store uses it. Shared by all threads; every call may block on the disk.
///
/// After an error from [`apply`](Engine::apply) or [`sync`](Engine::sync) what became of the batches since the last
/// good sync is in doubt. The engine then refuses both with [`EngineFault::Poisoned`] until it is opened again; reads
/// go on.
pub trait Engine: Send + Sync + 'static {
    /// The value of `key`, or `None`. Sees every batch whose `apply` returned before.
    ///
    /// # Errors
    ///
    /// [`EngineFault::Corrupt`] if the stored value is not what was put under this key; otherwise what the engine met.
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, EngineFault>;

    /// Calls `visit(key, value)` for every key in `from..to` (`to` is excluded; `None` is the end of all keys), in key
    /// order or against it, until `visit` answers `Break`. An empty or inverted range visits nothing.
    ///
    /// A scan is not a snapshot: beside a running `apply` it may see a part of that batch. Callers bound it by version.
    /// `visit` may call `get` and `scan`, but not `apply`.
    ///
    /// # Errors
    ///
    /// [`EngineFault::Corrupt`] at the first value that does not verify; what came before has been visited.
    fn scan(
        &self,
        from: &[u8],
        to: Option<&[u8]>,
        direction: Direction,
        visit: &mut dyn FnMut(&[u8], &[u8]) -> ControlFlow<()>,
    ) -> Result<(), EngineFault>;

    /// Applies all of `batch`, in its order, or nothing of it. Visible when this returns, on disk only after `sync`.
    /// After a crash the unsynced batches survive as a prefix, each whole or not at all.
    ///
    /// # Errors
    ///
    /// Any error poisons the engine.
    fn apply(&self, batch: &IndexBatch) -> Result<(), EngineFault>;

    /// Returns `Ok` when every batch applied before the call is on disk and survives a power cut.
    ///
    /// # Errors
    ///
    /// Any error poisons the engine: a failed sync is never retried on the same handle.
    fn sync(&self) -> Result<(), EngineFault>;

    /// Bytes of all files of the engine; 0 if it has none, or if they cannot be read just now. For metrics.
    fn size_on_disk(&self) -> u64;

    /// Name of the engine as in the setting `storage.engine`.
    fn name(&self) -> &'static str;
}

/// What an engine has to do. The promises are those of [`Engine`]; values are opaque, already sealed bytes.
///
/// Only engines, their wrappers and tests call these; everybody else reads through [`Engine`].
pub trait RawEngine: Send + Sync + 'static {
    /// The sealed value of `key`.
    ///
    /// # Errors
    ///
    /// As [`Engine::get`].
    fn raw_get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, EngineFault>;

    /// As [`Engine::scan`], with sealed values. `from` is below `to`.
    ///
    /// # Errors
    ///
    /// As [`Engine::scan`].
    fn raw_scan(
        &self,
        from: &[u8],
        to: Option<&[u8]>,
        direction: Direction,
        visit: &mut dyn FnMut(&[u8], &[u8]) -> ControlFlow<()>,
    ) -> Result<(), EngineFault>;

    /// As [`Engine::apply`]. The batch has at least one record.
    ///
    /// # Errors
    ///
    /// As [`Engine::apply`].
    fn raw_apply(&self, batch: &IndexBatch) -> Result<(), EngineFault>;

    /// As [`Engine::sync`].
    ///
    /// # Errors
    ///
    /// As [`Engine::sync`].
    fn raw_sync(&self) -> Result<(), EngineFault>;

    /// As [`Engine::size_on_disk`].
    fn raw_size_on_disk(&self) -> u64;

    /// As [`Engine::name`].
    fn raw_name(&self) -> &'static str;
}

impl<R: RawEngine + ?Sized> Engine for R {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, EngineFault> {
        let Some(mut sealed) = self.raw_get(key)? else {
            return Ok(None);
        };
        let value_bytes = open_value(key, &sealed)?.len();
        sealed.truncate(value_bytes);
        Ok(Some(sealed))
    }

    fn scan(
        &self,
        from: &[u8],
        to: Option<&[u8]>,
        direction: Direction,
        visit: &mut dyn FnMut(&[u8], &[u8]) -> ControlFlow<()>,
    ) -> Result<(), EngineFault> {
        if to.is_some_and(|to| to <= from) {
            return Ok(());
        }
        let mut damage = None;
        self.raw_scan(from, to, direction, &mut |key, sealed| match open_value(key, sealed) {
            Ok(value) => visit(key, value),
            Err(fault) => {
                damage = Some(fault);
                ControlFlow::Break(())
            }
        })?;
        damage.map_or(Ok(()), Err)
    }

    fn apply(&self, batch: &IndexBatch) -> Result<(), EngineFault> {
        if batch.is_empty() { Ok(()) } else { self.raw_apply(batch) }
    }

    fn sync(&self) -> Result<(), EngineFault> {
        self.raw_sync()
    }

    fn size_on_disk(&self) -> u64 {
        self.raw_size_on_disk()
    }

    fn name(&self) -> &'static str {
        self.raw_name()
    }
}

impl<R: RawEngine + ?Sized> RawEngine for std::sync::Arc<R> {
    fn raw_get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, EngineFault> {
        (**self).raw_get(key)
    }

    fn raw_scan(
        &self,
        from: &[u8],
        to: Option<&[u8]>,
        direction: Direction,
        visit: &mut dyn FnMut(&[u8], &[u8]) -> ControlFlow<()>,
    ) -> Result<(), EngineFault> {
        (**self).raw_scan(from, to, direction, visit)
    }

    fn raw_apply(&self, batch: &IndexBatch) -> Result<(), EngineFault> {
        (**self).raw_apply(batch)
    }

    fn raw_sync(&self) -> Result<(), EngineFault> {
        (**self).raw_sync()
    }

    fn raw_size_on_disk(&self) -> u64 {
        (**self).raw_size_on_disk()
    }

    fn raw_name(&self) -> &'static str {
        (**self).raw_name()
    }
}

/// The smallest key above every key that begins with `prefix`: the `to` of a scan over the prefix. `None` if there is
/// no such key, which means the end of all keys.
pub fn prefix_end(prefix: &[u8]) -> Option<Vec<u8>> {
    let last = prefix.iter().rposition(|byte| *byte != u8::MAX)?;
    let mut end = prefix[..=last].to_vec();
    end[last] += 1;
    Some(end)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_end_of_a_prefix_lies_above_all_its_keys() {
        assert_eq!(prefix_end(b"ab"), Some(b"ac".to_vec()));
        assert_eq!(prefix_end(&[1, 255, 255]), Some(vec![2]));
        assert_eq!(prefix_end(&[255, 255]), None);
        assert_eq!(prefix_end(b""), None);
    }
}
