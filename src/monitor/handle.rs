//! The handle through which every part of the server counts and the operator's port reads.

use std::sync::Arc;

use parking_lot::Mutex;

use super::curves;
use super::exposition::{self, Format};
use super::histogram::Histogram;
use super::host_values::{HostValues, Unreported};
use super::ids::{self, FRAMEWORK};
use super::minutes::{Minute, Minutes};
use super::operations::Op;
use super::outcome::Outcome;
use super::points;
use super::slots::Slots;
use super::values::AllValues;
use super::window::Window;
use crate::model::{HostId, HostReport, PointRow, TimeMs, host_id::HOST_IDS};

/// Counts for one server process. A clone is one more reference to the same counters; it is handed down, never global.
///
/// Reporting takes no lock, allocates nothing and never fails; see [`Slots`]. Only [`Monitor::tick`] and the readers of
/// points share a lock, which no reporter touches. What host programs report has a lock of its own.
#[derive(Debug, Clone)]
pub struct Monitor {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    slots: Slots,
    /// Taken before the lock of the host programs' values, where both are.
    minutes: Mutex<Minutes>,
    host: Mutex<HostValues>,
}

/// Counts one operation; made by [`Monitor::operation`].
#[derive(Debug, Clone, Copy)]
pub struct OperationCounter<'a> {
    monitor: &'a Monitor,
    op: Op,
}

