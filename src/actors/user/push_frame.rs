//! The frame of a push in the binary encoding, put together from entries that are encoded once for all users of a worker
//! who are told the same.
//!
//! What differs between them is base and snapshot. Which entries a push has is decided for each by itself, before: see
//! `push.rs`.

use std::{cell::RefCell, collections::VecDeque};

use bytes::{BufMut, Bytes};
use highwater_wire::proto;
use prost::{
    Message as _,
    encoding::{WireType, encode_key, encode_varint, encoded_len_varint, key_len},
};
use rustc_hash::FxHashMap;

use crate::{
    model::{
        Content, ConversationId, Seq, UserId,
        record::{InboxMessage, Message},
    },
    sync::{Rendering, render},
};

/// Encoded entries that a worker keeps; the oldest goes for a new one. Source: a few pushes of
/// `limits::PUSH_ENTRIES_MAX` for groups that are busy at the same time.
const ENTRIES_MAX: usize = 256;

/// A longer entry is encoded anew for everybody, bytes. Source: with it a worker keeps 1 MiB at most.
const ENTRY_BYTES_MAX: usize = 4096;

/// Numbers of fields in `protocol/highwater.proto`: `ServerFrame.push`, and those of `Page`.
const PUSH: u32 = 30;
const BASE: u32 = 1;
const SNAPSHOT: u32 = 2;
const ENTRIES: u32 = 5;

thread_local! {
    static ENCODED: RefCell<EncodedEntries> = RefCell::default();
}

/// Entries as a page has them, by what decides how they look. An entry never changes but by an erasure, so none is ever
/// wrong.
#[derive(Default)]
struct EncodedEntries {
    by_name: FxHashMap<Name, Bytes>,
    oldest: VecDeque<Name>,
}

/// Everybody but the sender is told the same at a level and in a language; whether it is erased decides too.
type Name = (ConversationId, Seq, bool, Rendering);

impl EncodedEntries {
    fn get(&mut self, name: Name, encode: impl FnOnce() -> Bytes) -> Bytes {
        if let Some(encoded) = self.by_name.get(&name) {
            return encoded.clone();
        }
        let encoded = encode();
        if encoded.len() <= ENTRY_BYTES_MAX {
            if self.oldest.len() == ENTRIES_MAX
                && let Some(oldest) = self.oldest.pop_front()
            {
                self.by_name.remove(&oldest);
            }
            self.oldest.push_back(name);
            self.by_name.insert(name, encoded.clone());
        }
        encoded
    }
}

/// The frame of a push of these entries, which need nobody's name, to a device of `user`.
#[must_use]
pub(super) fn push_frame(
    user: UserId,
    rendering: Rendering,
    (base, snapshot): (&[u8], &[u8]),
    entries: &[InboxMessage],
) -> Bytes {
    let entries: Vec<Bytes> =
        entries.iter().map(|entry| encoded_entry(user, rendering, &entry.message)).collect();
    let of_entries: usize = entries.iter().map(|entry| field_len(ENTRIES, entry.len())).sum();
    let page_bytes = bytes_len(BASE, base) + bytes_len(SNAPSHOT, snapshot) + of_entries;
    let mut frame = Vec::with_capacity(field_len(PUSH, page_bytes));
    put_length(&mut frame, PUSH, page_bytes);
    put_bytes(&mut frame, BASE, base);
    put_bytes(&mut frame, SNAPSHOT, snapshot);
    for entry in &entries {
        put_length(&mut frame, ENTRIES, entry.len());
        frame.put_slice(entry);
    }
    Bytes::from(frame)
}

fn encoded_entry(user: UserId, rendering: Rendering, message: &Message) -> Bytes {
    let encode = || {
        let entry: proto::Entry = render::entry(user, rendering, message);
        Bytes::from(entry.encode_to_vec())
    };
    // What two say to each other has one reader besides the sender: it is not kept for a second.
    let is_direct = message.conversation == ConversationId::direct(user, message.sender, 0);
    if message.sender == user || is_direct {
        return encode();
    }
    let name = (message.conversation, message.seq, message.content == Content::Erased, rendering);
    ENCODED.with_borrow_mut(|encoded| encoded.get(name, encode))
}

fn field_len(number: u32, bytes: usize) -> usize {
    key_len(number) + encoded_len_varint(bytes as u64) + bytes
}

