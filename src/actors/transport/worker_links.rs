//! The connections of one worker and the worker's coarse clock.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use highwater_wire::Encoding;
use rustc_hash::FxHashMap;

use super::{ConnectionId, Link, TransportLimits};

/// All connections of one worker; on its thread only.
///
/// Bounded by the server's connection limit: an entry exists from the upgrade until the socket is dropped.
pub struct WorkerLinks {
    limits: TransportLimits,
    now_ms: Cell<u64>,
    links: RefCell<FxHashMap<ConnectionId, Link>>,
    socket_writes: Cell<u64>,
}

impl WorkerLinks {
    /// The empty list of a worker.
    pub fn new(limits: TransportLimits) -> Rc<WorkerLinks> {
        Rc::new(WorkerLinks {
            limits,
            now_ms: Cell::new(0),
            links: RefCell::default(),
            socket_writes: Cell::new(0),
        })
    }

    /// The limits of every connection of this worker.
    pub fn limits(&self) -> &TransportLimits {
        &self.limits
    }

    /// The worker's clock: monotonic milliseconds at the sweeper's last tick, so up to a second old.
    ///
    /// Reading it costs nothing, which is what a frame can pay for being timed.
    pub fn now_ms(&self) -> u64 {
        self.now_ms.get()
    }

    /// Connections of this worker, with those that are about to end.
    pub fn count(&self) -> usize {
        self.links.borrow().len()
    }

    /// Writes to sockets since the worker's start: beside the frames delivered, it says how well they are merged.
    pub fn socket_writes(&self) -> u64 {
        self.socket_writes.get()
    }

    /// Asks every connection of this worker for an orderly close, as when the server stops.
    pub fn close_all(&self, code: u16, reason: &str) {
        for link in self.snapshot() {
            link.close(code, reason);
        }
    }

    pub(crate) fn count_write(&self) {
        self.socket_writes.set(self.socket_writes.get() + 1);
    }

    pub(crate) fn set_now_ms(&self, now_ms: u64) {
        self.now_ms.set(now_ms);
    }

    /// Every link, as it is now: judging them may end them, which changes the list.
    pub(crate) fn snapshot(&self) -> Vec<Link> {
        self.links.borrow().values().cloned().collect()
    }

    /// Enters a new connection; it is listed until the membership is dropped.
    pub(crate) fn admit(self: &Rc<Self>, id: ConnectionId, encoding: Encoding) -> Membership {
        let link = Link::new(id, encoding, self.limits.queued_bytes_max, self.now_ms());
        let before = self.links.borrow_mut().insert(id, link.clone());
        assert!(before.is_none(), "connection numbers are unique");
        Membership { worker: Rc::clone(self), link }
    }
}

/// One connection's place in the list of its worker.
pub(crate) struct Membership {
    pub(crate) worker: Rc<WorkerLinks>,
    pub(crate) link: Link,
}

impl Drop for Membership {
    fn drop(&mut self) {
        self.link.outbox().retire();
        let mut links = self.worker.links.borrow_mut();
        links.remove(&self.link.id());
        if links.is_empty() {
            links.shrink_to_fit();
        }
    }
}
