//! One connection's conversation with the server, as a pure state machine: what a frame means, what to say next.
//!
//! Nothing is read or written here and time is handed in, so every rule can be tested without a socket. A session
//! begins with Hello; after the greeting it wants one sync, then whatever nudges, pages and timers ask for. One sync is
//! open at a time. Every request after Hello carries the newest stored snapshot. `hearing` reads frames.

mod hearing;

use crate::error::{Error, Refused};
use crate::event::DisconnectReason;
use crate::message::{ClientMessageId, Content, SendResult};
use crate::repair::Repair;
use crate::send_queue::SendQueue;
use crate::store::{OutboxMessage, PageCause};
use crate::watermarks::Watching;
use highwater_wire::proto::{self, Greeting, Page, client_frame::Request, server_frame::Body};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// Silence beyond two heartbeats after which a connection counts as dead.
const SILENCE_GRACE: Duration = Duration::from_secs(10);

/// A heartbeat goes out at the latest after so many intervals, even when other requests keep the connection busy:
/// its answer brings the day, and a nudge if one was lost.
const BUSY_HEARTBEATS: u32 = 4;

/// Heartbeat interval for a server that names none, milliseconds.
const HEARTBEAT_DEFAULT_MS: u32 = 30_000;

/// Shortest heartbeat interval that is obeyed, milliseconds: a zero must not become a busy loop.
const HEARTBEAT_MIN_MS: u32 = 50;

/// Places among the requests in flight that sends leave free: one sync, one heartbeat.
const PLACES_KEPT_FREE: usize = 2;

/// A call of the application that waits for one answer.
pub(crate) struct Ask {
    /// What is asked.
    pub(crate) request: Request,
    /// Where the answer goes.
    pub(crate) reply: oneshot::Sender<Result<Body, Error>>,
}

/// What was asked under a request id.
enum Asked {
    Hello,
    Heartbeat,
    Sync,
    Send { position: i64, id: ClientMessageId },
    Plain(oneshot::Sender<Result<Body, Error>>),
    Watermarks,
    Repair,
}

/// What waits to be said, in the order in which it is.
pub(crate) type Queues<'a> = (&'a mut SendQueue, &'a mut VecDeque<Ask>, &'a mut Watching, &'a mut Repair);

struct Open {
    asked: Asked,
    since: Instant,
}

/// What to do about a frame.
pub(crate) enum Reaction {
    /// Nothing beyond what the session noted.
    Nothing,
    /// The connection is greeted.
    Greeted(Arc<Greeting>),
    /// Hello was refused.
    HelloRefused(Refused),
    /// Store this page, then tell [`Session::page_applied`] or [`Session::page_discarded`].
    Page(Page, PageCause),
    /// The sync was refused; it is due again, see [`Session::delay_sync`].
    SyncRefused(Refused),
    /// A send has its answer.
    SendAnswered { position: i64, id: ClientMessageId, result: SendResult },
    /// The server's day.
    Day(u32),
    /// An answer for the application.
    Answer(oneshot::Sender<Result<Body, Error>>, Result<Body, Error>),
    /// How far others have come, as an answer or a hint.
    Watermarks(Vec<proto::Watermark>),
    /// The open request of the repair has its answer.
    RepairAnswered(Result<Body, Refused>),
    /// The connection is of no use any more.
    Disconnect(DisconnectReason),
}

/// What to write next.
pub(crate) struct Outgoing {
    /// Id to put on the frame.
    pub(crate) request_id: u64,
    /// The request.
    pub(crate) request: Request,
    /// The message it carries, if it is a send.
    pub(crate) message: Option<OutboxMessage>,
}

