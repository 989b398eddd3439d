//! A client that does its duty and no more: checks the base, applies, stores the snapshot, all in one transaction.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use highwater::{
    logic::Principal,
    model::{LineageId, UserId, Version},
    sync::{
        Chain, Lifeline, Marks, SnapshotKey, kinds::CONVERSATIONS, kinds::MESSAGES, render, snapshot::Opened,
    },
};
use highwater_wire::{base_of, proto};

use crate::oracle::Oracle;

/// What is in the client's file store.
#[derive(Default, Clone)]
pub struct Stored {
    pub snapshot: Bytes,
    marks: Option<Marks>,
    /// How many messages are held: always the first of what its user was given since `messages_from`.
    messages: usize,
    items: BTreeMap<(u32, String), String>,
    /// Items that are being told anew, and were not told again yet.
    stale: BTreeSet<(u32, String)>,
}

impl Stored {
    /// The items that are held, by kind and key.
    pub fn items(&self) -> &BTreeMap<(u32, String), String> {
        &self.items
    }
}

/// See the module.
pub struct Client {
    pub user: UserId,
    pub lineage: LineageId,
    pub messages_from: Version,
    pub stored: Stored,
    /// It was told to look, or has never looked.
    pub must_sync: bool,
    /// It has lost what it once handed back.
    pub has_lost_its_store: bool,
}

/// What a client did with a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Applied {
    Stored,
    Discarded,
}

impl Client {
    pub fn new(user: UserId, lineage: LineageId, messages_from: Version) -> Client {
        Client {
            user,
            lineage,
            messages_from,
            stored: Stored::default(),
            must_sync: true,
            has_lost_its_store: false,
        }
    }

    /// The same lineage, as if its store were gone.
    pub fn anew(&self) -> Client {
        Client { has_lost_its_store: true, ..Client::new(self.user, self.lineage, self.messages_from) }
    }

    pub fn principal(&self) -> Principal {
        Principal { user: self.user, device: self.lineage.device }
    }

    pub fn chain(&self) -> Chain {
        Chain { user: self.user, lineage: self.lineage }
    }

    /// One page or push, in one transaction; `crash` loses the transaction.
    pub fn take(
        &mut self,
        page: &proto::Page,
        crash: bool,
        oracle: &Oracle,
        seals: (&SnapshotKey, &Lifeline),
    ) -> Applied {
        if page.rebuild.is_none() && page.base != base_of(&self.stored.snapshot) {
            self.must_sync = true;
            return Applied::Discarded;
        }
        let mut next = self.stored.clone();
        self.begin_anew(&mut next, page, oracle, seals);
        self.apply(&mut next, page, oracle);
        self.check_marks(&mut next, page, oracle, seals);
        if crash {
            self.must_sync = true;
            return Applied::Discarded;
        }
        self.stored = next;
        self.must_sync = page.more;
        Applied::Stored
    }

    /// What a gap or a rebuild means for what is held.
    fn begin_anew(
        &self,
        next: &mut Stored,
        page: &proto::Page,
        oracle: &Oracle,
        (key, lifeline): (&SnapshotKey, &Lifeline),
    ) {
        if page.rebuild.is_some() {
            next.stale = next.items.keys().cloned().collect();
            self.go_back(next, page, oracle, (key, lifeline));
        }
        if !page.messages_gap {
            return;
        }
        let may_lack = self.has_lost_its_store || oracle.expired.contains(&self.lineage);
        assert!(may_lack, "G6: a live lineage is told a gap");
        let Opened::Marks(marks) = key.open(self.chain(), &page.snapshot, lifeline) else {
            panic!("the server does not know the snapshot that it gave")
        };
        let (mark, floor) = (marks.of(MESSAGES), oracle.lineages[&self.user].floor);
        assert!(mark <= floor, "G6: the gap reaches to {mark}, the floor is {floor}");
        let due = oracle.inbox_above(self.user, self.messages_from);
        let after = due.partition_point(|entry| entry.version <= mark);
        assert!(after > next.messages, "G6: a gap without a message in it");
        next.messages = after;
        let conversations = u32::from(CONVERSATIONS.0);
        next.stale.extend(next.items.keys().filter(|(kind, _)| *kind == conversations).cloned());
    }

