//! The incoming direction of a connection: socket → scratch buffer → guard → pieces for the codec.

use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use actix_http::error::PayloadError;
use actix_web::rt::net::TcpStream;
use bytes::Bytes;
use futures_util::Stream;
use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::tcp::OwnedReadHalf;

use super::frame_guard::{FrameGuard, Violation};
use super::scratch::{SCRATCH_BYTES, with_scratch};
use super::{Link, WorkerLinks};

/// Splits an upgraded socket into its two directions.
pub(crate) fn split(socket: TcpStream) -> (OwnedReadHalf, tokio::net::tcp::OwnedWriteHalf) {
    socket.into_split()
}

/// Gives the codec one piece at a time and ends with the socket.
///
/// After each piece it says `Pending` once, although more may be there: the codec's stream gathers until `Pending` and
/// so holds one piece and no more; having got a piece, it asks again. That there is more is said through
/// [`set_unread`](super::outbox::Outbox::set_unread), so that the pump gathers the answers to all of one read.
pub(crate) struct SocketReader {
    socket: OwnedReadHalf,
    guard: FrameGuard,
    /// Bytes read and not yet inspected.
    rest: Bytes,
    gave_piece: bool,
    /// The last read filled the buffer: others come first before the next one.
    took_its_turn: bool,
    link: Link,
    worker: Rc<WorkerLinks>,
}

impl SocketReader {
    /// `rest` are bytes that came in with the upgrade request.
    pub(crate) fn new(
        socket: OwnedReadHalf,
        rest: Bytes,
        link: Link,
        worker: Rc<WorkerLinks>,
    ) -> SocketReader {
        SocketReader {
            socket,
            guard: FrameGuard::default(),
            rest,
            gave_piece: false,
            took_its_turn: false,
            link,
            worker,
        }
    }

    /// The next complete piece of what was read before.
    fn next_of_rest(&mut self) -> Result<Option<Bytes>, Violation> {
        let mut input = &self.rest[..];
        let piece = self.guard.next_piece(&mut input, self.worker.limits(), self.worker.now_ms())?;
        let left = input.len();
        self.rest = if left == 0 { Bytes::new() } else { self.rest.slice(self.rest.len() - left..) };
        Ok(piece.map(Bytes::from))
    }

    /// The next complete piece, reading as needed. `None`: the socket has ended.
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        // After the close began nothing of the client matters; the pump reads it away.
        while !self.link.outbox().is_closing() {
            let piece = if !self.rest.is_empty() {
                self.next_of_rest()
            } else if std::mem::take(&mut self.took_its_turn) {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            } else {
                match ready!(self.poll_read(cx)) {
                    Some(piece) => piece,
                    None => return Poll::Ready(None),
                }
            };
            match piece {
                Ok(Some(piece)) => return Poll::Ready(Some(piece)),
                Ok(None) => {}
                Err(violation) => self.link.close(violation.close_code(), violation.reason()),
            }
        }
        Poll::Pending
    }

    /// One read. `None`: the socket has ended.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Option<Bytes>, Violation>>> {
        let SocketReader { socket, guard, rest, took_its_turn, link, worker, .. } = self;
        with_scratch(|scratch| {
            let mut buffer = ReadBuf::new(scratch);
            match ready!(Pin::new(socket).poll_read(cx, &mut buffer)) {
                Ok(()) if !buffer.filled().is_empty() => {}
                Ok(()) | Err(_) => return Poll::Ready(None),
            }
            let mut input = buffer.filled();
            *took_its_turn = input.len() == SCRATCH_BYTES;
            link.outbox().heard(worker.now_ms());
            let piece = guard.next_piece(&mut input, worker.limits(), worker.now_ms());
            if !input.is_empty() {
                *rest = Bytes::copy_from_slice(input);
            }
            Poll::Ready(Some(piece.map(|piece| piece.map(Bytes::from))))
        })
    }
}

impl Stream for SocketReader {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if std::mem::take(&mut self.gave_piece) {
            return Poll::Pending;
        }
        let piece = self.poll_piece(cx);
        self.gave_piece = matches!(piece, Poll::Ready(Some(_)));
        self.link.outbox().set_unread(self.gave_piece);
        piece.map(|piece| piece.map(Ok))
    }
}
