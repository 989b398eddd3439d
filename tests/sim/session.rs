//! The server's side of one connection, as the user actor keeps it: what was issued, and whether it may push.

use std::collections::VecDeque;

use bytes::Bytes;
use highwater::{
    actors::user::PageRequest,
    model::{UserId, Version, limits::PUSH_ENTRIES_MAX},
    store::{tail::Tail, view::View},
    sync::{Chain, Lifeline, Marks, SnapshotKey, kinds::MESSAGES, render},
};
use highwater_wire::{base_of, proto};

/// See the user actor's session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pushing {
    Closed,
    Syncing { news: bool },
    Open,
    Nudged,
    Lagging,
}

/// A frame on its way to a client.
pub enum Frame {
    /// An answer to a sync, and the bound it was read against.
    Page(proto::Page, Version),
    Push(proto::Page),
    Nudge,
}

/// A sync that is being answered.
pub struct Reading {
    pub request: PageRequest,
    /// The read, if it has begun.
    pub view: Option<View>,
}

/// See the module.
pub struct Session {
    pub pushing: Pushing,
    pub issued: Option<(Bytes, Marks)>,
    pub reading: Option<Reading>,
    /// News that have not reached the session yet; whether a state kind is among them.
    pub news: Option<bool>,
    pub frames: VecDeque<Frame>,
}

/// What a session is told.
pub enum Telling {
    Nothing,
    Nudge(&'static str),
    Push(proto::Page, (Bytes, Marks)),
}

impl Session {
    pub fn new() -> Session {
        Session { pushing: Pushing::Closed, issued: None, reading: None, news: None, frames: VecDeque::new() }
    }

    pub fn note(&mut self, items: bool) {
        self.news = Some(self.news.unwrap_or(false) | items);
    }

    /// Says that it is time to look, once.
    pub fn nudge(&mut self) {
        match self.pushing {
            Pushing::Open | Pushing::Closed => {
                self.frames.push_back(Frame::Nudge);
                self.pushing = Pushing::Nudged;
            }
            Pushing::Syncing { .. } => self.pushing = Pushing::Syncing { news: true },
            Pushing::Nudged | Pushing::Lagging => {}
        }
    }

    /// What news mean for this session, computed from the tail alone.
    pub fn telling(
        &self,
        items: bool,
        user: UserId,
        chain: Chain,
        tail: &Tail,
        seals: (&SnapshotKey, &Lifeline),
    ) -> Telling {
        match self.pushing {
            Pushing::Nudged | Pushing::Lagging => return Telling::Nothing,
            Pushing::Closed | Pushing::Syncing { .. } => return Telling::Nudge("nudge"),
            Pushing::Open => {}
        }
        let Some((given, issued)) = &self.issued else {
            return Telling::Nudge("nudge");
        };
        if items {
            return Telling::Nudge("nudge");
        }
        let above = tail.inbox_above(user, issued.of(MESSAGES), tail.durable(), PUSH_ENTRIES_MAX);
        let Some((deliveries, false)) = above else {
            return Telling::Nudge("chain broken");
        };
        let Some(last) = deliveries.last() else {
            return Telling::Nothing;
        };
        let mut marks = *issued;
        marks.raise(MESSAGES, last.version);
        marks.run = seals.1.current();
        let snapshot = Bytes::from(seals.0.seal(chain, &marks));
        let page = proto::Page {
            base: Bytes::copy_from_slice(base_of(given)),
            snapshot: snapshot.clone(),
            entries: deliveries.iter().map(|delivery| render::entry(user, &delivery.message)).collect(),
            ..proto::Page::default()
        };
        Telling::Push(page, (snapshot, marks))
    }
}
