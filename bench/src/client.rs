//! One client: a socket, the snapshot it has, and the rule of the protocol by which it takes pages.
//!
//! It behaves as a real client towards the server: it hands its snapshot back with everything it sends, syncs when it is
//! nudged or missed something, and takes only pages that continue what it has. It keeps messages only as a count.

use std::io::{self, Read, Write};

use highwater_wire::base_of;
use mio::net::TcpStream;

use crate::{
    accounts::Account,
    frames::{self, Incoming, Page, To},
    tally::Counts,
    websocket::{self, Opcode, Parsed},
};

/// How far a client has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// The upgrade was asked for.
    Upgrading,
    /// Hello was said.
    Greeting,
    /// The first sync is not at its end.
    Syncing,
    /// It has everything and waits for more.
    Ready,
    /// The connection has ended.
    Ended,
}

/// Whom a client writes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peer {
    /// One other user.
    User(u64),
    /// A group or channel that it belongs to.
    Many(u64),
}

/// A send without an answer.
#[derive(Debug, Clone, Copy)]
pub struct Unanswered {
    /// The number under which it was sent last.
    pub request_id: u64,
    /// Kept when it is sent again.
    pub id: [u8; 16],
    /// When it was due, on the clock of the load.
    pub due_ns: u64,
}

/// What a client tells its lane while it reads.
#[derive(Debug)]
pub enum Event {
    /// It has synced to the end for the first time.
    Ready,
    /// A send was acknowledged.
    Acknowledged(Unanswered),
    /// A send has to be sent again, after so many milliseconds.
    Again(Unanswered, u32),
    /// A message of somebody else came, due at this time.
    Delivered(Option<u64>),
}

/// See the module.
pub struct Client {
    /// Its user.
    pub user: u64,
    token: String,
    stream: TcpStream,
    /// How far it has come.
    pub phase: Phase,
    incoming: Vec<u8>,
    outgoing: Vec<u8>,
    snapshot: Vec<u8>,
    next_request_id: u64,
    day: u32,
    sync_is_open: bool,
    sync_is_wanted: bool,
    /// Sends without an answer.
    pub unanswered: Vec<Unanswered>,
    /// The conversation with the one it writes to, once known, and its newest seq.
    conversation: Option<(u64, u64)>,
    /// Newest seq by conversation.
    seqs: Vec<(u64, u64)>,
    mask: u32,
    /// Something was sent since the last round of heartbeats.
    pub spoke: bool,
}

impl Client {
    /// A client whose connection was begun.
    pub fn new(account: &Account, stream: TcpStream, host: &str) -> Client {
        Client {
            user: account.user_id,
            token: account.token.clone(),
            stream,
            phase: Phase::Upgrading,
            incoming: Vec::new(),
            outgoing: websocket::upgrade_request(host),
            snapshot: Vec::new(),
            next_request_id: 1,
            day: 0,
            sync_is_open: false,
            sync_is_wanted: false,
            unanswered: Vec::new(),
            conversation: None,
            seqs: Vec::new(),
            mask: account.user_id as u32 | 1,
            spoke: false,
        }
    }

    /// The socket, to be registered.
    pub fn stream(&mut self) -> &mut TcpStream {
        &mut self.stream
    }

    /// Queues a send to its peer; `flush` writes it.
    pub fn send(&mut self, peer: Peer, id: [u8; 16], due_ns: u64) {
        let request_id = self.next_id();
        let to = match (self.conversation, peer) {
            (Some((conversation, shown)), _) => To::Conversation(conversation, shown),
            (None, Peer::User(user)) => To::User(user),
            (None, Peer::Many(conversation)) => To::Conversation(conversation, 0),
        };
        let mut frame = Vec::with_capacity(frames::TEXT_BYTES + 160);
        frames::write_send(&mut frame, request_id, &self.snapshot, to, self.day, &id, due_ns);
        self.queue(Opcode::Binary, &frame);
        self.unanswered.push(Unanswered { request_id, id, due_ns });
    }

    /// Queues a heartbeat that hands the snapshot back.
    pub fn heartbeat(&mut self) {
        let request_id = self.next_id();
        let mut frame = Vec::with_capacity(160);
        frames::write_heartbeat(&mut frame, request_id, &self.snapshot);
        self.queue(Opcode::Binary, &frame);
    }

