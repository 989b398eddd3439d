//! The stored formats byte for byte, against `protocol/golden/records`: what one release wrote every later one reads.
//!
//! `HIGHWATER_WRITE_GOLDEN=1` writes the files anew; the fingerprint below then tells that stored bytes changed.

#![allow(clippy::unwrap_used)]

use std::{fmt::Write, fs, path::PathBuf, sync::Arc};

use xxhash_rust::xxh3::xxh3_64;

use super::{
    accounts, api_keys, channels, contacts, conversations, devices, field::Input, files_faulty::SeededRandom,
    group_doors, groups, host_identities, inboxes, index_writer, invites, items, log_record, messages,
    operators, packing::Chunk, receipts, record_samples::every_effect, runs,
};
use crate::model::{ConversationId, Record, Seq, Version};

/// XXH3-64 over every golden file in the order below. It changes only when stored bytes do.
const FINGERPRINT: u64 = 7_176_585_140_145_632_706;

/// Name and content of every file: one record of each effect, and the index writes of each.
fn expected() -> Vec<(String, String)> {
    let mut files = Vec::new();
    for (name, effects) in every_effect() {
        let record = Record { version: Version(70_000), effects };
        let mut bytes = Vec::new();
        log_record::encode(&mut bytes, &record);
        files.push((format!("log_{name}.hex"), lines(&[&bytes])));
        let mut writes = String::new();
        for batch in
            index_writer::step(&[Arc::new(record)], Version(70_000), usize::MAX, |_| Version(0)).batches
        {
            for write in batch.records() {
                writes.push_str(&lines(&[&write.key, write.sealed.as_deref().unwrap_or_default()]));
            }
        }
        files.push((format!("index_{name}.hex"), writes));
    }
    files
}

/// Each of them on a line of its own; a deleted value is an empty line.
fn lines(parts: &[&[u8]]) -> String {
    let mut text = String::new();
    for part in parts {
        part.iter().for_each(|byte| write!(text, "{byte:02x}").unwrap());
        text.push('\n');
    }
    text
}

fn unhex(line: &str) -> Vec<u8> {
    (0..line.len() / 2).map(|at| u8::from_str_radix(&line[2 * at..2 * at + 2], 16).unwrap()).collect()
}

fn directory() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("protocol/golden/records")
}

#[test]
fn stored_bytes_are_frozen() {
    let files = expected();
    if std::env::var_os("HIGHWATER_WRITE_GOLDEN").is_some() {
        fs::create_dir_all(directory()).unwrap();
        for (name, content) in &files {
            fs::write(directory().join(name), content).unwrap();
        }
    }
    for (name, content) in &files {
        let golden = fs::read_to_string(directory().join(name)).unwrap();
        assert_eq!(*content, golden, "{name}");
    }
    let all: String = files.into_iter().map(|(_, content)| content).collect();
    assert_eq!(
        xxh3_64(all.as_bytes()),
        FINGERPRINT,
        "stored bytes changed: is every older store still readable?"
    );
}

#[test]
fn golden_records_read_back_as_they_were() {
    for (name, effects) in every_effect() {
        let golden = fs::read_to_string(directory().join(format!("log_{name}.hex"))).unwrap();
        let records = log_record::decode_all(&unhex(golden.trim_end())).unwrap();
        assert_eq!(records, [Record { version: Version(70_000), effects }], "{name}");
    }
}

/// Every decoder of stored bytes: none may panic, whatever it is given.
fn decode_everything(bytes: &[u8]) {
    let input = || Input::new(bytes);
    let _ = log_record::decode_all(bytes).is_ok();
    let _ = accounts::decode(&mut input()).is_ok();
    let _ = devices::decode(&mut input()).is_ok();
    let _ = devices::decode_owner(&mut input()).is_ok();
    let _ = conversations::decode(&mut input()).is_ok();
    let _ = messages::decode(&mut input()).is_ok();
    let _ = messages::decode_packed(&mut input(), ConversationId(1), Seq(1)).is_ok();
    let _ = inboxes::decode(&mut input()).is_ok();
    let _ = receipts::decode(&mut input()).is_ok();
    let _ = items::decode(&mut input()).is_ok();
    let _ = contacts::decode(&mut input()).is_ok();
    let _ = contacts::decode_tally(&mut input()).is_ok();
    let _ = runs::decode(&mut input()).is_ok();
    let _ = invites::decode(&mut input()).is_ok();
    let _ = host_identities::decode(&mut input()).is_ok();
    let _ = api_keys::decode(&mut input()).is_ok();
    let _ = operators::decode(&mut input()).is_ok();
    let _ = groups::decode(&mut input()).is_ok();
    let _ = groups::decode_member(&mut input()).is_ok();
    let _ = groups::decode_position(&mut input()).is_ok();
    let _ = groups::decode_notice(&mut input()).is_ok();
    let _ = group_doors::decode(&mut input()).is_ok();
    let _ = channels::decode(&mut input()).is_ok();
    let _ = channels::decode_follow(&mut input()).is_ok();
    let _ = channels::decode_post(&mut input()).is_ok();
    if let Ok(chunk) = Chunk::decode(bytes) {
        chunk.iter().for_each(|record| drop(inboxes::decode(&mut Input::new(record))));
    }
}

#[test]
fn random_bytes_are_refused_without_a_panic() {
    let mut random = SeededRandom(11);
    for _ in 0..4_000 {
        let length = random.below(120) as usize;
        // Small bytes reach further: they are tags, short lengths and short numbers.
        let span = if random.one_in(2) { 12 } else { 256 };
        let bytes: Vec<u8> = (0..length).map(|_| random.below(span) as u8).collect();
        decode_everything(&bytes);
    }
}

#[test]
fn damaged_records_are_refused_or_read_and_never_panic() {
    let mut random = SeededRandom(12);
    let mut read = 0;
    for (_, content) in expected() {
        let goldens: Vec<Vec<u8>> = content.lines().map(unhex).filter(|bytes| !bytes.is_empty()).collect();
        for golden in goldens {
            for _ in 0..60 {
                let mut bytes = golden.clone();
                let at = random.below(bytes.len() as u64) as usize;
                match random.below(4) {
                    0 => bytes.truncate(at),
                    1 => bytes[at] = random.next_u64() as u8,
                    2 => bytes.insert(at, random.next_u64() as u8),
                    _ => bytes[at] ^= 1 << random.below(8),
                }
                read += usize::from(log_record::decode_all(&bytes).is_ok());
                decode_everything(&bytes);
            }
        }
    }
    assert!(read > 0, "some damage hits content only; checksums find it before");
}
