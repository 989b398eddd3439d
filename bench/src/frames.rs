//! The frames of the protocol. What comes once per connection goes through the generated types; sends, and the answers
//! and pages that they cause, are written and read by hand, so that the load costs less than what it measures.

use std::io;

use highwater_wire::proto;
use prost::Message;

use crate::fields::{Fields, Value, write_varint};

/// Bytes of the text of every message. Source: the works are defined with 200 B.
pub const TEXT_BYTES: usize = 200;

/// Digits at the beginning of a text: when the message was due, nanoseconds.
const DUE_DIGITS: usize = 20;

/// Numbers of the fields that are read by hand. Source: highwater.proto.
mod field {
    pub(super) const GREETING: u32 = 10;
    pub(super) const HEARTBEAT: u32 = 11;
    pub(super) const PAGE: u32 = 12;
    pub(super) const SENT: u32 = 13;
    pub(super) const PUSH: u32 = 30;
    pub(super) const NUDGE: u32 = 31;
    pub(super) const ERROR: u32 = 40;
}

/// Whom a message goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum To {
    /// The first message to somebody.
    User(u64),
    /// All further ones, and the newest seq that is shown.
    Conversation(u64, u64),
}

/// What the server sent.
#[derive(Debug, PartialEq)]
pub enum Incoming<'a> {
    /// Hello was accepted.
    Greeting(Box<proto::Greeting>),
    /// A heartbeat was answered.
    Heartbeat,
    /// Answer to a sync, or (`true`) a push.
    Page(Page<'a>, bool),
    /// A message is stored.
    Sent {
        /// Of which request.
        request_id: u64,
        /// Its conversation.
        conversation: u64,
        /// Its place there.
        seq: u64,
    },
    /// Time to sync.
    Nudge,
    /// A refusal.
    Refused {
        /// Of which request.
        request_id: u64,
        /// Number and name.
        error: proto::Error,
    },
    /// Something else.
    Other,
}

/// A page whose entries were not read yet.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Page<'a> {
    /// What it continues.
    pub base: &'a [u8],
    /// The snapshot after it; empty when nothing is new.
    pub snapshot: &'a [u8],
    /// More waits.
    pub more: bool,
    /// The snapshot is wanted at once.
    pub hand_back: bool,
    /// Everything is told anew.
    pub rebuild: bool,
    bytes: &'a [u8],
}

/// An entry of a page, as far as the load looks at it.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Entry<'a> {
    /// Its conversation.
    pub conversation: u64,
    /// Its place there.
    pub seq: u64,
    /// Who sent it.
    pub sender: u64,
    /// What was sent.
    pub text: &'a [u8],
}

impl Entry<'_> {
    /// Whether nobody wrote it: it says what became of a group. Every text of the load has its length.
    #[must_use]
    pub fn is_notice(&self) -> bool {
        self.text.is_empty()
    }
}

/// Writes a send.
pub fn write_send(
    out: &mut Vec<u8>,
    request_id: u64,
    snapshot: &[u8],
    to: To,
    day: u32,
    id: &[u8; 16],
    due_ns: u64,
) {
    let mut send = [0; TEXT_BYTES + 64];
    let mut body = Cursor { bytes: &mut send, end: 0 };
    body.put(&[0x0a, 16]);
    body.put(id);
    body.put(&[0x10]);
    body.varint(u64::from(day));
    let shown = match to {
        To::Conversation(conversation, shown) => {
            body.put(&[0x19]);
            body.put(&conversation.to_le_bytes());
            shown
        }
        To::User(user) => {
            body.put(&[0x21]);
            body.put(&user.to_le_bytes());
            0
        }
    };
    body.put(&[0x32]);
    body.varint(TEXT_BYTES as u64);
    body.put(&text(due_ns));
    if shown > 0 {
        body.put(&[0x38]);
        body.varint(shown);
    }
    let end = body.end;
    write_start(out, request_id, snapshot);
    out.push(0x6a);
    write_varint(out, end as u64);
    out.extend_from_slice(&send[..end]);
}

/// Writes a heartbeat.
pub fn write_heartbeat(out: &mut Vec<u8>, request_id: u64, snapshot: &[u8]) {
    write_start(out, request_id, snapshot);
    out.extend_from_slice(&[0x5a, 0]);
}

/// Writes a sync that leaves the limit to the server.
pub fn write_sync(out: &mut Vec<u8>, request_id: u64, snapshot: &[u8]) {
    write_start(out, request_id, snapshot);
    out.extend_from_slice(&[0x62, 0]);
}

/// Hello with a token.
#[must_use]
pub fn hello(request_id: u64, token: &str) -> Vec<u8> {
    let hello = proto::Hello {
        token: token.to_owned(),
        level: highwater_wire::LEVEL,
        client: "highwater-bench".to_owned(),
        ..proto::Hello::default()
    };
    let request = Some(proto::client_frame::Request::Hello(hello));
    proto::ClientFrame { request_id, request, ..proto::ClientFrame::default() }.encode_to_vec()
}

