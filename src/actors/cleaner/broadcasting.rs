//! Channels that everybody follows: the users who were there when it was said, so that the committer gives them the follow.
//!
//! How far that has come stands in the store, and each step says from where it goes on. So a step that is lost, with all
//! that were asked for behind it, is asked for again by the next pass, and nothing is remembered here.

use super::{
    finding::{Found, Place},
    schedule::Left,
};
use crate::{
    logic::{
        Request,
        broadcasts::{BroadcastRequest, USERS_PER_STEP},
    },
    model::{ConversationId, UserId, Version},
    store::view::{ReadFault, View},
};

/// Requests that a step of the cleaner makes. Source: with the users of each it reads 512 rows, 5 ms of a reader every
/// 100 ms, and the committer has room for sends between them; a million users take a little more than three minutes.
const REQUESTS_PER_STEP: usize = 8;

/// Where a pass is with a channel that everybody follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Broadcasting {
    channel: ConversationId,
    begun: Version,
    /// Behind whom it goes on, as the steps asked for so far will leave it; nothing when nobody is left.
    left_after: Option<UserId>,
}

/// Looks at what comes next. One that the index does not have yet waits: its users are found in the index.
pub(super) fn find(view: &View, at: Option<Broadcasting>) -> Result<Found, ReadFault> {
    let mut found = Found::at(Place::Erasing(None));
    let Some(mut at) = next(view, at, &mut found.left)? else { return Ok(found) };
    while let Some(after) = at.left_after.filter(|_| found.requests.len() < REQUESTS_PER_STEP) {
        let users = view.users_after(after, USERS_PER_STEP)?;
        let is_last = users.len() < USERS_PER_STEP;
        at.left_after = users.last().copied().filter(|_| !is_last);
        let (channel, begun) = (at.channel, at.begun);
        let step = BroadcastRequest::Step { channel, begun, after, users, is_last };
        found.requests.push(Request::Broadcast(step));
    }
    found.left = Left::Moves;
    found.next = Some(Place::Broadcasting(Some(at)));
    Ok(found)
}

/// The channel with which a pass goes on, in the order in which they stand: where it was, or behind it.
fn next(view: &View, at: Option<Broadcasting>, left: &mut Left) -> Result<Option<Broadcasting>, ReadFault> {
    if at.is_some_and(|at| at.left_after.is_some()) {
        return Ok(at);
    }
    for row in view.broadcasts()?.0 {
        let is_behind = at.is_none_or(|at| row.begun > at.begun);
        if !is_behind || row.left_after.is_none() {
            continue;
        }
        if view.is_indexed(row.begun) {
            let (channel, begun, left_after) = (row.channel, row.begun, row.left_after);
            return Ok(Some(Broadcasting { channel, begun, left_after }));
        }
        *left = Left::Waits;
    }
    Ok(None)
}
