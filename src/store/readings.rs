//! What users have read: a row of each user and conversation in which something was said about it, or written now and then.
//!
//! ```text
//! reading = user, conversation, as of, read (below as of), not counted through it, number of own, own (above the one before)…,
//!           muted until, pinned byte
//! ```

use super::{
    field::{Input, Malformed, put_fixed64, put_number, put_time},
    keys::{self, Key},
};
use crate::model::{ConversationId, Reading, Seq, UserId, limits::OWN_UNREAD_MAX};

/// Key of a row.
#[must_use]
pub fn key(user: UserId, conversation: ConversationId) -> Vec<u8> {
    Key::of(keys::READING).u64(user.0).u64(conversation.0).done()
}

/// Writes a row. Places are written as the small differences that they are.
pub fn encode(out: &mut Vec<u8>, reading: &Reading) {
    put_fixed64(out, reading.user.0);
    put_fixed64(out, reading.conversation.0);
    put_number(out, reading.as_of.0);
    put_number(out, reading.as_of.0 - reading.read.0);
    put_number(out, reading.read.0 - reading.read_count);
    put_number(out, reading.own.len() as u64);
    let mut before = reading.read;
    for own in &reading.own {
        put_number(out, own.0 - before.0);
        before = *own;
    }
    put_time(out, reading.muted_until);
    out.push(u8::from(reading.pinned));
}

/// Reads a row.
///
/// # Errors
/// When the bytes are not that.
pub fn decode(input: &mut Input<'_>) -> Result<Reading, Malformed> {
    let (user, conversation) = (input.user()?, input.conversation()?);
    let as_of = input.seq()?;
    let read = below(as_of.0, input, "read mark")?;
    let read_count = below(read, input, "count at the read mark")?;
    let number = input.number()?;
    if number > OWN_UNREAD_MAX as u64 {
        return Err(Malformed::Unknown { what: "number of own entries", tag: number });
    }
    let mut own = Vec::with_capacity(number as usize);
    let mut before = read;
    for _ in 0..number {
        before = before.checked_add(input.number()?).ok_or(Malformed::Truncated("own entry"))?;
        own.push(Seq(before));
    }
    let muted_until = input.time()?;
    let pinned = match input.byte("pin")? {
        0 => false,
        1 => true,
        tag => return Err(Malformed::Unknown { what: "pin", tag: u64::from(tag) }),
    };
    Ok(Reading { user, conversation, as_of, read: Seq(read), read_count, own, muted_until, pinned })
}

fn below(number: u64, input: &mut Input<'_>, what: &'static str) -> Result<u64, Malformed> {
    number.checked_sub(input.number()?).ok_or(Malformed::Truncated(what))
}
