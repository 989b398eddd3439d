//! What the store shows: messages by conversation, items by kind, gaps, holes, counters.

use super::{Store, StoreError};
use crate::holes::{SeqRange, holes};
use highwater_wire::proto::{Entry, Gap, Item};
use rusqlite::{Connection, OptionalExtension, Row, params};

/// Seqs stay far below this; above it SQLite's order is another one.
const SEQ_MAX: u64 = i64::MAX as u64;

const ENTRY_COLUMNS: &str = "conversation, seq, sender, sent_at_ms, client_message_id, text, schema, json, notice, \
     uncounted, read_seq";

impl Store {
    /// The newest stored snapshot; empty before the first page.
    ///
    /// # Errors
    /// When SQLite fails.
    pub fn snapshot(&self) -> Result<Vec<u8>, StoreError> {
        Ok(self.connection.query_row("SELECT snapshot FROM progress", [], |row| row.get(0))?)
    }

    /// Whether items are being told anew: a rebuild, or a gap in the messages, has begun something that has not ended.
    ///
    /// # Errors
    /// When SQLite fails.
    pub fn rebuilding(&self) -> Result<bool, StoreError> {
        Ok(self.connection.query_row("SELECT rebuilding FROM progress", [], |row| row.get(0))?)
    }

    /// Whether a gap left out messages that have not all been fetched yet.
    ///
    /// # Errors
    /// When SQLite fails.
    pub fn repairing(&self) -> Result<bool, StoreError> {
        Ok(self.connection.query_row("SELECT repairing FROM progress", [], |row| row.get(0))?)
    }

    /// Whether entries that are held have to be read again, because they were told for another level.
    ///
    /// # Errors
    /// When SQLite fails.
    pub fn rereading(&self) -> Result<bool, StoreError> {
        Ok(self.connection.query_row("SELECT rereading FROM progress", [], |row| row.get(0))?)
    }

    /// How many entries were ever told with another content than the stored one; 0 with a right server.
    ///
    /// # Errors
    /// When SQLite fails.
    pub fn conflicts(&self) -> Result<u64, StoreError> {
        super::apply::conflicts(&self.connection)
    }

    /// One entry.
    ///
    /// # Errors
    /// When SQLite fails.
    pub fn entry(&self, conversation_id: u64, seq: u64) -> Result<Option<Entry>, StoreError> {
        entry(&self.connection, conversation_id, seq)
    }

    /// Entries of a conversation above a seq, in order of seq, at most `limit`.
    ///
    /// # Errors
    /// When SQLite fails.
    pub fn entries_after(
        &self,
        conversation_id: u64,
        seq: u64,
        limit: usize,
    ) -> Result<Vec<Entry>, StoreError> {
        let sql = format!(
            "SELECT {ENTRY_COLUMNS} FROM entries WHERE conversation = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3"
        );
        let mut statement = self.connection.prepare_cached(&sql)?;
        let bound = params![conversation_id.cast_signed(), seq.cast_signed(), limit as i64];
        let rows = statement.query_map(bound, entry_of_row)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Every conversation that has entries, with the newest seq of each.
    ///
    /// # Errors
    /// When SQLite fails.
    pub fn newest_seqs(&self) -> Result<Vec<(u64, u64)>, StoreError> {
        let sql = "SELECT conversation, MAX(seq) FROM entries GROUP BY conversation ORDER BY conversation";
        let mut statement = self.connection.prepare_cached(sql)?;
        let rows = statement.query_map([], |row| {
            Ok((row.get::<_, i64>(0)?.cast_unsigned(), row.get::<_, i64>(1)?.cast_unsigned()))
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Seqs of a conversation, between two and both included, of which the store has no entry; in order. How far a
    /// conversation goes is known to [`crate::Client::heads`].
    ///
    /// # Errors
    /// When SQLite fails.
    pub fn holes(
        &self,
        conversation_id: u64,
        from_seq: u64,
        to_seq: u64,
    ) -> Result<Vec<SeqRange>, StoreError> {
        let Some(within) = SeqRange::new(from_seq, to_seq.min(SEQ_MAX)) else {
            return Ok(Vec::new());
        };
        let sql = "SELECT seq FROM entries WHERE conversation = ?1 AND seq BETWEEN ?2 AND ?3 ORDER BY seq";
        let mut statement = self.connection.prepare_cached(sql)?;
        let bound = [conversation_id, within.from_seq, within.to_seq].map(u64::cast_signed);
        let held = statement.query_map(bound, |row| Ok(row.get::<_, i64>(0)?.cast_unsigned()))?;
        Ok(holes(held, within)?)
    }

    /// The live items of a kind, in order of key.
    ///
    /// # Errors
    /// When SQLite fails.
    pub fn items(&self, kind: u32) -> Result<Vec<Item>, StoreError> {
        let sql = "SELECT kind, key, value FROM items WHERE kind = ?1 ORDER BY key";
        let mut statement = self.connection.prepare_cached(sql)?;
        let rows = statement.query_map([kind], |row| {
            Ok(Item { kind: row.get(0)?, key: row.get(1)?, deleted: false, value: row.get(2)? })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The value of one item, a JSON document.
    ///
    /// # Errors
    /// When SQLite fails.
    pub fn item(&self, kind: u32, key: &str) -> Result<Option<String>, StoreError> {
        let sql = "SELECT value FROM items WHERE kind = ?1 AND key = ?2";
        Ok(self.connection.query_row(sql, params![kind, key], |row| row.get(0)).optional()?)
    }

    /// Holes in the messages that the server can no longer tell, by conversation and seq.
    ///
    /// # Errors
    /// When SQLite fails.
    pub fn gaps(&self) -> Result<Vec<Gap>, StoreError> {
        let sql = "SELECT conversation, from_seq, to_seq FROM gaps ORDER BY conversation, from_seq, to_seq";
        let mut statement = self.connection.prepare_cached(sql)?;
        let rows = statement.query_map([], |row| {
            Ok(Gap {
                conversation_id: row.get::<_, i64>(0)?.cast_unsigned(),
                from_seq: row.get::<_, i64>(1)?.cast_unsigned(),
                to_seq: row.get::<_, i64>(2)?.cast_unsigned(),
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

pub(super) fn entry(
    connection: &Connection,
    conversation_id: u64,
    seq: u64,
) -> Result<Option<Entry>, StoreError> {
    let sql = format!("SELECT {ENTRY_COLUMNS} FROM entries WHERE conversation = ?1 AND seq = ?2");
    let mut statement = connection.prepare_cached(&sql)?;
    Ok(statement
        .query_row(params![conversation_id.cast_signed(), seq.cast_signed()], entry_of_row)
        .optional()?)
}

fn entry_of_row(row: &Row<'_>) -> rusqlite::Result<Entry> {
    let content = super::content::to_entry(row.get(5)?, row.get(6)?, row.get(7)?, row.get(8)?);
    Ok(Entry {
        conversation_id: row.get::<_, i64>(0)?.cast_unsigned(),
        seq: row.get::<_, i64>(1)?.cast_unsigned(),
        sender_id: row.get::<_, i64>(2)?.cast_unsigned(),
        sent_at_ms: row.get(3)?,
        client_message_id: row.get::<_, Vec<u8>>(4)?.into(),
        content,
        uncounted: row.get::<_, i64>(9)?.cast_unsigned(),
        read_seq: row.get::<_, i64>(10)?.cast_unsigned(),
    })
}
