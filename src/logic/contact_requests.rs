//! The decisions on requests to be a contact: they wait on both sides, and end on both where both must know.
//!
//! What waits for a user stands in the user's item of the one who asked, and in the user's counts; the one who asked has an
//! item that says so too. A refusal, or a block, takes away what waits and leaves the one who asked with an item that
//! expires: nobody is told to be refused. Whoever waits for somebody was asked by, or is a contact of, that one: what a
//! maker takes back is gone on both sides in one operation.

use highwater_wire::Refusal;

use super::{
    contacts::{forget_waiting, held, introduced, is_blocked, make_contact, put, put_tally, tally},
    decide::Decided,
    gone::is_gone,
    operation::Answer,
    state::State,
};
use crate::model::{
    Contact, ContactTally, Effect, Standing, TimeMs, UserId, Version,
    limits::{GREETING_CHARS_MAX, REQUEST_EXPIRY_MS, REQUESTS_PER_DAY_MAX, REQUESTS_WAITING_MAX},
};

/// Asks somebody to be a contact. Whoever has the one who asks as a contact, or asked in turn, need not be asked: both
/// are contacts at once.
pub(super) fn ask(
    state: &mut State,
    (owner, other): (UserId, UserId),
    greeting: &str,
    version: Version,
) -> Result<Decided, Refusal> {
    if owner == other || !is_greeting(greeting) {
        return Err(Refusal::InvalidField);
    }
    if is_blocked(state, owner, other) {
        return Err(Refusal::UnblockFirst);
    }
    let is_there = matches!(state.accounts.get(&other), Some(Some(_)));
    if !is_there || is_blocked(state, other, owner) {
        return Err(Refusal::NoSuchUser);
    }
    let theirs = held(state, other, owner);
    let knows = theirs.is_some_and(|contact| contact.standing == Standing::Contact);
    if knows && held(state, owner, other).is_some_and(|contact| contact.standing == Standing::Contact) {
        return Ok(Decided::unchanged(Answer::Done));
    }
    if knows || theirs.is_some_and(|contact| waits(state, contact, Standing::Asked)) {
        return Ok(both_contacts(state, owner, other, version));
    }
    let tallies = [with_one_more(state, owner, other)?, with_waiting(state, other, owner)?];
    Ok(put_request(state, (owner, other), greeting, tallies, version))
}

/// Grants what the other one asked. Who is a contact already was granted it before; who is nobody any more asks nothing.
pub(super) fn accept(
    state: &mut State,
    owner: UserId,
    other: UserId,
    version: Version,
) -> Result<Decided, Refusal> {
    match held(state, owner, other).filter(|_| !is_gone(state, other)) {
        Some(contact) if contact.standing == Standing::Contact => Ok(Decided::unchanged(Answer::Done)),
        Some(contact) if waits(state, contact, Standing::AskedBy) => {
            Ok(both_contacts(state, owner, other, version))
        }
        _ => Err(Refusal::NoSuchRequest),
    }
}

/// Takes away what waits, on the side of the one who was asked alone.
pub(super) fn refuse(state: &mut State, owner: UserId, other: UserId, version: Version) -> Decided {
    let effects = take_back(state, other, owner, version);
    if effects.is_empty() {
        return Decided::unchanged(Answer::Done);
    }
    Decided::changed(version, effects, Answer::Done)
}

/// Takes back what was asked, on both sides.
pub(super) fn withdraw(state: &mut State, owner: UserId, other: UserId, version: Version) -> Decided {
    let mut effects = take_back(state, owner, other, version);
    let asked = held(state, owner, other).filter(|contact| contact.standing == Standing::Asked).cloned();
    effects.extend(asked.map(|asked| put(state, owner, asked.settled(Standing::Stranger), version)));
    if effects.is_empty() {
        return Decided::unchanged(Answer::Done);
    }
    Decided::changed(version, effects, Answer::Done)
}

/// What `maker` asked does not wait for `other` any more.
pub(super) fn take_back(state: &mut State, maker: UserId, other: UserId, version: Version) -> Vec<Effect> {
    let waiting = held(state, other, maker).filter(|contact| contact.standing == Standing::AskedBy).cloned();
    let Some(waiting) = waiting else {
        return Vec::new();
    };
    let item = put(state, other, waiting.settled(Standing::Stranger), version);
    std::iter::once(item).chain(forget_waiting(state, other, maker, version)).collect()
}

fn both_contacts(state: &mut State, owner: UserId, other: UserId, version: Version) -> Decided {
    let mut effects = Vec::with_capacity(3);
    make_contact(state, &mut effects, (owner, other), version);
    make_contact(state, &mut effects, (other, owner), version);
    Decided::changed(version, effects, Answer::Done)
}

/// Whether a contact is of this standing and can still be answered. While time is suspended nothing expires.
fn waits(state: &State, contact: &Contact, standing: Standing) -> bool {
    contact.standing == standing && !is_expired(state, contact.asked_at)
}

fn is_expired(state: &State, asked_at: TimeMs) -> bool {
    !state.time.is_suspended() && state.time.at().0.saturating_sub(asked_at.0) >= REQUEST_EXPIRY_MS
}

/// The counts of a maker after one more request, on which nothing of the other one waits.
fn with_one_more(state: &State, owner: UserId, other: UserId) -> Result<ContactTally, Refusal> {
    let (before, today) = (tally(state, owner), state.time.at().day());
    let asked = if before.asked_on == today { before.asked } else { 0 };
    if asked >= REQUESTS_PER_DAY_MAX {
        return Err(Refusal::TooManyRequests);
    }
    let waiting = before.waiting.iter().copied().filter(|(user, _)| *user != other).collect();
    Ok(ContactTally { asked_on: today, asked: asked + 1, waiting, ..before })
}

/// The counts of somebody for whom one more waits; what has expired gives its place away.
fn with_waiting(state: &State, owner: UserId, maker: UserId) -> Result<ContactTally, Refusal> {
    let before = tally(state, owner);
    let keeps = |(user, at): &(UserId, TimeMs)| *user != maker && !is_expired(state, *at);
    let mut waiting: Vec<_> = before.waiting.iter().copied().filter(keeps).collect();
    if waiting.len() >= REQUESTS_WAITING_MAX {
        return Err(Refusal::TooManyRequests);
    }
    waiting.push((maker, state.time.at()));
    Ok(ContactTally { waiting, ..before })
}

/// The request stands on both sides. Who asks somebody that is a contact of the one who asks keeps that contact.
fn put_request(
    state: &mut State,
    (owner, other): (UserId, UserId),
    greeting: &str,
    tallies: [ContactTally; 2],
    version: Version,
) -> Decided {
    let asked_at = state.time.at();
    let mut effects = Vec::with_capacity(4);
    for (user, of, standing) in [(owner, other, Standing::Asked), (other, owner, Standing::AskedBy)] {
        let before = held(state, user, of).cloned();
        if before.as_ref().is_some_and(|contact| contact.standing == Standing::Contact) {
            continue;
        }
        let before = introduced(state, user, of);
        let after = Contact { standing, greeting: greeting.to_owned(), asked_at, ..before };
        effects.push(put(state, user, after, version));
    }
    effects.extend(tallies.map(|tally| put_tally(state, tally, version)));
    Decided::changed(version, effects, Answer::Done)
}

/// A line break is the only control character that a greeting may have.
fn is_greeting(text: &str) -> bool {
    text.chars().count() <= GREETING_CHARS_MAX && !text.chars().any(|one| one.is_control() && one != '\n')
}
