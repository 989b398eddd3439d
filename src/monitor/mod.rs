//! Counting: numeric ids, minute points, exposition.
//!
//! Every part of the server holds a [`Monitor`] and reports to the ids of [`ids`] or through [`Monitor::operation`].
//! `slots` keeps the values (`host_values` those that host programs report over HTTP), `registry` says what an id means, `minutes` keeps a point per minute for a day; what the
//! operator's port shows comes from `exposition` (Prometheus), `curves` (a page), `points` (JSON, of stored points) and `reports` (days and weeks).
//! The module knows nothing of what is counted and reads no clock.

pub mod alarms;
pub mod chart;
pub mod curves;
pub mod exposition;
pub mod handle;
pub mod help;
pub mod histogram;
pub mod host_values;
pub mod ids;
pub mod minutes;
pub mod operations;
#[cfg(feature = "otlp")]
pub mod otlp;
pub mod outcome;
pub mod points;
pub mod registry;
pub mod reports;
pub mod slots;
pub mod values;
pub mod window;

pub use exposition::Format;
pub use handle::{Monitor, OperationCounter};
pub use operations::Op;
pub use outcome::Outcome;
pub use window::Window;
