//! One connection as its user's actor sees it: which chain it continues, and how far it was given.

use std::sync::Arc;

use bytes::Bytes;
use highwater_wire::{Refusal, close, proto};

use super::{Attach, encode, hints::Watched};
use crate::{
    actors::{
        transport::{ConnectionId, Link},
        unanswered::Share,
    },
    logic::Principal,
    model::{
        Lineage,
        limits::{self, IN_FLIGHT_PER_CONNECTION_MAX},
    },
    sync::{Kinds, PushChain, Rendering},
};

/// See the module.
pub struct Session {
    pub(super) link: Link,
    pub(super) principal: Principal,
    /// As stored, or on its way to be.
    pub(super) lineage: Lineage,
    pub(super) rendering: Rendering,
    pub(super) kinds: Arc<Kinds>,
    pub(super) nudge_only: bool,
    pub(super) chain: PushChain,
    /// The newest snapshot that was handed back, until its marks are stored.
    pub(super) handed: Option<Bytes>,
    /// A heartbeat has the store looked at: see `posts`. One look at a time, however often the client beats.
    pub(super) looks_for_posts: bool,
    /// Requests that were not answered yet.
    pub(super) in_flight: Share,
    /// Conversations of which hints are told, that asked for longest ago first; at most
    /// `limits::WATCHED_PER_CONNECTION_MAX`.
    pub(super) watched: Vec<Watched>,
}

impl Session {
    pub(super) fn new(attach: Attach, in_flight: Share) -> Session {
        Session {
            link: attach.link,
            principal: attach.principal,
            lineage: attach.lineage,
            rendering: attach.rendering,
            kinds: attach.kinds,
            nudge_only: attach.nudge_only,
            chain: PushChain::default(),
            handed: None,
            looks_for_posts: false,
            in_flight,
            watched: Vec::new(),
        }
    }

    /// Which connection.
    #[must_use]
    pub fn connection(&self) -> ConnectionId {
        self.link.id()
    }

    /// Queues an answer.
    pub(super) fn send(&self, frame: &proto::ServerFrame) {
        self.send_encoded(encode(self.link.encoding(), frame));
    }

    /// Queues an encoded answer. Who asks and does not read is closed; what was asked is asked again when it is back.
    pub(super) fn send_encoded(&self, frame: Bytes) {
        if self.link.answer(frame).is_err() {
            self.link.close(close::TOO_SLOW, "answers are not read");
        }
    }

    /// Answers a request.
    pub(super) fn answer(&mut self, request_id: u64, body: proto::server_frame::Body) {
        self.send(&proto::ServerFrame { request_id, body: Some(body) });
        self.in_flight.answered();
    }

    /// Answers a request with a frame that is encoded already.
    pub(super) fn answer_encoded(&mut self, frame: Bytes) {
        self.send_encoded(frame);
        self.in_flight.answered();
    }

    /// Refuses a request that was counted.
    pub(super) fn refuse(&mut self, request_id: u64, refusal: Refusal) {
        self.refuse_for(request_id, refusal, retry_after_ms(refusal));
    }

    /// The same with a time of its own for coming again.
    pub(super) fn refuse_for(&mut self, request_id: u64, refusal: Refusal, retry_after_ms: u32) {
        self.answer(request_id, proto::server_frame::Body::Error(refusal.to_error(retry_after_ms)));
    }

    /// Notes what a client hands back: it has stored this.
    pub(super) fn note_handed_back(&mut self, snapshot: &Bytes) {
        if !snapshot.is_empty() {
            self.handed = Some(snapshot.clone());
        }
    }

    /// Counts a request in; false when too many are unanswered.
    pub(super) fn admit(&mut self) -> bool {
        self.in_flight.add() <= IN_FLIGHT_PER_CONNECTION_MAX
    }

    /// Whether messages may come unasked, not only the word that there are some.
    pub(super) fn takes_pushes(&self) -> bool {
        !self.nudge_only && self.kinds.messages()
    }

    /// Says that it is time to look, once.
    pub(super) fn nudge(&mut self) {
        if !self.chain.wants_nudge() {
            return;
        }
        let nudge = proto::server_frame::Body::Nudge(proto::Nudge {});
        let frame = proto::ServerFrame { request_id: 0, body: Some(nudge) };
        match self.link.deliver(encode(self.link.encoding(), &frame)) {
            Ok(()) => self.chain.nudged(),
            Err(_) => self.chain.dropped(None),
        }
    }

    /// A lagging connection that has drained catches up from its marks.
    pub(super) fn nudge_if_drained(&mut self) {
        if self.chain.is_lagging() && self.link.queued_bytes() == 0 {
            self.chain.drained();
            self.nudge();
        }
    }
}

/// When a refused request may come again, with a jitter of its own making on the client's side.
#[must_use]
pub fn retry_after_ms(refusal: Refusal) -> u32 {
    match refusal {
        Refusal::Busy | Refusal::TooManyInFlight => 100,
        Refusal::UnknownOutcome => 200,
        Refusal::StorageFull | Refusal::Internal | Refusal::Draining => 1000,
        // A fetch may take five seconds, and the next one begins no earlier.
        Refusal::HostUnavailable => 5_000,
        // They are forgotten after ten minutes; who knows the password should not have to wait for all of it in vain.
        Refusal::TooManyAttempts => 60_000,
        // Then one change is possible again.
        Refusal::TooManyChanges => limits::PROFILE_CHANGE_EVERY_MS as u32,
        // The day's are forgotten at midnight, and what waits goes when somebody reads it: neither within seconds.
        Refusal::TooManyRequests => 60 * 60 * 1000,
        _ => 0,
    }
}
