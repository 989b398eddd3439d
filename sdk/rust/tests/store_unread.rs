//! What is unread, from what is stored alone: the server's rule, and the same after an item was told and without one.
#![allow(clippy::unwrap_used)]

mod pages;

use highwater_sdk::wire::proto::{
    ConversationItem, Entry, GroupItem, Head, Item, Notice, OwnItem, Page, entry::Content,
};
use highwater_sdk::wire::{Encoding, kind::CONVERSATIONS};
use highwater_sdk::{Durability, Store};
use pages::{ScratchDir, applied, entry, page};

const CONVERSATION: u64 = 5;

fn of_another(seq: u64) -> Entry {
    entry(CONVERSATION, seq, &format!("text {seq}"))
}

fn own(seq: u64, read_seq: u64) -> Entry {
    Entry { read_seq, client_message_id: vec![seq as u8; 16].into(), ..of_another(seq) }
}

fn notice(seq: u64, uncounted: u64) -> Entry {
    let content = Some(Content::Notice(Notice { by: "ann".to_owned(), ..Notice::default() }));
    Entry { uncounted, content, ..of_another(seq) }
}

fn item(own: &OwnItem) -> Item {
    let key = format!("{CONVERSATION}/own");
    Item {
        kind: CONVERSATIONS,
        key,
        deleted: false,
        value: String::from_utf8(Encoding::Json.encode(own)).unwrap(),
    }
}

#[test]
fn entries_and_the_own_item_tell_what_is_unread() {
    let dir = ScratchDir::new();
    let mut store = Store::open_with(dir.file(), Durability::ProcessKill).unwrap();
    assert_eq!(store.unread(CONVERSATION).unwrap(), 0);
    let read = |read_seq, read_count, as_of_seq, own_seqs: &[u64]| OwnItem {
        conversation_id: CONVERSATION,
        as_of_seq,
        read_seq,
        read_count,
        own_seqs: own_seqs.to_vec(),
        ..OwnItem::default()
    };
    // Entries that come with a page, an item that comes with it, and what is unread then.
    let steps: [(&[Entry], Option<OwnItem>, u64); 7] = [
        (&[of_another(1), of_another(2)], None, 2),
        (&[own(3, 0)], None, 2),
        (&[own(4, 1)], None, 1),
        (&[notice(5, 1), Entry { uncounted: 1, ..of_another(6) }], None, 2),
        // As of an entry before: the own entry behind it still counts as own.
        (&[], Some(read(2, 2, 3, &[3])), 1),
        (&[Entry { uncounted: 1, ..own(7, 7) }], None, 0),
        (&[Entry { uncounted: 1, ..of_another(8) }], Some(read(7, 6, 7, &[])), 1),
    ];
    for (number, (entries, told, unread)) in (0..).zip(steps) {
        let items = told.iter().map(item).collect();
        applied(&mut store, &Page { entries: entries.to_vec(), items, ..page(number, number + 1) });
        assert_eq!(store.unread(CONVERSATION).unwrap(), unread, "after step {number}");
    }
    assert_eq!(store.own(CONVERSATION).unwrap().read_seq, 7);
    let entry = store.entry(CONVERSATION, 7).unwrap().unwrap();
    assert_eq!((entry.uncounted, entry.read_seq), (1, 7), "what was told is kept");
    assert_eq!(store.conflicts().unwrap(), 0);
}

