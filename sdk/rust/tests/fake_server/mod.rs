//! A server of which a test plays every frame: it accepts WebSockets and moves frames, and knows nothing else.
#![allow(dead_code)]

use futures_util::{SinkExt, StreamExt};
use highwater_sdk::ClientOptions;
use highwater_sdk::wire::proto::client_frame::Request;
use highwater_sdk::wire::proto::server_frame::Body;
use highwater_sdk::wire::proto::{ClientFrame, Greeting, Heads, Hello, Page, Range, Send, ServerFrame};
use highwater_sdk::wire::{Encoding, Refusal};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{Request as Upgrade, Response};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::{WebSocketStream, accept_hdr_async};

/// A test that waits longer than this has failed.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// Day and user of the greetings here.
pub const DAY: u32 = 20_000;
pub const USER_ID: u64 = 11;
pub const DEVICE_ID: u64 = 12;

pub struct FakeServer {
    listener: TcpListener,
}

pub struct FakeConnection {
    socket: WebSocketStream<TcpStream>,
    encoding: Encoding,
}

pub fn greeting() -> Greeting {
    Greeting {
        user_id: USER_ID,
        device_id: DEVICE_ID,
        level: 1,
        day: DAY,
        heartbeat_ms: 60_000,
        text_bytes_max: 1_000,
        frame_bytes_max: 65_536,
        in_flight_max: 16,
        dedup_days: 7,
        ..Greeting::default()
    }
}

impl FakeServer {
    pub async fn start() -> FakeServer {
        FakeServer { listener: TcpListener::bind("127.0.0.1:0").await.expect("loopback can be bound") }
    }

    pub fn base_url(&self) -> String {
        format!("http://{}", self.listener.local_addr().expect("the listener is bound"))
    }

    /// Options of a client that comes back quickly.
    pub fn options(&self) -> ClientOptions {
        ClientOptions {
            backoff_cap: Duration::from_millis(20),
            ..ClientOptions::new(self.base_url(), "secret")
        }
    }

    /// The next connection, of either encoding.
    pub async fn accept(&self) -> FakeConnection {
        let (stream, _) = timeout(PATIENCE, self.listener.accept())
            .await
            .expect("a client connects")
            .expect("accept works");
        let mut encoding = Encoding::Binary;
        #[allow(clippy::result_large_err)]
        let agree = |upgrade: &Upgrade, mut response: Response| {
            assert_eq!(upgrade.uri().path(), "/v1/ws");
            let asked = upgrade.headers()["sec-websocket-protocol"].clone();
            if asked == Encoding::Json.subprotocol() {
                encoding = Encoding::Json;
            }
            response.headers_mut().insert("sec-websocket-protocol", asked);
            Ok(response)
        };
        let socket = accept_hdr_async(stream, agree).await.expect("the handshake works");
        FakeConnection { socket, encoding }
    }

    /// The next connection, with its Hello answered by this greeting and its first sync expected: both, and the
    /// snapshot that came with the sync, are returned.
    pub async fn accept_greeted(&self, greeting: Greeting) -> (FakeConnection, Hello, u64, Vec<u8>) {
        let mut connection = self.accept().await;
        let hello = connection.greet(greeting).await;
        let (sync_id, snapshot) = connection.expect_sync().await;
        (connection, hello, sync_id, snapshot)
    }
}

impl FakeConnection {
    /// The next frame of the client.
    pub async fn read(&mut self) -> ClientFrame {
        self.try_read().await.expect("the client says something")
    }

    /// The next frame; none when the client is gone.
    pub async fn try_read(&mut self) -> Option<ClientFrame> {
        loop {
            let message = timeout(PATIENCE, self.socket.next()).await.expect("the client says something");
            let bytes = match message? {
                Ok(Message::Binary(bytes)) if self.encoding == Encoding::Binary => bytes.to_vec(),
                Ok(Message::Text(text)) if self.encoding == Encoding::Json => text.as_bytes().to_vec(),
                Ok(Message::Close(_)) | Err(_) => return None,
                Ok(Message::Ping(_) | Message::Pong(_)) => continue,
                Ok(other) => panic!("not a message of this encoding: {other:?}"),
            };
            let frame: ClientFrame = self.encoding.decode(&bytes).expect("the client writes the schema");
            assert_ne!(frame.request_id, 0);
            return Some(frame);
        }
    }

    /// Whether the client stays quiet for a while.
    pub async fn is_quiet(&mut self) -> bool {
        timeout(Duration::from_millis(150), self.socket.next()).await.is_err()
    }

    pub async fn expect_sync(&mut self) -> (u64, Vec<u8>) {
        let frame = self.read().await;
        match frame.request {
            Some(Request::Sync(_)) => (frame.request_id, frame.snapshot.to_vec()),
            other => panic!("expected a sync, got {other:?}"),
        }
    }

    pub async fn expect_heartbeat(&mut self) -> (u64, Vec<u8>) {
        let frame = self.read().await;
        match frame.request {
            Some(Request::Heartbeat(_)) => (frame.request_id, frame.snapshot.to_vec()),
            other => panic!("expected a heartbeat, got {other:?}"),
        }
    }

    pub async fn expect_send(&mut self) -> (u64, Send) {
        let frame = self.read().await;
        match frame.request {
            Some(Request::Send(send)) => (frame.request_id, send),
            other => panic!("expected a send, got {other:?}"),
        }
    }

    pub async fn expect_heads(&mut self) -> (u64, Heads) {
        let frame = self.read().await;
        match frame.request {
            Some(Request::Heads(heads)) => (frame.request_id, heads),
            other => panic!("expected heads, got {other:?}"),
        }
    }

    /// The request for these entries: its id.
    pub async fn expect_range(&mut self, conversation_id: u64, from_seq: u64, to_seq: u64) -> u64 {
        let frame = self.read().await;
        let expected = Range { conversation_id, from_seq, to_seq };
        match frame.request {
            Some(Request::Range(range)) if range == expected => frame.request_id,
            other => panic!("expected {expected:?}, got {other:?}"),
        }
    }

    /// Answers the Hello that has to come first.
    pub async fn greet(&mut self, greeting: Greeting) -> Hello {
        let frame = self.read().await;
        let Some(Request::Hello(hello)) = frame.request else { panic!("expected Hello, got {frame:?}") };
        self.answer(frame.request_id, Body::Greeting(greeting)).await;
        hello
    }

    pub async fn answer(&mut self, request_id: u64, body: Body) {
        let bytes = self.encoding.encode(&ServerFrame { request_id, body: Some(body) });
        let message = match self.encoding {
            Encoding::Binary => Message::binary(bytes),
            Encoding::Json => Message::text(String::from_utf8(bytes).expect("JSON is UTF-8")),
        };
        self.socket.send(message).await.expect("the client listens");
    }

    pub async fn answer_page(&mut self, request_id: u64, page: Page) {
        self.answer(request_id, Body::Page(page)).await;
    }

    pub async fn refuse(&mut self, request_id: u64, refusal: Refusal, retry_after_ms: u32) {
        self.answer(request_id, Body::Error(refusal.to_error(retry_after_ms))).await;
    }

    pub async fn push(&mut self, page: Page) {
        self.answer(0, Body::Push(page)).await;
    }

    pub async fn close(self, code: u16) {
        self.close_with(code, "").await;
    }

    pub async fn close_with(mut self, code: u16, reason: &'static str) {
        let frame = CloseFrame { code: code.into(), reason: reason.into() };
        let _ = self.socket.close(Some(frame)).await;
    }
}
