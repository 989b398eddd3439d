//! The handle by which the rest of the server sends to one connection.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use highwater_wire::Encoding;

use super::outbox::Outbox;

/// Number of one connection, unique in this run of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub u64);

impl fmt::Display for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The connection has as many bytes waiting as it may have; the frame was not queued.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the connection does not take what is sent to it")]
pub struct Lagging;

/// A cheap handle for sending to one connection, from any thread.
///
/// It keeps no connection alive: after the end it is still safe to use and does nothing.
#[derive(Clone)]
pub struct Link {
    id: ConnectionId,
    outbox: Arc<Outbox>,
}

impl Link {
    pub(crate) fn new(id: ConnectionId, encoding: Encoding, queued_bytes_max: usize, now_ms: u64) -> Link {
        Link { id, outbox: Arc::new(Outbox::new(encoding, queued_bytes_max, now_ms)) }
    }

    /// For those who serve the connection rather than send to it.
    pub(crate) fn outbox(&self) -> &Outbox {
        &self.outbox
    }

    /// Which connection this is.
    pub fn id(&self) -> ConnectionId {
        self.id
    }

    /// How frames of this connection are encoded; fixed at its opening.
    pub fn encoding(&self) -> Encoding {
        self.outbox.encoding()
    }

    /// Queues one encoded frame body. Frames leave in the order of delivery.
    ///
    /// `Ok` promises neither that the frame was written nor that the client has it. On a connection that is closing
    /// the frame is forgotten; the end is told by `Upward::closed`.
    ///
    /// # Errors
    /// [`Lagging`] when the frame would exceed the byte bound: nothing was queued.
    pub fn deliver(&self, frame: Bytes) -> Result<(), Lagging> {
        self.outbox.deliver(frame)
    }

    /// Queues the answer to a request: as `deliver`, but it may use as much again as the byte bound, so that a
    /// connection full of pushes still hears what became of what it asked.
    ///
    /// # Errors
    /// [`Lagging`] when even that is used up: the client asks and does not read, and is best closed.
    pub fn answer(&self, frame: Bytes) -> Result<(), Lagging> {
        self.outbox.answer(frame)
    }

    /// Bytes that wait for this connection in this process, with the cost of their bookkeeping.
    pub fn queued_bytes(&self) -> usize {
        self.outbox.queued_bytes()
    }

    /// Asks for an orderly close after the frames delivered so far. The first request wins.
    ///
    /// `reason` is for people and is cut to 123 bytes. A peer that does not follow is dropped by the sweeper.
    pub fn close(&self, code: u16, reason: &str) {
        self.outbox.close(code, reason);
    }

    /// Says that the client has shown who it is: it is no longer closed for having said nothing.
    pub fn mark_authenticated(&self) {
        self.outbox.mark_authenticated();
    }

    /// For how long bytes have waited without any of them being written, milliseconds; 0 when none are stuck.
    ///
    /// `now_ms` is the worker's clock, [`super::WorkerLinks::now_ms`].
    pub fn stalled_for(&self, now_ms: u64) -> u64 {
        self.outbox.stalled_for(now_ms)
    }

    /// Whether the connection is closed or about to be.
    pub fn is_closing(&self) -> bool {
        self.outbox.is_closing()
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").field("id", &self.id).finish_non_exhaustive()
    }
}
