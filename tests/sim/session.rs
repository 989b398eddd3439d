//! The server's side of one connection: the push chain that the user actor keeps, and frames on their way.

use std::collections::VecDeque;

use bytes::Bytes;
use highwater::{
    actors::user::PageRequest,
    model::{UserId, Version, limits::PUSH_ENTRIES_MAX, record::InboxMessage},
    store::{tail::Tail, view::View},
    sync::{Chain, Issued, Lifeline, News, PushChain, Rendering, SnapshotKey, render},
};
use highwater_wire::proto;

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
    pub chain: PushChain,
    pub reading: Option<Reading>,
    /// News that have not reached the session yet; whether a state kind is among them.
    pub news: Option<bool>,
    pub frames: VecDeque<Frame>,
    /// A page was stored by its client on this connection.
    pub has_given_a_page: bool,
}

/// What a session is told.
pub enum Telling {
    Nothing,
    Nudge(&'static str),
    Push(proto::Page, Issued),
}

impl Session {
    pub fn new() -> Session {
        Session {
            chain: PushChain::default(),
            reading: None,
            news: None,
            frames: VecDeque::new(),
            has_given_a_page: false,
        }
    }

    pub fn note(&mut self, items: bool) {
        self.news = Some(self.news.unwrap_or(false) | items);
    }

    /// Says that it is time to look, once.
    pub fn nudge(&mut self) {
        if self.chain.wants_nudge() {
            self.frames.push_back(Frame::Nudge);
            self.chain.nudged();
        }
    }

    /// What news mean for this session, computed from the tail alone.
    pub fn telling(
        &self,
        items: bool,
        (user, rendering): (UserId, Rendering),
        chain: Chain,
        tail: &Tail,
        (key, lifeline): (&SnapshotKey, &Lifeline),
    ) -> Telling {
        let mark = match self.chain.news(items, true) {
            News::Nothing => return Telling::Nothing,
            News::Nudge => return Telling::Nudge("nudge"),
            News::PushAbove(mark) => mark,
        };
        let whose = (user, self.chain.follows());
        let Some((deliveries, false)) = tail.news_above(whose, mark, tail.durable(), PUSH_ENTRIES_MAX) else {
            return Telling::Nudge("chain broken");
        };
        assert!(
            self.chain.knows_follows(tail.follows_changed(user)),
            "what a user follows changed, and no item said so"
        );
        let Some(last) = deliveries.last() else {
            return Telling::Nothing;
        };
        let names_somebody =
            |entry: &InboxMessage| !render::people(user, rendering, &entry.message).is_empty();
        if deliveries.iter().any(names_somebody) {
            return Telling::Nudge("nudge to read names");
        }
        let marks = self.chain.marks_after(last.version, lifeline.current());
        let snapshot = Bytes::from(key.seal(chain, &marks));
        let entries = render::entries(user, rendering, &deliveries);
        Telling::Push(self.chain.push_page(&snapshot, entries), Issued { snapshot, marks })
    }
}
