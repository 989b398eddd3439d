//! The connection actor: a WebSocket on the raw upgraded socket, thin on purpose.
//!
//! **Owns** the socket (through its task, the pump), its encoding and its byte gauge; nothing about users or messages.
//! **Receives** pieces of frames from the socket through the codec.
//! **Emits** complete messages to its [`Upward`], at once and on its own thread, and pongs to the socket. What others
//! deliver goes past it, from the outbox through the pump: a context keeps the memory of its longest queue for life.
//! **Durable before replying:** nothing; it forwards what others have made durable.
//! **Mailbox:** unused, nobody holds its address. Others hold a [`Link`], whose outbox is bounded in bytes: a frame above
//! the bound is not queued and the sender is told [`Lagging`](super::transport::Lagging).
//! **Started** by the upgrade on the worker that accepted the socket; **stopped** by the peer, by [`Link::close`], by a
//! violation of the protocol, or by the sweeper.
//! **A restart loses** the connection and all that waits for it; the client reconnects and syncs by snapshot.

use actix::{Actor, ActorContext, StreamHandler};
use actix_http::ws::{CloseCode, Codec, Item, Message, ProtocolError};
use actix_web::rt::net::TcpStream;
use actix_web_actors::ws::WebsocketContext;
use bytes::{Bytes, BytesMut};

use super::transport::Link;
use super::transport::pump::Pump;
use super::transport::socket_reader::{SocketReader, split};
use super::transport::worker_links::Membership;

/// What a connection tells: its opening, each complete message, its end. Called on the connection's worker, one call at
/// a time, in the order of events; a call must not block.
pub trait Upward: Unpin + 'static {
    /// The connection stands. The first call.
    fn opened(&mut self, link: Link);
    /// A complete message, fragments joined. `text` is valid UTF-8; whether text is right for the encoding is not judged
    /// here. Not called after the connection began to close.
    fn frame(&mut self, payload: Bytes, text: bool);
    /// The connection has ended, for whatever reason. The last call, exactly once.
    fn closed(&mut self);
}

/// Runs a WebSocket on an upgraded socket until its end, as a task of this worker.
///
/// `response` is written first; `leftover` are bytes that came with the upgrade request; `permit` is dropped at the end.
pub(crate) fn open<U: Upward>(
    socket: TcpStream,
    response: Vec<u8>,
    leftover: Bytes,
    upward: U,
    membership: Membership,
    permit: impl Unpin + 'static,
) {
    let (read_half, write_half) = split(socket);
    let link = membership.link.clone();
    let reader = SocketReader::new(read_half, leftover, link.clone(), membership.worker.clone());
    let actor = Connection { upward, link, joined: BytesMut::new(), joined_text: false };
    // The guard in the reader has refused what is longer than the limits; pieces are far below the codec's own.
    let output = WebsocketContext::with_codec(actor, reader, Codec::new());
    actix_web::rt::spawn(Pump::new(output, write_half, response, membership, permit));
}

struct Connection<U> {
    upward: U,
    link: Link,
    /// A fragmented message in progress; without allocation between messages.
    joined: BytesMut,
    joined_text: bool,
}

impl<U: Upward> Actor for Connection<U> {
    type Context = WebsocketContext<Self>;

    fn started(&mut self, _: &mut Self::Context) {
        self.upward.opened(self.link.clone());
    }

    fn stopped(&mut self, _: &mut Self::Context) {
        self.upward.closed();
    }
}

/// From the socket.
impl<U: Upward> StreamHandler<Result<Message, ProtocolError>> for Connection<U> {
    fn handle(&mut self, message: Result<Message, ProtocolError>, ctx: &mut Self::Context) {
        match message {
            Ok(Message::Text(text)) => self.upward.frame(text.into_bytes(), true),
            Ok(Message::Binary(payload)) => self.upward.frame(payload, false),
            Ok(Message::Continuation(item)) => self.join(item),
            Ok(Message::Ping(payload)) => ctx.pong(&payload),
            Ok(Message::Pong(_) | Message::Nop) => {}
            // Echoed after the answers to what came before it.
            Ok(Message::Close(reason)) => {
                self.link.outbox().echo_close(reason.map(|reason| reason.code.into()))
            }
            // The codec knows no other fault of this kind: the guard has refused reserved bits before.
            Err(ProtocolError::Io(_)) => self.link.close(CloseCode::Invalid.into(), INVALID_UTF8),
            Err(_) => self.link.close(CloseCode::Protocol.into(), "the frame is against the protocol"),
        }
    }

    /// The peer has sent its last byte without a close. It may still read: the pump sends what waits for it.
    fn finished(&mut self, ctx: &mut Self::Context) {
        ctx.stop();
    }
}

const INVALID_UTF8: &str = "a text message is not valid UTF-8";

impl<U: Upward> Connection<U> {
    /// Joins fragments. Their number and size were judged by the guard.
    fn join(&mut self, item: Item) {
        match item {
            Item::FirstText(piece) => self.join_first(&piece, true),
            Item::FirstBinary(piece) => self.join_first(&piece, false),
            Item::Continue(piece) => self.joined.extend_from_slice(&piece),
            Item::Last(piece) => {
                self.joined.extend_from_slice(&piece);
                let payload = std::mem::take(&mut self.joined).freeze();
                if self.joined_text && std::str::from_utf8(&payload).is_err() {
                    self.link.close(CloseCode::Invalid.into(), INVALID_UTF8);
                } else {
                    self.upward.frame(payload, self.joined_text);
                }
            }
        }
    }

    fn join_first(&mut self, piece: &[u8], text: bool) {
        self.joined_text = text;
        self.joined.extend_from_slice(piece);
    }
}
