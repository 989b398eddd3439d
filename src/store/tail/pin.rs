//! One read's hold on the tail.

use std::sync::Arc;

use super::{InboxEntry, Tail, from_the_end::partition_from_the_end};
use crate::model::{
    ApiKeys, ContactTally, ConversationId, Delivery, DeviceId, Horizon, Kind, Lineages, Operators, Seq,
    UserId, Version,
    record::{Account, Conversation, Device, HostIdentityKey, Invite, Item, SecretHash},
    seeded::{self, SyncBug},
};

/// A reader's hold on the tail, and the bound of its answer.
pub struct Pin {
    pub(super) tail: Arc<Tail>,
    /// What lies at or below it is read from the index, what lies above it from the tail.
    pub floor: Version,
    /// The durable head when the read began: what lies above it is ignored.
    pub bound: Version,
}

impl Pin {
    /// The account, if the tail knows it.
    #[must_use]
    pub fn account(&self, user: UserId) -> Option<Option<Account>> {
        self.tail.shard(user.0).read().accounts.get(&user).map(|(_, row)| row.clone())
    }

    /// The user of a name key, if the tail knows it.
    #[must_use]
    pub fn user_of_name(&self, name_key: &str) -> Option<Option<UserId>> {
        self.tail.text_shard(name_key).read().names.get(name_key).map(|(_, row)| *row)
    }

    /// The device, if the tail knows it.
    #[must_use]
    pub fn device(&self, device: DeviceId) -> Option<Option<Device>> {
        self.tail.shard(device.0).read().devices.get(&device).map(|(_, row)| row.clone())
    }

    /// The owner of a token, if the tail knows it.
    #[must_use]
    pub fn owner_of_token(&self, token: &SecretHash) -> Option<Option<(UserId, DeviceId)>> {
        self.tail.hash_shard(token).read().tokens.get(token).map(|(_, row)| *row)
    }

    /// The conversation, if the tail knows it.
    #[must_use]
    pub fn conversation(&self, conversation: ConversationId) -> Option<Option<Conversation>> {
        self.tail.shard(conversation.0).read().conversations.get(&conversation).map(|(_, row)| *row)
    }

    /// The invite, if the tail knows it.
    #[must_use]
    pub fn invite(&self, hash: &SecretHash) -> Option<Option<Invite>> {
        self.tail.hash_shard(hash).read().invites.get(hash).map(|(_, row)| *row)
    }

    /// What is counted of a user's contacts, if the tail knows it.
    #[must_use]
    pub fn contact_tally(&self, user: UserId) -> Option<Option<ContactTally>> {
        self.tail.shard(user.0).read().contact_tallies.get(&user).map(|(_, row)| row.clone())
    }

    /// The user of a host app's identity, if the tail knows it.
    #[must_use]
    pub fn user_of_host_identity(&self, key: &HostIdentityKey) -> Option<Option<UserId>> {
        self.tail.hash_shard(key).read().host_identities.get(key).map(|(_, row)| *row)
    }

    /// The API keys, if the tail knows them: the newest, so that a key that was revoked is worth nothing to anybody.
    #[must_use]
    pub fn api_keys(&self) -> Option<ApiKeys> {
        self.tail.api_keys.read().as_ref().map(|(_, keys)| keys.clone())
    }

    /// The named operators, if the tail knows them: the newest, as with keys.
    #[must_use]
    pub fn operators(&self) -> Option<Operators> {
        self.tail.operators.read().as_ref().map(|(_, operators)| operators.clone())
    }

    /// The newest horizon that is durable.
    #[must_use]
    pub fn horizon(&self) -> Horizon {
        self.tail.horizon()
    }

    /// The lineages, if the tail knows them: the newest row, since a floor counts from when it is durable.
    #[must_use]
    pub fn lineages(&self, user: UserId) -> Option<Lineages> {
        self.tail.lineages(user)
    }

    /// Newest seq of a conversation at or below the bound, if the tail knows it. The log is dense, so an entry above the
    /// bound tells it too, whatever the index has by now.
    #[must_use]
    pub fn conversation_head(&self, conversation: ConversationId) -> Option<Seq> {
        let shard = self.tail.shard(conversation.0).read();
        let log = shard.logs.get(&conversation)?;
        let shown = log.iter().rev().find(|delivery| delivery.version <= self.bound);
        let before = || log.front().map(|delivery| Seq(delivery.message.seq.0.saturating_sub(1)));
        shown.map(|delivery| delivery.message.seq).or_else(before)
    }

    /// Messages of a conversation from a seq on that the tail has, at or below the bound, dense in seq.
    #[must_use]
    pub fn messages_from(&self, conversation: ConversationId, from: Seq) -> Vec<Arc<Delivery>> {
        let shard = self.tail.shard(conversation.0).read();
        let Some(log) = shard.logs.get(&conversation) else {
            return Vec::new();
        };
        let first = log.partition_point(|delivery| delivery.message.seq < from);
        let visible = log.range(first..).take_while(|delivery| delivery.version <= self.bound);
        visible.cloned().collect()
    }

    /// Inbox entries above `mark` and at or below the bound, oldest first.
    #[must_use]
    pub fn inbox_above(&self, user: UserId, mark: Version, entries_max: usize) -> Vec<InboxEntry> {
        let shard = self.tail.shard(user.0).read();
        let Some(inbox) = shard.inboxes.get(&user) else {
            return Vec::new();
        };
        let first = partition_from_the_end(inbox, |entry| entry.version <= mark.max(self.floor));
        let visible = inbox.range(first..).take_while(|entry| entry.version <= self.bound);
        let mut found: Vec<InboxEntry> = visible.take(entries_max).cloned().collect();
        let ends_at_bound = found.last().is_some_and(|entry| entry.version == self.bound);
        if seeded::is(SyncBug::VisibleBeforeLower) && ends_at_bound && found.len() > 1 {
            found.remove(found.len() - 2);
        }
        found
    }

    /// Newest pointer of an inbox in the tail, at or below the bound.
    #[must_use]
    pub fn inbox_head(&self, user: UserId) -> Option<Version> {
        let shard = self.tail.shard(user.0).read();
        let inbox = shard.inboxes.get(&user)?;
        inbox.iter().rev().map(|entry| entry.version).find(|version| *version <= self.bound)
    }

    /// Version of the newest item of a kind that changed after this read began. The pin keeps what did in the tail.
    #[must_use]
    pub fn item_above_the_bound(&self, user: UserId, kind: Kind) -> Option<Version> {
        let shard = self.tail.shard(user.0).read();
        let items = shard.items.get(&(user, kind));
        items.and_then(|items| items.keys().next_back().copied()).filter(|newest| *newest > self.bound)
    }

    /// Every item of a kind that the tail has for a user, those above the bound included: they hide older values.
    #[must_use]
    pub fn items(&self, user: UserId, kind: Kind) -> Vec<Item> {
        let shard = self.tail.shard(user.0).read();
        shard.items.get(&(user, kind)).map(|items| items.values().cloned().collect()).unwrap_or_default()
    }
}

impl Drop for Pin {
    fn drop(&mut self) {
        let mut pins = self.tail.pins.lock();
        if let Some(count) = pins.get_mut(&self.floor) {
            *count -= 1;
            if *count == 0 {
                pins.remove(&self.floor);
            }
        }
    }
}
