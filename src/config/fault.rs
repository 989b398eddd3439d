//! Why there is no configuration.

use std::{error::Error, fmt, io, path::PathBuf};

use super::sources::Source;

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

/// What is added to the name of an unknown setting.
struct Suggestion<'a>(&'a Option<String>);

impl fmt::Display for Suggestion<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_ref().map_or(Ok(()), |name| write!(f, "; did you mean {name}?"))
    }
}

/// The error and its causes in one line.
#[must_use]
pub fn sentence(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
