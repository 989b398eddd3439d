//! Actors: shells that convert, decide and perform.

pub mod connection;
pub mod sweeper;
pub mod transport;
