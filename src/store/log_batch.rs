//! The frame of one batch in a segment of the commit log: a header of 48 bytes, the payload, zeros to a multiple of 8.
//!
//! Layout in `docs/commit-log-format.md`. The payload is never looked into here.

use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use crate::model::Version;

/// Bytes of a frame before its payload.
pub const FRAME_HEADER_BYTES: usize = 48;

/// Frames begin at multiples of this, so that a search for a frame has few places to look at.
pub const FRAME_ALIGN_BYTES: usize = 8;

/// `HWBA` as bytes 8–11 of a frame.
const FRAME_MAGIC: [u8; 4] = *b"HWBA";

/// What names one store and tells its files from those of every other: 16 random bytes, made once, not told to clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct StoreId(pub [u8; 16]);

impl StoreId {
    /// Where the chain of checksums begins, and the seed of the frame header's checksum: so nobody who does not know
    /// the store's id can write a text that looks like a frame.
    #[must_use]
    pub fn chain_start(self) -> Chain {
        Chain(xxh3_64(&self.0))
    }
}

/// Value of the chain of checksums after some batch: the checksum of that batch, which covers the value before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chain(pub u64);

/// One batch as it is appended and replayed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Batch<'a> {
    /// Smallest version in the batch; above every version of the batches before.
    pub first: Version,
    /// Largest version in the batch.
    pub last: Version,
    /// Number of records in the payload; carried, not checked.
    pub records: u32,
    /// The records, encoded by the caller.
    pub payload: &'a [u8],
}

/// A batch that owns its payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnedBatch {
    /// See [`Batch::first`].
    pub first: Version,
    /// See [`Batch::last`].
    pub last: Version,
    /// See [`Batch::records`].
    pub records: u32,
    /// See [`Batch::payload`].
    pub payload: Vec<u8>,
}

impl OwnedBatch {
    /// The same batch, borrowed.
    #[must_use]
    pub fn as_batch(&self) -> Batch<'_> {
        Batch { first: self.first, last: self.last, records: self.records, payload: &self.payload }
    }
}

impl From<Batch<'_>> for OwnedBatch {
    fn from(batch: Batch<'_>) -> OwnedBatch {
        let Batch { first, last, records, payload } = batch;
        OwnedBatch { first, last, records, payload: payload.to_vec() }
    }
}

/// The header of a frame whose own checksum is right: the length can be relied on, the payload not yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameHeader {
    /// See [`Batch::first`].
    pub first: Version,
    /// See [`Batch::last`].
    pub last: Version,
    /// See [`Batch::records`].
    pub records: u32,
    /// Bytes of the payload.
    pub payload_bytes: u32,
    /// Chain value before this batch, as the writer had it.
    pub previous: Chain,
    /// Chain value after this batch, as the writer had it.
    pub chain: Chain,
}

impl FrameHeader {
    /// Reads the header at the beginning of `bytes`; nothing if there are too few or they are not one.
    #[must_use]
    pub fn parse(bytes: &[u8], store: StoreId) -> Option<FrameHeader> {
        let header = bytes.get(..FRAME_HEADER_BYTES)?;
        if header[8..12] != FRAME_MAGIC || u32_at(header, 44) != header_checksum(header, store) {
            return None;
        }
        Some(FrameHeader {
            first: Version(u64_at(header, 16)),
            last: Version(u64_at(header, 24)),
            records: u32_at(header, 40),
            payload_bytes: u32_at(header, 12),
            previous: Chain(u64_at(header, 32)),
            chain: Chain(u64_at(header, 0)),
        })
    }

    /// Bytes of the whole frame, padding included.
    #[must_use]
    pub fn frame_bytes(&self) -> usize {
        frame_bytes(self.payload_bytes as usize)
    }

    /// The batch, if `frame` is the whole of this frame and its checksum is right.
    #[must_use]
    pub fn batch<'a>(&self, frame: &'a [u8]) -> Option<Batch<'a>> {
        let frame = frame.get(..self.frame_bytes())?;
        if frame_checksum(frame, self.previous) != self.chain {
            return None;
        }
        let payload = &frame[FRAME_HEADER_BYTES..FRAME_HEADER_BYTES + self.payload_bytes as usize];
        Some(Batch { first: self.first, last: self.last, records: self.records, payload })
    }
}

/// Bytes of the frame of a payload of that many bytes, padding included.
#[must_use]
pub const fn frame_bytes(payload_bytes: usize) -> usize {
    (FRAME_HEADER_BYTES + payload_bytes).next_multiple_of(FRAME_ALIGN_BYTES)
}

/// Appends the frame of `batch` to `out` and returns the chain value after it.
pub fn encode_frame(out: &mut Vec<u8>, batch: Batch<'_>, previous: Chain, store: StoreId) -> Chain {
    let start = out.len();
    let payload_bytes = u32::try_from(batch.payload.len()).expect("a batch is bounded far below 4 GiB");
    out.extend_from_slice(&[0; 8]);
    out.extend_from_slice(&FRAME_MAGIC);
    out.extend_from_slice(&payload_bytes.to_le_bytes());
    out.extend_from_slice(&batch.first.0.to_le_bytes());
    out.extend_from_slice(&batch.last.0.to_le_bytes());
    out.extend_from_slice(&previous.0.to_le_bytes());
    out.extend_from_slice(&batch.records.to_le_bytes());
    let checksum = header_checksum(&out[start..], store);
    out.extend_from_slice(&checksum.to_le_bytes());
    out.extend_from_slice(batch.payload);
    out.resize(start + frame_bytes(batch.payload.len()), 0);
    let chain = frame_checksum(&out[start..], previous);
    out[start..start + 8].copy_from_slice(&chain.0.to_le_bytes());
    chain
}

/// Covers everything in the frame but itself: header, payload, padding; seeded with the chain value before.
fn frame_checksum(frame: &[u8], previous: Chain) -> Chain {
    Chain(xxh3_64_with_seed(&frame[8..], previous.0))
}

/// Covers bytes 8–43 of the frame: the low half of xxh3-64, seeded with the start of the store's chain.
fn header_checksum(header: &[u8], store: StoreId) -> u32 {
    let hash = xxh3_64_with_seed(&header[8..44], store.chain_start().0);
    (hash & u64::from(u32::MAX)) as u32
}

pub(super) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("a slice of 8 bytes"))
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("a slice of 4 bytes"))
}
