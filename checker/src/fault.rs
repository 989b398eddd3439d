//! Why files are no history.

use std::fmt;
use std::io;
use std::path::PathBuf;

/// The files cannot be judged. Every variant names the place.
#[derive(Debug)]
pub enum HistoryError {
    /// A file could not be opened or read.
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A line is not in the format.
    Line {
        /// The file.
        path: PathBuf,
        /// Line number, from 1.
        line: u32,
        /// What is wrong with it.
        fault: LineFault,
    },
    /// A line contradicts an earlier one about something that a client decides alone: one id with two tokens,
    /// one lineage of two users. The writer of the history is at fault, not the server.
    Contradiction {
        /// The file.
        path: PathBuf,
        /// Line number, from 1.
        line: u32,
        /// What contradicts.
        what: String,
    },
    /// No `devices` line: nobody is expected to have anything, so nothing could be found missing.
    NoDevices,
    /// More torn lines than writers that were killed.
    TornLines {
        /// Lines that end before their JSON does.
        torn: u64,
        /// Files plus `client_restart` lines: the writers that can have died in the middle of a line.
        writers: u64,
    },
}

/// What is wrong with one line.
#[derive(Debug)]
pub enum LineFault {
    /// Not JSON, or a field of the wrong shape.
    Json(serde_json::Error),
    /// A field that this operation needs is not there.
    Missing(&'static str),
    /// No such operation with this kind.
    UnknownOperation(String),
    /// Longer than the limit on lines.
    TooLong,
}

impl fmt::Display for HistoryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io { path, .. } => write!(f, "cannot read {}", path.display()),
            Self::Line { path, line, fault } => write!(f, "{}:{line}: {fault}", path.display()),
            Self::Contradiction { path, line, what } => write!(f, "{}:{line}: {what}", path.display()),
            Self::NoDevices => f.write_str("no \"devices\" line in any file"),
            Self::TornLines { torn, writers } => {
                write!(f, "{torn} torn lines, but only {writers} writers that can have torn one each")
            }
        }
    }
}

impl std::error::Error for HistoryError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { source, .. } => Some(source),
            Self::Line { fault: LineFault::Json(source), .. } => Some(source),
            _ => None,
        }
    }
}

impl fmt::Display for LineFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json(source) => write!(f, "not a line of a history: {source}"),
            Self::Missing(field) => write!(f, "field \"{field}\" is missing"),
            Self::UnknownOperation(what) => write!(f, "unknown operation {what}"),
            Self::TooLong => f.write_str("line is too long"),
        }
    }
}
