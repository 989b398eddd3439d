//! Erasures: a row for each user who was erased.
//!
//! ```text
//! erasure = user, time, version, told through (conversation), done byte
//! ```

use super::{
    field::{Input, Malformed, put_fixed64, put_number, put_time},
    keys::{self, Key},
};
use crate::model::{Erasure, UserId};

/// Key of a user's row.
#[must_use]
pub fn key(user: UserId) -> Vec<u8> {
    Key::of(keys::ERASURE).u64(user.0).done()
}

/// Writes a row.
pub fn encode(out: &mut Vec<u8>, erasure: &Erasure) {
    put_fixed64(out, erasure.user.0);
    put_time(out, erasure.at);
    put_number(out, erasure.begun.0);
    put_fixed64(out, erasure.told.0);
    out.push(u8::from(erasure.is_done));
}

/// Reads a row.
///
/// # Errors
/// When the bytes are not an erasure.
pub fn decode(input: &mut Input<'_>) -> Result<Erasure, Malformed> {
    let (user, at, begun) = (input.user()?, input.time()?, input.version()?);
    let (told, is_done) = (input.conversation()?, input.byte("end of an erasure")? != 0);
    Ok(Erasure { user, at, begun, told, is_done })
}
