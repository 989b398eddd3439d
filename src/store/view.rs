//! One read of the store: the tail pinned first, then the index, nothing above the bound.

use std::{
    collections::HashMap,
    ops::ControlFlow,
    sync::Arc,
};

use super::{
    accounts, conversations, devices,
    engine::{Direction, Engine, EngineFault},
    field::{Input, Malformed},
    inboxes, invites, items,
    keys::{self, Key},
    messages,
    packing::Chunk,
    receipts, runs,
    tail::{Pin, Tail},
};
use crate::model::{
    ClientMessageId, ConversationId, DeviceId, Kind, Seq, UserId, Version,
    record::{
        Account, Conversation, Device, InboxMessage, Invite, Item, Message, Pointer, Receipt, ReceiptDay, Run, SecretHash,
    },
};

/// Why a read failed.
#[derive(Debug, thiserror::Error)]
pub enum ReadFault {
    /// The index could not be read.
    #[error("the index cannot be read")]
    Engine(#[from] EngineFault),
    /// A value's checksum is right and its content is not.
    #[error("the index holds a value that cannot be understood")]
    Malformed(#[from] Malformed),
    /// A pointer leads to no message.
    #[error("conversation {conversation} has no message {seq}, though an inbox points to it")]
    MissingMessage {
        /// Which conversation.
        conversation: ConversationId,
        /// Which place.
        seq: Seq,
    },
    /// An inbox does not continue where the pointer says.
    #[error("inbox of user {user} has a hole: after version {found} it names {expected}")]
    BrokenInbox {
        /// Whose.
        user: UserId,
        /// The pointer before the hole.
        found: Version,
        /// What the next one names as the one before it.
        expected: Version,
    },
}

/// See the module. Holds the tail for as long as it lives, so it is kept for one page and dropped.
pub struct View {
    pin: Pin,
    engine: Arc<dyn Engine>,
}

impl View {
    /// Begins a read.
    #[must_use]
    pub fn new(tail: &Arc<Tail>, engine: &Arc<dyn Engine>) -> View {
        View { pin: tail.pin(), engine: Arc::clone(engine) }
    }

    /// The durable head when the read began.
    #[must_use]
    pub fn bound(&self) -> Version {
        self.pin.bound
    }

    fn row<T>(
        &self,
        key: &[u8],
        decode: impl FnOnce(&mut Input<'_>) -> Result<T, Malformed>,
    ) -> Result<Option<T>, ReadFault> {
        let Some(value) = self.engine.get(key)? else { return Ok(None) };
        Ok(Some(whole(&value, decode)?))
    }

    /// # Errors
    /// When the index cannot be read.
    pub fn account(&self, user: UserId) -> Result<Option<Account>, ReadFault> {
        match self.pin.account(user) {
            Some(row) => Ok(row),
            None => self.row(&accounts::key(user), accounts::decode),
        }
    }

    /// # Errors
    /// When the index cannot be read.
    pub fn user_of_name(&self, name_key: &str) -> Result<Option<UserId>, ReadFault> {
        match self.pin.user_of_name(name_key) {
            Some(row) => Ok(row),
            None => self.row(&accounts::name_row_key(name_key), |input| input.user()),
        }
    }

    /// # Errors
    /// When the index cannot be read.
    pub fn device(&self, device: DeviceId) -> Result<Option<Device>, ReadFault> {
        match self.pin.device(device) {
            Some(row) => Ok(row),
            None => self.row(&devices::key(device), devices::decode),
        }
    }

    /// The device of a token, if both exist.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn device_of_token(&self, token: &SecretHash) -> Result<Option<Device>, ReadFault> {
        let owner = match self.pin.owner_of_token(token) {
            Some(owner) => owner,
            None => self.row(&devices::token_key(token), devices::decode_owner)?,
        };
        match owner {
            Some((_, device)) => self.device(device),
            None => Ok(None),
        }
    }

    /// # Errors
    /// When the index cannot be read.
    pub fn conversation(&self, conversation: ConversationId) -> Result<Option<Conversation>, ReadFault> {
        match self.pin.conversation(conversation) {
            Some(row) => Ok(row),
            None => self.row(&conversations::key(conversation), conversations::decode),
        }
    }

    /// # Errors
    /// When the index cannot be read.
    pub fn invite(&self, hash: &SecretHash) -> Result<Option<Invite>, ReadFault> {
        match self.pin.invite(hash) {
            Some(row) => Ok(row),
            None => self.row(&invites::key(hash), invites::decode),
        }
    }

    /// Newest seq of a conversation; 0 when it has none.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn conversation_head(&self, conversation: ConversationId) -> Result<Seq, ReadFault> {
        if let Some(head) = self.pin.conversation_head(conversation) {
            return Ok(head);
        }
        let chunk = self.message_chunk(conversation, Seq(u64::MAX))?;
        Ok(chunk.last().map(|message| message.seq).unwrap_or_default())
    }

    /// Newest pointer of an inbox; 0 when it has none.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn inbox_head(&self, user: UserId) -> Result<Version, ReadFault> {
        if let Some(head) = self.pin.inbox_head(user) {
            return Ok(head);
        }
        let mut head = Version(0);
        self.backward(keys::POINTER, user.0, u64::MAX, |value| {
            let last = Chunk::decode(value).map_err(Malformed::Packing)?.iter().last();
            if let Some(record) = last {
                head = whole(record, inboxes::decode)?.version;
            }
            Ok(())
        })?;
        Ok(head)
    }

