//! Histories of erasures: users write to each other and in a group, some are erased, and the store crashes anywhere in
//! between. From the erasure on nobody is shown a letter of theirs, at the end no letter is left, and what others wrote
//! stands as it stood.

#![allow(clippy::unwrap_used)]

use std::{collections::BTreeSet, ops::ControlFlow, sync::Arc};

use super::{
    erasing,
    finding::{Found, Judging, Place, find},
};
use crate::{
    actors::persistence::{commit::rewrite, warm},
    logic::{
        Answer, Decided, Operation, Request, State, decide, lacking,
        operation::{
            Erase, ErasedBy, ErasureRequest, GroupChange, GroupRequest, NewDevice, Principal, Register, Send,
            Target,
        },
    },
    model::{
        ClientMessageId, Contact, Content, ConversationId, DeviceId, HeardSince, Record, Retentions, Seq,
        Standing, TimeMs, UserId, Version, record::Message,
    },
    store::{
        engine::{Direction, Engine, IndexBatch},
        engine_faulty::{FaultPlan, FaultyEngine},
        engine_memory::MemoryEngine,
        files_faulty::SeededRandom,
        index_writer, log_record,
        tail::Tail,
        view::View,
    },
    sync::kinds::CONVERSATIONS,
};

const NOW: TimeMs = TimeMs(20_000 * 86_400_000 + 5);
const USERS: u64 = 5;
const GROUP: ConversationId = ConversationId(0x6e0);

/// What users who are erased write; others write "kept".
const SECRET: &str = "secret";

pub(super) struct Store {
    random: SeededRandom,
    state: State,
    tail: Arc<Tail>,
    engine: Arc<dyn Engine>,
    /// The same, which loses in a crash what was not synced.
    faulty: Arc<FaultyEngine<MemoryEngine>>,
    log: Vec<(Arc<Record>, usize)>,
    last: Version,
    sends: u64,
    erased: BTreeSet<UserId>,
}

