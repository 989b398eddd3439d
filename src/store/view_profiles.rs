//! Who is to be told of changed profiles, as the index says it.
//!
//! The index alone is enough: a change is looked at when the index has everything through it, and who came to have
//! something of the user later was given the newest profile with it.

use std::ops::ControlFlow;

use super::{
    engine::prefix_end,
    keys::{self, Key},
    profiles,
    view::View,
    view_fault::ReadFault,
};
use crate::model::{UserId, Version};

impl View {
    /// Changes of profiles that not all who are concerned were told yet, in the order of users and versions, at most `max`.
    /// The index has everything through each of them.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn profile_changes(&self, max: usize) -> Result<Vec<(UserId, Version)>, ReadFault> {
        let mut found = Vec::new();
        let to = prefix_end(&[keys::PROFILE_CHANGE]).unwrap_or_default();
        self.visit(&[keys::PROFILE_CHANGE], &to, |key, _| {
            let (user, version) = profiles::numbers_of_key(key)?;
            // An index step that is under way may have brought the row before it brings the rest.
            if Version(version) <= self.pin.floor {
                found.push((UserId(user), Version(version)));
            }
            Ok(if found.len() == max { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        })?;
        Ok(found)
    }

    /// Who has an item of this user, in the order of ids after one of them, at most `max`.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn holders_after(
        &self,
        user: UserId,
        after: Option<UserId>,
        max: usize,
    ) -> Result<Vec<UserId>, ReadFault> {
        let mut found = Vec::new();
        let prefix = Key::of(keys::HOLDER).u64(user.0).done();
        let to = prefix_end(&prefix).unwrap_or_default();
        let Some(first) = after.map_or(Some(0), |after| after.0.checked_add(1)) else {
            return Ok(found);
        };
        let from = profiles::holder_key(user, UserId(first));
        self.visit(&from, &to, |key, _| {
            if found.len() == max {
                return Ok(ControlFlow::Break(()));
            }
            found.push(UserId(profiles::numbers_of_key(key)?.1));
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(found)
    }
}
