//! Changing a password: who knows the old one, what ends with it, an end to guessing, and the operator's word.

use std::{
    io::Write,
    process::{Output, Stdio},
};

use highwater_wire::{Encoding, Refusal, close, proto};
use proto::{ClientFrame, SignedIn, client_frame::Request, server_frame::Body};

use crate::support::{Home, Replica, Server, Wire, http, requests, wire::assert_refused};

const OLD: &str = "correct horse";
const NEW: &str = "battery staple";

/// Wrong passwords that are looked at before guessing ends; as for a sign-in.
const ATTEMPTS_MAX: usize = 10;

fn change(old: &str, new: &str, end_other_devices: bool) -> Request {
    let (old_password, new_password) = (old.to_owned(), new.to_owned());
    Request::ChangePassword(proto::ChangePassword { old_password, new_password, end_other_devices })
}

/// Ann with a first device, and so many more.
async fn ann(server: &Server, more: usize) -> Vec<SignedIn> {
    let mut wire = Wire::connect(server, Encoding::Binary).await;
    let mut devices = Vec::new();
    for place in 0..=more {
        let request =
            if place == 0 { requests::register("ann", OLD, "") } else { requests::sign_in("ann", OLD) };
        let Body::SignedIn(device) = wire.ask(request).await else { panic!("not signed in") };
        devices.push(device);
    }
    devices
}

async fn can_sign_in(server: &Server, password: &str) -> bool {
    let mut wire = Wire::connect(server, Encoding::Binary).await;
    match wire.ask(requests::sign_in("ann", password)).await {
        Body::SignedIn(_) => true,
        body => {
            assert_refused(&body, Refusal::WrongCredentials);
            false
        }
    }
}

