//! A client that does its duty and no more: checks the base, applies, stores the snapshot, all in one transaction.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use highwater::{
    logic::Principal,
    model::{LineageId, UserId, Version},
    sync::{
        Chain, Lifeline, Marks, Rendering, SnapshotKey, kinds::CONVERSATIONS, kinds::MESSAGES, render,
        snapshot::Opened,
    },
};
use highwater_wire::{
    base_of,
    proto::{self, rebuild::Cause},
};

use crate::{levels::Outdated, oracle::Oracle};

/// What is in the client's file store.
#[derive(Default, Clone)]
pub struct Stored {
    pub snapshot: Bytes,
    marks: Option<Marks>,
    /// How many messages are held: always the first of what its user was given since `messages_from`.
    messages: usize,
    pub outdated: Outdated,
    items: BTreeMap<(u32, String), String>,
    /// Items that are being told anew, and were not told again yet.
    stale: BTreeSet<(u32, String)>,
    /// The messages themselves, by conversation and seq.
    pub entries: BTreeMap<(u64, u64), proto::Entry>,
    /// Those among them that no page has told yet, and how many copies of the store had been put back when they came.
    beside: BTreeMap<(u64, u64), u64>,
    /// Conversations that were held when a rebuild began, and were not named as valid since.
    doubtful: BTreeSet<u64>,
    /// Its chain was begun anew once: what was removed since is told as a gap.
    began_anew: bool,
    /// How many copies of the store had been put back when the snapshot was stored.
    pub restores: u64,
    /// It was put together by another lineage of the user.
    pub is_adopted: bool,
}

impl Stored {
    /// An entry that was read by seq, or an own message that was answered.
    pub fn take_beside_the_chain(&mut self, entry: &proto::Entry, restores: u64) {
        let place = (entry.conversation_id, entry.seq);
        // While the list of what stays valid is told, what is here may still have to go, and this with it.
        if self.doubtful.contains(&place.0) && self.entries.contains_key(&place) {
            return;
        }
        let was_outdated = self.outdated.contains(place);
        self.outdated.settle(place);
        match self.entries.insert(place, entry.clone()) {
            None => drop(self.beside.insert(place, restores)),
            Some(before) if before == *entry || was_outdated => {}
            Some(_) => {
                let before = self.beside.insert(place, restores);
                assert!(before.is_some(), "G12: a message of a lost future was kept at {place:?}");
            }
        }
    }

    /// No page has told this entry yet.
    pub fn is_beside(&self, place: (u64, u64)) -> bool {
        self.beside.contains_key(&place)
    }

    /// The items that are held, by kind and key.
    pub fn items(&self) -> &BTreeMap<(u32, String), String> {
        &self.items
    }

    /// Level that the snapshot was rendered for.
    pub fn level(&self) -> Option<u8> {
        self.marks.map(|marks| marks.level)
    }
}

/// See the module.
#[derive(Clone)]
pub struct Client {
    pub user: UserId,
    pub lineage: LineageId,
    pub messages_from: Version,
    /// What the app speaks at present.
    pub rendering: Rendering,
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
    pub fn new(user: UserId, lineage: LineageId, messages_from: Version, rendering: Rendering) -> Client {
        Client {
            user,
            lineage,
            messages_from,
            rendering,
            stored: Stored::default(),
            must_sync: true,
            has_lost_its_store: false,
        }
    }

    /// The same lineage, as if its store were gone.
    pub fn anew(&self) -> Client {
        Client {
            has_lost_its_store: true,
            ..Client::new(self.user, self.lineage, self.messages_from, self.rendering)
        }
    }

    /// Its snapshot was given before an older copy of the store was put back, or to another lineage.
    pub fn is_of_a_lost_future(&self, restores: u64) -> bool {
        self.stored.is_adopted || self.stored.restores < restores
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
        if !page.more {
            // A list would have been told to its end.
            next.doubtful.clear();
        }
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
        if let Some(rebuild) = page.rebuild {
            next.stale = next.items.keys().cloned().collect();
            next.doubtful = next.entries.keys().map(|(conversation, _)| *conversation).collect();
            next.is_adopted = false;
            next.began_anew |= !is_known(rebuild.cause());
            self.go_back(next, page, oracle, (key, lifeline));
        }
        let kinds = page.level_changed.iter().flat_map(|change| &change.kinds);
        for changed in kinds {
            next.stale.extend(next.items.keys().filter(|(kind, _)| kind == changed).cloned());
        }
        if !page.messages_gap {
            return;
        }
        let may_lack = self.has_lost_its_store || next.began_anew || oracle.expired.contains(&self.lineage);
        assert!(may_lack, "G6: a live lineage is told a gap");
        let Opened::Marks(marks) = key.open(self.chain(), &page.snapshot, lifeline) else {
            panic!("the server does not know the snapshot that it gave")
        };
        let (mark, floor) = (marks.of(MESSAGES), oracle.lineages[&self.user].floor);
        assert!(mark <= floor, "G6: the gap reaches to {mark}, the floor is {floor}");
        let due = oracle.inbox_above(self.user, self.messages_from);
        let after = due.partition_point(|entry| entry.version <= mark);
        // The floor of one who follows may be where a lineage began, with nothing below it.
        let has_something = after > next.messages || oracle.has_followed.contains(&self.user);
        assert!(has_something, "G6: a gap without a message in it");
        next.messages = after;
        let conversations = u32::from(CONVERSATIONS.0);
        next.stale.extend(next.items.keys().filter(|(kind, _)| *kind == conversations).cloned());
    }

