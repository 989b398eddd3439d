//! The client against a played server: sending, sending again, and requests with one answer.
#![allow(clippy::unwrap_used)]

mod fake_server;
mod pages;

use fake_server::{DAY, FakeServer, PATIENCE, greeting};
use highwater_sdk::wire::Refusal;
use highwater_sdk::wire::proto::send::To;
use highwater_sdk::wire::proto::server_frame::Body;
use highwater_sdk::wire::proto::{Entry, Greeting, HeartbeatAnswer, Page, Sent};
use highwater_sdk::{
    Client, ClientMessageId, Durability, Error, Event, SendState, StopReason, Store, Target,
};
use pages::{ScratchDir, entry, page};
use std::time::Duration;
use tokio::time::timeout;

const SENT: Sent = Sent { conversation_id: 77, seq: 5, sent_at_ms: 1_700_000_000_005 };

fn bob() -> Target {
    Target::UserName("bob".to_owned())
}

fn id(number: u8) -> ClientMessageId {
    ClientMessageId([number; 16])
}

#[tokio::test]
async fn unanswered_message_goes_out_again_under_the_same_id_and_day() {
    let server = FakeServer::start().await;
    let client = Client::start(server.options(), Store::in_memory().unwrap()).unwrap();
    let mut events = client.events();
    let (mut connection, _, sync_id, _) = server.accept_greeted(greeting()).await;
    connection.answer_page(sync_id, page(0, 1)).await;
    client.wait_caught_up(PATIENCE).await.unwrap();

    let first = client.send(bob(), "one").await.unwrap();
    let second = client.send(Target::Conversation(u64::MAX), "two").await.unwrap();
    let (_, told_first) = connection.expect_send().await;
    assert_eq!((told_first.day, told_first.text.as_str()), (DAY, "one"));
    assert_eq!(told_first.to, Some(To::UserName("bob".to_owned())));
    assert_eq!(told_first.client_message_id, first.0.to_vec());
    let (_, told_second) = connection.expect_send().await;
    assert_eq!(told_second.to, Some(To::ConversationId(u64::MAX)));
    drop(connection);

    // A day later by the server's clock: the messages keep theirs.
    let next_day = Greeting { day: DAY + 1, ..greeting() };
    let (mut connection, _, sync_id, _) = server.accept_greeted(next_day).await;
    connection.answer_page(sync_id, page(1, 2)).await;
    let (first_request, again) = connection.expect_send().await;
    assert_eq!(again, told_first);
    let (second_request, again) = connection.expect_send().await;
    assert_eq!(again, told_second);
    connection.answer(first_request, Body::Sent(SENT)).await;
    connection.answer(second_request, Body::Sent(Sent { seq: 6, ..SENT })).await;
    assert_eq!(timeout(PATIENCE, client.wait_sent(first)).await.unwrap().unwrap(), Ok(SENT));
    assert_eq!(timeout(PATIENCE, client.wait_sent(second)).await.unwrap().unwrap().unwrap().seq, 6);
    assert_eq!(client.send_state(first).await.unwrap(), Some(SendState::Sent(SENT)));

    let mut told = Vec::new();
    while told.len() < 6 {
        match timeout(PATIENCE, events.recv()).await.unwrap().unwrap() {
            Event::SendTransmitted { id, day: DAY } => told.push((id, "out")),
            Event::SendAnswered { id, result: Ok(_) } => told.push((id, "answered")),
            _ => {}
        }
    }
    let (out, answered) = ("out", "answered");
    let expected =
        [(first, out), (second, out), (first, out), (second, out), (first, answered), (second, answered)];
    assert_eq!(told, expected);
}

#[tokio::test]
async fn outbox_and_snapshot_survive_the_client() {
    let scratch = ScratchDir::new();
    let server = FakeServer::start().await;
    let client = Client::start(server.options(), Store::open(scratch.file()).unwrap()).unwrap();
    let (mut connection, _, sync_id, _) = server.accept_greeted(greeting()).await;
    connection.answer_page(sync_id, page(0, 1)).await;
    client.wait_caught_up(PATIENCE).await.unwrap();
    client.send_with_id(id(1), bob(), "one").await.unwrap();
    client.send_with_id(id(1), bob(), "one").await.unwrap();
    assert!(matches!(client.send_with_id(id(1), bob(), "two").await, Err(Error::IdReused)));
    let (_, told) = connection.expect_send().await;
    client.close().await;
    assert!(matches!(client.send(bob(), "late").await, Err(Error::Stopped)));

    let client = Client::start(server.options(), Store::open(scratch.file()).unwrap()).unwrap();
    let next_day = Greeting { day: DAY + 1, ..greeting() };
    let (mut connection, _, sync_id, handed) = server.accept_greeted(next_day).await;
    connection.answer_page(sync_id, page(1, 2)).await;
    assert_eq!(handed, pages::snapshot(1));
    let (request_id, again) = connection.expect_send().await;
    assert_eq!(again, told);
    connection.answer(request_id, Body::Sent(SENT)).await;
    assert_eq!(timeout(PATIENCE, client.wait_sent(id(1))).await.unwrap().unwrap(), Ok(SENT));
}