    /// Writes what is queued, as far as the socket takes it.
    ///
    /// # Errors
    /// When the connection is broken.
    pub fn flush(&mut self) -> io::Result<()> {
        let mut written = 0;
        let result = loop {
            if written == self.outgoing.len() {
                break Ok(());
            }
            match self.stream.write(&self.outgoing[written..]) {
                Ok(0) => break Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => written += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break Ok(()),
                // Not yet connected: the event that says so comes.
                Err(error) if error.kind() == io::ErrorKind::NotConnected => break Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => break Err(error),
            }
        };
        self.outgoing.drain(..written);
        result
    }

    /// Reads everything that came and reacts to it.
    ///
    /// # Errors
    /// When the connection has ended or the server sent what it may not.
    pub fn read(
        &mut self,
        scratch: &mut [u8],
        counts: &mut Counts,
        events: &mut Vec<Event>,
    ) -> io::Result<()> {
        loop {
            let count = match self.stream.read(scratch) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            counts.bytes_in += count as u64;
            if self.incoming.is_empty() {
                let used = self.consume(&scratch[..count], counts, events)?;
                self.incoming.extend_from_slice(&scratch[used..count]);
            } else {
                let mut joined = std::mem::take(&mut self.incoming);
                joined.extend_from_slice(&scratch[..count]);
                let used = self.consume(&joined, counts, events)?;
                joined.drain(..used);
                self.incoming = joined;
            }
            if self.incoming.is_empty() && self.incoming.capacity() > 0 {
                self.incoming = Vec::new();
            }
            // A short read has emptied the socket; what comes later comes with an event of its own.
            if count < scratch.len() {
                break;
            }
        }
        self.sync_if_wanted(counts);
        Ok(())
    }

    fn consume(&mut self, bytes: &[u8], counts: &mut Counts, events: &mut Vec<Event>) -> io::Result<usize> {
        let mut used = 0;
        if self.phase == Phase::Upgrading {
            match websocket::upgrade_answer(bytes).map_err(io::Error::other)? {
                None => return Ok(0),
                Some(length) => used = length,
            }
            self.phase = Phase::Greeting;
            let request_id = self.next_id();
            let hello = frames::hello(request_id, &self.token);
            self.queue(Opcode::Binary, &hello);
        }
        loop {
            match websocket::parse(&bytes[used..]) {
                Parsed::Incomplete => return Ok(used),
                Parsed::Wrong(what) => return Err(io::Error::other(what)),
                Parsed::Frame(opcode, payload, length) => {
                    used += length;
                    match opcode {
                        Opcode::Binary => self.take(payload, counts, events)?,
                        Opcode::Ping => self.queue(Opcode::Pong, payload),
                        Opcode::Pong => {}
                        Opcode::Close => return Err(io::Error::other(close_reason(payload))),
                    }
                }
            }
        }
    }

    fn take(&mut self, payload: &[u8], counts: &mut Counts, events: &mut Vec<Event>) -> io::Result<()> {
        match frames::read(payload).ok_or_else(|| io::Error::other("a frame that cannot be read"))? {
            Incoming::Greeting(greeting) => {
                self.day = greeting.day;
                self.phase = Phase::Syncing;
                self.sync_is_wanted = true;
            }
            Incoming::Sent { request_id, conversation, seq } => {
                if let Some(place) = self.unanswered.iter().position(|send| send.request_id == request_id) {
                    let newest = self.conversation.map_or(seq, |(_, newest)| newest.max(seq));
                    self.conversation = Some((conversation, newest));
                    events.push(Event::Acknowledged(self.unanswered.swap_remove(place)));
                }
            }
            Incoming::Page(page, pushed) => self.take_page(&page, pushed, counts, events)?,
            Incoming::Nudge => {
                counts.nudges += 1;
                self.sync_is_wanted = true;
            }
            Incoming::Refused { request_id, error } => {
                self.take_refusal(request_id, &error, counts, events)?
            }
            Incoming::Heartbeat | Incoming::Other => {}
        }
        Ok(())
    }

