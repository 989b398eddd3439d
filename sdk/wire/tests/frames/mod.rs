//! The golden frames: what each is called and what it holds.

pub mod answers;
pub mod requests;

use bytes::Bytes;
use highwater_wire::proto::{ClientFrame, ServerFrame};

/// A frame of either direction.
#[derive(Debug, Clone, PartialEq)]
pub enum Frame {
    /// What a client sends.
    Client(ClientFrame),
    /// What the server sends.
    Server(ServerFrame),
}

/// A frame and the name of its files.
#[derive(Debug, Clone, PartialEq)]
pub struct Named {
    /// File name without extension; begins with the direction.
    pub name: &'static str,
    /// The frame.
    pub frame: Frame,
}

/// Every golden frame, requests first.
pub fn all() -> Vec<Named> {
    requests::all().into_iter().chain(answers::all()).collect()
}

/// A snapshot of plausible length whose bytes count upwards, so that bytes 3 to 10 are seen at a glance.
pub fn snapshot() -> Bytes {
    (1..=53).collect::<Vec<u8>>().into()
}

/// A client message id.
pub fn message_id() -> Bytes {
    (0xA0..0xB0).collect::<Vec<u8>>().into()
}
