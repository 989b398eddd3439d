//! Settings: defaults < file < environment < flags.
//!
//! Every setting is one row of `SETTINGS` and is explained in `config/highwater.toml`; a test holds the two together.
//! A key that nobody knows is refused with its place, and so is a value, because a setting that is silently left out
//! is found out about when it would have been needed. No setting is a secret: those are files of their own.

use std::{
    ffi::OsString,
    fmt, fs, io,
    net::SocketAddr,
    ops::RangeInclusive,
    path::{Path, PathBuf},
};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use crate::model::limits;

/// Threads that serve clients; 0 stands for one per core. Source: 256 is above the cores of any machine meant.
pub const WORKERS: RangeInclusive<u64> = 0..=256;
/// Threads that read the index. Source: reads wait for the disk, and more than 64 do not make it faster.
pub const READERS: RangeInclusive<u64> = 1..=64;
/// Open client connections. Source: one Linux process has at most 1,048,576 open files by default.
pub const CONNECTIONS: RangeInclusive<u64> = 1..=1_000_000;
/// Milliseconds between heartbeats. Source: below 100 ms they are the load; NATs forget a silent flow after minutes.
pub const HEARTBEAT_MS: RangeInclusive<u64> = 100..=600_000;
/// Bytes queued for one connection: at least the largest frame, so that each answer fits.
pub const QUEUED_BYTES: RangeInclusive<u64> = limits::FRAME_BYTES_MAX as u64..=64 * MIB;
/// Bytes of the index cache. Source: the engine needs some pages of 4 KiB at once; 64 GiB is above any machine meant.
pub const INDEX_CACHE_BYTES: RangeInclusive<u64> = MIB..=64 * 1024 * MIB;
/// Bytes of the tail: at least two of the largest commits, so that one is gathered while the other waits.
pub const TAIL_BYTES: RangeInclusive<u64> = 2 * limits::BATCH_BYTES_MAX as u64..=64 * 1024 * MIB;
/// Bytes in the tail from which the index is written. Source: below 4 KiB a batch of the index is one message.
pub const INDEX_AFTER_BYTES: RangeInclusive<u64> = 4096..=32 * 1024 * MIB;
/// Bytes of a log segment: several of the largest commits fit, and reserving one does not take minutes.
pub const SEGMENT_BYTES: RangeInclusive<u64> = 4 * limits::BATCH_BYTES_MAX as u64..=4 * 1024 * MIB;
/// Numbers of document kinds; the lower ones are the server's own.
pub const KIND_NUMBERS: RangeInclusive<u8> = 5..=8;
/// Length of a kind's name, bytes. Source: it is sent in every greeting.
pub const KIND_NAME_BYTES: RangeInclusive<usize> = 1..=32;
/// Size of a configuration file, bytes; a larger one is refused unread. Source: ours has a twentieth of it.
pub const FILE_BYTES_MAX: u64 = MIB;

/// The variable that names the configuration file when no flag does.
pub const FILE_VARIABLE: &str = "HIGHWATER_CONFIG";
/// The variable that names a seeded bug; known only to builds that contain them.
pub const SEEDED_BUG_VARIABLE: &str = "HIGHWATER_SEEDED_BUG";

const VARIABLE_PREFIX: &str = "HIGHWATER_";
const MIB: u64 = 1024 * 1024;
/// Edits up to which a known name is suggested for an unknown one.
const SUGGESTION_EDITS_MAX: usize = 4;
/// Names of the server's own kinds.
const OWN_KIND_NAMES: [&str; 4] = ["account", "contacts", "conversations", "messages"];
const LOG_LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

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
    /// What is kept, and how much of it in memory.
    pub storage: Storage,
    /// Logs.
    pub log: Log,
    /// Document kinds besides the server's own.
    pub kinds: Vec<DocumentKind>,
}

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

/// Who may make an account.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum RegistrationMode {
    /// Operators only.
    #[default]
    Closed,
    /// Who has a code from an operator.
    Invite,
    /// Everybody who reaches the port.
    Open,
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

/// `[log]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// How a line looks.
    pub format: LogFormat,
    /// A level, or `target=level` pairs with commas.
    pub level: String,
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
    /// One of [`KIND_NUMBERS`].
    pub number: u8,
    /// What clients see in the greeting.
    pub name: String,
}

/// What is read, weakest first.
#[derive(Debug, Clone, Default)]
pub struct Sources<E> {
    /// Configuration file; without one, that of [`FILE_VARIABLE`], else none.
    pub file: Option<PathBuf>,
    /// Environment variables; those without our prefix are left alone.
    pub env: E,
    /// From the command line.
    pub flags: Flags,
}

/// Settings from the command line, as typed there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Flags {
    /// `--data`
    pub data: Option<String>,
    /// `--listen`
    pub listen: Option<String>,
    /// `--admin-listen`
    pub admin_listen: Option<String>,
    /// `--dev`
    pub dev: bool,
    /// `--registration`
    pub registration: Option<String>,
    /// `--accept-loss`
    pub accept_loss: bool,
    /// `--memory-engine`: for benchmarks.
    pub memory_engine: bool,
}

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// Nobody set it.
    Default,
    /// A line of the configuration file, counted from 1.
    File {
        /// The file.
        path: PathBuf,
        /// Its line.
        line: usize,
    },
    /// An environment variable.
    Variable(String),
    /// A flag.
    Flag(&'static str),
    /// Follows from `server.dev`.
    Dev,
}