    /// Messages of an inbox above `mark`, oldest first: at most `entries_max`, and as many as fit `bytes_max`, but at
    /// least one if there is one.
    ///
    /// # Errors
    /// When the index cannot be read, or a message or pointer is missing.
    pub fn inbox_above(
        &self,
        user: UserId,
        mark: Version,
        entries_max: usize,
        bytes_max: usize,
    ) -> Result<Vec<InboxMessage>, ReadFault> {
        let mut found = Vec::new();
        let mut bytes = 0;
        let mut chunks = HashMap::new();
        for pointer in self.indexed_pointers(user, mark, entries_max)? {
            let message = self.message(&mut chunks, pointer.conversation, pointer.seq)?;
            bytes += message.text.len();
            if bytes > bytes_max && !found.is_empty() {
                return Ok(found);
            }
            found.push(InboxMessage { version: pointer.version, message });
        }
        let newest = found.last().map_or(mark, |entry| entry.version);
        let mut expected = newest;
        for entry in self.pin.inbox_above(user, newest, entries_max.saturating_sub(found.len())) {
            if entry.previous > expected {
                return Err(ReadFault::BrokenInbox { user, found: expected, expected: entry.previous });
            }
            expected = entry.delivery.version;
            bytes += entry.delivery.message.text.len();
            if bytes > bytes_max && !found.is_empty() {
                break;
            }
            let message = entry.delivery.message.clone();
            found.push(InboxMessage { version: entry.delivery.version, message });
        }
        Ok(found)
    }

