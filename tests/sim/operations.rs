//! What users ask, how the persistence actor's loop takes it through the committer, and what may be answered.

use std::sync::Arc;

use bytes::Bytes;
use highwater::{
    actors::persistence::{
        commit::{Committed, Health, Outcome},
        warm,
    },
    actors::user::audience,
    logic::{
        Answer, Operation, Request,
        operation::{EndDevices, NewDevice, Register, Send, Target},
    },
    model::{
        ClientMessageId, ConversationId, DeviceId, Kind, Record, TimeMs, UserId, limits::DEDUP_DAYS,
        record::{Invite, SecretHash, name_key},
    },
    store::{files_faulty::SeededRandom, view::View},
};
use highwater_wire::Refusal;

use crate::{
    client::Client,
    faults::{self, Trouble},
    oracle::SendKey,
    shell::{Warming, WarmingState},
    world::{DOCUMENTS, World},
};

/// Users of one history, and devices of one user.
const USERS: usize = 4;
const DEVICES: usize = 3;

/// A message on its way, as its client remembers it.
pub struct Pending {
    pub send: Send,
    pub key: SendKey,
    /// Copies that the server has not answered yet.
    pub copies: u32,
    /// A copy was answered as unknown: what is refused later may have been decided before.
    pub is_unknown: bool,
    pub acked: Option<(ConversationId, u64)>,
    /// Refused for good.
    pub is_over: bool,
}

/// Who waits for an operation.
#[derive(Clone)]
pub enum Ticket {
    Send(usize),
    Register(UserId, String),
    Other,
}

/// An operation on its way to the committer.
pub struct Submission {
    pub operation: Operation,
    pub ticket: Ticket,
}

impl World {
    /// A user does something.
    pub fn operate(&mut self) {
        let clients = self.live_clients();
        if clients.is_empty() || self.users.len() < 2 || (self.users.len() < USERS && self.random.one_in(10)) {
            self.register();
            return;
        }
        let client = clients[self.any(clients.len())];
        match self.random.below(40) {
            0..3 => self.add_device(client),
            3 => self.end_device(client),
            4..6 => self.put_document(client),
            6..10 => self.resend(false),
            10..13 => self.resend(true),
            13 => self.send_under_used_id(),
            _ => self.send_new(client),
        }
    }

    fn live_clients(&self) -> Vec<usize> {
        let live = self.clients.iter().enumerate().filter(|(_, client)| self.oracle.is_live(client.device));
        live.map(|(place, _)| place).collect()
    }

    fn submit(&mut self, request: Request, ticket: Ticket) {
        let submission = Submission { operation: Operation { at: self.now, request }, ticket };
        let actor = submission.operation.actor();
        let running = self.running();
        match actor.and_then(|actor| running.parked.get_mut(&actor)) {
            Some(waiting) => waiting.push_back(submission),
            None => running.ready.push_back(submission),
        }
    }

    fn new_device(&mut self, user: UserId) -> NewDevice {
        let device = DeviceId(self.random.next_u64());
        NewDevice { user, device, name: "phone".to_owned(), class: 1, token: secret(&mut self.random) }
    }

    fn register(&mut self) {
        let user = UserId(self.random.next_u64());
        let number = self.any(USERS * 2);
        let name = format!("User{number}");
        let taken = self.oracle.names.contains_key(&name_key(&name));
        let mut invite = None;
        if self.random.one_in(3) {
            let hash = secret(&mut self.random);
            invite = Some(hash);
            let expires = TimeMs(self.now.0 + 60_000);
            self.submit(Request::Invite(Invite { hash, expires }), Ticket::Other);
        }
        self.counts.saw(if taken { "name taken" } else { "register" });
        if invite.is_some() {
            self.counts.saw("register with invite");
        }
        let device = self.new_device(user);
        let register = Register { user, name: name.clone(), password: None, invite, device };
        self.submit(Request::Register(register), Ticket::Register(user, name));
    }

    fn add_device(&mut self, client: usize) {
        let user = self.clients[client].user;
        if self.oracle.devices.values().filter(|device| device.user == user).count() >= DEVICES {
            return;
        }
        self.counts.saw("add device");
        let device = self.new_device(user);
        self.submit(Request::AddDevice(device), Ticket::Other);
    }

    fn end_device(&mut self, client: usize) {
        let by = self.clients[client].principal();
        if self.oracle.devices.values().filter(|device| device.user == by.user).count() < 2 {
            return;
        }
        let others = self.random.one_in(3);
        self.counts.saw(if others { "end all others" } else { "end device" });
        let which = if others { EndDevices::AllOthers } else { EndDevices::One(by.device) };
        self.submit(Request::EndDevices { by, which }, Ticket::Other);
    }

