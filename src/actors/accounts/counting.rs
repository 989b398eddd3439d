//! Counts what accounts are asked for, whichever port it comes through: refusals too, and the time that a password takes.

use highwater_wire::Refusal;

use super::Accounts;
use crate::monitor::{Op, Outcome};

impl Accounts {
    /// Does what was asked, and counts it once with its outcome and its time.
    pub(super) async fn counted<T>(
        &self,
        op: Op,
        asked: impl Future<Output = Result<T, Refusal>>,
    ) -> Result<T, Refusal> {
        let clock = &self.services.clock;
        let started_us = clock.monotonic_us();
        let result = asked.await;
        let outcome = result.as_ref().map_or_else(|refusal| Outcome::from(*refusal), |_| Outcome::Ok);
        let took_us = clock.monotonic_us().saturating_sub(started_us);
        self.services.monitor.operation(op).finished(outcome, took_us, 0);
        result
    }
}
