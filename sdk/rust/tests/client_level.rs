//! The client against a played server: its app is updated, and what it holds is read again, also after a cut.
#![allow(clippy::unwrap_used)]

mod fake_server;
mod gaps;
mod pages;
mod recorder;

use fake_server::{FakeConnection, FakeServer, PATIENCE, greeting};
use gaps::{fill, head, heads, repaired};
use highwater_sdk::wire::kind::MESSAGES;
use highwater_sdk::wire::proto::client_frame::Request;
use highwater_sdk::wire::proto::server_frame::Body;
use highwater_sdk::wire::proto::{Custom, Entry, EntryList, Greeting, LevelChange, Page, entry::Content};
use highwater_sdk::wire::{CUSTOM_BYTES_MAX, LEVEL, Refusal};
use highwater_sdk::{Client, ClientOptions, Durability, Event, Store, Target};
use pages::{ScratchDir, entry, page, snapshot};
use recorder::start;
use tokio::time::timeout;

fn custom(text: &str) -> Custom {
    Custom { schema: "poll/1".to_owned(), json: "{}".to_owned(), fallback: text.to_owned() }
}

fn rich(seqs: impl IntoIterator<Item = u64>) -> Body {
    let of = |seq| {
        let text = format!("text {seq}");
        Entry { content: Some(Content::Custom(custom(&text))), ..entry(5, seq, &text) }
    };
    Body::Entries(EntryList { conversation_id: 5, entries: seqs.into_iter().map(of).collect(), more: false })
}

fn level_three() -> Greeting {
    Greeting { level: LEVEL, ..greeting() }
}

/// Connects, and is told at snapshot 1 that the level changed, through snapshot 2.
async fn told_change(server: &FakeServer) -> FakeConnection {
    let (mut connection, hello, sync_id, handed) = server.accept_greeted(level_three()).await;
    assert_eq!((hello.level, handed), (LEVEL, snapshot(1)));
    let level_changed = Some(LevelChange { kinds: vec![MESSAGES] });
    connection.answer_page(sync_id, Page { level_changed, ..page(1, 2) }).await;
    connection
}

async fn is_rich(client: &Client, seq: u64) -> bool {
    let stored = client.read(move |store| store.entry(5, seq)).await.unwrap().unwrap().unwrap();
    matches!(stored.content, Some(Content::Custom(_)))
}

#[tokio::test]
async fn what_is_held_is_read_again_and_nothing_else_and_a_cut_only_delays_it() {
    let dir = ScratchDir::new();
    let open = || Store::open_with(dir.file(), Durability::ProcessKill).unwrap();
    let mut store = open();
    // A hole, which is not this client's to close: it was told no gap.
    fill(&mut store, &[1, 2, 5]);
    let server = FakeServer::start().await;
    let (client, mut events) = start(server.options(), store);
    let mut connection = told_change(&server).await;
    let (request_id, _) = connection.expect_heads().await;
    connection.answer(request_id, heads(&[head(4, 9), head(5, 6)], 0)).await;
    let request_id = connection.expect_range(5, 5, 5).await;
    connection.answer(request_id, rich([5])).await;
    connection.expect_range(5, 1, 2).await;
    // The process ends here, and the next one goes on with what is left.
    client.close().await;
    drop(connection);
    loop {
        if let Event::Stopped { .. } = events.next().await {
            break;
        }
    }

    let (client, mut events) = start(server.options(), open());
    let (mut connection, _, sync_id, handed) = server.accept_greeted(level_three()).await;
    assert_eq!(handed, snapshot(2), "the change is in the snapshot: it is not said again");
    connection.answer_page(sync_id, Page { base: page(2, 3).base, ..Page::default() }).await;
    let (request_id, _) = connection.expect_heads().await;
    connection.answer(request_id, heads(&[head(5, 6)], 0)).await;
    let request_id = connection.expect_range(5, 1, 2).await;
    connection.answer(request_id, rich([1, 2])).await;
    assert_eq!(repaired(&mut events).await, (5, 2));
    assert!(connection.is_quiet().await);
    for seq in [1, 2, 5] {
        assert!(is_rich(&client, seq).await, "{seq}");
    }
    assert_eq!(gaps::seqs(&client, 5).await, [1, 2, 5]);
    assert!(!client.read(|store| store.rereading()).await.unwrap().unwrap());
    assert_eq!(client.read(|store| store.conflicts()).await.unwrap().unwrap(), 0);
}

#[tokio::test]
async fn what_cannot_be_read_any_more_stays_as_it_is() {
    let mut store = Store::in_memory().unwrap();
    fill(&mut store, &[1, 2]);
    let server = FakeServer::start().await;
    let (client, mut events) = start(server.options(), store);
    let mut connection = told_change(&server).await;
    let (request_id, _) = connection.expect_heads().await;
    connection.answer(request_id, heads(&[head(5, 2)], 0)).await;
    let request_id = connection.expect_range(5, 1, 2).await;
    connection.answer(request_id, rich([2])).await;
    assert_eq!(repaired(&mut events).await, (5, 1));
    assert!(connection.is_quiet().await);
    assert!(!is_rich(&client, 1).await && is_rich(&client, 2).await);
    assert!(!client.read(|store| store.rereading()).await.unwrap().unwrap());
}

#[tokio::test]
async fn a_custom_message_is_sent_whole_and_one_too_long_not_at_all() {
    let server = FakeServer::start().await;
    let options = ClientOptions { level: 1, ..server.options() };
    let (client, _events) = start(options, Store::in_memory().unwrap());
    let too_long = client.send(Target::User(7), custom(&"f".repeat(CUSTOM_BYTES_MAX))).await.unwrap();
    client.send(Target::User(7), custom("Tea?")).await.unwrap();
    let (mut connection, hello, sync_id, _) = server.accept_greeted(greeting()).await;
    assert_eq!(hello.level, 1, "as the options say");
    connection.answer_page(sync_id, page(0, 1)).await;
    let refused = timeout(PATIENCE, client.wait_sent(too_long)).await.unwrap().unwrap().unwrap_err();
    assert_eq!(refused.refusal, Some(Refusal::CustomTooLong));
    let sent = loop {
        if let Some(Request::Send(send)) = connection.read().await.request {
            break send;
        }
    };
    assert_eq!((sent.text.as_str(), sent.custom), ("", Some(custom("Tea?"))));
}
