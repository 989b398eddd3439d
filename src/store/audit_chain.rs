//! The chain of the audit log: lines of JSON, each with the hash of the one before and a hash of its own.
//!
//! A line is the SHA-256 of what follows in 64 hexadecimal digits, a space, a JSON object and a line feed. The object has
//! `n`, the number of the record from 1, and `prev`, the hash of the record before; the first one's `prev` is all zeros. So
//! nothing can be changed, taken out, put in or put elsewhere without every hash behind it. Described in
//! `docs/audit-format.md`.

use std::fmt::Write;

use serde::Deserialize;
use sha2::{Digest, Sha256};

/// Digits of a hash.
pub const HASH_DIGITS: usize = 64;

/// Longest line, bytes. Source: ids, a route, a name of an operator and two hashes have a third of it.
pub const LINE_BYTES_MAX: usize = 2048;

/// The last record of a chain, by number and hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditHead {
    /// How many records there are.
    pub records: u64,
    /// Hash of the last one, in hexadecimal digits.
    pub hash: String,
}

impl AuditHead {
    /// Before the first record.
    #[must_use]
    pub fn empty() -> AuditHead {
        AuditHead { records: 0, hash: "0".repeat(HASH_DIGITS) }
    }
}

/// What every record has.
#[derive(Debug, Deserialize)]
pub struct AuditLink {
    /// Its number, from 1.
    pub n: u64,
    /// Hash of the one before.
    pub prev: String,
    /// When, ms since 1970.
    pub at_ms: i64,
    /// Of which record this is the end.
    #[serde(default)]
    pub of: Option<u64>,
    /// `begun`, `ended`, `looked` or `turned_away`.
    pub kind: String,
}

/// How the walk through a file ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChainEnd {
    /// With its last record.
    Whole,
    /// In the middle of a record that a crash tore: nobody was answered upon it.
    Torn,
    /// At a line that is not what was written.
    Damaged {
        /// The line, from 1.
        line: u64,
        /// What is wrong with it.
        what: &'static str,
    },
}

/// What a file has of the chain.
#[derive(Debug)]
pub struct Walked {
    /// The last good record.
    pub head: AuditHead,
    /// Good records in this file.
    pub records: u64,
    /// Bytes of them.
    pub bytes: usize,
    /// Why it ends there.
    pub end: ChainEnd,
}

/// Hash of a record's JSON.
#[must_use]
pub fn hash_of(json: &[u8]) -> String {
    let mut digits = String::with_capacity(HASH_DIGITS);
    for byte in Sha256::digest(json) {
        write!(digits, "{byte:02x}").expect("a String takes all that is written");
    }
    digits
}

/// Goes through the bytes of a file that continues the chain at `head`, and shows each good record with its JSON and hash.
pub fn walk(bytes: &[u8], head: AuditHead, mut each: impl FnMut(&AuditLink, &str, &str)) -> Walked {
    let mut walked = Walked { head, records: 0, bytes: 0, end: ChainEnd::Whole };
    while walked.bytes < bytes.len() {
        let rest = &bytes[walked.bytes..];
        let Some(length) = rest.iter().position(|byte| *byte == b'\n') else {
            walked.end = if rest.len() < LINE_BYTES_MAX {
                ChainEnd::Torn
            } else {
                ChainEnd::Damaged { line: walked.records + 1, what: "it is longer than a record" }
            };
            break;
        };
        match check(&rest[..length], &walked.head) {
            Ok((link, json, hash)) => {
                each(&link, json, hash);
                walked.head = AuditHead { records: link.n, hash: hash.to_owned() };
                walked.records += 1;
                walked.bytes += length + 1;
            }
            Err(what) => {
                walked.end = if is_torn(rest, length) {
                    ChainEnd::Torn
                } else {
                    ChainEnd::Damaged { line: walked.records + 1, what }
                };
                break;
            }
        }
    }
    walked
}

/// The last line with bytes that were never written: a power cut kept its end and not its middle.
fn is_torn(rest: &[u8], length: usize) -> bool {
    length + 1 == rest.len() && length < LINE_BYTES_MAX && rest[..length].contains(&0)
}

/// What a line says, with its JSON and the hash before it, unchecked; nothing where it is no record.
pub(super) fn read_line(line: &[u8]) -> Option<(AuditLink, &str, &str)> {
    let (hash, json) = std::str::from_utf8(line).ok()?.split_once(' ')?;
    Some((serde_json::from_str(json).ok()?, json, hash))
}

fn check<'a>(line: &'a [u8], head: &AuditHead) -> Result<(AuditLink, &'a str, &'a str), &'static str> {
    let (link, json, hash) = read_line(line).ok_or("it is no record")?;
    if hash_of(json.as_bytes()) != hash {
        return Err("its hash is not that of what it says: it was changed");
    }
    if link.n != head.records + 1 {
        return Err("its number does not follow the one before: a record was taken out, put in or moved");
    }
    if link.prev != head.hash {
        return Err("it does not continue the record before: a record was changed, taken out or put in");
    }
    Ok((link, json, hash))
}
