//! How much one batch takes besides a number of operations.

use super::Committer;
use crate::{
    logic::{Operation, Request},
    model::{Form, GroupBounds, Strangers, limits::BATCH_BYTES_MAX},
};

impl Committer {
    /// Sets the bounds of groups.
    pub fn set_group_bounds(&mut self, bounds: GroupBounds) {
        self.state.set_group_bounds(bounds);
    }

    /// Sets how many groups and channels one user may own.
    pub fn set_groups_owned_max(&mut self, groups: u32) {
        self.state.set_groups_owned_max(groups);
    }

    /// Sets with how many members a group is still to be one; 0 for however many.
    pub fn set_channel_above_members(&mut self, members: usize) {
        self.state.set_channel_above_members(members);
    }

    /// Sets what is taken of strangers by who has not said so.
    pub fn set_strangers(&mut self, strangers: Strangers) {
        self.state.set_strangers(strangers);
    }

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
