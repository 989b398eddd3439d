//! What a view shows of one pair of users: the newest that the store has, whether or not it lies above the bound.
//!
//! It is for decisions, which are about what is true now, and takes back nothing that was told.

use super::{contacts, items, view::View, view_fault::ReadFault};
use crate::model::{Contact, ContactTally, Kind, UserId, record::ItemValue};

const CONTACTS: Kind = Kind(highwater_wire::kind::CONTACTS as u8);

impl View {
    /// What `owner` has of `other`, if anything.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn contact(&self, owner: UserId, other: UserId) -> Result<Option<Box<Contact>>, ReadFault> {
        let key = other.to_string();
        let in_tail = || self.pin.items(owner, CONTACTS).into_iter().find(|item| item.key == key);
        if let Some(item) = in_tail() {
            return Ok(contact_of(item.value));
        }
        let version_key = items::version_key(owner, CONTACTS, &key);
        let Some(version) = self.row(&version_key, |input| input.version())? else {
            return Ok(None);
        };
        if let Some(item) = self.row(&items::key(owner, CONTACTS, version), items::decode)? {
            return Ok(contact_of(item.value));
        }
        // The index has moved it to a newer version between the two reads: then the tail, which is pinned, has that one.
        let item = in_tail().ok_or(ReadFault::MissingItem { user: owner, version })?;
        Ok(contact_of(item.value))
    }

    /// What is counted of a user's contacts.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn contact_tally(&self, user: UserId) -> Result<ContactTally, ReadFault> {
        let row = match self.pin.contact_tally(user) {
            Some(row) => row,
            None => self.row(&contacts::tally_key(user), contacts::decode_tally)?,
        };
        Ok(row.unwrap_or_else(|| ContactTally::none(user)))
    }
}

fn contact_of(value: Option<ItemValue>) -> Option<Box<Contact>> {
    match value {
        Some(ItemValue::Contact(contact)) => Some(contact),
        _ => None,
    }
}
