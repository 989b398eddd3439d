//! The log of a conversation as a view sees it: its head, and single messages out of their chunks.

use std::{collections::HashMap, ops::ControlFlow};

use super::{
    engine::Direction,
    field::Malformed,
    keys::{self, Key},
    messages,
    packing::Chunk,
    view::View,
    view_fault::ReadFault,
    view_scan::whole,
};
use crate::model::{ConversationId, Seq, record::Message};

impl View {
    /// Newest seq of a conversation; 0 when it has none.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn conversation_head(&self, conversation: ConversationId) -> Result<Seq, ReadFault> {
        if let Some(head) = self.pin.conversation_head(conversation) {
            return Ok(head);
        }
        let chunk = self.message_chunk(conversation, Seq(u64::MAX))?;
        Ok(chunk.last().map(|message| message.seq).unwrap_or_default())
    }

    /// A message of the index, through the chunks read for this page already.
    pub(super) fn message(
        &self,
        chunks: &mut HashMap<ConversationId, Vec<Message>>,
        conversation: ConversationId,
        seq: Seq,
    ) -> Result<Message, ReadFault> {
        let cached = chunks.get(&conversation).and_then(|chunk| message_in(chunk, seq));
        if let Some(message) = cached {
            return Ok(message);
        }
        let chunk = self.message_chunk(conversation, seq)?;
        let found = message_in(&chunk, seq);
        chunks.insert(conversation, chunk);
        found.ok_or(ReadFault::MissingMessage { conversation, seq })
    }

    /// The chunk that begins at or before `seq`; empty when there is none.
    fn message_chunk(&self, conversation: ConversationId, seq: Seq) -> Result<Vec<Message>, ReadFault> {
        let mut found = Vec::new();
        let from = messages::chunk_key(conversation, Seq(0));
        let to = Key::of(keys::MESSAGE).u64(conversation.0).u64(seq.0.saturating_add(1)).done();
        self.scan(&from, &to, Direction::Backward, |key, value| {
            let mut seq = messages::first_of_key(key).ok_or(Malformed::Truncated("message key"))?;
            for record in Chunk::decode(value).map_err(Malformed::Packing)?.iter() {
                found.push(whole(record, |input| messages::decode_packed(input, conversation, seq))?);
                seq = seq.next();
            }
            Ok(ControlFlow::Break(()))
        })?;
        Ok(found)
    }
}

fn message_in(chunk: &[Message], seq: Seq) -> Option<Message> {
    let first = chunk.first()?.seq;
    let place = usize::try_from(seq.0.checked_sub(first.0)?).ok()?;
    chunk.get(place).cloned()
}
