//! Erasures under way: what others have of the erased users, where they are to be told, and what of theirs the index still
//! holds. A pass that finds nothing left of it marks them as done.
//!
//! What a step asks the committer for and what it has rewritten is found gone by the next pass, so nothing is remembered:
//! how far the telling has come stands in the store, and the rest is looked for anew.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    finding::{Found, Place},
    schedule::Left,
};
use crate::{
    logic::{Request, operation::ErasureRequest},
    model::{Contact, ConversationId, Erasure, Seq, UserId, Version, record::Conversation},
    store::{
        erasures,
        view::{ReadFault, View},
    },
};

/// Erasures that a pass works on; more wait for the next. Source: of each user a step then reads as many rows.
const ERASURES_PER_PASS: usize = 16;

/// Users that a step looks at, for what they have of those who are erased. Source: with the above 2,048 reads of 5 µs.
const USERS_PER_STEP: usize = 128;

/// Conversations that a step looks at. Source: most are of others, and cost one read of a row.
const CONVERSATIONS_PER_STEP: usize = 256;

/// Chunks of messages that a step looks at. Source: 10 to 40 µs each, so 10 ms of a reader every 100 ms.
const CHUNKS_PER_STEP: usize = 256;

/// Chunks that are read before it is looked at what they came to.
const CHUNKS_PER_READ: usize = 16;

/// Stages that a step goes through: most conversations are short. Source: with the above it still reads for some 10 ms.
const STAGES_PER_STEP: usize = 32;

/// Bytes that a step has rewritten, after which it ends; a chunk has 8 KiB at most. Source: so they wait in memory.
const REWRITES_BYTES_MAX: usize = 512 * 1024;

/// Requests that a step makes, after which it ends: what the committer refuses for want of room is asked for again.
const REQUESTS_MAX: usize = 128;

/// Where a pass is with its erasures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Erasing {
    /// On which it works; how far each has told is as the steps asked for so far will leave it.
    told: BTreeMap<UserId, ConversationId>,
    stage: Stage,
    /// Nothing was found yet that is left of them.
    is_clean: bool,
    /// There are others, which have to wait.
    others_wait: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// At what the users after this one have of those who are erased.
    Contacts(Option<UserId>),
    /// At the conversations after this one.
    Conversations(Option<ConversationId>),
    /// Within the log of this one, from a seq on.
    Log(ConversationId, Seq),
}

/// Begins with what is under way; there is nothing to do when nothing is. One that the index does not have yet waits:
/// whom it concerns is found in the index.
pub(super) fn begin(view: &View, awaited: Version) -> Result<Found, ReadFault> {
    let mut told = BTreeMap::new();
    for erasure in view.erasures_under_way(ERASURES_PER_PASS)? {
        let newest = view.erasure(erasure.user)?.unwrap_or(erasure);
        told.insert(erasure.user, newest.told);
    }
    let others_wait = told.len() == ERASURES_PER_PASS || !view.is_indexed(awaited);
    if told.is_empty() {
        let left = if others_wait { Left::Waits } else { Left::Nothing };
        return Ok(Found { next: None, left, ..Found::at(Place::Erasing(None)) });
    }
    let at = Erasing { told, stage: Stage::Contacts(None), is_clean: true, others_wait };
    Ok(Found::at(Place::Erasing(Some(at))))
}

/// Looks at what comes next.
pub(super) fn find(view: &View, mut at: Erasing) -> Result<Found, ReadFault> {
    let mut found = Found::at(Place::Erasing(None));
    for _ in 0..STAGES_PER_STEP {
        let next = match at.stage {
            Stage::Contacts(after) => contacts(view, &at, after, &mut found)?,
            Stage::Conversations(after) => conversations(view, &mut at, after, &mut found)?,
            Stage::Log(conversation, from) => log(view, &at, conversation, from, &mut found)?,
        };
        at.is_clean &= found.requests.is_empty() && found.rewrites.is_empty();
        match next {
            Some(stage) => at.stage = stage,
            None => {
                found.left = end(view, &at, &mut found)?;
                found.next = None;
                return Ok(found);
            }
        }
        if found.requests.len() >= REQUESTS_MAX || bytes_of(&found) >= REWRITES_BYTES_MAX {
            break;
        }
    }
    found.next = Some(Place::Erasing(Some(at)));
    Ok(found)
}

