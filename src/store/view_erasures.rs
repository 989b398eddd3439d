//! Erasures as a view sees them: who is erased, what of theirs the index still has, and how its chunks look without it.

use std::{collections::BTreeSet, ops::ControlFlow};

use super::{
    engine::prefix_end,
    erasures,
    field::Malformed,
    items,
    keys::{self, Key},
    messages,
    packing::{Chunk, ChunkBuilder},
    profiles,
    view::View,
    view_fault::ReadFault,
    view_scan::whole,
};
use crate::model::{ConversationId, Erasure, Kind, Seq, UserId, Version, record::Message};

/// What a user has alone, and nobody asks for when the user is no more: by the prefix of its keys, which the user's id
/// follows. Pointers and receipts say nothing of what was written and go by their own age.
const OWN_PREFIXES: [u8; 6] =
    [keys::ITEM, keys::ITEM_VERSION, keys::READING, keys::CONTACT_TALLY, keys::HOLDER, keys::PROFILE_CHANGE];

/// Chunks of a conversation that were looked at for messages of erased users.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct ErasedChunks {
    /// Keys of chunks that have such messages, with what the chunks are to be.
    pub rewrites: Vec<(Vec<u8>, Vec<u8>)>,
    /// How many were looked at.
    pub looked: usize,
    /// Where to go on; `None` at the end of what the index has for good.
    pub next: Option<Seq>,
}

impl View {
    /// How it stands with the erasure of a user, if the user was erased.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn erasure(&self, user: UserId) -> Result<Option<Erasure>, ReadFault> {
        match self.pin.erasure(user) {
            Some(erasure) => Ok(Some(erasure)),
            None => self.row(&erasures::key(user), erasures::decode),
        }
    }

    /// Erasures that the index knows and that are not done there, in the order of users, at most `max`. The index has
    /// everything that their users wrote.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn erasures_under_way(&self, max: usize) -> Result<Vec<Erasure>, ReadFault> {
        let mut found = Vec::new();
        let to = prefix_end(&[keys::ERASURE]).unwrap_or_default();
        self.visit(&[keys::ERASURE], &to, |_, value| {
            let erasure = whole(value, erasures::decode)?;
            // An index step that is under way may have brought the row before it brings the rest.
            if !erasure.is_done && erasure.begun <= self.pin.floor {
                found.push(erasure);
            }
            Ok(if found.len() == max { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        })?;
        Ok(found)
    }

    /// Whether the index has everything through a version.
    #[must_use]
    pub fn is_indexed(&self, version: Version) -> bool {
        version <= self.pin.floor
    }

    /// Looks at chunks of a conversation from a seq on, at most `chunks_max`, for messages of these users. A chunk that an
    /// index step may still write is left for later, since that step would be overwritten.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn erased_chunks(
        &self,
        conversation: ConversationId,
        users: &BTreeSet<UserId>,
        from: Seq,
        chunks_max: usize,
    ) -> Result<ErasedChunks, ReadFault> {
        let mut found = ErasedChunks::default();
        let to = Key::of(keys::MESSAGE).u64(conversation.0).u64(u64::MAX).done();
        self.visit(&messages::chunk_key(conversation, from), &to, |key, value| {
            let first = messages::first_of_key(key).ok_or(Malformed::Truncated("message key"))?;
            if found.looked == chunks_max {
                found.next = Some(first);
                return Ok(ControlFlow::Break(()));
            }
            found.looked += 1;
            let messages = messages_of(conversation, first, value)?;
            if messages.last().is_some_and(|(version, _)| *version > self.pin.floor) {
                return Ok(ControlFlow::Break(()));
            }
            if messages.iter().any(|(_, message)| is_left_of(users, message)) {
                found.rewrites.push((key.to_vec(), without(users, messages)));
            }
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(found)
    }

    /// Keys of what a user has alone, at most `max`.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn own_keys(&self, user: UserId, max: usize) -> Result<Vec<Vec<u8>>, ReadFault> {
        let mut found: Vec<Vec<u8>> = Vec::new();
        for prefix in OWN_PREFIXES {
            let from = Key::of(prefix).u64(user.0).done();
            let to = prefix_end(&from).unwrap_or_default();
            self.visit(&from, &to, |key, _| {
                if found.len() >= max {
                    return Ok(ControlFlow::Break(()));
                }
                // It says of others that this user had something of them, and goes first: it is found by this key alone.
                found.extend(holder_row(key));
                found.push(key.to_vec());
                Ok(ControlFlow::Continue(()))
            })?;
        }
        Ok(found)
    }
}

/// Of a key that says the version of an item of kind contacts, the key by which the item is found from the other side.
fn holder_row(key: &[u8]) -> Option<Vec<u8>> {
    let (owner, kind) = (key.get(1..9)?, key.get(9).filter(|_| key[0] == keys::ITEM_VERSION)?);
    let owner = UserId(u64::from_be_bytes(owner.try_into().ok()?));
    let other = items::contact_of_key(Kind(*kind), std::str::from_utf8(key.get(10..)?).ok()?)?;
    Some(profiles::holder_key(other, owner))
}

fn messages_of(
    conversation: ConversationId,
    first: Seq,
    value: &[u8],
) -> Result<Vec<(Version, Message)>, ReadFault> {
    let mut found = Vec::new();
    let mut seq = first;
    for record in Chunk::decode(value).map_err(Malformed::Packing)?.iter() {
        found.push(whole(record, |input| messages::decode_in_chunk(input, conversation, seq))?);
        seq = seq.next();
    }
    Ok(found)
}

/// Whether a message still says what one of these users wrote.
fn is_left_of(users: &BTreeSet<UserId>, message: &Message) -> bool {
    users.contains(&message.sender) && message.content.clone().erased() != message.content
}

/// The chunk with the same places, and nothing that these users wrote.
fn without(users: &BTreeSet<UserId>, messages: Vec<(Version, Message)>) -> Vec<u8> {
    let mut chunk = ChunkBuilder::new();
    let mut bytes = Vec::new();
    for (version, message) in messages {
        let message = if is_left_of(users, &message) { message.erased() } else { message };
        bytes.clear();
        messages::encode_in_chunk(&mut bytes, version, &message);
        chunk.push(&bytes).expect("an erased message is no longer than what it was");
    }
    chunk.encode()
}
