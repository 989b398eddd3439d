//! Invites that were not used yet.

use super::{
    field::{Input, Malformed, put_time},
    keys::{self, Key},
};
use crate::model::record::{Invite, SecretHash};

/// Key of an invite.
#[must_use]
pub fn key(hash: &SecretHash) -> Vec<u8> {
    Key::of(keys::INVITE).bytes(hash).done()
}

/// Writes an invite.
pub fn encode(out: &mut Vec<u8>, invite: &Invite) {
    out.extend_from_slice(&invite.hash);
    put_time(out, invite.expires);
}

/// Reads an invite.
///
/// # Errors
/// When the bytes are not an invite.
pub fn decode(input: &mut Input<'_>) -> Result<Invite, Malformed> {
    Ok(Invite { hash: input.array("invite hash")?, expires: input.time()? })
}
