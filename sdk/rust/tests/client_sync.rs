//! The client against a played server: greeting, pages, nudges, snapshots handed back.
#![allow(clippy::unwrap_used)]

mod fake_server;
mod pages;
mod recorder;

use fake_server::{DAY, DEVICE_ID, FakeServer, PATIENCE, USER_ID, greeting};
use highwater_sdk::wire::LEVEL;
use highwater_sdk::wire::proto::server_frame::Body;
use highwater_sdk::wire::proto::{HeartbeatAnswer, Nudge, Page};
use highwater_sdk::wire::{Encoding, Refusal, refusal::close};
use highwater_sdk::{ClientOptions, DisconnectReason, Event, Lineage, PageCause, StopReason, Store};
use pages::{ScratchDir, entry, item, page, rebuild_page, snapshot};
use recorder::start;
use std::time::Duration;
use tokio::time::timeout;

#[tokio::test]
async fn greets_then_syncs_page_after_page_to_the_end() {
    for encoding in [Encoding::Binary, Encoding::Json] {
        let server = FakeServer::start().await;
        let options = ClientOptions { encoding, kinds: vec![1, 4], context: 3, ..server.options() };
        let (client, mut events) = start(options, Store::in_memory().unwrap());

        let (mut connection, hello, sync_id, handed) = server.accept_greeted(greeting()).await;
        assert_eq!((hello.token.as_str(), hello.level, hello.context), ("secret", LEVEL, 3));
        assert_eq!(hello.kinds, [1, 4]);
        assert!(handed.is_empty());
        let first = Page { items: vec![item(1, "me", "{}")], more: true, ..page(0, 1) };
        connection.answer_page(sync_id, first.clone()).await;
        let (sync_id, handed) = connection.expect_sync().await;
        assert_eq!(handed, snapshot(1));
        assert!(!client.status().caught_up);
        let second = Page { entries: vec![entry(5, 1, "hello")], ..page(1, 2) };
        connection.answer_page(sync_id, second.clone()).await;
        client.wait_caught_up(PATIENCE).await.unwrap();

        assert!(matches!(events.next().await, Event::Connected { greeting } if greeting.day == DAY));
        for told in [first, second.clone()] {
            let Event::Applied { cause: PageCause::Sync, page, .. } = events.next().await else { panic!() };
            assert_eq!(*page, told);
        }
        assert!(matches!(events.next().await, Event::CaughtUp { snapshot: s } if s == snapshot(2)));
        let stored = client.read(|store| store.entries_after(5, 0, 10)).await.unwrap().unwrap();
        assert_eq!(stored, second.entries);
        client.close().await;
        let stopped = events.next().await;
        assert!(matches!(stopped, Event::Stopped { reason: StopReason::Closed }), "{stopped:?}");
    }
}

#[tokio::test]
async fn push_is_applied_and_a_stranger_is_discarded_and_synced() {
    let server = FakeServer::start().await;
    let (client, mut events) = start(server.options(), Store::in_memory().unwrap());
    let (mut connection, _, sync_id, _) = server.accept_greeted(greeting()).await;
    connection.answer_page(sync_id, page(0, 1)).await;
    connection.push(Page { entries: vec![entry(5, 1, "pushed")], ..page(1, 2) }).await;
    assert!(connection.is_quiet().await, "a push that fits needs no answer");
    connection.push(Page { entries: vec![entry(5, 3, "stranger")], ..page(3, 4) }).await;
    let (sync_id, handed) = connection.expect_sync().await;
    assert_eq!(handed, snapshot(2));
    // A push in between: the answer continues what the store has no more, and is asked for again.
    connection.push(Page { entries: vec![entry(5, 2, "crossing")], ..page(2, 3) }).await;
    connection.answer_page(sync_id, Page { entries: vec![entry(5, 2, "crossing")], ..page(2, 3) }).await;
    let (sync_id, handed) = connection.expect_sync().await;
    assert_eq!(handed, snapshot(3));
    connection.answer_page(sync_id, page(3, 3)).await;
    client.wait_caught_up(PATIENCE).await.unwrap();

    let stored = client.read(|store| store.entries_after(5, 0, 10)).await.unwrap().unwrap();
    assert_eq!(stored, [entry(5, 1, "pushed"), entry(5, 2, "crossing")]);
    assert_eq!(client.read(|store| store.conflicts()).await.unwrap().unwrap(), 0);
    let mut kinds = Vec::new();
    for _ in 0..8 {
        kinds.push(match events.next().await {
            Event::Applied { cause: PageCause::Push, .. } => "pushed",
            Event::Applied { cause: PageCause::Sync, .. } => "synced",
            Event::Discarded { .. } => "discarded",
            Event::CaughtUp { .. } => "caught up",
            _ => "other",
        });
    }
    assert_eq!(kinds[1..], ["synced", "caught up", "pushed", "discarded", "pushed", "discarded", "synced"]);
}