#[tokio::test]
async fn message_written_offline_gets_its_day_before_it_first_leaves() {
    let scratch = ScratchDir::new();
    let server = FakeServer::start().await;
    let store = Store::open_with(scratch.file(), Durability::ProcessKill).unwrap();
    let client = Client::start(server.options(), store).unwrap();
    let written = client.send(bob(), "early").await.unwrap();
    let pending = client.read(|store| store.pending_after(0, 10)).await.unwrap().unwrap();
    assert_eq!(pending[0].day, None);
    let (mut connection, _, sync_id, _) = server.accept_greeted(greeting()).await;
    connection.answer_page(sync_id, page(0, 1)).await;
    let (_, told) = connection.expect_send().await;
    assert_eq!((told.day, told.client_message_id.as_ref()), (DAY, &written.0[..]));
    let pending = client.read(|store| store.pending_after(0, 10)).await.unwrap().unwrap();
    assert_eq!(pending[0].day, Some(DAY), "stored before it left");
}

#[tokio::test]
async fn day_follows_the_heartbeat() {
    let server = FakeServer::start().await;
    let client = Client::start(server.options(), Store::in_memory().unwrap()).unwrap();
    let (mut connection, _, sync_id, _) = server.accept_greeted(greeting()).await;
    connection.answer_page(sync_id, Page { hand_back: true, ..page(0, 1) }).await;
    let (request_id, _) = connection.expect_heartbeat().await;
    connection.answer(request_id, Body::Heartbeat(HeartbeatAnswer { day: DAY + 3 })).await;
    connection.push(Page { hand_back: true, ..page(1, 2) }).await;
    connection.expect_heartbeat().await;
    client.send(bob(), "x").await.unwrap();
    assert_eq!(connection.expect_send().await.1.day, DAY + 3);
}

#[tokio::test]
async fn refusal_with_retry_goes_out_again_and_one_without_is_final() {
    let server = FakeServer::start().await;
    let client = Client::start(server.options(), Store::in_memory().unwrap()).unwrap();
    let (mut connection, _, sync_id, _) = server.accept_greeted(greeting()).await;
    connection.answer_page(sync_id, page(0, 1)).await;
    client.wait_caught_up(PATIENCE).await.unwrap();
    let sent = client.send(bob(), "x").await.unwrap();
    let (request_id, told) = connection.expect_send().await;
    for refusal in [Refusal::UnknownOutcome, Refusal::Busy, Refusal::TooManyInFlight] {
        assert!(refusal.retry());
    }
    let refused_at = std::time::Instant::now();
    connection.refuse(request_id, Refusal::UnknownOutcome, 80).await;
    let (request_id, again) = connection.expect_send().await;
    assert!(refused_at.elapsed() >= Duration::from_millis(80));
    assert_eq!(again, told);
    connection.refuse(request_id, Refusal::NoSuchUser, 0).await;
    let refused = timeout(PATIENCE, client.wait_sent(sent)).await.unwrap().unwrap().unwrap_err();
    assert_eq!(refused.refusal, Some(Refusal::NoSuchUser));
    assert_eq!(client.send_state(sent).await.unwrap(), Some(SendState::Refused { code: 300 }));

    let too_long = client.send(bob(), "x".repeat(1_001)).await.unwrap();
    let refused = timeout(PATIENCE, client.wait_sent(too_long)).await.unwrap().unwrap().unwrap_err();
    assert_eq!(refused.refusal, Some(Refusal::TextTooLong));
    assert!(connection.is_quiet().await, "refused here, not there");
    assert!(matches!(client.wait_sent(id(9)).await, Err(Error::UnknownMessage)));
}

