//! The channels that everybody follows: all of them in one row, which is small and read for every new user.
//!
//! ```text
//! broadcasts = count, then of each: channel, version since which it is one, byte whether users are left, user if so
//! ```

use super::{
    accounts,
    field::{Input, Malformed, put_fixed64, put_number},
    keys::{self, Key},
    view::View,
    view_fault::ReadFault,
};
use crate::model::{Broadcast, Broadcasts, UserId};

/// Key of the row.
#[must_use]
pub fn key() -> Vec<u8> {
    Key::of(keys::BROADCASTS).done()
}

/// Writes the row.
pub fn encode(out: &mut Vec<u8>, rows: &Broadcasts) {
    put_number(out, rows.0.len() as u64);
    for row in &rows.0 {
        put_fixed64(out, row.channel.0);
        put_number(out, row.begun.0);
        out.push(u8::from(row.left_after.is_some()));
        if let Some(user) = row.left_after {
            put_fixed64(out, user.0);
        }
    }
}

/// Reads the row.
///
/// # Errors
/// When the bytes are not such a row.
pub fn decode(input: &mut Input<'_>) -> Result<Broadcasts, Malformed> {
    let count = input.number()?;
    (0..count).map(|_| decode_one(input)).collect::<Result<_, _>>().map(Broadcasts)
}

fn decode_one(input: &mut Input<'_>) -> Result<Broadcast, Malformed> {
    let (channel, begun) = (input.conversation()?, input.version()?);
    let left_after = match input.byte("users who are left")? {
        0 => None,
        1 => Some(input.user()?),
        tag => return Err(Malformed::Unknown { what: "users who are left", tag: u64::from(tag) }),
    };
    Ok(Broadcast { channel, begun, left_after })
}

impl View {
    /// The channels that everybody follows.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn broadcasts(&self) -> Result<Broadcasts, ReadFault> {
        match self.pin.broadcasts() {
            Some(rows) => Ok(rows),
            None => Ok(self.row(&key(), decode)?.unwrap_or_default()),
        }
    }

    /// Users behind this one in the order of ids, as the index has them, at most `max`. Who is in none of its rows was made
    /// after everything that it has, or is erased.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn users_after(&self, after: UserId, max: usize) -> Result<Vec<UserId>, ReadFault> {
        let rows = self.rows_after(keys::ACCOUNT, Some(after.0), max, accounts::decode)?;
        Ok(rows.into_iter().map(|account| account.user).collect())
    }
}
