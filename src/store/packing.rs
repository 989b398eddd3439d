//! Several small records in one value of the index, because an engine's cost is per value and not per byte.
//!
//! Form: `format (u8) | count (varint) | count × (length (varint) | bytes)`, with nothing after the last record.
//! A chunk is checked whole before the first record is read; its checksum is the seal's (see `engine`).

use super::engine::MAX_VALUE_BYTES;
use super::varint::{VarintError, put_u64, take_u64, u64_bytes};

/// Longest encoded chunk: what one value may hold.
pub const MAX_CHUNK_BYTES: usize = MAX_VALUE_BYTES;

/// Longest record that fits a chunk by itself: the chunk less format, count and a length of two bytes.
pub const MAX_PACKED_RECORD_BYTES: usize = MAX_CHUNK_BYTES - 4;

/// The only format of chunks so far.
const CHUNK_FORMAT: u8 = 1;

/// Why records cannot be packed, or bytes are not a chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PackingError {
    /// The chunk has no room for this record: encode it and begin another.
    #[error("the chunk has no room for a record of {bytes} bytes")]
    Full {
        /// Length of the record.
        bytes: usize,
    },
    /// The record fits no chunk. A repository has to split it, or keep it in a file.
    #[error("a record of {bytes} bytes fits no chunk ({MAX_PACKED_RECORD_BYTES} at most)")]
    RecordTooLong {
        /// Length of the record.
        bytes: usize,
    },
    /// The bytes are longer than a chunk may be.
    #[error("a chunk has at most {MAX_CHUNK_BYTES} bytes, not {bytes}")]
    ChunkTooLong {
        /// Length of the bytes.
        bytes: usize,
    },
    /// The format is none that this release knows.
    #[error("unknown chunk format {format}")]
    UnknownFormat {
        /// First byte of the chunk.
        format: u8,
    },
    /// The bytes end before the last record does.
    #[error("the chunk ends inside a record")]
    Truncated,
    /// A count or length is malformed.
    #[error("a count or length in the chunk is malformed")]
    Number(#[from] VarintError),
    /// Bytes follow the last record.
    #[error("{bytes} bytes follow the last record of the chunk")]
    Trailing {
        /// How many.
        bytes: usize,
    },
}

/// Gathers records for one chunk.
#[derive(Debug, Clone, Default)]
pub struct ChunkBuilder {
    records: Vec<u8>,
    count: u64,
}

impl ChunkBuilder {
    /// A chunk without records.
    pub fn new() -> ChunkBuilder {
        ChunkBuilder::default()
    }

    /// A builder that goes on where `chunk` ends.
    pub fn continuing(chunk: &Chunk<'_>) -> ChunkBuilder {
        ChunkBuilder { records: chunk.records.to_vec(), count: chunk.count }
    }

    /// Whether a record of `record_bytes` bytes still fits.
    pub fn fits(&self, record_bytes: usize) -> bool {
        let header_bytes = 1 + u64_bytes(self.count + 1);
        let added_bytes = u64_bytes(record_bytes as u64).saturating_add(record_bytes);
        (header_bytes + self.records.len()).saturating_add(added_bytes) <= MAX_CHUNK_BYTES
    }

    /// Appends a record.
    ///
    /// # Errors
    ///
    /// [`PackingError::Full`] or [`PackingError::RecordTooLong`]; the builder is unchanged.
    pub fn push(&mut self, record: &[u8]) -> Result<(), PackingError> {
        let bytes = record.len();
        if bytes > MAX_PACKED_RECORD_BYTES {
            return Err(PackingError::RecordTooLong { bytes });
        }
        if !self.fits(bytes) {
            return Err(PackingError::Full { bytes });
        }
        put_u64(&mut self.records, bytes as u64);
        self.records.extend_from_slice(record);
        self.count += 1;
        Ok(())
    }

    /// Number of records.
    pub fn count(&self) -> usize {
        self.count as usize
    }

