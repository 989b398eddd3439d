//! Messages that the policy keeps no longer: the oldest one that can be read is raised first, by the committer, and a later
//! pass has what lies before it removed, by what the index itself says of it.

use super::finding::{Found, Judging, Place};
use crate::{
    logic::Request,
    model::{Bodies, ConversationId, Version, record::Conversation},
    store::view::{ReadFault, View},
};

/// Conversations that a step looks at. Source: six short reads each, about 60 µs, so 6 ms of a reader every 100 ms.
const CONVERSATIONS_PER_STEP: usize = 100;

/// Chunks of messages that a step looks at. Source: 10 to 40 µs each, by their size. What is left of a conversation is
/// found by the next pass.
const CHUNKS_PER_STEP: usize = 512;

/// Looks at the next conversations.
pub(super) fn find(
    view: &View,
    after: Option<ConversationId>,
    judging: &Judging,
) -> Result<Found, ReadFault> {
    let rows = view.conversations_after(after, CONVERSATIONS_PER_STEP)?;
    let is_last = rows.len() < CONVERSATIONS_PER_STEP;
    let through = let_go_through(view, judging);
    let mut found = Found::at(Place::Bodies(after));
    let mut chunks_left = CHUNKS_PER_STEP;
    for row in rows {
        found.keys.extend(view.removable_messages(row.conversation, row.oldest, found.room())?);
        if found.room() == 0 {
            // There may be more of this conversation: the next step looks at it again.
            return Ok(found);
        }
        chunks_left -= retire(view, &row, through, chunks_left, &mut found)?;
        found.next = Some(Place::Bodies(Some(row.conversation)));
        if chunks_left == 0 {
            return Ok(found);
        }
    }
    if is_last {
        found.next = Some(Place::AWAITED);
    }
    Ok(found)
}

/// The newest version whose message the policy would let go.
fn let_go_through(view: &View, judging: &Judging) -> Version {
    match judging.retentions.bodies {
        Bodies::Forever => Version(0),
        Bodies::UntilDelivered => Version::MAX,
        policy @ Bodies::Days(_) => judging.past(&view.horizon(), policy.retention_ms().unwrap_or(i64::MAX)),
    }
}

/// Asks for the oldest message to be raised, if it can be. Returns at how many chunks it looked.
fn retire(
    view: &View,
    row: &Conversation,
    through: Version,
    chunks_max: usize,
    found: &mut Found,
) -> Result<usize, ReadFault> {
    let mut through = through;
    for member in row.members {
        through = through.min(view.lineages(member)?.floor);
    }
    let conversation = row.conversation;
    let oldest = view.oldest_message(conversation)?;
    let (prefix, looked) = view.older_messages(conversation, oldest, through, chunks_max)?;
    if let Some(prefix) = prefix {
        let (member, oldest, through) = (row.members[0], prefix.next, prefix.through);
        found.requests.push(Request::RetireBodies { member, conversation, oldest, through });
    }
    Ok(looked)
}
