//! After the server's store has lost something: what of the messages here is still of its history, and what goes.
//!
//! A rebuild notes the conversations that are held. Each that is named keeps its messages up to a seq; when all were
//! named that may keep any, the messages of the others go. The note is durable, so a client that is cut off in the middle
//! goes on with the next page. What is in the outbox stays, and is sent again.

use super::StoreError;
use highwater_wire::proto::{Page, Valid};
use rusqlite::{Transaction, params};

/// A rebuild begins: nothing here was named yet.
pub(super) fn doubt_everything(transaction: &Transaction<'_>) -> Result<(), StoreError> {
    transaction.execute("DELETE FROM doubtful", [])?;
    transaction.execute("INSERT INTO doubtful SELECT DISTINCT conversation FROM entries", [])?;
    Ok(())
}

/// Drops what a page says is not of this history. Returns how many entries went.
pub(super) fn drop_lost(transaction: &Transaction<'_>, page: &Page) -> Result<usize, StoreError> {
    let mut dropped = 0;
    for valid in &page.valid {
        dropped += drop_above(transaction, valid)?;
    }
    if page.valid_complete {
        dropped += transaction
            .execute("DELETE FROM entries WHERE conversation IN (SELECT conversation FROM doubtful)", [])?;
        transaction
            .execute("DELETE FROM gaps WHERE conversation IN (SELECT conversation FROM doubtful)", [])?;
        // What is no longer there was not sent, as far as this history goes.
        transaction.execute(
            "DELETE FROM outbox WHERE state = 1 AND conversation IN (SELECT conversation FROM doubtful)",
            [],
        )?;
        transaction.execute("DELETE FROM doubtful", [])?;
    }
    Ok(dropped)
}

fn drop_above(transaction: &Transaction<'_>, valid: &Valid) -> Result<usize, StoreError> {
    let place = params![valid.conversation_id.cast_signed(), valid.seq.cast_signed()];
    let dropped = transaction
        .prepare_cached("DELETE FROM entries WHERE conversation = ?1 AND seq > ?2")?
        .execute(place)?;
    for sql in [
        "DELETE FROM gaps WHERE conversation = ?1 AND to_seq > ?2",
        "DELETE FROM outbox WHERE state = 1 AND conversation = ?1 AND seq > ?2",
    ] {
        transaction.prepare_cached(sql)?.execute(place)?;
    }
    transaction
        .prepare_cached("DELETE FROM doubtful WHERE conversation = ?1")?
        .execute([valid.conversation_id.cast_signed()])?;
    Ok(dropped)
}