    /// A rebuild goes on with messages where the snapshot stood that it answers, or where the lineage began if that is not
    /// known; what is told again is the same.
    fn go_back(
        &self,
        next: &mut Stored,
        page: &proto::Page,
        oracle: &Oracle,
        (key, lifeline): (&SnapshotKey, &Lifeline),
    ) {
        next.marks = None;
        if page.rebuild.is_some_and(|rebuild| !is_known(rebuild.cause())) {
            next.messages = 0;
        }
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

    /// What is not of this history goes first.
    fn drop_what_was_lost(next: &mut Stored, page: &proto::Page) {
        for valid in &page.valid {
            next.doubtful.remove(&valid.conversation_id);
            next.entries.retain(|place, _| place.0 != valid.conversation_id || place.1 <= valid.seq);
        }
        if page.valid_complete {
            let doubtful = std::mem::take(&mut next.doubtful);
            next.entries.retain(|place, _| !doubtful.contains(&place.0));
        } else if !page.valid.is_empty() {
            assert!(page.items.is_empty() && page.entries.is_empty(), "G4: first what stays valid");
        }
        next.beside.retain(|place, _| next.entries.contains_key(place));
        next.outdated.retain(|place| next.entries.contains_key(place));
    }

    fn apply(&self, next: &mut Stored, page: &proto::Page, oracle: &Oracle) {
        Self::drop_what_was_lost(next, page);
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
        let before_level = self.stored.level();
        for entry in &page.entries {
            let place = (entry.conversation_id, entry.seq);
            let Some(expected) = due.get(next.messages) else {
                panic!("G1: user {} is told of {place:?}, which is not due", self.user)
            };
            let expected = oracle.entry(self.user, self.rendering, &expected.message);
            let due_place = (expected.conversation_id, expected.seq);
            assert_eq!(place, due_place, "G1, G5: message {} of user {}", next.messages, self.user);
            assert_eq!(*entry, expected, "G4: another content at one place");
            let before = next.entries.insert(place, entry.clone());
            let was_beside = next.beside.remove(&place).is_some();
            let was_outdated = next.outdated.contains(place) || before_level != Some(self.rendering.level);
            next.outdated.settle(place);
            assert!(
                before.is_none_or(|before| before == *entry || was_beside || was_outdated),
                "G12: a message of a lost future was kept at {place:?}"
            );
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
        let held = next.entries.keys().copied();
        next.outdated.hear(page, (self.stored.marks, marks), self.rendering, held);
        let due = oracle.inbox_above(self.user, self.messages_from);
        let newest = next.messages.checked_sub(1).map_or(self.messages_from, |place| due[place].version);
        oracle.check_mark(self.user, marks.of(MESSAGES), newest);
        for (before, after) in next.marks.iter().flat_map(|before| before.all().iter().zip(marks.all())) {
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
        self.check_entries(oracle);
        for item in oracle.items_of(self.user).filter(|item| item.version <= bound) {
            let told = render::items(self.rendering, item);
            let own = (u32::from(item.kind.0), item.key.clone());
            assert!(
                !told.is_empty() || !self.stored.items.contains_key(&own),
                "a level is told what it lacks"
            );
            // The name that it shows may be newer than the bound, and older than the newest.
            if oracle.is_renamed_behind(&item.key, bound) {
                continue;
            }
            for shown in told {
                let held = self.stored.items.get(&(shown.kind, shown.key));
                let expected = (!shown.deleted).then_some(shown.value);
                let (key, kind) = (&item.key, item.kind);
                assert_eq!(held, expected.as_ref(), "G5: item {key} of kind {kind} at bound {bound}");
            }
        }
    }

    /// Everything held is of this history. Where nothing said that the store lost something, what came beside the chain in
    /// the very run in which the copy was taken may stay behind, until its place is used again.
    pub fn check_entries(&self, oracle: &Oracle) {
        for (place, held) in &self.stored.entries {
            assert!(
                oracle.may_have(self.user, *place) || self.stored.beside.contains_key(place),
                "G9: user {} holds {place:?}, which is not for this user",
                self.user
            );
            if self.stored.outdated.contains(*place) {
                continue;
            }
            let log = oracle.logs.get(&highwater::model::ConversationId(place.0));
            let true_one = log.and_then(|log| log.get(usize::try_from(place.1).unwrap() - 1));
            let is_true =
                true_one.is_some_and(|one| oracle.entry(self.user, self.rendering, &one.message) == *held);
            assert!(
                is_true
                    || self.stored.beside.get(place).is_some_and(|restores| *restores >= oracle.told_lossy),
                "G12: user {} holds {place:?} of a lost future",
                self.user
            );
        }
    }

    /// Everything that is kept of the user's conversations is held, and nothing else.
    pub fn check_same(&self, oracle: &Oracle) {
        for conversation in oracle.logs.keys().filter(|conversation| oracle.is_in(self.user, **conversation))
        {
            for message in oracle.readable(self.user, *conversation, oracle.last) {
                let place = (conversation.0, message.seq.0);
                let expected = oracle.entry(self.user, self.rendering, message);
                assert_eq!(
                    self.stored.entries.get(&place),
                    Some(&expected),
                    "G12: {place:?} of {}",
                    self.user
                );
            }
        }
        for place in self.stored.entries.keys() {
            let head = oracle.logs.get(&highwater::model::ConversationId(place.0)).map_or(0, Vec::len) as u64;
            assert!(
                place.1 <= head || self.stored.beside.contains_key(place),
                "G12: {place:?} was never sent"
            );
        }
    }
}

/// Whether the server knows the snapshot that such a rebuild answers, and goes on with its messages.
pub fn is_known(cause: Cause) -> bool {
    matches!(cause, Cause::Lossy | Cause::TooOld)
}
