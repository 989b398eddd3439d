//! The outbox: what is to be sent, kept from the moment it is written until long after its answer.
//!
//! A message is pending until the server says where it stands or refuses it for good. Id and day never change once
//! the message may have left, for they are how the server knows it again.

use super::{Store, StoreError};
use crate::message::{ClientMessageId, Content, Target};
use highwater_wire::proto::Sent;
use rusqlite::{Connection, OptionalExtension, Row, params};

/// Messages that may wait for an answer; a further one is refused to the application.
/// Source: choice; far above what a person writes offline, and a bound on the file.
pub const OUTBOX_PENDING_MAX: usize = 10_000;

/// Settled messages kept for looking up their result; the oldest go first.
const OUTBOX_SETTLED_MAX: i64 = 10_000;

const PENDING: i64 = 0;
const SENT: i64 = 1;
const REFUSED: i64 = 2;

const COLUMNS: &str =
    "position, client_message_id, day, target_kind, target_id, target_name, text, schema, json, shown_seq";

/// What became of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SendState {
    /// No final answer yet.
    Pending,
    /// The server has it.
    Sent(Sent),
    /// The server refused it for good, with this code.
    Refused {
        /// Number of the refusal.
        code: u32,
    },
}

/// A message of the outbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxMessage {
    /// Order of sending.
    pub position: i64,
    /// Its name.
    pub id: ClientMessageId,
    /// The day it carries; none until it may leave.
    pub day: Option<u32>,
    /// Where it goes.
    pub target: Target,
    /// What it says.
    pub content: Content,
    /// Newest seq of its conversation that the device showed when it was written; 0 when none, or when it is not known.
    pub shown_seq: u64,
}

/// What putting a message did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PutOutcome {
    /// It is in the outbox.
    New,
    /// The same message was there already.
    Known,
    /// Another message has this id; nothing changed.
    IdReused,
    /// [`OUTBOX_PENDING_MAX`] messages are pending; nothing changed.
    Full,
}

impl Store {
    /// Puts a message into the outbox, durably. `day` is none while no server has named one.
    ///
    /// # Errors
    /// When SQLite fails; then nothing changed.
    pub fn put_message(
        &mut self,
        id: ClientMessageId,
        day: Option<u32>,
        target: &Target,
        content: impl Into<Content>,
    ) -> Result<PutOutcome, StoreError> {
        self.put_message_showing(id, day, target, content, 0)
    }

    /// The same, with the newest seq of the conversation that the device shows. It is not part of what the message is: the
    /// same message put again keeps the one that it has.
    ///
    /// # Errors
    /// When SQLite fails; then nothing changed.
    pub fn put_message_showing(
        &mut self,
        id: ClientMessageId,
        day: Option<u32>,
        target: &Target,
        content: impl Into<Content>,
        shown_seq: u64,
    ) -> Result<PutOutcome, StoreError> {
        let content = content.into();
        let transaction = self.connection.transaction()?;
        if let Some(known) = message(&transaction, id)? {
            let same = known.target == *target && known.content == content;
            return Ok(if same { PutOutcome::Known } else { PutOutcome::IdReused });
        }
        if pending_count(&transaction)? >= OUTBOX_PENDING_MAX {
            return Ok(PutOutcome::Full);
        }
        insert(&transaction, id, (day, shown_seq), target, &content)?;
        drop_oldest_settled(&transaction)?;
        transaction.commit()?;
        Ok(PutOutcome::New)
    }

    /// Gives every pending message that has none this day, durably.
    ///
    /// # Errors
    /// When SQLite fails.
    pub fn assign_day(&mut self, day: u32) -> Result<(), StoreError> {
        self.connection
            .prepare_cached("UPDATE outbox SET day = ?1 WHERE state = 0 AND day IS NULL")?
            .execute([day])?;
        Ok(())
    }

    /// Pending messages behind a position, in order, at most `limit`. A position of 0 is before the first.
    ///
    /// # Errors
    /// When SQLite fails.
    pub fn pending_after(&self, position: i64, limit: usize) -> Result<Vec<OutboxMessage>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM outbox WHERE state = 0 AND position > ?1 ORDER BY position LIMIT ?2"
        );
        let mut statement = self.connection.prepare_cached(&sql)?;
        let mut rows = statement.query(params![position, limit as i64])?;
        let mut messages = Vec::new();
        while let Some(row) = rows.next()? {
            messages.push(message_of_row(row)?);
        }
        Ok(messages)
    }

    /// What became of a message; none when the outbox does not know it (any more).
    ///
    /// # Errors
    /// When SQLite fails.
    pub fn send_state(&self, id: ClientMessageId) -> Result<Option<SendState>, StoreError> {
        send_state(&self.connection, id)
    }

    /// Records where a message stands, durably. Returns false when the outbox has it elsewhere or as refused.
    ///
    /// # Errors
    /// When SQLite fails.
    pub fn record_sent(&mut self, id: ClientMessageId, sent: &Sent) -> Result<bool, StoreError> {
        if settle_sent(&self.connection, id, sent)? {
            return Ok(true);
        }
        let known = send_state(&self.connection, id)?;
        Ok(matches!(known, Some(SendState::Sent(stored))
            if (stored.conversation_id, stored.seq) == (sent.conversation_id, sent.seq)))
    }

    /// Records that a pending message was refused for good, durably.
    ///
    /// # Errors
    /// When SQLite fails.
    pub fn record_refused(&mut self, id: ClientMessageId, code: u32) -> Result<(), StoreError> {
        self.connection
            .prepare_cached(
                "UPDATE outbox SET state = ?2, refusal_code = ?3 WHERE client_message_id = ?1 AND state = 0",
            )?
            .execute(params![id.0, REFUSED, code])?;
        Ok(())
    }
}

