//! The committer's memory: the rows that operations read, and what is still lacking for one.

use std::collections::{BTreeSet, HashMap};

use rustc_hash::FxBuildHasher;

use super::{
    Operation, Request, fan_out::BatchRoom, lineages::heard_step_ms, observed_time::ObservedTime,
    pinned::Pinned,
};
pub use super::{
    group_state::GroupState,
    need::{Need, Warm},
};
use crate::model::{
    ApiKeys, Broadcasts, ClientMessageId, Contact, ContactTally, ConversationId, Counted, Day, DeviceId,
    Erasure, Follow, HeardSince, Horizon, Kind, Lineages, Operators, Policy, Reading, Seq, TimeMs, UserId,
    Version,
    limits::GROUPS_HELD_MAX,
    record::{Account, Conversation, Device, HostIdentityKey, Invite, Receipt, ReceiptDay, SecretHash},
};

/// Rows of each sort that are held before a sweep. Source: about 200 bytes a row, so about 100 MB in all when full.
pub const ROWS_MAX: usize = 100_000;

/// A conversation as the committer needs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConversationState {
    /// Its row.
    pub row: Conversation,
    /// Its newest seq.
    pub head: Seq,
    /// How many of its entries count.
    pub counted: Counted,
}

impl ConversationState {
    /// It has one more entry, at this place.
    pub(super) fn has_entry(&mut self, seq: Seq, counts: bool) {
        (self.head, self.counted) = (seq, self.counted.with(seq, counts));
    }
}

/// The rows in memory, as left by every operation decided so far, those of the batch in hand included.
pub struct State {
    pub(super) accounts: Pinned<UserId, Option<Account>, FxBuildHasher>,
    pub(super) names: Pinned<String, Option<UserId>>,
    pub(super) devices: Pinned<DeviceId, Option<Device>, FxBuildHasher>,
    pub(super) conversations: Pinned<ConversationId, Option<ConversationState>, FxBuildHasher>,
    pub(super) inboxes: Pinned<UserId, Version, FxBuildHasher>,
    // Client message ids are chosen by clients, so this inner map keeps the standard, keyed hash.
    pub(super) receipts: Pinned<ReceiptDay, HashMap<ClientMessageId, Receipt>, FxBuildHasher>,
    pub(super) lineages: Pinned<UserId, Lineages, FxBuildHasher>,
    pub(super) invites: Pinned<SecretHash, Option<Invite>>,
    pub(super) host_identities: Pinned<HostIdentityKey, Option<UserId>>,
    pub(super) api_keys: Pinned<(), ApiKeys>,
    pub(super) operators: Pinned<(), Operators>,
    /// The user for whom somebody else acts in the operation in hand, who was judged: see `logic::on_behalf`.
    pub(super) vouched: Option<UserId>,
    pub(super) items: Pinned<(UserId, Kind, String), Version>,
    pub(super) groups: Pinned<ConversationId, Option<GroupState>, FxBuildHasher>,
    /// Groups of the batch in hand that are to become channels; at most one for each operation.
    pub(super) outgrown: Vec<ConversationId>,
    /// What may still be done in the batch in hand.
    pub(super) batch: BatchRoom,
    pub(super) contacts: Pinned<(UserId, UserId), Option<Box<Contact>>, FxBuildHasher>,
    pub(super) contact_tallies: Pinned<UserId, ContactTally, FxBuildHasher>,
    pub(super) erasures: Pinned<UserId, Option<Erasure>, FxBuildHasher>,
    pub(super) follows: Pinned<(UserId, ConversationId), Option<Follow>, FxBuildHasher>,
    pub(super) follow_counts: Pinned<UserId, u32, FxBuildHasher>,
    pub(super) owned: Pinned<UserId, u32, FxBuildHasher>,
    pub(super) broadcasts: Pinned<(), Broadcasts>,
    /// Of channels that are about to become groups.
    pub(super) followers: Pinned<ConversationId, BTreeSet<UserId>, FxBuildHasher>,
    pub(super) readings: Pinned<(UserId, ConversationId), Reading, FxBuildHasher>,
    /// What was read of logs; it never changes.
    pub(super) counts: Pinned<(ConversationId, Seq), u64, FxBuildHasher>,
    rows_max: usize,
    /// The time by which lineages expire.
    pub(super) time: ObservedTime,
    /// What an operator has set.
    pub(super) policy: Policy,
    /// How far back is kept what goes by age.
    pub(super) horizon: Horizon,
    /// Newest change among the rows that were evicted.
    pub(super) evicted: Version,
}

impl Default for State {
    fn default() -> Self {
        State::bounded(ROWS_MAX)
    }
}

