//! Every kind of damage to a commit log at rest, and what opening it says.
//!
//! Only a bad last batch may be cut; anything else is named, with segment and byte, and nothing is changed.
#![allow(clippy::unwrap_used)]

use super::files_faulty::FaultyDisk;
use super::log::OpenFacts;
use super::log_batch::{FRAME_HEADER_BYTES, OwnedBatch, StoreId, frame_bytes};
use super::log_fault::LogFault;
use super::log_segment::{SEGMENT_HEADER_BYTES, segment_name};
use super::log_test_store::{DIRECTORY, FACTS, STORE, fill, open, open_with};
use crate::model::Version;

const PAYLOAD_BYTES: usize = 1501;
const FRAME: u64 = frame_bytes(PAYLOAD_BYTES) as u64;
const HEADER: u64 = SEGMENT_HEADER_BYTES as u64;

/// A log of which segment 1 is full, and segment 2 has three batches.
struct Sample {
    disk: FaultyDisk,
    batches: Vec<OwnedBatch>,
    in_first: u64,
}

fn sample() -> Sample {
    let disk = FaultyDisk::new();
    let (mut log, ..) = open(&disk).unwrap();
    let mut batches = Vec::new();
    while log.segments() < 2 {
        batches.extend(fill(&mut log, 1 + 10 * batches.len() as u64, 1, PAYLOAD_BYTES));
    }
    let in_first = batches.len() as u64 - 1;
    batches.extend(fill(&mut log, 1000, 2, PAYLOAD_BYTES));
    Sample { disk: disk.after_kill(), batches, in_first }
}

impl Sample {
    fn tampered(&self, segment: u64, change: impl FnOnce(&mut Vec<u8>)) -> FaultyDisk {
        let disk = self.disk.after_kill();
        disk.tamper(DIRECTORY, &segment_name(segment), change);
        disk
    }

    fn assert_damaged(&self, segment: u64, offset: u64, what: &str, change: impl FnOnce(&mut Vec<u8>)) {
        let disk = self.tampered(segment, change);
        let before = disk.calls().1;
        match open(&disk) {
            Err(LogFault::Damaged { segment: s, offset: o }) => {
                assert_eq!((s, o), (segment, offset), "{what}");
            }
            Err(other) => panic!("{what}: {other}"),
            Ok(_) => panic!("{what}: not noticed"),
        }
        assert_eq!(disk.calls().1 - before, 1, "{what}: nothing is changed, only the directory synced");
    }

    /// The last batch is cut, and only it; with a watermark that knows of it, the store is refused instead.
    fn assert_cut(&self, torn: bool, what: &str, change: impl FnOnce(&mut Vec<u8>)) {
        let disk = self.tampered(2, change);
        let (last, rest) = self.batches.split_last().unwrap();
        let facts = OpenFacts { durable: last.last, ..FACTS };
        let refused = open_with(&disk, facts).err().unwrap_or_else(|| panic!("{what}: served"));
        assert!(matches!(refused, LogFault::ShorterThanWatermark { .. }), "{what}: {refused}");
        let (_, report, replayed) = open(&disk).unwrap_or_else(|fault| panic!("{what}: {fault}"));
        assert!(replayed == rest && report.torn == torn, "{what}");
    }

    fn assert_whole(&self, what: &str, change: impl FnOnce(&mut Vec<u8>)) {
        let (_, report, replayed) =
            open(&self.tampered(2, change)).unwrap_or_else(|fault| panic!("{what}: {fault}"));
        assert!(replayed == self.batches && !report.torn, "{what}");
    }
}

/// Byte at which batch `n` of a segment begins.
fn frame_at(n: u64) -> u64 {
    HEADER + n * FRAME
}