/// Makes a group of its sender and these.
#[must_use]
pub fn create_group(request_id: u64, user_ids: &[u64]) -> Vec<u8> {
    let group = proto::CreateGroup {
        client_group_id: vec![1; 16].into(),
        name: "quay".to_owned(),
        user_ids: user_ids.to_vec(),
    };
    let request = Some(proto::client_frame::Request::CreateGroup(group));
    proto::ClientFrame { request_id, request, ..proto::ClientFrame::default() }.encode_to_vec()
}

/// Adds these to a group.
#[must_use]
pub fn add_members(request_id: u64, conversation_id: u64, user_ids: &[u64]) -> Vec<u8> {
    let added = proto::AddMembers { conversation_id, user_ids: user_ids.to_vec() };
    let request = Some(proto::client_frame::Request::AddMembers(added));
    proto::ClientFrame { request_id, request, ..proto::ClientFrame::default() }.encode_to_vec()
}

/// Makes a channel of its sender.
#[must_use]
pub fn create_channel(request_id: u64) -> Vec<u8> {
    let channel = proto::CreateChannel { client_channel_id: vec![1; 16].into(), name: "harbour".to_owned() };
    let request = Some(proto::client_frame::Request::CreateChannel(channel));
    proto::ClientFrame { request_id, request, ..proto::ClientFrame::default() }.encode_to_vec()
}

/// Follows a channel.
#[must_use]
pub fn follow(request_id: u64, conversation_id: u64) -> Vec<u8> {
    let request = Some(proto::client_frame::Request::Follow(proto::Follow { conversation_id }));
    proto::ClientFrame { request_id, request, ..proto::ClientFrame::default() }.encode_to_vec()
}

/// The group or channel of an answer, if this is the answer.
///
/// # Errors
/// When it was refused.
pub fn group_created(bytes: &[u8]) -> io::Result<Option<u64>> {
    Ok(match body(bytes)? {
        Some((_, proto::server_frame::Body::GroupCreated(group))) => Some(group.conversation_id),
        _ => None,
    })
}

/// Whether this is the answer that a request was carried out.
///
/// # Errors
/// When it was refused.
pub fn is_done(bytes: &[u8], request_id: u64) -> io::Result<bool> {
    let done = body(bytes)?;
    Ok(matches!(done, Some((id, proto::server_frame::Body::Done(_))) if id == request_id))
}

fn body(bytes: &[u8]) -> io::Result<Option<(u64, proto::server_frame::Body)>> {
    let frame = proto::ServerFrame::decode(bytes).map_err(io::Error::other)?;
    match frame.body {
        Some(proto::server_frame::Body::Error(error)) => {
            Err(io::Error::other(format!("refused: {} {}", error.code, error.name)))
        }
        body => Ok(body.map(|body| (frame.request_id, body))),
    }
}

/// Reads a frame of the server; `None` when it cannot be read.
#[must_use]
pub fn read(bytes: &[u8]) -> Option<Incoming<'_>> {
    let (mut request_id, mut body) = (0, None);
    for part in Fields(bytes) {
        match part? {
            (1, Value::Number(id)) => request_id = id,
            (number, Value::Bytes(value)) => body = Some((number, value)),
            _ => {}
        }
    }
    let (number, value) = body?;
    Some(match number {
        field::GREETING => Incoming::Greeting(Box::new(proto::Greeting::decode(value).ok()?)),
        field::HEARTBEAT => Incoming::Heartbeat,
        field::PAGE => Incoming::Page(page(value)?, false),
        field::PUSH => Incoming::Page(page(value)?, true),
        field::NUDGE => Incoming::Nudge,
        field::ERROR => Incoming::Refused { request_id, error: proto::Error::decode(value).ok()? },
        field::SENT => {
            let (mut conversation, mut seq) = (0, 0);
            for part in Fields(value) {
                match part? {
                    (1, Value::Number(id)) => conversation = id,
                    (2, Value::Number(number)) => seq = number,
                    _ => {}
                }
            }
            Incoming::Sent { request_id, conversation, seq }
        }
        _ => Incoming::Other,
    })
}

impl<'a> Page<'a> {
    /// Its entries, in order; `None` for one that cannot be read.
    pub fn entries(&self) -> impl Iterator<Item = Option<Entry<'a>>> + use<'a> {
        Fields(self.bytes).filter_map(|part| match part {
            Some((5, Value::Bytes(bytes))) => Some(entry(bytes)),
            Some(_) => None,
            None => Some(None),
        })
    }
}

/// When the message was due, nanoseconds on the clock of the load; `None` for a text of somebody else.
#[must_use]
pub fn due_ns(text: &[u8]) -> Option<u64> {
    std::str::from_utf8(text.get(..DUE_DIGITS)?).ok()?.parse().ok()
}