impl State {
    /// Nothing in memory yet; at most `rows_max` rows of each sort are held after a sweep. A set of receipts, which
    /// holds one sender's day, counts as a row.
    #[must_use]
    pub fn bounded(rows_max: usize) -> State {
        State {
            accounts: Pinned::new(rows_max),
            names: Pinned::new(rows_max),
            devices: Pinned::new(rows_max),
            conversations: Pinned::new(rows_max),
            inboxes: Pinned::new(rows_max),
            receipts: Pinned::new(rows_max),
            lineages: Pinned::new(rows_max),
            invites: Pinned::new(rows_max),
            host_identities: Pinned::new(rows_max),
            api_keys: Pinned::new(rows_max),
            operators: Pinned::new(rows_max),
            vouched: None,
            items: Pinned::new(rows_max),
            groups: Pinned::new(rows_max.min(GROUPS_HELD_MAX)),
            outgrown: Vec::new(),
            batch: BatchRoom::default(),
            contacts: Pinned::new(rows_max),
            contact_tallies: Pinned::new(rows_max),
            erasures: Pinned::new(rows_max),
            follows: Pinned::new(rows_max),
            follow_counts: Pinned::new(rows_max),
            owned: Pinned::new(rows_max),
            broadcasts: Pinned::new(rows_max),
            followers: Pinned::new(rows_max.min(GROUPS_HELD_MAX)),
            readings: Pinned::new(rows_max),
            counts: Pinned::new(rows_max),
            rows_max,
            time: ObservedTime::at_start(None, TimeMs(0), 0),
            policy: Policy::default(),
            horizon: Horizon::default(),
            evicted: Version(0),
        }
    }

    /// Sets the time.
    #[must_use]
    pub fn with_time(mut self, time: ObservedTime) -> State {
        self.time = time;
        self
    }

    /// Sets what an operator has set.
    #[must_use]
    pub fn with_policy(mut self, policy: Policy) -> State {
        self.policy = policy;
        self
    }

    /// What an operator has set.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Groups that have more members than a group is to have since this was asked last: each is to be turned.
    #[must_use]
    pub fn take_outgrown(&mut self) -> Vec<ConversationId> {
        std::mem::take(&mut self.outgrown)
    }

    /// A batch begins: what it may do is counted anew.
    pub fn begin_batch(&mut self) {
        self.batch = BatchRoom::default();
    }

    /// Whether the batch in hand takes the operation; if not, it waits for the next.
    #[must_use]
    pub fn has_room(&self, operation: &Operation) -> bool {
        !matches!(operation.request, Request::Expand(_)) || self.batch.has_room_for_step()
    }

    /// Sets the horizon to the newest that is durable: what was decided beyond it is gone.
    pub fn set_horizon(&mut self, horizon: Horizon) {
        self.horizon = horizon;
    }

    /// The day that counts as today for a send that came at `at`.
    #[must_use]
    pub fn today(&self, at: TimeMs) -> Day {
        self.horizon.today(at.day())
    }

    /// Time passes.
    pub fn advance(&mut self, monotonic_us: u64) {
        self.time.advance(monotonic_us);
    }

    /// The time by which lineages expire.
    #[must_use]
    pub fn time(&self) -> ObservedTime {
        self.time
    }

    /// Lineages heard of after it are live. While time is suspended, all are.
    #[must_use]
    pub fn heard_since(&self) -> HeardSince {
        if self.time.is_suspended() {
            return HeardSince(TimeMs(i64::MIN));
        }
        HeardSince(TimeMs(self.time.at().0.saturating_sub(self.policy.lineage_expiry_ms)))
    }

    /// A lineage is written anew for being heard of, when the last time is so long ago.
    #[must_use]
    pub fn heard_step_ms(&self) -> i64 {
        heard_step_ms(self.policy.lineage_expiry_ms)
    }

    /// Whether the row is in memory.
    #[must_use]
    pub fn holds(&self, need: &Need) -> bool {
        match need {
            Need::Account(user) => self.accounts.holds(user),
            Need::Name(name) => self.names.holds(name),
            Need::Device(device) => self.devices.holds(device),
            Need::Conversation(conversation) => self.conversations.holds(conversation),
            Need::Inbox(user) => self.inboxes.holds(user),
            Need::Receipts(day) => self.receipts.holds(day),
            Need::Lineages(user) => self.lineages.holds(user),
            Need::Invite(hash) => self.invites.holds(hash),
            Need::HostIdentity(key) => self.host_identities.holds(key),
            Need::ApiKeys => self.api_keys.holds(&()),
            Need::Operators => self.operators.holds(&()),
            Need::Item(user, kind, key) => self.items.holds(&(*user, *kind, key.clone())),
            Need::Group(group) => self.groups.holds(group),
            Need::Contact(owner, other) => self.contacts.holds(&(*owner, *other)),
            Need::ContactTally(user) => self.contact_tallies.holds(user),
            Need::Erasure(user) => self.erasures.holds(user),
            Need::Follow(user, channel) => self.follows.holds(&(*user, *channel)),
            Need::FollowCount(user) => self.follow_counts.holds(user),
            Need::Owned(user) => self.owned.holds(user),
            Need::Broadcasts => self.broadcasts.holds(&()),
            Need::Followers(channel) => self.followers.holds(channel),
            Need::Reading(user, conversation) => self.readings.holds(&(*user, *conversation)),
            Need::Count(conversation, seq) => self.counts.holds(&(*conversation, *seq)),
        }
    }

