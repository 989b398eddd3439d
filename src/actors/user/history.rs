//! Repair and history: how far each conversation of a user goes, and its entries by seq. Reads only; no mark moves.

use highwater_wire::{Refusal, proto};
use proto::server_frame::Body;

use super::{naming, readings::with_unread};
use crate::{
    model::{
        ConversationId, Seq, UserId, Version,
        limits::PAGE_ENTRIES_MAX,
        record::{ItemValue, Message},
    },
    store::view::{ReadFault, View},
    sync::{LEVELS, Rendering, kinds::CONVERSATIONS},
};

/// Every place of a conversation.
const EVERYTHING: (Seq, Seq) = (Seq(0), Seq(u64::MAX));

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
    for value in items.iter().filter_map(|item| item.value.as_ref()) {
        let Some(conversation) = value.conversation() else { continue };
        let open = match value {
            ItemValue::Group { .. } => memberships(view, user, conversation)?.unwrap_or_default(),
            _ => vec![EVERYTHING],
        };
        let head = view.conversation_head(conversation)?;
        let seq = open.last().map_or(Seq(0), |(_, to)| head.min(*to));
        let from = open.first().map_or(Seq(1), |(from, _)| *from);
        // What was removed while this read goes on may reach above what it shows.
        let oldest = view.oldest_message(conversation)?.max(from).min(seq);
        let (conversation_id, seq, oldest_seq) = (conversation.0, seq.0, oldest.0);
        let head = proto::Head { conversation_id, seq, oldest_seq, ..proto::Head::default() };
        heads.push(match LEVELS.tells_counts(rendering) {
            true => with_unread(head, &view.unread(user, conversation)?),
            false => head,
        });
    }
    Ok(Ok(Body::Heads(proto::HeadList { heads, next })))
}

/// Entries of one of the user's conversations by seq, in order without a hole: as far as one membership goes, since a place
/// that is missing within an answer is a fault. What the user may read behind a place that is not for the user is told to
/// follow, like what does not fit. What waits to be expanded is read like everything else.
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
    let Some(open) = open_to(view, user, conversation)? else {
        return Ok(Err(Refusal::NoSuchConversation));
    };
    let seqs_in = |(from, to): (Seq, Seq)| (from.max(Seq(wanted.from_seq)), to.min(Seq(wanted.to_seq)));
    let mut runs = open.into_iter().map(seqs_in).filter(|(from, to)| from <= to);
    let (mut found, mut more) = (Vec::<Message>::new(), false);
    for seqs in runs.by_ref() {
        (found, more) = view.range(conversation, seqs, PAGE_ENTRIES_MAX, bytes_max)?;
        if !found.is_empty() {
            break;
        }
    }
    more |= !found.is_empty() && runs.next().is_some();
    let entries = naming::entries(view, user, rendering, found.iter())?;
    Ok(Ok(Body::Entries(proto::EntryList { conversation_id: conversation.0, entries, more })))
}

/// The places of a conversation that are for a user, both ends included, in order: all of a direct one, of a group those
/// within the memberships of the user, also of a former member. Nothing when the user never was in it.
fn open_to(
    view: &View,
    user: UserId,
    conversation: ConversationId,
) -> Result<Option<Vec<(Seq, Seq)>>, ReadFault> {
    let Some(row) = view.conversation(conversation)? else { return Ok(None) };
    if !row.is_group() {
        return Ok(row.peer_of(user).map(|_| vec![EVERYTHING]));
    }
    memberships(view, user, conversation)
}

fn memberships(
    view: &View,
    user: UserId,
    group: ConversationId,
) -> Result<Option<Vec<(Seq, Seq)>>, ReadFault> {
    let head = view.conversation_head(group)?;
    view.memberships(group, user, head)
}
