//! Frames that cannot be read or are too long: each gets its number, nothing is changed, and the connection goes on
//! unless the protocol says that it ends.

use futures_util::future::join_all;
use highwater_wire::{Encoding, Refusal, proto};
use proto::ClientFrame;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_tungstenite::tungstenite::Message;

use crate::support::{Home, Server, Wire, dump, requests, wire::assert_refused, within};

/// Longest frame of a client, bytes; as the greeting says.
const FRAME_BYTES_MAX: usize = 65_536;

fn binary(bytes: &[u8]) -> Message {
    Message::binary(bytes.to_vec())
}

/// What is wrong, the message, the refusal, and the request id under which it is refused.
type Case = (&'static str, Message, Refusal, u64);

fn binary_cases() -> Vec<Case> {
    use Refusal::{InvalidField, MalformedFrame, UnknownRequest, WrongFrameType};
    vec![
        ("text on a binary connection", Message::text("{}"), WrongFrameType, 0),
        ("not protobuf", binary(&[0xff; 40]), MalformedFrame, 0),
        ("a field that is cut", binary(&[0x08, 0x07, 0x52, 0x05, 0x0a]), MalformedFrame, 0),
        (
            "a varint without end",
            binary(&[0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]),
            MalformedFrame,
            0,
        ),
        ("a wrong wire type", binary(&[0x0a, 0x01, 0x07]), MalformedFrame, 0),
        (
            "text that is not UTF-8",
            binary(&[0x08, 0x07, 0x9a, 0x01, 0x03, 0x0a, 0x01, 0xff]),
            MalformedFrame,
            0,
        ),
        ("an empty frame", binary(&[]), InvalidField, 0),
        ("request id 0", binary(&[0x5a, 0x00]), InvalidField, 0),
        ("no request", binary(&[0x08, 0x07]), UnknownRequest, 7),
        ("an unknown request", binary(&[0x08, 0x08, 0xc2, 0x3e, 0x00]), UnknownRequest, 8),
    ]
}

fn json_cases() -> Vec<Case> {
    use Refusal::{InvalidField, MalformedFrame, UnknownRequest, WrongFrameType};
    let text = |text: &str| Message::text(text.to_owned());
    vec![
        ("binary on a JSON connection", binary(&[0x08, 0x07]), WrongFrameType, 0),
        ("nothing", text(""), MalformedFrame, 0),
        ("half an object", text("{\"requestId\":\"1\""), MalformedFrame, 0),
        ("no object", text("[]"), MalformedFrame, 0),
        ("null", text("null"), MalformedFrame, 0),
        ("two frames", text("{}{}"), MalformedFrame, 0),
        ("an id that is no number", text(r#"{"requestId":"x","heartbeat":{}}"#), MalformedFrame, 0),
        ("a negative id", text(r#"{"requestId":-1,"heartbeat":{}}"#), MalformedFrame, 0),
        (
            "an id above 64 bits",
            text(r#"{"requestId":"18446744073709551616","heartbeat":{}}"#),
            MalformedFrame,
            0,
        ),
        ("a name twice", text(r#"{"requestId":"1","requestId":"2","heartbeat":{}}"#), MalformedFrame, 0),
        ("two requests", text(r#"{"requestId":"1","heartbeat":{},"sync":{}}"#), MalformedFrame, 0),
        ("a request of another type", text(r#"{"requestId":"1","sync":7}"#), MalformedFrame, 0),
        (
            "bytes that are no base64",
            text(r#"{"requestId":"1","snapshot":"*","sync":{}}"#),
            MalformedFrame,
            0,
        ),
        ("request id 0", text(r#"{"heartbeat":{}}"#), InvalidField, 0),
        ("no request", text(r#"{"requestId":"7"}"#), UnknownRequest, 7),
        ("an unknown request", text(r#"{"requestId":"8","dance":{}}"#), UnknownRequest, 8),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn every_frame_that_cannot_be_read_gets_its_number_and_changes_nothing() {
    let home = Home::dev();
    let server = home.start();
    let [ann] = server.people(1).await;
    let before = dump(&server, ann.token()).await;
    for (encoding, cases) in [(Encoding::Binary, binary_cases()), (Encoding::Json, json_cases())] {
        let mut stranger = Wire::connect(&server, encoding).await;
        let (mut greeted, _) = Wire::greeted_with(&server, encoding, requests::hello(ann.token())).await;
        for (what, message, refusal, request_id) in cases {
            for wire in [&mut stranger, &mut greeted] {
                wire.message(message.clone()).await;
                let body = if request_id == 0 { wire.unasked().await } else { wire.answer(request_id).await };
                println!("{encoding:?}: {what}: {}", refusal.code());
                assert_refused(&body, refusal);
            }
        }
        requests::today(&mut greeted).await;
        requests::refused(&mut stranger, requests::heartbeat(), Refusal::HelloFirst).await;
    }
    assert_eq!(dump(&server, ann.token()).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn json_nested_deeply_is_answered_like_any_other() {
    let home = Home::dev();
    let server = home.start();
    let mut wire = Wire::connect(&server, Encoding::Json).await;
    let (open, close) = ("[".repeat(20_000), "]".repeat(20_000));
    wire.message(Message::text(format!(r#"{{"requestId":"1","sync":{open}{close}}}"#))).await;
    assert_refused(&wire.unasked().await, Refusal::MalformedFrame);
    // In a field of a later schema nobody looks into it.
    wire.message(Message::text(format!(r#"{{"requestId":"2","later":{open}{close}}}"#))).await;
    assert_refused(&wire.answer(2).await, Refusal::UnknownRequest);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_oversized_frame_is_refused_at_its_header() {
    let home = Home::dev();
    let server = home.start();
    let [ann] = server.people(1).await;
    for length in [FRAME_BYTES_MAX as u64 + 1, 1 << 40, u64::MAX >> 1] {
        let mut socket = upgraded(&server).await;
        // The header alone: a server that waits for the payload answers nothing.
        let mut header = vec![0x82, 0x80 | 127];
        header.extend_from_slice(&length.to_be_bytes());
        header.extend_from_slice(&[1, 2, 3, 4]);
        socket.write_all(&header).await.unwrap();
        let mut close = [0; 4];
        within("a close", socket.read_exact(&mut close)).await.unwrap();
        assert_eq!((close[0], u16::from_be_bytes([close[2], close[3]])), (0x88, 1009), "{length}");
    }
    // The longest one that is allowed is read: half a frame of that length is told to be malformed.
    let mut wire = Wire::greeted(&server, ann.token()).await;
    wire.message(binary(&[0xff; FRAME_BYTES_MAX])).await;
    assert_refused(&wire.unasked().await, Refusal::MalformedFrame);
    requests::today(&mut wire).await;
}

async fn upgraded(server: &Server) -> TcpStream {
    let mut socket = TcpStream::connect(server.client()).await.unwrap();
    let request = "GET /v1/ws HTTP/1.1\r\nHost: chat\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
        Sec-WebSocket-Protocol: highwater.v1.binary\r\n\r\n";
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(within("the upgrade", socket.read_u8()).await.unwrap());
    }
    assert!(head.starts_with(b"HTTP/1.1 101 "));
    socket
}

#[tokio::test(flavor = "multi_thread")]
async fn random_bytes_end_no_server() {
    let home = Home::dev();
    let server = home.start();
    let [ann] = server.people(1).await;
    let shoot = |seed: u64| {
        let (server, ann) = (&server, &ann);
        async move {
            let mut wire = Wire::greeted_with(
                server,
                Encoding::Binary,
                proto::Hello { context: u32::try_from(seed).unwrap(), ..requests::hello(ann.token()) },
            )
            .await
            .0;
            let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
            for length in 0..200 {
                let mut bytes = ClientFrame { request_id: 1000 + length, ..Default::default() };
                bytes.request = Some(requests::heartbeat());
                let mut bytes = Encoding::Binary.encode(&bytes);
                for _ in 0..length % 23 {
                    state ^= state << 13;
                    state ^= state >> 7;
                    state ^= state << 17;
                    bytes.push(state as u8);
                }
                wire.message(binary(&bytes)).await;
            }
            wire.sync(&mut Default::default()).await;
        }
    };
    join_all((0..8).map(shoot)).await;
    assert!(!server.log().contains("a bug"), "{}", server.log());
}
