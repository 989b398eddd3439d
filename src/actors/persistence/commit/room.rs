//! How much one batch takes besides a number of operations.

use super::Committer;
use crate::{
    logic::{Operation, Request},
    model::{Form, limits::BATCH_BYTES_MAX},
};

impl Committer {
    /// Turns that are due since groups have grown: to be decided like what others ask for.
    #[must_use]
    pub fn take_turns(&mut self) -> Vec<Request> {
        let turn = |group| Request::Turn(group, Form::Channel);
        self.state.take_outgrown().into_iter().map(turn).collect()
    }

    /// Whether the operation has to wait for the next batch: this one has its bytes, or its steps of fan-outs.
    pub(super) fn is_full_for(&self, operation: &Operation) -> bool {
        self.payload.len() > BATCH_BYTES_MAX / 2 || !self.state.has_room(operation)
    }
}
