//! Highwater: a chat backend in one binary.

pub mod actors;
pub mod http;
pub mod model;
pub mod monitor;
pub mod store;