/// Marks a message as sent, also one that was refused as too old to be known; false when it is so already or
/// the outbox has none of this id.
pub(super) fn settle_sent(
    connection: &Connection,
    id: ClientMessageId,
    sent: &Sent,
) -> Result<bool, StoreError> {
    let changed = connection
        .prepare_cached(
            "UPDATE outbox SET state = ?2, conversation = ?3, seq = ?4, sent_at_ms = ?5
             WHERE client_message_id = ?1 AND state <> ?2",
        )?
        .execute(params![
            id.0,
            SENT,
            sent.conversation_id.cast_signed(),
            sent.seq.cast_signed(),
            sent.sent_at_ms
        ])?;
    Ok(changed == 1)
}

fn send_state(connection: &Connection, id: ClientMessageId) -> Result<Option<SendState>, StoreError> {
    let sql = "SELECT state, conversation, seq, sent_at_ms, refusal_code FROM outbox
               WHERE client_message_id = ?1";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query([&id.0])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let state = match row.get::<_, i64>(0)? {
        PENDING => SendState::Pending,
        SENT => SendState::Sent(Sent {
            conversation_id: row.get::<_, i64>(1)?.cast_unsigned(),
            seq: row.get::<_, i64>(2)?.cast_unsigned(),
            sent_at_ms: row.get(3)?,
        }),
        REFUSED => SendState::Refused { code: row.get(4)? },
        _ => return Err(StoreError::Damaged("unknown state in the outbox")),
    };
    Ok(Some(state))
}

fn message(connection: &Connection, id: ClientMessageId) -> Result<Option<OutboxMessage>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM outbox WHERE client_message_id = ?1");
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query([&id.0])?;
    rows.next()?.map(message_of_row).transpose()
}

fn message_of_row(row: &Row<'_>) -> Result<OutboxMessage, StoreError> {
    let target_id = || Ok::<u64, StoreError>(row.get::<_, i64>(4)?.cast_unsigned());
    let target = match row.get::<_, i64>(3)? {
        1 => Target::Conversation(target_id()?),
        2 => Target::User(target_id()?),
        3 => Target::UserName(row.get(5)?),
        _ => return Err(StoreError::Damaged("unknown target in the outbox")),
    };
    Ok(OutboxMessage {
        position: row.get(0)?,
        id: ClientMessageId(row.get(1)?),
        day: row.get(2)?,
        target,
        content: super::content::of_columns(row.get(6)?, row.get(7)?, row.get(8)?),
        shown_seq: row.get::<_, i64>(9)?.cast_unsigned(),
    })
}

fn insert(
    connection: &Connection,
    id: ClientMessageId,
    (day, shown_seq): (Option<u32>, u64),
    target: &Target,
    content: &Content,
) -> Result<(), StoreError> {
    let (kind, number, name) = match target {
        Target::Conversation(number) => (1, Some(number.cast_signed()), None),
        Target::User(number) => (2, Some(number.cast_signed()), None),
        Target::UserName(name) => (3, None, Some(name)),
    };
    let (text, schema, json) = super::content::columns(content);
    connection
        .prepare_cached(
            "INSERT INTO outbox
                (client_message_id, day, target_kind, target_id, target_name, text, schema, json, shown_seq, state)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 0)",
        )?
        .execute(params![id.0, day, kind, number, name, text, schema, json, shown_seq.cast_signed()])?;
    Ok(())
}

fn pending_count(connection: &Connection) -> Result<usize, StoreError> {
    let mut statement = connection.prepare_cached("SELECT COUNT(*) FROM outbox WHERE state = 0")?;
    let count: i64 = statement.query_row([], |row| row.get(0)).optional()?.unwrap_or(0);
    Ok(usize::try_from(count).unwrap_or(usize::MAX))
}

fn drop_oldest_settled(connection: &Connection) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "DELETE FROM outbox WHERE state <> 0 AND position <= (SELECT MAX(position) FROM outbox) - ?1",
        )?
        .execute([OUTBOX_SETTLED_MAX])?;
    Ok(())
}
