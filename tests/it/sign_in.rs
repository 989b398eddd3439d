//! Signing in: what is wrong is not said, and guessing comes to an end.

use highwater_wire::{Encoding, Refusal, proto};
use proto::{ClientFrame, server_frame::Body};

use crate::support::{Home, Server, Wire, http, requests, wire::assert_refused};

const PASSWORD: &str = "correct horse";

/// Wrong passwords that are looked at before guessing ends; as the security baseline says.
const ATTEMPTS_MAX: usize = 10;

async fn with_ann(server: &Server) -> (Wire, proto::SignedIn) {
    let mut wire = Wire::connect(server, Encoding::Binary).await;
    let Body::SignedIn(ann) = wire.ask(requests::register("Ann", PASSWORD, "")).await else { panic!() };
    (wire, ann)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_right_password_makes_a_further_device() {
    let home = Home::dev();
    let server = home.start();
    let (mut wire, ann) = with_ann(&server).await;
    let mut tokens = vec![ann.token.clone()];
    for name in ["Ann", "ann", "ANN"] {
        let Body::SignedIn(again) = wire.ask(requests::sign_in(name, PASSWORD)).await else { panic!() };
        assert_eq!(again.user_id, ann.user_id);
        tokens.push(again.token);
    }
    let distinct: std::collections::BTreeSet<_> = tokens.iter().collect();
    assert_eq!(distinct.len(), 4);
    for token in &tokens {
        Wire::greeted(&server, token).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_name_and_a_wrong_password_cannot_be_told_apart() {
    let home = Home::dev();
    let server = home.start();
    let (mut wire, _) = with_ann(&server).await;
    let wrong_password = wire.ask(requests::sign_in("Ann", "wrong horse")).await;
    assert_refused(&wrong_password, Refusal::WrongCredentials);
    for (name, password) in
        [("nobody", PASSWORD), ("", ""), ("Ann", ""), ("Ann", "Correct horse"), ("a b", PASSWORD)]
    {
        assert_eq!(wire.ask(requests::sign_in(name, password)).await, wrong_password, "{name:?}");
    }
    // Over HTTP byte for byte, and in every header.
    let post = |name: &'static str| {
        let frame = ClientFrame {
            request_id: 1,
            request: Some(requests::sign_in(name, "wrong horse")),
            ..Default::default()
        };
        let address = server.client();
        async move { http::post(address, Encoding::Json, None, &frame).await }
    };
    let (known, unknown) = (post("Ann").await, post("nobody").await);
    // The order of headers is that of a map with a seed of each answer.
    let without_date_and_id = |answer: &http::Answer| {
        let is_told = |line: &&str| !line.starts_with("date:") && !line.starts_with("x-request-id:");
        answer.head.lines().filter(is_told).map(str::to_owned).collect::<std::collections::BTreeSet<_>>()
    };
    assert_eq!((without_date_and_id(&known), &known.body), (without_date_and_id(&unknown), &unknown.body));
    // The id is drawn at random, and as long.
    let id = |answer: &http::Answer| answer.header("x-request-id").unwrap().to_owned();
    assert_eq!((id(&known).len(), id(&unknown).len()), (16, 16));
}

#[tokio::test(flavor = "multi_thread")]
async fn guessing_ends_for_that_account_and_for_no_other() {
    let home = Home::dev();
    let server = home.start();
    let (mut wire, _) = with_ann(&server).await;
    let Body::SignedIn(_) = wire.ask(requests::register("bob", PASSWORD, "")).await else { panic!() };
    for name in ["Ann", "nobody"] {
        for _ in 0..ATTEMPTS_MAX {
            requests::refused(&mut wire, requests::sign_in(name, "wrong horse"), Refusal::WrongCredentials)
                .await;
        }
        // From now on not even the right password is looked at, on whichever connection and in whichever case.
        requests::refused(&mut wire, requests::sign_in(name, PASSWORD), Refusal::TooManyAttempts).await;
        let mut other = Wire::connect(&server, Encoding::Json).await;
        let shouted = name.to_uppercase();
        requests::refused(&mut other, requests::sign_in(&shouted, PASSWORD), Refusal::TooManyAttempts).await;
        let frame = ClientFrame {
            request_id: 1,
            request: Some(requests::sign_in(name, PASSWORD)),
            ..Default::default()
        };
        let answer = http::post(server.client(), Encoding::Json, None, &frame).await;
        assert_eq!((answer.status, answer.header("retry-after").is_some()), (429, true), "{answer:?}");
    }
    let Body::SignedIn(_) = wire.ask(requests::sign_in("bob", PASSWORD)).await else {
        panic!("Bob is locked out")
    };
}

#[tokio::test(flavor = "multi_thread")]
async fn guessing_at_once_is_no_way_around() {
    let home = Home::dev();
    let server = home.start();
    with_ann(&server).await;
    let (mut wires, mut asked) = (Vec::new(), Vec::new());
    for _ in 0..ATTEMPTS_MAX * 3 {
        let mut wire = Wire::connect(&server, Encoding::Binary).await;
        asked.push(wire.post(requests::sign_in("Ann", "wrong horse")).await);
        wires.push(wire);
    }
    let mut looked_at = 0;
    for (wire, request) in wires.iter_mut().zip(asked) {
        let body = wire.answer(request).await;
        let Body::Error(error) = &body else { panic!("signed in: {body:?}") };
        match Refusal::from_code(error.code) {
            Some(Refusal::WrongCredentials) => looked_at += 1,
            Some(Refusal::TooManyAttempts | Refusal::Busy) => {}
            other => panic!("{other:?}"),
        }
    }
    assert!(looked_at <= ATTEMPTS_MAX, "{looked_at} passwords were looked at");
}
