//! Tokens that are not, or no longer, those of a device: nothing opens, over WebSocket and HTTP alike.

use highwater_wire::{Encoding, Refusal, close, proto};
use proto::{ClientFrame, client_frame::Request};

use crate::support::{Home, Server, Wire, dump, http, requests, wire::assert_refused};

/// The token must be refused in the same way everywhere.
async fn assert_dead(server: &Server, token: &str, what: &str) {
    println!("{what}");
    let mut wire = Wire::connect(server, Encoding::Binary).await;
    requests::refused(&mut wire, Request::Hello(requests::hello(token)), Refusal::InvalidToken).await;
    assert_eq!(wire.closed().await, close::UNAUTHENTICATED, "{what}");
    for encoding in [Encoding::Binary, Encoding::Json] {
        let frame = ClientFrame { request_id: 5, request: Some(requests::sync()), ..Default::default() };
        let answer = http::post(server.client(), encoding, Some(token), &frame).await;
        assert_eq!(answer.status, 401, "{what}");
        let frame = answer.frame(encoding);
        assert_eq!(frame.request_id, 5);
        assert_refused(&frame.body.unwrap(), Refusal::InvalidToken);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn forged_tokens_open_nothing() {
    let (home, other_home) = (Home::dev(), Home::dev());
    let (server, other_server) = (home.start(), other_home.start());
    let [ann] = server.people(1).await;
    let [stranger] = other_server.people(1).await;
    let before = dump(&server, ann.token()).await;
    let right = ann.token();
    assert!(right.starts_with("hwd_") && right.len() == 47, "{right}");
    let swapped: String = right
        .chars()
        .map(|c| if c.is_lowercase() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() })
        .collect();
    let mut last_changed = right.to_owned();
    let last = if last_changed.pop() == Some('A') { 'Q' } else { 'A' };
    last_changed.push(last);
    for (what, token) in [
        ("empty", String::new()),
        ("cut", right[..46].to_owned()),
        ("longer", format!("{right}A")),
        ("case swapped", swapped),
        ("last letter changed", last_changed),
        ("prefix alone", "hwd_".to_owned()),
        ("without prefix", right[4..].to_owned()),
        ("made up", format!("hwd_{}", "A".repeat(43))),
        ("60,000 bytes", "A".repeat(60_000)),
        ("another server's", stranger.token().to_owned()),
        ("the operator's", server.operator_token()),
    ] {
        // HTTP has a shorter limit for heads than we have for frames.
        if token.len() < 1000 {
            assert_dead(&server, &token, what).await;
        } else {
            let mut wire = Wire::connect(&server, Encoding::Binary).await;
            requests::refused(&mut wire, Request::Hello(requests::hello(&token)), Refusal::InvalidToken)
                .await;
        }
    }
    assert_eq!(dump(&server, ann.token()).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_token_of_an_ended_device_opens_nothing_also_after_a_restart() {
    let home = Home::dev();
    let server = home.start();
    let [ann] = server.people(2).await;
    let mut wire = Wire::greeted(&server, &ann.devices[1].token).await;
    let signed_out = wire.post(Request::SignOut(proto::SignOut {})).await;
    assert_eq!(wire.closed().await, close::UNAUTHENTICATED, "request {signed_out}");
    assert_dead(&server, &ann.devices[1].token, "ended").await;
    server.kill();
    let server = home.start();
    assert_dead(&server, &ann.devices[1].token, "ended before the crash").await;
    dump(&server, ann.token()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_token_opens_nothing_of_the_operators() {
    let home = Home::dev();
    let server = home.start();
    let [ann] = server.people(1).await;
    let body = r#"{"users":1,"devices":1}"#;
    for token in [None, Some("Bearer "), Some(ann.token())] {
        let bearer = token.map(|token| format!("Bearer {token}"));
        let mut headers = vec![("Content-Type", "application/json")];
        headers.extend(bearer.as_ref().map(|bearer| ("Authorization", bearer.as_str())));
        for (method, path) in [("POST", "/v1/provision"), ("POST", "/v1/invites"), ("PUT", "/v1/documents")] {
            let body = match path {
                "/v1/provision" => body,
                "/v1/invites" => r#"{"expires_hours":1}"#,
                _ => r#"{"user_id":"1","kind":5,"key":"k","value":1}"#,
            };
            let answer = http::exchange(server.operator(), method, path, &headers, body.as_bytes()).await;
            assert_eq!(answer.status, 401, "{path} {answer:?}");
        }
    }
    // And the operator's port has nothing of the client's, nor the client's of the operator's.
    for (address, path) in [(server.operator(), "/v1/request"), (server.client(), "/v1/provision")] {
        assert_eq!(http::exchange(address, "POST", path, &[], b"{}").await.status, 404, "{path}");
    }
}
