//! Highwater: a chat backend in one binary.

pub mod model;
pub mod logic;
pub mod sync;
pub mod store;
pub mod monitor;
pub mod actors;
pub mod http;
