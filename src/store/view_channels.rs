//! Channels as a view sees them: the newest rows of the tail before those of the index, whether or not they lie above the
//! bound. Whom a post is for depends on its place, so what began or ended above the bound changes nothing below it.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::ControlFlow,
};

use super::{
    channels, engine::prefix_end, view::View, view_fault::ReadFault, view_groups::overlay, view_scan::whole,
};
use crate::{
    model::{
        Channel, Content, ConversationId, Follow, Group, Notice, UserId, Version,
        record::{Item, ItemValue},
    },
    sync::{Page, kinds::CONVERSATIONS},
};

impl View {
    /// # Errors
    /// When the index cannot be read.
    pub fn channel(&self, channel: ConversationId) -> Result<Option<Channel>, ReadFault> {
        match self.pin.channel(channel) {
            Some(row) => Ok(Some(row)),
            None => self.row(&channels::key(channel), channels::decode),
        }
    }

    /// Items as they are told: the conversation of a channel has the channel's name of now, since a new name changes the item
    /// of no follower. One that was a channel once is told likewise.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn named_now(&self, mut items: Vec<Item>) -> Result<Vec<Item>, ReadFault> {
        for item in &mut items {
            if let Some(ItemValue::Group { group, name, .. }) = &mut item.value
                && let Some(row) = self.group_of_channel(*group)?
            {
                *name = row.name;
            }
        }
        Ok(items)
    }

    /// The version by which a client without snapshots holds an item: of the channel's newest name, if that is newer.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn version_as_told(&self, item: &Item) -> Result<Version, ReadFault> {
        let named = match &item.value {
            Some(ItemValue::Group { group, .. }) => self.group_of_channel(*group)?,
            _ => None,
        };
        let Some(row) = named else { return Ok(item.version) };
        let entry = match self.pin.logged(row.group, row.named) {
            Some(delivery) => Some(delivery.version),
            None => {
                let chunk = self.versioned_chunk(row.group, row.named)?;
                let entry = chunk.into_iter().find(|(_, message)| message.seq == row.named);
                entry.map(|(version, _)| version)
            }
        };
        Ok(entry.map_or(item.version, |version| version.max(item.version)))
    }

    /// The group of a conversation that is a channel, or was one.
    fn group_of_channel(&self, channel: ConversationId) -> Result<Option<Group>, ReadFault> {
        if self.channel(channel)?.is_none() {
            return Ok(None);
        }
        self.group(channel)
    }

    /// The conversations of a user that a page has to tell by the way, in place of an item that changed: channels whose new
    /// name it tells, or passes over. What is not the user's any more is not among them.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn renamed_by(&self, user: UserId, page: &Page) -> Result<Vec<Item>, ReadFault> {
        let is_name = |content: &Content| matches!(content, Content::Notice(notice) if matches!(**notice, Notice::Renamed(_)));
        let told = page.entries.iter().filter(|entry| is_name(&entry.message.content));
        let mut renamed: BTreeSet<ConversationId> = told.map(|entry| entry.message.conversation).collect();
        for passed in &page.passed {
            let row = self.group(passed.conversation)?;
            if row.is_some_and(|row| (passed.from..=passed.to).contains(&row.named)) {
                renamed.insert(passed.conversation);
            }
        }
        let mut items = Vec::new();
        for channel in renamed {
            let key = channel.to_string();
            let is_told = page.items.iter().any(|item| item.kind == CONVERSATIONS && item.key == key);
            if is_told || self.channel(channel)?.is_none() {
                continue;
            }
            // One that changed since the bound is told by the next page.
            let item = self.item(user, CONVERSATIONS, &key)?;
            items.extend(item.filter(|item| item.value.is_some() && item.version <= self.bound()));
        }
        self.named_now(items)
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

    /// Everything that a user follows, and followed a while ago. Bounded by `limits::FOLLOWS_PER_USER_MAX`, and
    /// what everybody follows besides.
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