    /// A rebuild goes on with messages where the snapshot stood that it answers; what is told again is the same.
    fn go_back(
        &self,
        next: &mut Stored,
        page: &proto::Page,
        oracle: &Oracle,
        (key, lifeline): (&SnapshotKey, &Lifeline),
    ) {
        next.marks = None;
        if page.messages_gap {
            return;
        }
        let Opened::Marks(marks) = key.open(self.chain(), &page.snapshot, lifeline) else {
            panic!("the server does not know the snapshot that it gave")
        };
        let due = oracle.inbox_above(self.user, self.messages_from);
        let through = due.partition_point(|entry| entry.version <= marks.of(MESSAGES));
        let from = through - page.entries.len();
        assert!(from <= next.messages, "G1: a rebuild passes over messages");
        next.messages = from;
    }

    fn apply(&self, next: &mut Stored, page: &proto::Page, oracle: &Oracle) {
        for item in &page.items {
            let key = (item.kind, item.key.clone());
            next.stale.remove(&key);
            if item.deleted {
                next.items.remove(&key);
            } else {
                next.items.insert(key, item.value.clone());
            }
        }
        if page.complete {
            for key in std::mem::take(&mut next.stale) {
                next.items.remove(&key);
            }
        }
        let due = oracle.inbox_above(self.user, self.messages_from);
        for entry in &page.entries {
            let place = (entry.conversation_id, entry.seq);
            let Some(expected) = due.get(next.messages) else {
                panic!("G1: user {} is told of {place:?}, which is not due", self.user)
            };
            let expected = render::entry(self.user, &expected.message);
            let due_place = (expected.conversation_id, expected.seq);
            assert_eq!(place, due_place, "G1, G5: message {} of user {}", next.messages, self.user);
            assert_eq!(*entry, expected, "G4: another content at one place");
            next.messages += 1;
        }
    }

    fn check_marks(
        &self,
        next: &mut Stored,
        page: &proto::Page,
        oracle: &Oracle,
        (key, lifeline): (&SnapshotKey, &Lifeline),
    ) {
        if page.snapshot.is_empty() {
            assert!(
                page.items.is_empty() && page.entries.is_empty(),
                "a page that brings something has a snapshot"
            );
            return;
        }
        next.snapshot = page.snapshot.clone();
        let Opened::Marks(marks) = key.open(self.chain(), &next.snapshot, lifeline) else {
            panic!("the server does not know the snapshot that it gave")
        };
        let due = oracle.inbox_above(self.user, self.messages_from);
        let newest = next.messages.checked_sub(1).map_or(self.messages_from, |place| due[place].version);
        assert_eq!(marks.of(MESSAGES), newest, "a mark is the version of the last entry given");
        let stored_marks = self.stored.marks.filter(|_| page.rebuild.is_none());
        for (before, after) in stored_marks.iter().flat_map(|before| before.all().iter().zip(marks.all())) {
            assert!(before <= after, "G3: a mark fell from {before} to {after}");
        }
        assert!(marks.all().iter().all(|mark| *mark <= oracle.last), "G3: a mark above the head");
        next.marks = Some(marks);
    }

    /// After the last page of a sync that was answered against `bound`: nothing at or below it is missing.
    pub fn check_complete(&self, bound: Version, oracle: &Oracle) {
        let due = oracle.inbox_above(self.user, self.messages_from);
        let count = due.iter().filter(|entry| entry.version <= bound).count();
        assert_eq!(self.stored.messages, count, "G1: messages of user {} at bound {bound}", self.user);
        for item in oracle.items_of(self.user).filter(|item| item.version <= bound) {
            let held = self.stored.items.get(&(u32::from(item.kind.0), item.key.clone()));
            let expected = item.value.as_ref().map(|_| render::item(item).value);
            assert_eq!(
                held,
                expected.as_ref(),
                "G5: item {} of kind {} at bound {bound}",
                item.key,
                item.kind
            );
        }
    }
}