/// One setting in force: key, value as it would stand in the file, and where it comes from.
pub type InForce = (&'static str, String, Source);

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("configuration file {} cannot be read", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The file is no TOML.
    #[error("{place}: {problem}")]
    Syntax {
        /// The line.
        place: Source,
        /// What the parser said.
        problem: String,
    },
    /// Nobody knows this key or variable.
    #[error("{place}: unknown setting {name}{}", Suggestion(.nearest))]
    Unknown {
        /// Who named it.
        place: Source,
        /// As it stands there.
        name: String,
        /// The known name that looks most like it.
        nearest: Option<String>,
    },
    /// The value cannot be.
    #[error("{place}: {key} {problem}")]
    Value {
        /// Who set it.
        place: Source,
        /// The setting.
        key: &'static str,
        /// A sentence that continues after the key.
        problem: String,
    },
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

    /// What an operator should read in the log at every start: settings that are not meant for a server in use.
    #[must_use]
    pub fn cautions(&self) -> Vec<&'static str> {
        let all = [
            (
                self.server.dev,
                "development mode: whoever reaches this machine's loopback can register",
            ),
            (
                self.storage.engine == Engine::Memory,
                "the memory engine forgets: what has left the log is gone when this process ends",
            ),
            (
                self.storage.accept_loss,
                "a log that is shorter than the watermark is accepted at this start",
            ),
            (
                !self.client.listen.ip().to_canonical().is_loopback(),
                "clients are served without TLS beyond this machine",
            ),
            (
                !self.operator.listen.ip().to_canonical().is_loopback(),
                "operators are served without TLS beyond this machine",
            ),
        ];
        all.into_iter()
            .filter_map(|(so, text)| so.then_some(text))
            .collect()
    }
}

impl Default for Server {
    fn default() -> Server {
        Server {
            data: "data".into(),
            workers: 0,
            readers: 2,
            dev: false,
        }
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
        }
    }
}

impl Default for Operator {
    fn default() -> Operator {
        Operator {
            listen: SocketAddr::from(([127, 0, 0, 1], 8081)),
            public_without_tls: false,
        }
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

impl Default for Log {
    fn default() -> Log {
        Log {
            format: LogFormat::Text,
            level: "info".to_owned(),
        }
    }
}

impl Flags {
    /// Setting, flag and value of each flag that was given.
    fn given(self) -> impl Iterator<Item = (&'static str, &'static str, String)> {
        let on = |given: bool| given.then(|| "true".to_owned());
        let all = [
            ("server.data", "--data", self.data),
            ("client.listen", "--listen", self.listen),
            ("operator.listen", "--admin-listen", self.admin_listen),
            ("server.dev", "--dev", on(self.dev)),
            ("registration.mode", "--registration", self.registration),
            ("storage.accept_loss", "--accept-loss", on(self.accept_loss)),
            (
                "storage.engine",
                "--memory-engine",
                self.memory_engine.then(|| "memory".to_owned()),
            ),
        ];
        all.into_iter()
            .filter_map(|(key, flag, text)| text.map(|text| (key, flag, text)))
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::Default => f.write_str("default"),
            Source::File { path, line } => write!(f, "{} line {line}", path.display()),
            Source::Variable(name) => write!(f, "environment variable {name}"),
            Source::Flag(flag) => write!(f, "flag {flag}"),
            Source::Dev => f.write_str("server.dev"),
        }
    }
}

/// A setting: its key, and how its value goes in and comes out.
struct Setting {
    key: &'static str,
    set: fn(&mut Config, &Given) -> Result<(), String>,
    show: fn(&Config) -> String,
}

/// Every setting, in the order of `config/highwater.toml`.
static SETTINGS: &[Setting] = &[
    Setting {
        key: "server.data",
        set: |c, given| put(&mut c.server.data, given.string().and_then(data_directory)),
        show: |c| quoted(&c.server.data.to_string_lossy()),
    },
    Setting {
        key: "server.workers",
        set: |c, given| put(&mut c.server.workers, given.number(WORKERS)),
        show: |c| c.server.workers.to_string(),
    },
    Setting {
        key: "server.readers",
        set: |c, given| put(&mut c.server.readers, given.number(READERS)),
        show: |c| c.server.readers.to_string(),
    },
    Setting {
        key: "server.dev",
        set: |c, given| put(&mut c.server.dev, given.truth()),
        show: |c| c.server.dev.to_string(),
    },
    Setting {
        key: "client.listen",
        set: |c, given| put(&mut c.client.listen, given.string().and_then(address)),
        show: |c| quoted(&c.client.listen.to_string()),
    },
    Setting {
        key: "client.origins",
        set: |c, given| put(&mut c.client.origins, given.list().and_then(origins)),
        show: |c| {
            format!(
                "[{}]",
                c.client
                    .origins
                    .iter()
                    .map(|o| quoted(o))
                    .collect::<Vec<_>>()
                    .join(", ")
            )
        },
    },
    Setting {
        key: "client.public_without_tls",
        set: |c, given| put(&mut c.client.public_without_tls, given.truth()),
        show: |c| c.client.public_without_tls.to_string(),
    },
    Setting {
        key: "client.connections_max",
        set: |c, given| put(&mut c.client.connections_max, given.number(CONNECTIONS)),
        show: |c| c.client.connections_max.to_string(),
    },
    Setting {
        key: "client.heartbeat_ms",
        set: |c, given| put(&mut c.client.heartbeat_ms, given.number(HEARTBEAT_MS)),
        show: |c| c.client.heartbeat_ms.to_string(),
    },
    Setting {
        key: "client.queued_bytes_max",
        set: |c, given| put(&mut c.client.queued_bytes_max, given.number(QUEUED_BYTES)),
        show: |c| c.client.queued_bytes_max.to_string(),
    },
    Setting {
        key: "operator.listen",
        set: |c, given| put(&mut c.operator.listen, given.string().and_then(address)),
        show: |c| quoted(&c.operator.listen.to_string()),
    },
    Setting {
        key: "operator.public_without_tls",
        set: |c, given| put(&mut c.operator.public_without_tls, given.truth()),
        show: |c| c.operator.public_without_tls.to_string(),
    },
    Setting {
        key: "registration.mode",
        set: |c, given| put(&mut c.registration.mode, given.one_of(REGISTRATION_MODES)),
        show: |c| named(REGISTRATION_MODES, c.registration.mode),
    },
    Setting {
        key: "storage.engine",
        set: |c, given| put(&mut c.storage.engine, given.one_of(ENGINES)),
        show: |c| named(ENGINES, c.storage.engine),
    },
    Setting {
        key: "storage.index_cache_bytes",
        set: |c, given| put(&mut c.storage.index_cache_bytes, given.number(INDEX_CACHE_BYTES)),
        show: |c| c.storage.index_cache_bytes.to_string(),
    },
    Setting {
        key: "storage.tail_bytes_max",
        set: |c, given| put(&mut c.storage.tail_bytes_max, given.number(TAIL_BYTES)),
        show: |c| c.storage.tail_bytes_max.to_string(),
    },
    Setting {
        key: "storage.index_after_bytes",
        set: |c, given| put(&mut c.storage.index_after_bytes, given.number(INDEX_AFTER_BYTES)),
        show: |c| c.storage.index_after_bytes.to_string(),
    },
    Setting {
        key: "storage.segment_bytes",
        set: |c, given| put(&mut c.storage.segment_bytes, given.number(SEGMENT_BYTES)),
        show: |c| c.storage.segment_bytes.to_string(),
    },
    Setting {
        key: FLAG_ONLY,
        set: |c, given| put(&mut c.storage.accept_loss, given.truth()),
        show: |c| c.storage.accept_loss.to_string(),
    },
    Setting {
        key: "log.format",
        set: |c, given| put(&mut c.log.format, given.one_of(LOG_FORMATS)),
        show: |c| named(LOG_FORMATS, c.log.format),
    },
    Setting {
        key: "log.level",
        set: |c, given| put(&mut c.log.level, given.string().and_then(log_level)),
        show: |c| quoted(&c.log.level),
    },
    Setting {
        key: "kinds",
        set: |c, given| put(&mut c.kinds, given.kinds()),
        show: |c| {
            let one = |k: &DocumentKind| format!("{{ number = {}, name = {} }}", k.number, quoted(&k.name));
            format!("[{}]", c.kinds.iter().map(one).collect::<Vec<_>>().join(", "))
        },
    },
];

/// Read from nowhere but its flag, so that it is never left on.
const FLAG_ONLY: &str = "storage.accept_loss";
const REGISTRATION_MODES: &[(&str, RegistrationMode)] = &[
    ("closed", RegistrationMode::Closed),
    ("invite", RegistrationMode::Invite),
    ("open", RegistrationMode::Open),
];
const ENGINES: &[(&str, Engine)] = &[("sled", Engine::Sled), ("memory", Engine::Memory)];
const LOG_FORMATS: &[(&str, LogFormat)] = &[("text", LogFormat::Text), ("json", LogFormat::Json)];

/// A configuration under way: each source is laid over the ones before.
struct Loading {
    config: Config,
    /// By position in [`SETTINGS`].
    sources: Vec<Source>,
}

impl Loading {
    fn new() -> Loading {
        Loading {
            config: Config::default(),
            sources: vec![Source::Default; SETTINGS.len()],
        }
    }

