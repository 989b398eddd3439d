//! The end of a history: everything is answered, everybody syncs, and what each sees is compared with what is true.

use highwater::{actors::persistence::commit::Health, model::LineageId, store::engine_faulty::FaultPlan};

use crate::world::World;

impl World {
    /// See the module.
    pub fn settle(&mut self) {
        self.heal();
        self.resume_everybody();
        self.answer_everything();
        self.expand_everything();
        self.let_everything_age();
        self.follow_nudges();
        self.everybody_reads();
        self.everybody_compares();
        self.everybody_repairs();
        self.tell_every_profile();
        self.everybody_reads();
        self.index_everything();
        self.everybody_compares();
        self.everybody_reads_anew();
        self.everybody_hands_back();
        self.clean_all_bodies();
        self.resend_everything();
        self.crash(true);
        self.everybody_reads();
        self.everybody_reads_again();
        self.everybody_reads_anew();
        self.everybody_reads_history();
        self.crash(false);
        self.everybody_reads_anew();
        self.everybody_reads_history();
        if self.random.one_in(4) {
            self.turn_conversations();
        }
        if self.random.one_in(2) {
            self.erase_somebody();
        }
    }

    fn heal(&mut self) {
        self.capacity = None;
        self.shell.disk.set_capacity(None);
        self.shell.engine.set_plan(FaultPlan::default());
        self.shell.engine.reopen();
        self.long_view = None;
        self.running().index_is_broken = false;
        for _ in 0..2 {
            let recovered = self.running().committer.recover();
            let records =
                recovered.unwrap_or_else(|fatal| panic!("a disk with space does not recover: {fatal}"));
            self.published(&records);
        }
        assert_eq!(self.running().committer.health(), Health::Writable, "there is space again");
    }

    /// Clients send until they have an answer.
    fn answer_everything(&mut self) {
        for _ in 0..200 {
            for place in 0..self.pending.len() {
                let pending = &self.pending[place];
                if pending.acked.is_none() && !pending.is_over && pending.copies == 0 {
                    self.submit_send_again(place);
                }
            }
            if !self.work_off() {
                return;
            }
        }
        panic!("sends are not answered");
    }

    /// Decides everything that waits; false when nothing did.
    pub fn work_off(&mut self) -> bool {
        let mut worked = false;
        for _ in 0..10_000 {
            let running = self.running();
            if running.ready.is_empty() && running.parked.is_empty() {
                return worked;
            }
            worked = true;
            self.commit(8, None);
            self.warm_further();
        }
        panic!("operations wait for ever");
    }

    /// Without another reason than nudges, pushes and heartbeats every connected client gets everything.
    fn follow_nudges(&mut self) {
        let lineages: Vec<LineageId> = self.sessions.keys().copied().collect();
        for _ in 0..50 {
            for lineage in &lineages {
                self.tell_news_to(*lineage, false);
                self.heartbeat(*lineage);
                while self.sessions.get(lineage).is_some_and(|session| !session.frames.is_empty()) {
                    self.deliver(*lineage, false, false);
                }
                let place = self.client_of(*lineage);
                if self.clients[place].must_sync {
                    self.sync(place, 4);
                }
            }
            while self.sessions.values().any(|session| session.reading.is_some()) {
                self.read_on();
            }
        }
        for lineage in lineages {
            let client = &self.clients[self.client_of(lineage)];
            client.check_complete(self.oracle.last, &self.oracle);
        }
    }

    fn index_everything(&mut self) {
        while self.index_batch() {}
        let tail = self.running().committer.tail();
        assert_eq!(tail.indexed(), tail.durable(), "the index has everything");
        assert_eq!(tail.bytes(), 0, "nothing is left in the tail when nobody holds it");
    }

    /// Every live client goes on from what it has.
    fn everybody_reads(&mut self) {
        for place in 0..self.clients.len() {
            if self.oracle.is_live(self.clients[place].lineage.device) {
                let mut taken = self.clients[place].clone();
                self.read_all(&mut taken, 7, None);
                self.clients[place] = taken;
            }
        }
    }

    /// Every live client hands back what it has: then nothing more is kept than says where an inbox ends.
    fn everybody_hands_back(&mut self) {
        for place in 0..self.clients.len() {
            self.hand_back(place);
        }
        self.work_off();
        self.explain_some();
        self.index_everything();
        self.clean_everything();
        self.everybody_reads();
        self.everybody_reads_anew();
        let view = self.shell.view();
        // A lineage whose client never heard that it was made hands nothing back.
        let is_heard = |lineage| self.clients.iter().any(|client| client.lineage == lineage);
        for lineages in self.oracle.lineages.values() {
            if !lineages.rows.is_empty() && lineages.rows.iter().all(|row| is_heard(row.id)) {
                let head = self.oracle.inbox_head(lineages.user);
                // Of one who follows a lineage begins above everything that was posted.
                let begins_above = lineages.rows.iter().any(|row| row.from == lineages.floor);
                let has_all = lineages.floor == head || (lineages.floor > head && begins_above);
                assert!(has_all, "everybody has everything: {} of {head}", lineages.floor);
            }
            let left = view.removable_chunks(lineages.user, lineages.floor, usize::MAX).unwrap();
            assert_eq!(left, Vec::<Vec<u8>>::new(), "cleanup left something");
        }
    }

    /// Every live client, as if it had lost its store.
    fn everybody_reads_anew(&mut self) {
        for place in 0..self.clients.len() {
            let client = &self.clients[place];
            if self.oracle.is_live(client.lineage.device) {
                let mut anew = client.anew();
                self.read_all(&mut anew, 3, None);
            }
        }
    }

    /// What was answered is sent again: the same answer, and nothing new in the log.
    fn resend_everything(&mut self) {
        // What cleanup has asked for.
        self.work_off();
        let before = self.oracle.last;
        for place in 0..self.pending.len() {
            if self.pending[place].acked.is_some() {
                self.submit_send_again(place);
            }
        }
        self.work_off();
        assert_eq!(self.oracle.last, before, "G8: a resend was stored again");
    }
}
