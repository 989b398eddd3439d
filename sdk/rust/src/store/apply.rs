//! Taking a page: one flushed transaction checks its base, applies it, and stores its snapshot; or nothing happens.
//!
//! A page that continues the stored snapshot is applied. A page that begins a rebuild is applied when it answers a
//! sync of ours: what items it tells are of a new generation, and the page marked complete sweeps the items of older
//! ones. A page that tells a gap in the messages makes the conversations alone old, and notes that messages have to be
//! repaired. One that tells a change of level makes the kinds that it names old, and notes what has to be read again.
//! Messages are never swept; only those go that `lost` finds to be of another history. State kinds are numbers here: a
//! new one needs no change.

use super::entries::apply_entry;
use super::lost::{doubt_everything, drop_lost};
use super::{Store, StoreError, level};
use crate::message::ClientMessageId;
use highwater_wire::proto::{Entry, Gap, Item, Page, Sent};
use highwater_wire::{base_of, kind};
use rusqlite::{OptionalExtension, Transaction, TransactionBehavior, params};

/// How a page came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PageCause {
    /// It answers a sync of this client.
    Sync,
    /// The server sent it by itself.
    Push,
}

/// What became of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The page and its snapshot are stored.
    Applied(Applied),
    /// Nothing changed.
    Discarded(DiscardReason),
}

/// What a stored page, or the answer to a range, did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Applied {
    /// Entries that were not there before.
    pub new_entries: usize,
    /// Entries that were there already, the same in every field.
    pub repeated_entries: usize,
    /// Entries that were there as told for another level or language, and have their present content now.
    pub replaced_entries: usize,
    /// What is held may have been told for another level: entries have to be read again.
    pub rereading: bool,
    /// Entries told with another content than before; what was told last stands. With a right server this happens only
    /// to what came beside the chain, before an older copy of the server's store was put back.
    pub conflicts: Vec<Entry>,
    /// Kind and key of items that were not told again by a rebuild, or after a gap, that ended here.
    pub swept: Vec<(u32, String)>,
    /// Entries that went because the server's history does not have them.
    pub dropped_entries: usize,
    /// Messages of the outbox that are seen to be sent and were not known to be.
    pub settled: Vec<(ClientMessageId, Sent)>,
}

/// Why a page was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DiscardReason {
    /// It continues another snapshot than the stored one.
    BaseMismatch,
    /// It has no snapshot, so nothing could follow it.
    NoSnapshot,
    /// It is a push with a rebuild, a gap in the messages or a change of level: only the answer to a sync has those.
    NotAsked,
}

/// Whether a page may be applied, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Admission {
    Continue,
    /// The page brings nothing: what is stored stands.
    NothingNew,
    BeginRebuild,
    Discard(DiscardReason),
}

/// The row of progress that a transaction reads and writes back.
struct Progress {
    snapshot: Vec<u8>,
    generation: i64,
    rebuilding: bool,
    repairing: bool,
    rereading: bool,
}