    fn set(&mut self, index: usize, given: &Given, source: Source) -> Result<(), ConfigError> {
        let setting = &SETTINGS[index];
        let outcome = if setting.key == FLAG_ONLY && !matches!(source, Source::Flag(_)) {
            Err("can be given only as the flag --accept-loss, for one start".to_owned())
        } else {
            (setting.set)(&mut self.config, given)
        };
        match outcome {
            Ok(()) => self.sources[index] = source,
            Err(problem) => {
                return Err(ConfigError::Value {
                    place: source,
                    key: setting.key,
                    problem,
                });
            }
        }
        Ok(())
    }

    fn read_file(&mut self, path: &Path) -> Result<(), ConfigError> {
        let text = read_text(path).map_err(|source| ConfigError::Unreadable {
            path: path.to_path_buf(),
            source,
        })?;
        let at = |span: std::ops::Range<usize>| Source::File {
            path: path.to_path_buf(),
            line: 1 + text.as_bytes()[..span.start.min(text.len())]
                .iter()
                .filter(|b| **b == b'\n')
                .count(),
        };
        let table = DeTable::parse(&text).map_err(|error| ConfigError::Syntax {
            place: at(error.span().unwrap_or(0..0)),
            problem: error.message().to_owned(),
        })?;
        for (section, value) in table.get_ref() {
            let name: &str = section.get_ref();
            match (index_of(name), value.get_ref()) {
                (Some(index), _) => self.set(index, &Given::of(value.get_ref()), at(section.span()))?,
                (None, DeValue::Table(keys)) => {
                    let known = SETTINGS
                        .iter()
                        .any(|s| s.key.split_once('.').is_some_and(|(head, _)| head == name));
                    if !known {
                        return Err(unknown_key(at(section.span()), name, true));
                    }
                    for (key, value) in keys {
                        let full = format!("{name}.{}", key.get_ref());
                        let Some(index) = index_of(&full) else {
                            return Err(unknown_key(at(key.span()), &full, false));
                        };
                        self.set(index, &Given::of(value.get_ref()), at(key.span()))?;
                    }
                }
                (None, _) => return Err(unknown_key(at(section.span()), name, false)),
            }
        }
        Ok(())
    }

    fn finish(mut self) -> Result<(Config, Vec<InForce>), ConfigError> {
        self.open_registration_for_dev();
        for (key, problem) in self.contradictions() {
            if let Some(problem) = problem {
                let place = self.sources[index_of(key).expect("a contradiction names a setting")].clone();
                return Err(ConfigError::Value { place, key, problem });
            }
        }
        let in_force = SETTINGS
            .iter()
            .zip(self.sources)
            .map(|(s, source)| (s.key, (s.show)(&self.config), source));
        let in_force = in_force.collect();
        Ok((self.config, in_force))
    }

    /// `server.dev` opens registration unless a source that is as strong says otherwise.
    fn open_registration_for_dev(&mut self) {
        let index = index_of("registration.mode").expect("registration.mode is a setting");
        if self.config.server.dev && self.sources[index].strength() < self.source_of("server.dev").strength()
        {
            self.config.registration.mode = RegistrationMode::Open;
            self.sources[index] = Source::Dev;
        }
    }

