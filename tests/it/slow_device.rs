//! A device that never reads costs its bound and nobody else anything; it is closed from outside and misses nothing.

use std::time::{Duration, Instant};

use futures_util::{StreamExt, stream::FuturesUnordered};
use highwater_wire::{Encoding, proto};
use proto::{ClientFrame, client_frame::Request, send::To, server_frame::Body};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
};

use crate::support::{Home, Replica, Server, Wire, requests, sdk, within};

const MESSAGES: usize = 2_000;
const TEXT_BYTES: usize = 1_000;

/// When a connection that takes nothing must be gone: 15 s of patience, and what a busy machine adds.
const CLOSED_MAX: Duration = Duration::from_secs(30);

/// What the server may grow by: the messages in tail and index several times over, far below what queues without a
/// bound would hold. Source: measured 10 to 20 MB.
const GROWTH_MAX: u64 = 64 * 1024 * 1024;

/// A greeted connection whose client has synced and then reads no more.
async fn deaf(server: &Server, token: &str) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut socket = socket.connect(server.client()).await.unwrap();
    let upgrade = format!(
        "GET /v1/ws HTTP/1.1\r\nHost: chat\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: {}\r\n\r\n",
        Encoding::Binary.subprotocol()
    );
    socket.write_all(upgrade.as_bytes()).await.unwrap();
    write_frame(&mut socket, 1, Request::Hello(requests::hello(token))).await.unwrap();
    read_until(&mut socket, token.len()).await;
    write_frame(&mut socket, 2, requests::sync()).await.unwrap();
    // The page is not read any more; that it was asked for makes the server push to this connection.
    socket
}

/// Reads the upgrade and the greeting: they come before anything else is written.
async fn read_until(socket: &mut TcpStream, at_least: usize) {
    let mut bytes = Vec::new();
    let greeted = |bytes: &[u8]| bytes.windows(4).any(|four| four == b"http") && bytes.len() > at_least;
    while !greeted(&bytes) {
        assert!(within("the greeting", socket.read_buf(&mut bytes)).await.unwrap() > 0);
    }
}

/// A frame, masked with zeros.
async fn write_frame(socket: &mut TcpStream, request_id: u64, request: Request) -> std::io::Result<()> {
    let payload =
        Encoding::Binary.encode(&ClientFrame { request_id, request: Some(request), ..Default::default() });
    let mut bytes = vec![0x82];
    match u8::try_from(payload.len()) {
        Ok(short @ 0..=125) => bytes.push(0x80 | short),
        _ => {
            bytes.push(0x80 | 126);
            bytes.extend_from_slice(&u16::try_from(payload.len()).unwrap().to_be_bytes());
        }
    }
    bytes.extend_from_slice(&[0; 4]);
    bytes.extend_from_slice(&payload);
    socket.write_all(&bytes).await
}

