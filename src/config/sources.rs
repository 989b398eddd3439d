//! Where settings come from, and which source is stronger.

use std::{fmt, path::PathBuf};

/// The variable that names the configuration file when no flag does.
pub const FILE_VARIABLE: &str = "HIGHWATER_CONFIG";
/// The variable that names a seeded bug; known only to builds that contain them.
pub const SEEDED_BUG_VARIABLE: &str = "HIGHWATER_SEEDED_BUG";

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

impl Flags {
    /// Setting, flag and value of each flag that was given.
    pub(super) fn given(self) -> impl Iterator<Item = (&'static str, &'static str, String)> {
        let on = |given: bool| given.then(|| "true".to_owned());
        let all = [
            ("server.data", "--data", self.data),
            ("client.listen", "--listen", self.listen),
            ("operator.listen", "--admin-listen", self.admin_listen),
            ("server.dev", "--dev", on(self.dev)),
            ("registration.mode", "--registration", self.registration),
            ("storage.accept_loss", "--accept-loss", on(self.accept_loss)),
            ("storage.engine", "--memory-engine", self.memory_engine.then(|| "memory".to_owned())),
        ];
        all.into_iter().filter_map(|(key, flag, text)| text.map(|text| (key, flag, text)))
    }
}

impl Source {
    pub(super) fn strength(&self) -> u8 {
        match self {
            Source::Default | Source::Dev => 0,
            Source::File { .. } => 1,
            Source::Variable(_) => 2,
            Source::Flag(_) => 3,
        }
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
