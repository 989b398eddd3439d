//! Bugs on purpose, to prove that the torture finds them. Compiled in only with the feature `seeded-bugs`.

/// One of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SeededBug {
    /// A batch is told before it is written; it is written with the next one. Kills find it.
    AcknowledgeBeforeWrite,
    /// A batch is told after it is written and before it is synced; the next one's sync covers it. Power cuts find it.
    AcknowledgeBeforeSync,
    /// At open the last batch is read back and served, and stays where it was, unsynced. Power cuts find it.
    ServeUnsyncedTail,
}

impl SeededBug {
    /// Every seeded bug.
    pub const ALL: [SeededBug; 3] =
        [SeededBug::AcknowledgeBeforeWrite, SeededBug::AcknowledgeBeforeSync, SeededBug::ServeUnsyncedTail];

    /// Its name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            SeededBug::AcknowledgeBeforeWrite => "acknowledge-before-write",
            SeededBug::AcknowledgeBeforeSync => "acknowledge-before-sync",
            SeededBug::ServeUnsyncedTail => "serve-unsynced-tail",
        }
    }

    /// The bug of a name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<SeededBug> {
        SeededBug::ALL.into_iter().find(|bug| bug.name() == name)
    }
}
