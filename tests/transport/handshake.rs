//! The upgrade: who is let in, with which encoding, and what the others are told.

use actix_web::web::{self, ServiceConfig};
use futures_util::{SinkExt, StreamExt};
use highwater::http::server::serve_operator;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use crate::raw_client::{BINARY, JSON, RawClient, binary, request};
use crate::rig::{Rig, Settings, eventually};

const VERSION: &str = "Sec-WebSocket-Version: 13";
const HOST: &str = "Host: chat.test:8080";

fn status(head: &str) -> &str {
    &head[9..12]
}

fn agreed(head: &str) -> Option<String> {
    head.lines().find_map(|line| line.strip_prefix("sec-websocket-protocol: ").map(str::to_owned))
}

#[actix_web::test]
async fn a_library_client_is_echoed_in_both_encodings() {
    let rig = Rig::start();
    for (protocol, message) in
        [(BINARY, Message::binary(vec![0, 255, 7])), (JSON, Message::text("{\"ü\":1}"))]
    {
        let mut request = format!("ws://{}/v1/ws", rig.address).into_client_request().unwrap();
        request.headers_mut().insert("sec-websocket-protocol", protocol.parse().unwrap());
        let (mut client, response) = connect_async(request).await.unwrap();
        assert_eq!(response.headers()["sec-websocket-protocol"], protocol);
        client.send(message.clone()).await.unwrap();
        assert_eq!(
            client.next().await.unwrap().unwrap(),
            message,
            "the type of the message follows the encoding"
        );
        client.close(None).await.unwrap();
        while let Some(Ok(_)) = client.next().await {}
    }
    eventually("both are closed", || rig.closed() == 2 && rig.door.connections() == 0);
}

#[test]
fn subprotocols() {
    let rig = Rig::start();
    for (offer, expected) in [
        (Some("highwater.v1.binary"), Some(BINARY)),
        (Some("highwater.v1.json"), Some(JSON)),
        (Some("highwater.v1.json, highwater.v1.binary"), Some(JSON)),
        (Some("highwater.v1.binary,highwater.v1.json"), Some(BINARY)),
        (Some("graphql-ws, highwater.v1.binary"), Some(BINARY)),
        (Some("graphql-ws\r\nSec-WebSocket-Protocol: highwater.v1.json"), Some(JSON)),
        (Some("highwater.v2.binary"), None),
        (Some("HIGHWATER.V1.BINARY"), None),
        (Some("highwater.v1.binaryx"), None),
        (Some(""), None),
        (None, None),
    ] {
        let offer_line = offer.map(|offer| format!("Sec-WebSocket-Protocol: {offer}"));
        let mut headers = vec![HOST, VERSION];
        headers.extend(offer_line.as_deref());
        let head = RawClient::ask(rig.address, &request("GET", "/v1/ws", &headers));
        assert_eq!(status(&head), if expected.is_some() { "101" } else { "400" }, "{offer:?}");
        assert_eq!(agreed(&head).as_deref(), expected, "{offer:?}");
    }
}

#[test]
fn a_refusal_says_why_in_words_and_ends_the_connection() {
    let rig = Rig::start();
    let answer = RawClient::tcp(rig.address).ask_all(&request("GET", "/v1/ws", &[HOST, VERSION]));
    let (head, text) = answer.split_once("\r\n\r\n").unwrap();
    assert_eq!(status(head), "400");
    assert_eq!(text, "Sec-WebSocket-Protocol must offer highwater.v1.binary or highwater.v1.json");
    assert!(head.contains(&format!("content-length: {}", text.len())), "{head}");
    assert_eq!(rig.door.connections(), 0);
}

#[test]
fn who_does_not_finish_a_request_is_cut_off() {
    let rig = Rig::start();
    let started = std::time::Instant::now();
    let answer = RawClient::tcp(rig.address).ask_all("GET /v1/ws HTTP/1.1\r\nHost: a\r\n");
    assert_eq!(status(&answer), "408");
    assert!((4..9).contains(&started.elapsed().as_secs()), "{:?}", started.elapsed());
}

