//! The decisions on what users have of each other: who blocks whom, what is noted of a contact, who is a stranger again.
//!
//! What a user has of another is the user's own item, so nothing here changes what the other one has, except that a
//! request which waits there goes when its maker blocks or deletes: see `contact_requests`.
//!
//! Who blocks is to the blocked as if there were no such user: the same refusal, and nothing that says otherwise. So a
//! block is taken for any id, whether there is such a user or not, and shows the name only to who is not blocked in turn:
//! else blocking would tell who is there and takes nothing.

use highwater_wire::Refusal;

use super::{
    contact_requests as requests,
    decide::{Decided, Needs, authorise, put_item},
    gone::{self, is_gone},
    operation::{Answer, ChangeContact, ContactChange},
    profiles,
    state::{Need, State},
};
use crate::{
    model::{
        Contact, ContactTally, Effect, Standing, UserId, Version,
        limits::{BLOCKED_MAX, LABEL_CHARS_MAX, LABELS_MAX, REMARK_CHARS_MAX},
        record::{Item, ItemValue},
    },
    sync::kinds::CONTACTS,
};

/// What must be in memory to change a contact.
pub(super) fn needs(needs: &mut Needs<'_>, change: &ChangeContact) {
    let (owner, other) = (change.by.user, change.other);
    needs.need(Need::Device(change.by.device));
    put_needs(needs, owner, other);
    needs.need(Need::ContactTally(owner));
    needs.need(Need::Account(other));
    if matches!(change.change, ContactChange::Note { .. }) {
        return;
    }
    // All others may change what the other one has of the owner: what waits there, or what is shown of the owner.
    put_needs(needs, other, owner);
    needs.need(Need::ContactTally(other));
    needs.need(Need::Account(owner));
}

/// What must be in memory to give a user another item of somebody.
pub(super) fn put_needs(needs: &mut Needs<'_>, owner: UserId, other: UserId) {
    needs.need(Need::Contact(owner, other));
    needs.need(Need::Item(owner, CONTACTS, other.to_string()));
}

/// What must be in memory to know whether `owner` takes nothing from `other`.
pub(super) fn block_needs(needs: &mut Needs<'_>, owner: UserId, other: UserId) {
    if owner != other {
        needs.need(Need::Contact(owner, other));
    }
}

/// Whether `owner` takes nothing from `other`. Asked inside the commit, so that no race passes a block.
pub(super) fn is_blocked(state: &State, owner: UserId, other: UserId) -> bool {
    held(state, owner, other).is_some_and(|contact| contact.is_blocked)
}

/// Makes the other one a contact of `owner`, by a first message or a request; what the owner noted before stays.
pub(super) fn make_contact(
    state: &mut State,
    effects: &mut Vec<Effect>,
    (owner, other): (UserId, UserId),
    version: Version,
) {
    let after = introduced(state, owner, other).settled(Standing::Contact);
    effects.push(put(state, owner, after, version));
    effects.extend(forget_waiting(state, owner, other, version));
}

/// What the owner has of the other one, with the name, and with what is shown by now.
pub(super) fn introduced(state: &State, owner: UserId, other: UserId) -> Contact {
    let before = held(state, owner, other).cloned();
    let before = before.unwrap_or_else(|| Contact::stranger(other, String::new()));
    Contact { name: account_name(state, other), ..before }.showing(&profiles::shown(state, other))
}

/// Decides a change.
pub(super) fn decide(
    state: &mut State,
    change: &ChangeContact,
    version: Version,
) -> Result<Decided, Refusal> {
    authorise(state, change.by)?;
    let (owner, other) = (change.by.user, change.other);
    match &change.change {
        ContactChange::Block | ContactChange::Unblock if owner == other || other == UserId(0) => {
            Err(Refusal::InvalidField)
        }
        ContactChange::Block => block(state, owner, other, version),
        ContactChange::Unblock => Ok(unblock(state, owner, other, version)),
        ContactChange::Note { remark, labels } => {
            check_note(remark, labels)?;
            note(state, (owner, other), (remark, labels), version)
        }
        ContactChange::Delete => Ok(delete(state, owner, other, version)),
        ContactChange::Ask { greeting } => requests::ask(state, (owner, other), greeting, version),
        ContactChange::Accept => requests::accept(state, owner, other, version),
        ContactChange::Refuse => Ok(requests::refuse(state, owner, other, version)),
        ContactChange::Withdraw => Ok(requests::withdraw(state, owner, other, version)),
    }
}

fn block(state: &mut State, owner: UserId, other: UserId, version: Version) -> Result<Decided, Refusal> {
    if is_blocked(state, owner, other) {
        return Ok(Decided::unchanged(Answer::Done));
    }
    if tally(state, owner).blocked >= BLOCKED_MAX {
        return Err(Refusal::TooManyBlocked);
    }
    let before = held(state, owner, other).cloned().map(|contact| gone::settled(state, contact));
    let contact = before.unwrap_or_else(|| {
        let hides = is_blocked(state, other, owner);
        if hides { Contact::stranger(other, String::new()) } else { introduced(state, owner, other) }
    });
    // What waits on either side does not outlive the block; a contact stays one.
    let standing = settled_standing(contact.standing);
    let contact = Contact { is_blocked: true, ..contact }.settled(standing);
    let mut effects = vec![put(state, owner, contact, version)];
    let waiting = tally(state, owner).waiting.into_iter().filter(|(user, _)| *user != other).collect();
    let blocked = tally(state, owner).blocked + 1;
    effects.push(put_tally(state, ContactTally { blocked, waiting, ..tally(state, owner) }, version));
    effects.extend(requests::take_back(state, owner, other, version));
    Ok(Decided::changed(version, effects, Answer::Done))
}

