//! Plain types that every floor may use. Knows no wire, no disk, no clock and no randomness.

pub mod ids;

pub use ids::{
    ClientMessageId, ConversationId, Day, DeviceId, Kind, LineageId, RunNumber, Seq, TimeMs, UserId, Version,
};
