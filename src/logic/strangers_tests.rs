//! Strangers who have to ask: tables, and every order of what two do, judged by the records alone.

use super::{
    Need, Request, State,
    contact_requests_tests::{Sides, ask},
    contacts_tests::{ann, bob, pair},
    decide,
    decide_samples::{Rows, at, by, send},
    decide_tests::{check, check_from},
    operation::{ContactChange, Target},
};
use crate::model::{Contact, ConversationId, Standing, Strangers, UserId, Version};
use highwater_wire::Refusal;

fn say(user: u64, strangers: Strangers) -> Request {
    Request::SetStrangers { by: by(user, 10 * user + 1), strangers }
}

/// One of the two writes to the other one.
fn write(sender: u64, id: u8) -> Request {
    send(by(sender, 10 * sender + 1), Target::User(UserId(3 - sender)), id, "hi")
}

const FIRST: &str = "sent 1: conversation 1-2 item 1/2 after 0 item 1/3 after 0 item 2/2 after 0 item 2/3 after 0 message 1<0,2<0";

#[test]
fn a_stranger_asks_first_and_then_both_write() {
    let said = "done: account 2 (1) item 2/1 after 0";
    let conversation = ConversationId::direct(UserId(1), UserId(2), 0);
    let by_name = send(by(1, 11), Target::Name("u2".to_owned()), 4, "hi");
    let by_conversation = send(by(1, 11), Target::Conversation(conversation), 5, "hi");
    check(
        &pair(),
        &[
            say(2, Strangers::Ask),
            say(2, Strangers::Ask),
            write(1, 1),
            by_name,
            by_conversation,
            ann(ask()),
            write(1, 1),
            bob(ContactChange::Accept),
            write(1, 1),
            write(2, 2),
        ],
        &[
            said,
            "done: nothing",
            "refused ask_first",
            "refused ask_first",
            "refused no_such_conversation",
            "done: item 1/2 after 0 item 2/2 after 0 1 blocks 0 2 blocks 0",
            "refused ask_first",
            "done: item 2/2 after 106 2 blocks 0 item 1/2 after 106",
            "sent 1: conversation 1-2 item 1/2 after 108 item 1/3 after 0 item 2/2 after 108 item 2/3 after 0 message 1<0,2<0",
            "sent 2: message 2<109,1<109",
        ],
    );
}

#[test]
fn who_asks_to_be_asked_may_write_and_is_answered() {
    check(
        &pair(),
        &[
            say(2, Strangers::Ask),
            write(2, 1),
            write(1, 2),
            bob(ContactChange::Delete),
            write(1, 3),
            write(1, 2),
        ],
        &[
            "done: account 2 (1) item 2/1 after 0",
            "sent 1: conversation 1-2 item 2/2 after 0 item 2/3 after 0 item 1/2 after 0 item 1/3 after 0 message 2<0,1<0",
            "sent 2: message 1<102,2<102",
            "done: item 2/2 after 102",
            "refused ask_first",
            // What was stored before is recognised.
            "sent 2: nothing",
        ],
    );
}

#[test]
fn the_operators_word_holds_until_a_user_says_otherwise() {
    let asking = || {
        let mut state = State::default();
        state.policy.strangers = Strangers::Ask;
        state
    };
    check_from(asking(), &pair(), &[write(1, 1)], &["refused ask_first"]);
    let said = "done: account 2 (1) item 2/1 after 0";
    check_from(asking(), &pair(), &[say(2, Strangers::Write), write(1, 1)], &[said, FIRST]);
    // Notes to oneself, and programs, for which their operator answers.
    let notes = send(by(1, 11), Target::User(UserId(1)), 1, "note");
    let noted = "sent 1: conversation 1-1 item 1/2 after 0 item 1/3 after 0 message 1<0";
    check_from(asking(), &pair(), &[notes], &[noted]);
    let mut rows = pair();
    rows.accounts.get_mut(&UserId(1)).expect("she is there").bot = true;
    check_from(
        asking(),
        &rows,
        &[write(1, 1), bob(ContactChange::Block), write(1, 2)],
        &[FIRST, "done: item 2/2 after 101 2 blocks 1", "refused no_such_user"],
    );
    // It goes on after everything was forgotten.
    let mut state = asking();
    state.forget(Version(1));
    check_from(state, &pair(), &[write(1, 1)], &["refused ask_first"]);
}

#[test]
fn the_account_of_who_writes_is_read_only_of_who_would_have_to_ask() {
    let known = Contact { standing: Standing::Contact, ..Contact::stranger(UserId(1), "u1".to_owned()) };
    let stranger = Contact::stranger(UserId(1), "u1".to_owned());
    let (asks, writes) = (Some(Strangers::Ask), Some(Strangers::Write));
    for (operators, said, contact, is_read) in [
        (Strangers::Write, None, &stranger, false),
        (Strangers::Write, asks, &stranger, true),
        (Strangers::Write, asks, &known, false),
        (Strangers::Ask, None, &stranger, true),
        (Strangers::Ask, None, &known, false),
        (Strangers::Ask, writes, &stranger, false),
    ] {
        for is_program in [false, true] {
            let conversation = ConversationId::direct(UserId(1), UserId(2), 0);
            let mut rows = pair().conversation(conversation, [1, 2], 7).contact(2, contact.clone());
            rows.accounts.get_mut(&UserId(2)).expect("he is there").strangers = said;
            rows.accounts.get_mut(&UserId(1)).expect("she is there").bot = is_program;
            let mut state = State::default();
            state.policy.strangers = operators;
            let held = [Need::Account(UserId(2)), Need::Contact(UserId(2), UserId(1))];
            assert!(state.warm(held.map(|need| rows.read(need)).into(), Version(1 << 40)));
            let operation = at(write(1, 1));
            let read = rows.warm(&mut state, &operation).contains(&Need::Account(UserId(1)));
            let decided = decide(&mut state, &operation, Version(101)).map(drop);
            let expected = if is_read && !is_program { Err(Refusal::AskFirst) } else { Ok(()) };
            assert_eq!((read, decided), (is_read, expected), "{operators:?} {said:?} {contact:?}");
        }
    }
}

