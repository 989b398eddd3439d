//! What one step of the cleaner finds: keys that nobody needs any more, and what the committer has to decide before more
//! can go.

use std::collections::BTreeMap;

use super::{
    bodies,
    broadcasting::{self, Broadcasting},
    erasing::{self, Erasing},
    schedule::Left,
};
use crate::{
    logic::Request,
    model::{
        Bodies, ConversationId, HeardSince, Horizon, Kind, Lineages, Retentions, TimeMs, UserId, Version,
    },
    store::view::{ReadFault, View},
};

/// Users that a step looks at. Source: four short reads each, about 40 µs, so 10 ms of a reader every 100 ms.
const USERS_PER_STEP: usize = 250;

/// Index keys that a step removes at most: one batch of the index. More wait for the next step.
const KEYS_PER_STEP: usize = 256;

/// Where a pass is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// At the users after this one.
    Users(Option<UserId>),
    /// At the tombstones after this key.
    Tombstones(Option<Vec<u8>>),
    /// At the logs of the conversations after this one.
    Bodies(Option<ConversationId>),
    /// At channels that everybody is to follow; first to look which there are.
    Broadcasting(Option<Broadcasting>),
    /// At the erasures under way; first to look which there are.
    Erasing(Option<Erasing>),
}

impl Place {
    /// Where every pass begins.
    pub const BEGIN: Place = Place::Users(None);

    /// Where a pass begins through what others wait for, and where every pass comes to it.
    pub const AWAITED: Place = Place::Broadcasting(None);

    /// Whether it is among what others wait for.
    #[must_use]
    pub fn is_awaited(&self) -> bool {
        matches!(self, Place::Broadcasting(_) | Place::Erasing(_))
    }
}

/// By what a step judges. The committer judges again, by its own time.
#[derive(Debug, Clone, Copy)]
pub struct Judging {
    /// Lineages heard of after it are live.
    pub since: HeardSince,
    /// The observed time; none while nothing may expire.
    pub now: Option<TimeMs>,
    /// How long things are kept.
    pub retentions: Retentions,
    /// The newest erasure or broadcast that the cleaner was told of. Until the index has it, it is waited for.
    pub awaited: Version,
}

impl Judging {
    pub(super) fn past(&self, horizon: &Horizon, retention_ms: i64) -> Version {
        let before = self.now.map(|now| TimeMs(now.0.saturating_sub(retention_ms)));
        before.map_or(Version(0), |before| horizon.past(before))
    }
}

/// What one step found.
pub struct Found {
    /// To be removed from the index.
    pub keys: Vec<Vec<u8>>,
    /// Values of keys of the index in place of those that they have: the same without what erased users wrote.
    pub rewrites: Vec<(Vec<u8>, Vec<u8>)>,
    /// To be decided, so that a later pass finds more.
    pub requests: Vec<Request>,
    /// Where the next step goes on; `None` when the pass has reached its end.
    pub next: Option<Place>,
    /// What is left of that for which others wait.
    pub left: Left,
}

impl Found {
    pub(super) fn at(place: Place) -> Found {
        let (keys, rewrites, requests) = (Vec::new(), Vec::new(), Vec::new());
        Found { keys, rewrites, requests, next: Some(place), left: Left::Nothing }
    }

    pub(super) fn room(&self) -> usize {
        KEYS_PER_STEP.saturating_sub(self.keys.len())
    }
}

/// Looks at what comes next in a pass.
///
/// # Errors
/// When the index cannot be read.
pub fn find(view: &View, place: Place, judging: &Judging) -> Result<Found, ReadFault> {
    match place {
        Place::Users(after) => of_users(view, after, judging),
        Place::Tombstones(after) => of_tombstones(view, after.as_deref(), judging),
        Place::Bodies(after) => bodies::find(view, after, judging),
        Place::Broadcasting(at) => broadcasting::find(view, at),
        Place::Erasing(None) => erasing::begin(view, judging.awaited),
        Place::Erasing(Some(at)) => erasing::find(view, at),
    }
}

