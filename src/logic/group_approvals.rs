//! Groups that want to be asked: who comes by a link waits until owner or admins let him in.
//!
//! What waits stands in the row of the door. The log says that somebody asks, by whose link, and not who: so every device
//! of owner and admins is told to look in the order of the log, and a request costs one entry, however many they are.
//! A refusal is told to nobody. Until a request expires the same user makes no second one, whatever became of it, so
//! that nobody fills the log by asking.

use highwater_wire::Refusal;

use super::{
    decide::Decided,
    fan_out::{check_queue, head_of},
    gone::is_gone,
    group_changes::{apply, write_notice},
    group_doors::put_door,
    groups::joining,
    operation::Answer,
    state::{GroupState, State},
    visible_text,
};
use crate::model::{
    Asking, AskingState, ConversationId, Door, Effect, Notice, TimeMs, UserId, Version,
    limits::{GREETING_CHARS_MAX, JOIN_REQUESTS_MAX},
};

/// The door after the same user asked once more; nothing when nothing was asked that still counts.
pub(super) fn asked_before(
    door: &Door,
    at: TimeMs,
    (user, greeting): (UserId, &str),
) -> Result<Option<Door>, Refusal> {
    let is_same = |asking: &&mut Asking| asking.user == user && !asking.is_expired(at);
    let mut door = door.clone();
    let Some(asked) = door.asking.iter_mut().find(is_same) else { return Ok(None) };
    // A refusal stays one, and is not told; who waits is asked for once, by the first greeting.
    if asked.state == AskingState::Withdrawn {
        check_greeting(greeting)?;
        asked.state = AskingState::Waiting;
        greeting.clone_into(&mut asked.greeting);
    }
    Ok(Some(door))
}

fn check_greeting(greeting: &str) -> Result<(), Refusal> {
    let is_right = greeting.chars().count() <= GREETING_CHARS_MAX && visible_text::is_lines(greeting);
    if is_right { Ok(()) } else { Err(Refusal::InvalidField) }
}

/// What was asked stands already, or stands again.
pub(super) fn asked_again(state: &mut State, group: ConversationId, door: Door, version: Version) -> Decided {
    put_if_changed(state, group, door, Answer::Asked(group), version)
}

/// The door with one more who asks.
pub(super) fn with_asking(
    held: &GroupState,
    door: Door,
    at: TimeMs,
    (user, greeting): (UserId, &str),
) -> Result<Door, Refusal> {
    check_greeting(greeting)?;
    let counts = |asking: &&Asking| {
        asking.user != user && !asking.is_expired(at) && held.present(asking.user).is_none()
    };
    let mut asking: Vec<Asking> = door.asking.iter().filter(counts).cloned().collect();
    if asking.len() >= JOIN_REQUESTS_MAX {
        let over = asking.iter().position(|asking| asking.state != AskingState::Waiting);
        asking.remove(over.ok_or(Refusal::TooManyRequests)?);
    }
    asking.push(Asking { user, at, greeting: greeting.to_owned(), state: AskingState::Waiting });
    Ok(Door { asking, ..door })
}

/// Somebody asks, by a link of this maker: owner and admins see who in the door.
pub(super) fn ask(
    state: &mut State,
    (at, maker): (TimeMs, UserId),
    door: Door,
    version: Version,
) -> Result<Decided, Refusal> {
    let group = door.group;
    let held = state.groups.get(&group).and_then(Option::as_ref).expect("a group that is asked is held");
    check_queue(state, held)?;
    let seq = head_of(state, group).next();
    let mut effects = vec![put_door(state, door, version)];
    write_notice(state, &mut effects, (at, group, maker, seq), Notice::Asked, version);
    Ok(Decided::changed(version, effects, Answer::Asked(group)))
}

