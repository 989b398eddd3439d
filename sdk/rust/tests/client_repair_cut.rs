//! The client against a played server: a repair that is cut off, overtaken or refused.
#![allow(clippy::unwrap_used)]

mod fake_server;
mod gaps;
mod pages;
mod recorder;

use fake_server::{FakeServer, greeting};
use gaps::{fill, head, heads, holding, list, repaired, repairing, seqs, told_gap};
use highwater_sdk::Store;
use highwater_sdk::wire::Refusal;
use highwater_sdk::wire::proto::server_frame::Body;
use highwater_sdk::wire::proto::{Nudge, Page};
use pages::{ScratchDir, gap_page, page};
use recorder::start;

#[tokio::test]
async fn a_repair_that_is_cut_off_goes_on_where_it_was() {
    let server = FakeServer::start().await;
    let (client, mut events) = start(server.options(), holding(&[1, 4, 6]));
    let mut connection = told_gap(&server).await;
    let (request_id, _) = connection.expect_heads().await;
    connection.answer(request_id, heads(&[head(5, 6)], 70)).await;
    let request_id = connection.expect_range(5, 5, 5).await;
    connection.answer(request_id, Body::Entries(list(5, [5]))).await;
    connection.expect_range(5, 2, 3).await;
    drop(connection);

    let (mut connection, _, sync_id, _) = server.accept_greeted(greeting()).await;
    assert!(connection.is_quiet().await, "not before the sync has caught up");
    connection.answer_page(sync_id, Page { more: true, ..page(3, 4) }).await;
    let (sync_id, _) = connection.expect_sync().await;
    connection.answer_page(sync_id, page(4, 5)).await;
    let request_id = connection.expect_range(5, 2, 3).await;
    connection.answer(request_id, Body::Entries(list(5, [2, 3]))).await;
    assert_eq!(repaired(&mut events).await, (5, 3));
    let (request_id, asked) = connection.expect_heads().await;
    assert_eq!(asked.after, 70);
    connection.answer(request_id, heads(&[], 0)).await;
    assert!(connection.is_quiet().await);
    assert!(!repairing(&client).await);
}

#[tokio::test]
async fn a_repair_goes_on_in_another_process() {
    let scratch = ScratchDir::new();
    let mut store = Store::open(scratch.file()).unwrap();
    fill(&mut store, &[1, 4]);
    let server = FakeServer::start().await;
    let (client, _events) = start(server.options(), store);
    let mut connection = told_gap(&server).await;
    let (request_id, _) = connection.expect_heads().await;
    connection.answer(request_id, heads(&[head(5, 9)], 0)).await;
    let request_id = connection.expect_range(5, 5, 9).await;
    connection.answer(request_id, Body::Entries(list(5, 5..=9))).await;
    connection.expect_range(5, 2, 3).await;
    client.close().await;

    let (client, mut events) = start(server.options(), Store::open(scratch.file()).unwrap());
    let (mut connection, _, sync_id, _) = server.accept_greeted(greeting()).await;
    connection.answer_page(sync_id, page(3, 4)).await;
    let (request_id, asked) = connection.expect_heads().await;
    assert_eq!(asked.after, 0);
    connection.answer(request_id, heads(&[head(5, 9)], 0)).await;
    let request_id = connection.expect_range(5, 2, 3).await;
    connection.answer(request_id, Body::Entries(list(5, [2, 3]))).await;
    assert_eq!(repaired(&mut events).await, (5, 2));
    assert!(connection.is_quiet().await);
    assert!(!repairing(&client).await);
}

#[tokio::test]
async fn a_gap_during_a_repair_begins_it_anew() {
    let server = FakeServer::start().await;
    let (client, mut events) = start(server.options(), holding(&[1, 3]));
    let mut connection = told_gap(&server).await;
    let (request_id, _) = connection.expect_heads().await;
    connection.answer(request_id, heads(&[head(5, 4)], 0)).await;
    let request_id = connection.expect_range(5, 4, 4).await;
    connection.answer(request_id, Body::Entries(list(5, [4]))).await;
    let outdated = connection.expect_range(5, 2, 2).await;
    connection.answer(0, Body::Nudge(Nudge {})).await;
    let (sync_id, _) = connection.expect_sync().await;
    connection.answer_page(sync_id, gap_page(3, 4)).await;
    assert_eq!(repaired(&mut events).await, (5, 1));
    let (sync_id, _) = connection.expect_sync().await;
    connection.answer(outdated, Body::Entries(list(5, [2]))).await;
    assert!(connection.is_quiet().await);
    connection.answer_page(sync_id, Page { complete: true, ..page(4, 5) }).await;
    let (request_id, _) = connection.expect_heads().await;
    connection.answer(request_id, heads(&[head(5, 6)], 0)).await;
    let request_id = connection.expect_range(5, 5, 6).await;
    connection.answer(request_id, Body::Entries(list(5, [5, 6]))).await;
    let request_id = connection.expect_range(5, 2, 2).await;
    connection.answer(request_id, Body::Entries(list(5, [2]))).await;
    assert_eq!(repaired(&mut events).await, (5, 3));
    assert_eq!(seqs(&client, 5).await, [1, 2, 3, 4, 5, 6]);
}

#[tokio::test]
async fn refusals_are_tried_again_or_end_their_conversation() {
    let server = FakeServer::start().await;
    let (client, mut events) = start(server.options(), holding(&[1]));
    let mut connection = told_gap(&server).await;
    let (request_id, _) = connection.expect_heads().await;
    connection.refuse(request_id, Refusal::Busy, 1).await;
    let (request_id, _) = connection.expect_heads().await;
    connection.answer(request_id, heads(&[head(4, 2), head(5, 2), head(6, 2)], 0)).await;
    let request_id = connection.expect_range(4, 1, 2).await;
    connection.refuse(request_id, Refusal::NoSuchConversation, 0).await;
    let request_id = connection.expect_range(5, 2, 2).await;
    // Not what was asked for.
    connection.answer(request_id, Body::Entries(list(5, [9]))).await;
    let request_id = connection.expect_range(6, 1, 2).await;
    connection.refuse(request_id, Refusal::Internal, 1).await;
    let request_id = connection.expect_range(6, 1, 2).await;
    connection.answer(request_id, Body::Entries(list(6, [1, 2]))).await;
    assert_eq!(repaired(&mut events).await, (6, 2));
    assert!(connection.is_quiet().await);
    assert!(!repairing(&client).await);
    assert_eq!(seqs(&client, 5).await, [1]);
}

#[tokio::test]
async fn a_server_without_heads_is_asked_again_on_the_next_connection_only() {
    let server = FakeServer::start().await;
    let (client, _events) = start(server.options(), holding(&[1]));
    let mut connection = told_gap(&server).await;
    let (request_id, _) = connection.expect_heads().await;
    connection.refuse(request_id, Refusal::UnknownRequest, 0).await;
    connection.answer(0, Body::Nudge(Nudge {})).await;
    let (sync_id, _) = connection.expect_sync().await;
    connection.answer_page(sync_id, page(3, 4)).await;
    assert!(connection.is_quiet().await);
    assert!(repairing(&client).await, "a gap is not forgotten");
    drop(connection);
    let (mut connection, _, sync_id, _) = server.accept_greeted(greeting()).await;
    connection.answer_page(sync_id, page(4, 5)).await;
    connection.expect_heads().await;
}
