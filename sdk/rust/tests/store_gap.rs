//! The rules by which the store takes a gap in the messages, and what is read by range.
#![allow(clippy::unwrap_used)]

mod pages;

use highwater_sdk::wire::kind::{CONTACTS, CONVERSATIONS};
use highwater_sdk::wire::proto::{Entry, Page};
use highwater_sdk::{
    Applied, ClientMessageId, DiscardReason, Outcome, PageCause, SendState, SeqRange, Store, Target,
};
use pages::{ScratchDir, applied, entry, gap_page, item, keys, page, rebuild_page, snapshot};

/// A store with a contact, two conversations and a message, at snapshot 1.
fn filled(store: &mut Store) {
    let items = vec![item(CONTACTS, "b", "1"), item(CONVERSATIONS, "5", "1"), item(CONVERSATIONS, "6", "1")];
    applied(store, &Page { items, entries: vec![entry(5, 1, "kept")], ..page(0, 1) });
}

fn swept(keys: &[&str]) -> Vec<(u32, String)> {
    keys.iter().map(|&key| (CONVERSATIONS, key.to_owned())).collect()
}

#[test]
fn after_a_gap_only_conversations_are_swept() {
    let mut store = Store::in_memory().unwrap();
    filled(&mut store);
    assert_eq!(applied(&mut store, &gap_page(1, 2)), Applied::default());
    assert_eq!((store.rebuilding().unwrap(), store.repairing().unwrap()), (true, true));
    assert_eq!(store.snapshot().unwrap(), snapshot(2));
    let told = Page { items: vec![item(CONVERSATIONS, "5", "2")], more: true, ..page(2, 3) };
    assert_eq!(applied(&mut store, &told), Applied::default());
    assert_eq!(keys(&store, CONVERSATIONS), ["5", "6"], "nothing goes before everything is told");
    let last = Page { entries: vec![entry(5, 9, "after")], complete: true, ..page(3, 4) };
    assert_eq!(applied(&mut store, &last).swept, swept(&["6"]));
    assert_eq!(keys(&store, CONTACTS), ["b"]);
    assert_eq!(store.items(CONVERSATIONS).unwrap(), [item(CONVERSATIONS, "5", "2")]);
    assert!(!store.rebuilding().unwrap());
    assert!(store.repairing().unwrap(), "what is lacking is not told by pages");
    assert_eq!(store.entries_after(5, 0, 9).unwrap(), [entry(5, 1, "kept"), entry(5, 9, "after")]);
}

#[test]
fn a_gap_that_ends_a_rebuild_sweeps_that_first() {
    let mut store = Store::in_memory().unwrap();
    filled(&mut store);
    let first = Page { items: vec![item(CONVERSATIONS, "6", "2"), item(7, "x", "1")], ..rebuild_page(5) };
    applied(&mut store, &first);
    let gap = Page { items: vec![item(CONVERSATIONS, "7", "1")], complete: true, ..gap_page(5, 6) };
    assert_eq!(
        applied(&mut store, &gap).swept,
        [(CONTACTS, "b".to_owned()), (CONVERSATIONS, "5".to_owned())]
    );
    assert_eq!(keys(&store, CONVERSATIONS), ["6", "7"]);
    assert!(store.rebuilding().unwrap());
    let last = Page { items: vec![item(CONVERSATIONS, "7", "1")], complete: true, ..page(6, 7) };
    assert_eq!(applied(&mut store, &last).swept, swept(&["6"]));
    assert_eq!(keys(&store, 7), ["x"]);
}

#[test]
fn rebuild_and_gap_may_come_on_one_page() {
    let mut store = Store::in_memory().unwrap();
    filled(&mut store);
    let whole = Page {
        items: vec![item(CONTACTS, "c", "1"), item(CONVERSATIONS, "6", "1")],
        rebuild: rebuild_page(0).rebuild,
        complete: true,
        ..gap_page(0, 5)
    };
    assert_eq!(applied(&mut store, &whole).swept.len(), 2);
    assert!(store.repairing().unwrap() && store.rebuilding().unwrap());
    assert_eq!(applied(&mut store, &Page { complete: true, ..page(5, 6) }).swept, swept(&["6"]));
    assert_eq!(keys(&store, CONTACTS), ["c"]);
}

