//! Highwater: a chat backend in one binary.
//!
//! Floors, lowest first; a module imports only from those above it in this list. `tests/tidy` enforces it.

pub mod model;

pub mod config;
pub mod sync;

pub mod logic;
pub mod monitor;
pub mod store;

pub mod actors;

pub mod http;

pub mod app;

pub mod cli;
