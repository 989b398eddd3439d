//! What the store makes of an erasure: everything of that sender in the conversation goes, and nothing else; and an answer
//! that was on its way meanwhile brings nothing back.
#![allow(clippy::unwrap_used)]

mod pages;

use highwater_sdk::wire::proto::{Entry, Erased, Page, entry::Content};
use highwater_sdk::{Durability, Store};
use pages::{ScratchDir, applied, entry, page};

const GONE: u64 = 7;
const OTHER: u64 = 8;

fn said(conversation: u64, seq: u64, sender: u64) -> Entry {
    Entry { sender_id: sender, ..entry(conversation, seq, &format!("text {seq}")) }
}

fn erased(entry: Entry, account: bool) -> Entry {
    Entry { content: Some(Content::Erased(Erased { account })), ..entry }
}

#[test]
fn the_entry_that_says_so_takes_everything_of_its_sender_in_the_conversation() {
    let dir = ScratchDir::new();
    let open = || Store::open_with(dir.file(), Durability::ProcessKill).unwrap();
    let mut store = open();
    let held = vec![said(5, 1, GONE), said(5, 2, OTHER), said(5, 3, GONE), said(6, 1, GONE)];
    applied(&mut store, &Page { entries: held, ..page(0, 1) });
    let last = erased(said(5, 4, GONE), true);
    let told = applied(&mut store, &Page { entries: vec![last.clone()], ..page(1, 2) });
    assert_eq!((told.new_entries, told.replaced_entries, told.conflicts.len()), (1, 2, 0));
    drop(store);
    let mut store = open();
    let due = [erased(said(5, 1, GONE), false), said(5, 2, OTHER), erased(said(5, 3, GONE), false), last];
    assert_eq!(store.entries_after(5, 0, 9).unwrap(), due);
    assert_eq!(store.entries_after(6, 0, 9).unwrap(), [said(6, 1, GONE)], "that one is told by itself");

    // Read again it comes as erased, which is no conflict; and what was answered before does not undo it.
    let again =
        store.add_entries(&[erased(said(6, 1, GONE), false), said(5, 1, GONE), due[2].clone()]).unwrap();
    assert_eq!((again.replaced_entries, again.repeated_entries, again.conflicts.len()), (1, 2, 0));
    assert_eq!(store.entries_after(5, 0, 9).unwrap(), due);
    assert_eq!(store.entries_after(6, 0, 9).unwrap(), [erased(said(6, 1, GONE), false)]);
}