#[test]
fn a_gap_amid_a_rebuild_leaves_what_is_old_old() {
    let mut store = Store::in_memory().unwrap();
    filled(&mut store);
    applied(&mut store, &Page { items: vec![item(CONVERSATIONS, "5", "2")], ..rebuild_page(5) });
    applied(&mut store, &gap_page(5, 6));
    applied(&mut store, &gap_page(6, 7));
    let last = Page { items: vec![item(CONVERSATIONS, "6", "2")], complete: true, ..page(7, 8) };
    assert_eq!(
        applied(&mut store, &last).swept,
        [(CONTACTS, "b".to_owned()), (CONVERSATIONS, "5".to_owned())]
    );
}

#[test]
fn a_gap_that_was_not_asked_for_or_fits_nothing_is_discarded() {
    let mut store = Store::in_memory().unwrap();
    filled(&mut store);
    let cases = [
        (gap_page(1, 2), PageCause::Push, DiscardReason::NotAsked),
        (gap_page(3, 4), PageCause::Sync, DiscardReason::BaseMismatch),
        (Page { snapshot: Vec::new().into(), ..gap_page(1, 2) }, PageCause::Sync, DiscardReason::NoSnapshot),
    ];
    for (page, cause, reason) in cases {
        assert_eq!(store.apply(&page, cause).unwrap(), Outcome::Discarded(reason));
    }
    assert!(!store.rebuilding().unwrap() && !store.repairing().unwrap());
    assert_eq!(store.snapshot().unwrap(), snapshot(1));
}

#[test]
fn gap_and_need_of_repair_survive_reopening() {
    let scratch = ScratchDir::new();
    let mut store = Store::open(scratch.file()).unwrap();
    filled(&mut store);
    applied(&mut store, &gap_page(1, 2));
    drop(store);
    let mut store = Store::open(scratch.file()).unwrap();
    assert!(store.repairing().unwrap());
    assert_eq!(applied(&mut store, &Page { complete: true, ..page(2, 3) }).swept, swept(&["5", "6"]));
}

#[test]
fn entries_read_by_range_follow_the_rules_of_pages() {
    const OWN: ClientMessageId = ClientMessageId([3; 16]);
    let mut store = Store::in_memory().unwrap();
    filled(&mut store);
    store.put_message(OWN, Some(1), &Target::Conversation(5), "mine").unwrap();
    let own = Entry { client_message_id: OWN.0.to_vec().into(), ..entry(5, 3, "mine") };
    let told = store.add_entries(&[entry(5, 1, "kept"), entry(5, 2, "new"), own.clone()]).unwrap();
    assert_eq!((told.new_entries, told.repeated_entries, told.conflicts.len()), (2, 1, 0));
    assert_eq!(told.settled.len(), 1);
    assert!(matches!(store.send_state(OWN).unwrap(), Some(SendState::Sent(sent)) if sent.seq == 3));
    let told = store.add_entries(&[entry(5, 2, "other"), entry(5, 4, "new")]).unwrap();
    assert_eq!((told.new_entries, told.conflicts), (1, vec![entry(5, 2, "other")]));
    assert_eq!(store.conflicts().unwrap(), 1);
    assert_eq!(store.entry(5, 2).unwrap(), Some(entry(5, 2, "other")), "what was told last stands");
    assert_eq!(store.snapshot().unwrap(), snapshot(1), "a range moves no mark");
}

#[test]
fn holes_are_named() {
    let mut store = Store::in_memory().unwrap();
    let held = [(u64::MAX, 3), (u64::MAX, 4), (u64::MAX, 7), (5, 1), (6, 5)];
    let entries: Vec<_> = held.iter().map(|&(conversation, seq)| entry(conversation, seq, "x")).collect();
    store.add_entries(&entries).unwrap();
    let holes = |from_seq, to_seq| {
        let holes = store.holes(u64::MAX, from_seq, to_seq).unwrap();
        holes.into_iter().map(|SeqRange { from_seq, to_seq }| (from_seq, to_seq)).collect::<Vec<_>>()
    };
    assert_eq!(holes(1, 9), [(1, 2), (5, 6), (8, 9)]);
    assert_eq!(holes(4, 6), [(5, 6)]);
    assert_eq!(holes(3, 4), []);
    assert_eq!(holes(9, 1), []);
    assert_eq!(holes(8, u64::MAX), [(8, i64::MAX as u64)], "no seq goes further than a store can hold");
}
