//! Requests to be a contact: tables, and for any interleaving of two sides what must be the same on both.

use super::{
    Request, State,
    contacts_tests::{ann, bob, pair},
    decide,
    decide_samples::{NOW, Rows, at, by, change_contact, send},
    decide_tests::{check, check_from},
    observed_time::ObservedTime,
    operation::{ContactChange, Target},
    seeded_random::SeededRandom,
};
use crate::model::{
    Contact, ContactTally, Effect, Standing, TimeMs, UserId, Version,
    limits::{GREETING_CHARS_MAX, REQUEST_EXPIRY_MS, REQUESTS_PER_DAY_MAX, REQUESTS_WAITING_MAX},
    record::ItemValue,
};
use highwater_wire::Refusal;

pub(super) fn ask() -> ContactChange {
    ContactChange::Ask { greeting: "it is me".to_owned() }
}

/// Both items of a pair and both rows of counts, by the records alone.
#[derive(Default, Debug, Clone)]
pub(super) struct Sides {
    contacts: [Option<Contact>; 2],
    tallies: [Option<ContactTally>; 2],
}

impl Sides {
    pub(super) fn take(&mut self, effects: &[Effect]) {
        for effect in effects {
            match effect {
                Effect::Item { user, item, .. } => {
                    let Some(ItemValue::Contact(contact)) = &item.value else {
                        if item.kind.0 == 2 {
                            self.contacts[user.0 as usize - 1] = None;
                        }
                        continue;
                    };
                    self.contacts[user.0 as usize - 1] = Some((**contact).clone());
                }
                Effect::ContactTally(tally) => self.tallies[tally.user.0 as usize - 1] = Some(tally.clone()),
                _ => {}
            }
        }
    }

    pub(super) fn standing(&self, side: usize) -> Standing {
        self.contacts[side].as_ref().map_or(Standing::Stranger, |contact| contact.standing)
    }

    pub(super) fn blocks(&self, side: usize) -> bool {
        self.contacts[side].as_ref().is_some_and(|contact| contact.is_blocked)
    }

    /// What must be so after any operation.
    pub(super) fn check(&self, history: &[String]) {
        for side in [0, 1] {
            let (mine, theirs) = (self.standing(side), self.standing(1 - side));
            if mine == Standing::AskedBy {
                assert!(matches!(theirs, Standing::Asked | Standing::Contact), "{history:#?}");
                assert!(!self.blocks(side), "G9: a request of somebody blocked waits: {history:#?}");
            }
            assert!(!(mine == Standing::Asked && theirs == Standing::Asked), "both asked: {history:#?}");
            let waits = self.tallies[side].as_ref().is_some_and(|tally| !tally.waiting.is_empty());
            assert_eq!(waits, mine == Standing::AskedBy, "what waits is counted: {history:#?}");
            let blocked = self.tallies[side].as_ref().map_or(0, |tally| tally.blocked);
            assert_eq!(blocked, u32::from(self.blocks(side)), "{history:#?}");
        }
    }
}

