//! Time as it is handed down from `app.rs`: nothing else reads a clock.

use std::sync::Arc;

use super::ids::TimeMs;

/// Where time comes from. Cheap to clone; simulations hand down their own.
#[derive(Clone)]
pub struct Clock {
    wall_ms: Arc<dyn Fn() -> i64 + Send + Sync>,
    monotonic_us: Arc<dyn Fn() -> u64 + Send + Sync>,
}

impl Clock {
    /// From a wall clock in milliseconds since 1970 and a clock that never goes back, in microseconds.
    #[must_use]
    pub fn new(
        wall_ms: impl Fn() -> i64 + Send + Sync + 'static,
        monotonic_us: impl Fn() -> u64 + Send + Sync + 'static,
    ) -> Clock {
        Clock { wall_ms: Arc::new(wall_ms), monotonic_us: Arc::new(monotonic_us) }
    }

    /// The wall clock: for what people are shown and for days.
    #[must_use]
    pub fn now(&self) -> TimeMs {
        TimeMs((self.wall_ms)())
    }

    /// Microseconds on a clock that never goes back: for waits and latencies.
    #[must_use]
    pub fn monotonic_us(&self) -> u64 {
        (self.monotonic_us)()
    }
}