/// Who asked becomes a member, also one who was removed. It is his own will, so it is not asked whom he blocks.
pub(super) fn accept(
    state: &mut State,
    at: TimeMs,
    (by, group): (UserId, ConversationId),
    user: UserId,
    version: Version,
) -> Result<Decided, Refusal> {
    let held = state.groups.get(&group).and_then(Option::as_ref).expect("a group that is managed is held");
    let is_there = !is_gone(state, user);
    if is_there && held.present(user).is_some() {
        return Ok(Decided::unchanged(Answer::Done));
    }
    let waits = held.door.asking.iter().any(|asking| asking.user == user && asking.waits(at));
    if !waits || !is_there {
        return Err(Refusal::NoSuchRequest);
    }
    check_queue(state, held)?;
    let seq = head_of(state, group).next();
    let changed = joining(state, held, vec![user], seq, Notice::Admitted(user))?;
    let asking = held.door.asking.iter().filter(|asking| asking.user != user).cloned().collect();
    let door = Door { asking, ..held.door.clone() };
    let mut effects = Vec::new();
    apply(state, &mut effects, group, &changed, version);
    effects.push(put_door(state, door, version));
    write_notice(state, &mut effects, (at, group, by, seq), changed.notice, version);
    Ok(Decided::changed(version, effects, Answer::Done))
}

/// The door after a refusal, which may come twice. Who waits no more, or never did, is not refused.
pub(super) fn refused(held: &GroupState, at: TimeMs, user: UserId) -> Result<Door, Refusal> {
    let is_same = |asking: &&Asking| asking.user == user && !asking.is_expired(at);
    let asked = held.door.asking.iter().find(is_same).filter(|_| held.present(user).is_none());
    match asked.map(|asking| asking.state) {
        Some(AskingState::Waiting) => Ok(with_state(&held.door, user, AskingState::Refused)),
        Some(AskingState::Refused) => Ok(held.door.clone()),
        Some(AskingState::Withdrawn) | None => Err(Refusal::NoSuchRequest),
    }
}

/// Takes back what was asked. Whether there is such a group looks the same from outside.
pub(super) fn withdraw(
    state: &mut State,
    (by, group): (UserId, ConversationId),
    version: Version,
) -> Decided {
    let held = state.groups.get(&group).and_then(Option::as_ref);
    let waits = |asking: &Asking| asking.user == by && asking.state == AskingState::Waiting;
    match held.filter(|held| held.door.asking.iter().any(waits)) {
        Some(held) => {
            let door = with_state(&held.door, by, AskingState::Withdrawn);
            put_if_changed(state, group, door, Answer::Done, version)
        }
        None => Decided::unchanged(Answer::Done),
    }
}

/// What somebody asked who was erased is forgotten, with what was said.
pub(super) fn forget(
    state: &mut State,
    group: ConversationId,
    user: UserId,
    version: Version,
) -> Option<Effect> {
    let held = state.groups.get(&group).and_then(Option::as_ref)?;
    held.door.asking.iter().find(|asking| asking.user == user)?;
    let asking = held.door.asking.iter().filter(|asking| asking.user != user).cloned().collect();
    let door = Door { asking, ..held.door.clone() };
    Some(put_door(state, door, version))
}

/// Whether a link lets ask, or lets in. What waits goes on waiting.
pub(super) fn set_approval(
    state: &mut State,
    at: TimeMs,
    (by, group): (UserId, ConversationId),
    wanted: bool,
    version: Version,
) -> Result<Decided, Refusal> {
    let held = state.groups.get(&group).and_then(Option::as_ref).expect("a group that is managed is held");
    if held.door.approval == wanted {
        return Ok(Decided::unchanged(Answer::Done));
    }
    check_queue(state, held)?;
    let (door, seq) = (Door { approval: wanted, ..held.door.clone() }, head_of(state, group).next());
    let mut effects = vec![put_door(state, door, version)];
    write_notice(state, &mut effects, (at, group, by, seq), Notice::ApprovalSet(wanted), version);
    Ok(Decided::changed(version, effects, Answer::Done))
}

fn with_state(door: &Door, user: UserId, state: AskingState) -> Door {
    let mut door = door.clone();
    door.asking.iter_mut().filter(|asking| asking.user == user).for_each(|asking| asking.state = state);
    door
}

fn put_if_changed(
    state: &mut State,
    group: ConversationId,
    door: Door,
    answer: Answer,
    version: Version,
) -> Decided {
    let held = state.groups.get(&group).and_then(Option::as_ref);
    if held.is_some_and(|held| held.door == door) {
        return Decided::unchanged(answer);
    }
    Decided::changed(version, vec![put_door(state, door, version)], answer)
}