#[test]
fn requests_against_a_table() {
    for (requests, expected) in [
        // Asked and granted, twice.
        (vec![ann(ask()), bob(ContactChange::Accept), bob(ContactChange::Accept)], ["contact", "contact"]),
        // Refused: the one who asked is not told.
        (vec![ann(ask()), bob(ContactChange::Refuse), bob(ContactChange::Refuse)], ["asked", "none"]),
        (vec![ann(ask()), ann(ContactChange::Withdraw), ann(ContactChange::Withdraw)], ["none", "none"]),
        // Requests that cross, also after a refusal.
        (vec![ann(ask()), bob(ask())], ["contact", "contact"]),
        (vec![ann(ask()), bob(ContactChange::Refuse), bob(ask())], ["contact", "contact"]),
        // Races: the order decides.
        (vec![ann(ask()), bob(ContactChange::Accept), ann(ContactChange::Withdraw)], ["contact", "contact"]),
        // Whoever has the other one still need not be asked; who was deleted by the other one asks again.
        (vec![ann(ask()), bob(ContactChange::Accept), ann(ContactChange::Delete)], ["none", "contact"]),
        (
            vec![ann(ask()), bob(ContactChange::Accept), ann(ContactChange::Delete), ann(ask())],
            ["contact", "contact"],
        ),
        (
            vec![ann(ask()), bob(ContactChange::Accept), ann(ContactChange::Delete), bob(ask())],
            ["asked by", "contact"],
        ),
        // A block takes away what waits on either side, and is not told.
        (vec![ann(ask()), bob(ContactChange::Block)], ["asked", "blocked stranger"]),
        (vec![ann(ask()), ann(ContactChange::Block)], ["blocked stranger", "none"]),
        (vec![ann(ask()), ann(ContactChange::Delete)], ["none", "none"]),
        (vec![ann(ask()), bob(ContactChange::Delete)], ["asked", "none"]),
        // A first message makes contacts, and nothing waits any more.
        (vec![ann(ask()), send(by(2, 21), Target::User(UserId(1)), 1, "hi")], ["contact", "contact"]),
    ] {
        let (mut state, mut sides) = (State::default(), Sides::default());
        let rows = pair();
        for (place, request) in requests.iter().enumerate() {
            let operation = at(request.clone());
            rows.warm(&mut state, &operation);
            let decided = decide(&mut state, &operation, Version(101 + place as u64)).expect("taken");
            sides.take(&decided.record.map(|record| record.effects).unwrap_or_default());
            sides.check(&[format!("{requests:?}")]);
        }
        assert_eq!([0, 1].map(|side| short(sides.contacts[side].as_ref())), expected, "{requests:#?}");
    }
}

fn short(contact: Option<&Contact>) -> &'static str {
    match contact {
        None => "none",
        Some(contact) if contact.is_blocked => "blocked stranger",
        Some(contact) => match contact.standing {
            Standing::Contact => "contact",
            Standing::Stranger => "stranger",
            Standing::Asked => "asked",
            Standing::AskedBy => "asked by",
            Standing::Erased => "erased",
        },
    }
}

#[test]
fn what_cannot_be_asked_or_accepted_is_refused() {
    let greeting = |chars: usize| ContactChange::Ask { greeting: "ü".repeat(chars) };
    check(
        &pair(),
        &[
            change_contact(by(1, 11), 1, ask()),
            change_contact(by(1, 11), 99, ask()),
            ann(greeting(GREETING_CHARS_MAX + 1)),
            ann(ContactChange::Ask { greeting: "bell\u{7}".to_owned() }),
            ann(ContactChange::Accept),
            bob(ContactChange::Block),
            ann(ask()),
            bob(ask()),
            bob(ContactChange::Unblock),
            ann(greeting(GREETING_CHARS_MAX)),
            ann(ContactChange::Withdraw),
            bob(ContactChange::Accept),
        ],
        &[
            "refused invalid_field",
            "refused no_such_user",
            "refused invalid_field",
            "refused invalid_field",
            "refused no_such_request",
            "done: item 2/2 after 0 2 blocks 1",
            "refused no_such_user",
            "refused unblock_first",
            "done: item 2/2 after 106 2 blocks 0",
            "done: item 1/2 after 0 item 2/2 after 109 1 blocks 0 2 blocks 0",
            "done: item 2/2 after 110 2 blocks 0 item 1/2 after 110",
            "refused no_such_request",
        ],
    );
}

/// A state at an observed time so long after `NOW`.
fn later(ms: i64) -> State {
    State::default().with_time(ObservedTime::at_start(None, TimeMs(NOW.0 + ms), 0))
}

#[test]
fn a_request_expires_and_may_be_made_again() {
    let side = |user, standing| Contact {
        standing,
        asked_at: NOW,
        ..Contact::stranger(UserId(user), format!("u{user}"))
    };
    let rows = || {
        let mut rows = pair().contact(1, side(2, Standing::Asked)).contact(2, side(1, Standing::AskedBy));
        let waiting = vec![(UserId(1), NOW)];
        rows.contact_tallies.insert(UserId(2), ContactTally { waiting, ..ContactTally::none(UserId(2)) });
        rows
    };
    let accepted = "done: item 2/2 after 50 2 blocks 0 item 1/2 after 50";
    let accept = bob(ContactChange::Accept);
    check_from(later(REQUEST_EXPIRY_MS - 1), &rows(), std::slice::from_ref(&accept), &[accepted]);
    check_from(
        later(REQUEST_EXPIRY_MS),
        &rows(),
        &[accept, bob(ask())],
        &["refused no_such_request", "done: item 2/2 after 50 item 1/2 after 50 2 blocks 0 1 blocks 0"],
    );
}

