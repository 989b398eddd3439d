//! The rules by which the store takes pages.
#![allow(clippy::unwrap_used)]

mod pages;

use highwater_sdk::wire::proto::{Gap, Page};
use highwater_sdk::{DiscardReason, Lineage, Outcome, PageCause, Store};
use pages::{ScratchDir, applied, deleted, entry, item, keys, page, rebuild_page, snapshot};

#[test]
fn page_and_snapshot_are_stored_together() {
    let mut store = Store::in_memory().unwrap();
    let told = Page {
        items: vec![item(1, "me", "{}"), item(2, "7", "{\"name\":\"b\"}")],
        entries: vec![entry(u64::MAX, 1, "one"), entry(u64::MAX, 2, "two")],
        gaps: vec![Gap { conversation_id: 5, from_seq: 1, to_seq: 9 }],
        ..page(0, 1)
    };
    assert_eq!(applied(&mut store, &told).new_entries, 2);
    assert_eq!(store.snapshot().unwrap(), snapshot(1));
    assert_eq!(store.entries_after(u64::MAX, 0, 10).unwrap(), told.entries);
    assert_eq!(store.entries_after(u64::MAX, 1, 10).unwrap(), told.entries[1..]);
    assert_eq!(store.newest_seqs().unwrap(), [(u64::MAX, 2)]);
    assert_eq!(store.item(2, "7").unwrap().unwrap(), "{\"name\":\"b\"}");
    assert_eq!(store.gaps().unwrap(), told.gaps);
}

#[test]
fn another_base_is_discarded_and_changes_nothing() {
    let mut store = Store::in_memory().unwrap();
    applied(&mut store, &page(0, 1));
    let strangers = [page(2, 3), page(0, 3), Page { base: vec![9].into(), ..page(1, 3) }];
    for mut stranger in strangers {
        stranger.entries = vec![entry(1, 1, "never")];
        stranger.items = vec![item(1, "me", "never")];
        for cause in [PageCause::Sync, PageCause::Push] {
            let outcome = store.apply(&stranger, cause).unwrap();
            assert_eq!(outcome, Outcome::Discarded(DiscardReason::BaseMismatch));
        }
    }
    assert_eq!(store.snapshot().unwrap(), snapshot(1));
    assert_eq!(store.newest_seqs().unwrap(), []);
    assert_eq!(keys(&store, 1), [""; 0]);
}

#[test]
fn same_page_again_is_discarded() {
    let mut store = Store::in_memory().unwrap();
    let told = Page { entries: vec![entry(1, 1, "x")], ..page(0, 1) };
    applied(&mut store, &told);
    let again = store.apply(&told, PageCause::Push).unwrap();
    assert_eq!(again, Outcome::Discarded(DiscardReason::BaseMismatch));
}

#[test]
fn page_without_snapshot_is_discarded() {
    let mut store = Store::in_memory().unwrap();
    let none = Page { entries: vec![entry(1, 1, "x")], ..Page::default() };
    let outcome = store.apply(&none, PageCause::Sync).unwrap();
    assert_eq!(outcome, Outcome::Discarded(DiscardReason::NoSnapshot));
    assert_eq!(store.entry(1, 1).unwrap(), None);
}

#[test]
fn one_place_holds_one_entry_and_another_content_is_counted() {
    let mut store = Store::in_memory().unwrap();
    let first = entry(1, 1, "first");
    applied(&mut store, &Page { entries: vec![first.clone()], ..page(0, 1) });
    let repeated = applied(&mut store, &Page { entries: vec![first.clone()], ..page(1, 2) });
    assert_eq!((repeated.new_entries, repeated.repeated_entries), (0, 1));
    assert_eq!(store.conflicts().unwrap(), 0);

    let other = entry(1, 1, "other");
    let later = highwater_sdk::wire::proto::Entry { sent_at_ms: 1, ..first.clone() };
    let told = Page { entries: vec![other.clone(), later.clone()], ..page(2, 3) };
    assert_eq!(applied(&mut store, &told).conflicts, [other, later.clone()]);
    assert_eq!(store.conflicts().unwrap(), 2);
    assert_eq!(store.entries_after(1, 0, 10).unwrap(), [later], "what was told last stands");
}

#[test]
fn items_are_replaced_and_deleted() {
    let mut store = Store::in_memory().unwrap();
    applied(&mut store, &Page { items: vec![item(2, "a", "1"), item(2, "b", "1")], ..page(0, 1) });
    let change = Page { items: vec![item(2, "a", "2"), deleted(2, "b"), deleted(2, "c")], ..page(1, 2) };
    applied(&mut store, &change);
    assert_eq!(store.items(2).unwrap(), [item(2, "a", "2")]);
}

