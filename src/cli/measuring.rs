//! Flags of `serve` for who measures and tests it: they take something away, so that what it costs can be told, or make
//! minutes short.

use clap::Args;

/// What is other than in a server that is used; nothing, unless told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Args)]
#[group(skip)]
pub struct Measuring {
    /// Store nothing, for benchmarks: commits return at once, and everything is forgotten at the end.
    #[arg(long, hide = true)]
    pub null_store: bool,
    /// Count next to nothing, for benchmarks: most curves and metrics stay at 0.
    #[arg(long, hide = true)]
    pub no_counting: bool,
    /// Length of the minutes of minute points and alarms, for tests.
    #[arg(long, hide = true, value_name = "MS", value_parser = clap::value_parser!(u32).range(10..=60_000))]
    pub monitor_minute_ms: Option<u32>,
}
