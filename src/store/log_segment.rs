//! One segment of the commit log: its name and its header block of 4,096 bytes.
//!
//! A file has a segment's name only once its header is synced, so a segment with a bad header is always damage.
//! Layout in `docs/commit-log-format.md`.

use xxhash_rust::xxh3::xxh3_64;

use super::log_batch::{Chain, StoreId, u32_at, u64_at};
use crate::model::Version;

/// Bytes before the first frame: a block of its own, so that no append ever rewrites the header's sector.
pub const SEGMENT_HEADER_BYTES: usize = 4096;

/// Format of segments that this program writes and reads.
pub const SEGMENT_FORMAT: u32 = 1;

/// Name of the file in which the next segment is prepared.
pub const PREPARED_NAME: &str = "prepared.tmp";

/// First bytes of every segment.
const SEGMENT_MAGIC: [u8; 8] = *b"HWLOGSEG";

/// Where the header's checksum stands: its last 8 bytes, over all before.
const CHECKSUM_AT: usize = SEGMENT_HEADER_BYTES - 8;

/// Digits of a segment's number in its name, so that names sort as numbers.
const NAME_DIGITS: usize = 10;

const NAME_END: &str = ".log";

/// What the header of a segment says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SegmentHeader {
    /// The store it belongs to.
    pub store: StoreId,
    /// Number of the segment: 1, 2, 3… without holes.
    pub number: u64,
    /// Byte up to which the segment before counts; 0 for segment 1. What stands behind it there is not part of the log.
    pub previous_counts_to: u64,
    /// Chain value with which this segment begins: that of the last batch that counts before it.
    pub chain: Chain,
    /// Last version before this segment: every version in it is larger.
    pub versions_above: Version,
    /// Length of the file when it got its name, and for as long as it is the last segment.
    pub segment_bytes: u64,
    /// Largest payload that a batch in it may have, in bytes.
    pub batch_bytes_max: u32,
}

/// Why a header cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BadHeader {
    /// The checksum or the magic is wrong.
    Damaged,
    /// Written by a release with another format.
    Format(u32),
    /// Whole, but of another store.
    Foreign,
}

impl SegmentHeader {
    /// The header block.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut block = Vec::with_capacity(SEGMENT_HEADER_BYTES);
        block.extend_from_slice(&SEGMENT_MAGIC);
        block.extend_from_slice(&SEGMENT_FORMAT.to_le_bytes());
        block.extend_from_slice(&self.batch_bytes_max.to_le_bytes());
        block.extend_from_slice(&self.store.0);
        block.extend_from_slice(&self.number.to_le_bytes());
        block.extend_from_slice(&self.previous_counts_to.to_le_bytes());
        block.extend_from_slice(&self.chain.0.to_le_bytes());
        block.extend_from_slice(&self.versions_above.0.to_le_bytes());
        block.extend_from_slice(&self.segment_bytes.to_le_bytes());
        block.resize(CHECKSUM_AT, 0);
        let checksum = xxh3_64(&block);
        block.extend_from_slice(&checksum.to_le_bytes());
        block
    }

    /// Reads a header block.
    ///
    /// # Errors
    /// [`BadHeader`] says what is wrong with it.
    pub fn parse(block: &[u8], store: StoreId) -> Result<SegmentHeader, BadHeader> {
        let block = block.get(..SEGMENT_HEADER_BYTES).ok_or(BadHeader::Damaged)?;
        if block[..8] != SEGMENT_MAGIC || xxh3_64(&block[..CHECKSUM_AT]) != u64_at(block, CHECKSUM_AT) {
            return Err(BadHeader::Damaged);
        }
        let format = u32_at(block, 8);
        if format != SEGMENT_FORMAT {
            return Err(BadHeader::Format(format));
        }
        if block[16..32] != store.0 {
            return Err(BadHeader::Foreign);
        }
        Ok(SegmentHeader {
            store,
            number: u64_at(block, 32),
            previous_counts_to: u64_at(block, 40),
            chain: Chain(u64_at(block, 48)),
            versions_above: Version(u64_at(block, 56)),
            segment_bytes: u64_at(block, 64),
            batch_bytes_max: u32_at(block, 12),
        })
    }
}

/// Name of the file of segment `number`.
#[must_use]
pub fn segment_name(number: u64) -> String {
    format!("{number:0NAME_DIGITS$}{NAME_END}")
}

/// Number of the segment in a file of that name; nothing if it is no segment's name.
#[must_use]
pub fn segment_number(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(NAME_END)?;
    if digits.len() != NAME_DIGITS || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    digits.parse().ok().filter(|&number| number > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_agree_and_nothing_else_is_a_segment() {
        assert_eq!(segment_name(7), "0000000007.log");
        assert_eq!(segment_number("0000000007.log"), Some(7));
        for other in ["7.log", "0000000000.log", "0000000007.log.bak", PREPARED_NAME, "+000000007.log", ""] {
            assert_eq!(segment_number(other), None, "{other}");
        }
    }
}
