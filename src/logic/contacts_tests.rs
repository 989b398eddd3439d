//! What users have of each other, against tables; and what a block keeps out, for any interleaving.

use super::{
    Request, State, decide,
    decide_samples::{Rows, at, by, change_contact, send},
    decide_tests::check,
    operation::{ContactChange, Target},
};
use crate::model::{
    Contact, ContactTally, ConversationId, Effect, Standing, UserId, Version,
    limits::{BLOCKED_MAX, LABEL_CHARS_MAX, LABELS_MAX, REMARK_CHARS_MAX},
    record::ItemValue,
};
use highwater_wire::Refusal;

pub(super) fn pair() -> Rows {
    Rows::default().user(1, 1).user(2, 1)
}

pub(super) fn ann(change: ContactChange) -> Request {
    change_contact(by(1, 11), 2, change)
}

pub(super) fn bob(change: ContactChange) -> Request {
    change_contact(by(2, 21), 1, change)
}

fn bob_says(id: u8) -> Request {
    send(by(2, 21), Target::User(UserId(1)), id, "hi")
}

fn note(remark: &str, labels: &[&str]) -> ContactChange {
    let labels = labels.iter().map(|label| (*label).to_owned()).collect();
    ContactChange::Note { remark: remark.to_owned(), labels }
}

/// Decides in order what must not be refused.
fn decide_all(rows: &Rows, requests: &[Request]) -> (State, Vec<Effect>) {
    let (mut state, mut effects) = (State::default(), Vec::new());
    for (place, request) in requests.iter().enumerate() {
        let operation = at(request.clone());
        rows.warm(&mut state, &operation);
        let decided = decide(&mut state, &operation, Version(101 + place as u64)).expect("taken");
        effects.extend(decided.record.into_iter().flat_map(|record| record.effects));
    }
    (state, effects)
}

/// What a user has of another after some requests; nothing for a tombstone.
fn contact_after(rows: &Rows, requests: &[Request], owner: u64, other: u64) -> Option<Contact> {
    let (_, effects) = decide_all(rows, requests);
    let last = effects.iter().rev().find_map(|effect| match effect {
        Effect::Item { user, item, .. } if *user == UserId(owner) && item.key == other.to_string() => {
            Some(item)
        }
        _ => None,
    })?;
    match &last.value {
        Some(ItemValue::Contact(contact)) => Some((**contact).clone()),
        Some(value) => panic!("{value:?} is no contact"),
        None => None,
    }
}

#[test]
fn who_is_blocked_is_refused_as_if_there_were_nobody_however_the_other_is_named() {
    let conversation = ConversationId::direct(UserId(1), UserId(2), 0);
    let by_name = send(by(2, 21), Target::Name("u1".to_owned()), 2, "hi");
    let by_conversation = send(by(2, 21), Target::Conversation(conversation), 3, "hi");
    let first = "sent 1: conversation 1-2 item 2/2 after 0 item 2/3 after 0 item 1/2 after 0 item 1/3 after 0 message 2<0,1<0";
    let refused = "refused no_such_user";
    check(
        &pair(),
        &[
            bob_says(1),
            ann(ContactChange::Block),
            bob_says(2),
            by_name.clone(),
            by_conversation.clone(),
            bob_says(1),
            send(by(1, 11), Target::User(UserId(2)), 1, "I may"),
            ann(ContactChange::Block),
            ann(ContactChange::Unblock),
            by_conversation,
        ],
        &[
            first,
            "done: item 1/2 after 101 1 blocks 1",
            refused,
            refused,
            refused,
            "sent 1: nothing",
            "sent 2: message 1<101,2<101",
            "done: nothing",
            "done: item 1/2 after 102 1 blocks 0",
            "sent 3: message 2<107,1<107",
        ],
    );
    // Before there is a conversation too, and nothing is made of the attempt.
    check(
        &pair(),
        &[ann(ContactChange::Block), bob_says(1), by_name],
        &["done: item 1/2 after 0 1 blocks 1", refused, refused],
    );
}

#[test]
fn blocking_answers_the_same_whoever_is_there_and_names_only_whom_one_may_know() {
    check(
        &pair(),
        &[
            change_contact(by(1, 11), 99, ContactChange::Block),
            bob(ContactChange::Block),
            ann(ContactChange::Block),
            ann(ContactChange::Unblock),
            change_contact(by(1, 11), 1, ContactChange::Block),
            change_contact(by(1, 11), 0, ContactChange::Block),
            change_contact(by(1, 12), 2, ContactChange::Block),
        ],
        &[
            "done: item 1/2 after 0 1 blocks 1",
            "done: item 2/2 after 0 2 blocks 1",
            "done: item 1/2 after 0 1 blocks 2",
            "done: item 1/2 after 103 1 blocks 1",
            "refused invalid_field",
            "refused invalid_field",
            "refused invalid_token",
        ],
    );
    let blocked = |requests: &[Request], other| {
        let contact = contact_after(&pair(), requests, 1, other).expect("an item");
        assert_eq!((contact.standing, contact.is_blocked), (Standing::Stranger, true));
        contact.name
    };
    assert_eq!(blocked(&[ann(ContactChange::Block)], 2), "u2");
    let nobody = change_contact(by(1, 11), 99, ContactChange::Block);
    let hidden = [bob(ContactChange::Block), ann(ContactChange::Block)];
    assert_eq!((blocked(&[nobody], 99), blocked(&hidden, 2)), (String::new(), String::new()));
}

