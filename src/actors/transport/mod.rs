//! What a connection is made of, below its actor: the handle that others hold, the socket's two directions, and the
//! worker's list of its connections.
//!
//! Nothing here knows what a frame means.

pub(crate) mod frame_encoder;
pub mod frame_guard;
pub(crate) mod frame_header;
pub mod limits;
pub mod link;
pub mod outbox;
pub(crate) mod pump;
pub(crate) mod scratch;
pub(crate) mod socket_reader;
pub mod worker_links;

pub use limits::TransportLimits;
pub use link::{ConnectionId, Lagging, Link};
pub use worker_links::WorkerLinks;
