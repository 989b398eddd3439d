//! Items of the state kinds: the newest value of each, in version order, and the version of each by key.

use super::{
    channels, contacts,
    field::{Input, Malformed, put_bytes, put_fixed64, put_number},
    groups,
    keys::{self, Key},
    profiles, readings,
};
use crate::model::{
    Contact, Kind, Profile, Strangers, UserId, Version,
    record::{Item, ItemValue},
};

/// Key of an item's value.
#[must_use]
pub fn key(user: UserId, kind: Kind, version: Version) -> Vec<u8> {
    Key::of(keys::ITEM).u64(user.0).u8(kind.0).u64(version.0).done()
}

/// Key of an item's version.
#[must_use]
pub fn version_key(user: UserId, kind: Kind, item: &str) -> Vec<u8> {
    Key::of(keys::ITEM_VERSION).u64(user.0).u8(kind.0).bytes(item.as_bytes()).done()
}

/// Of whom an item is, if it is one of kind contacts.
#[must_use]
pub fn contact_of_key(kind: Kind, item: &str) -> Option<UserId> {
    let is_contact = u32::from(kind.0) == highwater_wire::kind::CONTACTS;
    item.parse().ok().filter(|_| is_contact).map(UserId)
}

/// Writes an item.
pub fn encode(out: &mut Vec<u8>, item: &Item) {
    out.push(item.kind.0);
    put_bytes(out, item.key.as_bytes());
    put_number(out, item.version.0);
    match &item.value {
        None => out.push(0),
        Some(ItemValue::Account { user, name, profile }) => {
            let has_profile = **profile != Profile::default();
            out.push(if has_profile { 52 } else { 1 });
            put_fixed64(out, user.0);
            put_bytes(out, name.as_bytes());
            if has_profile {
                profiles::encode(out, profile);
            }
        }
        Some(ItemValue::Contact(contact)) if contact.is_plain() => {
            out.push(2);
            put_fixed64(out, contact.user.0);
            put_bytes(out, contact.name.as_bytes());
        }
        Some(ItemValue::Contact(contact)) if contact.has_profile() => {
            out.push(51);
            contacts::encode_with_profile(out, contact);
        }
        Some(ItemValue::Contact(contact)) => {
            out.push(60);
            contacts::encode(out, contact);
        }
        Some(ItemValue::Conversation { conversation, peer }) => {
            out.push(3);
            put_fixed64(out, conversation.0);
            put_fixed64(out, peer.0);
        }
        Some(ItemValue::Document(document)) => {
            out.push(4);
            put_bytes(out, document.as_bytes());
        }
        Some(ItemValue::Reading(reading)) => {
            out.push(80);
            readings::encode(out, reading);
        }
        Some(ItemValue::Privacy { hides_read }) => {
            out.push(81);
            out.push(u8::from(*hides_read));
        }
        Some(ItemValue::Strangers(strangers)) => {
            out.push(53);
            out.push(u8::from(*strangers == Strangers::Ask));
        }
        Some(ItemValue::Group { group, name, role, since, form }) => {
            out.push(40);
            put_fixed64(out, group.0);
            put_bytes(out, name.as_bytes());
            out.push(groups::role_tag(*role));
            put_number(out, since.0);
            out.push(channels::form_tag(*form));
        }
    }
}

/// Reads an item.
///
/// # Errors
/// When the bytes are not an item, or one of a newer format.
pub fn decode(input: &mut Input<'_>) -> Result<Item, Malformed> {
    let kind = Kind(input.byte("kind")?);
    let key = input.text("item key")?;
    let version = input.version()?;
    let value = match input.byte("item value")? {
        0 => None,
        1 => Some(account(input.user()?, input.text("name")?, Profile::default())),
        2 => Some(ItemValue::Contact(Box::new(Contact::plain(input.user()?, input.text("name")?)))),
        3 => Some(ItemValue::Conversation { conversation: input.conversation()?, peer: input.user()? }),
        4 => Some(ItemValue::Document(input.text("document")?)),
        40 => Some(ItemValue::Group {
            group: input.conversation()?,
            name: input.text("group name")?,
            role: groups::take_role(input)?,
            since: input.seq()?,
            form: channels::take_form(input)?,
        }),
        51 => Some(ItemValue::Contact(Box::new(contacts::decode_with_profile(input)?))),
        52 => Some(account(input.user()?, input.text("name")?, profiles::decode(input)?)),
        53 if is_set(input, "strangers")? => Some(ItemValue::Strangers(Strangers::Ask)),
        53 => Some(ItemValue::Strangers(Strangers::Write)),
        60 => Some(ItemValue::Contact(Box::new(contacts::decode(input)?))),
        80 => Some(ItemValue::Reading(Box::new(readings::decode(input)?))),
        81 => Some(ItemValue::Privacy { hides_read: is_set(input, "privacy")? }),
        tag => {
            return Err(Malformed::Unknown { what: "item value", tag: u64::from(tag) });
        }
    };
    Ok(Item { kind, key, version, value })
}

fn account(user: UserId, name: String, profile: Profile) -> ItemValue {
    ItemValue::Account { user, name, profile: Box::new(profile) }
}

fn is_set(input: &mut Input<'_>, what: &'static str) -> Result<bool, Malformed> {
    match input.byte(what)? {
        0 => Ok(false),
        1 => Ok(true),
        tag => Err(Malformed::Unknown { what, tag: u64::from(tag) }),
    }
}
