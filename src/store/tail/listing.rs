//! What the tail knows of users, names and groups, in order: for those who list all of them.
//!
//! Everything that the tail has of the sort is looked at for each page, since the shards have it in no order. It is bounded
//! as the tail is, and a page is asked for by a person.

use std::collections::BTreeSet;

use super::Pin;
use crate::model::{ConversationId, UserId};

impl Pin {
    /// The first users behind one of them of whom the tail says anything, be it the end, at most `max`.
    #[must_use]
    pub fn users_after(&self, after: Option<UserId>, max: usize) -> BTreeSet<UserId> {
        let mut first = First { found: BTreeSet::new(), max };
        for shard in &self.tail.shards {
            let shard = shard.read();
            let users = shard.accounts.keys().chain(shard.erasures.keys()).copied();
            users.filter(|user| Some(*user) > after).for_each(|user| first.offer(user));
        }
        first.found
    }

    /// The first groups and channels behind one of them of which the tail says anything, at most `max`.
    #[must_use]
    pub fn groups_after(&self, after: Option<ConversationId>, max: usize) -> BTreeSet<ConversationId> {
        let mut first = First { found: BTreeSet::new(), max };
        for shard in &self.tail.shards {
            let shard = shard.read();
            let groups = shard.groups.keys().copied();
            groups.filter(|group| Some(*group) > after).for_each(|group| first.offer(group));
        }
        first.found
    }

    /// The first name keys of which the tail says anything, from one on and before another, in bytes, at most `max`.
    #[must_use]
    pub fn names_within(&self, from: &[u8], to: &[u8], max: usize) -> BTreeSet<String> {
        let mut first = First { found: BTreeSet::new(), max };
        for shard in &self.tail.shards {
            let shard = shard.read();
            let within = shard.names.keys().filter(|name| (from..to).contains(&name.as_bytes()));
            within.for_each(|name| first.offer(name.clone()));
        }
        first.found
    }
}

/// The first of what is offered, at most `max`.
struct First<T> {
    found: BTreeSet<T>,
    max: usize,
}

impl<T: Ord> First<T> {
    fn offer(&mut self, one: T) {
        self.found.insert(one);
        if self.found.len() > self.max {
            self.found.pop_last();
        }
    }
}
