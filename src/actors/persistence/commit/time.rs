//! What the committer decides by besides rows: the time, which it is told when it passes, and the login policy.

use super::Committer;
use crate::{
    logic::ObservedTime,
    model::{DevicePolicy, HeardSince, Retentions},
};

impl Committer {
    /// Sets the time of a start, and how long lineages may be silent.
    pub fn set_time(&mut self, time: ObservedTime, lineage_expiry_ms: i64) {
        let state = std::mem::take(&mut self.state);
        self.state = state.with_time(time, lineage_expiry_ms);
    }

    /// Sets the policy by which devices sign in.
    pub fn set_device_policy(&mut self, policy: DevicePolicy) {
        let state = std::mem::take(&mut self.state);
        self.state = state.with_device_policy(policy);
    }

    /// Sets how long things are kept.
    pub fn set_retentions(&mut self, retentions: Retentions) {
        self.state.set_retentions(retentions);
    }

    /// How long things are kept.
    #[must_use]
    pub fn retentions(&self) -> Retentions {
        self.state.retentions()
    }

    /// Forgets every row, and what was decided and is not durable.
    pub(super) fn forget(&mut self) {
        self.state.forget(self.tail.durable());
        self.state.set_horizon(self.tail.horizon());
    }

    /// Time passes. What is decided next is decided at this time.
    pub fn advance(&mut self, monotonic_us: u64) {
        self.state.advance(monotonic_us);
    }

    /// The observed time.
    #[must_use]
    pub fn time(&self) -> ObservedTime {
        self.state.time()
    }

    /// Lineages heard of after it are live.
    #[must_use]
    pub fn heard_since(&self) -> HeardSince {
        self.state.heard_since()
    }
}
