//! Doors of groups: the ways into each for those whom no member names.

use super::{
    field::{Input, Malformed, put_fixed64, put_number, put_time},
    keys::{self, Key},
};
use crate::model::{ConversationId, Door, Link};

/// Key of the door of a group.
#[must_use]
pub fn key(group: ConversationId) -> Vec<u8> {
    Key::of(keys::DOOR).u64(group.0).done()
}

/// Writes a door.
pub fn encode(out: &mut Vec<u8>, row: &Door) {
    put_fixed64(out, row.group.0);
    put_number(out, row.links.len() as u64);
    for link in &row.links {
        out.extend_from_slice(&link.id);
        out.extend_from_slice(&link.hash);
        put_fixed64(out, link.by.0);
        put_time(out, link.until);
        put_number(out, u64::from(link.uses_max));
        put_number(out, u64::from(link.used));
    }
}

/// Reads a door.
///
/// # Errors
/// When the bytes are not a door.
pub fn decode(input: &mut Input<'_>) -> Result<Door, Malformed> {
    let group = input.conversation()?;
    let count = input.number()?;
    let links = (0..count).map(|_| take_link(input)).collect::<Result<_, _>>()?;
    Ok(Door { group, links })
}

fn take_link(input: &mut Input<'_>) -> Result<Link, Malformed> {
    Ok(Link {
        id: input.array("link id")?,
        hash: input.array("link hash")?,
        by: input.user()?,
        until: input.time()?,
        uses_max: take_uses(input)?,
        used: take_uses(input)?,
    })
}

fn take_uses(input: &mut Input<'_>) -> Result<u32, Malformed> {
    u32::try_from(input.number()?).map_err(|_| Malformed::Truncated("uses"))
}
