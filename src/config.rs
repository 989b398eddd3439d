//! Settings: defaults < file < environment < flags.
//!
//! Every setting is one row of `SETTINGS` and is explained in `config/highwater.toml`; a test holds the two together.
//! A key that nobody knows is refused with its place, and so is a value, because a setting that is silently left out
//! is found out about when it would have been needed. No setting is a secret: those are files of their own.

mod alarms;
mod bounds;
mod checks;
mod contradictions;
mod environment;
mod fault;
mod given;
mod identity;
mod loading;
mod mail;
mod names;
mod otlp;
mod reloading;
mod reports;
mod sections;
mod settings;
mod sources;
mod suggestion;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_refused;
#[cfg(test)]
mod tests_together;

use std::ffi::OsString;

pub use alarms::{AlarmRule, Alarms};
pub use bounds::{
    CLEANUP_PAUSE_MS, CONNECTIONS, DEVICES, FILE_BYTES_MAX, HEARTBEAT_MS, INDEX_AFTER_BYTES,
    INDEX_CACHE_BYTES, KIND_NAME_BYTES, KIND_NUMBERS, LINEAGE_EXPIRY_S, POINT_DAYS, QUEUED_BYTES, READERS,
    RETENTION_S, SEGMENT_BYTES, TAIL_BYTES, WORKERS,
};
pub use checks::log_level;
pub use fault::{ConfigError, sentence};
pub use identity::Identity;
pub use mail::{Mail, MailSecurity, MailServer};
pub use otlp::Otlp;
pub use reloading::Reloaded;
pub use reports::Reports;
pub use sections::{
    Accounts, Cleanup, Client, DocumentKind, Engine, Groups, Log, LogFormat, Messages, Monitor, Operator,
    Registration, Server, Storage,
};
pub use sources::{FILE_VARIABLE, Flags, InForce, SEEDED_BUG_VARIABLE, Source, Sources};

pub use crate::model::RegistrationMode;
use crate::model::{DevicePolicy, GroupBounds, Policy, Retentions, TicksTold};
use environment::read_environment;
use given::Given;
use loading::Loading;
use settings::index_of;

/// All settings, checked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Config {
    /// The process.
    pub server: Server,
    /// The port for clients.
    pub client: Client,
    /// The port for operators.
    pub operator: Operator,
    /// Who may make an account.
    pub registration: Registration,
    /// What is so of an account until its user says otherwise.
    pub accounts: Accounts,
    /// Which host app vouches for users of its own.
    pub identity: Identity,
    /// How many devices of a user may be signed in.
    pub devices: DevicePolicy,
    /// What is kept, and how much of it in memory.
    pub storage: Storage,
    /// For how long messages are kept.
    pub messages: Messages,
    /// How large groups may be.
    pub groups: Groups,
    /// What is removed, and when.
    pub cleanup: Cleanup,
    /// How long it is kept what was counted.
    pub monitor: Monitor,
    /// Who is told that something is wrong, and by which rules.
    pub alarms: Alarms,
    /// How operators are written to.
    pub mail: Mail,
    /// Which reports operators are written.
    pub reports: Reports,
    /// Where metrics are pushed to.
    pub otlp: Otlp,
    /// Logs.
    pub log: Log,
    /// Document kinds besides the server's own.
    pub kinds: Vec<DocumentKind>,
}

impl Config {
    /// Reads all sources and checks the result; also answers every setting with its source, in the file's order.
    ///
    /// # Errors
    /// [`ConfigError`]: names the file line, variable or flag that is wrong, and what would be right.
    pub fn load<E>(sources: Sources<E>) -> Result<(Config, Vec<InForce>), ConfigError>
    where
        E: IntoIterator<Item = (OsString, OsString)>,
    {
        let environment = read_environment(sources.env)?;
        let mut loading = Loading::new();
        if let Some(path) = sources.file.or(environment.file) {
            loading.read_file(&path)?;
        }
        for (index, text, source) in environment.settings {
            loading.set(index, &Given::Text(text), source)?;
        }
        for (key, flag, text) in sources.flags.given() {
            let index = index_of(key).expect("a flag stands for a setting");
            loading.set(index, &Given::Text(text), Source::Flag(flag))?;
        }
        loading.finish()
    }

    /// By what operations are decided besides rows and time.
    #[must_use]
    pub fn policy(&self) -> Policy {
        Policy {
            lineage_expiry_ms: self.cleanup.lineage_expiry_ms(),
            devices: self.devices,
            retentions: Retentions {
                inbox_ms: i64::from(self.cleanup.inbox_retention_s) * 1000,
                tombstones_ms: i64::from(self.cleanup.tombstone_retention_s) * 1000,
                bodies: self.messages.bodies,
            },
            group_bounds: GroupBounds {
                members_max: self.groups.members_max,
                step_pointers_max: self.groups.step_pointers,
            },
            groups_owned_max: self.groups.owned_max,
            channel_above_members: self.groups.channel_above_members,
            strangers: self.accounts.strangers,
        }
    }

    /// What users are told of each other.
    #[must_use]
    pub fn ticks_told(&self) -> TicksTold {
        TicksTold { delivered: self.messages.delivered_watermarks, read: self.messages.read_watermarks }
    }

    /// What an operator should read in the log at every start: settings that are not meant for a server in use.
    #[must_use]
    pub fn cautions(&self) -> Vec<&'static str> {
        let all = [
            (self.server.dev, "development mode: whoever reaches this machine's loopback can register"),
            (
                self.storage.engine == Engine::Memory,
                "the memory engine forgets: what has left the log is gone when this process ends",
            ),
            (self.client.compares, "comparisons are answered: each reads everything that its user has"),
            (self.storage.accept_loss, "a log that is shorter than the watermark is accepted at this start"),
            (
                !self.client.listen.ip().to_canonical().is_loopback(),
                "clients are served without TLS beyond this machine",
            ),
            (
                !self.operator.listen.ip().to_canonical().is_loopback(),
                "operators are served without TLS beyond this machine",
            ),
        ];
        all.into_iter().filter_map(|(so, text)| so.then_some(text)).collect()
    }
}
