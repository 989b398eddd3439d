//! What goes by age: weeks pass, the horizon moves, and what lies behind it is removed, and nothing else.

use highwater::{
    actors::persistence::commit::Health,
    logic::{Operation, Request},
    model::{
        Effect, HeardSince, Horizon, Kind, Lineage, Lineages, Record, TimeMs, UserId, Version,
        limits::RECEIPTS_KEPT_DAYS,
    },
    store::view::{Tombstone, View},
};

use highwater_wire::proto;

use crate::{
    operations::{Submission, Ticket},
    oracle::Oracle,
    world::{DOCUMENTS, LINEAGE_EXPIRY_MS, RETENTIONS, World},
};

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// By how much observed time may lag behind: an operator's word is of when it was said, and may wait to be decided.
const LAG_MS: i64 = 60 * 1000;

impl Oracle {
    /// The horizon moved: no further than time did.
    pub fn take_horizon(&mut self, new: &Horizon) {
        assert!(new.receipts_from >= self.horizon.receipts_from, "G8: receipts that are gone came back");
        let kept_from = self.now.day().0 - RECEIPTS_KEPT_DAYS;
        assert!(new.receipts_from.0 <= kept_from, "G8: receipts of day {} are let go", new.receipts_from);
        for point in new.points() {
            let newest = self.decided.range(..=point.version).next_back();
            let decided = newest.map_or(TimeMs(i64::MIN), |(_, at)| *at);
            let is_right = decided.0 <= point.at.0 + LAG_MS;
            assert!(is_right, "G6: version {} is said to be older than it is", point.version);
        }
        self.horizon = new.clone();
    }

    /// The floors of state kinds rise, as far as tombstones are old enough.
    pub fn take_tombstone_floors(&self, old: &Lineages, new: &Lineages) {
        for (old, new) in old.tombstones.iter().zip(&new.tombstones) {
            assert!(old <= new, "G3: the floor of a state kind fell");
            assert!(
                old == new || self.is_past(*new, RETENTIONS.tombstones_ms),
                "G6: tombstones are let go early"
            );
        }
    }

    /// A tombstone is removed: its item is still deleted, and the floor was raised before.
    pub fn take_item_gone(&mut self, key: (UserId, Kind, String), version: Version) {
        let item = &self.items[&key];
        assert!(item.value.is_none() && item.version == version, "G6: an item that lives is removed");
        let floor = self.lineages[&key.0].tombstones[usize::from(key.1.0) - 1];
        assert!(version <= floor, "G6: tombstone {version} is removed above the floor {floor}");
        assert!(self.gone.insert(key), "a tombstone is removed twice");
    }

    /// A start has this time. One that was not stored is lost, and everything ages from there: later, never sooner.
    pub fn time_begins_at(&mut self, start: TimeMs) {
        self.batch_at = self.batch_at.min(start);
        self.decided.values_mut().for_each(|at| *at = (*at).min(start));
    }

    pub fn is_past(&self, version: Version, retention_ms: i64) -> bool {
        let decided = self.decided.get(&version);
        decided.is_some_and(|at| self.batch_at.0 - at.0 + LAG_MS >= retention_ms)
    }

    /// Whether what was decided as this version is past the retention of inboxes.
    pub fn is_retired(&self, version: Version) -> bool {
        self.is_past(version, RETENTIONS.inbox_ms)
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
            1 => {
                self.submit(Request::StoreTime, Ticket::Other);
                self.clean_tombstones(3);
            }
            _ => self.resend_under_a_clock_set_back(),
        }
    }

    /// In some histories everything has grown old when clients come back.
    pub fn let_everything_age(&mut self) {
        if !self.random.one_in(3) {
            return;
        }
        self.delete_documents();
        for days in [0, 6] {
            self.pass(days * DAY_MS);
            self.submit(Request::StoreTime, Ticket::Other);
            self.work_off();
        }
        for _ in 0..2 {
            while self.index_batch() {}
            for (user, _) in self.users.clone() {
                self.clean_by_age(user, 9);
            }
            self.clean_tombstones(99);
            self.clean_bodies(99);
            self.work_off();
        }
        while self.index_batch() {}
    }

    /// Every document is deleted, which some clients hear of only when the tombstones are gone.
    fn delete_documents(&mut self) {
        let items = self.oracle.items.iter();
        let live = items.filter(|((_, kind, _), item)| *kind == Kind(DOCUMENTS) && item.value.is_some());
        let live: Vec<_> = live.map(|(key, _)| key.clone()).collect();
        for (user, kind, key) in live {
            self.submit(Request::PutDocument { user, kind, key, value: None }, Ticket::Other);
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

    /// What the cleaner does about tombstones that are past their retention: some of the oldest.
    pub fn clean_tombstones(&mut self, max: usize) {
        let time = self.running().committer.time();
        if time.is_suspended() || self.running().index_is_broken {
            return;
        }
        let view = self.shell.view();
        let past = view.horizon().past(TimeMs(time.at().0 - RETENTIONS.tombstones_ms));
        let due = view.tombstones_through(None, past, max).unwrap_or_else(|fault| panic!("G6: {fault}"));
        for Tombstone { user, kind, item, version, is_item, key } in due {
            if !is_item {
                self.remove(&[key], "tombstone of an item that lives again");
                continue;
            }
            let lineages = view.lineages(user).unwrap_or_else(|fault| panic!("G6: {fault}"));
            if lineages.tombstones[usize::from(kind.0) - 1] < version {
                let request = Request::RetireTombstones { user, kind, through: version };
                self.submit(request, Ticket::Other);
            } else {
                let tombstones = vec![(item, version)];
                self.submit(Request::RemoveTombstones { user, kind, tombstones }, Ticket::Other);
            }
        }
    }

    /// Counts who is told everything anew because of what is gone.
    pub fn note_too_old(&mut self, page: &proto::Page) {
        if page.rebuild.is_some_and(|rebuild| rebuild.cause() == proto::rebuild::Cause::TooOld) {
            assert!(!self.oracle.gone.is_empty() || page.more || page.complete);
            self.counts.saw("rebuild too old");
        }
    }

    /// Counts what a record removes by age.
    pub fn note_gone(&mut self, record: &Record) {
        for effect in &record.effects {
            match effect {
                Effect::ItemGone { .. } => self.counts.saw("tombstone removed"),
                Effect::Conversation(row) => self.note_let_go(row),
                _ => {}
            }
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
            self.oracle.batch_at = self.running().committer.time().at();
        }
    }

    /// What is durable is shown, and nothing beyond it.
    pub fn check_horizon(&mut self) {
        let horizon = self.running().committer.tail().horizon();
        assert_eq!(horizon, self.oracle.horizon, "G8: the store shows another horizon than it decided");
    }
}