    fn put_document(&mut self, client: usize) {
        let user = self.clients[client].user;
        let value = (!self.random.one_in(4)).then(|| format!("{{\"v\":{}}}", self.random.below(1000)));
        self.counts.saw(if value.is_some() { "document put" } else { "document deleted" });
        let key = format!("k{}", self.random.below(4));
        self.submit(Request::PutDocument { user, kind: Kind(DOCUMENTS), key, value }, Ticket::Other);
    }

    fn send_new(&mut self, client: usize) {
        let by = self.clients[client].principal();
        let peer = self.any(self.users.len());
        let (peer, name) = self.users[peer].clone();
        let known: Vec<ConversationId> = self
            .oracle
            .logs
            .iter()
            .filter(|(_, log)| log[0].pointers.iter().any(|(user, _)| *user == by.user))
            .map(|(conversation, _)| *conversation)
            .collect();
        let (event, to) = match self.random.below(20) {
            0 => ("send to nobody", Target::Name("nobody".to_owned())),
            1 => ("send to nobody", Target::Conversation(ConversationId(self.random.next_u64()))),
            2 | 3 => ("send to oneself", Target::User(by.user)),
            4..9 => ("send to user", Target::User(peer)),
            9..15 if !known.is_empty() => ("send to conversation", Target::Conversation(known[self.any(known.len())])),
            _ => ("send to name", Target::Name(name_key(&name))),
        };
        self.counts.saw(event);
        let id = ClientMessageId(std::array::from_fn(|_| self.random.next_u64() as u8));
        let length = if self.random.one_in(12) { 1200 } else { 1 + self.any(40) };
        let text = Bytes::from(vec![b'a' + self.random.below(26) as u8; length]);
        // Clocks differ, and a greeting may be from yesterday.
        let day = highwater::model::Day(self.now.day().0 + self.random.below(3) as u32 - 1);
        let send = Send { by, to, id, day, text };
        let key = (by.user, day, id);
        self.pending.push(Pending { send, key, copies: 0, is_unknown: false, acked: None, is_over: false });
        self.submit_send_again(self.pending.len() - 1);
    }

    pub fn submit_send_again(&mut self, place: usize) {
        let pending = &mut self.pending[place];
        pending.copies += 1;
        self.oracle.refused.remove(&(pending.key, pending.send.text.clone()));
        let send = pending.send.clone();
        self.submit(Request::Send(send), Ticket::Send(place));
    }

    /// Sends again what was answered, or what was not.
    fn resend(&mut self, answered: bool) {
        let due = |pending: &Pending| !pending.is_over && pending.acked.is_some() == answered;
        let due: Vec<usize> = (0..self.pending.len()).filter(|place| due(&self.pending[*place])).collect();
        if due.is_empty() {
            return;
        }
        self.counts.saw(if answered { "resend answered" } else { "resend unanswered" });
        let place = due[self.any(due.len())];
        self.submit_send_again(place);
    }

