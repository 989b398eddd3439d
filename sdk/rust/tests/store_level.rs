//! What the store makes of a change of level: entries keep their place, get another content, and none is forgotten.
#![allow(clippy::unwrap_used)]

mod pages;

use highwater_sdk::wire::kind::{CONTACTS, CONVERSATIONS, MESSAGES};
use highwater_sdk::wire::proto::{Custom, Entry, LevelChange, Page, entry::Content};
use highwater_sdk::{DiscardReason, Durability, Outcome, PageCause, SeqRange, Store, Target};
use pages::{ScratchDir, applied, entry, item, keys, page, rebuild_page, snapshot};

fn level_page(from: u64, to: u64, kinds: &[u32]) -> Page {
    Page { level_changed: Some(LevelChange { kinds: kinds.to_vec() }), ..page(from, to) }
}

fn rich(seq: u64) -> Entry {
    let custom =
        Custom { schema: "poll/1".to_owned(), json: "{}".to_owned(), fallback: format!("text {seq}") };
    Entry { content: Some(Content::Custom(custom)), ..plain(seq) }
}

fn plain(seq: u64) -> Entry {
    entry(5, seq, &format!("text {seq}"))
}

fn ranges(store: &Store) -> Vec<(u64, u64)> {
    store
        .told_otherwise(5)
        .unwrap()
        .iter()
        .map(|SeqRange { from_seq, to_seq }| (*from_seq, *to_seq))
        .collect()
}

/// A store at level 1, snapshot 1, that holds these.
fn at_level_one(store: &mut Store, seqs: &[u64]) {
    store.render_for(1, "");
    let entries = seqs.iter().map(|&seq| plain(seq)).collect();
    applied(store, &Page { entries, ..page(0, 1) });
}

#[test]
fn what_was_told_for_another_level_is_known_and_replaced_one_by_one() {
    let dir = ScratchDir::new();
    let open = || Store::open_with(dir.file(), Durability::ProcessKill).unwrap();
    let mut store = open();
    at_level_one(&mut store, &[1, 2, 3, 7]);
    store.render_for(3, "");
    let told = applied(&mut store, &Page { entries: vec![rich(8)], ..level_page(1, 2, &[MESSAGES]) });
    assert!(told.rereading && store.rereading().unwrap());
    assert_eq!(ranges(&store), [(1, 3), (7, 7)], "what the page brings is told for the new level");

    let read = store.add_entries(&[rich(2), rich(3)]).unwrap();
    assert_eq!((read.new_entries, read.replaced_entries, read.conflicts.len()), (0, 2, 0));
    // The process ends in the middle; a new one knows what is left.
    drop(store);
    let mut store = open();
    store.render_for(3, "");
    assert!(store.rereading().unwrap());
    assert_eq!(ranges(&store), [(1, 1), (7, 7)]);
    // A text that is the same at both levels is read again all the same, and then it is over.
    let read = store.add_entries(&[plain(1), rich(7)]).unwrap();
    assert_eq!((read.repeated_entries, read.replaced_entries), (1, 1));
    assert_eq!(ranges(&store), []);
    let expected = [plain(1), rich(2), rich(3), rich(7), rich(8)];
    assert_eq!(store.entries_after(5, 0, 99).unwrap(), expected);
}

#[test]
fn a_content_changes_with_the_level_or_language_only() {
    let mut store = Store::in_memory().unwrap();
    at_level_one(&mut store, &[1]);
    let conflicts = |store: &mut Store, entry: Entry| store.add_entries(&[entry]).unwrap().conflicts.len();
    assert_eq!(conflicts(&mut store, entry(5, 1, "other")), 1, "the same level");
    store.render_for(1, "zh");
    assert_eq!(conflicts(&mut store, entry(5, 1, "文")), 0, "another language");
    store.render_for(3, "zh");
    assert_eq!(conflicts(&mut store, Entry { sent_at_ms: 99, ..rich(1) }), 1, "another message");
    assert_eq!(conflicts(&mut store, rich(1)), 1, "what was told last stands, so this is another one");
    assert_eq!(conflicts(&mut store, rich(1)), 0);
    assert_eq!(conflicts(&mut store, entry(5, 1, "文")), 1, "the same level again");
    assert_eq!(store.entry(5, 1).unwrap(), Some(entry(5, 1, "文")));
    // At level 1 what is said in a group is said by the group.
    store.render_for(1, "zh");
    let by_group = Entry { sender_id: 5, ..entry(5, 1, "Ann: 文") };
    assert_eq!(conflicts(&mut store, by_group.clone()), 0, "another level");
    assert_eq!(store.entry(5, 1).unwrap(), Some(by_group));
}