async fn over_http(server: &Server, token: &str, request: Request) -> http::Answer {
    let frame = ClientFrame { request_id: 1, request: Some(request), ..ClientFrame::default() };
    http::post(server.client(), Encoding::Json, Some(token), &frame).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_new_password_counts_at_once_and_devices_stay_unless_told() {
    let home = Home::dev();
    let server = home.start();
    let devices = ann(&server, 1).await;
    let mut wire = Wire::greeted(&server, &devices[0].token).await;
    let mut other = Wire::greeted(&server, &devices[1].token).await;
    for (old, new, refusal) in [
        ("wrong horse", NEW, Refusal::WrongCredentials),
        ("", NEW, Refusal::WrongCredentials),
        (OLD, "short", Refusal::WeakPassword),
        (OLD, "password123", Refusal::WeakPassword),
        (OLD, "", Refusal::WeakPassword),
    ] {
        requests::refused(&mut wire, change(old, new, true), refusal).await;
    }
    assert!(can_sign_in(&server, OLD).await && !can_sign_in(&server, NEW).await);
    assert!(matches!(wire.ask(change(OLD, NEW, false)).await, Body::Done(_)));
    assert!(can_sign_in(&server, NEW).await && !can_sign_in(&server, OLD).await);
    requests::today(&mut wire).await;
    requests::today(&mut other).await;
    let stopped = server.stop();
    assert!(stopped.status.success(), "{stopped:?}");
    let server = home.start();
    assert!(can_sign_in(&server, NEW).await && !can_sign_in(&server, OLD).await, "after a restart");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_other_devices_are_out_at_once_wherever_they_are() {
    let home = Home::dev();
    let server = home.start();
    let devices = ann(&server, 2).await;
    let mut wire = Wire::greeted(&server, &devices[0].token).await;
    let mut contexts = Vec::new();
    for context in 0..3 {
        let hello = proto::Hello { context, ..requests::hello(&devices[1].token) };
        contexts.push(Wire::greeted_with(&server, Encoding::Json, hello).await.0);
    }
    let (mut polling, mut replica) = (Wire::greeted(&server, &devices[2].token).await, Replica::default());
    polling.sync(&mut replica).await;
    let sync = Request::Sync(proto::Sync { limit: 0, wait_ms: 15_000 });
    let poll = ClientFrame { request_id: 1, snapshot: replica.snapshot.into(), request: Some(sync) };
    let waiting = http::post(server.client(), Encoding::Binary, Some(&devices[2].token), &poll);
    let (answer, done) = tokio::join!(waiting, wire.ask(change(OLD, NEW, true)));
    assert!(matches!(done, Body::Done(_)), "{done:?}");
    assert_eq!(answer.status, 401, "a poll that waits ends: {answer:?}");
    for mut context in contexts {
        let end = context.closed_with().await;
        assert_eq!(end, (close::UNAUTHENTICATED, close::DEVICE_ENDED.to_owned()));
    }
    for device in &devices[1..] {
        let mut dead = Wire::connect(&server, Encoding::Binary).await;
        requests::refused(&mut dead, Request::Hello(requests::hello(&device.token)), Refusal::InvalidToken)
            .await;
    }
    requests::today(&mut wire).await;
    assert!(can_sign_in(&server, NEW).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_changes_and_sign_ins_at_once_none_goes_by_the_old_password_afterwards() {
    let home = Home::dev();
    let server = home.start();
    let devices = ann(&server, 0).await;
    let mut wire = Wire::greeted(&server, &devices[0].token).await;
    let (mut wires, mut asked) = (Vec::new(), Vec::new());
    for _ in 0..6 {
        wires.push(Wire::connect(&server, Encoding::Binary).await);
    }
    // All are written before any is read: which of them is hashed first is nobody's choice.
    let first = wire.post(change(OLD, NEW, true)).await;
    let second = wire.post(change(OLD, "another staple", true)).await;
    for wire in &mut wires {
        asked.push(wire.post(requests::sign_in("ann", OLD)).await);
    }
    let bodies = [wire.answer(first).await, wire.answer(second).await];
    let done = bodies.iter().filter(|body| matches!(body, Body::Done(_))).count();
    assert_eq!(done, 1, "one of two changes by the same old password is done: {bodies:?}");
    for (wire, request) in wires.iter_mut().zip(asked) {
        // Who came in before the change is out by it, and who came after it did not come in.
        if let Body::SignedIn(device) = wire.answer(request).await {
            let answer = over_http(&server, &device.token, requests::heartbeat()).await;
            assert_eq!(answer.status, 401, "{answer:?}");
        }
    }
    requests::today(&mut wire).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn guessing_ends_over_all_connections_and_http_and_locks_nobody_out_of_signing_in() {
    let home = Home::dev();
    let server = home.start();
    let devices = ann(&server, 1).await;
    let mut wire = Wire::greeted(&server, &devices[0].token).await;
    for place in 0..ATTEMPTS_MAX {
        if place % 2 == 0 {
            requests::refused(&mut wire, change("wrong horse", NEW, true), Refusal::WrongCredentials).await;
        } else {
            let answer = over_http(&server, &devices[1].token, change("wrong horse", NEW, true)).await;
            assert_eq!(answer.status, 401, "{answer:?}");
        }
    }
    requests::refused(&mut wire, change(OLD, NEW, true), Refusal::TooManyAttempts).await;
    let answer = over_http(&server, &devices[1].token, change(OLD, NEW, true)).await;
    assert_eq!((answer.status, answer.header("retry-after").is_some()), (429, true), "{answer:?}");
    assert!(can_sign_in(&server, OLD).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn over_http_it_is_the_same_and_strangers_change_nothing() {
    let home = Home::dev();
    let server = home.start();
    let devices = ann(&server, 1).await;
    let answer = over_http(&server, "hwd_nobody", change(OLD, NEW, true)).await;
    assert_eq!(answer.status, 401, "{answer:?}");
    let mut wire = Wire::connect(&server, Encoding::Binary).await;
    requests::refused(&mut wire, change(OLD, NEW, true), Refusal::HelloFirst).await;
    // A device that was provisioned has no password to be changed.
    let [bob] = server.people(1).await;
    let mut bobs = Wire::greeted(&server, bob.token()).await;
    for old in ["", OLD] {
        requests::refused(&mut bobs, change(old, NEW, false), Refusal::WrongCredentials).await;
    }
    let answer = over_http(&server, &devices[1].token, change(OLD, NEW, true)).await;
    assert!(matches!(answer.frame(Encoding::Json).body, Some(Body::Done(_))), "{answer:?}");
    let ended = over_http(&server, &devices[0].token, requests::heartbeat()).await;
    assert_eq!(ended.status, 401, "{ended:?}");
    assert!(can_sign_in(&server, NEW).await && !can_sign_in(&server, OLD).await);
}

/// `highwater admin` with something on its stdin.
fn admin(home: &Home, arguments: &[&str], stdin: &str) -> Output {
    let mut command = Home::bare_command();
    command.arg("admin").args(arguments).arg("--data").arg(home.data());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    tokio::task::block_in_place(|| {
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(stdin.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_sets_a_password_from_stdin() {
    let home = Home::dev();
    let server = home.start();
    let devices = ann(&server, 0).await;
    let mut wire = Wire::greeted(&server, &devices[0].token).await;
    for (arguments, stdin, says) in [
        (["set-password", "nobody", "--keep-devices"], "battery staple\n", "there is no such user"),
        (["set-password", "ann", "--keep-devices"], "ann\n", "a password has 8 to 128 bytes"),
        (["set-password", "ann", "--keep-devices"], "", "a password has 8 to 128 bytes"),
    ] {
        let refused = admin(&home, &arguments, stdin);
        assert!(!refused.status.success());
        assert!(String::from_utf8_lossy(&refused.stderr).contains(says), "{refused:?}");
    }
    let set = admin(&home, &["set-password", "Ann", "--keep-devices"], "battery staple\r\nmore\n");
    assert!(set.status.success(), "{set:?}");
    assert!(can_sign_in(&server, NEW).await && !can_sign_in(&server, OLD).await);
    requests::today(&mut wire).await;
    let set = admin(&home, &["set-password", &devices[0].user_id.to_string()], "third password");
    assert!(set.status.success(), "{set:?}");
    let end = wire.closed_with().await;
    assert_eq!(end, (close::UNAUTHENTICATED, close::DEVICE_ENDED.to_owned()));
    assert!(can_sign_in(&server, "third password").await && !can_sign_in(&server, NEW).await);
    let body = r#"{"user":"ann","password":"battery staple","end_devices":true}"#;
    let stranger = http::exchange(
        server.operator(),
        "POST",
        "/v1/set-password",
        &[("authorization", "Bearer wrong"), ("content-type", "application/json")],
        body.as_bytes(),
    )
    .await;
    assert_eq!(stranger.status, 401, "{stranger:?}");
}