#[tokio::test]
async fn nudge_and_sync_now_ask_for_a_sync() {
    let server = FakeServer::start().await;
    let (client, _events) = start(server.options(), Store::in_memory().unwrap());
    let (mut connection, _, sync_id, _) = server.accept_greeted(greeting()).await;
    connection.answer_page(sync_id, page(0, 1)).await;
    connection.answer(0, Body::Nudge(Nudge {})).await;
    let (sync_id, _) = connection.expect_sync().await;

    // Asked for while a sync is open: only one begun later counts.
    let asking = tokio::spawn({
        let client = client.clone();
        async move { client.sync_now().await }
    });
    assert!(connection.is_quiet().await);
    connection.answer_page(sync_id, page(1, 2)).await;
    let (sync_id, handed) = connection.expect_sync().await;
    assert_eq!(handed, snapshot(2));
    assert!(!asking.is_finished());
    connection.answer_page(sync_id, Page { more: true, ..page(2, 3) }).await;
    let (sync_id, _) = connection.expect_sync().await;
    assert!(!asking.is_finished());
    connection.answer_page(sync_id, page(3, 4)).await;
    timeout(PATIENCE, asking).await.unwrap().unwrap().unwrap();
}

#[tokio::test]
async fn hand_back_is_obeyed_at_once() {
    let server = FakeServer::start().await;
    let (_client, _events) = start(server.options(), Store::in_memory().unwrap());
    let (mut connection, _, sync_id, _) = server.accept_greeted(greeting()).await;
    connection.answer_page(sync_id, page(0, 1)).await;
    connection.push(Page { hand_back: true, ..page(1, 2) }).await;
    let (_, handed) = connection.expect_heartbeat().await;
    assert_eq!(handed, snapshot(2));
}

#[tokio::test]
async fn idle_connection_is_kept_by_heartbeats_that_carry_the_snapshot() {
    let server = FakeServer::start().await;
    let (_client, _events) = start(server.options(), Store::in_memory().unwrap());
    let quick = highwater_sdk::wire::proto::Greeting { heartbeat_ms: 50, ..greeting() };
    let (mut connection, _, sync_id, _) = server.accept_greeted(quick).await;
    connection.answer_page(sync_id, page(0, 1)).await;
    for _ in 0..3 {
        let (request_id, handed) = connection.expect_heartbeat().await;
        assert_eq!(handed, snapshot(1));
        connection.answer(request_id, Body::Heartbeat(HeartbeatAnswer { day: DAY })).await;
    }
}

#[tokio::test]
async fn lost_connection_is_made_anew_from_the_stored_snapshot() {
    let server = FakeServer::start().await;
    let (client, mut events) = start(server.options(), Store::in_memory().unwrap());
    let (mut connection, _, sync_id, _) = server.accept_greeted(greeting()).await;
    connection.answer_page(sync_id, Page { more: true, ..page(0, 1) }).await;
    connection.expect_sync().await;
    drop(connection);
    let (mut connection, _, sync_id, handed) = server.accept_greeted(greeting()).await;
    assert_eq!(handed, snapshot(1));
    connection.answer_page(sync_id, page(1, 2)).await;
    client.wait_caught_up(PATIENCE).await.unwrap();
    connection.close(close::REPLACED).await;
    let (_connection, _, _, handed) = server.accept_greeted(greeting()).await;
    assert_eq!(handed, snapshot(2));
    let mut reasons = Vec::new();
    while reasons.len() < 2 {
        if let Event::Disconnected { reason, .. } = events.next().await {
            reasons.push(reason);
        }
    }
    assert!(matches!(reasons[0], DisconnectReason::Transport(_)), "{reasons:?}");
    assert_eq!(reasons[1], DisconnectReason::ClosedByServer(close::REPLACED));
}

#[tokio::test]
async fn rebuild_replaces_the_state_of_a_store_that_had_another_past() {
    let scratch = ScratchDir::new();
    let mut store = Store::open(scratch.file()).unwrap();
    let past = Page { items: vec![item(2, "gone", "1")], entries: vec![entry(5, 1, "local")], ..page(0, 9) };
    store.apply(&past, PageCause::Sync).unwrap();
    let server = FakeServer::start().await;
    let (client, _events) = start(server.options(), store);
    let (mut connection, _, sync_id, handed) = server.accept_greeted(greeting()).await;
    assert_eq!(handed, snapshot(9));
    let first = Page { items: vec![item(2, "new", "1")], more: true, ..rebuild_page(3) };
    connection.answer_page(sync_id, first).await;
    let (sync_id, handed) = connection.expect_sync().await;
    assert_eq!(handed, snapshot(3));
    connection.answer_page(sync_id, Page { complete: true, ..page(3, 4) }).await;
    client.wait_caught_up(PATIENCE).await.unwrap();
    client.close().await;

    let store = Store::open(scratch.file()).unwrap();
    assert_eq!(store.items(2).unwrap(), [item(2, "new", "1")]);
    assert_eq!(store.entry(5, 1).unwrap(), Some(entry(5, 1, "local")));
    assert_eq!(store.snapshot().unwrap(), snapshot(4));
    let bound = Lineage { user_id: USER_ID, device_id: DEVICE_ID, context: 0 };
    assert_eq!(store.lineage().unwrap(), Some(bound));
}

#[tokio::test]
async fn refused_sync_comes_again_after_its_time() {
    let server = FakeServer::start().await;
    let (client, _events) = start(server.options(), Store::in_memory().unwrap());
    let (mut connection, _, sync_id, _) = server.accept_greeted(greeting()).await;
    let refused_at = std::time::Instant::now();
    connection.refuse(sync_id, Refusal::Busy, 100).await;
    let (sync_id, _) = connection.expect_sync().await;
    assert!(refused_at.elapsed() >= Duration::from_millis(100));
    connection.answer_page(sync_id, page(0, 1)).await;
    client.wait_caught_up(PATIENCE).await.unwrap();
}
