//! What the committer decides by besides rows: the time, which it is told when it passes, and what an operator has set.

use super::Committer;
use crate::{
    logic::ObservedTime,
    model::{HeardSince, Policy},
};

impl Committer {
    /// Sets the time of a start.
    pub fn set_time(&mut self, time: ObservedTime) {
        let state = std::mem::take(&mut self.state);
        self.state = state.with_time(time);
    }

    /// Sets what an operator has set.
    pub fn set_policy(&mut self, policy: Policy) {
        let state = std::mem::take(&mut self.state);
        self.state = state.with_policy(policy);
    }

    /// What an operator has set.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        self.state.policy()
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
