//! The tables of the store and the settings of SQLite.
//!
//! Ids are unsigned 64-bit numbers on the wire and signed ones in SQLite, bit for bit; a seq stays far below 2^63.

use super::{Durability, StoreError};
use rusqlite::Connection;
use std::time::Duration;

/// Format of the file, kept in `PRAGMA user_version`.
const FORMAT: i64 = 5;

/// How long opening waits for an owner that is just ending.
const LOCK_WAIT: Duration = Duration::from_secs(2);

/// Conversations of which it is not known whether their messages are of the server's history: see `lost`. Made in older
/// files when they are opened.
const TABLE_OF_DOUBT: &str =
    "CREATE TABLE IF NOT EXISTS doubtful (conversation INTEGER PRIMARY KEY) WITHOUT ROWID;";

const TABLES: &str = "
    -- The newest stored snapshot; the generation that tells items told anew from older ones, and whether some are
    -- being told anew; whether messages that a gap left out have to be fetched by seq; whether entries that were told
    -- for another level have to be read again.
    CREATE TABLE progress (
        one INTEGER PRIMARY KEY CHECK (one = 1),
        snapshot BLOB NOT NULL,
        generation INTEGER NOT NULL,
        rebuilding INTEGER NOT NULL,
        repairing INTEGER NOT NULL,
        conflicts INTEGER NOT NULL,
        rereading INTEGER NOT NULL DEFAULT 0
    );
    INSERT INTO progress VALUES (1, x'', 0, 0, 0, 0, 0);

    CREATE TABLE lineage (
        one INTEGER PRIMARY KEY CHECK (one = 1),
        user_id INTEGER NOT NULL,
        device_id INTEGER NOT NULL,
        context INTEGER NOT NULL
    );

    CREATE TABLE sign_in (
        one INTEGER PRIMARY KEY CHECK (one = 1),
        user_id INTEGER NOT NULL,
        device_id INTEGER NOT NULL,
        token TEXT NOT NULL
    );

    -- State of every kind, whatever its number: the newest value of each item.
    CREATE TABLE items (
        kind INTEGER NOT NULL,
        key TEXT NOT NULL,
        value TEXT NOT NULL,
        generation INTEGER NOT NULL,
        PRIMARY KEY (kind, key)
    ) WITHOUT ROWID;

    -- Messages; text is null for content that this version does not know. A custom one has schema and json, and its
    -- fallback as text; a notice has notice alone. For which level and language each was told. How many up to it do not
    -- count as unread, and, if it is the user's own, the read mark that it left.
    CREATE TABLE entries (
        conversation INTEGER NOT NULL,
        seq INTEGER NOT NULL,
        sender INTEGER NOT NULL,
        sent_at_ms INTEGER NOT NULL,
        client_message_id BLOB NOT NULL,
        text TEXT,
        schema TEXT,
        json TEXT,
        rendering TEXT NOT NULL DEFAULT '1',
        notice BLOB,
        uncounted INTEGER NOT NULL DEFAULT 0,
        read_seq INTEGER NOT NULL DEFAULT 0,
        PRIMARY KEY (conversation, seq)
    ) WITHOUT ROWID;

    CREATE TABLE gaps (
        conversation INTEGER NOT NULL,
        from_seq INTEGER NOT NULL,
        to_seq INTEGER NOT NULL,
        PRIMARY KEY (conversation, from_seq, to_seq)
    ) WITHOUT ROWID;

    -- What is to be sent, in order of position; state 0 pending, 1 sent, 2 refused.
    CREATE TABLE outbox (
        position INTEGER PRIMARY KEY AUTOINCREMENT,
        client_message_id BLOB NOT NULL UNIQUE,
        day INTEGER,
        target_kind INTEGER NOT NULL,
        target_id INTEGER,
        target_name TEXT,
        text TEXT NOT NULL,
        state INTEGER NOT NULL,
        conversation INTEGER,
        seq INTEGER,
        sent_at_ms INTEGER,
        refusal_code INTEGER,
        schema TEXT,
        json TEXT,
        shown_seq INTEGER NOT NULL DEFAULT 0
    );
    CREATE INDEX outbox_pending ON outbox (position) WHERE state = 0;
";

/// From format 1, which knew texts and level 1 only.
const FROM_FORMAT_1: &str = "
    ALTER TABLE progress ADD COLUMN rereading INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE entries ADD COLUMN schema TEXT;
    ALTER TABLE entries ADD COLUMN json TEXT;
    ALTER TABLE entries ADD COLUMN rendering TEXT NOT NULL DEFAULT '1';
    ALTER TABLE outbox ADD COLUMN schema TEXT;
    ALTER TABLE outbox ADD COLUMN json TEXT;
";

/// From format 2, which knew no groups.
const FROM_FORMAT_2: &str = "ALTER TABLE entries ADD COLUMN notice BLOB;";

/// From format 3, which did not count. What was told without counts is told anew once, as for another level.
const FROM_FORMAT_3: &str = "
    ALTER TABLE entries ADD COLUMN uncounted INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE entries ADD COLUMN read_seq INTEGER NOT NULL DEFAULT 0;
    UPDATE entries SET rendering = '1';
";

/// From format 4, which did not know what was shown when a message was written.
const FROM_FORMAT_4: &str = "ALTER TABLE outbox ADD COLUMN shown_seq INTEGER NOT NULL DEFAULT 0;";

