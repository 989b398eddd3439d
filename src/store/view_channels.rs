//! Channels as a view sees them: the newest rows of the tail before those of the index, whether or not they lie above the
//! bound. Whom a post is for depends on its place, so what began or ended above the bound changes nothing below it.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::ControlFlow,
};

use super::{
    channels, engine::prefix_end, view::View, view_fault::ReadFault, view_groups::overlay, view_scan::whole,
};
use crate::model::{Channel, ConversationId, Follow, UserId};

impl View {
    /// # Errors
    /// When the index cannot be read.
    pub fn channel(&self, channel: ConversationId) -> Result<Option<Channel>, ReadFault> {
        match self.pin.channel(channel) {
            Some(row) => Ok(Some(row)),
            None => self.row(&channels::key(channel), channels::decode),
        }
    }

    /// Who follows a channel now, in the order of ids, at most `max` and those that only the tail has.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn followers(&self, channel: ConversationId, max: usize) -> Result<BTreeSet<UserId>, ReadFault> {
        let newest = self.pin.followers(channel);
        let row = channels::key(channel);
        let to = prefix_end(&row).unwrap_or_default();
        let mut found = BTreeMap::new();
        self.visit(&row, &to, |key, _| {
            if key.len() > row.len() {
                found.insert(channels::decode_follower_key(key)?, ());
            }
            Ok(if found.len() >= max { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        })?;
        overlay(&mut found, newest);
        Ok(found.into_keys().collect())
    }

    /// What a user has of one channel.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn follow(&self, user: UserId, channel: ConversationId) -> Result<Option<Follow>, ReadFault> {
        match self.pin.follow(user, channel) {
            Some(row) => Ok(row),
            None => self.row(&channels::follow_key(user, channel), channels::decode_follow),
        }
    }

    /// Everything that a user follows, and followed a while ago. Bounded by `limits::FOLLOWS_PER_USER_MAX`.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn follows(&self, user: UserId) -> Result<BTreeMap<ConversationId, Follow>, ReadFault> {
        // The tail first: what leaves it meanwhile is in the index, but not the other way round.
        let newest = self.pin.follows(user);
        let count = channels::follow_count_key(user);
        let to = prefix_end(&count).unwrap_or_default();
        let mut found = BTreeMap::new();
        self.visit(&count, &to, |key, value| {
            if key.len() > count.len() {
                let follow = whole(value, channels::decode_follow)?;
                found.insert(follow.channel, follow);
            }
            Ok(ControlFlow::Continue(()))
        })?;
        overlay(&mut found, newest);
        Ok(found)
    }

    /// What a user follows now.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn followed(&self, user: UserId) -> Result<Vec<ConversationId>, ReadFault> {
        let open = self.follows(user)?.into_values().filter(Follow::is_open);
        Ok(open.map(|follow| follow.channel).collect())
    }

    /// How many follows of a user are kept.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn follow_count(&self, user: UserId) -> Result<u32, ReadFault> {
        match self.pin.follow_count(user) {
            Some(count) => Ok(count),
            None => {
                Ok(self.row(&channels::follow_count_key(user), channels::decode_follow_count)?.unwrap_or(0))
            }
        }
    }
}
