//! Actors: shells that convert, decide and perform. What they decide is in `logic` and `sync`.

pub mod connection;
pub mod persistence;
pub mod sweeper;
pub mod transport;