#[test]
fn every_flipped_byte_is_noticed_where_it_is() {
    let sample = sample();
    let mut flipped = 0;
    for (segment, batches) in [(1, sample.in_first), (2, 3)] {
        for at in 0..frame_at(batches) {
            // Headers byte by byte; of payloads the ends and every thirteenth byte.
            let in_frame = at.checked_sub(HEADER).map(|at| at % FRAME);
            let is_inner = in_frame
                .is_some_and(|at| at > FRAME_HEADER_BYTES as u64 + 8 && at < FRAME - 16 && at % 13 != 0);
            if is_inner || (100..4080).contains(&at) && at % 13 != 0 {
                continue;
            }
            flipped += 1;
            let flip = |bytes: &mut Vec<u8>| bytes[at as usize] ^= 1 << (at % 8);
            let what = format!("segment {segment}, byte {at}");
            match in_frame {
                None => sample.assert_damaged(segment, 0, &what, flip),
                Some(_) if segment == 2 && at >= frame_at(2) => sample.assert_cut(true, &what, flip),
                Some(in_frame) => sample.assert_damaged(segment, at - in_frame, &what, flip),
            }
        }
    }
    eprintln!("bytes flipped one by one: {flipped}");
    assert!(flipped > 2000);
}

#[test]
fn every_truncation_is_damage_since_segments_have_their_whole_length_from_the_start() {
    let sample = sample();
    for bytes in frame_at(2)..frame_at(3) + 100 {
        sample.assert_damaged(2, bytes, &format!("{bytes} bytes left"), |file| file.truncate(bytes as usize));
    }
    sample.assert_damaged(2, 0, "header cut", |file| file.truncate(4000));
    sample.assert_damaged(2, 0, "empty", Vec::clear);
    let end = frame_at(sample.in_first);
    sample.assert_damaged(1, frame_at(sample.in_first - 1), "end of an old segment", |file| {
        file.truncate(end as usize - 1);
    });
}

#[test]
fn a_last_batch_whose_end_was_never_written_is_cut() {
    let sample = sample();
    let (start, end) = (frame_at(2), frame_at(3));
    let last = sample.batches.last().unwrap();
    let last_byte = last.payload.iter().rposition(|&byte| byte != 0).unwrap() as u64;
    let written_to = start + FRAME_HEADER_BYTES as u64 + last_byte + 1;
    for from in start..end {
        let what = format!("zeros from byte {from}");
        let zero = |file: &mut Vec<u8>| file[from as usize..].fill(0);
        if from >= written_to {
            sample.assert_whole(&what, zero);
        } else {
            // Bytes that are zero by themselves make the first few cases the same as nothing written.
            let is_blank = |file: &[u8]| file[start as usize..].iter().all(|&byte| byte == 0);
            let mut copy = sample.disk.directory(DIRECTORY).read_all(&segment_name(2), 1 << 20).unwrap();
            zero(&mut copy);
            sample.assert_cut(!is_blank(&copy), &what, zero);
        }
    }
    // The beginning may be what was never written, block by block.
    let block = start.next_multiple_of(4096).min(end);
    sample
        .assert_cut(true, "zeros at the beginning", |file| file[start as usize..block as usize - 1].fill(0));
}

#[test]
fn what_no_unfinished_append_can_have_left_is_damage() {
    let sample = sample();
    let end = frame_at(3);
    sample.assert_damaged(2, end, "bytes too far behind the end", |file| *file.last_mut().unwrap() = 1);
    sample.assert_damaged(2, frame_at(1), "a batch zeroed, one behind it whole", |file| {
        file[frame_at(1) as usize..frame_at(2) as usize].fill(0);
    });
    sample.assert_damaged(2, end, "a batch repeated", |file| {
        file.copy_within(frame_at(2) as usize..end as usize, end as usize);
    });
    sample.assert_damaged(2, frame_at(1), "a batch left out", |file| {
        file.copy_within(frame_at(2) as usize..end as usize, frame_at(1) as usize);
        file[frame_at(2) as usize..end as usize].fill(0);
    });
    sample.assert_damaged(2, frame_at(2), "a torn batch with bytes behind its own end", |file| {
        file[frame_at(2) as usize + 60] ^= 1;
        file[end as usize + 8] = 1;
    });
    // Something that stands in the place of the next batch, and may be one, is cut; the batches before stay.
    let (_, report, replayed) = open(&sample.tampered(2, |file| file[end as usize + 5] = 1)).unwrap();
    assert!(replayed == sample.batches && report.torn);
}

