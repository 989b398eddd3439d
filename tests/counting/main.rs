//! What counting promises: whatever was added is in a point or still to come, a report allocates nothing and costs little.
#![allow(clippy::disallowed_methods, reason = "tests read the clock and wait")]
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

mod allocations;
mod conservation;
mod cost;
mod reporters;

/// Every allocation of this process is counted, by thread.
#[global_allocator]
static ALLOCATOR: allocations::Counted = allocations::Counted;
