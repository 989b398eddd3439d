//! What users ask.

use bytes::Bytes;
use highwater::{
    logic::{
        Operation, Principal, Request,
        operation::{EndDevices, HandedBack, NewDevice, Register, Send, Target},
    },
    model::{
        ClientMessageId, Content, ConversationId, Day, DeviceId, Kind, TimeMs, UserId,
        record::{Invite, SecretHash, name_key},
    },
    store::files_faulty::SeededRandom,
    sync::snapshot::Opened,
};

use crate::{
    levels,
    oracle::SendKey,
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
        if clients.is_empty() || self.users.len() < 2 || (self.users.len() < USERS && self.random.one_in(10))
        {
            self.register();
            return;
        }
        let client = clients[self.any(clients.len())];
        match self.random.below(40) {
            0..3 => self.add_device(client),
            3 => self.end_device(client),
            4..6 => self.put_document(client),
            14..18 => self.open_context(client),
            6..10 => self.resend(false),
            10..13 => self.resend(true),
            13 => self.send_under_used_id(),
            18 => self.new_password(client),
            19 => self.suspend_or_resume(client),
            39 if self.random.one_in(6) => self.change_operators(),
            39 => self.change_keys(client),
            _ => self.send_new(client),
        }
    }

    fn live_clients(&self) -> Vec<usize> {
        let live =
            self.clients.iter().enumerate().filter(|(_, client)| self.oracle.is_live(client.lineage.device));
        live.map(|(place, _)| place).collect()
    }

    pub fn submit(&mut self, request: Request, ticket: Ticket) {
        self.queue(Submission { operation: Operation { at: self.now, request }, ticket });
    }

    pub fn queue(&mut self, submission: Submission) {
        let actor = submission.operation.actor();
        let running = self.running();
        match actor.and_then(|actor| running.parked.get_mut(&actor)) {
            Some(waiting) => waiting.push_back(submission),
            None => running.ready.push_back(submission),
        }
    }

    pub fn hand_back_one(&mut self) {
        if let Some(place) = self.any_live_client() {
            self.hand_back(place);
        }
    }

    /// A client says what it has stored.
    pub fn hand_back(&mut self, place: usize) {
        let client = &self.clients[place];
        let lifeline = std::sync::Arc::clone(&self.shell.running.as_ref().expect("it runs").lifeline);
        let snapshot = &client.stored.snapshot;
        let newest = self.sessions.get(&client.lineage).and_then(|session| session.chain.marks_of(snapshot));
        let marks = newest.or_else(|| match self.key.open(client.chain(), snapshot, &lifeline) {
            Opened::Marks(marks) => Some(marks),
            _ => None,
        });
        if let Some(marks) = marks {
            self.counts.saw("hand back");
            let handed = vec![HandedBack { lineage: client.chain().lineage, marks: *marks.all() }];
            self.submit(Request::HandBack { user: client.user, handed }, Ticket::Other);
        }
    }

    pub fn new_device(&mut self, user: UserId) -> NewDevice {
        let device = DeviceId(self.random.next_u64());
        NewDevice {
            user,
            device,
            name: "phone".to_owned(),
            class: 1,
            token: secret(&mut self.random),
            in_place_of: None,
            proven: None,
        }
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
        // Few users of the host app, so that some come twice.
        let host_identity = self.random.one_in(4).then(|| [self.any(USERS) as u8; 32]);
        if host_identity.is_some() {
            self.counts.saw("register of a host app's user");
        }
        if invite.is_some() {
            self.counts.saw("register with invite");
        }
        let device = self.new_device(user);
        let register = Register { user, name: name.clone(), password: None, invite, host_identity, device };
        self.submit(Request::Register(register), Ticket::Register(user, name));
    }

    fn add_device(&mut self, client: usize) {
        let user = self.clients[client].user;
        if self.oracle.devices.values().filter(|device| device.user == user).count() >= DEVICES {
            return;
        }
        self.counts.saw("add device");
        let device = self.new_device(user);
        let device = self.signing_in(device);
        let device = self.proven(device);
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
            .filter(|conversation| !self.oracle.is_group(*conversation))
            .collect();
        let (event, to) = match self.random.below(20) {
            0 => ("send to nobody", Target::Name("nobody".to_owned())),
            1 => ("send to nobody", Target::Conversation(ConversationId(self.random.next_u64()))),
            2 | 3 => ("send to oneself", Target::User(by.user)),
            4..9 => ("send to user", Target::User(peer)),
            9..15 if !known.is_empty() => {
                ("send to conversation", Target::Conversation(known[self.any(known.len())]))
            }
            _ => ("send to name", Target::Name(name_key(&name))),
        };
        self.counts.saw(event);
        self.send_to(by, to);
    }

    /// Something new is sent.
    pub fn send_to(&mut self, by: Principal, to: Target) {
        let id = ClientMessageId(std::array::from_fn(|_| self.random.next_u64() as u8));
        let length = if self.random.one_in(12) { 1200 } else { 1 + self.any(40) };
        let content = if self.random.one_in(4) {
            self.counts.saw("custom sent");
            levels::custom(&mut self.random)
        } else {
            Content::Text(Bytes::from(vec![b'a' + self.random.below(26) as u8; length]))
        };
        // Clocks differ, and a greeting may be from yesterday.
        let day = Day(self.now.day().0 + self.random.below(3) as u32 - 1);
        let shown = self.shown();
        let send = Send { by, to, id, day, content, shown };
        let key = (by.user, day, id);
        self.pending.push(Pending { send, key, copies: 0, is_unknown: false, acked: None, is_over: false });
        self.submit_send_again(self.pending.len() - 1);
    }

    pub fn submit_send_again(&mut self, place: usize) {
        let pending = &mut self.pending[place];
        pending.copies += 1;
        self.oracle.refused.remove(&(pending.key, pending.send.content.clone()));
        let send = pending.send.clone();
        let request = self.by_device_or_key(send);
        self.submit(request, Ticket::Send(place));
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
        let due: Vec<usize> =
            (0..self.pending.len()).filter(|place| self.pending[*place].acked.is_some()).collect();
        if due.is_empty() {
            return;
        }
        self.counts.saw("send under a used id");
        let of = self.any(due.len());
        let alike = self.random.one_in(2);
        let of = &self.pending[due[of]];
        let content = if alike { levels::lookalike(&of.send.content) } else { "ANOTHER BODY".into() };
        let send = Send { content, ..of.send.clone() };
        let key = of.key;
        self.pending.push(Pending { send, key, copies: 0, is_unknown: false, acked: None, is_over: false });
        self.submit_send_again(self.pending.len() - 1);
    }
}

fn secret(random: &mut SeededRandom) -> SecretHash {
    std::array::from_fn(|_| random.next_u64() as u8)
}