    /// What is wrong between settings that are right by themselves: the setting to blame, and what is wrong.
    fn contradictions(&self) -> [(&'static str, Option<String>); 5] {
        let Config {
            server,
            client,
            operator,
            storage,
            ..
        } = &self.config;
        let same = client.listen == operator.listen && client.listen.port() != 0;
        let may_forget = server.dev || matches!(self.source_of("storage.engine"), Source::Flag(_));
        [
            ("client.listen", exposure("client", client.listen, client.public_without_tls, server.dev)),
            ("operator.listen", exposure("operator", operator.listen, operator.public_without_tls, server.dev)),
            (
                self.stronger("operator.listen", "client.listen"),
                same.then(|| format!("is {}, and so is the other port's: they are two", client.listen)),
            ),
            (
                "storage.engine",
                (storage.engine == Engine::Memory && !may_forget)
                    .then(|| "is \"memory\", which forgets: only with server.dev or --memory-engine".to_owned()),
            ),
            (
                self.stronger("storage.index_after_bytes", "storage.tail_bytes_max"),
                (storage.index_after_bytes > storage.tail_bytes_max / 2).then(|| {
                    format!(
                        "does not fit: storage.index_after_bytes ({}) must be at most half of storage.tail_bytes_max ({})",
                        storage.index_after_bytes, storage.tail_bytes_max
                    )
                }),
            ),
        ]
    }

    /// Which of two settings to blame: the one that the stronger source set, because that was done last.
    fn stronger(&self, one: &'static str, other: &'static str) -> &'static str {
        if self.source_of(one).strength() >= self.source_of(other).strength() {
            one
        } else {
            other
        }
    }

    fn source_of(&self, key: &str) -> &Source {
        &self.sources[index_of(key).expect("asked for by the key of a setting")]
    }
}

impl Source {
    fn strength(&self) -> u8 {
        match self {
            Source::Default | Source::Dev => 0,
            Source::File { .. } => 1,
            Source::Variable(_) => 2,
            Source::Flag(_) => 3,
        }
    }
}

/// A value as a source gives it.
enum Given {
    /// From the environment or a flag: read as the setting's type.
    Text(String),
    String(String),
    Integer(String, u32),
    Truth(bool),
    List(Vec<Given>),
    Table(Vec<(String, Given)>),
    /// No setting is of this type.
    Other(&'static str),
}

impl Given {
    fn of(value: &DeValue<'_>) -> Given {
        let inner = |value: &Spanned<DeValue<'_>>| Given::of(value.get_ref());
        match value {
            DeValue::String(text) => Given::String(text.clone().into_owned()),
            DeValue::Integer(number) => Given::Integer(number.as_str().to_owned(), number.radix()),
            DeValue::Boolean(truth) => Given::Truth(*truth),
            DeValue::Array(values) => Given::List(values.iter().map(inner).collect()),
            DeValue::Table(table) => Given::Table(
                table
                    .iter()
                    .map(|(key, value)| (key.get_ref().to_string(), inner(value)))
                    .collect(),
            ),
            other => Given::Other(other.type_str()),
        }
    }

    fn string(&self) -> Result<String, String> {
        match self {
            Given::Text(text) | Given::String(text) => Ok(text.clone()),
            other => Err(format!("must be a string in quotes, not {other}")),
        }
    }

    fn number<T: TryFrom<u64>>(&self, range: RangeInclusive<u64>) -> Result<T, String> {
        let number = match self {
            Given::Text(text) => text.parse().ok(),
            Given::Integer(digits, radix) => u64::from_str_radix(digits, *radix).ok(),
            _ => None,
        };
        let fitting = number
            .filter(|number| range.contains(number))
            .and_then(|number| T::try_from(number).ok());
        fitting.ok_or_else(|| {
            format!(
                "must be a whole number from {} to {}, not {self}",
                range.start(),
                range.end()
            )
        })
    }

    fn truth(&self) -> Result<bool, String> {
        match self {
            Given::Truth(truth) => Ok(*truth),
            Given::Text(text) if text == "true" => Ok(true),
            Given::Text(text) if text == "false" => Ok(false),
            other => Err(format!("must be true or false, not {other}")),
        }
    }

    /// Strings; in the environment with commas between them.
    fn list(&self) -> Result<Vec<String>, String> {
        match self {
            Given::Text(text) if text.is_empty() => Ok(Vec::new()),
            Given::Text(text) => Ok(text.split(',').map(|part| part.trim().to_owned()).collect()),
            Given::List(values) => values.iter().map(Given::string).collect(),
            other => Err(format!("must be a list of strings, not {other}")),
        }
    }

    fn one_of<T: Copy>(&self, names: &[(&str, T)]) -> Result<T, String> {
        let found = match self {
            Given::Text(text) | Given::String(text) => names.iter().find(|(name, _)| name == text),
            _ => None,
        };
        let known = || {
            names
                .iter()
                .map(|(name, _)| quoted(name))
                .collect::<Vec<_>>()
                .join(" or ")
        };
        found
            .map(|(_, value)| *value)
            .ok_or_else(|| format!("must be {}, not {self}", known()))
    }

    fn kinds(&self) -> Result<Vec<DocumentKind>, String> {
        let Given::List(tables) = self else {
            return Err("can be given only in the file, as [[kinds]] tables".to_owned());
        };
        let mut kinds: Vec<DocumentKind> = Vec::with_capacity(tables.len());
        for table in tables {
            let kind = table.kind()?;
            if kinds
                .iter()
                .any(|other| other.number == kind.number || other.name == kind.name)
            {
                return Err(format!(
                    "has the number {} or the name {} twice",
                    kind.number,
                    quoted(&kind.name)
                ));
            }
            kinds.push(kind);
        }
        Ok(kinds)
    }

