//! What a client tells its application, in the order in which it happened.
//!
//! Events reach an [`Observer`] on the client's own task, none left out; and receivers of
//! [`crate::Client::events`], a broadcast of [`EVENTS_MAX`] places: who falls behind by more is told how many it
//! missed, and reads the store instead, which holds everything.

use crate::error::Refused;
use crate::message::{ClientMessageId, SendResult};
use crate::store::{Applied, DiscardReason, Lineage, PageCause};
use highwater_wire::proto::{Greeting, Page, Sent, Watermark};
use std::sync::Arc;
use std::time::Duration;

/// Events that a slow receiver of the broadcast may be behind before it loses the oldest.
/// Source: choice; a page of a few hundred kilobytes each would be the worst case, one short message the rule.
pub const EVENTS_MAX: usize = 256;

/// Something happened. What an event speaks of is in the store, flushed, before the event is told.
#[derive(Debug, Clone)]
pub enum Event {
    /// The server greeted this connection.
    Connected {
        /// The greeting.
        greeting: Arc<Greeting>,
    },
    /// The connection ended or did not come about; the next attempt follows by itself.
    Disconnected {
        /// Why.
        reason: DisconnectReason,
        /// Until the next attempt.
        retry_in: Duration,
    },
    /// A page and its snapshot are stored.
    Applied {
        /// Whether it answered a sync or was pushed.
        cause: PageCause,
        /// The page: base, snapshot, items, entries, rebuild, more.
        page: Arc<Page>,
        /// What the store made of it.
        applied: Arc<Applied>,
    },
    /// A page did not continue the stored snapshot and changed nothing; a sync follows.
    Discarded {
        /// Whether it answered a sync or was pushed.
        cause: PageCause,
        /// The page.
        page: Arc<Page>,
        /// Why.
        reason: DiscardReason,
    },
    /// A message is about to be written to the connection, for the first time or again.
    SendTransmitted {
        /// Which message.
        id: ClientMessageId,
        /// The day it carries.
        day: u32,
    },
    /// The server answered a send. A refusal with `retry` is not the end: the message goes out again.
    SendAnswered {
        /// Which message.
        id: ClientMessageId,
        /// The answer.
        result: SendResult,
    },
    /// An own message without an answer came back by sync: it is sent.
    SendSeen {
        /// Which message.
        id: ClientMessageId,
        /// Where it stands.
        sent: Sent,
    },
    /// A sync was answered to its end: the store was up to date when the server read.
    CaughtUp {
        /// The stored snapshot.
        snapshot: Vec<u8>,
    },
    /// Messages that a gap had left out were fetched, see [`crate::Store::holes`] for what may still be lacking; or messages
    /// were read again after a change of level. They stand among older entries: a view of the conversation has to be read
    /// anew.
    Repaired {
        /// Of which conversation.
        conversation_id: u64,
        /// How many are new, or have a new content.
        entries: usize,
    },
    /// All that a gap had left out, or that had to be read again, was asked for: nothing of it is due any more.
    RepairEnded,
    /// How far another user has come with a conversation that is watched, see [`crate::Client::watch`]: as of now, or a
    /// hint that it rose. It is not in the store: after a connection was lost it is told anew.
    Watermark {
        /// Whose, of which conversation, and how far.
        watermark: Watermark,
    },
    /// The device token is dead: sign in again. `Stopped` follows.
    TokenInvalid,
    /// Another device of the user signed in, and by the server's policy this one had to give way: it was signed out.
    /// The store keeps what it has. `Stopped` follows. A device that was not connected at that moment hears
    /// `TokenInvalid` instead when it comes back.
    DeviceReplaced,
    /// The client has stopped; the last event.
    Stopped {
        /// Why.
        reason: StopReason,
    },
}

/// Why a connection ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DisconnectReason {
    /// Connecting failed, or the socket did; the text is of the transport.
    Transport(String),
    /// The server closed with this code, see [`highwater_wire::refusal::close`].
    ClosedByServer(u16),
    /// The server refused the greeting, or closed after an error that answers no request.
    Refused(Refused),
    /// Nothing was heard for two heartbeats and ten seconds.
    Silent,
    /// A request stayed without answer for the request timeout.
    RequestTimeout,
    /// The server broke the protocol.
    Protocol(&'static str),
    /// [`crate::Client::reconnect_now`] was called.
    Asked,
}

/// Why a client stopped for good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StopReason {
    /// [`crate::Client::close`] was called, or the last handle was dropped.
    Closed,
    /// The token is unknown, ended or expired.
    TokenInvalid,
    /// Another device took this one's place, see [`Event::DeviceReplaced`].
    DeviceReplaced,
    /// The greeting was refused and will be again; or a send was, because the account is suspended.
    HelloRefused(Refused),
    /// The store belongs to another lineage than the token.
    WrongStore {
        /// Whose store it is.
        store: Lineage,
        /// Whose token it is.
        token: Lineage,
    },
    /// The store failed; the text names the fault.
    StoreFault(String),
}

/// Hears every event on the client's task, synchronously: what it does holds the client up.
pub trait Observer: Send + 'static {
    /// Called once per event, in order, after what it speaks of is durable.
    fn event(&mut self, event: &Event);
}