fn unblock(state: &mut State, owner: UserId, other: UserId, version: Version) -> Decided {
    let Some(contact) = held(state, owner, other).filter(|contact| contact.is_blocked).cloned() else {
        return Decided::unchanged(Answer::Done);
    };
    let tally = tally(state, owner).unblocked();
    // What was changed meanwhile is made up for, unless the other one blocks in turn, or is nobody any more.
    let missed = !is_blocked(state, other, owner) && contact.standing != Standing::Erased;
    let contact = if missed { contact.showing(&profiles::shown(state, other)) } else { contact };
    let contact = gone::settled(state, Contact { is_blocked: false, ..contact });
    let mut effects = vec![put(state, owner, contact, version), put_tally(state, tally, version)];
    effects.extend(profiles::refresh(state, other, owner, version));
    Decided::changed(version, effects, Answer::Done)
}

fn note(
    state: &mut State,
    (owner, other): (UserId, UserId),
    (remark, labels): (&str, &[String]),
    version: Version,
) -> Result<Decided, Refusal> {
    let is_noted = |contact: &&Contact| contact.standing == Standing::Contact && !is_gone(state, other);
    let before = held(state, owner, other).filter(is_noted).cloned().ok_or(Refusal::NoSuchContact)?;
    let after = Contact { remark: remark.to_owned(), labels: labels.to_vec(), ..before.clone() };
    if after == before {
        return Ok(Decided::unchanged(Answer::Done));
    }
    let effect = put(state, owner, after, version);
    Ok(Decided::changed(version, vec![effect], Answer::Done))
}

/// The other one is a stranger again, and stays blocked if so, unless it is nobody any more. Conversation and messages stay,
/// and so does what the other one has of the user.
fn delete(state: &mut State, owner: UserId, other: UserId, version: Version) -> Decided {
    let Some(before) = held(state, owner, other).filter(|held| held.standing != Standing::Stranger) else {
        return Decided::unchanged(Answer::Done);
    };
    let was_blocked = before.is_blocked;
    let is_blocked = was_blocked && !is_gone(state, other);
    let after = Contact { is_blocked, remark: String::new(), labels: Vec::new(), ..before.clone() };
    let mut effects = vec![put(state, owner, after.settled(Standing::Stranger), version)];
    if is_blocked == was_blocked {
        effects.extend(forget_waiting(state, owner, other, version));
    } else {
        effects.push(put_tally(state, tally(state, owner).unblocked(), version));
    }
    effects.extend(requests::take_back(state, owner, other, version));
    Decided::changed(version, effects, Answer::Done)
}

/// What is left of a standing when nothing waits any more.
fn settled_standing(standing: Standing) -> Standing {
    match standing {
        Standing::Contact => Standing::Contact,
        Standing::Erased => Standing::Erased,
        Standing::Stranger | Standing::Asked | Standing::AskedBy => Standing::Stranger,
    }
}

/// Whether remark and labels keep their limits. Control characters are refused: they have no look of their own.
fn check_note(remark: &str, labels: &[String]) -> Result<(), Refusal> {
    let is_line = |text: &str, chars_max: usize| {
        text.chars().count() <= chars_max && !text.chars().any(char::is_control)
    };
    let is_label = |label: &String| !label.is_empty() && is_line(label, LABEL_CHARS_MAX);
    let once = (1..labels.len()).all(|place| !labels[..place].contains(&labels[place]));
    let is_right = is_line(remark, REMARK_CHARS_MAX)
        && labels.len() <= LABELS_MAX
        && labels.iter().all(is_label)
        && once;
    if is_right { Ok(()) } else { Err(Refusal::InvalidField) }
}

pub(super) fn held(state: &State, owner: UserId, other: UserId) -> Option<&Contact> {
    state.contacts.get(&(owner, other)).and_then(Option::as_deref)
}

pub(super) fn account_name(state: &State, user: UserId) -> String {
    let account = state.accounts.get(&user).and_then(Option::as_ref);
    account.map(|account| account.name.clone()).unwrap_or_default()
}

/// Gives the owner this item of the other one, or a tombstone when it says nothing.
pub(super) fn put(state: &mut State, owner: UserId, contact: Contact, version: Version) -> Effect {
    let (other, contact) = (contact.user, Box::new(contact));
    let contact = contact.is_worth_an_item().then_some(contact);
    state.contacts.change((owner, other), contact.clone(), version);
    let value = contact.map(ItemValue::Contact);
    put_item(state, owner, Item { kind: CONTACTS, key: other.to_string(), version, value })
}

pub(super) fn tally(state: &State, user: UserId) -> ContactTally {
    state.contact_tallies.get(&user).cloned().unwrap_or_else(|| ContactTally::none(user))
}

/// Gives the user these counts.
pub(super) fn put_tally(state: &mut State, tally: ContactTally, version: Version) -> Effect {
    state.contact_tallies.change(tally.user, tally.clone(), version);
    Effect::ContactTally(tally)
}

/// What `other` asked does not wait for `owner` any more.
pub(super) fn forget_waiting(
    state: &mut State,
    owner: UserId,
    other: UserId,
    version: Version,
) -> Option<Effect> {
    let mut tally = tally(state, owner);
    let place = tally.waiting.iter().position(|(user, _)| *user == other)?;
    tally.waiting.remove(place);
    Some(put_tally(state, tally, version))
}
