//! The client against a played server: a gap in the messages, and what is fetched after it.
#![allow(clippy::unwrap_used)]

mod fake_server;
mod gaps;
mod pages;
mod recorder;

use fake_server::{FakeServer, PATIENCE, greeting};
use gaps::{entries, head, heads, holding, list, repaired, repairing, seqs, told_gap, told_gap_by};
use highwater_sdk::wire::Refusal;
use highwater_sdk::wire::kind::{CONTACTS, CONVERSATIONS};
use highwater_sdk::wire::proto::server_frame::Body;
use highwater_sdk::wire::proto::{EntryList, Greeting, Head, Page};
use highwater_sdk::{DiscardReason, Error, Event, REPAIRED_PER_CONVERSATION_MAX, SeqRange};
use pages::{gap_page, item, page, rebuild_page, snapshot};
use recorder::start;
use tokio::time::timeout;

#[tokio::test]
async fn after_a_gap_what_is_lacking_is_fetched_newest_first() {
    let server = FakeServer::start().await;
    let (client, mut events) = start(server.options(), holding(&[1, 2, 6]));
    let mut connection = told_gap(&server).await;
    let (request_id, asked) = connection.expect_heads().await;
    assert_eq!(asked.after, 0);
    connection.answer(request_id, heads(&[head(4, 0), head(5, 8)], 70)).await;
    let request_id = connection.expect_range(5, 7, 8).await;
    connection.answer(request_id, Body::Entries(EntryList { more: true, ..list(5, [7]) })).await;
    let request_id = connection.expect_range(5, 8, 8).await;
    connection.answer(request_id, Body::Entries(list(5, [8]))).await;
    let request_id = connection.expect_range(5, 3, 5).await;
    assert!(repairing(&client).await);
    connection.answer(request_id, Body::Entries(list(5, 3..=5))).await;
    let (request_id, asked) = connection.expect_heads().await;
    assert_eq!(asked.after, 70);
    assert_eq!(repaired(&mut events).await, (5, 5));
    connection.answer(request_id, heads(&[Head { oldest_seq: 3, ..head(6, 3) }], 0)).await;
    let request_id = connection.expect_range(6, 3, 3).await;
    connection.answer(request_id, Body::Entries(list(6, [3]))).await;
    assert_eq!(repaired(&mut events).await, (6, 1));
    assert!(connection.is_quiet().await);

    assert_eq!(seqs(&client, 5).await, [1, 2, 3, 4, 5, 6, 7, 8]);
    assert!(!repairing(&client).await);
    let stored = client.read(|store| store.snapshot()).await.unwrap().unwrap();
    assert_eq!(stored, snapshot(3), "ranges move no mark");
    assert_eq!(client.read(|store| store.items(CONTACTS)).await.unwrap().unwrap().len(), 1);
}

#[tokio::test]
async fn who_has_everything_asks_for_nothing() {
    let server = FakeServer::start().await;
    let (client, mut events) = start(server.options(), holding(&[1, 2, 3]));
    let mut connection = told_gap(&server).await;
    let (request_id, _) = connection.expect_heads().await;
    connection.answer(request_id, heads(&[head(5, 3), head(6, 0)], 0)).await;
    assert!(connection.is_quiet().await);
    assert!(!repairing(&client).await);
    client.close().await;
    let mut told = Vec::new();
    loop {
        match events.next().await {
            Event::Stopped { .. } => break,
            event => told.push(event),
        }
    }
    assert!(!told.iter().any(|event| matches!(event, Event::Repaired { .. })), "{told:?}");

    // Without a gap not even the heads are asked for, whatever holes there are.
    let (_client, _events) = start(server.options(), holding(&[1, 9]));
    let (mut connection, _, sync_id, _) = server.accept_greeted(greeting()).await;
    connection.answer_page(sync_id, page(1, 2)).await;
    assert!(connection.is_quiet().await);
}

#[tokio::test]
async fn a_gap_that_ends_a_rebuild_is_repaired_too() {
    let server = FakeServer::start().await;
    let (client, mut events) = start(server.options(), holding(&[1]));
    let (mut connection, _, sync_id, _) = server.accept_greeted(greeting()).await;
    let first = Page { items: vec![item(CONTACTS, "8", "{}")], more: true, ..rebuild_page(20) };
    connection.answer_page(sync_id, first).await;
    let (sync_id, _) = connection.expect_sync().await;
    let gap = Page { items: vec![item(CONVERSATIONS, "6", "{}")], complete: true, ..gap_page(20, 21) };
    connection.answer_page(sync_id, gap).await;
    let (sync_id, handed) = connection.expect_sync().await;
    assert_eq!(handed, snapshot(21));
    let last = Page { items: vec![item(CONVERSATIONS, "6", "{}")], complete: true, ..page(21, 22) };
    connection.answer_page(sync_id, last).await;
    let (request_id, _) = connection.expect_heads().await;
    connection.answer(request_id, heads(&[head(6, 2)], 0)).await;
    let request_id = connection.expect_range(6, 1, 2).await;
    connection.answer(request_id, Body::Entries(list(6, 1..=2))).await;
    assert_eq!(repaired(&mut events).await, (6, 2));
    let items = client.read(|store| [store.items(CONTACTS), store.items(CONVERSATIONS)]).await.unwrap();
    let [contacts, conversations] = items.map(Result::unwrap);
    assert_eq!(contacts, [item(CONTACTS, "8", "{}")]);
    assert_eq!(conversations, [item(CONVERSATIONS, "6", "{}")]);
    assert_eq!(seqs(&client, 5).await, [1], "messages are never swept");
}

