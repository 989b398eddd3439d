//! What the tail has of what users have read.

use super::{Pin, Tail, drop_row};
use crate::model::{ConversationId, Reading, Seq, UserId, Version};

impl Tail {
    pub(super) fn insert_reading(&self, version: Version, reading: &Reading) {
        let key = (reading.user, reading.conversation);
        self.shard(key.0.0).write().readings.insert(key, (version, Some(reading.clone())));
    }

    pub(super) fn remove_reading(&self, version: Version, reading: &Reading) {
        let key = (reading.user, reading.conversation);
        drop_row(&mut self.shard(key.0.0).write().readings, &key, version);
    }
}

impl Pin {
    /// What the user has read of the conversation, if the tail knows the row: the newest, also above the bound.
    #[must_use]
    pub fn reading(&self, user: UserId, conversation: ConversationId) -> Option<Reading> {
        let shard = self.tail.shard(user.0).read();
        shard.readings.get(&(user, conversation)).and_then(|(_, row)| row.clone())
    }

    /// How many entries of a conversation count through its newest at or below the bound, if the tail has that one.
    #[must_use]
    pub fn counted(&self, conversation: ConversationId) -> Option<(Seq, u64)> {
        let shard = self.tail.shard(conversation.0).read();
        let log = shard.logs.get(&conversation)?;
        let shown = log.iter().rev().find(|delivery| delivery.version <= self.bound)?;
        Some((shown.message.seq, shown.message.count))
    }
}
