//! A change of level: what is told anew, and which entries have to be read again because they were told for another one.
//!
//! Each entry is kept with the level and language that it was told for. So what is left to be read again is known at any
//! time, also to a process that starts in the middle.

use super::{Store, StoreError};
use crate::holes::SeqRange;
use highwater_wire::kind::MESSAGES;
use highwater_wire::proto::Page;
use rusqlite::{Connection, params};

/// State kinds that a page begins to tell anew because the level changed.
pub(super) fn state_kinds(page: &Page) -> impl Iterator<Item = u32> + '_ {
    let kinds = page.level_changed.iter().flat_map(|change| &change.kinds);
    kinds.copied().filter(|&kind| kind != MESSAGES)
}

/// Whether after this page entries have to be read again. A rebuild cannot say whether the level changed, since the server
/// does not know the snapshot, and nor can the first page of all; but what is held shows it.
pub(super) fn has_to_reread(
    connection: &Connection,
    page: &Page,
    rendering: &str,
) -> Result<bool, StoreError> {
    let messages_differ = page.level_changed.as_ref().is_some_and(|change| change.kinds.contains(&MESSAGES));
    let is_first = page.rebuild.is_some() || page.base.is_empty();
    if messages_differ || !is_first {
        return Ok(messages_differ);
    }
    let sql = "SELECT EXISTS (SELECT 1 FROM entries WHERE rendering <> ?1)";
    Ok(connection.prepare_cached(sql)?.query_row([rendering], |row| row.get(0))?)
}

impl Store {
    /// Seqs of a conversation whose entries were told for another level or language than the present one, in order.
    ///
    /// # Errors
    /// When SQLite fails.
    pub fn told_otherwise(&self, conversation_id: u64) -> Result<Vec<SeqRange>, StoreError> {
        let sql = "SELECT seq FROM entries WHERE conversation = ?1 AND rendering <> ?2 ORDER BY seq";
        let mut statement = self.connection.prepare_cached(sql)?;
        let bound = params![conversation_id.cast_signed(), self.rendering];
        let mut ranges: Vec<SeqRange> = Vec::new();
        for seq in statement.query_map(bound, |row| row.get::<_, i64>(0))? {
            let seq = seq?.cast_unsigned();
            match ranges.last_mut() {
                Some(range) if range.to_seq + 1 == seq => range.to_seq = seq,
                _ => ranges.push(SeqRange { from_seq: seq, to_seq: seq }),
            }
        }
        Ok(ranges)
    }
}
