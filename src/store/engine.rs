//! The seam between the store and the engine that keeps the index.
//!
//! An engine is an ordered map of byte keys to byte values, changed by whole batches. It holds only what the commit
//! log already holds durably, so "applied" and "on disk" are two steps here: [`Engine::apply`] makes a batch visible,
//! [`Engine::sync`] puts everything applied before it on disk.
//!
//! An engine implements [`RawEngine`], which knows values as opaque bytes. Everybody else uses [`Engine`], which every
//! raw engine is by the one implementation below: values are sealed with a checksum when they enter a batch and
//! verified whenever they are read, so that a flipped bit, or the value of another key, is a fault and never an answer.
//!
//! Sealed value: `value | check (u32, little endian) | format (u8)`, the check being the low half of XXH3-64 over
//! key length (u16, little endian), key, format and value. A value that is whole but *old* passes: that is seen by the
//! numbers that repositories keep, which have no holes.

use std::ops::ControlFlow;
use std::path::PathBuf;

use xxhash_rust::xxh3::Xxh3;

/// Most records of one batch. A larger batch stops every reader of the process for too long.
///
/// Source: measured with sled 0.34.7, readers' 99.9th percentile 0.16 ms beside batches of 128 and 4 ms beside 1,024.
pub const MAX_BATCH_RECORDS: usize = 256;

/// Longest key in bytes. Keys are a prefix and a few ids; sled and fjall both keep them inside their index nodes.
///
/// Source: four times the longest key in use, so that a key never fills a node by itself.
pub const MAX_KEY_BYTES: usize = 256;

/// Longest value in bytes, as the store sees it (without the seal).
///
/// Source: far below the 128 KiB from which sled moves values to files that it never syncs, and small enough that
/// the fullest batch stays at 2 MiB. Larger bodies are files of our own.
pub const MAX_VALUE_BYTES: usize = 8 * 1024;

/// Bytes that the seal adds to a value: four of checksum, one of format.
pub const SEAL_BYTES: usize = 5;

/// The only format of sealed values so far.
const SEAL_FORMAT: u8 = 1;

/// Bytes of a key that a fault shows: a repository's prefix and the first id, never content.
const FAULT_KEY_BYTES: usize = 12;

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
        self.raw_scan(
            from,
            to,
            direction,
            &mut |key, sealed| match open_value(key, sealed) {
                Ok(value) => visit(key, value),
                Err(fault) => {
                    damage = Some(fault);
                    ControlFlow::Break(())
                }
            },
        )?;
        damage.map_or(Ok(()), Err)
    }

    fn apply(&self, batch: &IndexBatch) -> Result<(), EngineFault> {
        if batch.is_empty() {
            Ok(())
        } else {
            self.raw_apply(batch)
        }
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

/// One change of a batch, sealed and ready for an engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexRecord {
    /// The key, 1 to [`MAX_KEY_BYTES`] bytes.
    pub key: Vec<u8>,
    /// The sealed value to put, or `None` to delete.
    pub sealed: Option<Vec<u8>>,
}

/// Puts and deletes that an engine applies whole, in order: of two changes of one key the later one holds.
///
/// Holds at most [`MAX_BATCH_RECORDS`]; the next one is refused, and the caller applies this batch and begins another.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IndexBatch {
    records: Vec<IndexRecord>,
}

impl IndexBatch {
    /// A batch with nothing in it.
    pub fn new() -> IndexBatch {
        IndexBatch::default()
    }

    /// Puts `value` under `key`. The value is sealed here, whichever engine it goes to.
    ///
    /// # Errors
    ///
    /// [`BatchLimit`]; the batch is unchanged.
    pub fn put(&mut self, key: &[u8], mut value: Vec<u8>) -> Result<(), BatchLimit> {
        self.check(key)?;
        if value.len() > MAX_VALUE_BYTES {
            return Err(BatchLimit::Value { bytes: value.len() });
        }
        seal_value(key, &mut value);
        self.records.push(IndexRecord {
            key: key.to_vec(),
            sealed: Some(value),
        });
        Ok(())
    }

    /// Deletes `key`; nothing happens if it is not there.
    ///
    /// # Errors
    ///
    /// [`BatchLimit`]; the batch is unchanged.
    pub fn delete(&mut self, key: &[u8]) -> Result<(), BatchLimit> {
        self.check(key)?;
        self.records.push(IndexRecord {
            key: key.to_vec(),
            sealed: None,
        });
        Ok(())
    }

    /// Number of records.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether there is nothing to apply.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// How many more records fit.
    pub fn room(&self) -> usize {
        MAX_BATCH_RECORDS - self.records.len()
    }

