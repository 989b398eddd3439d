//! The two encodings of a frame, chosen by WebSocket subprotocol or HTTP content type.

use prost::Message;
use serde::{Serialize, de::DeserializeOwned};

/// How frames are written on a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// Protobuf in binary WebSocket messages.
    Binary,
    /// Proto3 JSON in text WebSocket messages.
    Json,
}

/// Why a frame could not be read. Holds no content of the frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecodeError(String);

impl std::fmt::Display for DecodeError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "frame cannot be decoded: {}", self.0)
    }
}

impl std::error::Error for DecodeError {}

impl Encoding {
    /// The WebSocket subprotocol that selects this encoding.
    pub const fn subprotocol(self) -> &'static str {
        match self {
            Encoding::Binary => "highwater.v1.binary",
            Encoding::Json => "highwater.v1.json",
        }
    }

    /// The HTTP content type of this encoding.
    pub const fn content_type(self) -> &'static str {
        match self {
            Encoding::Binary => "application/x-protobuf",
            Encoding::Json => "application/json",
        }
    }

    /// Writes one message.
    pub fn encode<M: Message + Serialize>(self, message: &M) -> Vec<u8> {
        match self {
            Encoding::Binary => message.encode_to_vec(),
            // The generated serialisers fail only for enum numbers outside the schema, which we never write.
            Encoding::Json => serde_json::to_vec(message).unwrap_or_default(),
        }
    }

    /// Reads one message.
    ///
    /// # Errors
    /// When the bytes are not this encoding of the message. Unknown fields are ignored.
    pub fn decode<M: Message + Default + DeserializeOwned>(self, bytes: &[u8]) -> Result<M, DecodeError> {
        match self {
            Encoding::Binary => M::decode(bytes).map_err(|error| DecodeError(error.to_string())),
            Encoding::Json => serde_json::from_slice(bytes)
                .map_err(|error| DecodeError(format!("line {} column {}", error.line(), error.column()))),
        }
    }
}
