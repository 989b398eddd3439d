//! The contract between server and clients: frames, their two encodings, and the numbers of refusals.
//!
//! The types come from `protocol/highwater.proto`; nothing here knows the server.

pub mod encoding;
pub mod refusal;

/// The messages of the schema, generated.
#[allow(missing_docs, clippy::all, unused_qualifications)]
pub mod proto {
    include!(concat!(env!("OUT_DIR"), "/highwater.v1.rs"));
    include!(concat!(env!("OUT_DIR"), "/highwater.v1.serde.rs"));
}

pub use encoding::{DecodeError, Encoding};
pub use refusal::{Refusal, close};

/// Bytes 3 to 10 of a snapshot: the name by which a page says what it continues.
///
/// Empty for the empty snapshot, and for one too short to have a base.
pub fn base_of(snapshot: &[u8]) -> &[u8] {
    snapshot.get(2..10).unwrap_or(&[])
}

/// Numbers of the kinds that this version of the schema describes.
pub mod kind {
    /// The user's own account.
    pub const ACCOUNT: u32 = 1;
    /// The people the user knows.
    pub const CONTACTS: u32 = 2;
    /// The user's conversations.
    pub const CONVERSATIONS: u32 = 3;
    /// The messages; always drained last.
    pub const MESSAGES: u32 = 4;
}

/// Highest level of the protocol that this schema describes.
pub const LEVEL: u32 = 3;

/// All of a custom message, bytes: schema, document and fallback.
pub const CUSTOM_BYTES_MAX: usize = 7 * 1024;