/// State of one connection.
pub(crate) struct Session {
    greeting: Option<Arc<Greeting>>,
    hello: Option<proto::Hello>,
    sync_limit: u32,
    sends_max: usize,
    request_timeout: Duration,
    last_request_id: u64,
    open: BTreeMap<u64, Open>,
    sync_due: bool,
    sync_open: bool,
    sync_not_before: Option<Instant>,
    hand_back_due: bool,
    /// A page was stored on this connection: the snapshot names the server's present run, by which a store that is put
    /// back later is recognised. What comes beside the chain waits for that.
    has_stored_a_page: bool,
    heartbeat_open: bool,
    last_said: Instant,
    last_heartbeat: Instant,
    last_heard: Instant,
}

impl Session {
    /// A new connection that will begin with this Hello.
    pub(crate) fn new(
        hello: proto::Hello,
        sync_limit: u32,
        sends_max: usize,
        request_timeout: Duration,
        now: Instant,
    ) -> Session {
        Session {
            greeting: None,
            hello: Some(hello),
            sync_limit,
            sends_max,
            request_timeout,
            last_request_id: 0,
            open: BTreeMap::new(),
            sync_due: false,
            sync_open: false,
            sync_not_before: None,
            hand_back_due: false,
            has_stored_a_page: false,
            heartbeat_open: false,
            last_said: now,
            last_heartbeat: now,
            last_heard: now,
        }
    }

    /// Something came in, if only a ping.
    pub(crate) fn heard(&mut self, now: Instant) {
        self.last_heard = now;
    }

    /// A sync is wanted.
    pub(crate) fn want_sync(&mut self) {
        self.sync_due = true;
    }

    /// The wanted sync has to wait.
    pub(crate) fn delay_sync(&mut self, until: Instant) {
        self.sync_due = true;
        self.sync_not_before = Some(until);
    }

    /// Whether the connection is greeted.
    pub(crate) fn greeted(&self) -> bool {
        self.greeting.is_some()
    }

    /// Whether no sync is open or wanted.
    pub(crate) fn caught_up(&self) -> bool {
        self.greeted() && !self.sync_open && !self.sync_due
    }

    /// A page is stored: go on while more is waiting, hand back at once when asked.
    pub(crate) fn page_applied(&mut self, page: &Page) {
        self.has_stored_a_page = true;
        self.sync_due |= page.more;
        self.hand_back_due |= page.hand_back;
    }

    /// A page was discarded: only a sync can mend that.
    pub(crate) fn page_discarded(&mut self) {
        self.sync_due = true;
    }

    /// The next request to write, if there is one now. It counts as open from here on.
    pub(crate) fn next_request(
        &mut self,
        now: Instant,
        (sends, asks, watching, repair): Queues<'_>,
    ) -> Option<Outgoing> {
        if let Some(hello) = self.hello.take() {
            return Some(self.opened(Asked::Hello, Request::Hello(hello), None, now));
        }
        let places = self.greeting.as_ref().map_or(0, |greeting| greeting.in_flight_max.max(1) as usize);
        if self.open.len() >= places {
            return None;
        }
        if self.sync_ready(now) {
            self.sync_due = false;
            self.sync_open = true;
            self.sync_not_before = None;
            let sync = proto::Sync { limit: self.sync_limit, wait_ms: 0 };
            return Some(self.opened(Asked::Sync, Request::Sync(sync), None, now));
        }
        if !self.heartbeat_open && (self.hand_back_due || now >= self.heartbeat_at()) {
            self.heartbeat_open = true;
            self.last_heartbeat = now;
            return Some(self.opened(Asked::Heartbeat, Request::Heartbeat(proto::Heartbeat {}), None, now));
        }
        if let Some(ask) = asks.pop_front() {
            return Some(self.opened(Asked::Plain(ask.reply), ask.request, None, now));
        }
        if let Some(request) = watching.take_next() {
            return Some(self.opened(Asked::Watermarks, request, None, now));
        }
        let sends_max = self.sends_max.min(places.saturating_sub(PLACES_KEPT_FREE)).max(1);
        if self.has_stored_a_page
            && self.sends_open() < sends_max
            && let Some(message) = sends.take_next(now)
        {
            let asked = Asked::Send { position: message.position, id: message.id };
            let request = Request::Send(send_request(&message));
            return Some(self.opened(asked, request, Some(message), now));
        }
        // Last, since nobody waits for it.
        let request = repair.take_next(now)?;
        Some(self.opened(Asked::Repair, request, None, now))
    }

