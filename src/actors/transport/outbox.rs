//! What waits for one connection: a byte-bounded queue with one coalesced wake, and what the connection is judged by.
//!
//! A frame waits here as a reference to its encoded body. The connection's task takes all that waits in one go, so that
//! any number of frames delivered between two of its polls costs one wake and one socket write. No channel and no
//! mailbox lies between: an idle connection holds no buffer, and there is no second queue that could grow.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::task::Waker;

use bytes::Bytes;
use highwater_wire::Encoding;
use parking_lot::Mutex;

use super::frame_encoder;
use super::link::Lagging;
use crate::actors::sweeper::Observation;

/// What a waiting frame costs in the byte gauge beside its body: its slot in the queue, its header and its share of the
/// allocator, so that many tiny frames cannot exceed the bound in memory.
pub const FRAME_COST_BYTES: usize = 64;

/// Encoded bytes that the connection's task holds at most before it takes more frames: one socket write's worth.
pub(crate) const WRITE_BATCH_BYTES: usize = 64 * 1024;

/// RFC 6455, 5.5: a control frame has at most 125 bytes, of which the code takes two.
const CLOSE_REASON_BYTES_MAX: usize = 123;

/// The state that a connection's handle and its task share.
pub(crate) struct Outbox {
    encoding: Encoding,
    queued_bytes_max: usize,
    opened_ms: u64,
    /// Worker clock at the last bytes from the client.
    heard_ms: AtomicU64,
    authenticated: AtomicBool,
    /// The socket's reader has more to give of what it read.
    unread: AtomicBool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Bytes>,
    /// Gauge of `waiting`, costs included.
    waiting_bytes: usize,
    /// Encoded bytes that the task holds and could not write yet.
    unsent_bytes: usize,
    /// The task is running or scheduled: a delivery needs no wake.
    awake: bool,
    waker: Option<Waker>,
    /// Worker clock when the socket last refused bytes, until it takes some again.
    stalled_since_ms: Option<u64>,
    ending: Ending,
    closing_since_ms: Option<u64>,
}

#[derive(Default)]
enum Ending {
    #[default]
    No,
    /// Somebody asked for a close; the frames before it are still to be sent.
    Asked(CloseRequest),
    /// The close frame is on its way, or the peer has ended the connection: nothing more is sent.
    Closing,
    /// The socket is to be dropped at once.
    Aborted,
}

struct CloseRequest {
    code: Option<u16>,
    reason: Box<str>,
}

/// The senders' side.
impl Outbox {
    pub(crate) fn new(encoding: Encoding, queued_bytes_max: usize, now_ms: u64) -> Outbox {
        Outbox {
            encoding,
            queued_bytes_max,
            opened_ms: now_ms,
            heard_ms: AtomicU64::new(now_ms),
            authenticated: AtomicBool::new(false),
            unread: AtomicBool::new(false),
            state: Mutex::default(),
        }
    }

    pub(crate) fn encoding(&self) -> Encoding {
        self.encoding
    }

    pub(crate) fn deliver(&self, frame: Bytes) -> Result<(), Lagging> {
        self.deliver_within(frame, self.queued_bytes_max)
    }

    pub(crate) fn answer(&self, frame: Bytes) -> Result<(), Lagging> {
        self.deliver_within(frame, self.queued_bytes_max.saturating_mul(2))
    }

    fn deliver_within(&self, frame: Bytes, queued_bytes_max: usize) -> Result<(), Lagging> {
        let cost = frame.len() + FRAME_COST_BYTES;
        let mut state = self.state.lock();
        if !matches!(state.ending, Ending::No) {
            return Ok(());
        }
        if state.queued_bytes() + cost > queued_bytes_max {
            return Err(Lagging);
        }
        state.waiting_bytes += cost;
        state.waiting.push_back(frame);
        // A stalled connection cannot take frames; the socket wakes it when it can.
        if state.stalled_since_ms.is_none() {
            state.wake();
        }
        Ok(())
    }

    pub(crate) fn queued_bytes(&self) -> usize {
        self.state.lock().queued_bytes()
    }

    pub(crate) fn close(&self, code: u16, reason: &str) {
        let mut state = self.state.lock();
        if matches!(state.ending, Ending::No) {
            state.ending = Ending::Asked(CloseRequest {
                code: Some(code),
                reason: cut(reason, CLOSE_REASON_BYTES_MAX).into(),
            });
            state.wake();
        }
    }

    pub(crate) fn mark_authenticated(&self) {
        self.authenticated.store(true, Relaxed);
    }

    pub(crate) fn stalled_for(&self, now_ms: u64) -> u64 {
        let since = self.state.lock().stalled_since_ms;
        since.map_or(0, |since| now_ms.saturating_sub(since))
    }

    pub(crate) fn is_closing(&self) -> bool {
        !matches!(self.state.lock().ending, Ending::No)
    }
}

