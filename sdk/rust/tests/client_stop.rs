//! The client against a played server: what ends a client for good, and what does not.
#![allow(clippy::unwrap_used)]

mod fake_server;
mod recorder;

use fake_server::{DEVICE_ID, FakeServer, PATIENCE, USER_ID, greeting};
use highwater_sdk::wire::{Refusal, close};
use highwater_sdk::{Client, ClientOptions, DisconnectReason, Error, Event, Lineage, StopReason, Store};
use recorder::start;
use std::time::Duration;

#[tokio::test]
async fn dead_token_stops_the_client_and_a_busy_server_does_not() {
    let server = FakeServer::start().await;
    let (client, mut events) = start(server.options(), Store::in_memory().unwrap());
    let mut connection = server.accept().await;
    let hello = connection.read().await;
    connection.refuse(hello.request_id, Refusal::Draining, 1).await;
    let mut connection = server.accept().await;
    let hello = connection.read().await;
    connection.refuse(hello.request_id, Refusal::InvalidToken, 0).await;

    assert!(
        matches!(events.next().await, Event::Disconnected { reason: DisconnectReason::Refused(refused), .. }
        if refused.refusal == Some(Refusal::Draining))
    );
    assert!(matches!(events.next().await, Event::TokenInvalid));
    assert!(matches!(events.next().await, Event::Stopped { reason: StopReason::TokenInvalid }));
    assert!(matches!(client.wait_caught_up(PATIENCE).await, Err(Error::Stopped)));
    assert!(matches!(client.sync_now().await, Err(Error::Stopped)));
    assert_eq!(client.status().stopped, Some(StopReason::TokenInvalid));
}

#[tokio::test]
async fn a_device_whose_place_was_taken_stops_and_no_other_close_stops_it() {
    let server = FakeServer::start().await;
    let (client, mut events) = start(server.options(), Store::in_memory().unwrap());
    // The code alone, the reason alone, and another reason: each may be of a device that can come back.
    for (code, reason) in [
        (close::UNAUTHENTICATED, ""),
        (close::REPLACED, close::DEVICE_REPLACED),
        (close::UNAUTHENTICATED, close::DEVICE_ENDED),
    ] {
        let connection = server.accept().await;
        connection.close_with(code, reason).await;
        let event = events.next().await;
        assert!(
            matches!(&event, Event::Disconnected { reason: DisconnectReason::ClosedByServer(told), .. } if *told == code),
            "{event:?}"
        );
    }
    let connection = server.accept().await;
    connection.close_with(close::UNAUTHENTICATED, close::DEVICE_REPLACED).await;
    assert!(matches!(events.next().await, Event::DeviceReplaced));
    assert!(matches!(events.next().await, Event::Stopped { reason: StopReason::DeviceReplaced }));
    assert_eq!(client.status().stopped, Some(StopReason::DeviceReplaced));
}

#[tokio::test]
async fn store_of_another_lineage_is_left_alone() {
    let mut store = Store::in_memory().unwrap();
    let other = Lineage { user_id: USER_ID, device_id: 99, context: 0 };
    store.bind(other).unwrap();
    let server = FakeServer::start().await;
    let (client, mut events) = start(server.options(), store);
    let mut connection = server.accept().await;
    connection.greet(greeting()).await;
    let token = Lineage { device_id: DEVICE_ID, ..other };
    let stopped = events.next().await;
    assert!(
        matches!(&stopped, Event::Stopped { reason: StopReason::WrongStore { store, token: t } }
        if *store == other && *t == token),
        "{stopped:?}"
    );
    drop(client);
}

#[tokio::test]
async fn wrong_base_url_is_an_error_at_once() {
    let options = ClientOptions::new("https://127.0.0.1:1", "secret");
    let started = Client::start(options, Store::in_memory().unwrap());
    assert!(matches!(started, Err(Error::BaseUrl)));
}

#[tokio::test]
async fn unreachable_server_is_tried_again_until_told_to_close() {
    let server = FakeServer::start().await;
    let options = server.options();
    drop(server);
    let (client, mut events) = start(options, Store::in_memory().unwrap());
    for _ in 0..3 {
        let event = events.next().await;
        let Event::Disconnected { reason: DisconnectReason::Transport(_), retry_in } = event else {
            panic!("{event:?}")
        };
        assert!(retry_in <= Duration::from_millis(20), "{retry_in:?}");
    }
    let waited = client.wait_caught_up(Duration::from_millis(20)).await;
    assert!(matches!(waited, Err(Error::Timeout { .. })));
    let syncing = tokio::spawn({
        let client = client.clone();
        async move { client.sync_now().await }
    });
    client.close().await;
    assert!(matches!(syncing.await.unwrap(), Err(Error::Stopped)));
    assert!(matches!(client.read(|_| ()).await, Err(Error::Stopped)));
}
