//! Requests out of turn: before hello, after it a second time, too many at once. Each gets its number, nothing is changed,
//! and the connection goes on unless the protocol says that it ends.

use highwater_wire::{Encoding, Refusal, close, proto};
use proto::{client_frame::Request, send::To, server_frame::Body};

use crate::support::{Home, Wire, dump, requests, wire::assert_refused};

#[tokio::test(flavor = "multi_thread")]
async fn before_hello_nothing_is_answered() {
    let home = Home::dev();
    let server = home.start();
    let [ann] = server.people(1).await;
    let mut wire = Wire::connect(&server, Encoding::Binary).await;
    let which = Some(proto::end_device::Which::AllOthers(true));
    for request in [
        requests::heartbeat(),
        requests::sync(),
        requests::find_user(&ann.name),
        Request::Send(requests::send(To::UserId(ann.user_id), 1, "hello")),
        Request::SignOut(proto::SignOut {}),
        Request::ListDevices(proto::ListDevices {}),
        Request::EndDevice(proto::EndDevice { which }),
    ] {
        requests::refused(&mut wire, request, Refusal::HelloFirst).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn after_hello_there_is_no_second_and_no_signing_in() {
    let home = Home::dev();
    let server = home.start();
    let [ann, bob] = server.people(1).await;
    let mut wire = Wire::greeted(&server, ann.token()).await;
    for request in [
        Request::Hello(requests::hello(ann.token())),
        Request::Hello(requests::hello(bob.token())),
        requests::register("newcomer", "correct horse", ""),
        requests::sign_in(&bob.name, "correct horse"),
    ] {
        requests::refused(&mut wire, request, Refusal::AlreadyGreeted).await;
    }
    requests::refused(&mut wire, requests::find_user("newcomer"), Refusal::NoSuchUser).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hello_that_does_not_wait_for_the_first_is_too_much() {
    let home = Home::dev();
    let server = home.start();
    let [ann] = server.people(1).await;
    // Which of the two comes while the other is answered depends on nobody: both are written before either is read.
    let mut wire = Wire::connect(&server, Encoding::Binary).await;
    let first = wire.post(Request::Hello(requests::hello(ann.token()))).await;
    let second = wire.post(Request::Hello(requests::hello(ann.token()))).await;
    assert!(matches!(wire.answer(first).await, Body::Greeting(_)));
    let Body::Error(error) = wire.answer(second).await else { panic!("greeted twice") };
    assert!(
        [Refusal::TooManyInFlight.code(), Refusal::AlreadyGreeted.code()].contains(&error.code),
        "{error:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hello_that_can_never_be_right_is_refused_and_the_connection_ends() {
    let home = Home::dev();
    let server = home.start();
    let [ann] = server.people(1).await;
    let right = requests::hello(ann.token());
    for hello in [
        proto::Hello { level: 0, ..right.clone() },
        proto::Hello { context: 16, ..right.clone() },
        proto::Hello { context: u32::MAX, ..right.clone() },
    ] {
        let mut wire = Wire::connect(&server, Encoding::Binary).await;
        requests::refused(&mut wire, Request::Hello(hello), Refusal::InvalidField).await;
        assert_eq!(wire.closed().await, close::UNAUTHENTICATED);
    }
    // A later level is no fault: the lower one is in force.
    let later = proto::Hello { level: 99, context: 15, locale: "x".repeat(1000), ..right };
    Wire::greeted_with(&server, Encoding::Binary, later).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_never_says_hello_is_closed_after_ten_seconds() {
    let home = Home::dev();
    let server = home.start();
    let mut wire = Wire::connect(&server, Encoding::Json).await;
    let opened = std::time::Instant::now();
    assert_eq!(wire.closed().await, close::UNAUTHENTICATED);
    assert!((9..=13).contains(&opened.elapsed().as_secs()), "{:?}", opened.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn more_requests_than_allowed_are_refused_and_the_rest_is_done() {
    let home = Home::dev();
    let server = home.start();
    let [ann] = server.people(1).await;
    let mut wire = Wire::greeted(&server, ann.token()).await;
    let day = requests::today(&mut wire).await;
    // Far more than may be unanswered, and fewer than fill the way to the user's actor, which would be 500.
    let sends: Vec<_> =
        (0..400).map(|n| requests::send(To::UserId(ann.user_id), day, &n.to_string())).collect();
    let posted = wire.post_together(sends.iter().cloned().map(Request::Send)).await;
    let posted = posted.into_iter().zip(&sends);
    let (mut sent, mut refused) = (0, Vec::new());
    for (request_id, send) in posted {
        match wire.answer(request_id).await {
            Body::Sent(_) => sent += 1,
            body => {
                assert_refused(&body, Refusal::TooManyInFlight);
                refused.push(send.clone());
            }
        }
    }
    println!("{sent} sent, {} refused", refused.len());
    assert!(sent >= 64 && !refused.is_empty(), "400 at once are more than 64");
    assert_eq!(dump(&server, ann.token()).await.entries.len(), sent, "what was refused was not done");
    for send in refused {
        requests::sent(&mut wire, send).await;
    }
    assert_eq!(dump(&server, ann.token()).await.entries.len(), 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_sync_while_one_is_open_is_refused_and_the_first_is_answered() {
    let home = Home::dev();
    let server = home.start();
    let [ann] = server.people(1).await;
    let mut wire = Wire::greeted(&server, ann.token()).await;
    let mut ids = Vec::new();
    for _ in 0..40 {
        ids.push(wire.post(requests::sync()).await);
    }
    let mut pages = 0;
    for id in ids {
        match wire.answer(id).await {
            Body::Page(_) => pages += 1,
            body => assert_refused(&body, Refusal::TooManyInFlight),
        }
    }
    assert!((1..=40).contains(&pages), "{pages}");
    requests::today(&mut wire).await;
}