    /// Pointers that the index has above `mark` and at or below what the tail leaves to it.
    fn indexed_pointers(&self, user: UserId, mark: Version, max: usize) -> Result<Vec<Pointer>, ReadFault> {
        let through = self.pin.floor.min(self.pin.bound);
        if mark >= through {
            return Ok(Vec::new());
        }
        // The chunk in which the mark lies begins at or before it.
        let mut from = inboxes::chunk_key(user, mark.next());
        self.backward_key(keys::POINTER, user.0, mark.0, |key| from = key.to_vec())?;
        let to = inboxes::chunk_key(user, through.next());
        let mut found: Vec<Pointer> = Vec::new();
        self.visit(&from, &to, |_, value| {
            let chunk = Chunk::decode(value).map_err(Malformed::Packing)?;
            for record in chunk.iter() {
                let pointer = whole(record, inboxes::decode)?;
                let newest = found.last().map_or(mark, |pointer| pointer.version);
                // Chunks may overlap after an index step that was cut off and done again.
                if pointer.version <= newest || pointer.version > through {
                    continue;
                }
                if pointer.previous > newest {
                    let expected = pointer.previous;
                    return Err(ReadFault::BrokenInbox { user, found: newest, expected });
                }
                if found.len() == max {
                    return Ok(ControlFlow::Break(()));
                }
                found.push(pointer);
            }
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(found)
    }

    /// A message of the index, through the chunks read for this page already.
    fn message(
        &self,
        chunks: &mut HashMap<ConversationId, Vec<Message>>,
        conversation: ConversationId,
        seq: Seq,
    ) -> Result<Message, ReadFault> {
        let cached = chunks.get(&conversation).and_then(|chunk| message_in(chunk, seq));
        if let Some(message) = cached {
            return Ok(message);
        }
        let chunk = self.message_chunk(conversation, seq)?;
        let found = message_in(&chunk, seq);
        chunks.insert(conversation, chunk);
        found.ok_or(ReadFault::MissingMessage { conversation, seq })
    }

    /// The chunk that begins at or before `seq`; empty when there is none.
    fn message_chunk(&self, conversation: ConversationId, seq: Seq) -> Result<Vec<Message>, ReadFault> {
        let mut found = Vec::new();
        let from = messages::chunk_key(conversation, Seq(0));
        let to = Key::of(keys::MESSAGE).u64(conversation.0).u64(seq.0.saturating_add(1)).done();
        self.scan(&from, &to, Direction::Backward, |key, value| {
            let mut seq = messages::first_of_key(key).ok_or(Malformed::Truncated("message key"))?;
            for record in Chunk::decode(value).map_err(Malformed::Packing)?.iter() {
                found.push(whole(record, |input| messages::decode_packed(input, conversation, seq))?);
                seq = seq.next();
            }
            Ok(ControlFlow::Break(()))
        })?;
        Ok(found)
    }

    /// Items of a kind above `mark` and at or below the bound, in version order, newest values only; an item whose
    /// newest value lies above the bound is left out.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn items_above(
        &self,
        user: UserId,
        kind: Kind,
        mark: Version,
        items_max: usize,
    ) -> Result<Vec<Item>, ReadFault> {
        let tail = self.pin.items(user, kind);
        let mut found = Vec::new();
        let through = self.pin.floor.min(self.pin.bound);
        if mark < through {
            let (from, to) = (items::key(user, kind, mark.next()), items::key(user, kind, through.next()));
            self.visit(&from, &to, |_, value| {
                let item = whole(value, items::decode)?;
                // A scan may meet an item twice when the index moves it to a newer version meanwhile.
                let hidden = tail.iter().any(|newer| newer.key == item.key && newer.version > item.version);
                if !hidden {
                    found.retain(|older: &Item| older.key != item.key);
                    found.push(item);
                }
                let full = found.len() >= items_max;
                Ok(if full { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
            })?;
        }
        let newest = found.last().map_or(mark, |item| item.version);
        let fresh = tail.into_iter().filter(|item| item.version > newest && item.version <= self.pin.bound);
        found.extend(fresh.take(items_max.saturating_sub(found.len())));
        Ok(found)
    }

    /// Version of one item; 0 when there is none.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn item_version(&self, user: UserId, kind: Kind, key: &str) -> Result<Version, ReadFault> {
        if let Some(item) = self.pin.items(user, kind).iter().find(|item| item.key == key) {
            return Ok(item.version);
        }
        Ok(self.row(&items::version_key(user, kind, key), |input| input.version())?.unwrap_or_default())
    }

    /// Everything that one user sent on one day.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn receipts(&self, day: ReceiptDay) -> Result<HashMap<ClientMessageId, Receipt>, ReadFault> {
        let mut found = HashMap::new();
        let from = receipts::day_prefix(day);
        let to = super::engine::prefix_end(&from).unwrap_or_default();
        self.visit(&from, &to, |_, value| {
            for record in Chunk::decode(value).map_err(Malformed::Packing)?.iter() {
                let (id, receipt) = whole(record, receipts::decode)?;
                found.insert(id, receipt);
            }
            Ok(ControlFlow::Continue(()))
        })?;
        for entry in self.pin.inbox_above(day.user, Version(0), usize::MAX) {
            let delivery = &entry.delivery;
            if delivery.message.sender == day.user && delivery.day == day.day {
                found.insert(delivery.message.id, receipt_of(delivery));
            }
        }
        Ok(found)
    }

    /// Every run that the index knows, oldest first.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn runs(&self) -> Result<Vec<Run>, ReadFault> {
        let mut found = Vec::new();
        let from = vec![keys::RUN];
        self.visit(&from, &[keys::RUN + 1], |_, value| {
            found.push(whole(value, runs::decode)?);
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(found)
    }

    fn visit(
        &self,
        from: &[u8],
        to: &[u8],
        each: impl FnMut(&[u8], &[u8]) -> Result<ControlFlow<()>, ReadFault>,
    ) -> Result<(), ReadFault> {
        self.scan(from, to, Direction::Forward, each)
    }

    fn scan(
        &self,
        from: &[u8],
        to: &[u8],
        direction: Direction,
        mut each: impl FnMut(&[u8], &[u8]) -> Result<ControlFlow<()>, ReadFault>,
    ) -> Result<(), ReadFault> {
        let mut fault = None;
        self.engine.scan(from, Some(to), direction, &mut |key, value| match each(key, value) {
            Ok(flow) => flow,
            Err(error) => {
                fault = Some(error);
                ControlFlow::Break(())
            }
        })?;
        fault.map_or(Ok(()), Err)
    }

    /// Visits the value of the last key of `prefix` and `id` whose number is at most `number`, if there is one.
    fn backward(
        &self,
        prefix: u8,
        id: u64,
        number: u64,
        mut each: impl FnMut(&[u8]) -> Result<(), ReadFault>,
    ) -> Result<(), ReadFault> {
        let from = Key::of(prefix).u64(id).u64(0).done();
        let to = Key::of(prefix).u64(id).u64(number.saturating_add(1)).done();
        self.scan(&from, &to, Direction::Backward, |_, value| {
            each(value)?;
            Ok(ControlFlow::Break(()))
        })
    }

    fn backward_key(
        &self,
        prefix: u8,
        id: u64,
        number: u64,
        mut each: impl FnMut(&[u8]),
    ) -> Result<(), ReadFault> {
        let from = Key::of(prefix).u64(id).u64(0).done();
        let to = Key::of(prefix).u64(id).u64(number.saturating_add(1)).done();
        self.scan(&from, &to, Direction::Backward, |key, _| {
            each(key);
            Ok(ControlFlow::Break(()))
        })
    }
}

/// A view as one user sees it: what pages are drained from.
pub struct UserView<'a> {
    /// The read.
    pub view: &'a View,
    /// Whose.
    pub user: UserId,
}

impl crate::sync::Source for UserView<'_> {
    type Fault = ReadFault;

