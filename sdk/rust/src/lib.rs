//! The Rust client of Highwater: a durable local [`Store`] and a [`Client`] that keeps it in step with the server.
//!
//! Read top-down: [`client`] is the handle that an application holds, [`event`] what it hears, [`store`] what it
//! keeps. Underneath, `session` decides what to say next on one connection, `send_queue` which message goes out,
//! `repair` what to fetch after a gap, by `holes`, and `connection` moves frames. Nothing here knows the server; the contract is the crate `highwater-wire`.
//!
//! What a client owes the server: apply each page together with its snapshot in one flushed transaction, if and
//! only if the page continues the stored snapshot, and hand the newest stored snapshot back. What an application
//! gets in return: no message twice, none missing without a named gap, and an outbox that survives a crash. After a
//! gap the newest entries of each conversation are fetched without being asked ([`REPAIRED_PER_CONVERSATION_MAX`]);
//! older ones when the application asks, by [`Client::range`].

pub mod backoff;
pub mod channels;
pub mod client;
mod connection;
pub mod contacts;
pub mod error;
pub mod event;
pub mod groups;
mod history;
mod holes;
pub mod links;
pub mod message;
mod profiles;
mod reading;
mod repair;
pub mod requests;
mod send_queue;
mod session;
pub mod store;
mod watermarks;

pub use client::{Client, ClientOptions, Status};
pub use error::{Error, Refused};
pub use event::{DisconnectReason, Event, Observer, StopReason};
pub use highwater_wire as wire;
pub use highwater_wire::proto::{Custom, GroupItem, Member, Notice, Role, Strangers, Watermark};
pub use holes::{REPAIRED_PER_CONVERSATION_MAX, SeqRange};
pub use message::{ClientMessageId, Content, SendResult, Target};
pub use requests::{register, sign_in, sign_in_again, sign_in_with_token};
pub use store::{
    Applied, DiscardReason, Durability, Lineage, Outcome, PageCause, SendState, Store, StoreError,
};
pub use watermarks::WATCHED_MAX;