fn text(due_ns: u64) -> [u8; TEXT_BYTES] {
    let mut text = *b"00000000000000000000 meet me at the quay at seven, bring the charts and the small lantern; the pilot \
says the tide turns at ten past and the harbour master will not wait for anybody who is late this t";
    let mut rest = due_ns;
    for digit in text[..DUE_DIGITS].iter_mut().rev() {
        *digit = b'0' + u8::try_from(rest % 10).unwrap_or(0);
        rest /= 10;
    }
    text
}

fn page(bytes: &[u8]) -> Option<Page<'_>> {
    let mut page = Page { bytes, ..Page::default() };
    for part in Fields(bytes) {
        match part? {
            (1, Value::Bytes(base)) => page.base = base,
            (2, Value::Bytes(snapshot)) => page.snapshot = snapshot,
            (3, Value::Number(more)) => page.more = more != 0,
            (6, _) => page.rebuild = true,
            (8, Value::Number(wanted)) => page.hand_back = wanted != 0,
            _ => {}
        }
    }
    Some(page)
}

fn entry(bytes: &[u8]) -> Option<Entry<'_>> {
    let mut entry = Entry::default();
    for part in Fields(bytes) {
        match part? {
            (1, Value::Number(conversation)) => entry.conversation = conversation,
            (2, Value::Number(seq)) => entry.seq = seq,
            (3, Value::Number(sender)) => entry.sender = sender,
            (6, Value::Bytes(text)) => entry.text = text,
            _ => {}
        }
    }
    Some(entry)
}

fn write_start(out: &mut Vec<u8>, request_id: u64, snapshot: &[u8]) {
    out.push(0x08);
    write_varint(out, request_id);
    if !snapshot.is_empty() {
        out.push(0x12);
        write_varint(out, snapshot.len() as u64);
        out.extend_from_slice(snapshot);
    }
}

/// Writes into an array whose length was chosen to fit.
struct Cursor<'a> {
    bytes: &'a mut [u8],
    end: usize,
}

impl Cursor<'_> {
    fn put(&mut self, bytes: &[u8]) {
        self.bytes[self.end..self.end + bytes.len()].copy_from_slice(bytes);
        self.end += bytes.len();
    }

    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.put(&[(value & 0x7f) as u8 | 0x80]);
            value >>= 7;
        }
        self.put(&[value as u8]);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_send_written_by_hand_is_the_one_of_the_schema() {
        for to in [To::User(77), To::Conversation(u64::MAX - 1, 300), To::Conversation(5, 0)] {
            let mut bytes = Vec::new();
            write_send(&mut bytes, 1_000, &[9; 53], to, 20_778, &[4; 16], 12_345);
            let frame = proto::ClientFrame::decode(bytes.as_slice()).unwrap();
            let Some(proto::client_frame::Request::Send(send)) = frame.request.clone() else {
                panic!("not a send")
            };
            assert_eq!((frame.request_id, frame.snapshot.as_ref()), (1_000, [9; 53].as_slice()));
            assert_eq!((send.day, send.client_message_id.as_ref()), (20_778, [4; 16].as_slice()));
            assert_eq!((send.text.len(), due_ns(send.text.as_bytes())), (TEXT_BYTES, Some(12_345)));
            let wanted = match to {
                To::User(user) => (proto::send::To::UserId(user), 0),
                To::Conversation(conversation, shown) => {
                    (proto::send::To::ConversationId(conversation), shown)
                }
            };
            assert_eq!((send.to, send.shown_seq), (Some(wanted.0), wanted.1));
            assert_eq!(frame.encode_to_vec(), bytes);
        }
    }

    #[test]
    fn a_push_is_read_as_the_schema_writes_it() {
        let entry = proto::Entry {
            conversation_id: 3,
            seq: 1 << 40,
            sender_id: u64::MAX,
            sent_at_ms: 1,
            client_message_id: vec![1; 16].into(),
            content: Some(proto::entry::Content::Text("hello".to_owned())),
            ..proto::Entry::default()
        };
        let page = proto::Page {
            base: vec![1; 8].into(),
            snapshot: vec![2; 53].into(),
            more: true,
            hand_back: true,
            entries: vec![entry; 2],
            ..proto::Page::default()
        };
        let body = Some(proto::server_frame::Body::Push(page));
        let bytes = proto::ServerFrame { request_id: 0, body }.encode_to_vec();
        let Some(Incoming::Page(page, true)) = read(&bytes) else { panic!("not a push") };
        assert_eq!((page.base, page.snapshot.len()), ([1; 8].as_slice(), 53));
        assert!(page.more && page.hand_back && !page.rebuild);
        let entries: Vec<_> = page.entries().collect::<Option<_>>().unwrap();
        let read = Entry { conversation: 3, seq: 1 << 40, sender: u64::MAX, text: b"hello" };
        assert_eq!(entries, [read, read]);
        assert_eq!(super::read(&bytes[..bytes.len() - 1]), None);
    }
}