#[test]
fn so_many_are_made_in_a_day_and_wait_for_one_and_no_more() {
    let mut rows = Rows::default().user(1, 1);
    for user in 100..100 + u64::from(REQUESTS_PER_DAY_MAX) + 1 {
        rows = rows.user(user, 0);
    }
    let mut state = later(0);
    for place in 0..=REQUESTS_PER_DAY_MAX {
        let operation = at(change_contact(by(1, 11), 100 + u64::from(place), ask()));
        rows.warm(&mut state, &operation);
        let refused = decide(&mut state, &operation, Version(101 + u64::from(place))).err();
        let expected = (place == REQUESTS_PER_DAY_MAX).then_some(Refusal::TooManyRequests);
        assert_eq!(refused, expected, "request {place}");
    }
    // The next day begins anew.
    let tally =
        ContactTally { asked_on: NOW.day(), asked: REQUESTS_PER_DAY_MAX, ..ContactTally::none(UserId(1)) };
    let mut rows = pair();
    rows.contact_tallies.insert(UserId(1), tally);
    let made = "done: item 1/2 after 0 item 2/2 after 0 1 blocks 0 2 blocks 0";
    check_from(later(0), &rows, &[ann(ask())], &["refused too_many_requests"]);
    check_from(later(24 * 60 * 60 * 1000), &rows, &[ann(ask())], &[made]);

    // For one so many wait; what has expired gives its place away.
    let waiting = (0..REQUESTS_WAITING_MAX as u64).map(|place| (UserId(1000 + place), NOW)).collect();
    let mut rows = pair();
    rows.contact_tallies.insert(UserId(2), ContactTally { waiting, ..ContactTally::none(UserId(2)) });
    check_from(later(0), &rows, &[ann(ask())], &["refused too_many_requests"]);
    check_from(later(REQUEST_EXPIRY_MS), &rows, &[ann(ask())], &[made]);
}

#[test]
fn whatever_two_do_ends_the_same_on_both_where_it_must() {
    let mut random = SeededRandom(9);
    let (mut contacts, mut granted) = (0, 0);
    for _ in 0..4_000 {
        let (mut state, mut sides, mut history) = (State::default(), Sides::default(), Vec::new());
        let rows = pair();
        let steps = 1 + random.below(9);
        let mut play = |request: Request, history: &mut Vec<String>, sides: &mut Sides| {
            let operation = at(request);
            rows.warm(&mut state, &operation);
            let decided = decide(&mut state, &operation, Version(101 + history.len() as u64));
            history.push(format!("{:?} {decided:?}", operation.request));
            let is_taken = decided.is_ok();
            let record = decided.ok().and_then(|decided| decided.record);
            sides.take(&record.map(|record| record.effects).unwrap_or_default());
            sides.check(history);
            is_taken
        };
        for _ in 0..steps {
            let change = match random.below(9) {
                0..3 => ask(),
                3 | 4 => ContactChange::Accept,
                5 => ContactChange::Refuse,
                6 => ContactChange::Withdraw,
                7 => ContactChange::Delete,
                _ => [ContactChange::Block, ContactChange::Unblock][random.below(2) as usize].clone(),
            };
            let accepts = change == ContactChange::Accept;
            let is_ann = random.below(2) == 0;
            let waited = sides.standing(usize::from(!is_ann)) == Standing::AskedBy;
            let request = if is_ann { ann(change) } else { bob(change) };
            let is_taken = play(request, &mut history, &mut sides);
            if accepts && is_taken && waited {
                granted += 1;
                let both = [sides.standing(0), sides.standing(1)];
                assert_eq!(both, [Standing::Contact; 2], "granted on both sides: {history:#?}");
            }
        }
        // However it went: without blocks, two who ask each other are contacts.
        for change in [ContactChange::Unblock, ask()] {
            for request in [ann(change.clone()), bob(change.clone())] {
                assert!(play(request, &mut history, &mut sides), "{history:#?}");
            }
        }
        assert_eq!([sides.standing(0), sides.standing(1)], [Standing::Contact; 2], "{history:#?}");
        contacts += 1;
    }
    assert!(contacts == 4_000 && granted > 300, "{granted}");
}