/// A field that is empty is not written.
fn bytes_len(number: u32, bytes: &[u8]) -> usize {
    if bytes.is_empty() { 0 } else { field_len(number, bytes.len()) }
}

fn put_length(out: &mut Vec<u8>, number: u32, bytes: usize) {
    encode_key(number, WireType::LengthDelimited, out);
    encode_varint(bytes as u64, out);
}

fn put_bytes(out: &mut Vec<u8>, number: u32, bytes: &[u8]) {
    if !bytes.is_empty() {
        put_length(out, number, bytes.len());
        out.put_slice(bytes);
    }
}

#[cfg(test)]
mod tests {
    use highwater_wire::{Encoding, proto::server_frame::Body};

    use super::*;
    use crate::{
        model::{ClientMessageId, Content, TimeMs, Version},
        sync::Locale,
    };

    const LEVEL_2: Rendering = Rendering { level: 2, locale: Locale::English };

    fn entry(conversation: ConversationId, seq: u64, sender: u64, text: &str) -> InboxMessage {
        let message = Message {
            conversation,
            seq: Seq(seq),
            sender: UserId(sender),
            sent_at: TimeMs(1_795_262_400_000 + seq as i64),
            id: ClientMessageId([seq as u8; 16]),
            content: Content::Text(Bytes::from(text.to_owned())),
            count: seq,
            read: Seq(seq - 1),
        };
        InboxMessage { version: Version(seq * 2), message }
    }

    /// The same by the schema, which keeps nothing.
    fn by_schema(user: UserId, given: (&[u8], &[u8]), entries: &[InboxMessage]) -> Vec<u8> {
        let page = proto::Page {
            base: Bytes::copy_from_slice(given.0),
            snapshot: Bytes::copy_from_slice(given.1),
            entries: render::entries(user, LEVEL_2, entries),
            ..proto::Page::default()
        };
        Encoding::Binary.encode(&proto::ServerFrame { request_id: 0, body: Some(Body::Push(page)) })
    }

    #[test]
    fn it_is_the_frame_of_the_schema_for_everybody_and_every_length() {
        let group = ConversationId(0x6e0);
        let direct = ConversationId::direct(UserId(1), UserId(2), 0);
        let long = "é".repeat(9_000);
        let entries = [
            entry(group, 1, 1, "to many"),
            entry(group, 2, 2, ""),
            entry(direct, 1, 1, "to one"),
            entry(group, 3, 3, &"x".repeat(200)),
            entry(group, 4, 3, &long),
        ];
        let mut rendered = 0;
        for count in 0..=entries.len() {
            for (base, snapshot) in [(&[][..], &[9; 74][..]), (&[7; 8], &[1; 92]), (&[7; 8], &[])] {
                // Twice each: what is kept of the first is told to the second.
                for user in [1, 2, 3, 2, 1].map(UserId) {
                    let frame = push_frame(user, LEVEL_2, (base, snapshot), &entries[..count]);
                    assert_eq!(
                        frame,
                        by_schema(user, (base, snapshot), &entries[..count]),
                        "{user:?} {count}"
                    );
                    rendered += 1;
                }
            }
        }
        assert_eq!(rendered, 90);
    }

    #[test]
    fn what_is_kept_is_bounded_and_what_one_alone_reads_is_not_kept() {
        ENCODED.with_borrow_mut(|encoded| *encoded = EncodedEntries::default());
        let (group, direct) = (ConversationId(0x6e0), ConversationId::direct(UserId(1), UserId(2), 0));
        let kept = || ENCODED.with_borrow(|encoded| (encoded.by_name.len(), encoded.oldest.len()));
        let tell = |entry: InboxMessage| push_frame(UserId(2), LEVEL_2, (&[], &[]), &[entry]);
        tell(entry(direct, 1, 1, "a"));
        tell(entry(group, 1, 2, "own"));
        tell(entry(group, 2, 1, &"x".repeat(ENTRY_BYTES_MAX)));
        assert_eq!(kept(), (0, 0));
        for seq in 1..=ENTRIES_MAX as u64 + 10 {
            tell(entry(group, seq, 1, "a"));
            tell(entry(group, seq, 1, "a"));
        }
        assert_eq!(kept(), (ENTRIES_MAX, ENTRIES_MAX));
    }
}
