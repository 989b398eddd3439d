//! Plain types that every floor may use. Knows no wire, no disk, no clock and no randomness.

pub mod clock;
pub mod effect;
pub mod ids;
pub mod limits;
pub mod random;
pub mod record;

pub use clock::Clock;
pub use effect::{Delivery, Effect, Record};
pub use ids::{
    ClientMessageId, ConversationId, Day, DeviceId, Kind, LineageId, RunNumber, Seq, TimeMs, UserId, Version,
};
pub use random::Random;
