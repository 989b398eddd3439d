//! What the handles and the task of a client share.

use crate::error::Error;
use crate::event::{Event, StopReason};
use crate::message::ClientMessageId;
use crate::store::OUTBOX_PENDING_MAX;
use crate::store::thread::StoreThread;
use highwater_wire::proto::Greeting;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{Notify, broadcast, oneshot, watch};

/// Messages that callers may wait for at a time; a further wait is refused.
const WAITED_FOR_MAX: usize = OUTBOX_PENDING_MAX;

/// Stands for "no day known"; a server's day numbers are far above.
const NO_DAY: u32 = 0;

/// How a client stands.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Status {
    /// The greeting of the connection; none while there is no greeted connection.
    pub greeting: Option<Arc<Greeting>>,
    /// Connected, and nothing more to sync is known of.
    pub caught_up: bool,
    /// Why the client stopped; none while it runs.
    pub stopped: Option<StopReason>,
}

/// What the handles and the task share.
pub(super) struct Shared {
    /// The store.
    pub(super) store: StoreThread,
    /// Rung after every message put into the outbox.
    pub(super) outbox_grew: Notify,
    /// Where events go beside the observer.
    pub(super) events: broadcast::Sender<Event>,
    /// How the client stands.
    pub(super) status: watch::Sender<Status>,
    day: AtomicU32,
    settled: Mutex<HashMap<ClientMessageId, Vec<oneshot::Sender<()>>>>,
}

impl Shared {
    pub(super) fn new(store: StoreThread, events: broadcast::Sender<Event>) -> Shared {
        Shared {
            store,
            outbox_grew: Notify::new(),
            events,
            status: watch::Sender::new(Status::default()),
            day: AtomicU32::new(NO_DAY),
            settled: Mutex::new(HashMap::new()),
        }
    }

    /// The server's day while connected. A message written while not connected gets its day when it first leaves,
    /// so that a long time offline does not make it too old.
    pub(super) fn day(&self) -> Option<u32> {
        Some(self.day.load(Ordering::Relaxed)).filter(|&day| day != NO_DAY)
    }

    pub(super) fn set_day(&self, day: Option<u32>) {
        self.day.store(day.unwrap_or(NO_DAY), Ordering::Relaxed);
    }

    /// Told when the message is settled; dropped when the client stops.
    pub(super) fn wait_settled(&self, id: ClientMessageId) -> Result<oneshot::Receiver<()>, Error> {
        let (told, wait) = oneshot::channel();
        let mut settled = self.settled.lock().unwrap_or_else(PoisonError::into_inner);
        // Looked at under the lock: a stop after this drops what is registered here.
        if self.status.borrow().stopped.is_some() {
            return Ok(wait);
        }
        if settled.len() >= WAITED_FOR_MAX {
            return Err(Error::TooManyWaiting { limit: WAITED_FOR_MAX });
        }
        let waiting = settled.entry(id).or_default();
        waiting.retain(|waiter| !waiter.is_closed());
        waiting.push(told);
        Ok(wait)
    }

    /// Tells who waits for this message.
    pub(super) fn tell_settled(&self, id: ClientMessageId) {
        let waiting = self.settled.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
        for waiter in waiting.into_iter().flatten() {
            // A caller that went away needs no answer.
            let _ = waiter.send(());
        }
    }

    /// The client has stopped: who waits is told so.
    pub(super) fn stop(&self, reason: StopReason) {
        self.set_day(None);
        self.status.send_replace(Status { greeting: None, caught_up: false, stopped: Some(reason) });
        self.settled.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}
