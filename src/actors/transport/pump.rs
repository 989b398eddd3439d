//! The task of one connection: it alone writes to the socket, and it polls the connection's actor.
//!
//! One write per wakeup: everything that the actor gives is gathered first. While the socket takes nothing the actor is
//! still polled, up to [`WRITE_BATCH_BYTES`] of encoded output, so that pings are answered and a close is noticed; above
//! that, frames stay in the outbox as they are. Whether it takes too long is judged from outside, by the sweeper.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_util::Stream;
use tokio::io::AsyncWrite;
use tokio::net::tcp::OwnedWriteHalf;

use super::outbox::WRITE_BATCH_BYTES;
use super::scratch::with_scratch;
use super::worker_links::Membership;

/// After the last byte was written the client's remaining bytes are read and forgotten, since a socket closed with
/// unread bytes resets the connection and may destroy the close frame on its way. Above this it is reset all the same.
const LINGER_BYTES_MAX: usize = 1024 * 1024;

/// Owns the socket from the upgrade to its end. `S` is the output of the connection's actor.
pub(crate) struct Pump<S, P> {
    /// Dropped first: the actor says its farewell while the membership still holds.
    output: Option<S>,
    socket: OwnedWriteHalf,
    unsent: Vec<u8>,
    /// How much of `unsent` the socket has taken.
    sent: usize,
    shut_down: bool,
    lingered_bytes: usize,
    membership: Membership,
    /// Held for its `Drop`: the connection's place under the server's limit.
    _permit: P,
}

impl<S, P> Pump<S, P> {
    /// `first` is written before the actor's output.
    pub(crate) fn new(
        output: S,
        socket: OwnedWriteHalf,
        first: Vec<u8>,
        membership: Membership,
        permit: P,
    ) -> Pump<S, P> {
        Pump {
            output: Some(output),
            socket,
            unsent: first,
            sent: 0,
            shut_down: false,
            lingered_bytes: 0,
            membership,
            _permit: permit,
        }
    }
}

impl<S, E, P> Future for Pump<S, P>
where
    P: Unpin,
    S: Stream<Item = Result<Bytes, E>> + Unpin,
{
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        loop {
            if !this.membership.link.outbox().begin_poll(cx.waker()) {
                this.reset();
                return Poll::Ready(());
            }
            let gathered_all = this.gather(cx);
            let Ok(wrote_all) = this.write(cx) else {
                return Poll::Ready(());
            };
            if this.output.is_none() && wrote_all {
                ready!(this.poll_linger(cx));
                return Poll::Ready(());
            }
            // Asleep only when something will wake us: the socket that took no more, or what the actor waits for.
            if (gathered_all || !wrote_all) && this.membership.link.outbox().end_poll() {
                return Poll::Pending;
            }
        }
    }
}

impl<S, E, P> Pump<S, P>
where
    S: Stream<Item = Result<Bytes, E>> + Unpin,
{
    /// Polls the actor, then takes what waits in the outbox, until there is nothing more, which is true, or a write's
    /// worth has gathered, which is false.
    ///
    /// The actor comes first, so that answers it causes leave in the same write.
    fn gather(&mut self, cx: &mut Context<'_>) -> bool {
        while self.unsent.len() < WRITE_BATCH_BYTES {
            let Some(output) = &mut self.output else {
                return true;
            };
            match Pin::new(output).poll_next(cx) {
                Poll::Ready(Some(Ok(chunk))) => self.unsent.extend_from_slice(&chunk),
                // A context takes 16 items of a stream at a time; what it left of one read belongs to the same write.
                Poll::Pending if self.membership.link.outbox().has_unread() => {}
                Poll::Pending => {
                    if self.membership.link.outbox().take_waiting(&mut self.unsent) {
                        self.end_actor();
                    }
                    return self.unsent.len() < WRITE_BATCH_BYTES;
                }
                Poll::Ready(None | Some(Err(_))) => {
                    self.membership.link.outbox().take_waiting(&mut self.unsent);
                    self.end_actor();
                }
            }
        }
        false
    }

    /// Nothing follows what is gathered now.
    fn end_actor(&mut self) {
        self.membership.link.outbox().set_closing();
        self.output = None;
    }

    /// Writes until all is written, which is true, or the socket takes no more.
    fn write(&mut self, cx: &mut Context<'_>) -> Result<bool, std::io::Error> {
        let mut written = 0;
        let mut refused_ms = None;
        while self.sent < self.unsent.len() {
            match Pin::new(&mut self.socket).poll_write(cx, &self.unsent[self.sent..]) {
                Poll::Ready(Ok(0)) => return Err(std::io::ErrorKind::WriteZero.into()),
                Poll::Ready(Ok(taken)) => {
                    self.membership.worker.count_write();
                    written += taken;
                    self.sent += taken;
                }
                Poll::Ready(Err(error)) => return Err(error),
                Poll::Pending => {
                    refused_ms = Some(self.membership.worker.now_ms());
                    break;
                }
            }
        }
        let all = self.sent == self.unsent.len();
        if all {
            self.unsent = Vec::new();
            self.sent = 0;
        }
        self.membership.link.outbox().set_unsent(self.unsent.len(), written, refused_ms);
        Ok(all)
    }

    /// Ends our direction and waits for the client to end its own.
    fn poll_linger(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if !self.shut_down {
            // The other side may be gone already, and then there is nothing to wait for.
            if ready!(Pin::new(&mut self.socket).poll_shutdown(cx)).is_err() {
                return Poll::Ready(());
            }
            self.shut_down = true;
        }
        loop {
            if ready!(self.socket.as_ref().poll_read_ready(cx)).is_err() {
                return Poll::Ready(());
            }
            match with_scratch(|scratch| self.socket.as_ref().try_read(scratch)) {
                Ok(0) => return Poll::Ready(()),
                Ok(read) => self.lingered_bytes += read,
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => continue,
                Err(_) => return Poll::Ready(()),
            }
            if self.lingered_bytes > LINGER_BYTES_MAX {
                return Poll::Ready(());
            }
        }
    }
}

impl<S, P> Pump<S, P> {
    /// Makes the drop of the socket final: what the kernel still holds for a client that does not read is thrown away.
    fn reset(&mut self) {
        if let Err(error) = self.socket.as_ref().set_zero_linger() {
            tracing::debug!(%error, "a connection could not be set to reset; the kernel will time it out");
        }
    }
}