/// How long it takes until the server has dropped the socket, found out without reading from it.
async fn dropped_after(socket: &mut TcpStream, since: Instant) -> Duration {
    let mut request_id = 100;
    while write_frame(socket, request_id, requests::heartbeat()).await.is_ok() {
        request_id += 1;
        assert!(since.elapsed() < CLOSED_MAX, "it is still open");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    since.elapsed()
}

fn text(n: usize) -> String {
    format!("{n:04}{}", "x".repeat(TEXT_BYTES - 4))
}

/// Sends all messages, as many at once as a connection may, and gives the longest wait for an answer.
async fn send_all(server: &Server, token: &str, to: u64) -> Duration {
    let mut wire = Wire::greeted(server, token).await;
    let day = requests::today(&mut wire).await;
    let mut waiting = std::collections::VecDeque::new();
    let mut longest = Duration::ZERO;
    for n in 0..MESSAGES {
        if waiting.len() == 32 {
            longest = longest.max(answered(&mut wire, waiting.pop_front().unwrap()).await);
        }
        let send = requests::send(To::UserId(to), day, &text(n));
        waiting.push_back((wire.post(Request::Send(send)).await, Instant::now()));
    }
    for request in waiting {
        longest = longest.max(answered(&mut wire, request).await);
    }
    longest
}

async fn answered(wire: &mut Wire, (request, posted): (u64, Instant)) -> Duration {
    let body = wire.answer(request).await;
    assert!(matches!(body, Body::Sent(_)), "{body:?}");
    posted.elapsed()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_never_reads_is_closed_from_outside_and_misses_nothing() {
    let home = Home::dev();
    let server = home.start();
    let [ann, bob] = server.people(2).await;
    let other_device = sdk::caught_up(&server, &ann.devices[1].token).await;
    // They know each other already: a first message would only be nudged, and a nudge costs nothing.
    sdk::say(&other_device, bob.user_id, "before").await;
    let mut deaf = deaf(&server, ann.token()).await;
    let before = server.resident_bytes();
    let longest = send_all(&server, bob.token(), ann.user_id).await;
    // Everybody else has had everything while the deaf connection still stands.
    let expected: Vec<_> = std::iter::once("before".to_owned()).chain((0..MESSAGES).map(text)).collect();
    assert_eq!(sdk::texts(&other_device, MESSAGES + 1).await, expected);
    write_frame(&mut deaf, 99, requests::heartbeat()).await.expect("it stands");
    let grown = server.resident_bytes().saturating_sub(before);
    println!("longest answer {longest:?}, grown by {} KiB", grown / 1024);
    assert!(longest < Duration::from_secs(5), "{longest:?}");
    assert!(grown < GROWTH_MAX, "{grown} bytes");

    let after = dropped_after(&mut deaf, Instant::now()).await;
    println!("dropped after {after:?}");
    let mut replica = Replica::default();
    Wire::greeted(&server, ann.token()).await.sync(&mut replica).await;
    assert_eq!(replica.all_texts(), expected, "nothing is missing and nothing is there twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_asks_and_never_reads_is_closed_too() {
    let home = Home::dev();
    let server = home.start();
    let [ann, bob] = server.people(1).await;
    let mut wire = Wire::greeted(&server, ann.token()).await;
    let day = requests::today(&mut wire).await;
    for n in 0..100 {
        requests::sent(&mut wire, requests::send(To::UserId(ann.user_id), day, &text(n))).await;
    }
    wire.close().await;
    let before = server.resident_bytes();
    let mut askers = Vec::new();
    for context in 0..8 {
        // Contexts of their own, so that none takes another's place.
        let hello = proto::Hello { context, ..requests::hello(ann.token()) };
        askers.push(asker(&server, hello));
    }
    let mut running: FuturesUnordered<_> = askers.into_iter().collect();
    let began = Instant::now();
    let mut highest = before;
    let mut bobs = Wire::greeted(&server, bob.token()).await;
    loop {
        tokio::select! {
            ended = running.next() => match ended {
                Some(()) => {}
                None => break,
            },
            () = tokio::time::sleep(Duration::from_millis(100)) => {
                requests::today(&mut bobs).await;
                highest = highest.max(server.resident_bytes());
            }
        }
    }
    let grown = highest.saturating_sub(before);
    println!("all dropped after {:?}, grown by {} KiB", began.elapsed(), grown / 1024);
    assert!(grown < GROWTH_MAX, "{grown} bytes");
}

/// Asks for everything from the beginning again and again, without reading, until the server has had enough.
async fn asker(server: &Server, hello: proto::Hello) {
    let token = hello.token.clone();
    let mut socket = TcpStream::connect(server.client()).await.unwrap();
    let upgrade = "GET /v1/ws HTTP/1.1\r\nHost: chat\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
        Sec-WebSocket-Protocol: highwater.v1.binary\r\n\r\n";
    socket.write_all(upgrade.as_bytes()).await.unwrap();
    write_frame(&mut socket, 1, Request::Hello(hello)).await.unwrap();
    read_until(&mut socket, token.len()).await;
    let since = Instant::now();
    let mut request_id = 2;
    loop {
        // A server that takes no more is as good as one that has closed; it must do one of them in time.
        let writing = write_frame(&mut socket, request_id, requests::sync());
        match tokio::time::timeout(CLOSED_MAX, writing).await {
            Ok(Ok(())) => request_id += 1,
            Ok(Err(_)) => return,
            Err(_) => panic!("it neither reads nor closes"),
        }
        assert!(since.elapsed() < CLOSED_MAX, "it is still open");
        if request_id.is_multiple_of(50) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}
