//! The decisions on lineages: which there are, how far each has everything, and what may be removed because of it.

use highwater_wire::Refusal;

use super::{
    decide::{Decided, Needs, authorise},
    operation::{Answer, Principal},
    state::{Need, State},
};
use crate::model::{
    DeviceId, Effect, KindSet, Lineage, LineageId, Lineages, TimeMs, UserId, Version, limits::KINDS_MAX,
};

/// A hello that says something new about a lineage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenLineage {
    /// Who says it.
    pub by: Principal,
    /// For which context of the device.
    pub context: u8,
    /// Kinds that are declared.
    pub kinds: KindSet,
}

/// How far one lineage has everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HandedBack {
    /// Which.
    pub lineage: LineageId,
    /// Marks by kind, from a snapshot that this server gave.
    pub marks: [Version; KINDS_MAX],
}

/// A lineage that was heard of within this time is not written anew just because it is heard of again: a quarter of the
/// expiry, but no longer than half a day, which costs two small records a day.
#[must_use]
pub fn heard_step_ms(lineage_expiry_ms: i64) -> i64 {
    const HALF_DAY_MS: i64 = 12 * 60 * 60 * 1000;
    (lineage_expiry_ms / 4).min(HALF_DAY_MS)
}

/// Context of the app itself on a device; others are its extensions.
const APP: u8 = 0;

/// Adds the app's lineage of a new device. Needs the user's lineages in memory.
pub(super) fn add_device(
    state: &mut State,
    user: UserId,
    device: DeviceId,
    from: Version,
    version: Version,
) -> Effect {
    let id = LineageId { device, context: APP };
    let at = state.time.at();
    change(state, user, version, |lineages| lineages.add(Lineage::new(id, from, KindSet::ALL, at)))
}

/// Removes every lineage of devices that ended: nothing is kept for them any more.
pub(super) fn end_devices(
    state: &mut State,
    user: UserId,
    devices: &[DeviceId],
    version: Version,
) -> Option<Effect> {
    let held = state.lineages.get(&user)?;
    if !held.rows.iter().any(|row| devices.contains(&row.id.device)) {
        return None;
    }
    let since = state.heard_since();
    Some(change(state, user, version, |lineages| {
        lineages.rows.retain(|row| !devices.contains(&row.id.device));
        lineages.raise_floor(since);
    }))
}

pub(super) fn change(
    state: &mut State,
    user: UserId,
    version: Version,
    change: impl FnOnce(&mut Lineages),
) -> Effect {
    let mut lineages = state.lineages.get(&user).cloned().unwrap_or_else(|| Lineages::none(user));
    change(&mut lineages);
    state.lineages.change(user, lineages.clone(), version);
    Effect::Lineages(lineages)
}

pub(super) fn open_needs(needs: &mut Needs<'_>, open: &OpenLineage) {
    needs.need(Need::Device(open.by.device));
    needs.need(Need::Lineages(open.by.user));
    head_needs(needs, open.by.user);
}

/// What must be in memory to begin messages at the head.
pub(super) fn head_needs(needs: &mut Needs<'_>, user: UserId) {
    needs.need(Need::Inbox(user));
    needs.need(Need::FollowCount(user));
}

/// Where a lineage begins with messages that is given none of those before this operation: at the newest of the inbox. What
/// is newest of the channels that a user follows is not known here, but it is older than the operation itself.
pub(super) fn head(state: &State, user: UserId, version: Version) -> Version {
    let follows = state.follow_counts.get(&user).is_some_and(|follows| *follows > 0);
    if follows { version } else { state.inboxes.get(&user).copied().unwrap_or_default() }
}

/// A device says hello for one of its contexts: a new one begins with messages at the head; a known one declares its
/// kinds anew, and is heard of.
pub(super) fn open(state: &mut State, open: &OpenLineage, version: Version) -> Result<Decided, Refusal> {
    authorise(state, open.by)?;
    let (at, step_ms) = (state.time.at(), state.heard_step_ms());
    let user = open.by.user;
    let id = LineageId { device: open.by.device, context: open.context };
    let head = head(state, user, version);
    let held = state.lineages.get(&user).and_then(|lineages| lineages.get(id)).copied();
    if let Some(held) = held
        && !is_news(&held, open.kinds, at, step_ms)
    {
        return Ok(Decided::unchanged(Answer::LineageOpened(held)));
    }
    let opened = match held {
        Some(held) => Lineage { kinds: open.kinds, heard: held.heard.max(at), ..held },
        None => Lineage::new(id, head, open.kinds, at),
    };
    let effect = change(state, user, version, |lineages| match lineages.get_mut(id) {
        Some(row) => *row = opened,
        None => lineages.add(opened),
    });
    Ok(Decided::changed(version, vec![effect], Answer::LineageOpened(opened)))
}

/// Whether a hello says something about a lineage that is not stored.
#[must_use]
pub fn is_news(held: &Lineage, kinds: KindSet, at: TimeMs, step_ms: i64) -> bool {
    held.kinds != kinds || held.hearing_is_news(at, step_ms)
}

/// Stores the marks that lineages handed back, and raises the floor when that raises the least of them. Marks never
/// fall; a lineage that is no more is passed over.
pub(super) fn hand_back(state: &mut State, user: UserId, handed: &[HandedBack], version: Version) -> Decided {
    let (at, step_ms, since) = (state.time.at(), state.heard_step_ms(), state.heard_since());
    let Some(held) = state.lineages.get(&user) else {
        return Decided::unchanged(Answer::Done);
    };
    let mut lineages = held.clone();
    let mut changed = false;
    for one in handed {
        if let Some(row) = lineages.get_mut(one.lineage) {
            changed |= row.lacks(&one.marks) || row.hearing_is_news(at, step_ms);
            row.hand_back(&one.marks, at);
        }
    }
    if !changed {
        return Decided::unchanged(Answer::Done);
    }
    lineages.raise_floor(since);
    state.lineages.change(user, lineages.clone(), version);
    Decided::changed(version, vec![Effect::Lineages(lineages)], Answer::Done)
}

/// Raises the floor where only time stood in the way: lineages have expired. Nothing expires while time is suspended.
pub(super) fn expire(state: &mut State, user: UserId, version: Version) -> Decided {
    let since = state.heard_since();
    let due = state.lineages.get(&user).is_some_and(|lineages| lineages.floor_is_due(since));
    if !due {
        return Decided::unchanged(Answer::Done);
    }
    let effect = change(state, user, version, |lineages| lineages.raise_floor(since));
    Decided::changed(version, vec![effect], Answer::Done)
}
