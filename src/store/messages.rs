//! Messages: the log of each conversation, packed in chunks that are dense in seq.

use super::{
    field::{Input, Malformed, put_bytes, put_fixed64, put_number, put_time},
    keys::{self, Key},
};
use crate::model::{ClientMessageId, ConversationId, Seq, Version, record::Message};

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

/// Writes a message of this version in a chunk. The version says how old it is by no wall clock, and where it stands in
/// the inboxes.
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
    put_bytes(out, &message.text);
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
    Ok(Message {
        conversation,
        seq,
        sender: input.user()?,
        sent_at: input.time()?,
        id: ClientMessageId(input.array("client message id")?),
        text: input.shared_bytes("message text")?,
    })
}
