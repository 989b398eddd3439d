//! Hints of how far the other one of a conversation has come, to connections that asked for it: what is due is read on a
//! reader's thread, and told if it is news.

use std::{sync::Arc, time::Duration};

use actix::{AsyncContext, Context};
use bytes::Bytes;
use highwater_wire::{Refusal, proto};
use proto::server_frame::Body;

use super::{
    User, encode,
    ticks::{TicksAnswer, peer_ticks, ticks, watermark},
};
use crate::{
    actors::{ports::Post, reader::PageRead, transport::ConnectionId, watchers::Watch},
    logic::tick_hints::TickHints,
    model::{ConversationId, Ticks, UserId, limits::WATCHED_PER_CONNECTION_MAX},
    monitor::{Op, Outcome, ids},
    sync::LEVELS,
};

/// A conversation of which one connection is told hints.
pub struct Watched {
    conversation: ConversationId,
    /// Of the other one.
    watch: Watch,
    hints: TickHints,
}

/// What a reader brings back of the other one of a conversation.
#[derive(Debug)]
pub enum TicksRead {
    /// The answer to a question, and whom hints follow of.
    Answer {
        /// The whole frame.
        frame: Bytes,
        /// The other one, as told.
        peer: Option<(UserId, Ticks)>,
    },
    /// What is so now; nothing when it may not be known.
    Found(Option<(UserId, Ticks)>),
    /// The store could not be read; the fault is in the server's log.
    Failed,
}

impl User {
    /// Answers how far others have come, and from then on tells hints of it.
    pub(super) fn ask_watermarks(
        &mut self,
        connection: ConnectionId,
        request_id: u64,
        wanted: proto::AskWatermarks,
    ) {
        let (asking, told) = (self.user, self.services.ticks_told);
        let Some(encoding) = self.session(connection).map(|session| session.link.encoding()) else {
            return;
        };
        self.read_with(connection, request_id, Op::AskWatermarks, move |view| {
            let TicksAnswer { body, peer } = ticks(view, told, asking, &wanted)?;
            let outcome = if body.is_err() { Outcome::Refused } else { Outcome::Ok };
            let body = Some(body.unwrap_or_else(|refusal| Body::Error(refusal.to_error(0))));
            let frame = encode(encoding, &proto::ServerFrame { request_id, body });
            let read = TicksRead::Answer { frame, peer };
            Ok((PageRead::Ticks(ConversationId(wanted.conversation_id), read), outcome))
        });
    }

    /// Something was read of the other one of a conversation.
    pub(super) fn ticks_were_read(
        &mut self,
        connection: ConnectionId,
        conversation: ConversationId,
        read: TicksRead,
    ) {
        let now_ms = self.services.clock.monotonic_us() / 1000;
        let Some(place) = self.sessions.iter().position(|session| session.connection() == connection) else {
            return;
        };
        match read {
            TicksRead::Answer { frame, peer } => {
                self.sessions[place].answer_encoded(frame);
                if let Some((reader, ticks)) = peer {
                    self.watch(place, conversation, reader, ticks);
                }
            }
            TicksRead::Found(found) => self.tell_hint(place, conversation, found, now_ms),
            TicksRead::Failed => {
                if let Some(watched) = self.sessions[place].watched(conversation) {
                    watched.hints.put_off(now_ms);
                }
            }
        }
    }

    /// From here on hints of this conversation follow, of which this was told.
    fn watch(&mut self, place: usize, conversation: ConversationId, reader: UserId, ticks: Ticks) {
        let session = &mut self.sessions[place];
        if !LEVELS.has_ticks(session.rendering) {
            return;
        }
        if let Some(held) = session.watched.iter().position(|watched| watched.conversation == conversation) {
            let mut watched = session.watched.remove(held);
            watched.hints.answered(ticks);
            session.watched.push(watched);
            return;
        }
        if session.watched.len() == WATCHED_PER_CONNECTION_MAX {
            session.watched.remove(0);
        }
        // It is due at once: what rose since it was read was told to nobody here.
        let watch = self.services.watchers.watch(reader, self.user);
        session.watched.push(Watched { conversation, watch, hints: TickHints::after(ticks) });
    }

