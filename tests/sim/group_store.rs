//! One group on the real deciders, records, tail, index and views, without actors and disk: small enough to try every
//! order of events. What a crash leaves is the bytes of the records, and the index.

use std::{collections::BTreeMap, sync::Arc};

use highwater::{
    actors::persistence::warm,
    logic::{
        Answer, Decided, Operation, Principal, Request, State, decide, lacking,
        operation::{GroupChange, GroupRequest, NewDevice, Register, Send, Target},
    },
    model::{
        Bodies, ClientMessageId, Content, ConversationId, Day, DeviceId, GroupBounds, HeardSince, Kind,
        Notice, Policy, Position, Record, Retentions, Seq, TimeMs, UserId, Version,
        record::{Item, Message},
    },
    store::{engine::Engine, engine_memory::MemoryEngine, index_writer, log_record, tail::Tail, view::View},
};
use highwater_wire::{Refusal, kind};

/// The group that everything here is about.
pub const GROUP: ConversationId = ConversationId(0x6e0);

const NOW: TimeMs = TimeMs(20_000 * 86_400_000 + 5);
const TODAY: Day = Day(20_000);
const CONVERSATIONS: Kind = Kind(kind::CONVERSATIONS as u8);

/// When the index takes over what is durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Indexing {
    /// Never: a start replays everything.
    Never,
    /// After every operation: the tail is always empty.
    Always,
}

/// See the module.
pub struct GroupStore {
    state: State,
    tail: Arc<Tail>,
    engine: Arc<dyn Engine>,
    /// Every record as its bytes say it, with their number.
    log: Vec<(Arc<Record>, usize)>,
    last: Version,
    indexing: Indexing,
    bounds: GroupBounds,
    /// Sends that were acknowledged, with their answers.
    pub acknowledged: Vec<(Request, Answer)>,
}

fn with_bounds(group_bounds: GroupBounds) -> State {
    State::default().with_policy(Policy { group_bounds, ..Policy::default() })
}

impl GroupStore {
    /// Users 1 to `users`; the group is made by the first of them, with the next ones up to `members`.
    pub fn new(users: u64, members: u64, bounds: GroupBounds, indexing: Indexing) -> GroupStore {
        let mut store = GroupStore {
            state: with_bounds(bounds),
            tail: Arc::new(Tail::new(Version(0))),
            engine: Arc::new(MemoryEngine::new()),
            log: Vec::new(),
            last: Version(0),
            indexing,
            bounds,
            acknowledged: Vec::new(),
        };
        for user in 1..=users {
            store.submit(&register(user)).unwrap();
        }
        let others = (2..=members).map(UserId).collect();
        store.change(1, GroupChange::Create { name: "team".to_owned(), members: others }).unwrap();
        store
    }

    /// Warms what lacks, decides, and publishes what the bytes of the record say. Returns the answer.
    pub fn submit(&mut self, request: &Request) -> Result<Answer, Refusal> {
        self.batch(std::slice::from_ref(request)).remove(0)
    }

    /// The same for several in one batch: nothing is published before all are decided, unless one of them lacks what an
    /// earlier one changed.
    pub fn batch(&mut self, requests: &[Request]) -> Vec<Result<Answer, Refusal>> {
        self.state.begin_batch();
        let (mut records, mut answers) = (Vec::new(), Vec::new());
        for request in requests {
            let operation = Operation { at: NOW, request: request.clone() };
            while !lacking(&self.state, &operation).is_empty() {
                self.publish(std::mem::take(&mut records));
                let view = self.view();
                let rows = warm::everything(&view, &operation).unwrap();
                assert!(self.state.warm(rows, view.bound()), "nothing was evicted meanwhile");
            }
            let decided = decide(&mut self.state, &operation, self.last.next());
            if let Ok(Decided { record: Some(record), .. }) = &decided {
                self.last = record.version;
                records.push(record.clone());
            }
            answers.push(decided.map(|decided| decided.answer));
        }
        self.publish(records);
        answers
    }

