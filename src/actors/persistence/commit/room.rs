//! How much one batch takes besides a number of operations.

use super::Committer;
use crate::{
    logic::Operation,
    model::{GroupBounds, limits::BATCH_BYTES_MAX},
};

impl Committer {
    /// Sets the bounds of groups.
    pub fn set_group_bounds(&mut self, bounds: GroupBounds) {
        self.state.set_group_bounds(bounds);
    }

    /// Whether the operation has to wait for the next batch: this one has its bytes, or its steps of fan-outs.
    pub(super) fn is_full_for(&self, operation: &Operation) -> bool {
        self.payload.len() > BATCH_BYTES_MAX / 2 || !self.state.has_room(operation)
    }
}
