//! How much the board of groups takes.

use std::time::Duration;

/// How many groups are active, and for how long. The defaults are a server's; tests make them small.
#[derive(Debug, Clone, Copy)]
pub struct ActiveBounds {
    /// Groups with an actor. Source: about a kilobyte each; so many speak within ten seconds on a server that is full.
    pub groups_max: usize,
    /// How long an actor without work stays. Source: people answer each other within seconds, and to start one costs a
    /// few µs.
    pub idle: Duration,
}

impl Default for ActiveBounds {
    fn default() -> ActiveBounds {
        ActiveBounds { groups_max: 4096, idle: Duration::from_secs(10) }
    }
}
