//! Channels: the row of each, who follows it, and the versions of its posts. Its entries are in `messages`.

use super::{
    field::{Input, Malformed, put_fixed64, put_number},
    keys::{self, Key},
};
use crate::model::{
    Channel, ConversationId, Follow, FollowEnd, FollowInterval, Form, Posted, Seq, Turn, UserId, Version,
};

/// Key of a channel's row.
#[must_use]
pub fn key(channel: ConversationId) -> Vec<u8> {
    Key::of(keys::FOLLOWER).u64(channel.0).done()
}

/// Key of a follower of a channel, who follows it now. There is no more in it: what is known is with the user.
#[must_use]
pub fn follower_key(channel: ConversationId, user: UserId) -> Vec<u8> {
    Key::of(keys::FOLLOWER).u64(channel.0).u64(user.0).done()
}

/// The user of a follower's key.
///
/// # Errors
/// When the bytes are not such a key.
pub fn decode_follower_key(key: &[u8]) -> Result<UserId, Malformed> {
    let mut input = Input::new(key);
    input.byte("prefix")?;
    input.array::<8>("channel")?;
    let user = u64::from_be_bytes(input.array("user")?);
    input.end("key of a follower")?;
    Ok(UserId(user))
}

/// Key of the number of a user's follows.
#[must_use]
pub fn follow_count_key(user: UserId) -> Vec<u8> {
    Key::of(keys::FOLLOW).u64(user.0).done()
}

/// Key of what a user has of a channel.
#[must_use]
pub fn follow_key(user: UserId, channel: ConversationId) -> Vec<u8> {
    Key::of(keys::FOLLOW).u64(user.0).u64(channel.0).done()
}

/// Key of the chunk of posts that begins with `first`.
#[must_use]
pub fn chunk_key(channel: ConversationId, first: Seq) -> Vec<u8> {
    Key::of(keys::POST).u64(channel.0).u64(first.0).done()
}

/// Writes a channel's row.
pub fn encode(out: &mut Vec<u8>, row: &Channel) {
    put_fixed64(out, row.channel.0);
    put_number(out, row.followers);
    put_number(out, row.changed.0);
    out.push(form_tag(row.before));
    put_number(out, row.turns.len() as u64);
    for turn in &row.turns {
        put_number(out, turn.at.0);
        out.push(form_tag(turn.to));
    }
}

/// Reads a channel's row.
///
/// # Errors
/// When the bytes are not a channel.
pub fn decode(input: &mut Input<'_>) -> Result<Channel, Malformed> {
    let (channel, followers) = (input.conversation()?, input.number()?);
    let (changed, before) = (input.version()?, take_form(input)?);
    let count = input.number()?;
    let turn = |input: &mut Input<'_>| Ok::<_, Malformed>(Turn { at: input.seq()?, to: take_form(input)? });
    let turns = (0..count).map(|_| turn(input)).collect::<Result<_, _>>()?;
    Ok(Channel { channel, followers, changed, before, turns })
}

/// Writes what a user has of a channel.
pub fn encode_follow(out: &mut Vec<u8>, row: &Follow) {
    put_fixed64(out, row.user.0);
    put_fixed64(out, row.channel.0);
    put_number(out, row.intervals.len() as u64);
    for interval in &row.intervals {
        put_end(out, interval.after);
        // No operation has the version 0, so it is free to say that there is no end.
        put_end(out, interval.through.unwrap_or(FollowEnd { seq: Seq(0), version: Version(0) }));
    }
}

/// Reads what a user has of a channel.
///
/// # Errors
/// When the bytes are not a follow.
pub fn decode_follow(input: &mut Input<'_>) -> Result<Follow, Malformed> {
    let (user, channel) = (input.user()?, input.conversation()?);
    let interval = |input: &mut Input<'_>| {
        let (after, through) = (take_end(input)?, take_end(input)?);
        Ok::<_, Malformed>(FollowInterval {
            after,
            through: (through.version != Version(0)).then_some(through),
        })
    };
    let count = input.number()?;
    let intervals = (0..count).map(|_| interval(input)).collect::<Result<_, _>>()?;
    Ok(Follow { user, channel, intervals })
}

fn put_end(out: &mut Vec<u8>, end: FollowEnd) {
    put_number(out, end.seq.0);
    put_number(out, end.version.0);
}

fn take_end(input: &mut Input<'_>) -> Result<FollowEnd, Malformed> {
    Ok(FollowEnd { seq: input.seq()?, version: input.version()? })
}

/// Writes the number of a user's follows.
pub fn encode_follow_count(out: &mut Vec<u8>, follows: u32) {
    put_number(out, u64::from(follows));
}

/// Reads the number of a user's follows.
///
/// # Errors
/// When the bytes are not a number, or too large a one.
pub fn decode_follow_count(input: &mut Input<'_>) -> Result<u32, Malformed> {
    u32::try_from(input.number()?).map_err(|_| Malformed::Truncated("number of follows"))
}

/// Writes a post of a chunk.
pub fn encode_post(out: &mut Vec<u8>, seq: Seq, version: Version) {
    put_number(out, seq.0);
    put_number(out, version.0);
}

/// Reads a post of a chunk.
///
/// # Errors
/// When the bytes are not a post.
pub fn decode_post(input: &mut Input<'_>) -> Result<(Seq, Version), Malformed> {
    Ok((input.seq()?, input.version()?))
}

/// Writes a post as in the log, without its version.
pub fn encode_posted(out: &mut Vec<u8>, posted: &Posted) {
    put_fixed64(out, posted.channel.0);
    put_number(out, posted.seq.0);
}

/// Reads a post of the log.
///
/// # Errors
/// When the bytes are not a post.
pub fn decode_posted(input: &mut Input<'_>, version: Version) -> Result<Posted, Malformed> {
    Ok(Posted { channel: input.conversation()?, seq: input.seq()?, version })
}

/// The byte of a form.
#[must_use]
pub const fn form_tag(form: Form) -> u8 {
    match form {
        Form::Group => 1,
        Form::Channel => 2,
    }
}

/// Reads a form.
///
/// # Errors
/// When the byte is none.
pub fn take_form(input: &mut Input<'_>) -> Result<Form, Malformed> {
    match input.byte("form")? {
        1 => Ok(Form::Group),
        2 => Ok(Form::Channel),
        tag => Err(Malformed::Unknown { what: "form", tag: u64::from(tag) }),
    }
}
