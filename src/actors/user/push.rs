//! Telling what is new: an inline push where the tail shows everything above the issued mark, else a nudge.

use bytes::Bytes;
use highwater_wire::{
    Encoding,
    proto::{self, server_frame::Body},
};

use super::{User, encode, push_frame::push_frame};
use crate::{
    actors::transport::ConnectionId,
    model::{Effect, GroupEffect, Record, UserId, Version, limits::PUSH_ENTRIES_MAX, record::InboxMessage},
    monitor::{Op, Outcome, ids},
    sync::{Chain, Issued, News, PushChain, Rendering, RunName, SnapshotKey, render},
};

impl User {
    /// Something durable is new for this user; `items` when a state kind is among it.
    pub(super) fn tell_news(&mut self, items: bool) {
        self.progress.iter_mut().for_each(|(_, progress)| progress.news());
        for place in 0..self.sessions.len() {
            self.tell_session(place, items);
        }
    }

    /// The same for one connection.
    pub(super) fn tell_news_to(&mut self, connection: ConnectionId, items: bool) {
        if let Some(place) = self.sessions.iter().position(|session| session.connection() == connection) {
            self.tell_session(place, items);
        }
    }

    fn tell_session(&mut self, place: usize, items: bool) {
        let session = &self.sessions[place];
        match session.chain.news(items, session.takes_pushes()) {
            News::Nothing => {}
            News::Nudge => self.nudge(place),
            News::PushAbove(mark) => self.push_above(place, mark),
        }
    }

    fn nudge(&mut self, place: usize) {
        self.sessions[place].nudge();
        self.services.monitor.operation(Op::Nudge).finished(Outcome::Ok, 0, 0);
    }

    /// Pushes everything above the mark, if the tail shows that nothing is missing between.
    fn push_above(&mut self, place: usize, mark: Version) {
        let (tail, session) = (&self.services.tail, &self.sessions[place]);
        let whose = (self.user, session.chain.follows());
        let Some((entries, false)) = tail.news_above(whose, mark, tail.durable(), PUSH_ENTRIES_MAX) else {
            return self.nudge(place);
        };
        if !self.follows_as_told(session) {
            return self.nudge(place);
        }
        if entries.is_empty() {
            return;
        }
        // Names are read where pages are made; a look into the store has no place on a worker's thread.
        let names_somebody =
            |entry: &InboxMessage| !render::people(self.user, session.rendering, &entry.message).is_empty();
        if entries.iter().any(names_somebody) {
            return self.nudge(place);
        }
        let chain = Chain { user: self.user, lineage: session.lineage.id };
        let seals = (&self.services.key, self.services.lifeline.current());
        let (given, rendering) = (&session.chain, session.rendering);
        let (frame, issued) = match session.link.encoding() {
            Encoding::Binary => {
                let issued = issued_by_push(given, chain, &entries, seals);
                (push_frame(self.user, rendering, (given.base(), &issued.snapshot), &entries), issued)
            }
            Encoding::Json => {
                let (page, issued) = push_page(given, chain, rendering, &entries, seals);
                let frame = proto::ServerFrame { request_id: 0, body: Some(Body::Push(page)) };
                (encode(Encoding::Json, &frame), issued)
            }
        };
        let session = &mut self.sessions[place];
        if session.link.deliver(frame).is_ok() {
            session.chain.pushed(issued);
            self.services.monitor.operation(Op::Push).finished(Outcome::Ok, 0, 0);
        } else {
            session.chain.dropped(Some(&issued));
            self.services.monitor.add(ids::PUSHES_DROPPED, 1);
        }
    }
}

/// The push of everything that came above what a chain was given, and where the chain stands after it.
///
/// # Panics
/// When nothing came, or nothing was given before.
pub(super) fn push_page(
    given: &PushChain,
    chain: Chain,
    rendering: Rendering,
    entries: &[InboxMessage],
    seals: (&SnapshotKey, RunName),
) -> (proto::Page, Issued) {
    let issued = issued_by_push(given, chain, entries, seals);
    let told = render::entries(chain.user, rendering, entries);
    (given.push_page(&issued.snapshot, told), issued)
}

/// Where a chain stands after the push of these entries.
fn issued_by_push(
    given: &PushChain,
    chain: Chain,
    entries: &[InboxMessage],
    (key, current): (&SnapshotKey, RunName),
) -> Issued {
    let last = entries.last().expect("a push has something to say");
    let marks = given.marks_after(last.version, current);
    Issued { snapshot: Bytes::from(key.seal(chain, &marks)), marks }
}

/// Who is told of a durable record, each once in the order of ids, and whether a state kind is among it.
pub fn audience(record: &Record) -> Vec<(UserId, bool)> {
    audience_of_all(std::iter::once(record))
}

/// The same of several records together.
pub fn audience_of_all<'a>(records: impl IntoIterator<Item = &'a Record>) -> Vec<(UserId, bool)> {
    let mut told: Vec<(UserId, bool)> = Vec::new();
    let mut tell = |user: UserId, items: bool| told.push((user, items));
    for effect in records.into_iter().flat_map(|record| &record.effects) {
        match effect {
            Effect::Item { user, .. } => tell(*user, true),
            Effect::Message(delivery) => {
                delivery.pointers.iter().for_each(|(user, _)| tell(*user, false));
            }
            Effect::Group(GroupEffect::Expanded(step)) => {
                step.pointers.iter().for_each(|(user, _)| tell(*user, false));
            }
            _ => {}
        }
    }
    // A user who is named twice, with the item first. Pointers of a group are in order already: a stable sort merges them.
    told.sort_by_key(|(user, items)| (*user, !items));
    told.dedup_by_key(|(user, _)| *user);
    told
}
