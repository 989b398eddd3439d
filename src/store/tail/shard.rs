//! What is newest of some of the users and conversations: a part of the tail behind one lock.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use rustc_hash::FxHashMap;

use super::{InboxEntry, Rows, channels, ends, groups};
use crate::model::{
    ContactTally, ConversationId, Delivery, DeviceId, Erasure, Kind, Lineages, Reading, UserId, Version,
    record::{Account, Conversation, Device, HostIdentityKey, Invite, Item, SecretHash},
};

#[derive(Default)]
pub(super) struct Shard {
    pub(super) accounts: Rows<UserId, Account>,
    pub(super) names: Rows<String, UserId>,
    pub(super) devices: Rows<DeviceId, Device>,
    pub(super) tokens: Rows<SecretHash, (UserId, DeviceId)>,
    pub(super) conversations: Rows<ConversationId, Conversation>,
    pub(super) invites: Rows<SecretHash, Invite>,
    pub(super) host_identities: Rows<HostIdentityKey, UserId>,
    pub(super) lineages: Rows<UserId, Lineages>,
    pub(super) contact_tallies: Rows<UserId, ContactTally>,
    pub(super) owned: Rows<UserId, u32>,
    pub(super) erasures: Rows<UserId, Erasure>,
    pub(super) readings: Rows<(UserId, ConversationId), Reading>,
    pub(super) items: FxHashMap<(UserId, Kind), BTreeMap<Version, Item>>,
    pub(super) inboxes: FxHashMap<UserId, VecDeque<InboxEntry>>,
    pub(super) inbox_ends: ends::Ends<UserId>,
    pub(super) logs: FxHashMap<ConversationId, VecDeque<Arc<Delivery>>>,
    pub(super) groups: FxHashMap<ConversationId, groups::GroupRows>,
    pub(super) channels: FxHashMap<ConversationId, channels::ChannelRows>,
    pub(super) follows: FxHashMap<UserId, channels::FollowRows>,
    /// Version of the newest post of each channel, kept when the index has it too.
    pub(super) post_heads: FxHashMap<ConversationId, Version>,
    pub(super) post_ends: ends::Ends<ConversationId>,
    pub(super) unpointed: FxHashMap<UserId, VecDeque<Arc<Delivery>>>,
}

impl Shard {
    /// One above an index that reaches `indexed`.
    pub fn above(indexed: Version) -> Shard {
        let (inbox_ends, post_ends) = (ends::Ends::behind(indexed), ends::Ends::behind(indexed));
        Shard { inbox_ends, post_ends, ..Shard::default() }
    }

    /// Lets go of an inbox through a version.
    pub fn pop_inbox(&mut self, user: UserId, version: Version) {
        if pop_through(&mut self.inboxes, &user, |entry| entry.version <= version) {
            self.inbox_ends.left(user, version);
        }
    }
}

/// Changes what is held under a key, if anything is, and lets go of it when nothing is left.
pub(super) fn change_held<K: Eq + std::hash::Hash, V>(
    held: &mut FxHashMap<K, V>,
    key: &K,
    change: impl FnOnce(&mut V),
    is_empty: impl FnOnce(&V) -> bool,
) {
    let Some(value) = held.get_mut(key) else { return };
    change(value);
    if is_empty(value) {
        held.remove(key);
    }
}

/// Removes what is gone from the front of a queue, and the queue with its last. Says whether that is so.
pub(super) fn pop_through<K: Eq + std::hash::Hash, V>(
    queues: &mut FxHashMap<K, VecDeque<V>>,
    key: &K,
    gone: impl Fn(&V) -> bool,
) -> bool {
    let Some(queue) = queues.get_mut(key) else { return false };
    while queue.front().is_some_and(&gone) {
        queue.pop_front();
    }
    let is_empty = queue.is_empty();
    if is_empty {
        queues.remove(key);
    }
    is_empty
}