impl Store {
    /// Applies a page and stores its snapshot in one flushed transaction, or changes nothing.
    ///
    /// # Errors
    /// When SQLite fails; then nothing changed.
    pub fn apply(&mut self, page: &Page, cause: PageCause) -> Result<Outcome, StoreError> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut progress = read_progress(&transaction)?;
        match admit(&progress, page, cause) {
            Admission::Discard(reason) => return Ok(Outcome::Discarded(reason)),
            Admission::NothingNew => return Ok(Outcome::Applied(Applied::default())),
            Admission::Continue => {}
            Admission::BeginRebuild => {
                progress.generation += 1;
                progress.rebuilding = true;
                doubt_everything(&transaction)?;
            }
        }
        let dropped_entries = drop_lost(&transaction, page)?;
        progress.repairing |= page.valid_complete;
        let rereading = level::has_to_reread(&transaction, page, &self.rendering)?;
        let mut applied = Applied { dropped_entries, rereading, ..Applied::default() };
        progress.rereading |= rereading;
        for kind in level::state_kinds(page) {
            // Before the items: those of this page are told for the new level.
            make_old(&transaction, kind, progress.generation)?;
            progress.rebuilding = true;
        }
        for item in &page.items {
            apply_item(&transaction, item, progress.generation)?;
        }
        for entry in &page.entries {
            apply_entry(&transaction, entry, &self.rendering, &mut applied)?;
        }
        for gap in &page.gaps {
            apply_gap(&transaction, gap)?;
        }
        if page.complete && progress.rebuilding {
            applied.swept = sweep(&transaction, progress.generation)?;
            progress.rebuilding = false;
        }
        if page.messages_gap {
            // After the sweep: what ends with this page was begun before the gap.
            make_old(&transaction, kind::CONVERSATIONS, progress.generation)?;
            progress.rebuilding = true;
            progress.repairing = true;
        }
        progress.snapshot = page.snapshot.to_vec();
        write_progress(&transaction, &progress, applied.conflicts.len())?;
        transaction.commit()?;
        Ok(Outcome::Applied(applied))
    }
}

fn brings_nothing(page: &Page) -> bool {
    page.snapshot.is_empty()
        && page.items.is_empty()
        && page.entries.is_empty()
        && page.gaps.is_empty()
        && page.rebuild.is_none()
        && !page.complete
        && !page.messages_gap
        && page.level_changed.is_none()
        && page.valid.is_empty()
        && !page.valid_complete
}

fn admit(progress: &Progress, page: &Page, cause: PageCause) -> Admission {
    let continues = page.base == base_of(&progress.snapshot);
    let begins_anew = page.rebuild.is_some() || page.messages_gap || page.level_changed.is_some();
    if begins_anew && cause == PageCause::Push {
        Admission::Discard(DiscardReason::NotAsked)
    } else if brings_nothing(page) && continues && !progress.snapshot.is_empty() {
        Admission::NothingNew
    } else if page.snapshot.is_empty() {
        Admission::Discard(DiscardReason::NoSnapshot)
    } else if page.rebuild.is_some() && !(continues && progress.rebuilding && !page.base.is_empty()) {
        // A later page of the rebuild under way may repeat the mark; one that continues nothing starts it anew.
        Admission::BeginRebuild
    } else if continues {
        Admission::Continue
    } else {
        Admission::Discard(DiscardReason::BaseMismatch)
    }
}

fn read_progress(transaction: &Transaction<'_>) -> Result<Progress, StoreError> {
    let mut statement = transaction
        .prepare_cached("SELECT snapshot, generation, rebuilding, repairing, rereading FROM progress")?;
    let progress = statement.query_row([], |row| {
        Ok(Progress {
            snapshot: row.get(0)?,
            generation: row.get(1)?,
            rebuilding: row.get(2)?,
            repairing: row.get(3)?,
            rereading: row.get(4)?,
        })
    })?;
    Ok(progress)
}

fn write_progress(
    transaction: &Transaction<'_>,
    progress: &Progress,
    conflicts: usize,
) -> Result<(), StoreError> {
    transaction
        .prepare_cached(
            "UPDATE progress SET snapshot = ?1, generation = ?2, rebuilding = ?3, repairing = ?4,
             conflicts = conflicts + ?5, rereading = ?6",
        )?
        .execute(params![
            progress.snapshot,
            progress.generation,
            progress.rebuilding,
            progress.repairing,
            conflicts as i64,
            progress.rereading
        ])?;
    Ok(())
}

fn apply_item(transaction: &Transaction<'_>, item: &Item, generation: i64) -> Result<(), StoreError> {
    if item.deleted {
        transaction
            .prepare_cached("DELETE FROM items WHERE kind = ?1 AND key = ?2")?
            .execute(params![item.kind, item.key])?;
    } else {
        transaction
            .prepare_cached(
                "INSERT OR REPLACE INTO items (kind, key, value, generation) VALUES (?1, ?2, ?3, ?4)",
            )?
            .execute(params![item.kind, item.key, item.value, generation])?;
    }
    Ok(())
}

