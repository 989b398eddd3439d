//! Counting: numeric ids, minute points, exposition.

pub mod chart;
pub mod curves;
pub mod exposition;
pub mod handle;
pub mod histogram;
pub mod ids;
pub mod minutes;
pub mod operations;
pub mod outcome;
pub mod points;
pub mod registry;
pub mod slots;
pub mod window;

pub use exposition::Format;
pub use handle::{Monitor, OperationCounter};
pub use operations::Op;
pub use outcome::Outcome;
pub use window::Window;
