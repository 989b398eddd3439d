//! The local store of one lineage: one SQLite file that holds the snapshot and all that was told up to it.
//!
//! `schema` makes the tables, `apply` takes pages, `entries` what is read by range, `level` knows what a change of level makes due, `outbox` keeps what is to be sent, `read` shows what is there,
//! `thread` gives the store a thread of its own. A file has one owner: opening it a second time fails.

mod apply;
mod content;
mod entries;
mod level;
mod lost;
mod outbox;
mod read;
mod schema;
pub(crate) mod thread;
mod unread;

pub use apply::{Applied, DiscardReason, Outcome, PageCause};
pub use outbox::{OUTBOX_PENDING_MAX, OutboxMessage, PutOutcome, SendState};

use highwater_wire::proto::SignedIn;
use rusqlite::{Connection, OptionalExtension, params};
use std::path::Path;

/// Why the store failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// SQLite says no: disk, lock or damage.
    #[error("sqlite failed")]
    Sqlite(#[from] rusqlite::Error),
    /// A newer version of this crate wrote the file.
    #[error("the store has format {found}, this version reads up to {newest}")]
    Newer {
        /// The format of the file.
        found: i64,
        /// The newest format known.
        newest: i64,
    },
    /// The file holds what this crate never writes.
    #[error("the store is damaged: {0}")]
    Damaged(&'static str),
}

/// What a returned call of the store survives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    /// Loss of power; what the protocol asks of a client.
    #[default]
    PowerLoss,
    /// The end of the process at any moment, but not loss of power: for tests that only kill processes.
    ProcessKill,
}

/// One independent chain of snapshots.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lineage {
    /// The account.
    pub user_id: u64,
    /// The device.
    pub device_id: u64,
    /// Which chain of the device: an app is 0, its push extension another.
    pub context: u32,
}

/// The local store of one lineage.
#[derive(Debug)]
pub struct Store {
    connection: Connection,
    /// For which level and language entries are told at present.
    rendering: String,
}

impl Store {
    /// Opens or creates the store of a file, safe against loss of power.
    ///
    /// # Errors
    /// When the file cannot be opened, is in use by another owner, or is of a newer format.
    pub fn open(path: impl AsRef<Path>) -> Result<Store, StoreError> {
        Store::open_with(path, Durability::PowerLoss)
    }

    /// Opens or creates the store of a file with the durability given.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn open_with(path: impl AsRef<Path>, durability: Durability) -> Result<Store, StoreError> {
        Store::prepared(Connection::open(path)?, durability)
    }

    /// A store that ends with this value: for tests.
    ///
    /// # Errors
    /// When SQLite has no memory.
    pub fn in_memory() -> Result<Store, StoreError> {
        Store::prepared(Connection::open_in_memory()?, Durability::ProcessKill)
    }

    fn prepared(connection: Connection, durability: Durability) -> Result<Store, StoreError> {
        let connection = schema::prepare(connection, durability)?;
        Ok(Store { connection, rendering: rendering_of(1, "") })
    }

    /// From here on entries are told for this level and language, until the next call: of the greeting, and of the options
    /// of the client. A store that was just opened expects level 1.
    pub fn render_for(&mut self, level: u32, locale: &str) {
        self.rendering = rendering_of(level, locale);
    }

    /// The lineage that the store belongs to; none before the first greeting.
    ///
    /// # Errors
    /// When SQLite fails.
    pub fn lineage(&self) -> Result<Option<Lineage>, StoreError> {
        let sql = "SELECT user_id, device_id, context FROM lineage";
        let row = self.connection.query_row(sql, [], |row| {
            Ok(Lineage {
                user_id: row.get::<_, i64>(0)?.cast_unsigned(),
                device_id: row.get::<_, i64>(1)?.cast_unsigned(),
                context: row.get(2)?,
            })
        });
        Ok(row.optional()?)
    }

    /// Binds a store without lineage to this one, durably; otherwise changes nothing. Returns the store's lineage.
    ///
    /// # Errors
    /// When SQLite fails.
    pub fn bind(&mut self, lineage: Lineage) -> Result<Lineage, StoreError> {
        if let Some(bound) = self.lineage()? {
            return Ok(bound);
        }
        self.connection.execute(
            "INSERT INTO lineage (one, user_id, device_id, context) VALUES (1, ?1, ?2, ?3)",
            params![lineage.user_id.cast_signed(), lineage.device_id.cast_signed(), lineage.context],
        )?;
        Ok(lineage)
    }

    /// Keeps the device token beside the data, so that the next start needs no password. The file is as secret
    /// as the token then.
    ///
    /// # Errors
    /// When SQLite fails.
    pub fn remember_sign_in(&mut self, signed_in: &SignedIn) -> Result<(), StoreError> {
        self.connection.execute(
            "INSERT OR REPLACE INTO sign_in (one, user_id, device_id, token) VALUES (1, ?1, ?2, ?3)",
            params![signed_in.user_id.cast_signed(), signed_in.device_id.cast_signed(), signed_in.token],
        )?;
        Ok(())
    }

    /// What [`Store::remember_sign_in`] kept.
    ///
    /// # Errors
    /// When SQLite fails.
    pub fn remembered_sign_in(&self) -> Result<Option<SignedIn>, StoreError> {
        let sql = "SELECT user_id, device_id, token FROM sign_in";
        let row = self.connection.query_row(sql, [], |row| {
            Ok(SignedIn {
                user_id: row.get::<_, i64>(0)?.cast_unsigned(),
                device_id: row.get::<_, i64>(1)?.cast_unsigned(),
                token: row.get(2)?,
            })
        });
        Ok(row.optional()?)
    }
}

/// How the level and language of an entry are kept.
fn rendering_of(level: u32, locale: &str) -> String {
    format!("{level} {locale}").trim_end().to_owned()
}