    fn items_above(&self, kind: Kind, mark: Version, items_max: usize) -> Result<Vec<Item>, ReadFault> {
        self.view.items_above(self.user, kind, mark, items_max)
    }

    fn inbox_above(
        &self,
        mark: Version,
        entries_max: usize,
        bytes_max: usize,
    ) -> Result<Vec<InboxMessage>, ReadFault> {
        self.view.inbox_above(self.user, mark, entries_max, bytes_max)
    }
}

/// What is remembered of a delivery, to recognise it when it is sent again.
#[must_use]
pub fn receipt_of(delivery: &crate::model::Delivery) -> Receipt {
    Receipt {
        conversation: delivery.message.conversation,
        seq: delivery.message.seq,
        sent_at: delivery.message.sent_at,
        fingerprint: delivery.fingerprint,
    }
}

fn message_in(chunk: &[Message], seq: Seq) -> Option<Message> {
    let first = chunk.first()?.seq;
    let place = usize::try_from(seq.0.checked_sub(first.0)?).ok()?;
    chunk.get(place).cloned()
}

fn whole<T>(
    bytes: &[u8],
    decode: impl FnOnce(&mut Input<'_>) -> Result<T, Malformed>,
) -> Result<T, ReadFault> {
    let mut input = Input::new(bytes);
    let value = decode(&mut input)?;
    input.end("value")?;
    Ok(value)
}
