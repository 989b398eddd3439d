//! The transport over real loopback sockets: a server with an echo behind it, and clients that follow the protocol or do not.
#![allow(clippy::disallowed_methods, reason = "tests read the clock and wait")]
#![allow(clippy::unwrap_used, missing_docs)]

mod footprint;
mod frames;
mod handshake;
mod pressure;
mod raw_client;
mod rig;
mod sweeping;

/// The allocator of the server, so that what is measured is what runs.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;
