//! The upgrade of `GET /v1/ws` to a WebSocket, and everything for which it is refused.
//!
//! Upgrade requests pass none of the HTTP application's routes and middleware: whatever must be checked is checked here.

use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use actix_codec::Framed;
use actix_http::header::{self, HeaderMap, HeaderName};
use actix_http::{Request, RequestHead, h1, ws};
use actix_web::http::{Method, StatusCode};
use actix_web::rt::net::TcpStream;
use actix_web::{HttpRequest, HttpResponse};
use bytes::Bytes;
use highwater_wire::Encoding;
use tokio::io::AsyncWriteExt;

use super::{development, request_id, request_log};
use crate::actors::connection::{self, Upward};
use crate::actors::transport::{ConnectionId, WorkerLinks};

/// What an upgrade lacks that is none.
const NO_UPGRADE: &str = "Upgrade: websocket and Connection: Upgrade are needed";

/// Where WebSockets are opened.
pub const PATH: &str = "/v1/ws";

/// How long the answer to a refused upgrade may take to be written.
const REFUSAL_TIMEOUT: Duration = Duration::from_secs(5);

/// What all workers share: who may connect, how many, and under which number.
#[derive(Debug)]
pub struct Door {
    /// Exact origins that browsers may come from, as in `https://chat.example.org`. Empty: only the host that the
    /// request itself names.
    origins: Vec<String>,
    /// Most WebSockets of the whole server. One more is answered 503.
    connections_max: usize,
    /// Development mode: what came through a proxy is refused, since whoever is behind it is not on this machine.
    refuse_forwarded: bool,
    connections: AtomicUsize,
    last_id: AtomicU64,
}

impl Door {
    /// A door that nobody has passed yet.
    pub fn new(origins: Vec<String>, connections_max: usize) -> Arc<Door> {
        Arc::new(Door {
            origins,
            connections_max,
            refuse_forwarded: false,
            connections: AtomicUsize::new(0),
            last_id: AtomicU64::new(0),
        })
    }

    /// The same door for development mode, which refuses what came through a proxy.
    #[must_use]
    pub fn for_development(self: Arc<Self>) -> Arc<Door> {
        Arc::new(Door {
            refuse_forwarded: true,
            ..Arc::into_inner(self).expect("the door is not in use yet")
        })
    }

    /// WebSockets that are open now.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    fn enter(self: &Arc<Self>) -> Option<Permit> {
        let one_more = |open: usize| (open < self.connections_max).then_some(open + 1);
        let entered = self.connections.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more);
        entered.is_ok().then(|| Permit(Arc::clone(self)))
    }

    /// Whether the page that asks, if one does, may.
    pub fn admits_origin(&self, headers: &HeaderMap) -> bool {
        origin_is_allowed(headers, &self.origins)
    }

    fn next_id(&self) -> ConnectionId {
        ConnectionId(self.last_id.fetch_add(1, Ordering::Relaxed) + 1)
    }
}

/// One place under the connection limit, given back when dropped.
struct Permit(Arc<Door>);

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What is known of a connection before its first frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Opening {
    /// The encoding that was agreed.
    pub encoding: Encoding,
    /// The other end of the socket.
    pub peer: Option<SocketAddr>,
}

/// Why an upgrade is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// Another path than [`PATH`].
    NotFound,
    /// Another method than GET.
    NotGet,
    /// Another version of the protocol than 13.
    WrongVersion,
    /// The upgrade request itself is malformed; says how.
    Malformed(&'static str),
    /// None of our subprotocols was offered.
    NoSubprotocol,
    /// The page that asks comes from an origin that is not allowed.
    ForeignOrigin,
    /// It came through a proxy, in development mode.
    Forwarded,
    /// The connection limit is reached.
    Full,
}

impl Refused {
    /// Status and text for people.
    pub fn answer(self) -> (StatusCode, &'static str) {
        match self {
            Refused::NotFound => (StatusCode::NOT_FOUND, "WebSockets are opened at /v1/ws"),
            Refused::NotGet => (StatusCode::METHOD_NOT_ALLOWED, "a WebSocket is opened with GET"),
            Refused::WrongVersion => (StatusCode::UPGRADE_REQUIRED, "Sec-WebSocket-Version must be 13"),
            Refused::Malformed(what) => (StatusCode::BAD_REQUEST, what),
            Refused::NoSubprotocol => (
                StatusCode::BAD_REQUEST,
                "Sec-WebSocket-Protocol must offer highwater.v1.binary or highwater.v1.json",
            ),
            Refused::ForeignOrigin => (StatusCode::FORBIDDEN, "this origin may not connect"),
            Refused::Forwarded => (StatusCode::FORBIDDEN, development::REFUSAL),
            Refused::Full => {
                (StatusCode::SERVICE_UNAVAILABLE, "the server has as many connections as it may have")
            }
        }
    }

    /// What else the client has to know.
    fn header(self) -> Option<(&'static str, &'static str)> {
        match self {
            Refused::WrongVersion => Some(("sec-websocket-version", "13")),
            Refused::NotGet => Some(("allow", "GET")),
            Refused::Full => Some(("retry-after", "5")),
            _ => None,
        }
    }

    /// The same for what came as a plain request.
    pub(super) fn response(self) -> HttpResponse {
        let (status, text) = self.answer();
        let mut response = HttpResponse::build(status);
        response.content_type("text/plain; charset=utf-8");
        if let Some(header) = self.header() {
            response.insert_header(header);
        }
        response.body(text)
    }
}

