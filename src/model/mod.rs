//! Plain types that every floor may use. Knows no wire, no disk, no clock and no randomness.

pub mod api_key;
pub mod audit;
pub mod belonging;
pub mod bodies;
pub mod broadcast;
pub mod channel;
pub mod clock;
pub mod contact;
pub mod content;
pub mod device_policy;
pub mod effect;
pub mod erasure;
pub mod group;
pub mod group_door;
pub mod horizon;
pub mod host_algorithm;
pub mod host_id;
pub mod ids;
pub mod kind_set;
pub mod limits;
pub mod lineage;
pub mod operator;
pub mod points;
pub mod policy;
pub mod profile;
pub mod random;
pub mod reading;
pub mod record;
pub mod registration;
pub mod reports;
pub mod retention;
pub mod seeded;
pub mod strangers;
pub mod ticks;

pub use api_key::{ApiKey, ApiKeys};
pub use audit::{AuditEntry, AuditKind, AuditOutcome};
pub use belonging::Time;
pub use bodies::Bodies;
pub use broadcast::{Broadcast, Broadcasts};
pub use channel::{Channel, ChannelEffect, Follow, FollowEnd, FollowInterval, Form, Posted, Turn};
pub use clock::Clock;
pub use contact::{Contact, ContactTally, Standing};
pub use content::{Content, Custom};
pub use device_policy::DevicePolicy;
pub use effect::{Delivery, DeviceEnd, Effect, GroupEffect, Record};
pub use erasure::Erasure;
pub use group::{
    Announcement, Expansion, Group, GroupBounds, Interval, Member, Notice, Owned, Position, Role,
};
pub use group_door::{Asking, AskingState, Door, Link, LinkId, LinkSecret};
pub use horizon::Horizon;
pub use host_algorithm::HostAlgorithm;
pub use host_id::{HostId, HostReport};
pub use ids::{
    ApiKeyId, ClientMessageId, ConversationId, Day, DeviceId, Kind, LineageId, RunNumber, Seq, TimeMs,
    UserId, Version,
};
pub use kind_set::KindSet;
pub use lineage::{HeardSince, Lineage, Lineages};
pub use operator::{NamedOperator, OperatorRole, Operators};
pub use points::{PointIds, PointKind, PointRow, PointUnit, Resolution};
pub use policy::Policy;
pub use profile::Profile;
pub use random::Random;
pub use reading::{Counted, Reading};
pub use registration::RegistrationMode;
pub use retention::Retentions;
pub use strangers::Strangers;
pub use ticks::{Ticks, TicksTold};
