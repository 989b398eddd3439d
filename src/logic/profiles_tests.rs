//! What users show: tables, and that everybody who has something of a user ends with what is shown, in any order.

use super::{
    Request, State,
    contacts_tests::{ann, bob, pair},
    decide,
    decide_samples::{NOW, at, by, change_contact, send},
    decide_tests::check,
    operation::{ContactChange, Operation, ProfileRequest, Target},
};
use crate::model::{
    Contact, Effect, Profile, UserId, Version,
    limits::{ABOUT_CHARS_MAX, AVATAR_BYTES_MAX, DISPLAY_NAME_CHARS_MAX, PROFILE_CHANGES_AT_ONCE},
    record::ItemValue,
};

fn profile(display_name: &str, avatar: &str, about: &str) -> Profile {
    let [display_name, avatar, about] = [display_name, avatar, about].map(str::to_owned);
    Profile { display_name, avatar, about, ..Profile::default() }
}

fn set(user: u64, profile: Profile) -> Request {
    Request::Profile(ProfileRequest::Set { by: by(user, 10 * user + 1), profile })
}

fn tell(user: u64, owner: u64) -> Request {
    Request::Profile(ProfileRequest::Tell { user: UserId(user), owner: UserId(owner) })
}

fn called(name: &str) -> Request {
    set(1, profile(name, "", ""))
}

#[test]
fn a_profile_stands_in_place_of_the_one_before() {
    check(
        &pair(),
        &[
            called("Änn"),
            called("Änn"),
            set(1, profile("Änn", "", "tea")),
            set(1, profile("Änn", "cat.png", "tea")),
            set(1, Profile::default()),
            set(1, profile("Änn", "", "tea")),
            called("Änn"),
            called(""),
        ],
        &[
            "done: account 1 (1) item 1/1 after 0 1 shows something else",
            "done: nothing",
            "done: account 1 (1) item 1/1 after 101",
            "done: account 1 (1) item 1/1 after 103 1 shows something else",
            "done: account 1 (1) item 1/1 after 104 1 shows something else",
            "done: account 1 (1) item 1/1 after 105 1 shows something else",
            "refused too_many_changes",
            "refused too_many_changes",
        ],
    );
    assert_eq!(PROFILE_CHANGES_AT_ONCE, 5, "as many as were taken above");
    let stranger = Request::Profile(ProfileRequest::Set { by: by(1, 21), profile: Profile::default() });
    check(&pair(), &[stranger], &["refused invalid_token"]);
}

#[test]
fn what_is_too_long_or_not_seen_is_refused() {
    let long = |length| "ä".repeat(length);
    let right = "done: account 1 (1) item 1/1 after 0 1 shows something else";
    let about = "done: account 1 (1) item 1/1 after 0";
    let wrong = "refused invalid_profile";
    for (wanted, expected) in [
        (profile(&long(DISPLAY_NAME_CHARS_MAX), "", ""), right),
        (profile(&long(DISPLAY_NAME_CHARS_MAX + 1), "", ""), wrong),
        (profile("Ann\u{200b}", "", ""), wrong),
        (profile("Ann\u{202e}nnA", "", ""), wrong),
        (profile("Ann\nBob", "", ""), wrong),
        (profile("  ", "", ""), wrong),
        (profile("👩\u{200d}👩\u{200d}👧", "", ""), right),
        (profile("", &"a".repeat(AVATAR_BYTES_MAX), ""), right),
        (profile("", &"a".repeat(AVATAR_BYTES_MAX + 1), ""), wrong),
        (profile("", "https://x.test/a?b=ü", ""), right),
        (profile("", "a\nb", ""), wrong),
        (profile("", " ", ""), wrong),
        (profile("", "", &long(ABOUT_CHARS_MAX)), about),
        (profile("", "", &long(ABOUT_CHARS_MAX + 1)), wrong),
        (profile("", "", "tea\nand cheese"), about),
        (profile("", "", "\n"), wrong),
        (profile("", "", "a\u{2066}b"), wrong),
    ] {
        check(&pair(), &[set(1, wanted)], &[expected]);
    }
}