#[test]
fn rebuild_sweeps_what_is_not_told_again_once_complete() {
    let mut store = Store::in_memory().unwrap();
    let before = Page {
        items: vec![item(2, "gone", "1"), item(2, "kept", "1"), item(3, "gone", "1")],
        entries: vec![entry(1, 1, "local")],
        ..page(0, 7)
    };
    applied(&mut store, &before);

    let first = Page { items: vec![item(2, "kept", "2")], more: true, ..rebuild_page(20) };
    assert_eq!(applied(&mut store, &first).swept, []);
    assert!(store.rebuilding().unwrap());
    assert_eq!(keys(&store, 2), ["gone", "kept"], "nothing goes before the rebuild is complete");

    let last = Page { items: vec![item(2, "new", "1")], complete: true, ..page(20, 21) };
    assert_eq!(applied(&mut store, &last).swept, [(2, "gone".to_owned()), (3, "gone".to_owned())]);
    assert!(!store.rebuilding().unwrap());
    assert_eq!(store.items(2).unwrap(), [item(2, "kept", "2"), item(2, "new", "1")]);
    assert_eq!(keys(&store, 3), [""; 0]);
    assert_eq!(store.entries_after(1, 0, 10).unwrap(), before.entries, "messages are never swept");
}

#[test]
fn rebuild_begun_anew_forgets_the_first_attempt() {
    let mut store = Store::in_memory().unwrap();
    applied(&mut store, &Page { items: vec![item(2, "old", "1")], ..page(0, 1) });
    applied(&mut store, &Page { items: vec![item(2, "half", "1")], ..rebuild_page(5) });
    let whole = Page { items: vec![item(2, "whole", "1")], complete: true, ..rebuild_page(9) };
    assert_eq!(applied(&mut store, &whole).swept.len(), 2);
    assert_eq!(keys(&store, 2), ["whole"]);
}

#[test]
fn later_page_of_a_rebuild_may_repeat_the_mark() {
    let mut store = Store::in_memory().unwrap();
    applied(&mut store, &Page { items: vec![item(2, "first", "1")], ..rebuild_page(5) });
    let second = Page {
        items: vec![item(2, "second", "1")],
        rebuild: rebuild_page(0).rebuild,
        complete: true,
        ..page(5, 6)
    };
    assert_eq!(applied(&mut store, &second).swept, []);
    assert_eq!(keys(&store, 2), ["first", "second"]);
}

#[test]
fn rebuild_that_was_not_asked_for_is_discarded() {
    let mut store = Store::in_memory().unwrap();
    applied(&mut store, &page(0, 1));
    for pushed in [rebuild_page(5), Page { rebuild: rebuild_page(5).rebuild, ..page(1, 5) }] {
        let outcome = store.apply(&pushed, PageCause::Push).unwrap();
        assert_eq!(outcome, Outcome::Discarded(DiscardReason::NotAsked));
    }
    assert!(!store.rebuilding().unwrap());
}

#[test]
fn complete_outside_a_rebuild_sweeps_nothing() {
    let mut store = Store::in_memory().unwrap();
    applied(&mut store, &Page { items: vec![item(2, "a", "1")], ..page(0, 1) });
    assert_eq!(applied(&mut store, &Page { complete: true, ..page(1, 2) }).swept, []);
    assert_eq!(keys(&store, 2), ["a"]);
}

#[test]
fn unknown_kind_is_kept_like_any_other() {
    let mut store = Store::in_memory().unwrap();
    applied(&mut store, &Page { items: vec![item(4_000_000_000, "k", "{\"new\":1}")], ..page(0, 1) });
    assert_eq!(store.items(4_000_000_000).unwrap(), [item(4_000_000_000, "k", "{\"new\":1}")]);
    applied(&mut store, &Page { complete: true, ..rebuild_page(2) });
    assert_eq!(keys(&store, 4_000_000_000), [""; 0]);
}

#[test]
fn rebuild_under_way_survives_reopening() {
    let scratch = ScratchDir::new();
    let mut store = Store::open(scratch.file()).unwrap();
    applied(&mut store, &Page { items: vec![item(2, "old", "1")], ..page(0, 1) });
    applied(&mut store, &Page { items: vec![item(2, "new", "1")], ..rebuild_page(2) });
    drop(store);
    let mut store = Store::open(scratch.file()).unwrap();
    assert_eq!(store.snapshot().unwrap(), snapshot(2));
    assert_eq!(applied(&mut store, &Page { complete: true, ..page(2, 3) }).swept, [(2, "old".to_owned())]);
}

#[test]
fn file_has_one_owner_and_one_lineage() {
    let scratch = ScratchDir::new();
    let mut store = Store::open(scratch.file()).unwrap();
    assert!(Store::open(scratch.file()).is_err());
    let first = Lineage { user_id: u64::MAX, device_id: 2, context: 0 };
    assert_eq!(store.bind(first).unwrap(), first);
    assert_eq!(store.bind(Lineage { context: 1, ..first }).unwrap(), first);
    drop(store);
    assert_eq!(Store::open(scratch.file()).unwrap().lineage().unwrap(), Some(first));
}
