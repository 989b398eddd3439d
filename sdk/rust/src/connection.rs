//! One WebSocket: connects with the subprotocol of an encoding, and moves frames.

use crate::error::Error;
use futures_util::{SinkExt, StreamExt};
use highwater_wire::Encoding;
use highwater_wire::proto::{ClientFrame, ServerFrame};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::http::header::SEC_WEBSOCKET_PROTOCOL;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error as WebSocketError, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config};

/// Largest frame that is taken from a server; a longer one ends the connection.
/// Source: choice; many times any page that a server makes.
const FRAME_BYTES_MAX: usize = 4 << 20;

/// Read buffer of a connection; many clients may share a process.
const READ_BUFFER_BYTES: usize = 8 << 10;

/// Frames gather up to this before they are written without being flushed.
const WRITE_BUFFER_BYTES: usize = 8 << 10;

/// How long a frame may take to be handed to the socket before the connection counts as broken.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);

/// Close code for a close without code, see RFC 6455, 7.1.5.
const NO_CLOSE_CODE: u16 = 1005;

/// What came in.
pub(crate) enum Incoming {
    /// A frame of the protocol.
    Frame(ServerFrame),
    /// A sign of life below the protocol.
    Alive,
}

/// A live WebSocket.
pub(crate) struct Connection {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    encoding: Encoding,
}

impl Connection {
    /// Connects to the server of a base URL.
    ///
    /// # Errors
    /// When the URL is not of the right form, the server cannot be reached in time, or it does not speak the encoding.
    pub(crate) async fn open(
        base_url: &str,
        encoding: Encoding,
        timeout: Duration,
    ) -> Result<Connection, Error> {
        let mut request = socket_url(base_url)?.into_client_request()?;
        let subprotocol = HeaderValue::from_static(encoding.subprotocol());
        request.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, subprotocol);
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER_BYTES)
            .write_buffer_size(WRITE_BUFFER_BYTES)
            .max_frame_size(Some(FRAME_BYTES_MAX))
            .max_message_size(Some(FRAME_BYTES_MAX));
        let connecting = connect_async_with_config(request, Some(config), true);
        let (socket, _) = tokio::time::timeout(timeout, connecting)
            .await
            .map_err(|_| Error::Timeout { what: "connection", after_ms: timeout.as_millis() as u64 })??;
        Ok(Connection { socket, encoding })
    }

    /// Puts one frame into the write buffer, and the buffer into the socket as it fills.
    ///
    /// # Errors
    /// When the socket fails, or does not take the frame in time.
    pub(crate) async fn queue(&mut self, frame: &ClientFrame) -> Result<(), Error> {
        let bytes = self.encoding.encode(frame);
        let message = match self.encoding {
            Encoding::Binary => Message::binary(bytes),
            Encoding::Json => Message::text(String::from_utf8(bytes).expect("the JSON encoder writes UTF-8")),
        };
        in_time(self.socket.feed(message)).await
    }

    /// Writes all that is in the buffer.
    ///
    /// # Errors
    /// When the socket fails, or does not take it in time.
    pub(crate) async fn flush(&mut self) -> Result<(), Error> {
        in_time(self.socket.flush()).await
    }

    /// Waits for what comes next. Dropping the future loses nothing.
    ///
    /// # Errors
    /// When the socket fails, the server closes, or a frame cannot be read.
    pub(crate) async fn read(&mut self) -> Result<Incoming, Error> {
        match self.socket.next().await {
            Some(Ok(Message::Binary(bytes))) => Ok(Incoming::Frame(self.encoding.decode(&bytes)?)),
            Some(Ok(Message::Text(text))) => Ok(Incoming::Frame(self.encoding.decode(text.as_bytes())?)),
            Some(Ok(Message::Close(frame))) => {
                let (code, reason) = frame.map_or((NO_CLOSE_CODE, String::new()), |frame| {
                    (frame.code.into(), frame.reason.to_string())
                });
                Err(Error::ClosedByServer { code, reason })
            }
            Some(Ok(_)) => Ok(Incoming::Alive),
            Some(Err(error)) => Err(error.into()),
            None => Err(WebSocketError::ConnectionClosed.into()),
        }
    }

    /// Says goodbye, as far as the socket takes it within the time.
    pub(crate) async fn close(mut self, timeout: Duration) {
        // The server notices the end of the socket anyway; the close frame is a courtesy.
        let _ = tokio::time::timeout(timeout, self.socket.close(None)).await;
    }
}

async fn in_time(writing: impl Future<Output = Result<(), WebSocketError>>) -> Result<(), Error> {
    let after_ms = WRITE_TIMEOUT.as_millis() as u64;
    let written = tokio::time::timeout(WRITE_TIMEOUT, writing).await;
    Ok(written.map_err(|_| Error::Timeout { what: "room in the socket", after_ms })??)
}

/// The address of the WebSocket of a server.
///
/// # Errors
/// When the base URL is not `http://HOST:PORT`.
pub(crate) fn socket_url(base_url: &str) -> Result<String, Error> {
    let host = base_url.strip_prefix("http://").ok_or(Error::BaseUrl)?.trim_end_matches('/');
    if host.is_empty() || host.contains('/') {
        return Err(Error::BaseUrl);
    }
    Ok(format!("ws://{host}/v1/ws"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn base_url_becomes_socket_url() {
        assert_eq!(socket_url("http://127.0.0.1:8080").unwrap(), "ws://127.0.0.1:8080/v1/ws");
        assert_eq!(socket_url("http://[::1]:8080/").unwrap(), "ws://[::1]:8080/v1/ws");
        for wrong in ["127.0.0.1:8080", "https://h", "http://", "http://h/path", "ws://h"] {
            assert!(matches!(socket_url(wrong), Err(Error::BaseUrl)), "{wrong}");
        }
    }
}
