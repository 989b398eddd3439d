//! Accounts: the row of each user, and names.

use super::{
    field::{Input, Malformed, put_bytes, put_fixed64, put_number, put_optional_text, put_time},
    keys::{self, Key},
};
use crate::model::{UserId, record::Account};

/// Key of a user's row.
#[must_use]
pub fn key(user: UserId) -> Vec<u8> {
    Key::of(keys::ACCOUNT).u64(user.0).done()
}

/// Key of a name's row; `name_key` is the form by which names are unique.
#[must_use]
pub fn name_row_key(name_key: &str) -> Vec<u8> {
    Key::of(keys::NAME).bytes(name_key.as_bytes()).done()
}

/// Writes a row.
pub fn encode(out: &mut Vec<u8>, account: &Account) {
    put_fixed64(out, account.user.0);
    put_bytes(out, account.name.as_bytes());
    put_optional_text(out, account.password.as_deref());
    put_time(out, account.created);
    put_number(out, account.devices.len() as u64);
    for device in &account.devices {
        put_fixed64(out, device.0);
    }
    out.push(u8::from(account.suspended));
}

/// Reads a row.
///
/// # Errors
/// When the bytes are not an account.
pub fn decode(input: &mut Input<'_>) -> Result<Account, Malformed> {
    let user = input.user()?;
    let name = input.text("account name")?;
    let password = input.optional_text("password")?;
    let created = input.time()?;
    let count = input.number()?;
    let devices = (0..count).map(|_| input.device()).collect::<Result<_, _>>()?;
    let suspended = input.byte("suspended account")? != 0;
    Ok(Account { user, name, password, created, devices, suspended })
}
