//! Beginning a segment: preallocated, whole and on disk before it gets its name.

use super::files::{FileFault, Files, LogFile};
use super::log_batch::{Chain, StoreId, encode_frame, frame_bytes};
use super::log_config::LogConfig;
use super::log_scan::{ClosedSegment, Scan};
use super::log_segment::{PREPARED_NAME, SEGMENT_HEADER_BYTES, SegmentHeader, segment_name};
use crate::model::Version;

/// Zeros are written in pieces of this size when a segment is preallocated, so that memory stays small.
const PREALLOCATE_PIECE_BYTES: usize = 1024 * 1024;

/// The segment that is written.
pub(super) struct ActiveSegment {
    pub(super) number: u64,
    pub(super) file: Box<dyn LogFile>,
    /// Its preallocated length.
    pub(super) bytes: u64,
    /// Byte at which the next batch is written.
    pub(super) end: u64,
    pub(super) first: Option<Version>,
}

/// Begins a new segment behind everything that was found, with a copy of the batch in doubt. It has its name only once
/// all of it is on disk; when this returns, the name is on disk too.
pub(super) fn start_after(
    files: &dyn Files,
    config: LogConfig,
    store: StoreId,
    found: &Scan,
) -> Result<(ActiveSegment, Chain), FileFault> {
    let before = found.segments.last();
    let number = before.map_or(1, |segment| segment.number + 1);
    // Limits that were lowered since do not hold for a batch written before.
    let batch_bytes = found.batch.as_ref().map_or(0, |batch| batch.payload.len());
    let bytes = config.segment_bytes.max((SEGMENT_HEADER_BYTES + frame_bytes(batch_bytes)) as u64);
    let header = SegmentHeader {
        store,
        number,
        previous_counts_to: before.map_or(0, |segment| segment.counts_to),
        chain: found.chain,
        versions_above: found.counted_version(),
        segment_bytes: bytes,
        batch_bytes_max: config.batch_bytes_max.max(batch_bytes as u32),
    };
    let mut beginning = header.encode();
    let mut chain = found.chain;
    if let Some(batch) = &found.batch {
        chain = encode_frame(&mut beginning, batch.as_batch(), chain, store);
    }
    let file = preallocate(files, &beginning, bytes)?;
    files.rename(PREPARED_NAME, &segment_name(number))?;
    files.sync_dir()?;
    let end = beginning.len() as u64;
    let first = found.batch.as_ref().map(|batch| batch.first);
    Ok((ActiveSegment { number, file, bytes, end, first }, chain))
}

/// The seeded bug: the last batch counts where it stands, although nobody has synced it there.
#[cfg(feature = "seeded-bugs")]
pub(super) fn leave_unsynced(found: &mut Scan, store: StoreId) -> Option<super::log_batch::OwnedBatch> {
    if !super::files_seeded::SERVE_UNSYNCED_TAIL.load(std::sync::atomic::Ordering::Relaxed) {
        return None;
    }
    let batch = found.batch.take()?;
    let mut frame = Vec::new();
    found.chain = encode_frame(&mut frame, batch.as_batch(), found.chain, store);
    if let Some(segment) = found.segments.last_mut() {
        segment.counts_to += frame.len() as u64;
        segment.first.get_or_insert(batch.first);
        segment.last = batch.last;
    }
    Some(batch)
}

/// A file under [`PREPARED_NAME`] that begins with these bytes, is filled up with zeros, and is on disk.
pub(super) fn preallocate(
    files: &dyn Files,
    beginning: &[u8],
    bytes: u64,
) -> Result<Box<dyn LogFile>, FileFault> {
    let file = files.create(PREPARED_NAME)?;
    let filled = fill(&*file, beginning, bytes);
    if filled.is_err() {
        // What was written may be what fills the disk. If it cannot be removed, the next attempt empties it.
        let _ = files.remove(PREPARED_NAME);
    }
    filled.map(|()| file)
}

/// Gives back what lies behind the end of closed segments. It does not count any more, so this need not be synced.
pub(super) fn cut(files: &dyn Files, closed: &mut [ClosedSegment]) -> Result<(), FileFault> {
    for segment in closed.iter_mut().filter(|segment| segment.bytes > segment.counts_to) {
        files.open(&segment_name(segment.number))?.set_len(segment.counts_to)?;
        segment.bytes = segment.counts_to;
    }
    Ok(())
}

fn fill(file: &dyn LogFile, beginning: &[u8], bytes: u64) -> Result<(), FileFault> {
    if !beginning.is_empty() {
        file.write_at(0, beginning)?;
    }
    let zeros = vec![0; PREALLOCATE_PIECE_BYTES.min(usize::try_from(bytes).unwrap_or(usize::MAX))];
    let mut at = beginning.len() as u64;
    while at < bytes {
        let piece = (bytes - at).min(PREALLOCATE_PIECE_BYTES as u64);
        file.write_at(at, &zeros[..piece as usize])?;
        at += piece;
    }
    file.sync_all()
}