impl Monitor {
    /// Counters of the framework, all at 0.
    #[must_use]
    #[expect(
        clippy::new_without_default,
        reason = "a second set of counters is never what a default should make"
    )]
    pub fn new() -> Monitor {
        Monitor::with(Slots::new(&FRAMEWORK))
    }

    /// Counts next to nothing: what the cost of counting is measured against. The few ids that stay are of batches and
    /// not of messages; who measures waits by them for the index.
    #[must_use]
    pub fn switched_off() -> Monitor {
        const KEPT: [u32; 4] = [ids::BATCHES, ids::TAIL_BYTES, ids::INDEX_LAG_RECORDS, ids::INDEX_BATCHES];
        Monitor::with(Slots::new(&FRAMEWORK).of_these_alone(&KEPT))
    }

    fn with(slots: Slots) -> Monitor {
        let minutes = Mutex::new(Minutes::new(&FRAMEWORK));
        Monitor { shared: Arc::new(Shared { slots, minutes, host: Mutex::default() }) }
    }

    /// Adds `n` to a sum, or raises a gauge by `n`.
    #[inline]
    pub fn add(&self, id: u32, n: u64) {
        self.shared.slots.add(id, n);
    }

    /// Lowers a gauge by `n`.
    #[inline]
    pub fn subtract(&self, id: u32, n: u64) {
        self.shared.slots.subtract(id, n);
    }

    /// Sets a gauge, or raises a maximum to at least `value`.
    #[inline]
    pub fn set(&self, id: u32, value: u64) {
        self.shared.slots.set(id, value);
    }

    /// Counts a value in its band, the sum and the maximum of a histogram.
    #[inline]
    pub fn observe(&self, histogram: Histogram, value: u64) {
        self.add(histogram.band(value), 1);
        self.add(histogram.sum(), value);
        self.set(histogram.max(), value);
    }

    /// The counter of an operation: `monitor.operation(Op::Send).finished(Outcome::Ok, latency_us, wait_us)`.
    #[inline]
    #[must_use]
    pub fn operation(&self, op: Op) -> OperationCounter<'_> {
        OperationCounter { monitor: self, op }
    }

    /// The value of an id now, as [`Slots::value`] and [`HostValues::value`] say it.
    #[must_use]
    pub fn value(&self, id: u32) -> i64 {
        if HOST_IDS.contains(&id) { self.shared.host.lock().value(id) } else { self.shared.slots.value(id) }
    }

    /// Tells the ring of minute points the time; to be called about once a second, by one caller. Answers from which
    /// minute on points were forgotten, since the clock went back.
    pub fn tick(&self, now: TimeMs) -> Option<Minute> {
        self.with_all(|minutes, values| minutes.tick(now, values))
    }

    /// Gives the minute that is being counted the point that it has so far.
    pub fn close_minute(&self) {
        self.with_all(|minutes, values| minutes.close(values));
    }

    /// Takes up minutes that an earlier process stored, oldest first; before the first tick.
    pub fn load(&self, rows: &[PointRow]) {
        self.shared.minutes.lock().load(rows);
        if let Some(newest) = rows.last() {
            self.shared.host.lock().load(newest);
        }
    }

    /// Has these ids of host programs from now on, in ascending order; none of them is one of the framework.
    pub fn change_host_ids(&self, ids: &[HostId]) {
        let framework = FRAMEWORK.iter().map(|entry| (entry.id, entry.kind));
        let all = framework.chain(ids.iter().map(|host| (host.id, host.kind))).collect();
        let mut minutes = self.shared.minutes.lock();
        self.shared.host.lock().change(ids);
        minutes.change(all);
    }

    /// Takes what a host program reports, all or nothing.
    ///
    /// # Errors
    /// [`Unreported`].
    pub fn report(&self, reports: &[(u32, HostReport)]) -> Result<(), Unreported> {
        self.shared.host.lock().report(reports)
    }

    /// The minutes from this one on, oldest first, of the last day at most; all if there is none.
    #[must_use]
    pub fn rows_from(&self, from: Option<Minute>) -> Vec<PointRow> {
        self.shared.minutes.lock().rows_from(from)
    }

    /// How often all ids were given a point: it rises when there is something new to store.
    #[must_use]
    pub fn emissions(&self) -> u64 {
        self.shared.minutes.lock().emissions()
    }

    /// The point of an id; `None` if the minute is missing.
    #[must_use]
    pub fn point(&self, id: u32, minute: Minute) -> Option<i64> {
        self.shared.minutes.lock().point(id, minute)
    }

    /// Reads the ring of minute points; who does so for long holds up the next tick, and no reporter.
    pub fn with_points<Read>(&self, read: impl FnOnce(&Minutes) -> Read) -> Read {
        read(&self.shared.minutes.lock())
    }

    /// What a sum has gained since its last point; 0 for other kinds and unknown ids.
    #[must_use]
    pub fn residue(&self, id: u32) -> i64 {
        self.with_all(|minutes, values| minutes.residue(id, values))
    }

    /// All current values as text for Prometheus. Its content type is [`Format::content_type`].
    #[must_use]
    pub fn metrics(&self, format: Format) -> String {
        exposition::text(&self.shared.slots, &self.shared.host.lock(), format)
    }

    /// All current values for an OpenTelemetry collector, as protobuf.
    #[cfg(feature = "otlp")]
    #[must_use]
    pub fn otlp(&self, export: super::otlp::Export<'_>) -> Vec<u8> {
        export.bytes(&self.shared.slots, &self.shared.host.lock())
    }

    /// The page of curves. To be served as `text/html; charset=utf-8` with the header
    /// `Content-Security-Policy: ` [`curves::content_security_policy`].
    ///
    /// `server_name` is shown as the title, escaped; `firing` is HTML and stands above the curves.
    #[must_use]
    pub fn curves_page(&self, server_name: &str, firing: &str, window: Window, now: TimeMs) -> String {
        curves::page(&self.shared.minutes.lock(), server_name, firing, window, now)
    }

    /// Stored points of a range of ids as JSON; see [`points::Answered`].
    #[must_use]
    pub fn points_json(&self, answered: &points::Answered<'_>) -> String {
        answered.json(&self.shared.host.lock())
    }

    /// Every id that there is, a line of JSON for each: see [`points::described`].
    #[must_use]
    pub fn ids_json(&self) -> String {
        points::described(&self.shared.host.lock())
    }

    fn with_all<T>(&self, what: impl FnOnce(&mut Minutes, AllValues<'_>) -> T) -> T {
        let mut minutes = self.shared.minutes.lock();
        let mut host = self.shared.host.lock();
        what(&mut minutes, AllValues { slots: &self.shared.slots, host: &mut host })
    }
}

impl OperationCounter<'_> {
    /// Counts one call that ended: its outcome, its latency from arrival to answer, and how long of that it waited in
    /// queues.
    #[inline]
    pub fn finished(self, outcome: Outcome, latency_us: u64, wait_us: u64) {
        let OperationCounter { monitor, op } = self;
        monitor.add(op.calls(), 1);
        if let Some(errors) = op.errors(outcome) {
            monitor.add(errors, 1);
        }
        monitor.observe(op.latency(), latency_us);
        if wait_us > 0 {
            monitor.add(op.wait_sum(), wait_us);
            monitor.set(op.wait_max(), wait_us);
        }
    }
}

#[cfg(test)]
mod tests;