/// Answers what comes to the path of WebSockets and is no upgrade.
pub async fn not_upgraded(request: HttpRequest) -> HttpResponse {
    let is_get = request.method() == Method::GET;
    let refused = if is_get { Refused::Malformed(NO_UPGRADE) } else { Refused::NotGet };
    refused.response()
}

/// Checks an upgrade request and agrees on the encoding: the client's first choice among ours.
///
/// # Errors
/// The first reason for which it is refused; the connection limit is not among them.
pub fn negotiate(head: &RequestHead, door: &Door) -> Result<Encoding, Refused> {
    if head.uri.path() != PATH {
        return Err(Refused::NotFound);
    }
    ws::verify_handshake(head).map_err(|error| match error {
        ws::HandshakeError::GetMethodRequired => Refused::NotGet,
        ws::HandshakeError::NoVersionHeader | ws::HandshakeError::UnsupportedVersion => Refused::WrongVersion,
        ws::HandshakeError::BadWebsocketKey => {
            Refused::Malformed("Sec-WebSocket-Key must be 16 bytes in base64")
        }
        _ => Refused::Malformed(NO_UPGRADE),
    })?;
    if door.refuse_forwarded && development::is_forwarded(&head.headers) {
        return Err(Refused::Forwarded);
    }
    if !origin_is_allowed(&head.headers, &door.origins) {
        return Err(Refused::ForeignOrigin);
    }
    offered_encoding(&head.headers).ok_or(Refused::NoSubprotocol)
}

/// Serves one upgrade request: refuses it, or starts the connection on this worker and returns at once.
pub(crate) async fn serve<U, F>(
    request: Request,
    framed: Framed<TcpStream, h1::Codec>,
    door: Arc<Door>,
    links: Rc<WorkerLinks>,
    make_upward: Rc<F>,
) where
    U: Upward,
    F: Fn(Opening) -> U,
{
    let parts = framed.into_parts();
    let mut socket = parts.io;
    let admitted = negotiate(request.head(), &door).and_then(|encoding| {
        let permit = door.enter().ok_or(Refused::Full)?;
        Ok((encoding, permit))
    });
    match admitted {
        Ok((encoding, permit)) => {
            let response = switching_protocols(request.head(), encoding);
            let upward = make_upward(Opening { encoding, peer: socket.peer_addr().ok() });
            // Copied out: the buffer itself has 8 KiB, and even an empty slice would keep it for the connection's life.
            let leftover = Bytes::copy_from_slice(&parts.read_buf);
            let connection = door.next_id();
            let (request_id, encoding_name) =
                (request_id::given(&request.head().headers), encoding.subprotocol());
            tracing::info!(
                target: request_log::TARGET,
                connection = connection.0,
                request_id,
                encoding = encoding_name,
                "a WebSocket was opened"
            );
            let membership = links.admit(connection, encoding);
            connection::open(socket, response, leftover, upward, membership, permit);
        }
        Err(refused) => {
            let (request_id, status) =
                (request_id::given(&request.head().headers), refused.answer().0.as_u16());
            tracing::info!(target: request_log::TARGET, request_id, status, ?refused, "an upgrade was refused");
            // A client that does not take the answer has nobody to tell.
            let _ = actix_web::rt::time::timeout(REFUSAL_TIMEOUT, write_refusal(&mut socket, refused)).await;
        }
    }
}

/// A request without Origin does not come from a browser's page, and nothing is gained by refusing it.
fn origin_is_allowed(headers: &HeaderMap, allowed: &[String]) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else {
        return true;
    };
    let Ok(origin) = origin.to_str() else { return false };
    if allowed.is_empty() {
        let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
        let origin_host = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
        return host.zip(origin_host).is_some_and(|(host, origin)| host.eq_ignore_ascii_case(origin));
    }
    allowed.iter().any(|one| one == origin)
}

fn offered_encoding(headers: &HeaderMap) -> Option<Encoding> {
    headers
        .get_all(header::SEC_WEBSOCKET_PROTOCOL)
        .filter_map(|offer| offer.to_str().ok())
        .flat_map(|offer| offer.split(','))
        .find_map(|name| {
            [Encoding::Binary, Encoding::Json]
                .into_iter()
                .find(|encoding| encoding.subprotocol() == name.trim())
        })
}

fn switching_protocols(head: &RequestHead, encoding: Encoding) -> Vec<u8> {
    let key = head.headers.get(header::SEC_WEBSOCKET_KEY).expect("the handshake was verified");
    let mut response = Vec::with_capacity(192);
    response.extend_from_slice(
        b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n",
    );
    push_header(&mut response, header::SEC_WEBSOCKET_ACCEPT, &ws::hash_key(key.as_bytes()));
    push_header(&mut response, header::SEC_WEBSOCKET_PROTOCOL, encoding.subprotocol().as_bytes());
    response.extend_from_slice(b"\r\n");
    response
}

fn push_header(response: &mut Vec<u8>, name: HeaderName, value: &[u8]) {
    response.extend_from_slice(name.as_str().as_bytes());
    response.extend_from_slice(b": ");
    response.extend_from_slice(value);
    response.extend_from_slice(b"\r\n");
}

async fn write_refusal(socket: &mut TcpStream, refused: Refused) -> std::io::Result<()> {
    let (status, text) = refused.answer();
    let more = refused.header().map(|(name, value)| format!("{name}: {value}\r\n")).unwrap_or_default();
    let response = format!(
        "HTTP/1.1 {status}\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: {}\r\nconnection: close\r\n{more}\r\n{text}",
        text.len()
    );
    socket.write_all(response.as_bytes()).await?;
    socket.shutdown().await
}