    fn publish(&mut self, records: Vec<Record>) {
        for record in records {
            let mut bytes = Vec::new();
            log_record::encode(&mut bytes, &record);
            let read = log_record::decode_all(&bytes).unwrap().into_iter().map(Arc::new);
            let read: Vec<_> = read.map(|record| (record, bytes.len())).collect();
            self.tail.publish(read.clone());
            self.log.extend(read);
        }
        if self.indexing == Indexing::Always {
            self.index();
        }
    }

    /// Another store with the same past, as after a start.
    pub fn again(&self, indexing: Indexing) -> GroupStore {
        let mut store = GroupStore {
            state: with_bounds(self.bounds),
            tail: Arc::new(Tail::new(Version(0))),
            engine: Arc::new(MemoryEngine::new()),
            log: self.log.clone(),
            last: self.last,
            indexing,
            bounds: self.bounds,
            acknowledged: self.acknowledged.clone(),
        };
        store.crash();
        if indexing == Indexing::Always {
            store.index();
        }
        store
    }

    /// The index takes over everything that is durable.
    pub fn index(&self) {
        let records: Vec<Arc<Record>> = self.tail.unindexed(usize::MAX);
        let Some(last) = records.last() else { return };
        let left_out = |user| {
            let lineages = self.tail.lineages(user);
            lineages.map_or(Version(0), |row| row.left_out_through(HeardSince(TimeMs(0))))
        };
        for batch in index_writer::step(&records, last.version, usize::MAX, left_out).batches {
            self.engine.apply(&batch).unwrap();
        }
        self.tail.index_reached(last.version);
        self.tail.retire();
    }

    /// Memory is lost. What the index lacks is replayed; what was unfinished is found.
    pub fn crash(&mut self) {
        let reach = self.tail.indexed();
        self.tail = Arc::new(Tail::new(reach));
        let lacking = self.log.iter().filter(|(record, _)| record.version > reach);
        self.tail.publish(lacking.cloned().collect());
        self.state = with_bounds(self.bounds);
        self.state.set_horizon(self.view().horizon());
        let is_unfinished = self.view().unfinished_groups().unwrap().contains(&GROUP);
        assert_eq!(is_unfinished, self.position().is_some(), "a start goes on with what waits");
    }

    /// Everything so far is past every retention from now on. Not kept over a crash, but for how far it went.
    pub fn age(&mut self) {
        let retentions = Retentions { inbox_ms: 0, tombstones_ms: 0, bodies: Bodies::Forever };
        let state = std::mem::take(&mut self.state);
        let policy = Policy { retentions, ..*state.policy() };
        self.state = state.with_policy(policy);
        self.submit(&Request::StoreTime).unwrap();
    }

    pub fn tail(&self) -> &Tail {
        &self.tail
    }

    pub fn view(&self) -> View {
        View::new(&self.tail, &self.engine)
    }

    pub fn change(&mut self, by: u64, change: GroupChange) -> Result<Answer, Refusal> {
        self.submit(&Request::Group(GroupRequest { by: device(by), group: GROUP, change }))
    }

    /// A message; its id is made of the number of those before it.
    pub fn send(&mut self, by: u64) -> Result<Seq, Refusal> {
        self.send_shown(by, Seq(0))
    }

    /// The same from a device that shows everything through a place.
    pub fn send_shown(&mut self, by: u64, shown: Seq) -> Result<Seq, Refusal> {
        let request = message_shown(by, self.acknowledged.len() as u64, shown);
        let answer = self.submit(&request)?;
        let Answer::Sent { seq, .. } = answer else { panic!("{answer:?}") };
        self.acknowledged.push((request, answer));
        Ok(seq)
    }

    /// One step of the fan-out, if something waits.
    pub fn expand(&mut self) {
        self.submit(&Request::Expand(GROUP)).unwrap();
    }

    /// How far the log is expanded.
    pub fn position(&self) -> Option<Position> {
        self.view().position(GROUP).unwrap()
    }

    /// Expands what waits. Returns how many steps that took.
    pub fn drain(&mut self) -> u64 {
        let mut steps = 0;
        while self.position().is_some() {
            self.expand();
            steps += 1;
            assert!(steps < 1_000, "what waits is never done");
        }
        steps
    }

    /// The whole log, in order.
    pub fn log(&self) -> Vec<Message> {
        let (messages, more) =
            self.view().range(GROUP, (Seq(1), Seq(u64::MAX)), usize::MAX, usize::MAX).unwrap();
        assert!(!more);
        messages
    }

