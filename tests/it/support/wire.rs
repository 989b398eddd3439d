//! A WebSocket client of single frames: it does what a test says, right or wrong, and keeps no rules.

use std::{
    collections::{HashMap, VecDeque},
    net::SocketAddr,
};

use futures_util::{SinkExt, StreamExt};
use highwater_wire::{Encoding, LEVEL, Refusal, proto};
use proto::{ClientFrame, ServerFrame, client_frame::Request, server_frame::Body};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Message, client::IntoClientRequest},
};

use super::{Replica, Server, requests, within};

/// See the module.
pub struct Wire {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    encoding: Encoding,
    last_id: u64,
    answers: HashMap<u64, Body>,
    unasked: VecDeque<Body>,
}

impl Wire {
    /// Opens a connection and says nothing.
    pub async fn connect(server: &Server, encoding: Encoding) -> Wire {
        Wire::connect_to(server.client(), encoding).await
    }

    pub async fn connect_to(address: SocketAddr, encoding: Encoding) -> Wire {
        let mut request = format!("ws://{address}/v1/ws").into_client_request().unwrap();
        let protocol = encoding.subprotocol().parse().unwrap();
        request.headers_mut().insert("sec-websocket-protocol", protocol);
        let (socket, _) = within("a WebSocket", connect_async(request)).await.unwrap();
        Wire { socket, encoding, last_id: 0, answers: HashMap::new(), unasked: VecDeque::new() }
    }

    /// A greeted connection, binary, context 0.
    pub async fn greeted(server: &Server, token: &str) -> Wire {
        Wire::greeted_with(server, Encoding::Binary, requests::hello(token)).await.0
    }

    pub async fn greeted_with(
        server: &Server,
        encoding: Encoding,
        hello: proto::Hello,
    ) -> (Wire, proto::Greeting) {
        let mut wire = Wire::connect(server, encoding).await;
        match wire.ask(Request::Hello(hello)).await {
            Body::Greeting(greeting) => {
                assert_eq!(greeting.level, LEVEL);
                (wire, greeting)
            }
            other => panic!("no greeting but {other:?}"),
        }
    }

    /// Sends a request without waiting, and gives its number.
    pub async fn post(&mut self, request: Request) -> u64 {
        self.post_with(Vec::new(), request).await
    }

    /// Sends several requests with one write, so that the server reads them together.
    pub async fn post_together(&mut self, requests: impl IntoIterator<Item = Request>) -> Vec<u64> {
        let mut ids = Vec::new();
        for request in requests {
            self.last_id += 1;
            ids.push(self.last_id);
            let frame =
                ClientFrame { request_id: self.last_id, request: Some(request), ..ClientFrame::default() };
            let message = self.encoded(&frame);
            within("room to write", self.socket.feed(message)).await.unwrap();
        }
        within("room to write", self.socket.flush()).await.unwrap();
        ids
    }

    /// As `post`, with a snapshot.
    pub async fn post_with(&mut self, snapshot: Vec<u8>, request: Request) -> u64 {
        self.last_id += 1;
        let request_id = self.last_id;
        self.frame(&ClientFrame { request_id, snapshot: snapshot.into(), request: Some(request) }).await;
        request_id
    }

    /// Sends a frame as it is.
    pub async fn frame(&mut self, frame: &ClientFrame) {
        let message = self.encoded(frame);
        self.message(message).await;
    }

    fn encoded(&self, frame: &ClientFrame) -> Message {
        let bytes = self.encoding.encode(frame);
        match self.encoding {
            Encoding::Binary => Message::binary(bytes),
            Encoding::Json => Message::text(String::from_utf8(bytes).unwrap()),
        }
    }

    /// Sends a message, which need not be a frame.
    pub async fn message(&mut self, message: Message) {
        within("room to write", self.socket.send(message)).await.unwrap();
    }