fn of_users(view: &View, after: Option<UserId>, judging: &Judging) -> Result<Found, ReadFault> {
    let users = view.lineages_after(after, USERS_PER_STEP)?;
    let is_last = users.len() < USERS_PER_STEP;
    let horizon = view.horizon();
    let past = judging.past(&horizon, judging.retentions.inbox_ms);
    let mut found = Found::at(Place::Users(after));
    for lineages in users {
        floor_of(view, &lineages, past, judging.since, &mut found)?;
        follows_of(view, &lineages, past, &mut found)?;
        let through = lineages.removable_through();
        if through > Version(0) {
            found.keys.extend(view.removable_chunks(lineages.user, through, found.room())?);
        }
        found.keys.extend(view.receipt_chunks_before(lineages.user, horizon.receipts_from, found.room())?);
        if found.room() == 0 {
            // There may be more of this user: the next step looks at it again.
            return Ok(found);
        }
        found.next = Some(Place::Users(Some(lineages.user)));
    }
    if is_last {
        found.next = Some(Place::Tombstones(None));
    }
    Ok(found)
}

/// Times in which a user followed a channel that are past retention: the floor is raised to the last post first, and a
/// later pass has the time forgotten.
fn follows_of(view: &View, lineages: &Lineages, past: Version, found: &mut Found) -> Result<(), ReadFault> {
    let user = lineages.user;
    for (channel, through, last) in view.ended_follows(user, past)? {
        found.requests.push(if last > lineages.floor {
            Request::RetireInbox { user, through: last }
        } else {
            Request::ForgetFollow { user, channel, through, last }
        });
    }
    Ok(())
}

/// The oldest tombstones: the floor of their kind is raised first, and a later pass has them removed.
fn of_tombstones(view: &View, after: Option<&[u8]>, judging: &Judging) -> Result<Found, ReadFault> {
    let past = judging.past(&view.horizon(), judging.retentions.tombstones_ms);
    let due = view.tombstones_through(after, past, KEYS_PER_STEP)?;
    let last = due.last().filter(|_| due.len() == KEYS_PER_STEP).map(|tombstone| tombstone.key.clone());
    let mut found = Found::at(Place::Tombstones(last.clone()));
    let mut by_kind: BTreeMap<(UserId, Kind), Vec<(String, Version)>> = BTreeMap::new();
    for tombstone in due {
        if tombstone.is_item {
            let of_kind = by_kind.entry((tombstone.user, tombstone.kind)).or_default();
            of_kind.push((tombstone.item, tombstone.version));
        } else {
            found.keys.push(tombstone.key);
        }
    }
    for ((user, kind), mut tombstones) in by_kind {
        let floor = view.lineages(user)?.tombstones[usize::from(kind.0) - 1];
        if let Some((_, through)) = tombstones.last().filter(|(_, newest)| *newest > floor) {
            found.requests.push(Request::RetireTombstones { user, kind, through: *through });
        }
        tombstones.retain(|(_, version)| *version <= floor);
        if !tombstones.is_empty() {
            found.requests.push(Request::RemoveTombstones { user, kind, tombstones });
        }
    }
    if last.is_none() {
        let goes = judging.retentions.bodies != Bodies::Forever;
        found.next = Some(if goes { Place::Bodies(None) } else { Place::AWAITED });
    }
    Ok(found)
}

/// Whether the floor of an inbox can be raised: lineages have expired, or entries are past their retention.
fn floor_of(
    view: &View,
    lineages: &Lineages,
    past: Version,
    since: HeardSince,
    found: &mut Found,
) -> Result<(), ReadFault> {
    let user = lineages.user;
    if lineages.floor_is_due(since) {
        found.requests.push(Request::Expire(user));
    }
    if past > lineages.floor
        && let Some(through) = view.newest_entry_through(user, past)?
        && through > lineages.floor
    {
        found.requests.push(Request::RetireInbox { user, through });
    }
    Ok(())
}
