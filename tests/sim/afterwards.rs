//! What happens when a history is over, on the store that it leaves: operations are decided and the process dies as before,
//! and what is true is read from the store itself, by pages, without snapshots, by seq, and from an archive.

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use highwater::{
    actors::{
        export::{Export, Part},
        persistence::{commit::Outcome, open::Opened, warm},
        user::{PageRequest, answer, begin, difference, range},
    },
    logic::{Answer, ObservedTime, Operation, Request, operation::Send, operation::Target},
    model::{ClientMessageId, Content, ConversationId, Seq, UserId, Version, limits::PAGE_BYTES_MAX},
    sync::{Locale, Rendering},
};
use highwater_wire::{
    Refusal,
    proto::{self, server_frame::Body},
};

use crate::{shell::Running, whole_sync::Whole, world::World};

/// What everybody speaks then.
pub const RENDERING: Rendering = Rendering { level: 3, locale: Locale::English };

/// What a client is told that has nothing.
#[derive(Default)]
pub struct Told {
    pub items: BTreeMap<(u32, String), String>,
    /// By conversation and seq.
    pub entries: BTreeMap<(u64, u64), proto::Entry>,
}

impl World {
    /// Decides an operation, whatever it lacks at first.
    pub fn do_now(&mut self, request: Request) -> Result<Answer, Refusal> {
        let operation = Operation { at: self.now, request };
        for _ in 0..100 {
            let committed = self.running().committer.commit([&operation]);
            let mut committed = committed.unwrap_or_else(|fatal| panic!("a disk without trouble: {fatal}"));
            match committed.outcomes.remove(0) {
                Outcome::Told(result) => return result,
                Outcome::Cold => {
                    let view = self.shell.view();
                    let rows = warm::everything(&view, &operation).unwrap();
                    self.running().committer.warm(rows, view.bound());
                }
                other => panic!("{other:?} on a disk without trouble"),
            }
        }
        panic!("{operation:?} is never decided");
    }

    /// A user says something somewhere.
    pub fn say_now(&mut self, client: usize, to: Target, text: &str) -> Result<Answer, Refusal> {
        let id = ClientMessageId(std::array::from_fn(|_| self.random.next_u64() as u8));
        let today = self.now.day();
        let day = self.running().committer.tail().today(today);
        let by = self.clients[client].principal();
        self.do_now(Request::Send(Send { by, to, id, day, content: Content::from(text), shown: Seq(0) }))
    }

    /// The process dies, or its machine loses power, and it starts again.
    pub fn die_and_start(&mut self) {
        self.shell.running = None;
        self.after_the_end();
        let power_cut = self.random.one_in(2);
        self.lose(power_cut);
        let run_id = self.random.next_u64() as u32;
        let opened = self.shell.open(run_id).unwrap_or_else(|fault| panic!("it does not start: {fault}"));
        let Opened { mut committer, lifeline, report } = opened;
        committer.set_bounds(self.shell.bounds);
        let time = ObservedTime::at_start(report.stored_time, self.now, self.monotonic_us());
        committer.set_time(time);
        committer.set_policy(self.policy());
        self.shell.running = Some(Running {
            committer,
            lifeline,
            ready: Default::default(),
            parked: Default::default(),
            warming: Vec::new(),
            index_is_broken: false,
            step_batches: 0,
        });
    }

    /// The index takes over everything.
    pub fn index_all_now(&mut self) {
        while self.running().committer.index_step().unwrap() {}
    }

    /// One step of what waits to be expanded; false when nothing waits.
    pub fn expand_now(&mut self) -> bool {
        let waiting = self.shell.view().unfinished_groups().unwrap();
        let Some(group) = waiting.first() else { return false };
        self.do_now(Request::Expand(*group)).unwrap();
        true
    }

    /// One client for each user who has one that may come in, but for these users.
    pub fn clients_of_others(&self, than: &[UserId]) -> BTreeMap<UserId, usize> {
        let places = (0..self.clients.len()).filter(|place| {
            let client = &self.clients[*place];
            self.oracle.is_let_in(client.lineage.device) && !than.contains(&client.user)
        });
        places.map(|place| (self.clients[place].user, place)).collect()
    }