    /// Somebody may have come further.
    pub(super) fn ticks_rose(&mut self, reader: UserId) {
        let watched = self.sessions.iter_mut().flat_map(|session| &mut session.watched);
        watched.filter(|watched| watched.watch.reader() == reader).for_each(|watched| watched.hints.rose());
    }

    /// Looks for what is due, and plans the next look.
    pub(super) fn look_for_hints(&mut self, ctx: &mut Context<User>) {
        // Mostly nobody watches: then this is all that a post costs.
        if self.sessions.iter().all(|session| session.watched.is_empty()) {
            return;
        }
        let now_ms = self.services.clock.monotonic_us() / 1000;
        for (connection, conversation) in self.due_hints(now_ms) {
            if self.read_ticks(connection, conversation).is_err() {
                self.ticks_were_read(connection, conversation, TicksRead::Failed);
            }
        }
        let watched = self.sessions.iter().flat_map(|session| &session.watched);
        let Some(next_ms) = watched.filter_map(|watched| watched.hints.due_at()).min() else {
            return;
        };
        if self.hints_at_ms.is_some_and(|planned| planned <= next_ms) {
            return;
        }
        self.hints_at_ms = Some(next_ms);
        ctx.run_later(Duration::from_millis(next_ms.saturating_sub(now_ms)), move |user, ctx| {
            user.hints_at_ms.take_if(|planned| *planned == next_ms);
            user.look_for_hints(ctx);
        });
    }

    /// What is to be read now. A connection that takes nothing waits.
    fn due_hints(&mut self, now_ms: u64) -> Vec<(ConnectionId, ConversationId)> {
        let mut due = Vec::new();
        for session in &mut self.sessions {
            let (connection, lags) = (session.connection(), session.chain.is_lagging());
            for watched in &mut session.watched {
                if !watched.hints.begins_look(now_ms) {
                    continue;
                }
                if lags {
                    watched.hints.put_off(now_ms);
                } else {
                    due.push((connection, watched.conversation));
                }
            }
        }
        due
    }

    /// Reads what is so now of the other one of a conversation.
    fn read_ticks(&self, connection: ConnectionId, conversation: ConversationId) -> Result<(), Refusal> {
        let (user, worker, services) = (self.user, self.worker, Arc::clone(&self.services));
        self.services.readers.read(move |view| {
            let read = match peer_ticks(view, services.ticks_told, user, conversation) {
                Ok(found) => TicksRead::Found(found),
                Err(fault) => {
                    tracing::error!(error = &fault as &dyn std::error::Error, "the store could not be read");
                    TicksRead::Failed
                }
            };
            services.ports.post(worker, user, Post::Read(connection, PageRead::Ticks(conversation, read)));
        })
    }

    fn tell_hint(
        &mut self,
        place: usize,
        conversation: ConversationId,
        found: Option<(UserId, Ticks)>,
        now_ms: u64,
    ) {
        let monitor = self.services.monitor.clone();
        let session = &mut self.sessions[place];
        let (link, lags) = (session.link.clone(), session.chain.is_lagging());
        let Some(watched) = session.watched(conversation) else { return };
        let ticks = found.map(|(_, ticks)| ticks).unwrap_or_default();
        let Some(raised) = watched.hints.found(now_ms, ticks) else { return };
        let body = Some(Body::Watermark(watermark(conversation, watched.watch.reader(), raised)));
        let frame = encode(link.encoding(), &proto::ServerFrame { request_id: 0, body });
        if !lags && link.deliver(frame).is_ok() {
            watched.hints.told(raised);
            monitor.add(ids::WATERMARKS_TOLD, 1);
        } else {
            watched.hints.put_off(now_ms);
            monitor.add(ids::WATERMARKS_PUT_OFF, 1);
        }
    }
}

impl super::Session {
    fn watched(&mut self, conversation: ConversationId) -> Option<&mut Watched> {
        self.watched.iter_mut().find(|watched| watched.conversation == conversation)
    }
}