    /// A client that uses one id for two messages.
    fn send_under_used_id(&mut self) {
        let due: Vec<usize> = (0..self.pending.len()).filter(|place| self.pending[*place].acked.is_some()).collect();
        if due.is_empty() {
            return;
        }
        self.counts.saw("send under a used id");
        let of = self.any(due.len());
        let of = &self.pending[due[of]];
        let send = Send { text: Bytes::from_static(b"ANOTHER BODY"), ..of.send.clone() };
        let key = of.key;
        self.pending.push(Pending { send, key, copies: 0, is_unknown: false, acked: None, is_over: false });
        self.submit_send_again(self.pending.len() - 1);
    }

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
            self.oracle.publish(record);
            for (user, items) in audience(record) {
                for (device, session) in &mut self.sessions {
                    if self.oracle.devices.get(device).is_some_and(|device| device.user == user) {
                        session.note(items);
                    }
                }
            }
        }
        let oracle = &self.oracle;
        self.sessions.retain(|device, _| oracle.is_live(*device));
        let durable = self.running().committer.tail().durable();
        assert_eq!(durable, self.oracle.last, "the head is the last record published");
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

    /// An operation was answered: it must be true, and may get lost on its way.
    fn answered(&mut self, submission: &Submission, result: Result<Answer, Refusal>, new: &[Arc<Record>]) {
        match &submission.ticket {
            Ticket::Send(place) => self.send_answered(*place, &submission.operation, result, new),
            Ticket::Register(user, name) => match result {
                Ok(Answer::DeviceAdded(device)) => {
                    assert_eq!(self.oracle.names.get(&name_key(name)), Some(user), "a name that was told is taken");
                    self.users.push((*user, name.clone()));
                    self.clients.push(Client::new(*user, device.device, device.messages_from));
                }
                Err(Refusal::NameTaken) => assert!(self.oracle.names.contains_key(&name_key(name))),
                Err(Refusal::InvalidInvite) => {
                    let Request::Register(register) = &submission.operation.request else { unreachable!() };
                    let held = register.invite.and_then(|invite| self.oracle.invites.get(&invite));
                    assert!(held.is_none_or(|expires| *expires <= submission.operation.at), "the invite is good");
                    self.counts.saw("invalid invite");
                }
                other => self.refused(other),
            },
            Ticket::Other => match result {
                Ok(Answer::DeviceAdded(device)) => {
                    let held = self.oracle.devices.get(&device.device);
                    assert!(held.is_none_or(|held| *held == device), "G1: a device that was told is another");
                    self.clients.push(Client::new(device.user, device.device, device.messages_from));
                }
                Ok(Answer::DevicesEnded(devices)) => {
                    assert!(devices.iter().all(|device| !self.oracle.is_live(*device)), "an ended device lives");
                }
                Ok(_) | Err(Refusal::InvalidToken | Refusal::NoSuchDevice) => {}
                other => self.refused(other),
            },
        }
    }

    /// Refusals that anything may meet when the disk is full; no others.
    fn refused(&mut self, result: Result<Answer, Refusal>) {
        match result {
            Err(Refusal::StorageFull) => self.counts.saw("refused as full"),
            Err(Refusal::UnknownOutcome) => self.counts.saw("unknown outcome"),
            other => panic!("{other:?} is no answer to this"),
        }
    }

    fn send_answered(&mut self, place: usize, op: &Operation, result: Result<Answer, Refusal>, new: &[Arc<Record>]) {
        self.pending[place].copies = self.pending[place].copies.saturating_sub(1);
        let pending = &self.pending[place];
        let (key, text) = (pending.key, pending.send.text.clone());
        let held = self.oracle.receipts.get(&key);
        match result {
            Ok(Answer::Sent { conversation, seq, sent_at }) => {
                let log = &self.oracle.logs[&conversation];
                let message = &log[usize::try_from(seq.0).unwrap() - 1].message;
                let same = (message.id, message.sender, &message.text, message.sent_at);
                assert_eq!(same, (key.2, key.0, &text, sent_at), "G1: acknowledged as {conversation}/{seq}, which is another");
                let acked = (conversation, seq.0);
                assert!(pending.acked.is_none_or(|before| before == acked), "G8: a resend got another place");
                let is_new = held.is_some_and(|held| new.iter().any(|record| record.version == held.version));
                self.counts.saw(if is_new { "sent" } else { "recognised" });
                if self.random.one_in(6) {
                    self.counts.saw("answer lost");
                } else {
                    self.pending[place].acked = Some(acked);
                }
            }
            Err(Refusal::IdConflict) => {
                let held = held.expect("G8: a conflict with nothing");
                assert!(held.message.text != text, "G8: a resend of the same body was refused");
                self.counts.saw("id conflict");
                self.pending[place].is_over = true;
            }
            Err(Refusal::InvalidToken) => {
                assert!(!self.oracle.is_live(pending.send.by.device), "a live device was refused");
                self.counts.saw("invalid token");
                self.pending[place].is_over = true;
            }
            Err(Refusal::NoSuchUser) => {
                assert!(matches!(&pending.send.to, Target::Name(name) if name == "nobody"), "a user was not found");
                self.counts.saw("no such user");
                self.pending[place].is_over = true;
            }
            Err(Refusal::NoSuchConversation) => {
                let Target::Conversation(conversation) = pending.send.to else { panic!("no conversation was named") };
                assert!(!self.oracle.logs.contains_key(&conversation), "a conversation was not found");
                self.counts.saw("no such conversation");
                self.pending[place].is_over = true;
            }
            Err(Refusal::DayOutsideWindow) => {
                let today = op.at.day().0;
                assert!(key.1.0 > today + 1 || key.1.0 + DEDUP_DAYS <= today, "the day is inside the window");
                self.counts.saw("day outside window");
                self.pending[place].is_over = true;
            }
            Err(Refusal::StorageFull) => {
                self.counts.saw("refused as full");
                let alone = self.pending.iter().filter(|other| other.key == key).all(|other| other.copies == 0);
                if alone && !self.pending[place].is_unknown && held.is_none() {
                    self.oracle.refused.insert((key, text));
                }
            }
            Err(Refusal::UnknownOutcome) => {
                self.counts.saw("unknown outcome");
                self.pending[place].is_unknown = true;
            }
            other => panic!("{other:?} is no answer to a send"),
        }
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

fn secret(random: &mut SeededRandom) -> SecretHash {
    std::array::from_fn(|_| random.next_u64() as u8)
}