#[test]
fn state_kinds_that_differ_are_swept_when_they_were_told_anew() {
    let mut store = Store::in_memory().unwrap();
    let items = [(CONTACTS, "a"), (CONTACTS, "b"), (CONVERSATIONS, "c")];
    let items = items.map(|(kind, key)| item(kind, key, "{}")).to_vec();
    applied(&mut store, &Page { items, ..page(0, 1) });
    // The page that says so tells the first of them already.
    let told = vec![item(CONTACTS, "b", "{}")];
    let begun = applied(&mut store, &Page { items: told, more: true, ..level_page(1, 2, &[CONTACTS]) });
    assert!(!begun.rereading && store.rebuilding().unwrap() && begun.swept.is_empty());
    let ended =
        applied(&mut store, &Page { items: vec![item(CONTACTS, "d", "{}")], complete: true, ..page(2, 3) });
    assert_eq!(ended.swept, [(CONTACTS, "a".to_owned())]);
    assert_eq!(
        (keys(&store, CONTACTS), keys(&store, CONVERSATIONS)),
        (vec!["b".into(), "d".into()], vec!["c".into()])
    );
    assert!(!store.rebuilding().unwrap());
}

#[test]
fn a_change_without_kinds_asks_for_nothing_and_a_push_never_says_one() {
    let mut store = Store::in_memory().unwrap();
    at_level_one(&mut store, &[1]);
    store.render_for(2, "");
    let pushed = store.apply(&level_page(1, 2, &[MESSAGES]), PageCause::Push).unwrap();
    assert_eq!(pushed, Outcome::Discarded(DiscardReason::NotAsked));
    applied(&mut store, &level_page(1, 2, &[]));
    assert!(!store.rereading().unwrap() && !store.rebuilding().unwrap());
    assert_eq!(store.snapshot().unwrap(), snapshot(2));
}

#[test]
fn after_a_rebuild_what_is_held_shows_whether_the_level_changed() {
    for (level, rereads) in [(1, false), (3, true)] {
        let mut store = Store::in_memory().unwrap();
        at_level_one(&mut store, &[1]);
        store.render_for(level, "");
        assert_eq!(applied(&mut store, &rebuild_page(2)).rereading, rereads, "level {level}");
    }
}

#[test]
fn a_custom_message_waits_in_the_outbox_as_it_is() {
    let mut store = Store::in_memory().unwrap();
    let id = highwater_sdk::ClientMessageId([7; 16]);
    let custom = Custom { schema: "s".to_owned(), json: "[1]".to_owned(), fallback: "f".to_owned() };
    let put = |store: &mut Store, custom: &Custom| {
        store.put_message(id, None, &Target::User(1), custom.clone()).unwrap()
    };
    assert_eq!(put(&mut store, &custom), highwater_sdk::store::PutOutcome::New);
    assert_eq!(put(&mut store, &custom), highwater_sdk::store::PutOutcome::Known);
    let other = Custom { json: "[2]".to_owned(), ..custom.clone() };
    assert_eq!(put(&mut store, &other), highwater_sdk::store::PutOutcome::IdReused);
    let text = store.put_message(id, None, &Target::User(1), "f").unwrap();
    assert_eq!(text, highwater_sdk::store::PutOutcome::IdReused, "a text is another message");
    assert_eq!(store.pending_after(0, 9).unwrap()[0].content, custom.into());
}
