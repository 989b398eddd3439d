//! The rules of the outbox.
#![allow(clippy::unwrap_used)]

mod pages;

use highwater_sdk::store::{OUTBOX_PENDING_MAX, PutOutcome};
use highwater_sdk::wire::proto::{Entry, Page, Sent};
use highwater_sdk::{ClientMessageId, Outcome, PageCause, SendState, Store, Target};
use pages::{ScratchDir, entry, page};

const SENT: Sent = Sent { conversation_id: u64::MAX, seq: 3, sent_at_ms: 1_700_000_000_003 };

fn id(number: u8) -> ClientMessageId {
    ClientMessageId([number; 16])
}

fn put(store: &mut Store, number: u8, day: Option<u32>) -> PutOutcome {
    store.put_message(id(number), day, &Target::UserName("bob".to_owned()), "hi").unwrap()
}

#[test]
fn messages_come_back_in_order_with_all_they_hold() {
    let scratch = ScratchDir::new();
    let mut store = Store::open(scratch.file()).unwrap();
    let targets = [Target::Conversation(u64::MAX), Target::User(7), Target::UserName("bob".to_owned())];
    for (number, target) in targets.iter().enumerate() {
        let day = Some(20_000);
        let outcome = store
            .put_message_showing(id(number as u8), day, target, "text", u64::MAX - number as u64)
            .unwrap();
        assert_eq!(outcome, PutOutcome::New);
    }
    drop(store);
    let store = Store::open(scratch.file()).unwrap();
    let messages = store.pending_after(0, 10).unwrap();
    assert_eq!(messages.iter().map(|m| m.target.clone()).collect::<Vec<_>>(), targets);
    assert!(messages.iter().all(|m| m.day == Some(20_000) && m.content == "text".into()));
    let shown: Vec<u64> = messages.iter().map(|message| message.shown_seq).collect();
    assert_eq!(shown, [u64::MAX, u64::MAX - 1, u64::MAX - 2]);
    assert_eq!(store.pending_after(messages[0].position, 1).unwrap(), messages[1..2]);
}

#[test]
fn same_message_again_is_known_another_under_its_id_is_not_taken() {
    let mut store = Store::in_memory().unwrap();
    assert_eq!(put(&mut store, 1, Some(5)), PutOutcome::New);
    assert_eq!(put(&mut store, 1, Some(6)), PutOutcome::Known);
    let other = store.put_message(id(1), Some(5), &Target::UserName("bob".to_owned()), "other").unwrap();
    assert_eq!(other, PutOutcome::IdReused);
    let pending = store.pending_after(0, 10).unwrap();
    assert_eq!(pending.iter().map(|m| (m.id, m.day)).collect::<Vec<_>>(), [(id(1), Some(5))]);
}

#[test]
fn day_is_given_once() {
    let mut store = Store::in_memory().unwrap();
    put(&mut store, 1, None);
    put(&mut store, 2, Some(5));
    store.assign_day(6).unwrap();
    store.assign_day(7).unwrap();
    let days: Vec<_> = store.pending_after(0, 10).unwrap().iter().map(|m| m.day).collect();
    assert_eq!(days, [Some(6), Some(5)]);
}

#[test]
fn answer_settles_and_a_differing_one_is_noticed() {
    let mut store = Store::in_memory().unwrap();
    put(&mut store, 1, Some(5));
    assert_eq!(store.send_state(id(1)).unwrap(), Some(SendState::Pending));
    assert!(store.record_sent(id(1), &SENT).unwrap());
    assert!(store.record_sent(id(1), &SENT).unwrap());
    assert!(!store.record_sent(id(1), &Sent { seq: 4, ..SENT }).unwrap());
    assert_eq!(store.send_state(id(1)).unwrap(), Some(SendState::Sent(SENT)));
    assert_eq!(store.pending_after(0, 10).unwrap(), []);
    store.record_refused(id(1), 304).unwrap();
    assert_eq!(store.send_state(id(1)).unwrap(), Some(SendState::Sent(SENT)));
    assert_eq!(store.send_state(id(2)).unwrap(), None);
}

#[test]
fn refusal_settles_with_its_code() {
    let mut store = Store::in_memory().unwrap();
    put(&mut store, 1, Some(5));
    store.record_refused(id(1), 300).unwrap();
    assert_eq!(store.send_state(id(1)).unwrap(), Some(SendState::Refused { code: 300 }));
    assert_eq!(store.pending_after(0, 10).unwrap(), []);
}

#[test]
fn own_entry_settles_in_the_transaction_of_its_page() {
    let mut store = Store::in_memory().unwrap();
    put(&mut store, 1, Some(5));
    put(&mut store, 2, Some(5));
    store.record_refused(id(2), 305).unwrap();
    let own = |number: u8, seq| Entry {
        client_message_id: id(number).0.to_vec().into(),
        ..entry(SENT.conversation_id, seq, "hi")
    };
    let told = Page { entries: vec![own(1, 3), own(2, 4), own(9, 5)], ..page(0, 1) };
    let Outcome::Applied(applied) = store.apply(&told, PageCause::Push).unwrap() else { panic!() };
    let second = Sent { seq: 4, sent_at_ms: SENT.sent_at_ms + 1, ..SENT };
    assert_eq!(applied.settled, [(id(1), SENT), (id(2), second)]);
    assert_eq!(store.send_state(id(1)).unwrap(), Some(SendState::Sent(SENT)));
    assert_eq!(store.send_state(id(2)).unwrap(), Some(SendState::Sent(second)), "it was sent after all");
}

#[test]
fn outbox_is_bounded() {
    let mut store = Store::in_memory().unwrap();
    let target = Target::User(1);
    for number in 0..OUTBOX_PENDING_MAX as u128 {
        let outcome = store.put_message(ClientMessageId(number.to_be_bytes()), None, &target, "").unwrap();
        assert_eq!(outcome, PutOutcome::New);
    }
    assert_eq!(put(&mut store, 0xEE, None), PutOutcome::Full);
    store.record_refused(ClientMessageId(0u128.to_be_bytes()), 300).unwrap();
    assert_eq!(put(&mut store, 0xEE, None), PutOutcome::New);
}