fn bytes_of(found: &Found) -> usize {
    found.rewrites.iter().map(|(_, value)| value.len()).sum()
}

fn contacts(
    view: &View,
    at: &Erasing,
    after: Option<UserId>,
    found: &mut Found,
) -> Result<Option<Stage>, ReadFault> {
    let rows = view.lineages_after(after, USERS_PER_STEP)?;
    let is_last = rows.len() < USERS_PER_STEP;
    let mut after = after;
    for owner in rows.iter().map(|row| row.user) {
        for user in at.told.keys().filter(|_| !at.told.contains_key(&owner)) {
            let left = view.contact(owner, *user)?;
            if left.is_some_and(|left| *left != Contact::erased(*user)) {
                found.requests.push(Request::Erase(ErasureRequest::Contact { user: *user, owner }));
            }
        }
        after = Some(owner);
        if found.requests.len() >= REQUESTS_MAX {
            return Ok(Some(Stage::Contacts(after)));
        }
    }
    Ok(Some(if is_last { Stage::Conversations(None) } else { Stage::Contacts(after) }))
}

fn conversations(
    view: &View,
    at: &mut Erasing,
    after: Option<ConversationId>,
    found: &mut Found,
) -> Result<Option<Stage>, ReadFault> {
    let rows = view.conversations_after(after, CONVERSATIONS_PER_STEP)?;
    let is_last = rows.len() < CONVERSATIONS_PER_STEP;
    let mut after = after;
    for row in rows {
        let conversation = row.conversation;
        for (user, told) in &mut at.told {
            if *told < conversation && is_in(view, &row, *user)? {
                let (user, after) = (*user, *told);
                found.requests.push(Request::Erase(ErasureRequest::Conversation {
                    user,
                    after,
                    conversation,
                }));
                *told = conversation;
            }
        }
        after = Some(conversation);
        // In a group may be what somebody wrote who is forgotten there.
        if row.is_group() || at.told.keys().any(|user| row.members.contains(user)) {
            return Ok(Some(Stage::Log(conversation, row.oldest)));
        }
    }
    Ok((!is_last).then_some(Stage::Conversations(after)))
}

/// Whether the user has or had a part in the conversation, or asked for one.
fn is_in(view: &View, row: &Conversation, user: UserId) -> Result<bool, ReadFault> {
    if !row.is_group() {
        return Ok(row.members.contains(&user));
    }
    let group = row.conversation;
    Ok(view.member(group, user)?.is_some()
        || view.follow(user, group)?.is_some()
        || view.door(group)?.asking.iter().any(|asking| asking.user == user))
}

fn log(
    view: &View,
    at: &Erasing,
    conversation: ConversationId,
    from: Seq,
    found: &mut Found,
) -> Result<Option<Stage>, ReadFault> {
    let users: BTreeSet<UserId> = at.told.keys().copied().collect();
    let (mut from, mut looked) = (from, 0);
    while looked < CHUNKS_PER_STEP && bytes_of(found) < REWRITES_BYTES_MAX {
        let chunks = view.erased_chunks(conversation, &users, from, CHUNKS_PER_READ)?;
        looked += chunks.looked;
        found.rewrites.extend(chunks.rewrites);
        match chunks.next {
            Some(next) => from = next,
            None => return Ok(Some(Stage::Conversations(Some(conversation)))),
        }
    }
    Ok(Some(Stage::Log(conversation, from)))
}

/// What the users have alone goes last, when nobody is to be told any more. When that is gone too, they are done.
fn end(view: &View, at: &Erasing, found: &mut Found) -> Result<Left, ReadFault> {
    let mut done = 0;
    for (user, told) in &at.told {
        let erasure = view.erasure(*user)?;
        let Some(erasure) = erasure.filter(|erasure| at.is_clean && erasure.told == *told) else { continue };
        let keys = view.own_keys(*user, found.room())?;
        if keys.is_empty() {
            let mut row = Vec::new();
            erasures::encode(&mut row, &Erasure { is_done: true, ..erasure });
            found.rewrites.push((erasures::key(*user), row));
            done += 1;
        }
        found.keys.extend(keys);
    }
    Ok(if done == at.told.len() && !at.others_wait {
        Left::Nothing
    } else if !at.is_clean || done > 0 || !found.keys.is_empty() {
        Left::Moves
    } else {
        Left::Waits
    })
}
