//! Flags of `serve` for who measures it: they take something away, so that what it costs can be told.

use clap::Args;

/// What is taken away; nothing, unless told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Args)]
#[group(skip)]
pub struct Measuring {
    /// Store nothing, for benchmarks: commits return at once, and everything is forgotten at the end.
    #[arg(long, hide = true)]
    pub null_store: bool,
    /// Count next to nothing, for benchmarks: most curves and metrics stay at 0.
    #[arg(long, hide = true)]
    pub no_counting: bool,
}