/// The sweeper's side.
impl Outbox {
    /// What the sweeper judges by. Stamps the beginning of a close that it sees for the first time.
    pub(crate) fn observe(&self, now_ms: u64) -> Observation {
        let mut state = self.state.lock();
        if !matches!(state.ending, Ending::No) && state.closing_since_ms.is_none() {
            state.closing_since_ms = Some(now_ms);
        }
        Observation {
            opened_ms: self.opened_ms,
            authenticated: self.authenticated.load(Relaxed),
            heard_ms: self.heard_ms.load(Relaxed),
            stalled_since_ms: state.stalled_since_ms,
            closing_since_ms: state.closing_since_ms,
        }
    }

    /// Drops the socket at its task's next poll, which this causes, and everything that waits for it.
    pub(crate) fn abort(&self) {
        let mut state = self.state.lock();
        state.ending = Ending::Aborted;
        state.forget_waiting();
        state.awake = false;
        state.wake();
    }
}

/// The connection task's side.
impl Outbox {
    /// Notes that the client was heard.
    pub(crate) fn heard(&self, now_ms: u64) {
        self.heard_ms.store(now_ms, Relaxed);
    }

    /// Notes whether the socket's reader has more to give of what it read.
    pub(crate) fn set_unread(&self, unread: bool) {
        self.unread.store(unread, Relaxed);
    }

    /// Whether the actor must be polled again before the task may sleep.
    pub(crate) fn has_unread(&self) -> bool {
        self.unread.load(Relaxed)
    }

    /// The peer has sent a close: answers it with the same code, or none, after the frames delivered so far.
    pub(crate) fn echo_close(&self, code: Option<u16>) {
        let mut state = self.state.lock();
        if matches!(state.ending, Ending::No) {
            state.ending = Ending::Asked(CloseRequest { code, reason: "".into() });
        }
    }

    /// The task runs: deliveries need no wake until [`Outbox::end_poll`]. Returns false when the socket is to be dropped.
    pub(crate) fn begin_poll(&self, waker: &Waker) -> bool {
        let mut state = self.state.lock();
        state.awake = true;
        if !state.waker.as_ref().is_some_and(|known| known.will_wake(waker)) {
            state.waker = Some(waker.clone());
        }
        !matches!(state.ending, Ending::Aborted)
    }

    /// Encodes waiting frames to the end of `out`, oldest first, until it holds a write's worth; then, when none is
    /// left, the close that was asked for. Returns whether the close was written: nothing may follow it.
    pub(crate) fn take_waiting(&self, out: &mut Vec<u8>) -> bool {
        let mut state = self.state.lock();
        out.reserve(state.waiting_bytes.min(WRITE_BATCH_BYTES));
        while out.len() < WRITE_BATCH_BYTES {
            let Some(frame) = state.waiting.pop_front() else {
                break;
            };
            state.waiting_bytes -= frame.len() + FRAME_COST_BYTES;
            match self.encoding {
                Encoding::Binary => frame_encoder::binary(out, &frame),
                Encoding::Json => frame_encoder::text(out, &frame),
            }
        }
        state.unsent_bytes = out.len();
        if !state.waiting.is_empty() {
            return false;
        }
        state.waiting = VecDeque::new();
        if !matches!(state.ending, Ending::Asked(_)) {
            return false;
        }
        if let Ending::Asked(request) = std::mem::replace(&mut state.ending, Ending::Closing) {
            frame_encoder::close(out, request.code, &request.reason);
        }
        true
    }

    /// Nothing more is to be sent: the peer has ended the connection.
    pub(crate) fn set_closing(&self) {
        let mut state = self.state.lock();
        if !matches!(state.ending, Ending::Aborted) {
            state.ending = Ending::Closing;
        }
        state.forget_waiting();
    }

    /// The socket took `written` bytes and `unsent` are left; `now_ms` when it refused them.
    pub(crate) fn set_unsent(&self, unsent: usize, written: usize, refused_ms: Option<u64>) {
        let mut state = self.state.lock();
        state.unsent_bytes = unsent;
        if written > 0 {
            state.stalled_since_ms = None;
        }
        if let Some(now_ms) = refused_ms {
            state.stalled_since_ms.get_or_insert(now_ms);
        }
    }

    /// The task has ended: nothing waits any more and nothing of it is kept alive by this handle.
    pub(crate) fn retire(&self) {
        let mut state = self.state.lock();
        state.ending = Ending::Aborted;
        state.forget_waiting();
        state.unsent_bytes = 0;
        state.stalled_since_ms = None;
        state.waker = None;
    }

    /// The task is about to sleep. Returns false when it must not, because there is work again.
    pub(crate) fn end_poll(&self) -> bool {
        let mut state = self.state.lock();
        if state.has_work() {
            return false;
        }
        state.awake = false;
        true
    }
}

impl State {
    fn queued_bytes(&self) -> usize {
        self.waiting_bytes + self.unsent_bytes
    }

    fn has_work(&self) -> bool {
        match self.ending {
            Ending::Aborted => true,
            _ if self.unsent_bytes >= WRITE_BATCH_BYTES => false,
            Ending::Asked(_) => true,
            Ending::No | Ending::Closing => !self.waiting.is_empty(),
        }
    }

    fn wake(&mut self) {
        if !self.awake {
            self.awake = true;
            if let Some(waker) = &self.waker {
                waker.wake_by_ref();
            }
        }
    }

