//! Conversations: who is in one, and how far back it can be read. Their messages are in `messages`.

use super::{
    field::{Input, Malformed, put_fixed64, put_number, put_time},
    keys::{self, Key},
};
use crate::model::{ConversationId, record::Conversation};

/// Key of a conversation's row.
#[must_use]
pub fn key(conversation: ConversationId) -> Vec<u8> {
    Key::of(keys::CONVERSATION).u64(conversation.0).done()
}

/// Writes a row.
pub fn encode(out: &mut Vec<u8>, row: &Conversation) {
    put_fixed64(out, row.conversation.0);
    for member in row.members {
        put_fixed64(out, member.0);
    }
    put_time(out, row.created);
    put_number(out, row.oldest.0);
    put_number(out, row.let_go.0);
}

/// Reads a row.
///
/// # Errors
/// When the bytes are not a conversation.
pub fn decode(input: &mut Input<'_>) -> Result<Conversation, Malformed> {
    Ok(Conversation {
        conversation: input.conversation()?,
        members: [input.user()?, input.user()?],
        created: input.time()?,
        oldest: input.seq()?,
        let_go: input.version()?,
    })
}
