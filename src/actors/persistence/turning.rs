//! Groups that have more members than a group is to have: each becomes a channel by an operation of its own, in the batch
//! after the join that made it so.

use super::{
    Persistence,
    intake::{Reply, Submission},
};

impl Persistence {
    /// Asks for the turns that are due. Nobody waits for them: what is refused is asked for again with the next join.
    pub(super) fn turn_outgrown(&mut self) {
        for turn in self.committer.take_turns() {
            self.ready.push_back(Submission::new(turn, Reply::Nobody, &self.clock));
            self.intake.took_one_more();
        }
    }
}
