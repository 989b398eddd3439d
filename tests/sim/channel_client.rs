//! A client of one user of a channel: the real page above the real view, and what it was given so far.

use std::collections::{BTreeMap, BTreeSet};

use highwater::{
    model::{
        Follow, Kind, KindSet, Seq, UserId, Version,
        limits::{KINDS_MAX, PUSH_ENTRIES_MAX},
        record::Item,
    },
    store::view::{ReadFault, UserView, View},
    sync::{
        Held, Kinds, Marks, Messages, PageLimits, RunName, Source, compare, kinds::MESSAGES, page::drain,
    },
};
use highwater_wire::kind;

use crate::group_store::{GROUP, GroupStore};

/// A view that is given only so many posts of a channel.
struct Few<'a> {
    of: UserView<'a>,
    posts_max: usize,
}

impl Source for Few<'_> {
    type Fault = ReadFault;

    fn items_above(&self, kind: Kind, mark: Version, items_max: usize) -> Result<Vec<Item>, ReadFault> {
        self.of.items_above(kind, mark, items_max)
    }

    fn hidden_through(&self, kind: Kind) -> Result<Version, ReadFault> {
        self.of.hidden_through(kind)
    }

    fn messages_above(&self, mark: Version, limits: PageLimits) -> Result<Messages, ReadFault> {
        self.of.view.messages_above(self.of.user, mark, limits, self.posts_max)
    }

    fn floor(&self) -> Result<Version, ReadFault> {
        self.of.floor()
    }

    fn head_at(
        &self,
        conversation: highwater::model::ConversationId,
        through: Version,
    ) -> Result<Seq, ReadFault> {
        self.of.head_at(conversation, through)
    }

    fn kind_floors(&self) -> Result<[Version; KINDS_MAX], ReadFault> {
        self.of.kind_floors()
    }

    fn bound(&self) -> Version {
        self.of.bound()
    }
}

/// See the module.
pub struct Client {
    user: UserId,
    marks: Marks,
    posts_max: usize,
    entries_max: usize,
    /// Seqs and versions, in the order in which they came.
    pub got: Vec<(Seq, Version)>,
    /// What it was told that it is not given.
    pub passed: BTreeSet<Seq>,
    /// The conversation as the items say: whether it is there.
    pub has_conversation: Option<bool>,
    /// It was told that something it lacks was removed.
    pub has_gap: bool,
}

impl Client {
    pub fn new(user: u64, posts_max: usize, entries_max: usize) -> Client {
        let marks = Marks::fresh(1, RunName::default(), Version(0));
        let (got, passed) = (Vec::new(), BTreeSet::new());
        Client {
            user: UserId(user),
            marks,
            posts_max,
            entries_max,
            got,
            passed,
            has_conversation: None,
            has_gap: false,
        }
    }

    /// One page. True when there is more.
    pub fn sync(&mut self, store: &GroupStore) -> bool {
        let view = store.view();
        let source = Few { of: UserView { view: &view, user: self.user }, posts_max: self.posts_max };
        let limits = PageLimits { entries: self.entries_max, bytes: usize::MAX };
        let kinds = Kinds::of_server(&[]).unwrap().declared(&[kind::CONVERSATIONS, kind::MESSAGES]);
        let before = self.marks.of(MESSAGES);
        let page = drain(self.marks, &kinds, limits, &source).unwrap();
        self.has_gap |= page.gap;
        for item in &page.items {
            self.has_conversation = Some(item.value.is_some());
        }
        for passed in &page.passed {
            assert_eq!(passed.conversation, GROUP);
            self.passed.extend((passed.from.0..=passed.to.0).map(Seq));
        }
        for entry in &page.entries {
            assert!(entry.version > before, "G5: {entry:?} became visible below the mark {before}");
            self.got.push((entry.message.seq, entry.version));
        }
        assert!(page.marks.of(MESSAGES) >= before, "G3: a mark fell");
        assert!(page.marks != self.marks || !page.more, "a page makes progress");
        self.marks = page.marks;
        page.more
    }

    /// Pages until nothing is left.
    pub fn sync_to_the_end(&mut self, store: &GroupStore) {
        for _ in 0..1000 {
            if !self.sync(store) {
                return;
            }
        }
        panic!("a sync without end");
    }

    /// What would be pushed to the client, if the tail can show it, is what a page has. Says whether there were posts in it.
    pub fn check_push(&self, store: &GroupStore) -> bool {
        let (view, tail, mark) = (store.view(), store.tail(), self.marks.of(MESSAGES));
        let follows: Vec<Follow> = view.follows(self.user).unwrap().into_values().collect();
        let news = tail.news_above((self.user, &follows), mark, tail.durable(), PUSH_ENTRIES_MAX);
        let Some((news, false)) = news else { return false };
        let limits = PageLimits { entries: 1000, bytes: usize::MAX };
        let page = view.messages_above(self.user, mark, limits, 1000).unwrap();
        assert_eq!(news, page.entries, "G1, G5, G7: a push to user {} above {mark}", self.user);
        news.iter()
            .any(|entry| !follows.is_empty() && follows.iter().any(|follow| follow.has(entry.message.seq)))
    }

    /// Everything that is for the user was given once and in order, or was named as passed over; nothing else was.
    pub fn check(&self, due: &[Seq]) {
        assert!(!self.has_gap, "G6: nothing was removed");
        assert_eq!(self.told(), due, "G1, G7: what user {} was told", self.user);
    }

    /// What was given, and what was named, in order: each once.
    pub fn told(&self) -> Vec<Seq> {
        let seqs: Vec<Seq> = self.got.iter().map(|(seq, _)| *seq).collect();
        assert!(self.got.is_sorted_by(|one, other| one.1 < other.1), "G5: versions of {:?}", self.got);
        assert!(seqs.iter().all(|seq| !self.passed.contains(seq)), "given and passed over: {seqs:?}");
        assert!(seqs.is_sorted_by(|one, other| one < other), "not in order, or twice: {seqs:?}");
        let told: BTreeSet<Seq> = seqs.into_iter().chain(self.passed.iter().copied()).collect();
        told.into_iter().collect()
    }
}

/// What the sync without snapshots tells a client that has nothing.
pub fn whole(view: &View, user: u64) -> Vec<Seq> {
    let kinds = Kinds::of_server(&[]).unwrap();
    let limits = PageLimits { entries: 1000, bytes: usize::MAX };
    let source = UserView { view, user: UserId(user) };
    let told = compare(Held::default(), &kinds, limits, |_| true, &source).unwrap();
    let by_seq: BTreeMap<Seq, Version> =
        told.entries.iter().map(|entry| (entry.message.seq, entry.version)).collect();
    assert_eq!(by_seq.len(), told.entries.len());
    by_seq.into_keys().collect()
}

/// The marks of a kind set are only those that it declares.
#[test]
fn the_client_declares_what_it_looks_at() {
    let kinds = Kinds::of_server(&[]).unwrap().declared(&[kind::CONVERSATIONS, kind::MESSAGES]);
    let declared: KindSet = [Kind(kind::CONVERSATIONS as u8), MESSAGES].into_iter().collect();
    assert_eq!(kinds.set(), declared);
}