    /// Whether there are no records.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Length of what [`encode`](ChunkBuilder::encode) gives, at most [`MAX_CHUNK_BYTES`].
    pub fn encoded_bytes(&self) -> usize {
        1 + u64_bytes(self.count) + self.records.len()
    }

    /// The encoded chunk.
    pub fn encode(&self) -> Vec<u8> {
        let mut chunk = Vec::with_capacity(self.encoded_bytes());
        chunk.push(CHUNK_FORMAT);
        put_u64(&mut chunk, self.count);
        chunk.extend_from_slice(&self.records);
        chunk
    }
}

/// A checked chunk, borrowed from the value it was read from.
#[derive(Debug, Clone, Copy)]
pub struct Chunk<'a> {
    records: &'a [u8],
    count: u64,
}

impl<'a> Chunk<'a> {
    /// Checks all of `bytes`: format, count, every length, and that nothing follows.
    ///
    /// # Errors
    ///
    /// What does not fit. Never panics, and allocates nothing, whatever the bytes are.
    pub fn decode(bytes: &'a [u8]) -> Result<Chunk<'a>, PackingError> {
        if bytes.len() > MAX_CHUNK_BYTES {
            return Err(PackingError::ChunkTooLong { bytes: bytes.len() });
        }
        let (format, mut rest) = bytes.split_first().ok_or(PackingError::Truncated)?;
        if *format != CHUNK_FORMAT {
            return Err(PackingError::UnknownFormat { format: *format });
        }
        let count = take_u64(&mut rest)?;
        let records = rest;
        // Every record takes a byte at least, so a count made up of damage ends here and not after 2^64 steps.
        for _ in 0..count {
            take_record(&mut rest)?;
        }
        if !rest.is_empty() {
            return Err(PackingError::Trailing { bytes: rest.len() });
        }
        Ok(Chunk { records, count })
    }

    /// Number of records.
    pub fn count(&self) -> usize {
        self.count as usize
    }

    /// The records in the order they were pushed.
    pub fn iter(&self) -> ChunkIter<'a> {
        ChunkIter { rest: self.records, left: self.count() }
    }
}

impl<'a> IntoIterator for Chunk<'a> {
    type Item = &'a [u8];
    type IntoIter = ChunkIter<'a>;

    fn into_iter(self) -> ChunkIter<'a> {
        self.iter()
    }
}

/// Iterator over the records of a [`Chunk`].
#[derive(Debug, Clone)]
pub struct ChunkIter<'a> {
    rest: &'a [u8],
    left: usize,
}

impl<'a> Iterator for ChunkIter<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        if self.left == 0 {
            return None;
        }
        self.left -= 1;
        Some(take_record(&mut self.rest).expect("decode checked every record"))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for ChunkIter<'_> {}