/// From each format to the next one, the oldest first.
const STEPS: [&str; FORMAT as usize - 1] = [FROM_FORMAT_1, FROM_FORMAT_2, FROM_FORMAT_3, FROM_FORMAT_4];

/// Makes a connection ready: sole owner, write-ahead log, tables of this format.
pub(super) fn prepare(mut connection: Connection, durability: Durability) -> Result<Connection, StoreError> {
    connection.busy_timeout(LOCK_WAIT)?;
    // One owner per file, held by the operating system's lock, so that a killed process leaves nothing behind.
    connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    let synchronous = match durability {
        Durability::PowerLoss => "FULL",
        Durability::ProcessKill => "OFF",
    };
    connection.pragma_update(None, "synchronous", synchronous)?;
    create_tables(&mut connection)?;
    Ok(connection)
}

fn create_tables(connection: &mut Connection) -> Result<(), StoreError> {
    let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    let found: i64 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if !(0..=FORMAT).contains(&found) {
        return Err(StoreError::Newer { found, newest: FORMAT });
    }
    match usize::try_from(found).ok().and_then(|found| found.checked_sub(1)) {
        None => transaction.execute_batch(TABLES)?,
        Some(done) => transaction.execute_batch(&STEPS[done..].concat())?,
    }
    transaction.pragma_update(None, "user_version", FORMAT)?;
    transaction.execute_batch(TABLE_OF_DOUBT)?;
    transaction.commit()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn settings(durability: Durability) -> (String, i64) {
        let path = std::env::temp_dir().join(format!("highwater-schema-{:032x}", rand::random::<u128>()));
        let connection = prepare(Connection::open(&path).unwrap(), durability).unwrap();
        let journal = connection.pragma_query_value(None, "journal_mode", |row| row.get(0)).unwrap();
        let synchronous = connection.pragma_query_value(None, "synchronous", |row| row.get(0)).unwrap();
        drop(connection);
        std::fs::remove_file(path).unwrap();
        (journal, synchronous)
    }

    #[test]
    fn commits_are_synced_unless_told_otherwise() {
        const OFF: i64 = 0;
        const FULL: i64 = 2;
        assert_eq!(settings(Durability::default()), ("wal".to_owned(), FULL));
        assert_eq!(settings(Durability::ProcessKill), ("wal".to_owned(), OFF));
    }

    /// The tables that a release before levels made, as far as they were changed since.
    const FORMAT_1: &str = "
        CREATE TABLE progress (one INTEGER PRIMARY KEY CHECK (one = 1), snapshot BLOB NOT NULL,
            generation INTEGER NOT NULL, rebuilding INTEGER NOT NULL, repairing INTEGER NOT NULL,
            conflicts INTEGER NOT NULL);
        INSERT INTO progress VALUES (1, x'0102', 0, 0, 0, 0);
        CREATE TABLE entries (conversation INTEGER NOT NULL, seq INTEGER NOT NULL, sender INTEGER NOT NULL,
            sent_at_ms INTEGER NOT NULL, client_message_id BLOB NOT NULL, text TEXT,
            PRIMARY KEY (conversation, seq)) WITHOUT ROWID;
        INSERT INTO entries VALUES (5, 1, 7, 8, x'', 'hi');
        CREATE TABLE outbox (position INTEGER PRIMARY KEY AUTOINCREMENT, client_message_id BLOB NOT NULL UNIQUE,
            day INTEGER, target_kind INTEGER NOT NULL, target_id INTEGER, target_name TEXT, text TEXT NOT NULL,
            state INTEGER NOT NULL, conversation INTEGER, seq INTEGER, sent_at_ms INTEGER, refusal_code INTEGER);
        INSERT INTO outbox (client_message_id, target_kind, target_id, text, state)
            VALUES (x'000102030405060708090a0b0c0d0e0f', 2, 9, 'waits', 0);
        PRAGMA user_version = 1;
    ";

    #[test]
    fn a_store_from_before_levels_is_taken_over() {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(FORMAT_1).unwrap();
        let connection = prepare(connection, Durability::PowerLoss).unwrap();
        let mut store = crate::Store { connection, rendering: crate::store::rendering_of(1, "") };
        let notice = highwater_wire::proto::Notice { by: "Ann".to_owned(), ..Default::default() };
        let content = Some(highwater_wire::proto::entry::Content::Notice(notice));
        let told = highwater_wire::proto::Entry { conversation_id: 5, seq: 2, content, ..Default::default() };
        store.add_entries(std::slice::from_ref(&told)).unwrap();
        assert_eq!(store.entry(5, 2).unwrap(), Some(told), "it has room for notices");
        let entry = store.entry(5, 1).unwrap().unwrap();
        assert_eq!(entry.content, Some(highwater_wire::proto::entry::Content::Text("hi".to_owned())));
        assert_eq!(store.snapshot().unwrap(), [1, 2]);
        let pending = store.pending_after(0, 9).unwrap();
        assert_eq!(pending.iter().map(|message| &message.content).collect::<Vec<_>>(), [&"waits".into()]);
        assert!(!store.rereading().unwrap());
    }

    #[test]
    fn newer_format_is_refused() {
        let connection = Connection::open_in_memory().unwrap();
        connection.pragma_update(None, "user_version", FORMAT + 1).unwrap();
        let refused = prepare(connection, Durability::PowerLoss);
        assert!(matches!(refused, Err(StoreError::Newer { found, .. }) if found == FORMAT + 1));
    }
}