    fn kind(&self) -> Result<DocumentKind, String> {
        let Given::Table(entries) = self else {
            return Err(format!(
                "must be [[kinds]] tables with number and name, not {self}"
            ));
        };
        if let Some((key, _)) = entries.iter().find(|(key, _)| key != "number" && key != "name") {
            return Err(format!("has the unknown key {key}: a kind has number and name"));
        }
        let entry = |name: &str| {
            entries
                .iter()
                .find(|(key, _)| key == name)
                .map(|(_, value)| value)
        };
        let (Some(number), Some(name)) = (entry("number"), entry("name")) else {
            return Err("has an entry without number or without name".to_owned());
        };
        let range = u64::from(*KIND_NUMBERS.start())..=u64::from(*KIND_NUMBERS.end());
        let number = number
            .number(range)
            .map_err(|problem| format!("has a number that {problem}"))?;
        let name = name
            .string()
            .map_err(|problem| format!("has a name that {problem}"))?;
        let plain = name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        if !plain || !KIND_NAME_BYTES.contains(&name.len()) || OWN_KIND_NAMES.contains(&name.as_str()) {
            return Err(format!(
                "has the name {}: it must be of a-z, 0-9 and _, have {} to {} of them, and not be one of {}",
                quoted(&name),
                KIND_NAME_BYTES.start(),
                KIND_NAME_BYTES.end(),
                OWN_KIND_NAMES.join(", ")
            ));
        }
        Ok(DocumentKind { number, name })
    }
}

/// As it is quoted in a sentence.
impl fmt::Display for Given {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Given::Text(text) | Given::String(text) => f.write_str(&quoted(text)),
            Given::Integer(digits, _) => f.write_str(digits),
            Given::Truth(truth) => write!(f, "{truth}"),
            Given::List(_) => f.write_str("a list"),
            Given::Table(_) => f.write_str("a table"),
            Given::Other(kind) => write!(f, "a {kind}"),
        }
    }
}

/// What the environment says: the configuration file, and settings by their position in [`SETTINGS`].
#[derive(Default)]
struct Environment {
    file: Option<PathBuf>,
    settings: Vec<(usize, String, Source)>,
}

fn read_environment(env: impl IntoIterator<Item = (OsString, OsString)>) -> Result<Environment, ConfigError> {
    let mut environment = Environment::default();
    for (name, value) in env {
        let Some(name) = name.to_str().filter(|name| name.starts_with(VARIABLE_PREFIX)) else {
            continue;
        };
        let place = Source::Variable(name.to_owned());
        if name == FILE_VARIABLE {
            environment.file = Some(value.into());
        } else if let Some(index) = SETTINGS
            .iter()
            .position(|setting| variable_of(setting.key) == name)
        {
            let text = value.into_string().map_err(|_| ConfigError::Value {
                place: place.clone(),
                key: SETTINGS[index].key,
                problem: "must be UTF-8".to_owned(),
            })?;
            environment.settings.push((index, text, place));
        } else if !(cfg!(feature = "seeded-bugs") && name == SEEDED_BUG_VARIABLE) {
            let known = SETTINGS
                .iter()
                .map(|setting| variable_of(setting.key))
                .chain([FILE_VARIABLE.to_owned()]);
            let nearest = nearest(name, known);
            return Err(ConfigError::Unknown {
                place,
                name: name.to_owned(),
                nearest,
            });
        }
    }
    Ok(environment)
}

fn read_text(path: &Path) -> io::Result<String> {
    if fs::metadata(path)?.len() > FILE_BYTES_MAX {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    fs::read_to_string(path)
}

fn variable_of(key: &str) -> String {
    format!("{VARIABLE_PREFIX}{}", key.to_uppercase().replace('.', "_"))
}

fn index_of(key: &str) -> Option<usize> {
    SETTINGS.iter().position(|setting| setting.key == key)
}

fn put<T>(place: &mut T, value: Result<T, String>) -> Result<(), String> {
    *place = value?;
    Ok(())
}

fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

fn named<T: PartialEq + Copy>(names: &[(&str, T)], value: T) -> String {
    let (name, _) = names
        .iter()
        .find(|(_, known)| *known == value)
        .expect("every value has a name");
    quoted(name)
}

fn data_directory(text: String) -> Result<PathBuf, String> {
    if text.is_empty() {
        Err("must name a directory".to_owned())
    } else {
        Ok(text.into())
    }
}

fn address(text: String) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| {
        format!(
            "must be an address and a port, such as 127.0.0.1:8080, not {}",
            quoted(&text)
        )
    })
}

/// Origins are compared byte for byte with what a browser sends, so they have to be written as it does.
fn origins(list: Vec<String>) -> Result<Vec<String>, String> {
    let exact = |origin: &String| {
        let host = origin
            .strip_prefix("https://")
            .or_else(|| origin.strip_prefix("http://"));
        host.is_some_and(|host| {
            let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b".-:[]".contains(&b);
            !host.is_empty() && host.bytes().all(allowed)
        })
    };
    match list.iter().find(|origin| !exact(origin)) {
        Some(wrong) => Err(format!(
            "must list origins as browsers send them, such as https://chat.example (no path, no *), not {}",
            quoted(wrong)
        )),
        None => Ok(list),
    }
}

fn log_level(text: String) -> Result<String, String> {
    let right = |directive: &str| {
        let (target, level) = directive.split_once('=').unwrap_or(("all", directive));
        let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b':';
        !target.is_empty() && target.bytes().all(plain) && LOG_LEVELS.contains(&level)
    };
    if text.split(',').all(right) {
        return Ok(text);
    }
    Err(format!(
        "must be {}, or target=level pairs with commas, not {}",
        LOG_LEVELS.join(", "),
        quoted(&text)
    ))
}

/// Why an address may not be listened on.
fn exposure(section: &str, listen: SocketAddr, public_without_tls: bool, dev: bool) -> Option<String> {
    if listen.ip().to_canonical().is_loopback() {
        return None;
    }
    if dev {
        return Some(format!(
            "is {listen}, but with server.dev only loopback addresses may be listened on"
        ));
    }
    (!public_without_tls).then(|| {
        format!(
            "is {listen}, which others reach without TLS: put a TLS proxy before a loopback address, or say \
             {section}.public_without_tls = true"
        )
    })
}

