//! A small commit log on a faulty disk, for the tests of the log.
#![allow(clippy::unwrap_used)]

use super::files_faulty::{FaultyDisk, SeededRandom};
use super::log::{Log, LogConfig, OpenFacts, OpenReport};
use super::log_batch::{OwnedBatch, StoreId};
use super::log_fault::LogFault;
use crate::model::Version;

pub(super) const STORE: StoreId = StoreId(*b"a store for test");
pub(super) const DIRECTORY: &str = "log";

/// Segments with room for a handful of batches, and batches that span two or three blocks of the disk.
pub(super) const CONFIG: LogConfig = LogConfig { segment_bytes: 24 * 1024, batch_bytes_max: 9000 };

pub(super) const FACTS: OpenFacts = OpenFacts { store: STORE, durable: Version(0), accept_loss: false };

/// Opens the log and returns all that was replayed.
pub(super) fn open(disk: &FaultyDisk) -> Result<(Log, OpenReport, Vec<OwnedBatch>), LogFault> {
    open_with(disk, FACTS)
}

pub(super) fn open_with(
    disk: &FaultyDisk,
    facts: OpenFacts,
) -> Result<(Log, OpenReport, Vec<OwnedBatch>), LogFault> {
    let mut replayed = Vec::new();
    let (log, report) = Log::open(disk.directory(DIRECTORY), CONFIG, facts, &mut |batch| {
        replayed.push(OwnedBatch::from(batch));
        Ok(())
    })?;
    assert_eq!(report.batches, replayed.len() as u64);
    assert_eq!(report.last_version, replayed.last().map_or(Version(0), |batch| batch.last));
    assert_eq!(log.first_version(), replayed.first().map(|batch| batch.first));
    Ok((log, report, replayed))
}

/// A batch of `bytes` random bytes with versions `first` to `last`.
pub(super) fn batch(first: u64, last: u64, bytes: usize, random: &mut SeededRandom) -> OwnedBatch {
    let mut payload: Vec<u8> = (0..bytes.div_ceil(8)).flat_map(|_| random.next_u64().to_le_bytes()).collect();
    payload.truncate(bytes);
    if random.one_in(4) {
        // Zeros are what an unwritten end looks like.
        let from = random.below(bytes as u64 + 1) as usize;
        payload[from..].fill(0);
    }
    OwnedBatch { first: Version(first), last: Version(last), records: bytes as u32 % 7, payload }
}

/// Appends `count` batches with versions from `first` on, two each.
pub(super) fn fill(log: &mut Log, first: u64, count: u64, bytes: usize) -> Vec<OwnedBatch> {
    let mut random = SeededRandom(first);
    let batches: Vec<OwnedBatch> =
        (0..count).map(|n| batch(first + 2 * n, first + 2 * n + 1, bytes, &mut random)).collect();
    for batch in &batches {
        log.append(batch.as_batch()).unwrap();
    }
    batches
}