impl Store {
    pub(super) fn new(seed: u64) -> Store {
        let faulty = Arc::new(FaultyEngine::new(MemoryEngine::new(), FaultPlan::default()));
        let mut store = Store {
            random: SeededRandom(seed),
            state: State::default(),
            tail: Arc::new(Tail::new(Version(0))),
            engine: Arc::clone(&faulty) as Arc<dyn Engine>,
            faulty,
            log: Vec::new(),
            last: Version(0),
            sends: 0,
            erased: BTreeSet::new(),
        };
        for user in 1..=USERS {
            store.submit(&register(user)).unwrap();
        }
        let members = (2..=USERS).map(UserId).collect();
        let change = GroupChange::Create { name: "g".to_owned(), members };
        store.submit(&Request::Group(GroupRequest { by: device(1), group: GROUP, change })).unwrap();
        store
    }

    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.random.below(bound)
    }

    pub(super) fn submit(&mut self, request: &Request) -> Result<Answer, highwater_wire::Refusal> {
        let operation = Operation { at: NOW, request: request.clone() };
        while !lacking(&self.state, &operation).is_empty() {
            let view = View::new(&self.tail, &self.engine);
            let rows = warm::everything(&view, &operation).unwrap();
            assert!(self.state.warm(rows, view.bound()));
        }
        self.state.begin_batch();
        let decided = decide(&mut self.state, &operation, self.last.next())?;
        let Decided { record, answer } = decided;
        if let Some(record) = record {
            self.last = record.version;
            let mut bytes = Vec::new();
            log_record::encode(&mut bytes, &record);
            let read = log_record::decode_all(&bytes).unwrap().remove(0);
            self.log.push((Arc::new(read), bytes.len()));
            self.tail.publish(vec![self.log.last().unwrap().clone()]);
        }
        Ok(answer)
    }

    fn say(&mut self) {
        let (by, to) = (1 + self.below(USERS), 1 + self.below(USERS));
        let word = if self.erased.contains(&UserId(by)) || by <= 2 { SECRET } else { "kept" };
        self.sends += 1;
        let mut id = [0; 16];
        id[..8].copy_from_slice(&self.sends.to_be_bytes());
        let target = if self.below(3) == 0 { Target::Conversation(GROUP) } else { Target::User(UserId(to)) };
        let content = Content::from(format!("{word} {}", self.sends).as_str());
        let (day, shown) = (NOW.day(), Seq(0));
        let send = Send { by: device(by), to: target, id: ClientMessageId(id), day, content, shown };
        // Whoever is erased is refused, and so is what is sent to one.
        let _ = self.submit(&Request::Send(send));
    }

    pub(super) fn index(&self) {
        let records = self.tail.unindexed(usize::MAX);
        let Some(last) = records.last() else { return };
        let is_erased = |user| self.tail.is_erased(user);
        let step = index_writer::step_without(&records, last.version, 2048, |_| Version(0), is_erased);
        for batch in step.batches {
            self.engine.apply(&batch).unwrap();
        }
        self.engine.sync().unwrap();
        self.tail.index_reached(last.version);
        self.tail.retire();
    }

    /// Memory is lost, and what the index lacks is replayed.
    pub(super) fn crash(&mut self) {
        let kept = self.random.below(self.faulty.unsynced_batches() as u64 + 1);
        self.faulty.crash(kept as usize);
        let reach = self.tail.indexed();
        self.tail = Arc::new(Tail::new(reach));
        for erasure in View::new(&self.tail, &self.engine).erasures_under_way(usize::MAX).unwrap() {
            self.tail.erase(erasure.user);
        }
        let lacking = self.log.iter().filter(|(record, _)| record.version > reach);
        self.tail.publish(lacking.cloned().collect());
        self.state = State::default();
    }

    fn happen(&mut self) {
        match self.below(6) {
            0 => self.index(),
            1 => self.crash(),
            _ => self.say(),
        }
        self.assert_hidden();
    }

    pub(super) fn view(&self) -> View {
        View::new(&self.tail, &self.engine)
    }

    pub(super) fn find(&self, place: Place) -> Found {
        let (retentions, awaited) = (Retentions::default(), Version(0));
        let judging = Judging { since: HeardSince(TimeMs(0)), now: None, retentions, awaited };
        find(&self.view(), place, &judging).unwrap()
    }

    /// One pass of the cleaner over the erasures, in which anything may happen and some of what it asks is lost.
    fn pass(&mut self, is_calm: bool) {
        let mut place = Place::Erasing(None);
        loop {
            let Found { keys, rewrites, requests, next, .. } = self.find(place);
            for request in requests {
                if is_calm || self.below(4) > 0 {
                    self.submit(&request).unwrap();
                }
            }
            if is_calm || self.below(4) > 0 {
                let mut batch = IndexBatch::new();
                keys.iter().for_each(|key| batch.delete(key).unwrap());
                self.engine.apply(&batch).unwrap();
                rewrite(&*self.engine, rewrites).unwrap();
            }
            if !is_calm {
                self.happen();
            }
            let Some(next) = next else { return };
            place = next;
        }
    }

    fn conversations(&self) -> Vec<ConversationId> {
        self.view().conversations_after(None, 99).unwrap().iter().map(|row| row.conversation).collect()
    }

    fn messages(&self, conversation: ConversationId) -> Vec<Message> {
        self.view().range(conversation, (Seq(1), Seq(u64::MAX)), usize::MAX, usize::MAX).unwrap().0
    }

    /// Nobody is shown anything that an erased user wrote, by seq, in pages or in pushes.
    fn assert_hidden(&self) {
        let view = self.view();
        let mut shown: Vec<Message> = Vec::new();
        for user in (1..=USERS).map(UserId) {
            let page = view.inbox_above(user, Version(0), usize::MAX, usize::MAX).unwrap();
            shown.extend(page.into_iter().map(|entry| entry.message));
            let push = self.tail.inbox_above(user, self.tail.indexed(), self.tail.durable(), 10_000);
            shown.extend(push.into_iter().flat_map(|(push, _)| push).map(|entry| entry.message));
        }
        for conversation in self.conversations() {
            let log = self.messages(conversation);
            assert!(log.iter().zip(1..).all(|(message, seq)| message.seq == Seq(seq)), "seq is dense");
            shown.extend(log);
        }
        for message in shown.iter().filter(|message| self.erased.contains(&message.sender)) {
            assert!(!matches!(message.content, Content::Text(_)), "{message:?}");
        }
    }

    fn index_has(&self, letters: &str) -> bool {
        let mut has = false;
        self.engine
            .scan(&[], None, Direction::Forward, &mut |_, value| {
                has |= value.windows(letters.len()).any(|window| window == letters.as_bytes());
                ControlFlow::Continue(())
            })
            .unwrap();
        has
    }
}

fn device(user: u64) -> Principal {
    Principal { user: UserId(user), device: DeviceId(10 * user) }
}

fn register(user: u64) -> Request {
    let device = NewDevice {
        user: UserId(user),
        device: DeviceId(10 * user),
        name: "d".to_owned(),
        class: 1,
        token: [user as u8; 32],
        in_place_of: None,
        proven: None,
    };
    let (user, name) = (UserId(user), format!("user{user}"));
    Request::Register(Register { user, name, password: None, invite: None, host_identity: None, device })
}