    fn sync_ready(&self, now: Instant) -> bool {
        self.sync_due && !self.sync_open && self.sync_not_before.is_none_or(|at| now >= at)
    }

    fn sends_open(&self) -> usize {
        self.open.values().filter(|open| matches!(open.asked, Asked::Send { .. })).count()
    }

    fn opened(
        &mut self,
        asked: Asked,
        request: Request,
        message: Option<OutboxMessage>,
        now: Instant,
    ) -> Outgoing {
        self.last_request_id += 1;
        self.last_said = now;
        if !matches!(asked, Asked::Hello) {
            // Whatever is said carries the newest snapshot.
            self.hand_back_due = false;
        }
        self.open.insert(self.last_request_id, Open { asked, since: now });
        Outgoing { request_id: self.last_request_id, request, message }
    }

    /// Why the connection has to be given up by now, if it has to.
    pub(crate) fn overdue(&self, now: Instant) -> Option<DisconnectReason> {
        if now >= self.silent_at() {
            Some(DisconnectReason::Silent)
        } else if self.unanswered_at().is_some_and(|at| now >= at) {
            Some(DisconnectReason::RequestTimeout)
        } else {
            None
        }
    }

    /// When the session has to be looked at again if nothing happens before.
    pub(crate) fn wakes_at(&self, sends: &SendQueue, repair: &Repair) -> Instant {
        let sync = self.sync_not_before.filter(|_| self.sync_due && !self.sync_open);
        let heartbeat = (self.greeted() && !self.heartbeat_open).then(|| self.heartbeat_at());
        [self.unanswered_at(), sync, heartbeat, sends.wakes_at(), repair.wakes_at()]
            .into_iter()
            .flatten()
            .fold(self.silent_at(), Instant::min)
    }

    fn heartbeat_interval(&self) -> Duration {
        let named = self.greeting.as_ref().map_or(0, |greeting| greeting.heartbeat_ms);
        let interval_ms = if named == 0 { HEARTBEAT_DEFAULT_MS } else { named.max(HEARTBEAT_MIN_MS) };
        Duration::from_millis(interval_ms.into())
    }

    fn heartbeat_at(&self) -> Instant {
        let interval = self.heartbeat_interval();
        (self.last_said + interval).min(self.last_heartbeat + interval * BUSY_HEARTBEATS)
    }

    fn silent_at(&self) -> Instant {
        self.last_heard + self.heartbeat_interval() * 2 + SILENCE_GRACE
    }

    fn unanswered_at(&self) -> Option<Instant> {
        // Request ids grow with time, so the first is the oldest.
        self.open.values().next().map(|open| open.since + self.request_timeout)
    }

    /// Ends the session: what the application asked gets no answer any more.
    pub(crate) fn end(self) {
        for open in self.open.into_values() {
            if let Asked::Plain(reply) = open.asked {
                // A caller that went away needs no answer.
                let _ = reply.send(Err(Error::Disconnected));
            }
        }
    }
}

fn send_request(message: &OutboxMessage) -> proto::Send {
    let (text, custom) = match &message.content {
        Content::Text(text) => (text.clone(), None),
        Content::Custom(custom) => (String::new(), Some(custom.clone())),
    };
    proto::Send {
        client_message_id: message.id.0.to_vec().into(),
        day: message.day.unwrap_or_default(),
        to: Some(message.target.to_wire()),
        text,
        shown_seq: message.shown_seq,
        custom,
    }
}

#[cfg(test)]
mod tests;
