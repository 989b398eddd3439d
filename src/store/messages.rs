//! Messages: the log of each conversation, packed in chunks that are dense in seq.

use std::sync::Arc;

use super::{
    field::{Input, Malformed, put_bytes, put_fixed64, put_number, put_time},
    groups,
    keys::{self, Key},
    packing::MAX_PACKED_RECORD_BYTES,
};
use crate::model::{
    ClientMessageId, Content, ConversationId, Custom, Seq, Version, limits::CONTENT_BYTES_MAX,
    record::Message,
};

/// Length of a text that is not there: see `put_content`.
const NO_TEXT: u8 = 0;

/// Tag of a custom message.
const CUSTOM: u8 = 1;

/// Tag of a notice.
const NOTICE: u8 = 2;

/// Tag of an entry whose sender was erased.
const ERASED: u8 = 3;

/// Tag of the entry that says so of everything that its sender wrote.
const ACCOUNT_ERASED: u8 = 4;

/// Bytes of a packed message beside its content, at most: sender, time, id, tag, lengths, and counts.
const OTHER_FIELDS_BYTES_MAX: usize = 8 + 10 + 16 + 2 + 3 * 2 + 2 * 10;
const _: () = assert!(CONTENT_BYTES_MAX + OTHER_FIELDS_BYTES_MAX <= MAX_PACKED_RECORD_BYTES);

/// Key of the chunk that begins with `first`.
#[must_use]
pub fn chunk_key(conversation: ConversationId, first: Seq) -> Vec<u8> {
    Key::of(keys::MESSAGE).u64(conversation.0).u64(first.0).done()
}

/// The seq with which the chunk of a key begins.
#[must_use]
pub fn first_of_key(key: &[u8]) -> Option<Seq> {
    key.last_chunk::<8>().map(|bytes| Seq(u64::from_be_bytes(*bytes)))
}

/// Writes a message whole, as in the log.
pub fn encode(out: &mut Vec<u8>, message: &Message) {
    put_fixed64(out, message.conversation.0);
    put_number(out, message.seq.0);
    encode_packed(out, message);
}

/// Reads a message written whole.
///
/// # Errors
/// When the bytes are not a message.
pub fn decode(input: &mut Input<'_>) -> Result<Message, Malformed> {
    let conversation = input.conversation()?;
    let seq = input.seq()?;
    decode_packed(input, conversation, seq)
}

/// Writes a message of this version in a chunk. The version says how old it is by no wall clock, where it stands in the
/// inboxes, and which messages a restored store had.
pub fn encode_in_chunk(out: &mut Vec<u8>, version: Version, message: &Message) {
    put_number(out, version.0);
    encode_packed(out, message);
}

/// Reads a message of a chunk, and its version.
///
/// # Errors
/// When the bytes are not a message.
pub fn decode_in_chunk(
    input: &mut Input<'_>,
    conversation: ConversationId,
    seq: Seq,
) -> Result<(Version, Message), Malformed> {
    let version = input.version()?;
    Ok((version, decode_packed(input, conversation, seq)?))
}

/// Writes a message whose key and place, or what stands before it, say conversation and seq.
pub fn encode_packed(out: &mut Vec<u8>, message: &Message) {
    put_fixed64(out, message.sender.0);
    put_time(out, message.sent_at);
    out.extend_from_slice(&message.id.0);
    put_content(out, &message.content);
    put_counts(out, message);
}

/// Count and read mark are written as how far they are behind the seq: mostly both are 0, in one byte. The lowest bit of the
/// first number says whether the second one follows.
fn put_counts(out: &mut Vec<u8>, message: &Message) {
    let read = if message.content.counts() { message.read } else { message.seq };
    let (unread, uncounted) = (message.seq.0 - read.0, message.seq.0 - message.count);
    put_number(out, unread << 1 | u64::from(uncounted != 0));
    if uncounted != 0 {
        put_number(out, uncounted);
    }
}

fn take_counts(input: &mut Input<'_>, seq: Seq, counts: bool) -> Result<(u64, Seq), Malformed> {
    let first = input.number()?;
    let uncounted = if first & 1 == 1 { input.number()? } else { 0 };
    let count = seq.0.checked_sub(uncounted).ok_or(Malformed::Truncated("count"))?;
    let read = seq.0.checked_sub(first >> 1).ok_or(Malformed::Truncated("read mark"))?;
    Ok((count, if counts { Seq(read) } else { Seq(0) }))
}

/// A text is never empty, so a length of 0 says that something else follows: a tag, and the fields of that content.
fn put_content(out: &mut Vec<u8>, content: &Content) {
    match content {
        Content::Text(text) => {
            assert!(!text.is_empty(), "a text that is kept is not empty");
            put_bytes(out, text);
        }
        Content::Custom(custom) => {
            out.extend_from_slice(&[NO_TEXT, CUSTOM]);
            put_bytes(out, &custom.schema);
            put_bytes(out, &custom.json);
            put_bytes(out, &custom.fallback);
        }
        Content::Notice(notice) => {
            out.extend_from_slice(&[NO_TEXT, NOTICE]);
            groups::encode_notice(out, notice);
        }
        Content::Erased => out.extend_from_slice(&[NO_TEXT, ERASED]),
        Content::AccountErased => out.extend_from_slice(&[NO_TEXT, ACCOUNT_ERASED]),
    }
}

fn take_content(input: &mut Input<'_>) -> Result<Content, Malformed> {
    let text = input.shared_bytes("message text")?;
    if !text.is_empty() {
        return Ok(Content::Text(text));
    }
    match input.byte("content")? {
        CUSTOM => Ok(Content::Custom(Arc::new(Custom {
            schema: input.shared_bytes("schema")?,
            json: input.shared_bytes("document")?,
            fallback: input.shared_bytes("fallback")?,
        }))),
        NOTICE => Ok(Content::Notice(Arc::new(groups::decode_notice(input)?))),
        ERASED => Ok(Content::Erased),
        ACCOUNT_ERASED => Ok(Content::AccountErased),
        tag => Err(Malformed::Unknown { what: "content", tag: u64::from(tag) }),
    }
}

/// Reads what [`encode_packed`] wrote.
///
/// # Errors
/// When the bytes are not a message.
pub fn decode_packed(
    input: &mut Input<'_>,
    conversation: ConversationId,
    seq: Seq,
) -> Result<Message, Malformed> {
    let (sender, sent_at) = (input.user()?, input.time()?);
    let id = ClientMessageId(input.array("client message id")?);
    let content = take_content(input)?;
    let (count, read) = take_counts(input, seq, content.counts())?;
    Ok(Message { conversation, seq, sender, sent_at, id, content, count, read })
}
