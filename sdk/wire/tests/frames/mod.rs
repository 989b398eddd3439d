//! The golden frames: what each is called, what it holds, and how its two files are read.

pub mod answers;
pub mod requests;

use std::{fs, path::PathBuf};

use bytes::Bytes;
use highwater_wire::proto::{ClientFrame, ServerFrame};

/// A frame of either direction.
#[derive(Debug, Clone, PartialEq)]
pub enum Frame {
    /// What a client sends.
    Client(ClientFrame),
    /// What the server sends.
    Server(ServerFrame),
}

/// A frame and the name of its files.
#[derive(Debug, Clone, PartialEq)]
pub struct Named {
    /// File name without extension; begins with the direction.
    pub name: &'static str,
    /// The frame.
    pub frame: Frame,
}

/// Every golden frame, requests first.
pub fn all() -> Vec<Named> {
    requests::all().into_iter().chain(answers::all()).collect()
}

/// A snapshot of plausible length whose bytes count upwards, so that bytes 3 to 10 are seen at a glance.
pub fn snapshot() -> Bytes {
    (1..=53).collect::<Vec<u8>>().into()
}

/// A client message id.
pub fn message_id() -> Bytes {
    (0xA0..0xB0).collect::<Vec<u8>>().into()
}

/// `protocol/` of the repository.
pub fn protocol_directory() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../protocol")
}

/// Where the golden frames are.
pub fn frames_directory() -> PathBuf {
    protocol_directory().join("golden/frames")
}

/// Bytes as the lines of a `.hex` file: 32 bytes in a line, none for an empty frame.
pub fn to_hex(bytes: &[u8]) -> String {
    let line = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>() + "\n";
    bytes.chunks(32).map(line).collect()
}

/// Reads what [`to_hex`] writes; white space anywhere is ignored.
pub fn from_hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(pair).collect()
}

/// The content of a golden file.
pub fn read(path: &PathBuf) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
