//! What a frame of the server means: an answer to what was asked, or something told by itself.

use super::{Asked, Reaction, Session};
use crate::error::Refused;
use crate::event::DisconnectReason;
use crate::store::PageCause;
use highwater_wire::proto::{Greeting, ServerFrame, server_frame::Body};
use std::sync::Arc;
use std::time::Instant;

impl Session {
    /// Reads a frame.
    pub(crate) fn on_frame(&mut self, frame: ServerFrame, now: Instant) -> Reaction {
        self.heard(now);
        let Some(body) = frame.body else {
            // A body that this version does not know: only what we asked for may not be passed over.
            return match self.open.remove(&frame.request_id) {
                Some(_) => Reaction::Disconnect(DisconnectReason::Protocol("an answer without a known body")),
                None => Reaction::Nothing,
            };
        };
        if frame.request_id == 0 {
            return self.on_unasked(body);
        }
        match self.open.remove(&frame.request_id) {
            Some(open) => self.on_answer(open.asked, body, now),
            None => Reaction::Disconnect(DisconnectReason::Protocol("an answer to no open request")),
        }
    }

    fn on_unasked(&mut self, body: Body) -> Reaction {
        match body {
            Body::Push(page) => Reaction::Page(page, PageCause::Push),
            Body::Nudge(_) => {
                self.sync_due = true;
                Reaction::Nothing
            }
            Body::Watermark(watermark) => Reaction::Watermarks(vec![watermark]),
            Body::Error(error) => Reaction::Disconnect(DisconnectReason::Refused(error.into())),
            _ => Reaction::Disconnect(DisconnectReason::Protocol("an answer without request id")),
        }
    }

    fn on_answer(&mut self, asked: Asked, body: Body, now: Instant) -> Reaction {
        match (asked, body) {
            (Asked::Hello, Body::Greeting(greeting)) => self.on_greeting(greeting, now),
            (Asked::Hello, Body::Error(error)) => Reaction::HelloRefused(error.into()),
            (Asked::Heartbeat, Body::Heartbeat(answer)) => {
                self.heartbeat_open = false;
                Reaction::Day(answer.day)
            }
            (Asked::Heartbeat, Body::Error(error)) if error.retry => {
                self.heartbeat_open = false;
                Reaction::Nothing
            }
            (Asked::Heartbeat, Body::Error(error)) => {
                Reaction::Disconnect(DisconnectReason::Refused(error.into()))
            }
            (Asked::Sync, Body::Page(page)) => {
                self.sync_open = false;
                Reaction::Page(page, PageCause::Sync)
            }
            (Asked::Sync, Body::Error(error)) => {
                self.sync_open = false;
                self.sync_due = true;
                Reaction::SyncRefused(error.into())
            }
            (Asked::Send { position, id }, Body::Sent(sent)) => {
                Reaction::SendAnswered { position, id, result: Ok(sent) }
            }
            (Asked::Send { position, id }, Body::Error(error)) => {
                Reaction::SendAnswered { position, id, result: Err(error.into()) }
            }
            (Asked::Plain(reply), Body::Error(error)) => {
                Reaction::Answer(reply, Err(Refused::from(error).into()))
            }
            (Asked::Plain(reply), body) => Reaction::Answer(reply, Ok(body)),
            (Asked::Watermarks, Body::Watermarks(list)) => Reaction::Watermarks(list.watermarks),
            // Nothing is known of it, as with a server that knows no such request. It is asked on the next connection.
            (Asked::Watermarks, Body::Error(_)) => Reaction::Nothing,
            (Asked::Repair, Body::Error(error)) => Reaction::RepairAnswered(Err(error.into())),
            (Asked::Repair, body @ (Body::Heads(_) | Body::Entries(_))) => Reaction::RepairAnswered(Ok(body)),
            _ => Reaction::Disconnect(DisconnectReason::Protocol("an answer that does not fit its request")),
        }
    }

    fn on_greeting(&mut self, greeting: Greeting, now: Instant) -> Reaction {
        let greeting = Arc::new(greeting);
        self.greeting = Some(Arc::clone(&greeting));
        self.sync_due = true;
        self.last_heartbeat = now;
        Reaction::Greeted(greeting)
    }
}