#[test]
fn the_operator_port_serves_its_application() {
    let (send, receive) = std::sync::mpsc::channel();
    let thread = std::thread::spawn(move || {
        actix_web::rt::System::new().block_on(async {
            let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            let address = listener.local_addr().unwrap();
            let server = serve_operator(listener, |config: &mut ServiceConfig| {
                config.route("/healthz", web::get().to(|| async { "fine" }));
            })
            .unwrap();
            send.send((address, server.handle())).unwrap();
            server.await.unwrap();
        });
    });
    let (address, handle) = receive.recv().unwrap();
    let answer =
        RawClient::tcp(address).ask_all("GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("fine"), "{answer}");
    drop(handle.stop(true));
    thread.join().unwrap();
}

#[test]
fn origins() {
    let listed = vec!["https://chat.example.org".to_owned(), "http://localhost:3000".to_owned()];
    let table: &[(&[String], Option<&str>, &str)] = &[
        (&[], None, "101"),
        (&[], Some("http://chat.test:8080"), "101"),
        (&[], Some("https://chat.test:8080"), "101"),
        (&[], Some("http://chat.test"), "403"),
        (&[], Some("http://evil.test"), "403"),
        (&[], Some("http://chat.test:8080.evil.test"), "403"),
        (&[], Some("null"), "403"),
        (&listed, None, "101"),
        (&listed, Some("https://chat.example.org"), "101"),
        (&listed, Some("http://localhost:3000"), "101"),
        (&listed, Some("http://chat.example.org"), "403"),
        (&listed, Some("https://chat.example.org:444"), "403"),
        (&listed, Some("https://sub.chat.example.org"), "403"),
        (&listed, Some("http://chat.test:8080"), "403"),
    ];
    let open = Rig::start();
    let strict = Rig::with(Settings { origins: listed.clone(), ..Settings::default() });
    for (list, origin, expected) in table {
        let rig = if list.is_empty() { &open } else { &strict };
        let origin_line = origin.map(|origin| format!("Origin: {origin}"));
        let mut headers = vec![HOST, VERSION, "Sec-WebSocket-Protocol: highwater.v1.binary"];
        headers.extend(origin_line.as_deref());
        let head = RawClient::ask(rig.address, &request("GET", "/v1/ws", &headers));
        assert_eq!(status(&head), *expected, "{origin:?} with {} listed", list.len());
    }
}

#[test]
fn malformed_upgrades() {
    let rig = Rig::start();
    let protocol = "Sec-WebSocket-Protocol: highwater.v1.binary";
    for (what, request, expected) in [
        ("path", request("GET", "/v1/other", &[HOST, VERSION, protocol]), "404"),
        ("method", request("POST", "/v1/ws", &[HOST, VERSION, protocol]), "405"),
        ("version", request("GET", "/v1/ws", &[HOST, "Sec-WebSocket-Version: 8", protocol]), "426"),
        ("no version", request("GET", "/v1/ws", &[HOST, protocol]), "426"),
        (
            "key",
            request("GET", "/v1/ws", &[HOST, VERSION, protocol]).replace("dGhlIHNhbXBsZSBub25jZQ==", "short"),
            "400",
        ),
        ("query is no part of the path", request("GET", "/v1/ws?x=1", &[HOST, VERSION, protocol]), "101"),
    ] {
        assert_eq!(status(&RawClient::ask(rig.address, &request)), expected, "{what}");
    }
}

#[test]
fn everything_else_goes_to_the_application() {
    let rig = Rig::start();
    let head = RawClient::ask(rig.address, "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(status(&head), "200");
    assert_eq!(status(&RawClient::ask(rig.address, "GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n")), "404");
    // Without an upgrade, the WebSocket's path is the application's too.
    assert_eq!(status(&RawClient::ask(rig.address, "GET /v1/ws HTTP/1.1\r\nHost: a\r\n\r\n")), "404");
}

#[test]
fn one_connection_too_many() {
    let rig = Rig::with(Settings { connections_max: 2, workers: 2, ..Settings::default() });
    let first = RawClient::connect(rig.address);
    let _second = RawClient::connect(rig.address);
    let full = || RawClient::ask(rig.address, &crate::raw_client::upgrade_request(BINARY));
    assert_eq!(status(&full()), "503");
    drop(first);
    eventually("a place is free again", || rig.door.connections() == 1);
    assert_eq!(status(&full()), "101");
}

#[test]
fn frames_that_come_with_the_request_are_read() {
    let rig = Rig::start();
    let mut early = binary(b"one");
    early.extend(binary(b"two"));
    // The third is cut in its header: the rest comes later.
    let third = binary(b"three");
    early.extend(&third[..3]);
    let mut client = RawClient::connect_with(rig.address, &early);
    assert_eq!(client.next().unwrap().payload, b"one");
    assert_eq!(client.next().unwrap().payload, b"two");
    client.send(&third[3..]);
    assert_eq!(client.next().unwrap().payload, b"three");
}