fn take_record<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8], PackingError> {
    let length = usize::try_from(take_u64(rest)?).map_err(|_| PackingError::Truncated)?;
    let (record, after) = rest.split_at_checked(length).ok_or(PackingError::Truncated)?;
    *rest = after;
    Ok(record)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn pack(records: &[Vec<u8>]) -> Vec<u8> {
        let mut builder = ChunkBuilder::new();
        for record in records {
            builder.push(record).unwrap();
        }
        builder.encode()
    }

    #[test]
    fn the_form_is_frozen() {
        let golden = [1, 3, 2, b'h', b'i', 0, 3, b'y', b'o', b'u'];
        assert_eq!(pack(&[b"hi".to_vec(), vec![], b"you".to_vec()]), golden);
        let read: Vec<&[u8]> = Chunk::decode(&golden).unwrap().iter().collect();
        assert_eq!(read, [&b"hi"[..], b"", b"you"]);
        assert_eq!(pack(&[]), [1, 0]);
        assert_eq!(Chunk::decode(&[1, 0]).unwrap().iter().next(), None);
        let long = pack(&[vec![9; 200]]);
        assert_eq!(long[..4], [1, 1, 0xc8, 0x01]);
        assert_eq!(long.len(), 204);
    }

    #[test]
    fn what_is_not_a_chunk_is_refused_by_name() {
        let refused: [(&[u8], PackingError); 8] = [
            (&[], PackingError::Truncated),
            (&[2, 0], PackingError::UnknownFormat { format: 2 }),
            (&[1], PackingError::Number(VarintError::Truncated)),
            (&[1, 0x80, 0], PackingError::Number(VarintError::Overlong)),
            (&[1, 1, 2, 7], PackingError::Truncated),
            (&[1, 2, 1, 7], PackingError::Number(VarintError::Truncated)),
            (&[1, 1, 1, 7, 7, 7], PackingError::Trailing { bytes: 2 }),
            (&[0; MAX_CHUNK_BYTES + 1], PackingError::ChunkTooLong { bytes: MAX_CHUNK_BYTES + 1 }),
        ];
        for (bytes, error) in refused {
            assert_eq!(Chunk::decode(bytes).unwrap_err(), error, "{:x?}", &bytes[..bytes.len().min(8)]);
        }
    }

    #[test]
    fn a_count_made_of_damage_costs_no_time() {
        let mut bytes = vec![1];
        put_u64(&mut bytes, u64::MAX);
        assert_eq!(Chunk::decode(&bytes).unwrap_err(), PackingError::Number(VarintError::Truncated));
    }

    #[test]
    fn a_chunk_is_filled_to_the_last_byte_and_no_further() {
        let mut builder = ChunkBuilder::new();
        builder.push(&[5; MAX_PACKED_RECORD_BYTES]).unwrap();
        assert_eq!(builder.encode().len(), MAX_CHUNK_BYTES);
        assert_eq!(builder.push(&[]), Err(PackingError::Full { bytes: 0 }));
        let too_long = vec![0; MAX_PACKED_RECORD_BYTES + 1];
        assert_eq!(ChunkBuilder::new().push(&too_long), Err(PackingError::RecordTooLong { bytes: 8189 }));
        assert!(!builder.fits(usize::MAX));

        // The count's own length grows on the way: the header must be counted as it will be.
        let mut small = ChunkBuilder::new();
        while small.push(&[1]).is_ok() {}
        assert_eq!(small.count(), (MAX_CHUNK_BYTES - 3) / 2);
        assert!(small.encode().len() <= MAX_CHUNK_BYTES);
        assert_eq!(Chunk::decode(&small.encode()).unwrap().count(), small.count());
    }

    #[test]
    fn a_chunk_can_be_continued() {
        let first = pack(&[b"one".to_vec()]);
        let mut builder = ChunkBuilder::continuing(&Chunk::decode(&first).unwrap());
        builder.push(b"two").unwrap();
        assert_eq!(builder.encode(), pack(&[b"one".to_vec(), b"two".to_vec()]));
    }

    proptest! {
        #[test]
        fn records_come_back(records in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 0..25)) {
            let bytes = pack(&records);
            let chunk = Chunk::decode(&bytes).unwrap();
            prop_assert_eq!(chunk.count(), records.len());
            prop_assert!(chunk.iter().eq(records.iter().map(Vec::as_slice)));
        }

        #[test]
        fn every_truncation_is_refused(
            records in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..20), 0..10),
            cut: prop::sample::Index,
        ) {
            let bytes = pack(&records);
            prop_assert!(Chunk::decode(&bytes[..cut.index(bytes.len())]).is_err());
        }

        #[test]
        fn random_bytes_never_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..600), of_format: bool) {
            if of_format && let Some(first) = bytes.first_mut() {
                *first = CHUNK_FORMAT;
            }
            if let Ok(chunk) = Chunk::decode(&bytes) {
                prop_assert_eq!(chunk.iter().count(), chunk.count());
                prop_assert_eq!(ChunkBuilder::continuing(&chunk).encode(), bytes);
            }
        }

        #[test]
        fn few_valued_bytes_never_panic(tail in prop::collection::vec(0u8..4, 0..40)) {
            let bytes = [&[CHUNK_FORMAT][..], &tail].concat();
            if let Ok(chunk) = Chunk::decode(&bytes) {
                prop_assert_eq!(chunk.iter().count(), chunk.count());
            }
        }
    }
}