    /// Empties the batch and keeps its memory.
    pub fn clear(&mut self) {
        self.records.clear();
    }

    /// The sealed records in order, for engines.
    pub fn records(&self) -> &[IndexRecord] {
        &self.records
    }

    /// Puts bytes as they are, without a seal, so that a test can store damage.
    #[cfg(test)]
    pub(crate) fn put_unsealed(&mut self, key: &[u8], bytes: Vec<u8>) {
        self.records.push(IndexRecord {
            key: key.to_vec(),
            sealed: Some(bytes),
        });
    }

    fn check(&self, key: &[u8]) -> Result<(), BatchLimit> {
        if self.records.len() >= MAX_BATCH_RECORDS {
            return Err(BatchLimit::Full);
        }
        if key.is_empty() || key.len() > MAX_KEY_BYTES {
            return Err(BatchLimit::Key { bytes: key.len() });
        }
        Ok(())
    }
}

/// Why a record does not fit a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BatchLimit {
    /// The batch has all the records it may have: apply it and begin another.
    #[error("the batch is full ({MAX_BATCH_RECORDS} records)")]
    Full,
    /// The key is empty or too long. A repository made it wrongly.
    #[error("a key has 1 to {MAX_KEY_BYTES} bytes, not {bytes}")]
    Key {
        /// Length of the refused key.
        bytes: usize,
    },
    /// The value is too long. A repository packed too much into it.
    #[error("a value has at most {MAX_VALUE_BYTES} bytes, not {bytes}")]
    Value {
        /// Length of the refused value.
        bytes: usize,
    },
}

/// What an engine met. None of these shows content.
#[derive(Debug, thiserror::Error)]
pub enum EngineFault {
    /// A stored value is not what was put under its key.
    #[error("damaged value in the index under a key that begins with {key_prefix}: {reason}")]
    Corrupt {
        /// First bytes of the key, in hexadecimal.
        key_prefix: String,
        /// What does not fit.
        reason: &'static str,
    },
    /// The engine's files cannot be opened.
    #[error("{engine} cannot open {}: {detail}. {advice}", path.display())]
    Open {
        /// Name of the engine.
        engine: &'static str,
        /// Directory of the engine.
        path: PathBuf,
        /// What the engine said, or panicked with.
        detail: String,
        /// What the operator can do.
        advice: &'static str,
    },
    /// The operating system refused to read, write or sync a file of the engine.
    #[error("{engine}: {during} failed")]
    Io {
        /// Name of the engine.
        engine: &'static str,
        /// The step that failed.
        during: &'static str,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The engine failed, or panicked, in its own code.
    #[error("{engine}: {during} failed: {detail}")]
    Broken {
        /// Name of the engine.
        engine: &'static str,
        /// The step that failed.
        during: &'static str,
        /// What the engine said, or panicked with.
        detail: String,
    },
    /// An earlier `apply` or `sync` failed; what it did is in doubt until the engine is opened again.
    #[error("{engine} refuses to write since {since} failed; it has to be opened again")]
    Poisoned {
        /// Name of the engine.
        engine: &'static str,
        /// The step that failed first.
        since: &'static str,
    },
    /// A fault that a plan asked for (tests and simulation only).
    #[error("planned fault in {during} number {call}")]
    Planned {
        /// The step that the plan made fail.
        during: &'static str,
        /// Which call of this step it was, from 1.
        call: u64,
    },
}

/// The smallest key above every key that begins with `prefix`: the `to` of a scan over the prefix. `None` if there is
/// no such key, which means the end of all keys.
pub fn prefix_end(prefix: &[u8]) -> Option<Vec<u8>> {
    let last = prefix.iter().rposition(|byte| *byte != u8::MAX)?;
    let mut end = prefix[..=last].to_vec();
    end[last] += 1;
    Some(end)
}

/// Verifies a sealed value read under `key` and gives the value inside it.
///
/// # Errors
///
/// [`EngineFault::Corrupt`] if it is too short, of an unknown format, or not what was sealed for this key.
pub fn open_value<'a>(key: &[u8], sealed: &'a [u8]) -> Result<&'a [u8], EngineFault> {
    let corrupt = |reason| EngineFault::Corrupt {
        key_prefix: hexadecimal_prefix(key),
        reason,
    };
    let Some((rest, [format])) = sealed.split_last_chunk::<1>() else {
        return Err(corrupt("empty"));
    };
    if *format != SEAL_FORMAT {
        return Err(corrupt("unknown format"));
    }
    let Some((value, check)) = rest.split_last_chunk::<4>() else {
        return Err(corrupt("shorter than a checksum"));
    };
    if value_check(key, value) != u32::from_le_bytes(*check) {
        return Err(corrupt("checksum does not match"));
    }
    Ok(value)
}