#[test]
fn segments_that_are_missing_copied_or_foreign_are_named() {
    let sample = sample();
    let files = |disk: &FaultyDisk| disk.directory(DIRECTORY);
    let copy = |disk: &FaultyDisk, from: u64, to: u64| {
        let bytes = files(disk).read_all(&segment_name(from), 1 << 20).unwrap();
        files(disk).create(&segment_name(to)).unwrap().write_at(0, &bytes).unwrap();
    };
    let outcome = |change: &dyn Fn(&FaultyDisk)| {
        let disk = sample.disk.after_kill();
        change(&disk);
        open(&disk).map(|(_, _, replayed)| replayed)
    };

    let copied = outcome(&|disk| copy(disk, 2, 3)).unwrap_err();
    assert!(matches!(copied, LogFault::Misplaced { segment: 3, is: 2 }), "{copied}");
    let overwritten = outcome(&|disk| copy(disk, 1, 2)).unwrap_err();
    assert!(matches!(overwritten, LogFault::Misplaced { segment: 2, is: 1 }), "{overwritten}");
    let missing =
        outcome(&|disk| files(disk).rename(&segment_name(2), &segment_name(3)).unwrap()).unwrap_err();
    assert!(matches!(missing, LogFault::Missing { segment: 2 }), "{missing}");
    // The oldest segment may have been released, so its absence shows only in the first version.
    let released = outcome(&|disk| files(disk).remove(&segment_name(1)).unwrap()).unwrap();
    assert_eq!(released, sample.batches[sample.in_first as usize..]);
    // The newest segment gone: only the watermark can know.
    let shorter = sample.disk.after_kill();
    files(&shorter).remove(&segment_name(2)).unwrap();
    let facts = OpenFacts { durable: Version(1000), ..FACTS };
    let refused = open_with(&shorter, facts).err().unwrap();
    assert!(matches!(refused, LogFault::ShorterThanWatermark { .. }), "{refused}");
    // Files that are no segments are left alone.
    let other = outcome(&|disk| drop(files(disk).create("0000000001.log.bak").unwrap())).unwrap();
    assert_eq!(other, sample.batches);

    let foreign = open_with(&sample.disk, OpenFacts { store: StoreId([7; 16]), ..FACTS }).err().unwrap();
    assert!(matches!(foreign, LogFault::Foreign { segment: 1 }), "{foreign}");
    let newer = sample.tampered(2, |file| {
        file[8] = 9;
        let checksum = xxhash_rust::xxh3::xxh3_64(&file[..SEGMENT_HEADER_BYTES - 8]);
        file[SEGMENT_HEADER_BYTES - 8..SEGMENT_HEADER_BYTES].copy_from_slice(&checksum.to_le_bytes());
    });
    let newer = open(&newer).err().unwrap();
    assert!(matches!(newer, LogFault::Format { segment: 2, format: 9 }), "{newer}");
}

/// People choose payloads. One that holds the bytes of a batch must not turn a torn end into damage, unless who wrote it
/// knows the id of the store.
#[test]
fn a_text_that_looks_like_a_frame_is_still_torn() {
    for (knows_the_store, magic_is_lost) in [(false, false), (false, true), (true, false), (true, true)] {
        let id = if knows_the_store { STORE } else { StoreId([9; 16]) };
        let version = Version(9000);
        let inner = OwnedBatch { first: version, last: version, records: 1, payload: vec![1; 64] };
        let mut text = vec![0; 8];
        super::log_batch::encode_frame(&mut text, inner.as_batch(), STORE.chain_start(), id);
        let version = Version(8000);
        let outer = OwnedBatch { first: version, last: version, records: 1, payload: text };
        let disk = FaultyDisk::new();
        let (mut log, ..) = open(&disk).unwrap();
        let batches = fill(&mut log, 1, 2, 100);
        log.append(outer.as_batch()).unwrap();
        let at = SEGMENT_HEADER_BYTES + 2 * frame_bytes(100);
        // Without its header the frame's own length is unknown, and what lies within is searched.
        let broken = if magic_is_lost { at + 8 } else { at };
        disk.tamper(DIRECTORY, &segment_name(1), |file| file[broken] ^= 1);
        match open(&disk) {
            Ok((_, report, replayed)) => {
                assert!(report.torn && replayed == batches);
                assert!(!(knows_the_store && magic_is_lost), "the search finds a frame of this store");
            }
            Err(fault) => assert!(knows_the_store && magic_is_lost, "{fault}"),
        }
    }
}
