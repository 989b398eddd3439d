//! Observed time is stored now and then, and at the end, so that the next start knows how far it had come.

use super::{
    Persistence,
    intake::{Reply, Submission},
};
use crate::logic::Request;

/// How often the observed time is stored, milliseconds. Source: what a kill loses of it makes things expire later by so
/// much, which is little against weeks.
const TIME_STEP_MS: i64 = 60 * 60 * 1000;

/// The shortest such step, milliseconds. Source: a record of a few kilobytes; the shortest retention is a second.
const TIME_STEP_LEAST_MS: i64 = 100;

impl Persistence {
    /// How often time is stored: an eighth of the shortest retention, so that what goes by age is not kept for much
    /// longer; at most some times a second, and at least as often as a kill may lose.
    pub(super) fn time_step_ms(&self) -> i64 {
        (self.committer.policy().retentions.shortest_ms() / 8).clamp(TIME_STEP_LEAST_MS, TIME_STEP_MS)
    }

    /// Has the observed time stored, if it moved on by so much since it was stored last.
    pub(super) fn store_time(&mut self, step_ms: i64) {
        self.committer.advance(self.clock.monotonic_us());
        let now = self.committer.time().at();
        if self.stored_time.is_some_and(|stored| now.0 - stored.0 < step_ms) {
            return;
        }
        self.stored_time = Some(now);
        self.ready.push_back(Submission::new(Request::StoreTime, Reply::Nobody, &self.clock));
        self.intake.took_one_more();
    }
}
