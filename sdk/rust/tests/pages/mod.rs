//! Pages and snapshots as a server would make them, for tests. Each test file uses a part of it.
#![allow(dead_code, clippy::unwrap_used)]

use highwater_sdk::wire::base_of;
use highwater_sdk::wire::proto::{Entry, Item, Page, Rebuild, entry::Content};
use highwater_sdk::{Applied, Outcome, PageCause, Store};
use std::path::PathBuf;

/// A snapshot that holds a number where its base is read.
pub fn snapshot(number: u64) -> Vec<u8> {
    [&[1, 1][..], &number.to_be_bytes(), &[0xEE; 20]].concat()
}

/// The number of a snapshot.
pub fn number_of(snapshot: &[u8]) -> u64 {
    base_of(snapshot).try_into().map_or(0, u64::from_be_bytes)
}

/// A page from one snapshot number to another; 0 is the empty snapshot.
pub fn page(from: u64, to: u64) -> Page {
    let base = if from == 0 { Vec::new() } else { base_of(&snapshot(from)).to_vec() };
    Page { base: base.into(), snapshot: snapshot(to).into(), ..Page::default() }
}

/// The first page of a rebuild.
pub fn rebuild_page(to: u64) -> Page {
    Page { rebuild: Some(Rebuild::default()), ..page(0, to) }
}

/// A page that says that messages above the mark of `from` were removed.
pub fn gap_page(from: u64, to: u64) -> Page {
    Page { messages_gap: true, more: true, ..page(from, to) }
}

pub fn item(kind: u32, key: &str, value: &str) -> Item {
    Item { kind, key: key.to_owned(), deleted: false, value: value.to_owned() }
}

pub fn deleted(kind: u32, key: &str) -> Item {
    Item { kind, key: key.to_owned(), deleted: true, value: String::new() }
}

/// An entry of somebody else.
pub fn entry(conversation_id: u64, seq: u64, text: &str) -> Entry {
    Entry {
        conversation_id,
        seq,
        sender_id: u64::MAX - 1,
        sent_at_ms: 1_700_000_000_000 + seq as i64,
        content: Some(Content::Text(text.to_owned())),
        ..Entry::default()
    }
}

/// A directory of its own that is removed with this value.
pub struct ScratchDir(PathBuf);

impl ScratchDir {
    pub fn new() -> ScratchDir {
        let path = std::env::temp_dir().join(format!("highwater-sdk-{:032x}", rand::random::<u128>()));
        std::fs::create_dir(&path).expect("the temporary directory can be written to");
        ScratchDir(path)
    }

    pub fn file(&self) -> PathBuf {
        self.0.join("store.sqlite")
    }
}

impl Drop for ScratchDir {
    fn drop(&mut self) {
        // What is left behind in the temporary directory does no harm.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// What an answer to a sync did; it must be taken.
pub fn applied(store: &mut Store, page: &Page) -> Applied {
    match store.apply(page, PageCause::Sync).unwrap() {
        Outcome::Applied(applied) => applied,
        Outcome::Discarded(reason) => panic!("discarded: {reason:?}"),
    }
}

/// Keys of the items of a kind.
pub fn keys(store: &Store, kind: u32) -> Vec<String> {
    store.items(kind).unwrap().into_iter().map(|item| item.key).collect()
}
