//! How long to wait before trying again: full jitter, doubling from a base up to a cap.
//!
//! Source: full jitter spreads returning clients evenly instead of in waves (AWS Architecture Blog,
//! "Exponential Backoff and Jitter").

use std::time::Duration;

/// Doublings after which the ceiling stands at any sensible cap; keeps the shift from overflowing.
const DOUBLINGS_MAX: u32 = 20;

/// Counts failures in a row and names the next delay.
#[derive(Debug, Clone)]
pub struct Backoff {
    base: Duration,
    cap: Duration,
    failures: u32,
}

impl Backoff {
    /// Delays up to `base` after the first failure, up to `cap` at most.
    pub fn new(base: Duration, cap: Duration) -> Self {
        Backoff { base, cap, failures: 0 }
    }

    /// The next delay. `fraction` in 0..1 is the jitter; `at_least` is what the server asked for, on top of which
    /// the jitter is added so that clients told the same time do not return together.
    pub fn next_delay(&mut self, fraction: f64, at_least: Option<Duration>) -> Duration {
        let jitter = self.ceiling().mul_f64(fraction.clamp(0.0, 1.0));
        self.failures = self.failures.saturating_add(1);
        at_least.unwrap_or_default() + jitter
    }

    /// Things went well: the next failure starts from the base.
    pub fn reset(&mut self) {
        self.failures = 0;
    }

    /// The next delay comes from the whole range up to the cap, for when returning soon does harm.
    pub fn raise_to_cap(&mut self) {
        self.failures = DOUBLINGS_MAX;
    }

    fn ceiling(&self) -> Duration {
        let doubled = self.base.saturating_mul(1 << self.failures.min(DOUBLINGS_MAX));
        doubled.min(self.cap)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    #[test]
    fn doubles_from_base_to_cap() {
        let mut backoff = Backoff::new(MS(200), MS(1_000));
        let full: Vec<_> = (0..5).map(|_| backoff.next_delay(1.0, None)).collect();
        assert_eq!(full, [MS(200), MS(400), MS(800), MS(1_000), MS(1_000)]);
    }

    #[test]
    fn jitter_is_full() {
        assert_eq!(Backoff::new(MS(200), MS(1_000)).next_delay(0.0, None), MS(0));
        assert_eq!(Backoff::new(MS(200), MS(1_000)).next_delay(0.5, None), MS(100));
    }

    #[test]
    fn server_time_is_a_lower_bound_and_still_spread() {
        let mut backoff = Backoff::new(MS(200), MS(1_000));
        assert_eq!(backoff.next_delay(0.0, Some(MS(5_000))), MS(5_000));
        assert_eq!(backoff.next_delay(0.5, Some(MS(5_000))), MS(5_200));
    }

    #[test]
    fn reset_starts_over_and_raise_goes_to_cap() {
        let mut backoff = Backoff::new(MS(200), MS(30_000));
        backoff.raise_to_cap();
        assert_eq!(backoff.next_delay(1.0, None), MS(30_000));
        assert_eq!(backoff.next_delay(1.0, None), MS(30_000));
        backoff.reset();
        assert_eq!(backoff.next_delay(1.0, None), MS(200));
    }

    #[test]
    fn never_overflows() {
        let mut backoff = Backoff::new(Duration::from_secs(u64::MAX / 4), Duration::from_secs(30));
        (0..100).for_each(|_| assert!(backoff.next_delay(1.0, None) <= Duration::from_secs(30)));
    }
}