#[tokio::test]
async fn a_device_that_may_do_nothing_any_more_keeps_what_it_was_to_send() {
    for (refusal, stopped) in [(Refusal::InvalidToken, true), (Refusal::AccountSuspended, false)] {
        let server = FakeServer::start().await;
        let client = Client::start(server.options(), Store::in_memory().unwrap()).unwrap();
        let mut events = client.events();
        let (mut connection, _, sync_id, _) = server.accept_greeted(greeting()).await;
        connection.answer_page(sync_id, page(0, 1)).await;
        let id = client.send(bob(), "kept").await.unwrap();
        let (request, _) = connection.expect_send().await;
        connection.refuse(request, refusal, 0).await;
        loop {
            match timeout(PATIENCE, events.recv()).await.unwrap().unwrap() {
                Event::Stopped { reason: StopReason::TokenInvalid } if stopped => break,
                Event::Stopped { reason: StopReason::HelloRefused(refused) } if !stopped => {
                    assert_eq!(refused.refusal, Some(refusal));
                    break;
                }
                Event::Stopped { reason } => panic!("{reason:?}"),
                Event::SendAnswered { .. } => panic!("it was no answer to the message"),
                _ => {}
            }
        }
        let pending = client.read(|store| store.pending_after(0, 9).unwrap()).await.unwrap();
        assert_eq!(pending.iter().map(|message| message.id).collect::<Vec<_>>(), [id]);
    }
}

#[tokio::test]
async fn own_entry_in_a_sync_ends_the_wait_for_an_answer() {
    let server = FakeServer::start().await;
    let client = Client::start(server.options(), Store::in_memory().unwrap()).unwrap();
    let (mut connection, _, sync_id, _) = server.accept_greeted(greeting()).await;
    connection.answer_page(sync_id, page(0, 1)).await;
    client.wait_caught_up(PATIENCE).await.unwrap();
    client.send_with_id(id(1), bob(), "x").await.unwrap();
    client.send_with_id(id(2), bob(), "x").await.unwrap();
    let (answered, _) = connection.expect_send().await;
    connection.expect_send().await;
    let own = |number: u8, seq: u64| Entry {
        client_message_id: id(number).0.to_vec().into(),
        sent_at_ms: SENT.sent_at_ms,
        ..entry(SENT.conversation_id, seq, "x")
    };
    let entries = vec![own(1, SENT.seq), own(2, SENT.seq + 1)];
    connection.push(Page { entries, ..page(1, 2) }).await;
    let first = timeout(PATIENCE, client.wait_sent(id(1))).await.unwrap().unwrap();
    assert_eq!(first, Ok(SENT));
    let second = timeout(PATIENCE, client.wait_sent(id(2))).await.unwrap().unwrap();
    assert_eq!(second.unwrap().seq, SENT.seq + 1);
    // One answer still comes, the other never does.
    connection.answer(answered, Body::Sent(SENT)).await;
    drop(connection);
    let (mut connection, _, sync_id, _) = server.accept_greeted(greeting()).await;
    connection.answer_page(sync_id, page(2, 3)).await;
    assert!(connection.is_quiet().await, "what is sent does not go out again");
}

#[tokio::test]
async fn window_is_kept_and_every_message_of_a_long_outbox_goes_out_once_in_order() {
    const MESSAGES: u64 = 600;
    let server = FakeServer::start().await;
    let mut store = Store::in_memory().unwrap();
    for number in 0..MESSAGES {
        let id = ClientMessageId(u128::from(number).to_be_bytes());
        store.put_message(id, None, &bob(), number.to_string()).unwrap();
    }
    let client = Client::start(server.options(), store).unwrap();
    let narrow = Greeting { in_flight_max: 6, ..greeting() };
    let (mut connection, _, sync_id, _) = server.accept_greeted(narrow).await;
    connection.answer_page(sync_id, page(0, 1)).await;
    let mut open = std::collections::VecDeque::new();
    for number in 0..MESSAGES {
        if open.len() == 4 {
            if number == 4 {
                assert!(connection.is_quiet().await, "four of six places are for sends");
            }
            let request_id = open.pop_front().unwrap();
            connection.answer(request_id, Body::Sent(Sent { seq: number, ..SENT })).await;
        }
        let (request_id, send) = connection.expect_send().await;
        assert_eq!(send.text, number.to_string());
        open.push_back(request_id);
    }
    for request_id in open {
        connection.answer(request_id, Body::Sent(SENT)).await;
    }
    let last = ClientMessageId(u128::from(MESSAGES - 1).to_be_bytes());
    timeout(PATIENCE, client.wait_sent(last)).await.unwrap().unwrap().unwrap();
    assert!(connection.is_quiet().await);
}
