//! What strangers tried, and what must not work, or must.

use highwater_wire::{Encoding, Refusal, close, proto};
use proto::{client_frame::Request, server_frame::Body};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::support::{
    Home, Replica, Wire, http, requests, server::not_started, wire::assert_refused, within,
};

const PASSWORD: &str = "correct horse";

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_another_origin_can_ask_nothing_over_http_either() {
    let home = Home::dev();
    let server = home.start();
    let frame = proto::ClientFrame {
        request_id: 1,
        request: Some(requests::register("eve", PASSWORD, "")),
        ..proto::ClientFrame::default()
    };
    let body = Encoding::Json.encode(&frame);
    let own = server.client_url();
    for (origin, status) in [("http://evil.example", 403), ("null", 403), (own.as_str(), 200)] {
        let headers = [("Origin", origin)];
        let answer = http::exchange(server.client(), "POST", "/v1/request", &headers, &body).await;
        assert_eq!(answer.status, status, "{origin}: {answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_does_not_come_is_not_waited_for() {
    let home = Home::dev();
    let server = home.start();
    let mut waiting = Vec::new();
    for (address, path) in [(server.client(), "/v1/request"), (server.operator(), "/v1/setup")] {
        let mut socket = TcpStream::connect(address).await.unwrap();
        let head = format!("POST {path} HTTP/1.1\r\nHost: {address}\r\nContent-Length: 100\r\n\r\n{{\"a\"");
        socket.write_all(head.as_bytes()).await.unwrap();
        waiting.push(socket);
    }
    for mut socket in waiting {
        let mut answer = Vec::new();
        within("the end of the connection", socket.read_to_end(&mut answer)).await.unwrap();
        assert!(answer.starts_with(b"HTTP/1.1 408"), "{}", String::from_utf8_lossy(&answer));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn json_is_text_everywhere() {
    let home = Home::dev();
    let server = home.start();
    let body = b"{\"requestId\":\"1\",\"unknown\":\"\xff\"}";
    let answer = http::exchange(server.client(), "POST", "/v1/request", &[], body).await;
    let Some(Body::Error(error)) = answer.frame(Encoding::Json).body else { panic!("{answer:?}") };
    assert_eq!(error.code, Refusal::MalformedFrame.code());
    let answer = http::exchange(server.client(), "GET", "/v1/ws", &[], &[]).await;
    assert_eq!(answer.status, 400, "{answer:?}");
    assert!(answer.text().contains("Upgrade"), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_is_taken_lets_nobody_be_provisioned() {
    let home = Home::dev();
    let server = home.start();
    let provision = |body: &'static str| server.operate("POST", "/v1/provision", body);
    assert_eq!(provision(r#"{"users":1,"devices":1,"prefix":"team","first":3}"#).await.status, 200);
    assert_eq!(provision(r#"{"users":5,"devices":1,"prefix":"team","first":1}"#).await.status, 409);
    assert_eq!(provision(r#"{"users":2,"devices":1,"prefix":"team","first":1}"#).await.status, 200);
    let beyond = r#"{"users":2,"devices":1,"first":18446744073709551615}"#;
    assert_eq!(provision(beyond).await.status, 400);
    assert_eq!(provision(r#"{"users":"many"}"#).await.status, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn right_passwords_are_no_attempts_however_many_come_at_once() {
    let home = Home::dev();
    let server = home.start();
    let mut wire = Wire::connect(&server, Encoding::Binary).await;
    assert!(matches!(wire.ask(requests::register("ann", PASSWORD, "")).await, Body::SignedIn(_)));
    let mut wires = Vec::new();
    for _ in 0..20 {
        let mut wire = Wire::connect(&server, Encoding::Binary).await;
        let request = wire.post(requests::sign_in("ann", PASSWORD)).await;
        wires.push((wire, request));
    }
    for (mut wire, request) in wires {
        match wire.answer(request).await {
            Body::SignedIn(_) => {}
            body => assert_refused(&body, Refusal::Busy),
        }
    }
    assert!(matches!(wire.ask(requests::sign_in("ann", PASSWORD)).await, Body::SignedIn(_)));
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_differ_in_case_only_are_one() {
    let home = Home::dev();
    let server = home.start();
    let mut wire = Wire::connect(&server, Encoding::Binary).await;
    for (first, second) in [("ΣΑΣ", "σασ"), ("Straße", "STRASSE"), ("ÉVA", "éva")] {
        assert!(matches!(wire.ask(requests::register(first, PASSWORD, "")).await, Body::SignedIn(_)));
        requests::refused(&mut wire, requests::register(second, PASSWORD, ""), Refusal::NameTaken).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_heartbeat_with_what_is_old_is_answered_by_a_nudge_before_the_first_sync_too() {
    let home = Home::dev();
    let server = home.start();
    let [ann] = server.people(1).await;
    let (mut wire, mut replica) = (Wire::greeted(&server, ann.token()).await, Replica::default());
    wire.sync(&mut replica).await;
    let mut wire = Wire::greeted(&server, ann.token()).await;
    let beat = wire.post_with(replica.snapshot, requests::heartbeat()).await;
    assert!(matches!(wire.answer(beat).await, Body::Heartbeat(_)));
    assert!(matches!(wire.unasked().await, Body::Nudge(_)));
}

#[test]
fn too_few_open_files_are_said_before_anybody_is_let_down() {
    let home = Home::dev();
    let mut limited = std::process::Command::new("sh");
    limited.args(["-c", "ulimit -n 512 && exec \"$0\" \"$@\""]);
    let command = home.command();
    limited.arg(command.get_program()).args(command.get_args());
    limited.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    let refused = not_started(limited);
    assert!(!refused.status.success() && refused.stderr.contains("ulimit -n"), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_signs_out_loses_the_lineage_and_its_token() {
    let home = Home::dev();
    let server = home.start();
    let [ann] = server.people(2).await;
    let mut wire = Wire::greeted(&server, ann.token()).await;
    wire.post(Request::SignOut(proto::SignOut {})).await;
    assert_eq!(wire.closed().await, close::UNAUTHENTICATED);
    let body = format!(r#"{{"user":"{}"}}"#, ann.name);
    let explained = server.operate("POST", "/v1/explain/user", &body).await;
    let explained: serde_json::Value = serde_json::from_str(&explained.text()).unwrap();
    let lineages = explained["lineages"].as_array().unwrap();
    assert_eq!(lineages.len(), 1, "{explained}");
    assert_eq!(lineages[0]["device_id"], ann.devices[1].device_id.to_string());
}
