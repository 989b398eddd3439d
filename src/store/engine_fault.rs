//! What an index engine met.

use std::path::PathBuf;

/// What an engine met. None of these shows content.
#[derive(Debug, thiserror::Error)]
pub enum EngineFault {
    /// A stored value is not what was put under its key.
    #[error("damaged value in the index under a key that begins with {key_prefix}: {reason}")]
    Corrupt {
        /// First bytes of the key, in hexadecimal.
        key_prefix: String,
        /// What does not fit.
        reason: &'static str,
    },
    /// The engine's files cannot be opened.
    #[error("{engine} cannot open {}: {detail}. {advice}", path.display())]
    Open {
        /// Name of the engine.
        engine: &'static str,
        /// Directory of the engine.
        path: PathBuf,
        /// What the engine said, or panicked with.
        detail: String,
        /// What the operator can do.
        advice: &'static str,
    },
    /// The operating system refused to read, write or sync a file of the engine.
    #[error("{engine}: {during} failed")]
    Io {
        /// Name of the engine.
        engine: &'static str,
        /// The step that failed.
        during: &'static str,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The engine failed, or panicked, in its own code.
    #[error("{engine}: {during} failed: {detail}")]
    Broken {
        /// Name of the engine.
        engine: &'static str,
        /// The step that failed.
        during: &'static str,
        /// What the engine said, or panicked with.
        detail: String,
    },
    /// An earlier `apply` or `sync` failed; what it did is in doubt until the engine is opened again.
    #[error("{engine} refuses to write since {since} failed; it has to be opened again")]
    Poisoned {
        /// Name of the engine.
        engine: &'static str,
        /// The step that failed first.
        since: &'static str,
    },
    /// A fault that a plan asked for (tests and simulation only).
    #[error("planned fault in {during} number {call}")]
    Planned {
        /// The step that the plan made fail.
        during: &'static str,
        /// Which call of this step it was, from 1.
        call: u64,
    },
}
