//! A batch of changes for an index engine: bounded, and sealed as it is filled.

use super::engine_seal::seal_value;

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
        self.records.push(IndexRecord { key: key.to_vec(), sealed: Some(value) });
        Ok(())
    }

    /// Deletes `key`; nothing happens if it is not there.
    ///
    /// # Errors
    ///
    /// [`BatchLimit`]; the batch is unchanged.
    pub fn delete(&mut self, key: &[u8]) -> Result<(), BatchLimit> {
        self.check(key)?;
        self.records.push(IndexRecord { key: key.to_vec(), sealed: None });
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
        self.records.push(IndexRecord { key: key.to_vec(), sealed: Some(bytes) });
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_record_beyond_a_limit_is_refused_and_changes_nothing() {
        let mut batch = IndexBatch::new();
        assert_eq!(batch.put(b"", vec![]), Err(BatchLimit::Key { bytes: 0 }));
        assert_eq!(batch.put(&[7; MAX_KEY_BYTES + 1], vec![]), Err(BatchLimit::Key { bytes: 257 }));
        assert_eq!(batch.delete(b""), Err(BatchLimit::Key { bytes: 0 }));
        assert_eq!(batch.put(b"k", vec![0; MAX_VALUE_BYTES + 1]), Err(BatchLimit::Value { bytes: 8193 }));
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
}