    /// Every record, in order.
    pub fn records(&self) -> impl Iterator<Item = &Record> {
        self.log.iter().map(|(record, _)| &**record)
    }

    /// How often a row of what somebody has read was written.
    pub fn row_writes(&self) -> usize {
        let effects = self.log.iter().flat_map(|(record, _)| &record.effects);
        effects.filter(|effect| matches!(effect, highwater::model::Effect::Reading(_))).count()
    }

    /// Versions and seqs of a user's inbox, in order.
    pub fn inbox(&self, user: u64) -> Vec<(Version, Seq)> {
        let entries = self.view().inbox_above(UserId(user), Version(0), usize::MAX, usize::MAX).unwrap();
        entries.iter().map(|entry| (entry.version, entry.message.seq)).collect()
    }

    /// The group among a user's conversations.
    pub fn item(&self, user: u64) -> Option<Item> {
        self.items(user).into_iter().find(|item| item.key == GROUP.to_string())
    }

    /// What a user is told of the group, beside its messages: what it is, and what the user has read of it.
    pub fn items(&self, user: u64) -> Vec<Item> {
        let items = self.view().items_above(UserId(user), CONVERSATIONS, Version(0), 9).unwrap();
        assert!(items.len() <= 2);
        items
    }
}

/// A message to the group; its number makes its id.
pub fn message(by: u64, number: u64) -> Request {
    message_shown(by, number, Seq(0))
}

/// The same from a device that shows everything through a place.
fn message_shown(by: u64, number: u64, shown: Seq) -> Request {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&number.to_be_bytes());
    let content = Content::from(format!("message {number} of {by}").as_str());
    let (id, to) = (ClientMessageId(id), Target::Conversation(GROUP));
    Request::Send(Send { by: device(by), to, id, day: TODAY, content, shown })
}

pub fn device(user: u64) -> Principal {
    Principal { user: UserId(user), device: DeviceId(10 * user) }
}

fn register(user: u64) -> Request {
    let name = format!("u{user}");
    let token = std::array::from_fn(|place| if place < 8 { user.to_be_bytes()[place] } else { 0 });
    let device = NewDevice {
        user: UserId(user),
        device: DeviceId(10 * user),
        name: "d".to_owned(),
        class: 1,
        token,
        in_place_of: None,
        proven: None,
    };
    let user = UserId(user);
    Request::Register(Register { user, name, password: None, invite: None, host_identity: None, device })
}

/// Who is meant by each entry of a log: computed from the log alone.
pub fn audiences(log: &[Message]) -> Vec<Vec<u64>> {
    let mut members: BTreeMap<u64, ()> = BTreeMap::new();
    let mut audiences = Vec::new();
    for message in log {
        let Content::Notice(notice) = &message.content else {
            audiences.push(members.keys().copied().collect());
            continue;
        };
        let mut gone = Vec::new();
        match &**notice {
            Notice::Created { members: others, .. } => {
                members.insert(message.sender.0, ());
                members.extend(others.iter().map(|user| (user.0, ())));
            }
            Notice::Joined(users) => members.extend(users.iter().map(|user| (user.0, ()))),
            Notice::JoinedByLink => drop(members.insert(message.sender.0, ())),
            Notice::Admitted(user) => drop(members.insert(user.0, ())),
            Notice::Left => gone.push(message.sender.0),
            Notice::Removed(user) => gone.push(user.0),
            Notice::Dissolved => gone.extend(members.keys()),
            Notice::Renamed(_)
            | Notice::RoleGiven(..)
            | Notice::AllMuted(_)
            | Notice::Muted(..)
            | Notice::Turned(_)
            | Notice::Announced(_)
            | Notice::Asked
            | Notice::ApprovalSet(_) => {}
        }
        audiences.push(members.keys().copied().collect());
        for user in gone {
            members.remove(&user);
        }
    }
    audiences
}

/// Who is a member behind the end of a log.
pub fn present(log: &[Message]) -> Vec<u64> {
    let mut longer = log.to_vec();
    if let Some(last) = log.last() {
        longer.push(Message { content: "?".into(), ..last.clone() });
    }
    audiences(&longer).pop().unwrap_or_default()
}
