//! The work that goes on behind: the index, housekeeping, a full disk.

use highwater::{
    actors::persistence::commit::Health,
    logic::Request,
    model::UserId,
    store::engine_faulty::{CallFault, FaultPlan},
};

use crate::{faults, operations::Ticket, world::World};

impl World {
    /// The index is brought some batches further, sometimes with trouble.
    pub fn index_further(&mut self) {
        if self.running().index_is_broken {
            self.shell.engine.set_plan(FaultPlan::default());
            self.shell.engine.reopen();
            self.running().index_is_broken = false;
        }
        self.plan_index_trouble();
        let the_end = self.random.one_in(40).then(|| faults::the_end(&mut self.random, 3));
        let (fired, files) = (self.shell.disk.fired(), self.files());
        if let Some(the_end) = the_end {
            self.shell.disk.add_rule(the_end.rule());
        }
        for _ in 0..1 + self.random.below(12) {
            if !self.index_batch() {
                break;
            }
        }
        self.shell.disk.clear_rules();
        if self.shell.disk.fired() > fired {
            self.counts.saw("crash in housekeeping");
            let power_cut = self.random.one_in(2);
            self.crash(power_cut);
        } else if self.running().index_is_broken && self.random.one_in(8) {
            self.crash(false);
        } else if self.files() < files {
            self.counts.saw("segments deleted");
        }
    }

    fn plan_index_trouble(&mut self) {
        if !self.random.one_in(8) {
            return;
        }
        let (applies, syncs) = self.shell.engine.calls();
        let call = 1 + self.random.below(4);
        let worked = self.random.one_in(2);
        let kind = |fault: CallFault| if worked { fault.done_all_the_same() } else { fault };
        let plan = if self.random.one_in(2) {
            FaultPlan { apply: Some(kind(CallFault::once(applies + call))), sync: None }
        } else {
            FaultPlan { apply: None, sync: Some(kind(CallFault::once(syncs + 1))) }
        };
        self.shell.engine.set_plan(plan);
    }

    /// One batch; false when there is nothing more to do, or the index is broken.
    pub fn index_batch(&mut self) -> bool {
        let evicts = self.shell.bounds.rows_max == 0;
        let before = self.running().committer.tail().indexed();
        let running = self.running();
        let outcome = running.committer.index_step();
        let indexed = running.committer.tail().indexed();
        let (written, left_out) = running.committer.take_indexed_entries();
        match outcome {
            Err(fault) => {
                running.index_is_broken = true;
                let at_sync = faults::chain(&fault).iter().any(|cause| cause.contains("sync"));
                self.counts.saw(if at_sync { "index sync fails" } else { "index apply fails" });
                false
            }
            Ok(more) => {
                if indexed > before {
                    running.step_batches = 0;
                    self.shell.synced_reach = indexed;
                    self.counts.saw("index step done");
                    self.counts.saw_many("entry indexed", written);
                    self.counts.saw_many("entry left out of the index", left_out);
                    if evicts {
                        self.counts.saw("rows evicted");
                    }
                } else if more {
                    running.step_batches += 1;
                    self.counts.saw("index batch");
                }
                more
            }
        }
    }

    /// Cleanup of some user: what lies below the floor is removed from the index, sometimes with trouble.
    pub fn clean_one(&mut self) {
        let user = self.any(self.users.len());
        let user = self.users[user].0;
        self.expire(user);
        if self.running().index_is_broken {
            return;
        }
        if self.random.one_in(16) {
            let (applies, _) = self.shell.engine.calls();
            self.shell.engine.set_plan(FaultPlan { apply: Some(CallFault::once(applies + 1)), sync: None });
        } else {
            self.plan_index_trouble();
        }
        let chunks_max = 1 + self.any(3);
        self.clean(user, chunks_max);
        self.clean_by_age(user, chunks_max);
        self.clean_tombstones(1 + chunks_max);
        self.clean_bodies(chunks_max);
    }

    pub fn clean_everything(&mut self) {
        for (user, _) in self.users.clone() {
            self.clean(user, usize::MAX);
            self.clean_by_age(user, usize::MAX);
        }
    }

    /// What the cleaner asks for when only expired lineages hold something back; and the time is stored now and then.
    fn expire(&mut self, user: UserId) {
        let since = self.running().committer.heard_since();
        if self.oracle.lineages.get(&user).is_some_and(|lineages| lineages.floor_is_due(since)) {
            self.counts.saw("expire");
            self.submit(Request::Expire(user), Ticket::Other);
        }
        match self.random.below(8) {
            0..4 => self.submit(Request::StoreTime, Ticket::Other),
            4 if self.running().committer.time().is_suspended() => {
                self.counts.saw("time accepted");
                self.oracle.now = self.oracle.now.max(self.now);
                self.submit(Request::AcceptTime, Ticket::Other);
            }
            _ => {}
        }
    }

    fn clean(&mut self, user: UserId, chunks_max: usize) {
        let view = self.shell.view();
        let floor = view.lineages(user).unwrap_or_else(|fault| panic!("G1: {fault}")).removable_through();
        let keys =
            view.removable_chunks(user, floor, chunks_max).unwrap_or_else(|fault| panic!("G1: {fault}"));
        drop(view);
        if keys.is_empty() {
            return;
        }
        let removed = self.running().committer.remove_from_index(&keys);
        self.counts.saw(if removed.is_ok() { "inbox chunks removed" } else { "cleanup fails" });
        self.running().index_is_broken |= removed.is_err();
    }

    /// Housekeeping, and a look whether a full disk has space again.
    pub fn keep_house(&mut self) {
        let the_end = self.random.one_in(20).then(|| faults::the_end(&mut self.random, 5));
        let fired = self.shell.disk.fired();
        if let Some(the_end) = the_end {
            self.shell.disk.add_rule(the_end.rule());
        }
        let was_full = self.running().committer.health() == Health::Full;
        let recovered = self.running().committer.recover();
        self.running().committer.housekeeping();
        self.shell.disk.clear_rules();
        let Some(records) = recovered.ok().filter(|_| self.shell.disk.fired() == fired) else {
            self.counts.saw("crash in housekeeping");
            let power_cut = self.random.one_in(2);
            self.crash(power_cut);
            return;
        };
        self.published(&records);
        if was_full && self.running().committer.health() == Health::Writable {
            self.counts.saw("recovered");
        }
    }
}
