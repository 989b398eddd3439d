//! Repair and history: how far each conversation of a user goes, and its entries by seq. Reads only; no mark moves.

use highwater_wire::{Refusal, proto};
use proto::server_frame::Body;

use super::readings::with_unread;
use crate::{
    model::{ConversationId, Seq, UserId, Version, limits::PAGE_ENTRIES_MAX, record::ItemValue},
    store::view::{ReadFault, View},
    sync::{LEVELS, Rendering, kinds::CONVERSATIONS, render},
};

/// How far the user's conversations go, those after a place in the list.
///
/// # Errors
/// When the store cannot be read.
pub fn heads(
    view: &View,
    (user, rendering): (UserId, Rendering),
    wanted: &proto::Heads,
) -> Result<Result<Body, Refusal>, ReadFault> {
    let limit = usize::try_from(wanted.limit).unwrap_or(usize::MAX);
    let limit = if limit == 0 { PAGE_ENTRIES_MAX } else { limit.min(PAGE_ENTRIES_MAX) };
    if wanted.after > Version::MAX.0 {
        return Ok(Err(Refusal::InvalidField));
    }
    // A place in the list is the version of the conversation's item: one that changes meanwhile comes again later.
    let mut items = view.items_above(user, CONVERSATIONS, Version(wanted.after), limit + 1)?;
    let is_cut = items.len() > limit;
    items.truncate(limit);
    let next = items.last().filter(|_| is_cut).map_or(0, |last| last.version.0);
    let mut heads = Vec::with_capacity(items.len());
    for item in items {
        if let Some(conversation) = item.value.as_ref().and_then(ItemValue::conversation) {
            let seq = view.conversation_head(conversation)?;
            // What was removed while this read goes on may reach above what it shows.
            let oldest = view.oldest_message(conversation)?.min(seq);
            let (conversation_id, seq, oldest_seq) = (conversation.0, seq.0, oldest.0);
            let head = proto::Head { conversation_id, seq, oldest_seq, ..proto::Head::default() };
            heads.push(match LEVELS.tells_counts(rendering) {
                true => with_unread(head, &view.unread(user, conversation)?),
                false => head,
            });
        }
    }
    Ok(Ok(Body::Heads(proto::HeadList { heads, next })))
}

/// Entries of one of the user's conversations by seq.
///
/// # Errors
/// When the store cannot be read.
pub fn range(
    view: &View,
    user: UserId,
    rendering: Rendering,
    wanted: &proto::Range,
    bytes_max: usize,
) -> Result<Result<Body, Refusal>, ReadFault> {
    if wanted.from_seq > wanted.to_seq {
        return Ok(Err(Refusal::InvalidField));
    }
    let conversation = ConversationId(wanted.conversation_id);
    // Whether there is no such conversation or the user is not in it looks the same from outside.
    if view.conversation(conversation)?.and_then(|row| row.peer_of(user)).is_none() {
        return Ok(Err(Refusal::NoSuchConversation));
    }
    let seqs = (Seq(wanted.from_seq), Seq(wanted.to_seq));
    let (messages, more) = view.range(conversation, seqs, PAGE_ENTRIES_MAX, bytes_max)?;
    let entries = messages.iter().map(|message| render::entry(user, rendering, message)).collect();
    Ok(Ok(Body::Entries(proto::EntryList { conversation_id: conversation.0, entries, more })))
}
