//! Telling what is new: an inline push where the tail shows everything above the issued mark, else a nudge.

use bytes::Bytes;
use highwater_wire::{base_of, proto};

use super::{
    User, encode,
    session::{Issued, Pushing, Session},
};
use crate::{
    actors::transport::ConnectionId,
    model::{UserId, limits::PUSH_ENTRIES_MAX},
    monitor::{Op, Outcome, ids},
    sync::{Chain, kinds::MESSAGES, render},
};

/// What a session is told.
enum Telling {
    /// Nothing: it has everything, or will hear of it anyway.
    Nothing,
    /// That it is time to look.
    Nudge,
    /// Everything of kind messages above its issued mark.
    Push(Issued, Bytes),
}

impl User {
    /// Something durable is new for this user; `items` when a state kind is among it.
    pub(super) fn tell_news(&mut self, items: bool) {
        for place in 0..self.sessions.len() {
            let connection = self.sessions[place].connection();
            self.tell_news_to(connection, items);
        }
    }

    /// The same for one connection.
    pub(super) fn tell_news_to(&mut self, connection: ConnectionId, items: bool) {
        let telling = match self.sessions.iter().find(|session| session.connection() == connection) {
            Some(session) => self.telling(session, items),
            None => return,
        };
        let monitor = self.services.monitor.clone();
        let Some(session) = self.session(connection) else {
            return;
        };
        match telling {
            Telling::Nothing => {}
            Telling::Nudge => {
                session.nudge();
                monitor.operation(Op::Nudge).finished(Outcome::Ok, 0, 0);
            }
            Telling::Push(issued, frame) => {
                if session.push(frame).is_ok() {
                    session.issued = Some(issued);
                    monitor.operation(Op::Push).finished(Outcome::Ok, 0, 0);
                } else {
                    monitor.add(ids::PUSHES_DROPPED, 1);
                }
            }
        }
    }

    fn telling(&self, session: &Session, items: bool) -> Telling {
        match session.pushing {
            Pushing::Nudged | Pushing::Lagging => return Telling::Nothing,
            // A client that has not synced yet does so first thing; one that syncs is told afterwards.
            Pushing::Closed | Pushing::Syncing { .. } => return Telling::Nudge,
            Pushing::Open => {}
        }
        let Some(issued) = &session.issued else {
            return Telling::Nudge;
        };
        if items || session.nudge_only || !session.kinds.messages() {
            return Telling::Nudge;
        }
        let tail = &self.services.tail;
        let above = tail.inbox_above(self.user, issued.marks.of(MESSAGES), tail.durable(), PUSH_ENTRIES_MAX);
        match above {
            Some((deliveries, false)) => match deliveries.last() {
                None => Telling::Nothing,
                Some(last) => {
                    let mut marks = issued.marks;
                    marks.raise(MESSAGES, last.version);
                    marks.run = self.services.lifeline.current();
                    let entries =
                        deliveries.iter().map(|delivery| render::entry(self.user, &delivery.message));
                    let chain = Chain { user: self.user, lineage: session.lineage };
                    let snapshot = Bytes::from(self.services.key.seal(chain, &marks));
                    let frame = push_frame(session, issued, &snapshot, entries.collect());
                    Telling::Push(Issued { snapshot, marks }, frame)
                }
            },
            _ => Telling::Nudge,
        }
    }
}

fn push_frame(session: &Session, issued: &Issued, snapshot: &Bytes, entries: Vec<proto::Entry>) -> Bytes {
    let page = proto::Page {
        base: Bytes::copy_from_slice(base_of(&issued.snapshot)),
        snapshot: snapshot.clone(),
        entries,
        ..proto::Page::default()
    };
    let body = Some(proto::server_frame::Body::Push(page));
    encode(session.link.encoding(), &proto::ServerFrame { request_id: 0, body })
}

/// Who is told of a durable record, and whether a state kind is among it.
pub fn audience(record: &crate::model::Record) -> Vec<(UserId, bool)> {
    let mut told: Vec<(UserId, bool)> = Vec::new();
    let mut tell = |user: UserId, items: bool| match told.iter_mut().find(|(known, _)| *known == user) {
        Some((_, merged)) => *merged |= items,
        None => told.push((user, items)),
    };
    for effect in &record.effects {
        match effect {
            crate::model::Effect::Item { user, .. } => tell(*user, true),
            crate::model::Effect::Message(delivery) => {
                delivery.pointers.iter().for_each(|(user, _)| tell(*user, false));
            }
            _ => {}
        }
    }
    told
}
