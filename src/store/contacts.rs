//! What users have of each other, as it is stored: within items where there is more than a name, and a row of counts.
//!
//! ```text
//! contact = user, name, standing byte, blocked byte, remark, number of labels, label…
//! tally   = user, number of blocked
//! ```

use super::{
    field::{Input, Malformed, put_bytes, put_fixed64, put_number},
    keys::{self, Key},
};
use crate::model::{Contact, ContactTally, Standing, UserId, limits::LABELS_MAX};

const CONTACT: u8 = 0;
const STRANGER: u8 = 1;

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
    });
    out.push(u8::from(contact.is_blocked));
    put_bytes(out, contact.remark.as_bytes());
    put_number(out, contact.labels.len() as u64);
    for label in &contact.labels {
        put_bytes(out, label.as_bytes());
    }
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
    Ok(Contact { user, name, standing, is_blocked, remark, labels })
}

/// Writes what is counted.
pub fn encode_tally(out: &mut Vec<u8>, tally: &ContactTally) {
    put_fixed64(out, tally.user.0);
    put_number(out, u64::from(tally.blocked));
}

/// Reads what is counted.
///
/// # Errors
/// When the bytes are not that.
pub fn decode_tally(input: &mut Input<'_>) -> Result<ContactTally, Malformed> {
    let user = input.user()?;
    let blocked = u32::try_from(input.number()?).map_err(|_| Malformed::Truncated("number of blocked"))?;
    Ok(ContactTally { user, blocked })
}
