//! A store with holes, a played server that tells a gap, and the answers to heads and ranges.
#![allow(dead_code, clippy::unwrap_used)]

use crate::fake_server::{FakeConnection, FakeServer, greeting};
use crate::pages::{entry, gap_page, item, page, snapshot};
use crate::recorder::Events;
use highwater_sdk::wire::kind::{CONTACTS, CONVERSATIONS};
use highwater_sdk::wire::proto::server_frame::Body;
use highwater_sdk::wire::proto::{Entry, EntryList, Greeting, Head, HeadList, Page};
use highwater_sdk::{Client, Event, PageCause, Store};

/// A store that holds these seqs of conversation 5, at snapshot 1.
pub fn holding(seqs: &[u64]) -> Store {
    let mut store = Store::in_memory().unwrap();
    fill(&mut store, seqs);
    store
}

pub fn fill(store: &mut Store, seqs: &[u64]) {
    let items = vec![item(CONTACTS, "7", "{}"), item(CONVERSATIONS, "5", "{}")];
    store.apply(&Page { items, entries: entries(5, seqs), ..page(0, 1) }, PageCause::Sync).unwrap();
}

pub fn entries(conversation_id: u64, seqs: &[u64]) -> Vec<Entry> {
    seqs.iter().map(|&seq| entry(conversation_id, seq, &format!("text {seq}"))).collect()
}

pub fn list(conversation_id: u64, seqs: impl IntoIterator<Item = u64>) -> EntryList {
    let seqs: Vec<_> = seqs.into_iter().collect();
    EntryList { conversation_id, entries: entries(conversation_id, &seqs), more: false }
}

pub fn head(conversation_id: u64, seq: u64) -> Head {
    Head { conversation_id, seq, oldest_seq: 1, ..Head::default() }
}

pub fn heads(heads: &[Head], next: u64) -> Body {
    Body::Heads(HeadList { heads: heads.to_vec(), next })
}

pub async fn seqs(client: &Client, conversation_id: u64) -> Vec<u64> {
    let read = move |store: &Store| store.entries_after(conversation_id, 0, 10_000);
    client.read(read).await.unwrap().unwrap().iter().map(|entry| entry.seq).collect()
}

pub async fn repairing(client: &Client) -> bool {
    client.read(|store| store.repairing()).await.unwrap().unwrap()
}

/// The next of the events that say that something was repaired.
pub async fn repaired(events: &mut Events) -> (u64, usize) {
    loop {
        if let Event::Repaired { conversation_id, entries } = events.next().await {
            return (conversation_id, entries);
        }
    }
}

/// Connects, tells a gap from snapshot 1 to 2, then the conversations anew, through snapshot 3.
pub async fn told_gap(server: &FakeServer) -> FakeConnection {
    told_gap_by(server, greeting()).await
}

pub async fn told_gap_by(server: &FakeServer, greeting: Greeting) -> FakeConnection {
    let (mut connection, _, sync_id, handed) = server.accept_greeted(greeting).await;
    assert_eq!(handed, snapshot(1));
    connection.answer_page(sync_id, gap_page(1, 2)).await;
    let (sync_id, handed) = connection.expect_sync().await;
    assert_eq!(handed, snapshot(2));
    let conversations = vec![item(CONVERSATIONS, "5", "{}"), item(CONVERSATIONS, "6", "{}")];
    connection.answer_page(sync_id, Page { items: conversations, complete: true, ..page(2, 3) }).await;
    connection
}
