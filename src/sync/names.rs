//! The names of people, for entries that speak of them.

use std::collections::HashMap;

use crate::model::UserId;

/// Names by user.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names(HashMap<UserId, String>);

impl Names {
    /// Adds one.
    pub fn add(&mut self, user: UserId, name: String) {
        self.0.insert(user, name);
    }

    /// The name of a user; empty for one of whom none is known.
    #[must_use]
    pub fn of(&self, user: UserId) -> &str {
        self.0.get(&user).map_or("", String::as_str)
    }
}
