//! Entries into the store: one place holds one entry, whether a page told it or the answer to a range.

use super::{Applied, Store, StoreError, content};
use crate::message::ClientMessageId;
use highwater_wire::proto::{Entry, Sent, entry::Content};
use rusqlite::{Transaction, TransactionBehavior, params};

impl Store {
    /// Stores entries that were read by range, in one flushed transaction, by the rules for entries of pages. The
    /// snapshot stays as it is.
    ///
    /// # Errors
    /// When SQLite fails; then nothing changed.
    pub fn add_entries(&mut self, entries: &[Entry]) -> Result<Applied, StoreError> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut applied = Applied::default();
        for entry in entries {
            apply_entry(&transaction, entry, &self.rendering, &mut applied)?;
        }
        if !applied.conflicts.is_empty() {
            transaction
                .prepare_cached("UPDATE progress SET conflicts = conflicts + ?1")?
                .execute([applied.conflicts.len() as i64])?;
        }
        transaction.commit()?;
        Ok(applied)
    }

    /// The messages that a gap had left out are here, as far as they are fetched without being asked, and what had to be
    /// read again was.
    ///
    /// # Errors
    /// When SQLite fails.
    pub(crate) fn end_repair(&mut self) -> Result<(), StoreError> {
        self.connection.execute("UPDATE progress SET repairing = 0, rereading = 0", [])?;
        Ok(())
    }
}

/// Stores an entry, or compares it with the stored one; an own message of the outbox is settled by it. One that was stored
/// for another level or language has its content replaced: it is the same message, shown otherwise.
pub(super) fn apply_entry(
    transaction: &Transaction<'_>,
    entry: &Entry,
    rendering: &str,
    applied: &mut Applied,
) -> Result<(), StoreError> {
    match super::read::entry(transaction, entry.conversation_id, entry.seq)? {
        None => {
            insert_entry(transaction, entry, rendering)?;
            applied.new_entries += 1;
        }
        Some(stored)
            if is_same_message(&stored, entry) && replace_content(transaction, entry, rendering)? =>
        {
            applied.replaced_entries += usize::from(stored != *entry);
            applied.repeated_entries += usize::from(stored == *entry);
        }
        Some(stored) if stored == *entry => applied.repeated_entries += 1,
        // What is erased here is not written again by an answer that was on its way meanwhile.
        Some(stored) if is_erased(&stored) && is_same_message(&stored, entry) => {
            applied.repeated_entries += 1
        }
        Some(stored) if is_erased(entry) && is_same_message(&stored, entry) => {
            insert_entry(transaction, entry, rendering)?;
            applied.replaced_entries += 1;
        }
        Some(_) => {
            tracing::error!(
                conversation = entry.conversation_id,
                seq = entry.seq,
                "an entry was told with another content"
            );
            // There is one truth about a place, and it is the server's.
            insert_entry(transaction, entry, rendering)?;
            applied.conflicts.push(entry.clone());
        }
    }
    if matches!(&entry.content, Some(Content::Erased(erased)) if erased.account) {
        applied.replaced_entries += erase_of_sender(transaction, entry)?;
    }
    if let Some(id) = ClientMessageId::from_bytes(&entry.client_message_id) {
        let sent =
            Sent { conversation_id: entry.conversation_id, seq: entry.seq, sent_at_ms: entry.sent_at_ms };
        if super::outbox::settle_sent(transaction, id, &sent)? {
            applied.settled.push((id, sent));
        }
    }
    Ok(())
}

fn is_erased(entry: &Entry) -> bool {
    matches!(entry.content, Some(Content::Erased(_)))
}

/// The account of an entry's sender was erased: so is everything that the sender wrote in the conversation.
fn erase_of_sender(transaction: &Transaction<'_>, entry: &Entry) -> Result<usize, StoreError> {
    let erased = transaction
        .prepare_cached(
            "UPDATE entries SET text = '', schema = ?3, json = ''
             WHERE conversation = ?1 AND sender = ?2 AND notice IS NULL AND (schema IS NULL OR schema <> ?3)",
        )?
        .execute(params![
            entry.conversation_id.cast_signed(),
            entry.sender_id.cast_signed(),
            content::ERASED
        ])?;
    Ok(erased)
}

/// Whether two entries differ at most in what depends on the level: the content, who is shown as the one who says it, and how
/// they count.
fn is_same_message(stored: &Entry, told: &Entry) -> bool {
    let (sender_id, uncounted, read_seq) = (told.sender_id, told.uncounted, told.read_seq);
    Entry { content: told.content.clone(), sender_id, uncounted, read_seq, ..stored.clone() } == *told
}

/// Gives an entry the content that it has now, if it was stored for another level or language; false if for this one.
fn replace_content(
    transaction: &Transaction<'_>,
    entry: &Entry,
    rendering: &str,
) -> Result<bool, StoreError> {
    let content::EntryColumns { text, schema, json, notice } = content::of_entry(&entry.content);
    let changed = transaction
        .prepare_cached(
            "UPDATE entries SET text = ?3, schema = ?4, json = ?5, rendering = ?6, notice = ?7, sender = ?8,
                 uncounted = ?9, read_seq = ?10
             WHERE conversation = ?1 AND seq = ?2 AND rendering <> ?6",
        )?
        .execute(params![
            entry.conversation_id.cast_signed(),
            entry.seq.cast_signed(),
            text,
            schema,
            json,
            rendering,
            notice,
            entry.sender_id.cast_signed(),
            entry.uncounted.cast_signed(),
            entry.read_seq.cast_signed(),
        ])?;
    Ok(changed == 1)
}

fn insert_entry(transaction: &Transaction<'_>, entry: &Entry, rendering: &str) -> Result<(), StoreError> {
    let content::EntryColumns { text, schema, json, notice } = content::of_entry(&entry.content);
    transaction
        .prepare_cached(
            "INSERT OR REPLACE INTO entries
                (conversation, seq, sender, sent_at_ms, client_message_id, text, schema, json, rendering, notice,
                 uncounted, read_seq)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
        )?
        .execute(params![
            entry.conversation_id.cast_signed(),
            entry.seq.cast_signed(),
            entry.sender_id.cast_signed(),
            entry.sent_at_ms,
            &entry.client_message_id[..],
            text,
            schema,
            json,
            rendering,
            notice,
            entry.uncounted.cast_signed(),
            entry.read_seq.cast_signed(),
        ])?;
    Ok(())
}
