//! Clients that sync without snapshots: each says everything that it has. They live beside the others through the same
//! history, and in the end both have the same (G10).

use std::collections::BTreeMap;

use highwater::{
    actors::user::difference,
    logic::Request,
    model::{Kind, UserId, limits::PAGE_BYTES_MAX},
    sync::{LEVELS, Locale, Rendering},
};
use highwater_wire::proto::{self, server_frame::Body};

use crate::{
    operations::Ticket,
    world::{DOCUMENTS, World},
};

/// What these clients speak: their level never changes.
const RENDERING: Rendering = Rendering { level: 3, locale: Locale::English };

/// Everything that a client has, with the version of each.
#[derive(Default)]
pub struct Whole {
    items: BTreeMap<(u32, String), (u64, String)>,
    entries: BTreeMap<(u64, u64), (u64, proto::Entry)>,
}

impl Whole {
    pub fn says(&self, limit: u32) -> proto::Compare {
        let items = self.items.iter().map(|((kind, key), (version, _))| proto::HeldItem {
            kind: *kind,
            key: key.clone(),
            version: *version,
        });
        let entries = self.entries.iter().map(|((conversation_id, seq), (version, _))| proto::HeldEntry {
            conversation_id: *conversation_id,
            seq: *seq,
            version: *version,
        });
        proto::Compare { items: items.collect(), entries: entries.collect(), limit }
    }

    /// Its items as a client is told them.
    pub fn items_at(&self, rendering: Rendering) -> BTreeMap<(u32, String), String> {
        let shown = self.items.iter().flat_map(|((kind, key), (_, value))| {
            let item = proto::Item { kind: *kind, key: key.clone(), deleted: false, value: value.clone() };
            LEVELS.items(rendering, item)
        });
        shown.filter(|item| !item.deleted).map(|item| ((item.kind, item.key), item.value)).collect()
    }

    /// An entry that it has, with its version.
    pub fn entry(&self, place: (u64, u64)) -> Option<&(u64, proto::Entry)> {
        self.entries.get(&place)
    }

    /// Conversation and seq of every entry that it has, with the version.
    pub fn places(&self) -> impl Iterator<Item = ((u64, u64), u64)> {
        self.entries.iter().map(|(place, (version, _))| (*place, *version))
    }

    pub fn take(&mut self, told: &proto::Difference) {
        for delete in &told.deletes {
            let gone = self.items.remove(&(delete.kind, delete.key.clone()));
            assert!(gone.is_some(), "G10: an item that is not there is deleted");
        }
        for told in &told.items {
            let item = told.item.clone().expect("a versioned item has an item");
            assert!(!item.deleted, "what is gone is told among the deletes");
            let before = self.items.insert((item.kind, item.key), (told.version, item.value));
            assert!(before.is_none_or(|(version, _)| version < told.version), "G10: an item went back");
        }
        for told in &told.entries {
            let entry = told.entry.clone().expect("a versioned entry has an entry");
            let before = self.entries.insert((entry.conversation_id, entry.seq), (told.version, entry));
            assert!(before.is_none(), "G10: an entry is told twice");
        }
    }
}

impl World {
    /// Some user's client without snapshots asks once; what it is told may be cut, and come late.
    pub fn whole_sync_one(&mut self) {
        let user = self.any(self.users.len());
        let user = self.users[user].0;
        let limit = if self.random.one_in(2) { 0 } else { 1 + self.random.below(6) as u32 };
        self.whole_sync(user, limit);
        self.delete_held(user);
    }

    /// Sometimes a document goes that such a client has.
    fn delete_held(&mut self, user: UserId) {
        let documents = u32::from(DOCUMENTS);
        let held = self.wholes[&user].items.keys().find(|(kind, _)| *kind == documents);
        let Some((_, key)) = held.cloned().filter(|_| self.random.one_in(3)) else {
            return;
        };
        self.counts.saw("document deleted");
        let request = Request::PutDocument { user, kind: Kind(DOCUMENTS), key, value: None };
        self.submit(request, Ticket::Other);
    }

    /// One comparison; false when there is more.
    fn whole_sync(&mut self, user: UserId, limit: u32) -> bool {
        let bytes_max = if self.random.one_in(3) { 700 } else { PAGE_BYTES_MAX };
        let view = self.shell.view();
        let whole = self.wholes.entry(user).or_default();
        let told = difference(&view, (user, RENDERING), &self.kinds, whole.says(limit), bytes_max);
        let Body::Difference(told) = told.unwrap_or_else(|fault| panic!("G10: {fault}")) else {
            panic!("a comparison is answered by a difference")
        };
        whole.take(&told);
        self.counts.saw("whole sync");
        if told.more {
            self.counts.saw("whole sync cut");
        }
        if !told.deletes.is_empty() {
            self.counts.saw("whole sync deletes");
        }
        !told.more
    }

    /// Both ways of syncing end in the same state: the same items, and the same messages above the floor.
    pub fn everybody_compares(&mut self) {
        for (user, _) in self.users.clone() {
            let done = (0..10_000).any(|_| self.whole_sync(user, 9));
            assert!(done, "G10: a comparison has no end");
            self.check_whole(user);
        }
    }

    fn check_whole(&self, user: UserId) {
        let whole = &self.wholes[&user];
        for client in self.clients.iter().filter(|client| client.user == user) {
            if self.oracle.is_live(client.lineage.device) {
                assert_eq!(
                    *client.stored.items(),
                    whole.items_at(client.rendering),
                    "G10: items of user {user}"
                );
            }
        }
        let floor = self.oracle.lineages[&user].floor;
        for due in self.oracle.inbox_above(user, floor) {
            let expected = self.oracle.entry(user, RENDERING, &due.message);
            let place = (expected.conversation_id, expected.seq);
            let held = whole.entries.get(&place).map(|(_, entry)| entry);
            assert_eq!(held, Some(&expected), "G10: message {place:?} of user {user}");
        }
        for (conversation, seq) in whole.entries.keys() {
            let log = self.oracle.logs.iter().find(|(id, _)| id.0 == *conversation);
            assert!(
                log.is_some_and(|(_, log)| log.len() as u64 >= *seq),
                "G10: {conversation}/{seq} was never sent"
            );
        }
    }
}
