//! What users have of each other, as it is stored: within items where there is more than a name, and a row of counts.
//!
//! ```text
//! contact = user, name, standing byte, blocked byte, remark, number of labels, label…, greeting, time asked
//! with a profile = contact, display name, avatar
//! tally   = user, number of blocked, day, number asked on it, number of waiting, waiting…
//! waiting = user, time                               (oldest first)
//! ```

use super::{
    field::{Input, Malformed, put_bytes, put_fixed64, put_number, put_time},
    keys::{self, Key},
};
use crate::model::{
    Contact, ContactTally, Day, Standing, UserId,
    limits::{LABELS_MAX, REQUESTS_WAITING_MAX},
};

const CONTACT: u8 = 0;
const STRANGER: u8 = 1;
const ASKED: u8 = 2;
const ASKED_BY: u8 = 3;
const ERASED: u8 = 4;

/// Key of what is counted.
#[must_use]
pub fn tally_key(user: UserId) -> Vec<u8> {
    Key::of(keys::CONTACT_TALLY).u64(user.0).done()
}

/// Writes what a user has of another.
pub fn encode(out: &mut Vec<u8>, contact: &Contact) {
    put_fixed64(out, contact.user.0);
    put_bytes(out, contact.name.as_bytes());
    out.push(match contact.standing {
        Standing::Contact => CONTACT,
        Standing::Stranger => STRANGER,
        Standing::Asked => ASKED,
        Standing::AskedBy => ASKED_BY,
        Standing::Erased => ERASED,
    });
    out.push(u8::from(contact.is_blocked));
    put_bytes(out, contact.remark.as_bytes());
    put_number(out, contact.labels.len() as u64);
    for label in &contact.labels {
        put_bytes(out, label.as_bytes());
    }
    put_bytes(out, contact.greeting.as_bytes());
    put_time(out, contact.asked_at);
}

/// Reads what a user has of another.
///
/// # Errors
/// When the bytes are not that, or of a newer format.
pub fn decode(input: &mut Input<'_>) -> Result<Contact, Malformed> {
    let (user, name) = (input.user()?, input.text("name")?);
    let standing = match input.byte("standing")? {
        CONTACT => Standing::Contact,
        STRANGER => Standing::Stranger,
        ASKED => Standing::Asked,
        ASKED_BY => Standing::AskedBy,
        ERASED => Standing::Erased,
        tag => return Err(Malformed::Unknown { what: "standing", tag: u64::from(tag) }),
    };
    let is_blocked = match input.byte("block")? {
        0 => false,
        1 => true,
        tag => return Err(Malformed::Unknown { what: "block", tag: u64::from(tag) }),
    };
    let remark = input.text("remark")?;
    let count = input.number()?;
    if count > LABELS_MAX as u64 {
        return Err(Malformed::Unknown { what: "number of labels", tag: count });
    }
    let labels = (0..count).map(|_| input.text("label")).collect::<Result<_, Malformed>>()?;
    let (greeting, asked_at) = (input.text("greeting")?, input.time()?);
    let plain = Contact::stranger(user, name);
    Ok(Contact { standing, is_blocked, remark, labels, greeting, asked_at, ..plain })
}

/// Writes what a user has of another who shows more than a name.
pub fn encode_with_profile(out: &mut Vec<u8>, contact: &Contact) {
    encode(out, contact);
    put_bytes(out, contact.display_name.as_bytes());
    put_bytes(out, contact.avatar.as_bytes());
}

/// Reads what a user has of another who shows more than a name.
///
/// # Errors
/// When the bytes are not that, or of a newer format.
pub fn decode_with_profile(input: &mut Input<'_>) -> Result<Contact, Malformed> {
    let contact = decode(input)?;
    let (display_name, avatar) = (input.text("display name")?, input.text("avatar")?);
    Ok(Contact { display_name, avatar, ..contact })
}

/// Writes what is counted.
pub fn encode_tally(out: &mut Vec<u8>, tally: &ContactTally) {
    put_fixed64(out, tally.user.0);
    put_number(out, u64::from(tally.blocked));
    put_number(out, u64::from(tally.asked_on.0));
    put_number(out, u64::from(tally.asked));
    put_number(out, tally.waiting.len() as u64);
    for (user, at) in &tally.waiting {
        put_fixed64(out, user.0);
        put_time(out, *at);
    }
}

/// Reads what is counted.
///
/// # Errors
/// When the bytes are not that.
pub fn decode_tally(input: &mut Input<'_>) -> Result<ContactTally, Malformed> {
    let user = input.user()?;
    let blocked = small(input, "number of blocked")?;
    let (asked_on, asked) = (Day(small(input, "day")?), small(input, "number asked")?);
    let count = input.number()?;
    if count > REQUESTS_WAITING_MAX as u64 {
        return Err(Malformed::Unknown { what: "number of waiting", tag: count });
    }
    let waiting = (0..count).map(|_| Ok((input.user()?, input.time()?))).collect::<Result<_, Malformed>>()?;
    Ok(ContactTally { user, blocked, asked_on, asked, waiting })
}

fn small(input: &mut Input<'_>, what: &'static str) -> Result<u32, Malformed> {
    u32::try_from(input.number()?).map_err(|_| Malformed::Truncated(what))
}
