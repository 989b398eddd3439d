//! API keys: all of them in one row, which is small and read by every request of a key.

use super::{
    field::{Input, Malformed, put_bytes, put_fixed64, put_number, put_time},
    keys::{self, Key},
};
use crate::model::{
    ApiKeyId, TimeMs, UserId,
    api_key::{ActsFor, ApiKey, ApiKeys, Scopes},
};

/// For whom a key acts.
const MADE: u8 = 0;
const USERS: u8 = 1;
const ALL: u8 = 2;

/// Key of the row.
#[must_use]
pub fn key() -> Vec<u8> {
    Key::of(keys::API_KEYS).done()
}

/// Writes the row.
pub fn encode(out: &mut Vec<u8>, keys: &ApiKeys) {
    put_number(out, keys.0.len() as u64);
    for key in &keys.0 {
        put_fixed64(out, key.id.0);
        put_bytes(out, key.name.as_bytes());
        out.extend_from_slice(&key.secret);
        out.push(key.scopes.0);
        match &key.acts_for {
            ActsFor::Made => out.push(MADE),
            ActsFor::Users(users) => {
                out.push(USERS);
                put_number(out, users.len() as u64);
                users.iter().for_each(|user| put_fixed64(out, user.0));
            }
            ActsFor::All => out.push(ALL),
        }
        put_time(out, key.created);
        put_optional_time(out, key.expires);
        put_optional_time(out, key.used);
    }
}

/// Reads the row.
///
/// # Errors
/// When the bytes are not API keys.
pub fn decode(input: &mut Input<'_>) -> Result<ApiKeys, Malformed> {
    let count = input.number()?;
    (0..count).map(|_| decode_one(input)).collect::<Result<_, _>>().map(ApiKeys)
}

fn decode_one(input: &mut Input<'_>) -> Result<ApiKey, Malformed> {
    Ok(ApiKey {
        id: ApiKeyId(input.fixed64("API key")?),
        name: input.text("name of an API key")?,
        secret: input.array("secret of an API key")?,
        scopes: Scopes(input.byte("scopes")?),
        acts_for: match input.byte("acts for")? {
            MADE => ActsFor::Made,
            USERS => {
                let count = input.number()?;
                ActsFor::Users((0..count).map(|_| input.user()).collect::<Result<Vec<UserId>, _>>()?)
            }
            ALL => ActsFor::All,
            tag => return Err(Malformed::Unknown { what: "acts for", tag: u64::from(tag) }),
        },
        created: input.time()?,
        expires: optional_time(input)?,
        used: optional_time(input)?,
    })
}

fn put_optional_time(out: &mut Vec<u8>, time: Option<TimeMs>) {
    out.push(u8::from(time.is_some()));
    if let Some(time) = time {
        put_time(out, time);
    }
}

fn optional_time(input: &mut Input<'_>) -> Result<Option<TimeMs>, Malformed> {
    Ok(if input.byte("time")? == 0 { None } else { Some(input.time()?) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::api_key::{API_KEY_NAME_BYTES_MAX, API_KEY_USERS_MAX, API_KEYS_MAX, Scope},
        store::engine::MAX_VALUE_BYTES,
    };

    #[test]
    fn as_many_keys_as_there_may_be_fit_one_row() {
        let longest = ApiKey {
            id: ApiKeyId(u64::MAX),
            name: "x".repeat(API_KEY_NAME_BYTES_MAX),
            secret: [u8::MAX; 32],
            scopes: Scope::ALL.into_iter().fold(Scopes::default(), Scopes::with),
            acts_for: ActsFor::Users(vec![UserId(u64::MAX); API_KEY_USERS_MAX]),
            created: TimeMs(i64::MAX),
            expires: Some(TimeMs(i64::MAX)),
            used: Some(TimeMs(i64::MIN)),
        };
        let keys = ApiKeys(vec![longest; API_KEYS_MAX]);
        let mut row = Vec::new();
        encode(&mut row, &keys);
        assert!(row.len() <= MAX_VALUE_BYTES, "{} bytes", row.len());
        assert_eq!(decode(&mut Input::new(&row)).ok(), Some(keys));
    }
}