fn apply_gap(transaction: &Transaction<'_>, gap: &Gap) -> Result<(), StoreError> {
    transaction
        .prepare_cached("INSERT OR IGNORE INTO gaps (conversation, from_seq, to_seq) VALUES (?1, ?2, ?3)")?
        .execute(params![
            gap.conversation_id.cast_signed(),
            gap.from_seq.cast_signed(),
            gap.to_seq.cast_signed()
        ])?;
    Ok(())
}

/// A kind is told anew: items that are not will be swept. Items of other kinds stay as old as they are, also in the middle
/// of a rebuild.
fn make_old(transaction: &Transaction<'_>, kind: u32, generation: i64) -> Result<(), StoreError> {
    transaction
        .prepare_cached("UPDATE items SET generation = ?2 WHERE kind = ?1 AND generation > ?2")?
        .execute(params![kind, generation - 1])?;
    Ok(())
}

/// Removes the items of older generations and names them.
fn sweep(transaction: &Transaction<'_>, generation: i64) -> Result<Vec<(u32, String)>, StoreError> {
    let mut statement =
        transaction.prepare_cached("DELETE FROM items WHERE generation < ?1 RETURNING kind, key")?;
    let swept = statement.query_map([generation], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(swept.collect::<Result<_, _>>()?)
}

/// The number of conflicts ever seen is read by [`Store::conflicts`].
pub(super) fn conflicts(connection: &rusqlite::Connection) -> Result<u64, StoreError> {
    let count = connection
        .query_row("SELECT conflicts FROM progress", [], |row| row.get::<_, i64>(0))
        .optional()?
        .ok_or(StoreError::Damaged("no row of progress"))?;
    Ok(count.cast_unsigned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_page_that_brings_nothing_leaves_the_snapshot_as_it_is() {
        let mut store = Store::in_memory().unwrap();
        let nothing = |base: &[u8]| Page { base: base.to_vec().into(), ..Page::default() };
        let discarded = Outcome::Discarded(DiscardReason::NoSnapshot);
        assert_eq!(store.apply(&nothing(&[]), PageCause::Sync).unwrap(), discarded);
        let first = Page { snapshot: vec![7; 20].into(), ..Page::default() };
        store.apply(&first, PageCause::Sync).unwrap();
        let stands = store.apply(&nothing(&[7; 8]), PageCause::Sync).unwrap();
        assert_eq!(stands, Outcome::Applied(Applied::default()));
        assert_eq!(store.snapshot().unwrap(), [7; 20]);
        assert!(matches!(store.apply(&nothing(&[8; 8]), PageCause::Sync).unwrap(), Outcome::Discarded(_)));
    }

    #[test]
    fn page_whose_snapshot_cannot_be_stored_leaves_nothing() {
        let mut store = Store::in_memory().unwrap();
        let fails = "CREATE TRIGGER fails BEFORE UPDATE ON progress BEGIN SELECT RAISE(ABORT, 'no'); END";
        store.connection.execute_batch(fails).unwrap();
        let item = Item { kind: 2, key: "k".to_owned(), deleted: false, value: "{}".to_owned() };
        let entry = Entry { conversation_id: 1, seq: 1, ..Entry::default() };
        let page =
            Page { snapshot: vec![1; 20].into(), items: vec![item], entries: vec![entry], ..Page::default() };
        assert!(store.apply(&page, PageCause::Sync).is_err());
        assert_eq!(store.snapshot().unwrap(), [0; 0]);
        assert_eq!(store.items(2).unwrap(), []);
        assert_eq!(store.entry(1, 1).unwrap(), None);

        store.connection.execute_batch("DROP TRIGGER fails").unwrap();
        assert!(matches!(store.apply(&page, PageCause::Sync), Ok(Outcome::Applied(_))));
        assert_eq!(store.items(2).unwrap(), page.items);
    }
}