    /// Takes rows that a reader read with everything through `as_of` visible.
    ///
    /// Returns false, and takes nothing, when a row changed after `as_of` was evicted meanwhile, or a channel of which the
    /// followers were read was followed: what was read may be older than that change, so it must be read again.
    pub fn warm(&mut self, rows: Vec<Warm>, as_of: Version) -> bool {
        if as_of < self.evicted || rows.iter().any(|row| self.was_followed_since(row, as_of)) {
            return false;
        }
        for row in rows {
            match row {
                Warm::Account(user, row) => self.accounts.warm(user, row),
                Warm::Name(name, row) => self.names.warm(name, row),
                Warm::Device(device, row) => self.devices.warm(device, row),
                Warm::Conversation(conversation, row) => self.conversations.warm(conversation, row),
                Warm::Inbox(user, version) => self.inboxes.warm(user, version),
                Warm::Receipts(day, set) => self.receipts.warm(day, set),
                Warm::Lineages(user, row) => self.lineages.warm(user, row),
                Warm::Invite(hash, row) => self.invites.warm(hash, row),
                Warm::HostIdentity(key, user) => self.host_identities.warm(key, user),
                Warm::ApiKeys(keys) => self.api_keys.warm((), keys),
                Warm::Operators(operators) => self.operators.warm((), operators),
                Warm::Item(user, kind, key, version) => self.items.warm((user, kind, key), version),
                Warm::Group(group, state) => self.groups.warm(group, state),
                Warm::Contact(owner, other, row) => self.contacts.warm((owner, other), row),
                Warm::ContactTally(tally) => self.contact_tallies.warm(tally.user, tally),
                Warm::Erasure(user, row) => self.erasures.warm(user, row),
                Warm::Follow(user, channel, row) => self.follows.warm((user, channel), row),
                Warm::FollowCount(user, count) => self.follow_counts.warm(user, count),
                Warm::Owned(user, groups) => self.owned.warm(user, groups),
                Warm::Broadcasts(rows) => self.broadcasts.warm((), rows),
                Warm::Followers(channel, users) => self.followers.warm(channel, users),
                Warm::Reading(row) => self.readings.warm((row.user, row.conversation), *row),
                Warm::Count(conversation, seq, count) => self.counts.warm((conversation, seq), count),
            }
        }
        true
    }

    /// Evicts rows over the limits, as far as the index has them.
    pub fn sweep(&mut self, indexed: Version) {
        let evicted = [
            self.accounts.sweep(indexed),
            self.names.sweep(indexed),
            self.devices.sweep(indexed),
            self.conversations.sweep(indexed),
            self.inboxes.sweep(indexed),
            self.receipts.sweep(indexed),
            self.lineages.sweep(indexed),
            self.invites.sweep(indexed),
            self.host_identities.sweep(indexed),
            self.api_keys.sweep(indexed),
            self.operators.sweep(indexed),
            self.items.sweep(indexed),
            self.groups.sweep(indexed),
            self.contacts.sweep(indexed),
            self.contact_tallies.sweep(indexed),
            self.erasures.sweep(indexed),
            self.follows.sweep(indexed),
            self.follow_counts.sweep(indexed),
            self.owned.sweep(indexed),
            self.broadcasts.sweep(indexed),
            self.followers.sweep(indexed),
            self.readings.sweep(indexed),
            self.counts.sweep(indexed),
        ];
        self.evicted = evicted.into_iter().fold(self.evicted, Version::max);
    }

    /// Forgets everything that was decided or read: what is durable is read again when it is needed.
    pub fn forget(&mut self, durable: Version) {
        self.empty(self.rows_max);
        self.evicted = self.evicted.max(durable);
    }

    /// Forgets every row and sets how many are held. Time and policy go on, and so does what is known of evicted rows.
    pub fn empty(&mut self, rows_max: usize) {
        *self = State {
            evicted: self.evicted,
            horizon: std::mem::take(&mut self.horizon),
            time: self.time,
            policy: self.policy,
            batch: self.batch,
            ..State::bounded(rows_max)
        };
    }
}