fn erase(user: UserId) -> Request {
    Request::Erase(ErasureRequest::Begin(Erase { user, by: ErasedBy::Operator, frees_name: false }))
}

/// What everybody but the erased wrote, and how every entry counts.
fn kept(store: &Store) -> Vec<(ConversationId, Seq, u64, Option<Content>)> {
    let gone: BTreeSet<UserId> = [1, 2].map(UserId).into();
    let logs = store.conversations().into_iter().flat_map(|conversation| store.messages(conversation));
    let content = |message: &Message| (!gone.contains(&message.sender)).then(|| message.content.clone());
    logs.map(|message| (message.conversation, message.seq, message.count, content(&message))).collect()
}

fn history(seed: u64) {
    let mut store = Store::new(seed);
    for _ in 0..60 {
        store.happen();
    }
    let before = kept(&store);
    for user in [1, 2].map(UserId) {
        store.submit(&erase(user)).unwrap();
        store.erased.insert(user);
        store.assert_hidden();
        for _ in 0..3 {
            store.pass(false);
        }
    }
    store.index();
    let is_done = |store: &Store, user| store.view().erasure(user).unwrap().unwrap().is_done;
    let mut passes = 0;
    while ![1, 2].map(UserId).into_iter().all(|user| is_done(&store, user)) {
        store.pass(true);
        store.index();
        passes += 1;
        assert!(passes < 20, "seed {seed}: the erasures come to no end");
    }
    assert!(!store.index_has(SECRET), "seed {seed}: something is left");
    assert!(store.index_has("kept"));
    store.engine.sync().unwrap();
    store.crash();
    store.assert_hidden();
    assert_eq!(erasing::begin(&store.view(), store.last).unwrap().next, None, "nothing is under way");

    let after = kept(&store);
    assert!(before.iter().all(|entry| after.contains(entry)), "seed {seed}: what others wrote stands");
    for conversation in store.conversations() {
        let log = store.messages(conversation);
        for user in [1, 2].map(UserId) {
            let row = store.view().conversation(conversation).unwrap().unwrap();
            let told = log
                .iter()
                .filter(|message| (message.sender, &message.content) == (user, &Content::AccountErased));
            let is_due = row.is_group() || row.peer_of(user).is_some_and(|peer| peer != user);
            assert_eq!(told.count(), usize::from(is_due), "seed {seed}: told once in {conversation}");
        }
    }
    assert_others(&store, seed);
}

fn assert_others(store: &Store, seed: u64) {
    let (view, group) = (store.view(), store.view().members(GROUP).unwrap());
    for gone in [1, 2].map(UserId) {
        assert!(group[&gone].since().is_none(), "seed {seed}: {gone} is still a member");
        assert_eq!(view.account(gone).unwrap(), None);
        assert!(view.own_keys(gone, 9).unwrap().is_empty());
        for owner in (3..=USERS).map(UserId) {
            if let Some(contact) = view.contact(owner, gone).unwrap() {
                assert_eq!(*contact, Contact::erased(gone), "seed {seed}");
                assert_eq!(contact.standing, Standing::Erased);
            }
        }
    }
    let owners: Vec<UserId> = group
        .values()
        .filter(|member| member.role == crate::model::Role::Owner)
        .map(|member| member.user)
        .collect();
    assert_eq!(owners, [UserId(3)], "seed {seed}: the group goes to the next");
    for user in (3..=USERS).map(UserId) {
        let items = view.items_above(user, CONVERSATIONS, Version(0), 99).unwrap();
        assert!(items.iter().any(|item| item.key == GROUP.to_string() && item.value.is_some()));
    }
}

#[test]
fn an_erasure_comes_to_its_end_whatever_happens_on_the_way() {
    for seed in 1..=60 {
        history(seed);
    }
}

#[test]
fn an_index_of_before_is_rewritten_again() {
    let mut store = Store::new(7);
    for _ in 0..40 {
        store.say();
    }
    store.index();
    store.submit(&erase(UserId(1))).unwrap();
    store.erased.insert(UserId(1));
    // As an older index under a newer log: replay brings everything back, and the erasure with it.
    store.faulty = Arc::new(FaultyEngine::new(MemoryEngine::new(), FaultPlan::default()));
    store.engine = Arc::clone(&store.faulty) as Arc<dyn Engine>;
    store.tail = Arc::new(Tail::new(Version(0)));
    store.crash();
    store.assert_hidden();
    store.index();
    store.crash();
    store.assert_hidden();
    assert_eq!(store.view().erasures_under_way(9).unwrap().len(), 1);
}
