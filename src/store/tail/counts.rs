//! What the tail has of what is counted of each user, so that a bound needs no look at all that is counted.

use super::{Pin, Tail, drop_row};
use crate::model::{ContactTally, Owned, UserId, Version};

impl Tail {
    /// Takes what is counted of a user's contacts.
    pub(super) fn insert_tally(&self, version: Version, tally: &ContactTally) {
        let row = (version, Some(tally.clone()));
        self.shard(tally.user.0).write().contact_tallies.insert(tally.user, row);
    }

    /// Lets go of it when the index has it.
    pub(super) fn remove_tally(&self, version: Version, user: UserId) {
        drop_row(&mut self.shard(user.0).write().contact_tallies, &user, version);
    }

    /// Takes how many groups and channels a user owns.
    pub(super) fn insert_owned(&self, version: Version, owned: Owned) {
        self.shard(owned.user.0).write().owned.insert(owned.user, (version, Some(owned.groups)));
    }

    /// Lets go of it when the index has it.
    pub(super) fn remove_owned(&self, version: Version, user: UserId) {
        drop_row(&mut self.shard(user.0).write().owned, &user, version);
    }
}

impl Pin {
    /// How many groups and channels a user owns, if the tail knows it.
    #[must_use]
    pub fn owned(&self, user: UserId) -> Option<u32> {
        self.tail.shard(user.0).read().owned.get(&user).and_then(|(_, groups)| *groups)
    }
}
