//! The bytes of a segment header, a frame and a watermark slot, frozen: stores on disk have them.
#![allow(clippy::unwrap_used)]

use super::files_faulty::FaultyDisk;
use super::log_batch::{Batch, Chain, StoreId, encode_frame};
use super::log_segment::SegmentHeader;
use super::watermark::{WATERMARK_NAME, Watermark};
use crate::model::Version;

const STORE: StoreId = StoreId([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]);

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn a_segment_header_has_these_bytes() {
    let header = SegmentHeader {
        store: STORE,
        number: 7,
        previous_counts_to: 0x0012_3456,
        chain: Chain(0x1122_3344_5566_7788),
        versions_above: Version(0x0000_aabb_ccdd_eeff),
        segment_bytes: 64 * 1024 * 1024,
        batch_bytes_max: 8 * 1024 * 1024,
    };
    let block = header.encode();
    assert_eq!(block.len(), 4096);
    assert_eq!(hex(&block[..72]), SEGMENT_USED);
    assert!(block[72..4088].iter().all(|&byte| byte == 0));
    assert_eq!(hex(&block[4088..]), SEGMENT_CHECKSUM);
    assert_eq!(SegmentHeader::parse(&block, STORE), Ok(header));
}

#[test]
fn a_frame_has_these_bytes() {
    let batch = Batch { first: Version(258), last: Version(300), records: 3, payload: b"hello, frame" };
    let mut frame = Vec::new();
    let chain = encode_frame(&mut frame, batch, STORE.chain_start(), STORE);
    assert_eq!(hex(&frame), FRAME);
    assert_eq!(hex(&chain.0.to_le_bytes()), FRAME[..16]);
}

#[test]
fn a_watermark_slot_has_these_bytes() {
    let disk = FaultyDisk::new();
    let mut mark = Watermark::open(disk.directory("data"), STORE, true).unwrap();
    mark.note(Version(258), Version(255));
    mark.reserve(Version(4096)).unwrap();
    let bytes = disk.directory("data").read_all(WATERMARK_NAME, 8192).unwrap();
    assert_eq!(bytes.len(), 8192);
    assert_eq!(hex(&bytes[..72]), SLOT);
    assert!(bytes[72..4096].iter().all(|&byte| byte == 0));
}

/// Magic, format, largest payload, store; number, previous counts to, chain, versions above; length of the file.
const SEGMENT_USED: &str = "48574c4f475345470100000000008000000102030405060708090a0b0c0d0e0f\
070000000000000056341200000000008877665544332211ffeeddccbbaa00000000000400000000";
const SEGMENT_CHECKSUM: &str = "906e043d7b8e4a3a";
/// Checksum, magic, length, first, last; previous chain value, records, header checksum; payload, padding.
const FRAME: &str = "af764ec9b55363a2485742410c00000002010000000000002c01000000000000\
db7017f6a6e355830300000072434b9768656c6c6f2c206672616d6500000000";
/// Magic, format, zeros, store; sequence, reserved, durable, indexed; checksum.
const SLOT: &str = "485757415445524d0100000000000000000102030405060708090a0b0c0d0e0f\
030000000000000000100000000000000201000000000000ff000000000000005a7317b3664ff97e";
