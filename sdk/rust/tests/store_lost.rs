//! After the server's store was put back: what is not of its history goes, in one transaction with the page that says so.

#![allow(clippy::unwrap_used)]

mod pages;

use highwater_sdk::wire::proto::{Page, Sent, Valid};
use highwater_sdk::{Applied, ClientMessageId, SendState, Store, Target};
use pages::{ScratchDir, applied, entry, page, rebuild_page};

fn valid(conversation_id: u64, seq: u64) -> Valid {
    Valid { conversation_id, seq }
}

fn seqs(store: &Store, conversation: u64) -> Vec<u64> {
    store.entries_after(conversation, 0, 100).unwrap().iter().map(|entry| entry.seq).collect()
}

/// Three conversations with three messages each.
fn fill(store: &mut Store) {
    let entries =
        (5..8).flat_map(|conversation| (1..4).map(move |seq| entry(conversation, seq, "x"))).collect();
    applied(store, &Page { entries, ..page(0, 1) });
}

#[test]
fn what_lies_above_and_whoever_is_not_named_goes_before_anything_else_is_applied() {
    let mut store = Store::in_memory().unwrap();
    fill(&mut store);
    let told = Page {
        valid: vec![valid(5, 2), valid(6, 9)],
        valid_complete: true,
        entries: vec![entry(5, 3, "another"), entry(7, 1, "another")],
        ..rebuild_page(20)
    };
    let Applied { dropped_entries, new_entries, conflicts, .. } = applied(&mut store, &told);
    assert_eq!((dropped_entries, new_entries, conflicts), (4, 2, Vec::new()));
    assert_eq!([5, 6, 7].map(|conversation| seqs(&store, conversation).len()), [3, 3, 1]);
    assert_eq!(store.entry(5, 3).unwrap(), Some(entry(5, 3, "another")));
    assert!(store.repairing().unwrap(), "what was dropped is looked for");
}

#[test]
fn a_list_in_parts_goes_on_after_the_store_was_closed_and_begins_anew_with_another_rebuild() {
    let scratch = ScratchDir::new();
    let mut store = Store::open(scratch.file()).unwrap();
    fill(&mut store);
    applied(&mut store, &Page { valid: vec![valid(5, 3)], more: true, ..rebuild_page(20) });
    assert_eq!(
        [5, 6, 7].map(|conversation| seqs(&store, conversation).len()),
        [3; 3],
        "nobody was left out yet"
    );
    drop(store);

    let mut store = Store::open(scratch.file()).unwrap();
    applied(&mut store, &Page { valid: vec![valid(6, 1)], more: true, ..page(20, 21) });
    // Another loss: of what was named before nothing holds any more.
    applied(&mut store, &Page { valid: vec![valid(7, 2)], more: true, ..rebuild_page(40) });
    let last = Page { valid_complete: true, ..page(40, 41) };
    assert_eq!(applied(&mut store, &last).dropped_entries, 4);
    assert_eq!([5, 6, 7].map(|conversation| seqs(&store, conversation)), [vec![], vec![], vec![1, 2]]);
}

#[test]
fn a_rebuild_that_tells_no_list_drops_nothing() {
    let mut store = Store::in_memory().unwrap();
    fill(&mut store);
    applied(&mut store, &rebuild_page(20));
    applied(&mut store, &Page { complete: true, ..page(20, 21) });
    assert_eq!([5, 6, 7].map(|conversation| seqs(&store, conversation).len()), [3; 3]);
}

#[test]
fn the_outbox_stays_and_what_was_answered_with_a_place_that_is_gone_is_no_longer_known_as_sent() {
    const WAITING: ClientMessageId = ClientMessageId([1; 16]);
    const KEPT: ClientMessageId = ClientMessageId([2; 16]);
    const LOST: ClientMessageId = ClientMessageId([3; 16]);
    let mut store = Store::in_memory().unwrap();
    fill(&mut store);
    for id in [WAITING, KEPT, LOST] {
        store.put_message(id, Some(1), &Target::Conversation(5), "mine").unwrap();
    }
    let at = |seq| Sent { conversation_id: 5, seq, sent_at_ms: 1 };
    assert!(store.record_sent(KEPT, &at(4)).unwrap() && store.record_sent(LOST, &at(5)).unwrap());
    applied(&mut store, &Page { valid: vec![valid(5, 4)], valid_complete: true, ..rebuild_page(20) });
    let states = [WAITING, KEPT, LOST].map(|id| store.send_state(id).unwrap());
    assert_eq!(states, [Some(SendState::Pending), Some(SendState::Sent(at(4))), None]);
}
