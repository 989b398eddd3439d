//! Repair and history: how far each conversation of a user goes, and its entries by seq. Reads only; no mark moves.

use highwater_wire::{Refusal, proto};
use proto::server_frame::Body;

use super::{naming, page_limit::page_limit, readings::with_unread};
use crate::{
    model::{
        ConversationId, Seq, Time, UserId, Version,
        limits::PAGE_ENTRIES_MAX,
        record::{ItemValue, Message},
    },
    store::view::{ReadFault, View},
    sync::{LEVELS, Rendering, kinds::CONVERSATIONS},
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
    let limit = page_limit(wanted.limit, PAGE_ENTRIES_MAX);
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
        let (head, count) = view.conversation_count(conversation)?;
        let times = match value {
            ItemValue::Group { .. } => view.times(conversation, user, head)?,
            _ => vec![Time::EVERYTHING],
        };
        // Where a channel said nothing since it is followed again, the newest is of the time before.
        let newest = times.iter().rfind(|time| time.first <= head).or(times.last());
        let seq = newest.map_or(Seq(0), |time| head.min(time.last));
        // What was removed while this read goes on may reach above what it shows.
        let oldest = view.oldest_message(conversation)?.min(seq);
        // Of one that said nothing since it is followed for the first time, the oldest is the one that comes next.
        let oldest = oldest.max(times.first().map_or(Seq(0), |first| first.first));
        let (conversation_id, seq, oldest_seq) = (conversation.0, seq.0, oldest.0);
        let told = proto::Head { conversation_id, seq, oldest_seq, ..proto::Head::default() };
        heads.push(match LEVELS.tells_counts(rendering) {
            true => {
                let last = times.last().copied();
                with_unread(told, &view.unread_within((user, conversation), (head, count), last)?)
            }
            false => told,
        });
    }
    Ok(Ok(Body::Heads(proto::HeadList { heads, next })))
}

/// Entries of one of the user's conversations by seq, in order without a hole: as far as one time goes in which a group or
/// a channel was the user's, since a place that is missing within an answer is a fault. What the user may read behind a
/// place that is not for the user is told to follow, like what does not fit. What waits to be expanded is read like
/// everything else.
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
    let seqs_in = |time: Time| (time.first.max(Seq(wanted.from_seq)), time.last.min(Seq(wanted.to_seq)));
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

/// The times in which a conversation is for a user, in order: all of a direct one; of a group the memberships, also of a
/// former member, and of a channel the follows, as far as something was said in them. Nothing when the user never was in it.
fn open_to(view: &View, user: UserId, conversation: ConversationId) -> Result<Option<Vec<Time>>, ReadFault> {
    let Some(row) = view.conversation(conversation)? else { return Ok(None) };
    if !row.is_group() {
        return Ok(row.peer_of(user).map(|_| vec![Time::EVERYTHING]));
    }
    let head = view.conversation_head(conversation)?;
    let times = view.times(conversation, user, head)?;
    if times.is_empty() {
        return Ok(None);
    }
    let spoken = times.into_iter().map(|time| Time { last: time.last.min(head), ..time });
    Ok(Some(spoken.filter(|time| time.first <= time.last).collect()))
}