    fn forget_waiting(&mut self) {
        self.waiting = VecDeque::new();
        self.waiting_bytes = 0;
    }
}

/// The longest beginning of `text` that has at most `bytes_max` bytes and ends between two characters.
fn cut(text: &str, bytes_max: usize) -> &str {
    let end = (0..=bytes_max.min(text.len())).rev().find(|&end| text.is_char_boundary(end));
    &text[..end.unwrap_or(0)]
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::sync::Arc;
    use std::sync::atomic::AtomicUsize;
    use std::task::Wake;

    use super::*;

    #[derive(Default)]
    struct Wakes(AtomicUsize);

    impl Wake for Wakes {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Relaxed);
        }
    }

    fn asleep(encoding: Encoding, bound: usize) -> (Outbox, Arc<Wakes>) {
        let outbox = Outbox::new(encoding, bound, 0);
        let wakes = Arc::new(Wakes::default());
        assert!(outbox.begin_poll(&Arc::clone(&wakes).into()));
        assert!(outbox.end_poll());
        (outbox, wakes)
    }

    #[test]
    fn many_deliveries_cost_one_wake_and_leave_in_one_piece() {
        let (outbox, wakes) = asleep(Encoding::Json, 10_000);
        for number in 0..10 {
            outbox.deliver(Bytes::from(number.to_string())).unwrap();
        }
        assert_eq!(wakes.0.load(Relaxed), 1);
        let mut out = Vec::new();
        assert!(!outbox.take_waiting(&mut out));
        assert_eq!(out, (0..10).flat_map(|digit| [0x81, 1, b'0' + digit]).collect::<Vec<u8>>());
        assert_eq!(outbox.queued_bytes(), out.len(), "what was taken counts until it is written");
        outbox.set_unsent(0, out.len(), None);
        assert_eq!(outbox.queued_bytes(), 0);
    }

    #[test]
    fn deliveries_while_the_task_runs_need_no_wake_but_keep_it_from_sleeping() {
        let (outbox, wakes) = asleep(Encoding::Binary, 10_000);
        assert!(outbox.begin_poll(&Arc::clone(&wakes).into()));
        outbox.deliver(Bytes::from_static(b"x")).unwrap();
        assert_eq!(wakes.0.load(Relaxed), 0);
        assert!(!outbox.end_poll());
    }

    #[test]
    fn an_answer_may_use_as_much_again() {
        let (outbox, _) = asleep(Encoding::Binary, 100 + FRAME_COST_BYTES);
        outbox.deliver(Bytes::from_static(&[0; 100])).unwrap();
        assert_eq!(outbox.deliver(Bytes::new()), Err(Lagging));
        outbox.answer(Bytes::from_static(&[0; 100])).unwrap();
        assert_eq!(outbox.answer(Bytes::new()), Err(Lagging));
    }

    #[test]
    fn the_bound_is_exact_and_a_refusal_queues_nothing() {
        let (outbox, _) = asleep(Encoding::Binary, 2 * (100 + FRAME_COST_BYTES));
        outbox.deliver(Bytes::from_static(&[0; 100])).unwrap();
        assert_eq!(outbox.deliver(Bytes::from_static(&[0; 101])), Err(Lagging));
        outbox.deliver(Bytes::from_static(&[0; 100])).unwrap();
        assert_eq!(outbox.deliver(Bytes::new()), Err(Lagging));
        assert_eq!(outbox.queued_bytes(), 2 * (100 + FRAME_COST_BYTES));
    }

    #[test]
    fn a_stall_lasts_from_the_first_refusal_to_the_next_byte_written() {
        let (outbox, wakes) = asleep(Encoding::Binary, 10_000);
        outbox.set_unsent(500, 100, Some(7_000));
        outbox.set_unsent(500, 0, Some(9_000));
        assert_eq!(outbox.stalled_for(10_000), 3_000);
        outbox.deliver(Bytes::from_static(b"x")).unwrap();
        assert_eq!(wakes.0.load(Relaxed), 0, "the socket will wake it");
        outbox.set_unsent(400, 100, Some(11_000));
        assert_eq!(outbox.stalled_for(12_000), 1_000);
        outbox.set_unsent(0, 400, None);
        assert_eq!(outbox.stalled_for(20_000), 0);
    }

    #[test]
    fn a_close_waits_for_the_frames_before_it_and_an_abort_for_nothing() {
        let (outbox, wakes) = asleep(Encoding::Binary, 1 << 20);
        outbox.deliver(Bytes::from(vec![0; WRITE_BATCH_BYTES])).unwrap();
        outbox.deliver(Bytes::from_static(b"second")).unwrap();
        outbox.close(4409, "replaced");
        let mut out = Vec::new();
        assert!(!outbox.take_waiting(&mut out), "a write's worth comes first");
        out.clear();
        assert!(outbox.take_waiting(&mut out));
        assert!(out.ends_with(b"replaced"));
        outbox.abort();
        assert!(!outbox.begin_poll(&Arc::clone(&wakes).into()));
    }
}
