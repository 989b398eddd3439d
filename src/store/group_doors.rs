//! Doors of groups: the ways into each for those whom no member names.

use super::{
    field::{Input, Malformed, put_bytes, put_fixed64, put_number, put_time},
    groups::take_flag,
    keys::{self, Key},
};
use crate::model::{Asking, AskingState, ConversationId, Door, Link};

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
    out.push(u8::from(row.approval));
    put_number(out, row.asking.len() as u64);
    for asking in &row.asking {
        put_fixed64(out, asking.user.0);
        put_time(out, asking.at);
        put_bytes(out, asking.greeting.as_bytes());
        out.push(state_tag(asking.state));
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
    let approval = take_flag(input)?;
    let count = input.number()?;
    let asking = (0..count).map(|_| take_asking(input)).collect::<Result<_, _>>()?;
    Ok(Door { group, links, approval, asking })
}

fn take_asking(input: &mut Input<'_>) -> Result<Asking, Malformed> {
    Ok(Asking {
        user: input.user()?,
        at: input.time()?,
        greeting: input.text("greeting")?,
        state: take_state(input)?,
    })
}

const fn state_tag(state: AskingState) -> u8 {
    match state {
        AskingState::Waiting => 1,
        AskingState::Refused => 2,
        AskingState::Withdrawn => 3,
    }
}

fn take_state(input: &mut Input<'_>) -> Result<AskingState, Malformed> {
    match input.byte("state")? {
        1 => Ok(AskingState::Waiting),
        2 => Ok(AskingState::Refused),
        3 => Ok(AskingState::Withdrawn),
        tag => Err(Malformed::Unknown { what: "state", tag: u64::from(tag) }),
    }
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
