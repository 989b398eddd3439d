//! What goes by age: weeks pass, the horizon moves, and what lies behind it is removed, and nothing else.

use highwater::{
    actors::persistence::commit::Health,
    logic::{Operation, Request},
    model::{
        Effect, HeardSince, Horizon, Lineage, Record, TimeMs, UserId, Version, limits::RECEIPTS_KEPT_DAYS,
    },
    store::view::View,
};

use crate::{
    operations::{Submission, Ticket},
    oracle::Oracle,
    world::{LINEAGE_EXPIRY_MS, RETENTIONS, World},
};

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

impl Oracle {
    /// The horizon moved: no further than time did.
    pub fn take_horizon(&mut self, new: &Horizon) {
        assert!(new.receipts_from >= self.horizon.receipts_from, "G8: receipts that are gone came back");
        let kept_from = self.now.day().0 - RECEIPTS_KEPT_DAYS;
        assert!(new.receipts_from.0 <= kept_from, "G8: receipts of day {} are let go", new.receipts_from);
        for point in new.points() {
            let newest = self.decided.range(..=point.version).next_back();
            let decided = newest.map_or(TimeMs(i64::MIN), |(_, at)| *at);
            assert!(decided <= point.at, "G6: version {} is said to be older than it is", point.version);
        }
        self.horizon = new.clone();
    }

    /// Whether what was decided as this version is past the retention of inboxes.
    pub fn is_retired(&self, version: Version) -> bool {
        let decided = self.decided.get(&version);
        decided.is_some_and(|at| self.batch_at.0 - at.0 >= RETENTIONS.inbox_ms)
    }
}

impl World {
    /// Time passes in which things grow too old; or somebody does something with what has.
    pub fn let_something_age(&mut self) {
        match self.random.below(4) {
            0 => {
                self.counts.saw("weeks pass");
                let days = 4 + self.random.below(8) as i64;
                self.pass(days * DAY_MS);
                self.submit(Request::StoreTime, Ticket::Other);
            }
            1 => self.submit(Request::StoreTime, Ticket::Other),
            _ => self.resend_under_a_clock_set_back(),
        }
    }

    /// The wall clock is wrong by some days when something is sent again.
    fn resend_under_a_clock_set_back(&mut self) {
        let due: Vec<usize> =
            (0..self.pending.len()).filter(|place| self.pending[*place].acked.is_some()).collect();
        if due.is_empty() {
            return;
        }
        let place = due[self.any(due.len())];
        let key = self.pending[place].key;
        let is_gone = key.1 < self.oracle.horizon.receipts_from;
        self.counts.saw(if is_gone {
            "resend of a day that is gone"
        } else {
            "resend under a clock set back"
        });
        let at = TimeMs(i64::from(key.1.0) * DAY_MS + 1);
        let pending = &mut self.pending[place];
        pending.copies += 1;
        let request = Request::Send(pending.send.clone());
        let submission = Submission { operation: Operation { at, request }, ticket: Ticket::Send(place) };
        self.queue(submission);
    }

    /// What the cleaner removes because of its age.
    pub fn clean_by_age(&mut self, user: UserId, chunks_max: usize) {
        if self.running().index_is_broken {
            return;
        }
        let view = self.shell.view();
        let from = view.horizon().receipts_from;
        self.retire(user, &view);
        let keys = view.receipt_chunks_before(user, from, chunks_max);
        let keys = keys.unwrap_or_else(|fault| panic!("G8: {fault}"));
        drop(view);
        self.remove(&keys, "receipts removed");
    }

    /// What the cleaner asks for when entries are past their retention.
    fn retire(&mut self, user: UserId, view: &View) {
        let time = self.running().committer.time();
        if time.is_suspended() {
            return;
        }
        let past = view.horizon().past(TimeMs(time.at().0 - RETENTIONS.inbox_ms));
        let newest = view.newest_entry_through(user, past).unwrap_or_else(|fault| panic!("G6: {fault}"));
        let floor = view.lineages(user).unwrap_or_else(|fault| panic!("G6: {fault}")).floor;
        if let Some(through) = newest.filter(|newest| *newest > floor) {
            self.submit(Request::RetireInbox { user, through }, Ticket::Other);
        }
    }

    /// A floor was raised above what some lineage has, because of age alone.
    pub fn note_retired(&mut self, record: &Record, expired_before: usize) {
        for effect in &record.effects {
            let Effect::Lineages(lineages) = effect else { continue };
            let least = lineages.rows.iter().map(|row| row.acked_messages()).min();
            if self.oracle.is_retired(lineages.floor) && least.is_none_or(|least| least < lineages.floor) {
                self.counts.saw("inbox retired");
                let since = HeardSince(TimeMs(self.oracle.now.0 - LINEAGE_EXPIRY_MS));
                let is_outlived = |row: &Lineage| row.acked_messages() < lineages.floor && row.is_live(since);
                if self.oracle.expired.len() > expired_before && lineages.rows.iter().any(is_outlived) {
                    self.counts.saw("retired under a live lineage");
                }
            }
        }
    }

    /// Removes keys from the index, as the persistence actor does.
    pub fn remove(&mut self, keys: &[Vec<u8>], event: &'static str) {
        if keys.is_empty() {
            return;
        }
        let removed = keys.chunks(200).try_for_each(|keys| self.running().committer.remove_from_index(keys));
        self.counts.saw(if removed.is_ok() { event } else { "cleanup fails" });
        self.running().index_is_broken |= removed.is_err();
    }

    /// A batch is decided now; while the disk is full none is, and the one in doubt is of before.
    pub fn note_batch(&mut self) {
        if self.running().committer.health() == Health::Writable {
            self.oracle.batch_at = self.now;
        }
    }

    /// What is durable is shown, and nothing beyond it.
    pub fn check_horizon(&mut self) {
        let horizon = self.running().committer.tail().horizon();
        assert_eq!(horizon, self.oracle.horizon, "G8: the store shows another horizon than it decided");
    }
}
