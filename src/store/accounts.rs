//! Accounts: the row of each user, and names.

use super::{
    field::{Input, Malformed, put_bytes, put_fixed64, put_number, put_optional_text, put_time},
    keys::{self, Key},
    profiles,
};
use crate::model::{ApiKeyId, Profile, Strangers, UserId, record::Account};

/// Bits of the byte behind an account's devices: suspended, a bot, made by an API key, with a profile, and what the user has said of strangers. The id of the key
/// follows, and then the profile.
const SUSPENDED: u8 = 1;
const BOT: u8 = 2;
const MADE_BY_KEY: u8 = 4;
const PROFILE: u8 = 8;
const STRANGERS_WRITE: u8 = 16;
const STRANGERS_ASK: u8 = 32;

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
    let bit = |is: bool, bit: u8| if is { bit } else { 0 };
    let made_by_key = bit(account.made_by.is_some(), MADE_BY_KEY);
    let strangers = match account.strangers {
        None => 0,
        Some(Strangers::Write) => STRANGERS_WRITE,
        Some(Strangers::Ask) => STRANGERS_ASK,
    };
    let profile = bit(account.profile != Profile::default(), PROFILE);
    out.push(bit(account.suspended, SUSPENDED) | bit(account.bot, BOT) | made_by_key | profile | strangers);
    if let Some(key) = account.made_by {
        put_fixed64(out, key.0);
    }
    if profile != 0 {
        profiles::encode(out, &account.profile);
        put_time(out, account.profile.paced);
    }
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
    let bits = input.byte("suspended account")?;
    let (suspended, bot) = (bits & SUSPENDED != 0, bits & BOT != 0);
    let made_by =
        if bits & MADE_BY_KEY == 0 { None } else { Some(ApiKeyId(input.fixed64("key of an account")?)) };
    let mut profile = Profile::default();
    if bits & PROFILE != 0 {
        profile = profiles::decode(input)?;
        profile.paced = input.time()?;
    }
    let strangers = match bits & (STRANGERS_WRITE | STRANGERS_ASK) {
        0 => None,
        STRANGERS_WRITE => Some(Strangers::Write),
        _ => Some(Strangers::Ask),
    };
    Ok(Account { user, name, password, created, devices, suspended, bot, made_by, profile, strangers })
}
