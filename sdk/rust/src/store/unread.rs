//! What is unread of a conversation, from what is stored alone: the user's own item of it, and entries. The same number as the
//! server's, also without a connection.

use super::{Store, StoreError};
use highwater_wire::{
    Encoding, kind,
    proto::{ConversationItem, Head, OwnItem},
};
use rusqlite::{OptionalExtension, TransactionBehavior, params};

impl Store {
    /// What the user has read of a conversation, and how the user keeps it: as the server told it last, with what own
    /// entries say since. Nothing read, not muted and not pinned when nothing was told; so it is at level 1.
    ///
    /// # Errors
    /// When SQLite fails.
    pub fn own(&self, conversation_id: u64) -> Result<OwnItem, StoreError> {
        let told = self.item(kind::CONVERSATIONS, &format!("{conversation_id}/own"))?;
        let told = told.and_then(|value| Encoding::Json.decode(value.as_bytes()).ok());
        let mut own: OwnItem = told.unwrap_or(OwnItem { conversation_id, ..OwnItem::default() });
        let since_seq = self.since_seq(conversation_id)?;
        self.begin(&mut own, since_seq)?;
        for (seq, read_seq) in self.own_entries_after(conversation_id, own.as_of_seq)? {
            self.raise(&mut own, read_seq)?;
            if seq > own.read_seq {
                own.own_seqs.push(seq);
            }
            own.as_of_seq = seq;
        }
        Ok(own)
    }

    /// How many entries of a conversation are unread, as far as it is stored.
    ///
    /// # Errors
    /// When SQLite fails.
    pub fn unread(&self, conversation_id: u64) -> Result<u64, StoreError> {
        let own = self.own(conversation_id)?;
        let count = self.count_through(conversation_id, u64::MAX)?;
        Ok(count.saturating_sub(own.read_count).saturating_sub(own.own_seqs.len() as u64))
    }

    /// Takes what heads say has been read, where it is newer than what is stored: a store that began late, or was told of a
    /// gap, lacks own entries that would say it. Mute and pin stay; so does all of it for a level that is told nothing.
    ///
    /// # Errors
    /// When SQLite fails; then nothing changed.
    pub fn take_heads(&mut self, heads: &[Head]) -> Result<(), StoreError> {
        let mut newer = Vec::new();
        for head in heads.iter().filter(|head| head.count > 0) {
            let own = self.own(head.conversation_id)?;
            if head.seq > own.as_of_seq {
                let Head { conversation_id, seq, read_seq, read_count, ref own_seqs, .. } = *head;
                let own_seqs = own_seqs.clone();
                newer.push(OwnItem {
                    conversation_id,
                    as_of_seq: seq,
                    read_seq,
                    read_count,
                    own_seqs,
                    ..own
                });
            }
        }
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        for own in newer {
            let key = format!("{}/own", own.conversation_id);
            let value = String::from_utf8_lossy(&Encoding::Json.encode(&own)).into_owned();
            transaction
                .prepare_cached(
                    "INSERT OR REPLACE INTO items (kind, key, value, generation)
                     VALUES (?1, ?2, ?3, (SELECT generation FROM progress))",
                )?
                .execute(params![kind::CONVERSATIONS, key, value])?;
        }
        transaction.commit()?;
        Ok(())
    }

    /// Raises a read mark; one that is not higher changes nothing.
    fn raise(&self, own: &mut OwnItem, read_seq: u64) -> Result<(), StoreError> {
        if read_seq > own.read_seq {
            own.read_count = self.count_through(own.conversation_id, read_seq)?;
            own.read_seq = read_seq;
            own.own_seqs.retain(|own| *own > read_seq);
        }
        Ok(())
    }

    /// What stands before the user's present time in a group or a channel is not unread.
    fn begin(&self, own: &mut OwnItem, since_seq: u64) -> Result<(), StoreError> {
        let before = since_seq.saturating_sub(1);
        if before > own.read_seq {
            let first = self.first_from(own.conversation_id, since_seq)?;
            own.read_count = match first {
                Some((count, counts)) => count.saturating_sub(u64::from(counts)),
                None => self.count_through(own.conversation_id, before)?,
            };
            own.read_seq = before;
            own.own_seqs.retain(|own| *own > before);
        }
        Ok(())
    }

    /// The first place of a group or a channel that is the user's; 0 of a conversation of two.
    fn since_seq(&self, conversation_id: u64) -> Result<u64, StoreError> {
        let told = self.item(kind::CONVERSATIONS, &conversation_id.to_string())?;
        let told = told.and_then(|value| Encoding::Json.decode::<ConversationItem>(value.as_bytes()).ok());
        Ok(told.and_then(|item| item.group).map_or(0, |group| group.since_seq))
    }

    /// Own entries that count, above a seq, each with the read mark that it left.
    fn own_entries_after(&self, conversation_id: u64, seq: u64) -> Result<Vec<(u64, u64)>, StoreError> {
        let sql = "SELECT seq, read_seq FROM entries
             WHERE conversation = ?1 AND seq > ?2 AND length(client_message_id) > 0 ORDER BY seq";
        let mut statement = self.connection.prepare_cached(sql)?;
        let bound = params![conversation_id.cast_signed(), seq.cast_signed()];
        let rows = statement.query_map(bound, |row| {
            Ok((row.get::<_, i64>(0)?.cast_unsigned(), row.get::<_, i64>(1)?.cast_unsigned()))
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// How many entries count through the first that is held from a seq on, and whether it counts itself.
    fn first_from(&self, conversation_id: u64, seq: u64) -> Result<Option<(u64, bool)>, StoreError> {
        let sql = "SELECT seq - uncounted, notice IS NULL FROM entries
             WHERE conversation = ?1 AND seq >= ?2 ORDER BY seq LIMIT 1";
        let mut statement = self.connection.prepare_cached(sql)?;
        let bound = params![conversation_id.cast_signed(), seq.cast_signed()];
        let first = statement.query_row(bound, |row| Ok((row.get::<_, i64>(0)?, row.get(1)?))).optional()?;
        Ok(first.map(|(count, counts)| (count.cast_unsigned(), counts)))
    }

    /// How many entries count through a seq, or through the newest that is held below it.
    fn count_through(&self, conversation_id: u64, seq: u64) -> Result<u64, StoreError> {
        let sql = "SELECT seq - uncounted FROM entries
             WHERE conversation = ?1 AND seq <= ?2 ORDER BY seq DESC LIMIT 1";
        let mut statement = self.connection.prepare_cached(sql)?;
        let bound = params![conversation_id.cast_signed(), seq.min(i64::MAX as u64).cast_signed()];
        let count = statement.query_row(bound, |row| row.get::<_, i64>(0)).optional()?;
        Ok(count.map_or(0, i64::cast_unsigned))
    }
}
