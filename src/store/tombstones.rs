//! Tombstones in the order of their versions, so that the oldest are found without looking at every item. One whose item
//! was given another value since stays here until cleanup meets it.

use super::{
    field::{Input, Malformed},
    keys::{self, Key},
};
use crate::model::{Kind, UserId, Version};

/// Key of a tombstone.
#[must_use]
pub fn key(version: Version, user: UserId, kind: Kind) -> Vec<u8> {
    Key::of(keys::TOMBSTONE).u64(version.0).u64(user.0).u8(kind.0).done()
}

/// Version, user and kind of a key.
///
/// # Errors
/// When the bytes are not such a key.
pub fn decode_key(key: &[u8]) -> Result<(Version, UserId, Kind), Malformed> {
    let mut input = Input::new(key);
    input.byte("prefix")?;
    let version = u64::from_be_bytes(input.array("version")?);
    let user = u64::from_be_bytes(input.array("user")?);
    let kind = Kind(input.byte("kind")?);
    input.end("tombstone key")?;
    Ok((Version(version), UserId(user), kind))
}
