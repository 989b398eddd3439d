//! What a view shows of one pair of users: the newest that the store has, whether or not it lies above the bound.
//!
//! It is for decisions, which are about what is true now, and takes back nothing that was told.

use super::{contacts, view::View, view_fault::ReadFault};
use crate::{
    model::{Contact, ContactTally, UserId, record::ItemValue},
    sync::kinds::CONTACTS,
};

impl View {
    /// What `owner` has of `other`, if anything.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn contact(&self, owner: UserId, other: UserId) -> Result<Option<Box<Contact>>, ReadFault> {
        Ok(self.item(owner, CONTACTS, &other.to_string())?.and_then(|item| contact_of(item.value)))
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
