//! Actors: shells that convert, decide and perform. What they decide is in `logic` and `sync`.

pub mod accounts;
pub mod cleaner;
pub mod connection;
pub mod directory;
pub mod export;
pub mod following;
pub mod group;
pub mod hand_backs;
pub mod host_app;
pub mod host_callback;
pub mod host_tokens;
pub mod hub;
pub mod link_attempts;
pub mod observed;
pub mod passwords;
pub mod persistence;
pub mod point_keeper;
pub mod ports;
pub mod reader;
pub mod reception;
mod repeated_faults;
pub mod sweeper;
pub mod transport;
pub mod unanswered;
pub mod user;
pub mod waiters;
pub mod watchers;