#[test]
fn who_is_blocked_is_not_told_to_ask() {
    let blocked = Contact { is_blocked: true, ..Contact::stranger(UserId(1), String::new()) };
    check(
        &pair().contact(2, blocked),
        &[write(1, 1), say(2, Strangers::Ask), write(1, 1), ann(ask())],
        &[
            "refused no_such_user",
            "done: account 2 (1) item 2/1 after 0",
            "refused no_such_user",
            "refused no_such_user",
        ],
    );
}

/// Two who do one thing after the other, with what the records say of it.
struct Two {
    rows: Rows,
    state: State,
    sides: Sides,
    asks: [bool; 2],
    history: Vec<String>,
}

impl Two {
    fn new() -> Two {
        let (rows, state, sides) = (pair(), State::default(), Sides::default());
        Two { rows, state, sides, asks: [false; 2], history: Vec::new() }
    }

    fn play(&mut self, name: &str, request: Request) -> Result<(), Refusal> {
        let operation = at(request);
        self.rows.warm(&mut self.state, &operation);
        let version = Version(101 + self.history.len() as u64);
        let decided = decide(&mut self.state, &operation, version);
        self.history.push(name.to_owned());
        if let (Request::SetStrangers { by, strangers }, Ok(_)) = (&operation.request, &decided) {
            self.asks[by.user.0 as usize - 1] = *strangers == Strangers::Ask;
        }
        let record = decided?.record;
        self.sides.take(&record.map(|record| record.effects).unwrap_or_default());
        self.sides.check(&self.history);
        Ok(())
    }

    /// What a message of this side has to be answered by.
    fn due(&self, sender: usize) -> Option<Refusal> {
        let peer = 1 - sender;
        if self.sides.blocks(peer) {
            Some(Refusal::NoSuchUser)
        } else if self.asks[peer] && self.sides.standing(peer) != Standing::Contact {
            Some(Refusal::AskFirst)
        } else {
            None
        }
    }
}

/// The names of what one of the two may do at any time.
#[rustfmt::skip]
const NAMES: [&str; 18] = [
    "ann asks", "bob asks", "ann accepts", "bob accepts", "ann refuses", "bob refuses", "ann blocks", "bob blocks",
    "ann unblocks", "bob unblocks", "ann deletes", "bob deletes", "ann writes", "bob writes", "ann: ask", "bob: ask",
    "ann: write", "bob: write",
];

/// See the names.
fn event(number: usize, id: u8) -> Request {
    let (side, what) = (number % 2, number / 2);
    let change = |change| [ann, bob][side](change);
    match what {
        0 => change(ask()),
        1 => change(ContactChange::Accept),
        2 => change(ContactChange::Refuse),
        3 => change(ContactChange::Block),
        4 => change(ContactChange::Unblock),
        5 => change(ContactChange::Delete),
        6 => write(side as u64 + 1, id),
        7 => say(side as u64 + 1, Strangers::Ask),
        _ => say(side as u64 + 1, Strangers::Write),
    }
}

#[test]
fn in_any_order_both_sides_agree_and_nothing_of_a_stranger_is_taken() {
    const EVENTS: usize = NAMES.len();
    let mut refused = 0;
    for order in 0..EVENTS.pow(4) {
        let mut two = Two::new();
        // He asks to be asked, so that the orders begin where they differ from those of before.
        assert_eq!(two.play("asks to be asked", say(2, Strangers::Ask)), Ok(()));
        for place in 0..4 {
            let number = order / EVENTS.pow(place) % EVENTS;
            let due = (number / 2 == 6).then(|| two.due(number % 2));
            let answer = two.play(NAMES[number], event(number, place as u8)).err();
            assert!(due.is_none_or(|due| due == answer), "due {due:?}: {:#?}", two.history);
            refused += u32::from(answer == Some(Refusal::AskFirst));
        }
        // However it went: without blocks, who asks and is granted it writes, and is answered.
        let ends = [ContactChange::Unblock, ask()];
        for change in ends {
            for request in [ann(change.clone()), bob(change)] {
                assert_eq!(two.play("in the end", request), Ok(()), "{:#?}", two.history);
            }
        }
        assert_eq!([0, 1].map(|side| two.sides.standing(side)), [Standing::Contact; 2], "{:#?}", two.history);
        for sender in [1, 2] {
            assert_eq!(two.play("writes", write(sender, 100)), Ok(()), "{:#?}", two.history);
        }
    }
    assert!(refused > 5_000, "{refused}");
}
