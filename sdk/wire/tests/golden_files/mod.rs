//! Where the files of `protocol/` are, and how a golden frame is read from its two.

use std::{fs, path::PathBuf};

use super::hex::from_hex;

/// A path below `protocol/`.
pub fn protocol_path(below: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../protocol").join(below)
}

/// The content of a file below `protocol/`.
pub fn read(below: &str) -> String {
    fs::read_to_string(protocol_path(below)).unwrap_or_else(|error| panic!("protocol/{below}: {error}"))
}

/// A golden frame in binary and in JSON.
pub fn golden(name: &str) -> (Vec<u8>, String) {
    let json = read(&format!("golden/frames/{name}.json"));
    let json = json.strip_suffix('\n').expect("a golden JSON file ends with one newline");
    (from_hex(&read(&format!("golden/frames/{name}.hex"))), json.to_owned())
}
