//! The two HTTP ports.

pub mod server;
pub mod upgrade;