#[test]
fn so_many_are_blocked_and_no_more() {
    let mut rows = pair();
    let tally = ContactTally { blocked: BLOCKED_MAX - 1, ..ContactTally::none(UserId(1)) };
    rows.contact_tallies.insert(UserId(1), tally);
    let block = |other| change_contact(by(1, 11), other, ContactChange::Block);
    let unblock = change_contact(by(1, 11), 77, ContactChange::Unblock);
    check(
        &rows,
        &[block(77), block(78), block(77), unblock, block(78)],
        &[
            "done: item 1/2 after 0 1 blocks 5000",
            "refused too_many_blocked",
            "done: nothing",
            "done: item 1/2 after 101 1 blocks 4999",
            "done: item 1/2 after 0 1 blocks 5000",
        ],
    );
}

#[test]
fn a_contact_is_noted_deleted_for_the_one_alone_and_not_added_by_a_message() {
    check(
        &pair(),
        &[
            ann(note("Bobby", &[])),
            bob_says(1),
            ann(note("Bobby", &["tea"])),
            ann(note("Bobby", &["tea"])),
            ann(ContactChange::Delete),
            ann(ContactChange::Delete),
            ann(note("Bobby", &[])),
            bob_says(2),
            send(by(1, 11), Target::User(UserId(2)), 1, "back"),
        ],
        &[
            "refused no_such_contact",
            "sent 1: conversation 1-2 item 2/2 after 0 item 2/3 after 0 item 1/2 after 0 item 1/3 after 0 message 2<0,1<0",
            "done: item 1/2 after 102",
            "done: nothing",
            "done: item 1/2 after 103",
            "done: nothing",
            "refused no_such_contact",
            "sent 2: message 2<102,1<102",
            "sent 3: message 1<108,2<108",
        ],
    );
    let after = |changes: &[ContactChange]| {
        let requests = [vec![bob_says(1)], changes.iter().cloned().map(ann).collect()].concat();
        contact_after(&pair(), &requests, 1, 2)
    };
    let noted = note("Bobby", &["tea", "work"]);
    let plain = Contact::plain(UserId(2), "u2".to_owned());
    let labels = ["tea", "work"].map(str::to_owned).to_vec();
    let with_note = Contact { remark: "Bobby".to_owned(), labels, ..plain.clone() };
    let stranger = Contact { standing: Standing::Stranger, is_blocked: true, ..plain };
    let blocked = Contact { is_blocked: true, ..with_note.clone() };
    for (changes, expected) in [
        (vec![noted.clone()], Some(with_note.clone())),
        (vec![noted.clone(), ContactChange::Block], Some(blocked)),
        (vec![noted.clone(), ContactChange::Block, ContactChange::Unblock], Some(with_note)),
        (vec![noted.clone(), ContactChange::Delete], None),
        (vec![noted.clone(), ContactChange::Block, ContactChange::Delete], Some(stranger)),
        (vec![noted, ContactChange::Block, ContactChange::Delete, ContactChange::Unblock], None),
    ] {
        assert_eq!(after(&changes), expected, "{changes:?}");
    }
}

#[test]
fn who_writes_first_to_somebody_blocked_keeps_the_block() {
    let first = send(by(1, 11), Target::User(UserId(2)), 1, "hello");
    let requests = [ann(ContactChange::Block), first];
    let plain = Contact::plain(UserId(2), "u2".to_owned());
    let expected = Contact { is_blocked: true, ..plain };
    assert_eq!(contact_after(&pair(), &requests, 1, 2), Some(expected));
    assert_eq!(
        contact_after(&pair(), &requests, 2, 1),
        Some(Contact::plain(UserId(1), "u1".to_owned())),
        "the blocked is told nothing"
    );
}

#[test]
fn the_form_of_notes_is_judged() {
    let texts = |count: usize| (0..count).map(|place| format!("label {place}")).collect::<Vec<_>>();
    let (most, too_many) = (texts(LABELS_MAX), texts(LABELS_MAX + 1));
    let (longest, too_long) = ("ü".repeat(LABEL_CHARS_MAX), "ü".repeat(LABEL_CHARS_MAX + 1));
    let strs = |labels: &[String]| -> Vec<String> { labels.to_vec() };
    for (remark, labels, is_right) in [
        (String::new(), vec![], true),
        ("備".repeat(REMARK_CHARS_MAX), strs(&most), true),
        ("備".repeat(REMARK_CHARS_MAX + 1), vec![], false),
        ("two\nlines".to_owned(), vec![], false),
        (String::new(), strs(&too_many), false),
        (String::new(), vec![longest], true),
        (String::new(), vec![too_long], false),
        (String::new(), vec![String::new()], false),
        (String::new(), vec!["tab\t".to_owned()], false),
        (String::new(), vec!["twice".to_owned(), "twice".to_owned()], false),
    ] {
        let rows = pair().contact(1, Contact::plain(UserId(2), "u2".to_owned()));
        let operation = at(ann(ContactChange::Note { remark: remark.clone(), labels: labels.clone() }));
        let mut state = State::default();
        rows.warm(&mut state, &operation);
        let refused = decide(&mut state, &operation, Version(101)).err();
        assert_eq!(refused, (!is_right).then_some(Refusal::InvalidField), "{remark:?} {labels:?}");
    }
}