    /// The rule: a page is taken if it continues what is stored, else discarded and asked for again.
    fn take_page(
        &mut self,
        page: &Page<'_>,
        pushed: bool,
        counts: &mut Counts,
        events: &mut Vec<Event>,
    ) -> io::Result<()> {
        if !pushed {
            self.sync_is_open = false;
            counts.syncs += 1;
        }
        let begins_anew = page.rebuild && !pushed;
        if begins_anew {
            counts.rebuilds += 1;
        } else if page.rebuild || page.base != base_of(&self.snapshot) {
            counts.discarded_pages += 1;
            self.sync_is_wanted = true;
            return Ok(());
        }
        for entry in page.entries() {
            let entry = entry.ok_or_else(|| io::Error::other("an entry that cannot be read"))?;
            self.take_entry(entry, counts, events);
        }
        if !page.snapshot.is_empty() {
            self.snapshot.clear();
            self.snapshot.extend_from_slice(page.snapshot);
        }
        if page.more {
            self.sync_is_wanted = true;
        } else if !pushed && self.phase == Phase::Syncing {
            self.phase = Phase::Ready;
            events.push(Event::Ready);
        }
        if page.hand_back && !page.more {
            self.heartbeat();
        }
        Ok(())
    }

    fn take_entry(&mut self, entry: frames::Entry<'_>, counts: &mut Counts, events: &mut Vec<Event>) {
        let newest = match self.seqs.iter_mut().find(|(conversation, _)| *conversation == entry.conversation)
        {
            Some((_, newest)) => newest,
            None => {
                // Entries of a group begin with the notice that made this user a member, those of a channel behind the one
                // that made the channel.
                let before = if entry.is_notice() { entry.seq - 1 } else { u64::from(entry.seq == 2) };
                self.seqs.push((entry.conversation, before));
                &mut self.seqs.last_mut().expect("it was pushed").1
            }
        };
        if entry.seq <= *newest {
            counts.repeated_entries += 1;
            return;
        }
        // Every user here has one device, its first: nothing of a conversation is left out for it.
        counts.holes += entry.seq - *newest - 1;
        *newest = entry.seq;
        if entry.is_notice() {
            return;
        }
        if entry.sender == self.user {
            counts.own_entries += 1;
        } else {
            counts.delivered += 1;
            events.push(Event::Delivered(frames::due_ns(entry.text)));
        }
    }

    fn take_refusal(
        &mut self,
        request_id: u64,
        error: &highwater_wire::proto::Error,
        counts: &mut Counts,
        events: &mut Vec<Event>,
    ) -> io::Result<()> {
        counts.refused += 1;
        if !error.retry {
            return Err(io::Error::other(format!("refused: {} {}", error.code, error.name)));
        }
        match self.unanswered.iter().position(|send| send.request_id == request_id) {
            Some(place) => {
                events.push(Event::Again(self.unanswered.swap_remove(place), error.retry_after_ms));
            }
            // A sync, or a hello; asking at once is rude, but counted.
            None => {
                self.sync_is_open = false;
                self.sync_is_wanted = true;
            }
        }
        Ok(())
    }

    fn sync_if_wanted(&mut self, counts: &mut Counts) {
        if !self.sync_is_wanted || self.sync_is_open {
            return;
        }
        (self.sync_is_wanted, self.sync_is_open) = (false, true);
        let request_id = self.next_id();
        let mut frame = Vec::with_capacity(160);
        frames::write_sync(&mut frame, request_id, &self.snapshot);
        self.queue(Opcode::Binary, &frame);
        counts.syncs_asked += 1;
    }

    fn queue(&mut self, opcode: Opcode, payload: &[u8]) {
        self.spoke = true;
        // A fresh mask for each frame, as the standard wants; nobody here is to be protected from guessing it.
        self.mask = self.mask.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        websocket::write_masked(&mut self.outgoing, opcode, payload, self.mask.to_be_bytes());
    }

    fn next_id(&mut self) -> u64 {
        self.next_request_id += 1;
        self.next_request_id - 1
    }
}

fn close_reason(payload: &[u8]) -> String {
    match payload {
        [high, low, ..] => format!("closed with {}", u16::from_be_bytes([*high, *low])),
        _ => "closed".to_owned(),
    }
}