    /// Asks and waits for the answer.
    pub async fn ask(&mut self, request: Request) -> Body {
        let request_id = self.post(request).await;
        self.answer(request_id).await
    }

    /// The answer to a request that was sent.
    pub async fn answer(&mut self, request_id: u64) -> Body {
        loop {
            if let Some(body) = self.answers.remove(&request_id) {
                return body;
            }
            self.read().await;
        }
    }

    /// What the server says by itself next: a push, a nudge, or an error about what it could not read.
    pub async fn unasked(&mut self) -> Body {
        loop {
            if let Some(body) = self.unasked.pop_front() {
                return body;
            }
            self.read().await;
        }
    }

    /// Whether the server said something by itself before the answers that came so far.
    pub fn take_unasked(&mut self) -> Vec<Body> {
        self.unasked.drain(..).collect()
    }

    /// Syncs to the end and gives the pages.
    pub async fn sync(&mut self, replica: &mut Replica) -> Vec<proto::Page> {
        let mut pages = Vec::new();
        loop {
            let request_id = self.post_with(replica.snapshot.clone(), requests::sync()).await;
            match self.answer(request_id).await {
                Body::Page(page) => {
                    assert!(replica.take(&page, true), "the answer to a sync continues what was handed in");
                    let more = page.more;
                    pages.push(page);
                    if !more {
                        return pages;
                    }
                }
                other => panic!("no page but {other:?}"),
            }
        }
    }

    /// Waits for the end of the connection and gives the close code; 1006 when it ended without one.
    pub async fn closed(&mut self) -> u16 {
        self.closed_with().await.0
    }

    /// The same with the reason.
    pub async fn closed_with(&mut self) -> (u16, String) {
        loop {
            match within("the end of the connection", self.socket.next()).await {
                Some(Ok(Message::Close(Some(close)))) => {
                    return (close.code.into(), close.reason.to_string());
                }
                None | Some(Err(_) | Ok(Message::Close(None))) => return (1006, String::new()),
                Some(Ok(message)) => self.take(message),
            }
        }
    }

    /// The answer to a request, if it came before the connection ended.
    pub fn take_answer(&mut self, request_id: u64) -> Option<Body> {
        self.answers.remove(&request_id)
    }

    /// Says goodbye and waits for it to be returned.
    pub async fn close(mut self) {
        within("the goodbye", self.socket.close(None)).await.unwrap();
        self.closed().await;
    }

    async fn read(&mut self) {
        match within("a frame", self.socket.next()).await {
            Some(Ok(Message::Close(close))) => panic!("closed with {close:?}"),
            Some(Ok(message)) => self.take(message),
            end => panic!("the connection ended: {end:?}"),
        }
    }

    fn take(&mut self, message: Message) {
        let bytes = match (self.encoding, message) {
            (Encoding::Binary, Message::Binary(bytes)) => bytes.to_vec(),
            (Encoding::Json, Message::Text(text)) => text.as_bytes().to_vec(),
            (_, Message::Ping(_) | Message::Pong(_)) => return,
            (_, other) => panic!("a frame of the other encoding: {other:?}"),
        };
        let ServerFrame { request_id, body } = self.encoding.decode(&bytes).unwrap();
        let body = body.expect("every frame says something");
        if request_id == 0 {
            self.unasked.push_back(body);
        } else {
            let before = self.answers.insert(request_id, body);
            assert!(before.is_none(), "request {request_id} was answered twice");
        }
    }
}

/// The answer must be this refusal, in full as the table says.
#[track_caller]
pub fn assert_refused(body: &Body, refusal: Refusal) {
    let Body::Error(error) = body else { panic!("not refused as {}: {body:?}", refusal.name()) };
    assert_eq!((error.code, error.name.as_str()), (refusal.code(), refusal.name()));
    assert_eq!((error.message.as_str(), error.retry), (refusal.text(), refusal.retry()));
    assert_eq!(error.retry_after_ms > 0, refusal.retry(), "who may come again is told when: {error:?}");
}