    /// Pages until nothing is left, as a client is told them that has nothing.
    pub fn told_by_pages(&mut self, client: usize) -> Told {
        let lifeline = Arc::clone(&self.running().lifeline);
        let (chain, from) = (self.clients[client].chain(), self.clients[client].messages_from);
        let entries_max = 1 + self.random.below(9) as u32;
        let (view, mut told, mut given) = (self.shell.view(), Told::default(), Bytes::new());
        for _ in 0..10_000 {
            let (marks, rebuild) =
                begin(&self.key, &lifeline, chain, &given, RENDERING.level, &self.kinds, from);
            let request = PageRequest {
                chain,
                given,
                marks,
                rebuild,
                rendering: RENDERING,
                kinds: Arc::clone(&self.kinds),
                entries_max,
                bytes_max: PAGE_BYTES_MAX,
            };
            let page = answer(&view, &self.key, lifeline.current(), &request).unwrap().page;
            for item in page.items {
                match item.deleted {
                    true => drop(told.items.remove(&(item.kind, item.key))),
                    false => drop(told.items.insert((item.kind, item.key), item.value)),
                }
            }
            for entry in page.entries {
                let before = told.entries.insert((entry.conversation_id, entry.seq), entry);
                assert_eq!(before, None, "G1: told twice");
            }
            given = page.snapshot;
            if !page.more {
                return told;
            }
        }
        panic!("pages without end");
    }

    /// The same without snapshots.
    pub fn told_whole(&self, user: UserId) -> Whole {
        let (view, mut whole) = (self.shell.view(), Whole::default());
        for _ in 0..1000 {
            let told = difference(&view, (user, RENDERING), &self.kinds, whole.says(0), PAGE_BYTES_MAX);
            let Ok(Body::Difference(told)) = told else { panic!("G10: {told:?}") };
            whole.take(&told);
            if !told.more {
                return whole;
            }
        }
        panic!("G10: a comparison has no end");
    }

    /// What a user reads of a conversation by seq.
    pub fn told_by_seq(&self, user: UserId, conversation: ConversationId) -> Vec<proto::Entry> {
        let (view, mut read) = (self.shell.view(), Vec::<proto::Entry>::new());
        for _ in 0..10_000 {
            let from_seq = read.last().map_or(1, |last| last.seq + 1);
            let wanted = proto::Range { conversation_id: conversation.0, from_seq, to_seq: u64::MAX };
            match range(&view, user, RENDERING, &wanted, PAGE_BYTES_MAX).unwrap() {
                Ok(Body::Entries(list)) => {
                    read.extend(list.entries);
                    if !list.more {
                        return read;
                    }
                }
                Err(Refusal::NoSuchConversation) => return Vec::new(),
                other => panic!("{other:?}"),
            }
        }
        panic!("a range without end");
    }

    /// Everything that is kept for a user.
    pub fn exported(&self, user: UserId) -> Vec<u8> {
        let (view, mut archive) = (self.shell.view(), Vec::new());
        let mut export = Export::new(user, None, &self.kinds);
        loop {
            match export.next(&view).unwrap() {
                Part::Bytes(bytes) => archive.extend(bytes),
                Part::Last(bytes) => {
                    archive.extend(bytes);
                    return archive;
                }
                Part::Gone => panic!("{user} has an account"),
            }
        }
    }

    /// Both ways of syncing tell the same: the same items, and the same messages above both floors (G10).
    pub fn compare_now(&mut self, user: UserId, client: usize) {
        let (pages, whole) = (self.told_by_pages(client), self.told_whole(user));
        assert_eq!(pages.items, whole.items_at(RENDERING), "G10: items of {user}");
        for (place, entry) in &pages.entries {
            let held = whole.entry(*place).map(|(_, held)| held);
            assert_eq!(held, Some(entry), "G10: {place:?} of {user}");
        }
        let floor = self.shell.view().lineages(user).unwrap().floor;
        let above = floor.max(self.clients[client].messages_from);
        for (place, version) in whole.places() {
            let is_due = Version(version) > above;
            assert!(!is_due || pages.entries.contains_key(&place), "G10: {user} lacks {place:?}");
        }
    }

    /// Every conversation that ever began.
    pub fn all_conversations(&self) -> Vec<ConversationId> {
        self.oracle.conversations.keys().copied().collect()
    }
}
