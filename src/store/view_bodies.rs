//! What is kept of the logs of conversations, and what of it cleanup may remove: chunks below the oldest message that can
//! be read, and never the newest chunk, which says where the log ends.

use std::ops::ControlFlow;

use super::{
    conversations, field::Malformed, keys, messages, packing::Chunk, view::View, view_fault::ReadFault,
    view_scan::whole,
};
use crate::model::{
    ConversationId, Seq, Version,
    record::{Conversation, Message},
};

/// The older part of a log: whole chunks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogPrefix {
    /// The first message behind it.
    pub next: Seq,
    /// Version of the newest message in it.
    pub through: Version,
}

impl View {
    /// The oldest message of a conversation that can be read, as it is durable now.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn oldest_message(&self, conversation: ConversationId) -> Result<Seq, ReadFault> {
        Ok(self.conversation(conversation)?.map_or(Seq(1), |row| row.oldest))
    }

    /// Conversations after `after` in the order of their ids, as the index has them, at most `max`.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn conversations_after(
        &self,
        after: Option<ConversationId>,
        max: usize,
    ) -> Result<Vec<Conversation>, ReadFault> {
        let after = after.map(|conversation| conversation.0);
        self.rows_after(keys::CONVERSATION, after, max, conversations::decode)
    }

    /// Keys of the chunks of a conversation's log whose every message lies before `oldest`, oldest first, at most `max`;
    /// never the newest chunk.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn removable_messages(
        &self,
        conversation: ConversationId,
        oldest: Seq,
        max: usize,
    ) -> Result<Vec<Vec<u8>>, ReadFault> {
        let mut found = Vec::new();
        self.older_chunks(conversation, (Seq(0), oldest), |key, prefix| {
            if found.len() == max || prefix.next > oldest {
                return ControlFlow::Break(());
            }
            found.push(key.to_vec());
            ControlFlow::Continue(())
        })?;
        Ok(found)
    }

    /// How much of a conversation's log, from `oldest` on, has versions at or below `through`: whole chunks, never the
    /// newest one. Looks at `chunks_max` chunks at most, and also says at how many it did.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn older_messages(
        &self,
        conversation: ConversationId,
        oldest: Seq,
        through: Version,
        chunks_max: usize,
    ) -> Result<(Option<LogPrefix>, usize), ReadFault> {
        let (mut found, mut looked) = (None, 0);
        self.older_chunks(conversation, (oldest, Seq(u64::MAX)), |_, prefix| {
            if looked == chunks_max || prefix.through > through {
                return ControlFlow::Break(());
            }
            looked += 1;
            found = Some(prefix);
            ControlFlow::Continue(())
        })?;
        Ok((found, looked))
    }

    /// Visits the chunks that begin between two seqs, the second one excluded, oldest first, but the newest of all.
    fn older_chunks(
        &self,
        conversation: ConversationId,
        (from, to): (Seq, Seq),
        mut each: impl FnMut(&[u8], LogPrefix) -> ControlFlow<()>,
    ) -> Result<(), ReadFault> {
        let mut newest = Vec::new();
        self.backward_key(keys::MESSAGE, conversation.0, u64::MAX, |key| newest = key.to_vec())?;
        let from = messages::chunk_key(conversation, from);
        let to = messages::chunk_key(conversation, to);
        if from >= to {
            return Ok(());
        }
        self.visit(&from, &to, |key, value| {
            if key == newest {
                return Ok(ControlFlow::Break(()));
            }
            let first = messages::first_of_key(key).ok_or(Malformed::Truncated("message key"))?;
            let chunk = Chunk::decode(value).map_err(Malformed::Packing)?;
            let last = chunk.iter().last().ok_or(Malformed::Truncated("chunk of messages"))?;
            let next = Seq(first.0 + chunk.count() as u64);
            let newest = Seq(next.0.saturating_sub(1));
            let (through, _): (Version, Message) =
                whole(last, |input| messages::decode_in_chunk(input, conversation, newest))?;
            Ok(each(key, LogPrefix { next, through }))
        })
    }
}
