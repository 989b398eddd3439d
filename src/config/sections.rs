//! The sections of the configuration file as types, each with its defaults.

use std::{net::SocketAddr, path::PathBuf};

use super::bounds::MIB;
use crate::model::{Bodies, RegistrationMode, Strangers, TicksTold, limits};

/// `[server]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// Data directory.
    pub data: PathBuf,
    /// Threads that serve clients; 0: one per core.
    pub workers: usize,
    /// Threads that read the index.
    pub readers: usize,
    /// For trying out on one machine.
    pub dev: bool,
}

/// `[client]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    /// Address and port; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Origins, besides the server's own pages, whose scripts may connect.
    pub origins: Vec<String>,
    /// A listen address beyond loopback is meant.
    pub public_without_tls: bool,
    /// Open connections. One more is refused.
    pub connections_max: usize,
    /// How often a silent client should send a heartbeat, milliseconds.
    pub heartbeat_ms: u32,
    /// Bytes waiting to be written to one connection; over it the connection is lagging.
    pub queued_bytes_max: usize,
    /// Clients may ask for comparisons, whose cost grows with everything that is held.
    pub compares: bool,
}

/// `[operator]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operator {
    /// Address and port; port 0 takes a free one.
    pub listen: SocketAddr,
    /// A listen address beyond loopback is meant.
    pub public_without_tls: bool,
}

/// `[registration]`
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Registration {
    /// Who may make an account.
    pub mode: RegistrationMode,
}

/// `[storage]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Storage {
    /// The index behind the log.
    pub engine: Engine,
    /// Memory for cached pages of the index, bytes.
    pub index_cache_bytes: u64,
    /// Commits wait while the tail holds more, bytes.
    pub tail_bytes_max: usize,
    /// The index is written once the tail holds more, bytes.
    pub index_after_bytes: usize,
    /// Bytes reserved for one segment of the log.
    pub segment_bytes: u64,
    /// The log may be shorter than the watermark says. By flag only.
    pub accept_loss: bool,
}

/// The index behind the log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Engine {
    /// On disk.
    #[default]
    Sled,
    /// In memory: forgets when the process ends.
    Memory,
}

/// `[cleanup]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cleanup {
    /// Time between two passes through all users, milliseconds.
    pub pause_ms: u64,
    /// How long a lineage may be silent before nothing is kept for it, seconds.
    pub lineage_expiry_s: u32,
    /// How long an entry is kept in an inbox for a live lineage that lacks it, seconds.
    pub inbox_retention_s: u32,
    /// How long it is kept that an item was deleted, seconds.
    pub tombstone_retention_s: u32,
}

impl Cleanup {
    /// The same in milliseconds.
    #[must_use]
    pub fn lineage_expiry_ms(&self) -> i64 {
        i64::from(self.lineage_expiry_s) * 1000
    }
}

/// `[accounts]`
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Accounts {
    /// What is taken of those who are no contacts.
    pub strangers: Strangers,
}

/// `[messages]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Messages {
    /// For how long messages are kept in their conversations.
    pub bodies: Bodies,
    /// Users are told what others have read.
    pub read_watermarks: bool,
    /// Users are told what was delivered to others.
    pub delivered_watermarks: bool,
}

impl Default for Messages {
    fn default() -> Self {
        let told = TicksTold::default();
        Self { bodies: Bodies::default(), read_watermarks: told.read, delivered_watermarks: told.delivered }
    }
}

/// `[groups]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Groups {
    /// Members of one group.
    pub members_max: usize,
    /// Groups and channels that one user owns.
    pub owned_max: u32,
    /// Inbox pointers that one step of a fan-out makes.
    pub step_pointers: usize,
    /// A group with more members becomes a channel; 0: none does by itself.
    pub channel_above_members: usize,
}

impl Default for Groups {
    fn default() -> Groups {
        Groups {
            members_max: limits::GROUP_MEMBERS_MAX,
            owned_max: limits::GROUPS_OWNED_MAX,
            step_pointers: limits::FAN_OUT_STEP_POINTERS_MAX,
            channel_above_members: 0,
        }
    }
}

/// `[monitor]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Monitor {
    /// How long points of minutes are kept, days.
    pub minute_days: u32,
    /// How long points of five minutes are kept, days.
    pub five_minute_days: u32,
    /// How long points of hours are kept, days.
    pub hour_days: u32,
}

impl Default for Monitor {
    fn default() -> Monitor {
        Monitor { minute_days: 8, five_minute_days: 40, hour_days: 730 }
    }
}

/// `[log]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// How a line looks.
    pub format: LogFormat,
    /// A level, or `target=level` pairs with commas.
    pub level: String,
    /// A line for each HTTP request and each WebSocket that is opened, whatever the level.
    pub requests: bool,
}

/// How a log line looks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object per line.
    Json,
}

/// `[[kinds]]`: a kind whose items an operator or a host app puts there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentKind {
    /// One of [`KIND_NUMBERS`](super::KIND_NUMBERS).
    pub number: u8,
    /// What clients see in the greeting.
    pub name: String,
}

impl Default for Server {
    fn default() -> Server {
        Server { data: "data".into(), workers: 0, readers: 2, dev: false }
    }
}

impl Default for Client {
    fn default() -> Client {
        Client {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            origins: Vec::new(),
            public_without_tls: false,
            connections_max: 15_000,
            heartbeat_ms: limits::HEARTBEAT_MS,
            queued_bytes_max: limits::QUEUED_BYTES_PER_CONNECTION_MAX,
            compares: false,
        }
    }
}

impl Default for Operator {
    fn default() -> Operator {
        Operator { listen: SocketAddr::from(([127, 0, 0, 1], 8081)), public_without_tls: false }
    }
}

impl Default for Storage {
    fn default() -> Storage {
        Storage {
            engine: Engine::Sled,
            index_cache_bytes: 128 * MIB,
            tail_bytes_max: 256 * 1024 * 1024,
            index_after_bytes: 8 * 1024 * 1024,
            segment_bytes: 64 * MIB,
            accept_loss: false,
        }
    }
}

impl Default for Cleanup {
    fn default() -> Cleanup {
        Cleanup {
            pause_ms: 600_000,
            lineage_expiry_s: (limits::LINEAGE_EXPIRY_MS / 1000) as u32,
            inbox_retention_s: (limits::INBOX_RETENTION_MS / 1000) as u32,
            tombstone_retention_s: (limits::TOMBSTONE_RETENTION_MS / 1000) as u32,
        }
    }
}

impl Default for Log {
    fn default() -> Log {
        Log { format: LogFormat::Text, level: "info".to_owned(), requests: false }
    }
}