fn unknown_key(place: Source, name: &str, section: bool) -> ConfigError {
    let nearest = if section {
        nearest(
            name,
            SETTINGS
                .iter()
                .map(|s| s.key.split_once('.').map_or(s.key, |(head, _)| head).to_owned()),
        )
    } else {
        nearest(name, SETTINGS.iter().map(|s| s.key.to_owned()))
    };
    ConfigError::Unknown {
        place,
        name: name.to_owned(),
        nearest,
    }
}

/// The known name that is a few edits away, or has the same last part in another section.
fn nearest(name: &str, known: impl Iterator<Item = String>) -> Option<String> {
    let last = |name: &str| name.rsplit('.').next().unwrap_or_default().to_owned();
    let distance = |known: &String| {
        if last(known) == last(name) {
            0
        } else {
            edits(name, known)
        }
    };
    let (edits, known) = known
        .map(|known| (distance(&known), known))
        .min_by_key(|(edits, _)| *edits)?;
    (edits <= SUGGESTION_EDITS_MAX && edits < name.len() / 2).then_some(known)
}

/// Levenshtein's distance.
fn edits(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.bytes().enumerate() {
            let replaced = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

struct Suggestion<'a>(&'a Option<String>);

impl fmt::Display for Suggestion<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0
            .as_ref()
            .map_or(Ok(()), |name| write!(f, "; did you mean {name}?"))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::{
        fs,
        sync::atomic::{AtomicU64, Ordering},
    };

    use super::*;

    const DOCUMENTED: &str = include_str!("../config/highwater.toml");

    /// A configuration file, removed when dropped.
    struct TestFile(PathBuf);

    impl TestFile {
        fn new(text: &str) -> TestFile {
            static NUMBER: AtomicU64 = AtomicU64::new(0);
            let number = NUMBER.fetch_add(1, Ordering::Relaxed);
            let path = std::env::temp_dir().join(format!("highwater-config-{}-{number}", std::process::id()));
            fs::write(&path, text).unwrap();
            TestFile(path)
        }

        fn line(&self, line: usize) -> Source {
            Source::File {
                path: self.0.clone(),
                line,
            }
        }
    }

    impl Drop for TestFile {
        fn drop(&mut self) {
            let _ = fs::remove_file(&self.0);
        }
    }

    fn load(
        file: Option<&TestFile>,
        env: &[(&str, &str)],
        flags: Flags,
    ) -> Result<(Config, Vec<InForce>), ConfigError> {
        let env = env.iter().map(|(name, value)| (name.into(), value.into()));
        Config::load(Sources {
            file: file.map(|file| file.0.clone()),
            env,
            flags,
        })
    }

    fn load_text(text: &str) -> Result<Config, ConfigError> {
        load(Some(&TestFile::new(text)), &[], Flags::default()).map(|(config, _)| config)
    }

    /// The error of a file, without its path.
    fn error_of(text: &str) -> String {
        let file = TestFile::new(text);
        let error = load(Some(&file), &[], Flags::default()).unwrap_err().to_string();
        let error = error
            .strip_prefix(&format!("{} ", file.0.display()))
            .expect("the file is named first");
        error.to_owned()
    }

    fn error_of_variable(name: &str, value: &str) -> String {
        load(None, &[(name, value)], Flags::default())
            .unwrap_err()
            .to_string()
    }

    fn source_of(in_force: &[InForce], key: &str) -> Source {
        in_force
            .iter()
            .find(|(known, ..)| *known == key)
            .unwrap()
            .2
            .clone()
    }

    #[test]
    fn nothing_set_is_the_defaults_and_they_are_within_their_bounds() {
        let (config, in_force) = load(None, &[], Flags::default()).unwrap();
        assert_eq!(config, Config::default());
        assert_eq!(in_force.len(), SETTINGS.len());
        assert!(in_force.iter().all(|(.., source)| *source == Source::Default));
        assert!(config.cautions().is_empty());
        for (setting, (key, value, _)) in SETTINGS.iter().zip(in_force) {
            let parsed: toml::Table = toml::from_str(&format!("{key} = {value}")).unwrap();
            assert!(!parsed.is_empty());
            if key != FLAG_ONLY {
                assert_eq!(
                    load_text(&format!("{key} = {value}")).unwrap(),
                    Config::default(),
                    "{}",
                    setting.key
                );
            }
        }
    }

    #[test]
    fn the_documented_file_has_every_setting_with_its_default_and_no_other() {
        assert_eq!(load_text(DOCUMENTED).unwrap(), Config::default());

        // Switched on, each line has to be known, and to be the default.
        let switched_on: Vec<&str> = DOCUMENTED
            .lines()
            .map(|line| {
                line.strip_prefix('#')
                    .filter(|rest| rest.starts_with(|c: char| c != ' '))
                    .unwrap_or(line)
            })
            .collect();
        let file = TestFile::new(&switched_on.join("\n"));
        let (config, in_force) = load(Some(&file), &[], Flags::default()).unwrap();
        let example = vec![DocumentKind {
            number: 5,
            name: "notes".to_owned(),
        }];
        assert_eq!(
            config,
            Config {
                kinds: example,
                ..Config::default()
            }
        );
        for (key, _, source) in in_force {
            if key == FLAG_ONLY {
                assert!(DOCUMENTED.contains("--accept-loss is a flag only"));
                continue;
            }
            let Source::File { line, .. } = source else {
                panic!("{key} is not in config/highwater.toml")
            };
            let before = DOCUMENTED.lines().nth(line - 2).unwrap();
            assert!(before.starts_with("# "), "{key} is not explained: {before}");
        }
    }

    #[test]
    fn flags_beat_the_environment_and_that_beats_the_file() {
        let file = TestFile::new(
            "[client]\nlisten = \"127.0.0.1:1\"\nheartbeat_ms = 1_000\n[log]\nlevel = \"warn\"\n",
        );
        let env = [
            ("HIGHWATER_CLIENT_LISTEN", "127.0.0.1:2"),
            ("HIGHWATER_CLIENT_HEARTBEAT_MS", "2000"),
            (
                "HIGHWATER_CLIENT_ORIGINS",
                "https://a.example, http://b.example:8000",
            ),
            ("HOME", "/nowhere"),
        ];
        let flags = Flags {
            listen: Some("127.0.0.1:3".to_owned()),
            ..Flags::default()
        };
        let (config, in_force) = load(Some(&file), &env, flags).unwrap();
        assert_eq!(config.client.listen.port(), 3);
        assert_eq!(config.client.heartbeat_ms, 2000);
        assert_eq!(
            config.client.origins,
            ["https://a.example", "http://b.example:8000"]
        );
        assert_eq!(config.log.level, "warn");
        assert_eq!(source_of(&in_force, "client.listen"), Source::Flag("--listen"));
        assert_eq!(
            source_of(&in_force, "client.heartbeat_ms"),
            Source::Variable("HIGHWATER_CLIENT_HEARTBEAT_MS".to_owned())
        );
        assert_eq!(source_of(&in_force, "log.level"), file.line(5));
        assert_eq!(source_of(&in_force, "log.format"), Source::Default);
    }

    #[test]
    fn the_environment_names_the_file_unless_a_flag_does() {
        let (one, other) = (
            TestFile::new("server.workers = 1"),
            TestFile::new("server.workers = 2"),
        );
        let env = [(FILE_VARIABLE, other.0.to_str().unwrap())];
        assert_eq!(load(None, &env, Flags::default()).unwrap().0.server.workers, 2);
        assert_eq!(
            load(Some(&one), &env, Flags::default()).unwrap().0.server.workers,
            1
        );
        let missing = load(None, &[(FILE_VARIABLE, "/nonexistent/h.toml")], Flags::default()).unwrap_err();
        assert_eq!(
            missing.to_string(),
            "configuration file /nonexistent/h.toml cannot be read"
        );
    }

    #[test]
    fn every_flag_sets_its_setting() {
        let flags = Flags {
            data: Some("elsewhere".to_owned()),
            listen: Some("[::1]:0".to_owned()),
            admin_listen: Some("127.0.0.1:0".to_owned()),
            dev: true,
            registration: Some("invite".to_owned()),
            accept_loss: true,
            memory_engine: true,
        };
        let (config, in_force) = load(None, &[], flags).unwrap();
        assert_eq!(
            config.server,
            Server {
                data: "elsewhere".into(),
                dev: true,
                ..Server::default()
            }
        );
        assert_eq!(config.client.listen.to_string(), "[::1]:0");
        assert_eq!(config.operator.listen.to_string(), "127.0.0.1:0");
        assert_eq!(config.registration.mode, RegistrationMode::Invite);
        assert!(config.storage.accept_loss && config.storage.engine == Engine::Memory);
        assert_eq!(
            in_force
                .iter()
                .filter(|(.., source)| matches!(source, Source::Flag(_)))
                .count(),
            7
        );
        assert_eq!(config.cautions().len(), 3);
    }

    #[test]
    fn unknown_names_are_refused_with_their_place_and_the_nearest() {
        let of_file = [
            (
                "\n[client]\nlisten_on = 1",
                "line 3: unknown setting client.listen_on; did you mean client.listen?",
            ),
            (
                "[client]\nworkers = 1",
                "line 2: unknown setting client.workers; did you mean server.workers?",
            ),
            (
                "[cliemt]\nlisten = 1",
                "line 1: unknown setting cliemt; did you mean client?",
            ),
            (
                "readers = 1",
                "line 1: unknown setting readers; did you mean server.readers?",
            ),
            (
                "[server]\nxyzzy_plugh_frotz = 1",
                "line 2: unknown setting server.xyzzy_plugh_frotz",
            ),
            (
                "[[kinds]]\nnumber = 5\nname = \"a\"\nnick = 1",
                "line 1: kinds has the unknown key nick",
            ),
        ];
        for (text, expected) in of_file {
            let error = error_of(text);
            assert!(error.starts_with(expected), "{error}");
            assert_eq!(
                error.contains("did you mean"),
                expected.contains("did you mean"),
                "{error}"
            );
        }
        assert_eq!(
            error_of_variable("HIGHWATER_CLIENT_LISTN", "x"),
            "environment variable HIGHWATER_CLIENT_LISTN: unknown setting HIGHWATER_CLIENT_LISTN; did you mean \
             HIGHWATER_CLIENT_LISTEN?"
        );
        let bug = load(None, &[(SEEDED_BUG_VARIABLE, "x")], Flags::default());
        assert_eq!(bug.is_ok(), cfg!(feature = "seeded-bugs"));
    }

    #[test]
    fn wrong_values_are_refused_with_key_and_place() {
        let cases = [
            ("client.listen", "\"localhost\"", "must be an address and a port"),
            ("client.listen", "8080", "must be a string in quotes, not 8080"),
            (
                "client.origins",
                "[\"https://a.example/\"]",
                "must list origins as browsers send them",
            ),
            ("client.origins", "[\"*\"]", "must list origins"),
            ("client.origins", "[\"null\"]", "must list origins"),
            (
                "client.origins",
                "\"https://a.example\"",
                "must be a list of strings",
            ),
            (
                "client.connections_max",
                "0",
                "must be a whole number from 1 to 1000000, not 0",
            ),
            ("client.connections_max", "1.5", "must be a whole number"),
            ("client.heartbeat_ms", "99", "must be a whole number from 100"),
            (
                "client.queued_bytes_max",
                "65535",
                "must be a whole number from 65536",
            ),
            (
                "server.workers",
                "-1",
                "must be a whole number from 0 to 256, not -1",
            ),
            ("server.readers", "\"2\"", "must be a whole number"),
            ("server.data", "\"\"", "must name a directory"),
            ("server.dev", "\"true\"", "must be true or false"),
            (
                "registration.mode",
                "\"Open\"",
                "must be \"closed\" or \"invite\" or \"open\", not \"Open\"",
            ),
            ("storage.engine", "\"rocks\"", "must be \"sled\" or \"memory\""),
            (
                "storage.segment_bytes",
                "99999999999999999999",
                "must be a whole number from 16777216",
            ),
            (
                "storage.accept_loss",
                "true",
                "can be given only as the flag --accept-loss",
            ),
            (
                "storage.accept_loss",
                "false",
                "can be given only as the flag --accept-loss",
            ),
            ("log.level", "\"loud\"", "must be off, error"),
            ("log.level", "\"info,highwater::store=\"", "must be off, error"),
            ("log.format", "1979-05-27", "must be \"text\" or \"json\""),
            (
                "kinds",
                "[{ number = 4, name = \"a\" }]",
                "has a number that must be a whole number from 5 to 8",
            ),
            (
                "kinds",
                "[{ number = 5 }]",
                "has an entry without number or without name",
            ),
            (
                "kinds",
                "[{ number = 5, name = \"messages\" }]",
                "has the name \"messages\"",
            ),
            (
                "kinds",
                "[{ number = 5, name = \"A b\" }]",
                "has the name \"A b\"",
            ),
            (
                "kinds",
                "[{ number = 5, name = \"a\" }, { number = 5, name = \"b\" }]",
                "has the number 5 or the name \"b\" twice",
            ),
        ];
        for (key, value, expected) in cases {
            let error = error_of(&format!("# a comment\n{key} = {value}"));
            assert!(
                error.starts_with(&format!("line 2: {key} {expected}")),
                "{key} = {value}: {error}"
            );
        }
        assert_eq!(
            error_of_variable("HIGHWATER_SERVER_READERS", "many"),
            "environment variable HIGHWATER_SERVER_READERS: server.readers must be a whole number from 1 to 64, not \
             \"many\""
        );
        assert!(error_of_variable("HIGHWATER_KINDS", "5=a").contains("only in the file"));
        assert!(error_of_variable("HIGHWATER_STORAGE_ACCEPT_LOSS", "true").contains("--accept-loss"));
        let flags = Flags {
            registration: Some("ajar".to_owned()),
            ..Flags::default()
        };
        let error = load(None, &[], flags).unwrap_err().to_string();
        assert!(
            error.starts_with("flag --registration: registration.mode must be"),
            "{error}"
        );
    }

    #[test]
    fn what_is_no_toml_is_refused_with_its_line() {
        assert!(error_of("[client]\nlisten = \n").starts_with("line 2: "));
        assert!(error_of("[log]\nlevel = \"info\"\nlevel = \"warn\"\n").starts_with("line 3: "));
        let large = TestFile::new(&"#".repeat(usize::try_from(FILE_BYTES_MAX).unwrap() + 1));
        let error = load(Some(&large), &[], Flags::default()).unwrap_err();
        assert!(matches!(error, ConfigError::Unreadable { .. }), "{error}");
    }

    #[test]
    fn an_address_beyond_loopback_has_to_be_meant() {
        for (key, section) in [("client.listen", "client"), ("operator.listen", "operator")] {
            for listen in [
                "0.0.0.0:9000",
                "[::]:9000",
                "192.0.2.1:0",
                "[::ffff:192.0.2.1]:9000",
            ] {
                let alone = format!("{key} = \"{listen}\"");
                let error = error_of(&alone);
                assert!(error.starts_with(&format!("line 1: {key} is ")), "{error}");
                assert!(
                    error.ends_with(&format!("say {section}.public_without_tls = true")),
                    "{error}"
                );
                let meant = format!("{alone}\n{section}.public_without_tls = true");
                assert_eq!(load_text(&meant).unwrap().cautions().len(), 1);
                let dev = format!("{meant}\nserver.dev = true");
                assert!(error_of(&dev).contains("only loopback addresses"), "{dev}");
            }
            for listen in [
                "127.0.0.1:0",
                "127.8.8.8:9000",
                "[::1]:9000",
                "[::ffff:127.0.0.1]:9000",
            ] {
                load_text(&format!("{key} = \"{listen}\"")).unwrap();
            }
        }
        let same = error_of("client.listen = \"127.0.0.1:8081\"");
        assert!(
            same.starts_with("line 1: client.listen is 127.0.0.1:8081, and so is the other"),
            "{same}"
        );
    }

    #[test]
    fn dev_opens_registration_unless_a_source_as_strong_says_otherwise() {
        let file = TestFile::new("registration.mode = \"closed\"");
        let dev = Flags {
            dev: true,
            ..Flags::default()
        };
        let (config, in_force) = load(Some(&file), &[], dev.clone()).unwrap();
        assert_eq!(config.registration.mode, RegistrationMode::Open);
        assert_eq!(source_of(&in_force, "registration.mode"), Source::Dev);
        let closed = Flags {
            registration: Some("closed".to_owned()),
            ..dev
        };
        assert_eq!(
            load(None, &[], closed).unwrap().0.registration.mode,
            RegistrationMode::Closed
        );
        let both = load_text("server.dev = true\nregistration.mode = \"invite\"").unwrap();
        assert_eq!(both.registration.mode, RegistrationMode::Invite);
        let off = [("HIGHWATER_SERVER_DEV", "false")];
        let file = TestFile::new("server.dev = true");
        assert_eq!(
            load(Some(&file), &off, Flags::default()).unwrap().0,
            Config::default()
        );
    }

    #[test]
    fn settings_that_do_not_go_together_are_refused() {
        assert!(error_of("storage.engine = \"memory\"").contains("which forgets"));
        let config = load_text("storage.engine = \"memory\"\nserver.dev = true").unwrap();
        assert!(
            config
                .cautions()
                .iter()
                .any(|caution| caution.contains("forgets"))
        );
        let error = error_of("storage.tail_bytes_max = 8_388_608");
        assert!(
            error.starts_with("line 1: storage.tail_bytes_max does not fit"),
            "{error}"
        );
        let error = error_of("[storage]\ntail_bytes_max = 16_777_216\nindex_after_bytes = 8_388_609");
        assert!(
            error.starts_with("line 3: storage.index_after_bytes does not fit"),
            "{error}"
        );
    }
}
