//! Entries as they must be told, with the names of those whom they speak of.

use highwater::{
    model::{UserId, record::Message},
    sync::{Names, Rendering, render},
};
use highwater_wire::proto;

use crate::oracle::Oracle;

impl Oracle {
    /// An entry as a device of a user must be told it: names are those of the accounts, which nobody changes here.
    pub fn entry(&self, user: UserId, rendering: Rendering, message: &Message) -> proto::Entry {
        let mut names = Names::default();
        for somebody in render::people(user, rendering, message) {
            let account = self.accounts.get(&somebody);
            let account = account.unwrap_or_else(|| panic!("{somebody} is spoken of and has no account"));
            names.add(somebody, account.name.clone());
        }
        render::entry_naming(user, rendering, message, &names)
    }
}
