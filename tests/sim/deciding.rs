//! How the persistence actor's loop takes operations through the committer: batches, what waits for rows, readers.

use std::sync::Arc;

use highwater::{
    actors::{
        persistence::{
            commit::{Committed, Health, Outcome},
            warm,
        },
        user::audience,
    },
    logic::Operation,
    model::Record,
    store::view::View,
};
use highwater_wire::Refusal;

use crate::{
    faults::{self, Trouble},
    operations::Submission,
    shell::{Warming, WarmingState},
    world::World,
};

impl World {
    /// One batch, with or without trouble on the disk.
    pub fn decide(&mut self) {
        let trouble = self.random.one_in(4).then(|| faults::of_commit(&mut self.random));
        let size = 1 + self.any(8);
        self.commit(size, trouble);
    }

    /// Commits up to so many operations.
    pub fn commit(&mut self, size: usize, trouble: Option<Trouble>) {
        let count = self.running().ready.len().min(size);
        if count == 0 {
            return;
        }
        self.counts.saw("batch");
        self.oracle.used.0 += count as u64;
        let batch: Vec<Submission> = self.running().ready.drain(..count).collect();
        if let Some(trouble) = trouble {
            self.shell.disk.add_rule(trouble.rule());
        }
        self.note_batch();
        let (fired, files) = (self.shell.disk.fired(), self.files());
        let committed = self.running().committer.commit(batch.iter().map(|submission| &submission.operation));
        let fired = self.shell.disk.fired() > fired;
        self.shell.disk.clear_rules();
        let is_the_end = fired && trouble.is_some_and(Trouble::is_the_end);
        let Ok(committed) = committed else {
            self.counts.saw(if is_the_end { "crash in a commit" } else { "fatal" });
            let power_cut = self.random.one_in(2);
            self.crash(power_cut);
            return;
        };
        if is_the_end {
            self.counts.saw("crash in a commit");
            let power_cut = self.random.one_in(2);
            self.crash(power_cut);
            return;
        }
        if self.files() > files {
            self.counts.saw("segment begun");
        }
        self.note_trouble(fired, &committed);
        self.tell(batch, committed);
    }

    fn note_trouble(&mut self, fired: bool, committed: &Committed) {
        let is_full = self.running().committer.health() == Health::Full;
        if is_full {
            self.counts.saw("disk full");
        }
        if committed.outcomes.contains(&Outcome::Unknown) {
            self.counts.saw("full with doubt");
        }
        if fired {
            self.counts.saw("append fails");
            if !committed.records.is_empty() {
                self.counts.saw("in doubt survived");
            } else if !is_full {
                self.counts.saw("in doubt gone");
            }
        }
    }

    /// Records are published: the oracle checks them, and connected users have news.
    pub fn published(&mut self, records: &[Arc<Record>]) {
        for record in records {
            let (floors, expired) = (self.oracle.floors(), self.oracle.expired.len());
            let horizon = self.oracle.horizon.clone();
            self.check_passwords(record);
            self.check_suspension(record);
            self.check_profiles(record);
            self.oracle.publish(record);
            for event in std::mem::take(&mut self.oracle.met) {
                self.counts.saw(event);
            }
            if self.oracle.horizon.receipts_from > horizon.receipts_from {
                self.counts.saw("horizon moved");
            }
            if self.oracle.expired.len() > expired {
                self.counts.saw("lineage expired");
            }
            self.check_devices(record);
            self.note_contacts(record);
            self.hand_backs.note(record);
            self.note_retired(record, expired);
            self.note_gone(record);
            if self.oracle.floors() > floors {
                self.counts.saw("floor raised");
            }
            let told = self.oracle.told_of_posts(record).into_iter().map(|user| (user, false));
            for (user, items) in audience(record).into_iter().chain(told) {
                for (lineage, session) in &mut self.sessions {
                    if self.oracle.devices.get(&lineage.device).is_some_and(|device| device.user == user) {
                        session.note(items);
                    }
                }
            }
        }
        let oracle = &self.oracle;
        self.sessions.retain(|lineage, _| oracle.is_let_in(lineage.device));
        let durable = self.running().committer.tail().durable();
        assert_eq!(durable, self.oracle.last, "the head is the last record published");
        self.check_horizon();
    }

    fn tell(&mut self, batch: Vec<Submission>, committed: Committed) {
        self.published(&committed.records);
        let mut again = Vec::new();
        let mut told = false;
        for (submission, outcome) in batch.into_iter().zip(committed.outcomes) {
            match outcome {
                Outcome::Told(result) => {
                    told = true;
                    self.answered(&submission, result, &committed.records);
                }
                Outcome::Unknown => self.answered(&submission, Err(Refusal::UnknownOutcome), &[]),
                Outcome::Cold => self.park(submission),
                Outcome::Again => again.push(submission),
            }
        }
        for submission in again.into_iter().rev() {
            let actor = submission.operation.actor();
            let running = self.running();
            match actor.and_then(|actor| running.parked.get_mut(&actor)) {
                Some(waiting) => {
                    waiting.insert(1.min(waiting.len()), submission);
                    self.counts.saw("waits behind cold");
                }
                None => running.ready.push_front(submission),
            }
        }
        if told {
            self.probe_sometimes();
        }
    }

    fn park(&mut self, submission: Submission) {
        self.counts.saw("cold");
        let actor = submission.operation.actor().expect("only operations of a user lack rows");
        let running = self.running();
        running.parked.entry(actor).or_default().push_back(submission);
        if !running.warming.iter().any(|warming| warming.actor == actor) {
            running.warming.push(Warming { actor, state: WarmingState::Waiting });
        }
        // What came behind it waits behind it.
        let (behind, ready): (Vec<_>, Vec<_>) =
            running.ready.drain(..).partition(|submission| submission.operation.actor() == Some(actor));
        running.ready = ready.into();
        running.parked.entry(actor).or_default().extend(behind);
    }

    /// One reader gets one bit further: it pins, reads, or hands in what it read, which may be old by then.
    pub fn warm_further(&mut self) {
        let count = self.running().warming.len();
        if count == 0 {
            return;
        }
        let place = self.any(count);
        let (hurry, engine) = (self.random.one_in(2), self.shell.dyn_engine());
        let running = self.running();
        let actor = running.warming[place].actor;
        let state = std::mem::replace(&mut running.warming[place].state, WarmingState::Waiting);
        let operation = running.parked[&actor].front().expect("somebody waits").operation.clone();
        let next = match state {
            WarmingState::Waiting => {
                let view = Box::new(View::new(running.committer.tail(), &engine));
                if hurry { read(&view, &operation) } else { WarmingState::Pinned(view) }
            }
            WarmingState::Pinned(view) => read(&view, &operation),
            WarmingState::Read(rows, as_of) => {
                let late = running.committer.tail().durable() > as_of;
                if running.committer.warm(rows, as_of) {
                    running.warming.remove(place);
                    let waiting = running.parked.remove(&actor).expect("somebody waits");
                    waiting.into_iter().rev().for_each(|submission| running.ready.push_front(submission));
                    self.counts.saw(if late { "warmed late" } else { "warmed" });
                    return;
                }
                self.counts.saw("overtaken");
                return;
            }
        };
        running.warming[place].state = next;
    }

    /// Files of the log on the disk.
    pub fn files(&self) -> usize {
        self.shell.disk.directory("log").list().map_or(0, |names| names.len())
    }
}

fn read(view: &View, operation: &Operation) -> WarmingState {
    let rows = warm::everything(view, operation).expect("the store can be read");
    WarmingState::Read(rows, view.bound())
}