#[tokio::test]
async fn pushes_and_syncs_go_on_beside_a_repair() {
    let server = FakeServer::start().await;
    let (client, mut events) = start(server.options(), holding(&[1]));
    let mut connection = told_gap(&server).await;
    let (heads_id, _) = connection.expect_heads().await;
    connection.push(Page { entries: entries(5, &[3]), ..page(3, 4) }).await;
    connection.push(gap_page(4, 5)).await;
    let (sync_id, handed) = connection.expect_sync().await;
    assert_eq!(handed, snapshot(4), "a gap is never pushed");
    // The sync stays open: the repair does not wait for it.
    connection.answer(heads_id, heads(&[head(5, 3)], 0)).await;
    let request_id = connection.expect_range(5, 2, 2).await;
    connection.answer_page(sync_id, Page { entries: entries(5, &[4]), ..page(4, 5) }).await;
    connection.answer(request_id, Body::Entries(list(5, [2]))).await;
    let mut reasons = Vec::new();
    loop {
        match events.next().await {
            Event::Discarded { reason, .. } => reasons.push(reason),
            Event::Repaired { .. } => break,
            _ => {}
        }
    }
    assert_eq!(reasons, [DiscardReason::NotAsked]);
    assert_eq!(seqs(&client, 5).await, [1, 2, 3, 4]);
}

#[tokio::test]
async fn of_a_long_conversation_only_the_newest_are_fetched() {
    const HEAD: u64 = REPAIRED_PER_CONVERSATION_MAX + 1_000;
    let server = FakeServer::start().await;
    let (client, mut events) = start(server.options(), holding(&[1]));
    // One place: requests take turns.
    let mut connection = told_gap_by(&server, Greeting { in_flight_max: 1, ..greeting() }).await;
    let (request_id, _) = connection.expect_heads().await;
    connection.answer(request_id, heads(&[head(5, HEAD)], 0)).await;
    for (from_seq, to_seq) in [(HEAD - 199, HEAD), (HEAD - 399, HEAD - 200), (HEAD - 499, HEAD - 400)] {
        let request_id = connection.expect_range(5, from_seq, to_seq).await;
        connection.answer(request_id, Body::Entries(list(5, from_seq..=to_seq))).await;
    }
    assert_eq!(repaired(&mut events).await, (5, REPAIRED_PER_CONVERSATION_MAX as usize));
    assert!(connection.is_quiet().await);
    let holes = client.read(|store| store.holes(5, 1, HEAD)).await.unwrap().unwrap();
    assert_eq!(holes, [SeqRange { from_seq: 2, to_seq: HEAD - REPAIRED_PER_CONVERSATION_MAX }]);

    // The rest is for the application to ask for.
    let asking = tokio::spawn({
        let client = client.clone();
        async move { client.range(5, 2, 4).await }
    });
    let request_id = connection.expect_range(5, 2, 4).await;
    let told = EntryList { more: true, ..list(5, [2, 3]) };
    connection.answer(request_id, Body::Entries(told.clone())).await;
    assert_eq!(timeout(PATIENCE, asking).await.unwrap().unwrap().unwrap(), told);
    assert_eq!(seqs(&client, 5).await[..3], [1, 2, 3]);
}

#[tokio::test]
async fn heads_and_ranges_on_demand() {
    let server = FakeServer::start().await;
    let (client, _events) = start(server.options(), holding(&[1]));
    let (mut connection, _, sync_id, _) = server.accept_greeted(greeting()).await;
    connection.answer_page(sync_id, page(1, 2)).await;
    let asking = tokio::spawn({
        let client = client.clone();
        async move {
            (
                client.heads().await,
                client.heads().await,
                client.range(5, 2, 3).await,
                client.range(6, 1, 1).await,
            )
        }
    });
    let (request_id, asked) = connection.expect_heads().await;
    assert_eq!(asked.after, 0);
    connection.answer(request_id, heads(&[head(5, 3)], 40)).await;
    let (request_id, asked) = connection.expect_heads().await;
    assert_eq!(asked.after, 40);
    connection.answer(request_id, heads(&[head(6, 1)], 0)).await;
    // A list that leads back.
    let (request_id, _) = connection.expect_heads().await;
    connection.answer(request_id, heads(&[], 40)).await;
    let (request_id, _) = connection.expect_heads().await;
    connection.answer(request_id, heads(&[], 40)).await;
    let request_id = connection.expect_range(5, 2, 3).await;
    connection.answer(request_id, Body::Entries(list(5, [3, 2]))).await;
    let request_id = connection.expect_range(6, 1, 1).await;
    connection.refuse(request_id, Refusal::NoSuchConversation, 0).await;
    let (all, circle, unfit, refused) = timeout(PATIENCE, asking).await.unwrap().unwrap();
    assert_eq!(all.unwrap(), [head(5, 3), head(6, 1)]);
    assert!(matches!(circle, Err(Error::UnexpectedAnswer)));
    assert!(matches!(unfit, Err(Error::UnexpectedAnswer)));
    assert_eq!(refused.unwrap_err().refusal(), Some(Refusal::NoSuchConversation));
    assert_eq!(seqs(&client, 5).await, [1], "what does not fit is not stored");
}
