//! Inboxes: the pointers of each user in version order, packed in chunks.

use super::{
    field::{Input, Malformed, put_fixed64, put_number},
    keys::{self, Key},
};
use crate::model::{UserId, Version, record::Pointer};

/// Key of the chunk that begins with `first`.
#[must_use]
pub fn chunk_key(user: UserId, first: Version) -> Vec<u8> {
    Key::of(keys::POINTER).u64(user.0).u64(first.0).done()
}

/// Writes a pointer. The versions are whole, so that one record can be read without those before it.
pub fn encode(out: &mut Vec<u8>, pointer: &Pointer) {
    put_number(out, pointer.version.0);
    put_number(out, pointer.previous.0);
    put_fixed64(out, pointer.conversation.0);
    put_number(out, pointer.seq.0);
}

/// Reads a pointer.
///
/// # Errors
/// When the bytes are not a pointer.
pub fn decode(input: &mut Input<'_>) -> Result<Pointer, Malformed> {
    Ok(Pointer {
        version: input.version()?,
        previous: input.version()?,
        conversation: input.conversation()?,
        seq: input.seq()?,
    })
}
