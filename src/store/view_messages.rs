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
use crate::model::{ConversationId, Seq, Version, record::Message};

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

    /// Entries of a conversation by seq, both ends included, oldest first: at most `entries_max`, and as many as fit
    /// `bytes_max`, but at least one if there is one. True when not everything fitted. What the policy removed is left
    /// out, also what it removes meanwhile.
    ///
    /// # Errors
    /// When the index cannot be read, or a message is missing.
    pub fn range(
        &self,
        conversation: ConversationId,
        (from, to): (Seq, Seq),
        entries_max: usize,
        bytes_max: usize,
    ) -> Result<(Vec<Message>, bool), ReadFault> {
        let mut oldest = self.oldest_message(conversation)?;
        loop {
            let seqs = (from.max(oldest), to);
            match self.range_kept(conversation, seqs, entries_max, bytes_max) {
                // Looked at after the scan: cleanup raises the oldest first, and removes then.
                Err(ReadFault::MissingMessage { .. }) if self.oldest_message(conversation)? > oldest => {
                    oldest = self.oldest_message(conversation)?;
                }
                found => return found,
            }
        }
    }

    fn range_kept(
        &self,
        conversation: ConversationId,
        (from, to): (Seq, Seq),
        entries_max: usize,
        bytes_max: usize,
    ) -> Result<(Vec<Message>, bool), ReadFault> {
        let to = to.min(self.conversation_head(conversation)?);
        let recent = self.pin.messages_from(conversation, from.max(Seq(1)));
        let first_recent = recent.first().map(|delivery| delivery.message.seq);
        let mut found: Vec<Message> = Vec::new();
        let (mut chunks, mut bytes) = (HashMap::new(), 0);
        let mut seq = from.max(Seq(1));
        while seq <= to {
            let message = match first_recent {
                Some(first) if seq >= first => {
                    let place = usize::try_from(seq.0 - first.0).unwrap_or(usize::MAX);
                    let recent = recent.get(place).map(|delivery| self.pin.shown(delivery.message.clone()));
                    recent.ok_or(ReadFault::MissingMessage { conversation, seq })?
                }
                _ => self.message(&mut chunks, conversation, seq)?,
            };
            bytes += message.content.bytes();
            if found.len() == entries_max || (bytes > bytes_max && !found.is_empty()) {
                return Ok((found, true));
            }
            found.push(message);
            seq = seq.next();
        }
        Ok((found, false))
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
    pub(super) fn message_chunk(
        &self,
        conversation: ConversationId,
        seq: Seq,
    ) -> Result<Vec<Message>, ReadFault> {
        let chunk = self.versioned_chunk(conversation, seq)?;
        Ok(chunk.into_iter().map(|(_, message)| message).collect())
    }

    /// The same with the version of each message.
    pub(super) fn versioned_chunk(
        &self,
        conversation: ConversationId,
        seq: Seq,
    ) -> Result<Vec<(Version, Message)>, ReadFault> {
        let mut found: Vec<(Version, Message)> = Vec::new();
        let from = messages::chunk_key(conversation, Seq(0));
        let to = Key::of(keys::MESSAGE).u64(conversation.0).u64(seq.0.saturating_add(1)).done();
        self.scan(&from, &to, Direction::Backward, |key, value| {
            let mut seq = messages::first_of_key(key).ok_or(Malformed::Truncated("message key"))?;
            for record in Chunk::decode(value).map_err(Malformed::Packing)?.iter() {
                let (version, message) =
                    whole(record, |input| messages::decode_in_chunk(input, conversation, seq))?;
                found.push((version, self.pin.shown(message)));
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
