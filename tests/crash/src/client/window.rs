//! Which sends of a device are unanswered, and how many of a process are on their way.

use std::{
    collections::HashSet,
    fs::{File, OpenOptions},
    io,
    os::unix::fs::FileExt,
    path::Path,
    sync::{
        Mutex,
        atomic::{AtomicI64, Ordering},
    },
};

use highwater_sdk::ClientMessageId;
use tokio::sync::Notify;

/// What a process shows to the driver, in a file of 16 bytes: two little-endian numbers.
#[derive(Debug)]
pub(super) struct Gauge {
    file: File,
    /// Sends that were written to a living connection and not answered.
    in_flight: AtomicI64,
    /// Answers and entries that came.
    told: AtomicI64,
}

impl Gauge {
    /// Opens the file, which exists: the driver may read it at any time.
    pub(super) fn open(path: &Path) -> io::Result<Gauge> {
        let file = OpenOptions::new().write(true).open(path)?;
        Ok(Gauge { file, in_flight: AtomicI64::new(0), told: AtomicI64::new(0) })
    }

    pub(super) fn add_told(&self, count: usize) {
        self.told.fetch_add(count as i64, Ordering::Relaxed);
        self.show();
    }

    fn add_in_flight(&self, change: i64) {
        self.in_flight.fetch_add(change, Ordering::Relaxed);
        self.show();
    }

    fn show(&self) {
        let [in_flight, told] =
            [&self.in_flight, &self.told].map(|number| number.load(Ordering::Relaxed).to_le_bytes());
        self.file.write_all_at(&[in_flight, told].concat(), 0).expect("16 bytes can be written");
    }
}

/// The unanswered sends of one device.
#[derive(Debug, Default)]
pub(super) struct Window {
    open: Mutex<Open>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Open {
    /// From the outbox to the final answer.
    unanswered: HashSet<ClientMessageId>,
    /// Of these, what was written to the present connection.
    in_flight: HashSet<ClientMessageId>,
    /// The device has ended: nothing will be answered any more.
    closed: bool,
}

impl Window {
    /// A window that begins with what an earlier life left in the outbox.
    pub(super) fn new(unanswered: HashSet<ClientMessageId>) -> Window {
        Window { open: Mutex::new(Open { unanswered, ..Open::default() }), ..Window::default() }
    }

    /// Gives up all that is unanswered: the device has ended.
    pub(super) fn close(&self, gauge: &Gauge) {
        self.disconnected(gauge);
        let mut open = self.lock();
        open.unanswered.clear();
        open.closed = true;
        drop(open);
        self.changed.notify_waiters();
    }

    pub(super) fn is_closed(&self) -> bool {
        self.lock().closed
    }

    pub(super) fn put(&self, id: ClientMessageId) {
        let mut open = self.lock();
        if !open.closed {
            open.unanswered.insert(id);
        }
    }

    pub(super) fn transmitted(&self, id: ClientMessageId, gauge: &Gauge) {
        if self.lock().in_flight.insert(id) {
            gauge.add_in_flight(1);
        }
    }

    /// Refused for now: it goes out again.
    pub(super) fn returned(&self, id: ClientMessageId, gauge: &Gauge) {
        if self.lock().in_flight.remove(&id) {
            gauge.add_in_flight(-1);
        }
    }

    pub(super) fn answered(&self, id: ClientMessageId, gauge: &Gauge) {
        self.returned(id, gauge);
        self.lock().unanswered.remove(&id);
        self.changed.notify_waiters();
    }

    pub(super) fn disconnected(&self, gauge: &Gauge) {
        let mut open = self.lock();
        gauge.add_in_flight(-(open.in_flight.len() as i64));
        open.in_flight.clear();
    }

    pub(super) fn unanswered(&self) -> usize {
        self.lock().unanswered.len()
    }

    /// Waits until fewer than `limit` sends are unanswered.
    pub(super) async fn wait_below(&self, limit: usize) {
        loop {
            // Registered before looking, so that no answer falls between.
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if self.unanswered() < limit {
                return;
            }
            changed.await;
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Open> {
        self.open.lock().expect("no holder of the lock panics")
    }
}
