//! Profiles: what users show, who has something of whom, and which changes are not told to all of these yet.
//!
//! ```text
//! profile = display name, avatar, about
//! ```

use super::{
    field::{Input, Malformed, put_bytes},
    keys::{self, Key},
};
use crate::model::{Profile, UserId, Version};

/// Key of the row that says that `owner` has an item of `user`.
#[must_use]
pub fn holder_key(user: UserId, owner: UserId) -> Vec<u8> {
    Key::of(keys::HOLDER).u64(user.0).u64(owner.0).done()
}

/// Key of the row that says that everybody who has something of `user` is to be told of a change of this version. Each change
/// has a row of its own, so that the end of one takes no later one with it.
#[must_use]
pub fn change_key(user: UserId, version: Version) -> Vec<u8> {
    Key::of(keys::PROFILE_CHANGE).u64(user.0).u64(version.0).done()
}

/// The two numbers behind the prefix of such a key.
pub(super) fn numbers_of_key(key: &[u8]) -> Result<(u64, u64), Malformed> {
    let mut input = Input::new(key.get(1..).unwrap_or_default());
    Ok((input.fixed64("key of a profile")?, input.fixed64("key of a profile")?))
}

/// Writes what a user shows.
pub fn encode(out: &mut Vec<u8>, profile: &Profile) {
    put_bytes(out, profile.display_name.as_bytes());
    put_bytes(out, profile.avatar.as_bytes());
    put_bytes(out, profile.about.as_bytes());
}

/// Reads what a user shows.
///
/// # Errors
/// When the bytes are not that.
pub fn decode(input: &mut Input<'_>) -> Result<Profile, Malformed> {
    let (display_name, avatar) = (input.text("display name")?, input.text("avatar")?);
    Ok(Profile { display_name, avatar, about: input.text("about")?, ..Profile::default() })
}
