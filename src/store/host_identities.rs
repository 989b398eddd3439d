//! Users by who they are to a host app.

use super::{
    field::{Input, Malformed, put_fixed64},
    keys::{self, Key},
};
use crate::model::record::{HostIdentity, HostIdentityKey};

/// Key of an identity.
#[must_use]
pub fn key(key: &HostIdentityKey) -> Vec<u8> {
    Key::of(keys::HOST_IDENTITY).bytes(key).done()
}

/// Writes an identity.
pub fn encode(out: &mut Vec<u8>, identity: &HostIdentity) {
    out.extend_from_slice(&identity.key);
    put_fixed64(out, identity.user.0);
}

/// Reads an identity.
///
/// # Errors
/// When the bytes are not an identity.
pub fn decode(input: &mut Input<'_>) -> Result<HostIdentity, Malformed> {
    Ok(HostIdentity { key: input.array("host identity")?, user: input.user()? })
}