#[test]
fn whoever_has_something_of_a_user_is_told_once_and_nobody_else() {
    let ask = || ContactChange::Ask { greeting: String::new() };
    let shows = "done: account 1 (1) item 1/1 after 0 1 shows something else";
    check(&pair(), &[called("Änn"), tell(1, 2), tell(1, 3)], &[shows, "done: nothing", "done: nothing"]);
    // Of a contact, and of who asked; what comes later has it already.
    check(
        &pair(),
        &[ann(ask()), called("Änn"), tell(1, 2), tell(1, 2), bob(ContactChange::Accept), tell(1, 2)],
        &[
            "done: item 1/2 after 0 item 2/2 after 0 1 blocks 0 2 blocks 0",
            shows,
            "done: item 2/2 after 101",
            "done: nothing",
            "done: item 2/2 after 103 2 blocks 0 item 1/2 after 101",
            "done: nothing",
        ],
    );
    // While one blocks the other it is not told, and made up for in the end.
    let written = send(by(1, 11), Target::User(UserId(2)), 1, "hi");
    let introduced = "sent 1: conversation 1-2 item 1/2 after 0 item 1/3 after 0 item 2/2 after 0 item 2/3 after 0 message 1<0,2<0";
    let blocks = [bob(ContactChange::Block), ann(ContactChange::Block)];
    let ends = [bob(ContactChange::Unblock), ann(ContactChange::Unblock)];
    let [first, second] = blocks;
    let [third, fourth] = ends;
    check(
        &pair(),
        &[written, first, second, called("Änn"), tell(1, 2), third, tell(1, 2), fourth, tell(1, 2)],
        &[
            introduced,
            "done: item 2/2 after 101 2 blocks 1",
            "done: item 1/2 after 101 1 blocks 1",
            shows,
            "done: nothing",
            "done: item 2/2 after 102 2 blocks 0",
            "done: nothing",
            "done: item 1/2 after 103 1 blocks 0 item 2/2 after 106",
            "done: nothing",
        ],
    );
}

/// What two have of each other, by the records alone.
#[derive(Default)]
struct Sides {
    held: [Option<Contact>; 2],
    shown: [Profile; 2],
}

impl Sides {
    fn take(&mut self, effects: &[Effect]) {
        for effect in effects {
            match effect {
                Effect::Item { user, item, .. } if item.kind.0 == 2 => {
                    self.held[user.0 as usize - 1] = match &item.value {
                        Some(ItemValue::Contact(contact)) => Some((**contact).clone()),
                        _ => None,
                    };
                }
                Effect::Account(account) => {
                    self.shown[account.user.0 as usize - 1] = account.profile.clone();
                }
                _ => {}
            }
        }
    }

    fn is_blocked(&self) -> bool {
        self.held.iter().flatten().any(|contact| contact.is_blocked)
    }

    /// Whether one of them lacks what the other shows.
    fn lacks(&self, side: usize) -> bool {
        self.held[side].as_ref().is_some_and(|contact| !contact.shows(&self.shown[1 - side]))
    }
}

#[test]
fn in_any_order_everybody_ends_with_what_is_shown() {
    let ask = || ContactChange::Ask { greeting: String::new() };
    let events = [
        called("Änn"),
        called("Anna"),
        set(2, profile("", "bob.png", "")),
        tell(1, 2),
        tell(2, 1),
        send(by(1, 11), Target::User(UserId(2)), 1, "hi"),
        ann(ask()),
        bob(ContactChange::Accept),
        ann(ContactChange::Block),
        bob(ContactChange::Block),
        ann(ContactChange::Unblock),
        bob(ContactChange::Unblock),
        bob(ContactChange::Delete),
        change_contact(by(2, 21), 1, ContactChange::Note { remark: "A".to_owned(), labels: Vec::new() }),
    ];
    let (rows, count, mut told) = (pair(), events.len(), 0);
    for order in 0..count.pow(4) {
        let (mut state, mut sides, mut version) = (State::default(), Sides::default(), Version(100));
        let mut play = |request: &Request, sides: &mut Sides| {
            let operation = at(request.clone());
            rows.warm(&mut state, &operation);
            version = version.next();
            let decided = decide(&mut state, &operation, version);
            let record = decided.ok().and_then(|decided| decided.record);
            let is_changed = record.is_some();
            sides.take(&record.map(|record| record.effects).unwrap_or_default());
            is_changed
        };
        let order: Vec<&Request> = (0..4).map(|place| &events[order / count.pow(place) % count]).collect();
        for request in &order {
            let before = sides.held.clone();
            play(request, &mut sides);
            let is_told = matches!(request, Request::Profile(ProfileRequest::Tell { .. }));
            assert!(!(is_told && sides.is_blocked()) || before == sides.held, "{order:#?}");
        }
        for (side, request) in [(1, tell(1, 2)), (0, tell(2, 1))] {
            let lacked = sides.lacks(side) && !sides.is_blocked();
            assert_eq!(play(&request, &mut sides), lacked, "told once, and not for nothing: {order:#?}");
            told += u32::from(lacked);
        }
        let is_right = sides.is_blocked() || !(sides.lacks(0) || sides.lacks(1));
        assert!(is_right, "{order:#?}");
    }
    assert!(told > 1_000, "{told}");
}

#[test]
fn who_writes_at_another_time_waits_no_more() {
    let (rows, mut state) = (pair(), State::default());
    let mut at_ms = |ms: i64, name: &str| {
        let mut operation = Operation { at: NOW, request: called(name) };
        operation.at.0 += ms;
        rows.warm(&mut state, &operation);
        decide(&mut state, &operation, Version(101)).is_ok()
    };
    let names: Vec<String> = (0..20).map(|name| format!("n{name}")).collect();
    let taken = names.iter().filter(|name| at_ms(0, name)).count();
    assert_eq!(taken as i64, PROFILE_CHANGES_AT_ONCE);
    assert!(at_ms(10_000, "later") && !at_ms(10_000, "too soon"));
}