fn seal_value(key: &[u8], value: &mut Vec<u8>) {
    let check = value_check(key, value);
    value.reserve_exact(SEAL_BYTES);
    value.extend_from_slice(&check.to_le_bytes());
    value.push(SEAL_FORMAT);
}

fn value_check(key: &[u8], value: &[u8]) -> u32 {
    let mut hasher = Xxh3::new();
    hasher.update(&(key.len() as u16).to_le_bytes());
    hasher.update(key);
    hasher.update(&[SEAL_FORMAT]);
    hasher.update(value);
    hasher.digest() as u32
}

fn hexadecimal_prefix(key: &[u8]) -> String {
    key.iter()
        .take(FAULT_KEY_BYTES)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn sealed(key: &[u8], value: &[u8]) -> Vec<u8> {
        let mut batch = IndexBatch::new();
        batch.put(key, value.to_vec()).unwrap();
        batch.records()[0].sealed.clone().unwrap()
    }

    #[test]
    fn every_flipped_bit_of_a_sealed_value_is_seen() {
        let whole = sealed(b"key", b"a value of some length");
        assert_eq!(open_value(b"key", &whole).unwrap(), b"a value of some length");
        for bit in 0..whole.len() * 8 {
            let mut damaged = whole.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(
                matches!(open_value(b"key", &damaged), Err(EngineFault::Corrupt { .. })),
                "bit {bit}"
            );
        }
    }

    #[test]
    fn every_truncation_of_a_sealed_value_is_seen() {
        let whole = sealed(b"key", &[1, 1, 1, 1, 1, 1, 1, 1]);
        for length in 0..whole.len() {
            assert!(open_value(b"key", &whole[..length]).is_err(), "{length} bytes");
        }
    }

    #[test]
    fn the_value_of_another_key_is_seen_and_named_by_prefix_only() {
        let whole = sealed(b"key-of-one-user-and-more", b"v");
        let fault = open_value(b"key-of-two-user-and-more", &whole).unwrap_err();
        assert!(fault.to_string().contains("6b65792d6f662d74776f2d75"), "{fault}");
        assert!(
            !fault.to_string().contains("6b65792d6f662d74776f2d7573"),
            "{fault}"
        );
        // The border between key and value counts too.
        assert!(open_value(b"ab", &sealed(b"a", b"bc")).is_err());
    }

    #[test]
    fn the_sealed_form_is_frozen() {
        assert_eq!(sealed(b"key", b"value"), GOLDEN_SEAL);
        assert_eq!(open_value(b"key", GOLDEN_SEAL).unwrap(), b"value");
    }

    /// Bytes of a store in the field: a change here makes every existing index unreadable.
    const GOLDEN_SEAL: &[u8] = &[b'v', b'a', b'l', b'u', b'e', 176, 21, 156, 4, 1];

    #[test]
    fn a_record_beyond_a_limit_is_refused_and_changes_nothing() {
        let mut batch = IndexBatch::new();
        assert_eq!(batch.put(b"", vec![]), Err(BatchLimit::Key { bytes: 0 }));
        assert_eq!(
            batch.put(&[7; MAX_KEY_BYTES + 1], vec![]),
            Err(BatchLimit::Key { bytes: 257 })
        );
        assert_eq!(batch.delete(b""), Err(BatchLimit::Key { bytes: 0 }));
        assert_eq!(
            batch.put(b"k", vec![0; MAX_VALUE_BYTES + 1]),
            Err(BatchLimit::Value { bytes: 8193 })
        );
        assert!(batch.is_empty());
        batch.put(&[7; MAX_KEY_BYTES], vec![0; MAX_VALUE_BYTES]).unwrap();
        while batch.room() > 0 {
            batch.delete(b"k").unwrap();
        }
        assert_eq!(batch.len(), MAX_BATCH_RECORDS);
        assert_eq!(batch.put(b"k", vec![]), Err(BatchLimit::Full));
        assert_eq!(batch.delete(b"k"), Err(BatchLimit::Full));
        batch.clear();
        assert!(batch.is_empty());
    }

    #[test]
    fn the_end_of_a_prefix_lies_above_all_its_keys() {
        assert_eq!(prefix_end(b"ab"), Some(b"ac".to_vec()));
        assert_eq!(prefix_end(&[1, 255, 255]), Some(vec![2]));
        assert_eq!(prefix_end(&[255, 255]), None);
        assert_eq!(prefix_end(b""), None);
    }
}