#[test]
fn who_joins_again_has_read_everything_through_the_join() {
    let dir = ScratchDir::new();
    let mut store = Store::open_with(dir.file(), Durability::ProcessKill).unwrap();
    let since = |since_seq| {
        let group = Some(GroupItem { name: "Tea".to_owned(), since_seq, ..GroupItem::default() });
        let item = ConversationItem { conversation_id: CONVERSATION, group, ..ConversationItem::default() };
        Item {
            kind: CONVERSATIONS,
            key: CONVERSATION.to_string(),
            deleted: false,
            value: String::from_utf8(Encoding::Json.encode(&item)).unwrap(),
        }
    };
    let counted = |uncounted, entry: Entry| Entry { uncounted, ..entry };
    // The user joins by the first entry and leaves by the fifth; one above the mark is the user's own.
    let first = [
        notice(1, 1),
        counted(1, of_another(2)),
        counted(1, of_another(3)),
        counted(1, own(4, 2)),
        notice(5, 2),
    ];
    applied(&mut store, &Page { entries: first.to_vec(), items: vec![since(1)], ..page(0, 1) });
    assert_eq!(store.unread(CONVERSATION).unwrap(), 1);
    // What was said between is not for the user.
    let again = [notice(9, 3), counted(3, of_another(10)), counted(3, own(11, 9))];
    applied(&mut store, &Page { entries: again.to_vec(), items: vec![since(9)], ..page(1, 2) });
    assert_eq!(store.unread(CONVERSATION).unwrap(), 1);
    let own = store.own(CONVERSATION).unwrap();
    assert_eq!((own.read_seq, own.read_count, own.own_seqs), (9, 6, vec![11]));
}

#[test]
fn who_follows_a_channel_has_read_what_was_said_before_and_nothing_behind_it() {
    let dir = ScratchDir::new();
    let mut store = Store::open_with(dir.file(), Durability::ProcessKill).unwrap();
    let since = |since_seq| {
        let group = Some(GroupItem { name: "News".to_owned(), since_seq, ..GroupItem::default() });
        let item = ConversationItem { conversation_id: CONVERSATION, group, ..ConversationItem::default() };
        Item {
            kind: CONVERSATIONS,
            key: CONVERSATION.to_string(),
            deleted: false,
            value: String::from_utf8(Encoding::Json.encode(&item)).unwrap(),
        }
    };
    let counted = |uncounted, entry: Entry| Entry { uncounted, ..entry };
    // A follow is no entry: the first that is for the user is a post, of which there were many before.
    applied(&mut store, &Page { items: vec![since(41)], ..page(0, 1) });
    assert_eq!(store.unread(CONVERSATION).unwrap(), 0);
    let posts = [counted(1, of_another(41)), counted(1, of_another(42)), notice(43, 2)];
    applied(&mut store, &Page { entries: posts.to_vec(), ..page(1, 2) });
    assert_eq!(store.unread(CONVERSATION).unwrap(), 2);
    // Followed again later; what was said between is not for the user, and a notice comes first.
    applied(&mut store, &Page { items: vec![since(50)], ..page(2, 3) });
    assert_eq!(store.unread(CONVERSATION).unwrap(), 0);
    let posts = [notice(50, 3), counted(3, of_another(51))];
    applied(&mut store, &Page { entries: posts.to_vec(), ..page(3, 4) });
    assert_eq!(store.unread(CONVERSATION).unwrap(), 1);
}

#[test]
fn heads_tell_a_store_that_began_late_what_it_cannot_know() {
    let dir = ScratchDir::new();
    let mut store = Store::open_with(dir.file(), Durability::ProcessKill).unwrap();
    // Of a conversation with two entries by this user, one of them above the mark, only the newest came.
    let told = OwnItem { conversation_id: CONVERSATION, pinned: true, ..OwnItem::default() };
    applied(&mut store, &Page { entries: vec![of_another(9)], items: vec![item(&told)], ..page(0, 1) });
    assert_eq!(store.unread(CONVERSATION).unwrap(), 9);
    let plain = Head { conversation_id: CONVERSATION, seq: 9, oldest_seq: 1, ..Head::default() };
    store.take_heads(std::slice::from_ref(&plain)).unwrap();
    assert_eq!(store.unread(CONVERSATION).unwrap(), 9, "level 1 is told nothing");
    let head = Head { count: 9, read_seq: 5, read_count: 5, own_seqs: vec![7], unread: 3, ..plain };
    store.take_heads(std::slice::from_ref(&head)).unwrap();
    assert_eq!(store.unread(CONVERSATION).unwrap(), 3);
    assert!(store.own(CONVERSATION).unwrap().pinned, "how it is kept stays");
    // What came since is newer than the same head once more.
    applied(&mut store, &Page { entries: vec![own(10, 10)], ..page(1, 2) });
    store.take_heads(&[head]).unwrap();
    assert_eq!(store.unread(CONVERSATION).unwrap(), 0);
}
