//! The tail: what is durable in the log and not yet in the index, in memory, ready to be read.
//!
//! One writer (the persistence actor) publishes and retires; everybody reads. Entries never change. A reader first
//! pins the tail; what the index takes over meanwhile stays readable until the pin is dropped. Bounded by
//! `config storage.tail_bytes_max`: when it is full, commits wait for the index.

mod channels;
mod counts;
mod ends;
mod erased;
mod from_the_end;
mod groups;
mod inbox_entry;
mod inboxes;
mod listing;
mod news;
mod pin;
mod readings;
mod shard;

pub use inbox_entry::InboxEntry;
pub use pin::Pin;

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
};

use parking_lot::{Mutex, RwLock};
use shard::{Shard, pop_through};

use crate::model::{
    ApiKeys, Broadcasts, Day, Effect, Horizon, Lineages, Operators, Record, UserId, Version,
    record::{SecretHash, name_key},
    seeded::{self, SyncBug},
};

/// Locks that share the work. Source: several times the cores of the largest machine this is meant for.
const SHARDS: usize = 64;

/// A row's newest value in the tail; `None` inside says that it is gone.
type Rows<K, V> = HashMap<K, (Version, Option<V>), rustc_hash::FxBuildHasher>;

/// See the module.
pub struct Tail {
    shards: Box<[RwLock<Shard>]>,
    /// Newest version that is durable and published.
    durable: AtomicU64,
    /// Newest version that the index has durably: what new pins leave to it.
    indexed: AtomicU64,
    pins: Mutex<BTreeMap<Version, usize>>,
    /// Every record held, oldest first, with its encoded length.
    records: Mutex<VecDeque<(Arc<Record>, usize)>>,
    bytes: AtomicUsize,
    /// The newest that is durable.
    horizon: RwLock<Horizon>,
    /// All API keys, and the version that changed them.
    api_keys: RwLock<Option<(Version, ApiKeys)>>,
    broadcasts: RwLock<Option<(Version, Broadcasts)>>,
    operators: RwLock<Option<(Version, Operators)>>,
    erased: erased::ErasedUsers,
}

impl Tail {
    /// An empty tail above an index that reaches `indexed`.
    #[must_use]
    pub fn new(indexed: Version) -> Tail {
        Tail {
            shards: (0..SHARDS).map(|_| RwLock::new(Shard::above(indexed))).collect(),
            durable: AtomicU64::new(indexed.0),
            indexed: AtomicU64::new(indexed.0),
            pins: Mutex::default(),
            records: Mutex::default(),
            bytes: AtomicUsize::new(0),
            horizon: RwLock::default(),
            api_keys: RwLock::default(),
            broadcasts: RwLock::default(),
            operators: RwLock::default(),
            erased: erased::ErasedUsers::default(),
        }
    }

    /// The durable head: every answer is computed against one reading of it.
    #[must_use]
    pub fn durable(&self) -> Version {
        Version(self.durable.load(Ordering::Acquire))
    }

    /// The index's reach.
    #[must_use]
    pub fn indexed(&self) -> Version {
        Version(self.indexed.load(Ordering::Acquire))
    }

    /// The newest horizon that is durable: what lies behind it may be gone.
    #[must_use]
    pub fn horizon(&self) -> Horizon {
        self.horizon.read().clone()
    }

    /// The day that counts as today for sends: see [`Horizon::today`].
    #[must_use]
    pub fn today(&self, wall: Day) -> Day {
        self.horizon.read().today(wall)
    }

    /// Begins with the horizon that the index has, before anything is published.
    pub fn begin_at(&self, horizon: Horizon) {
        *self.horizon.write() = horizon;
    }

    /// The newest durable lineages of a user, if the tail has them. If not, their floor lies below everything that the
    /// index still lacks.
    #[must_use]
    pub fn lineages(&self, user: UserId) -> Option<Lineages> {
        self.shard(user.0).read().lineages.get(&user).and_then(|(_, row)| row.clone())
    }

    /// Bytes held, as encoded in the log.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Makes a durable batch readable: first its entries, then the head.
    pub fn publish(&self, batch: Vec<(Arc<Record>, usize)>) {
        let Some(last) = batch.last().map(|(record, _)| record.version) else {
            return;
        };
        assert!(last > self.durable(), "a batch is published once and in order");
        let mut added = 0;
        for (record, length) in &batch {
            added += length;
            for effect in &record.effects {
                self.insert(record.version, effect);
            }
        }
        self.records.lock().extend(batch);
        self.bytes.fetch_add(added, Ordering::Relaxed);
        self.durable.store(last.0, Ordering::Release);
    }

    /// The oldest records above the index's reach, up to `bytes_max` but at least one, for the index writer.
    #[must_use]
    pub fn unindexed(&self, bytes_max: usize) -> Vec<Arc<Record>> {
        let indexed = self.indexed();
        let mut taken = Vec::new();
        let mut bytes = 0;
        for (record, length) in self.records.lock().iter() {
            if record.version <= indexed {
                continue;
            }
            if bytes + length > bytes_max && !taken.is_empty() {
                break;
            }
            bytes += length;
            taken.push(Arc::clone(record));
        }
        taken
    }

    /// Records above the index's reach.
    #[must_use]
    pub fn unindexed_count(&self) -> usize {
        let indexed = self.indexed();
        let records = self.records.lock();
        records.len() - records.partition_point(|(record, _)| record.version <= indexed)
    }

    /// The index has everything through `reach` durably: new pins leave it to the index.
    pub fn index_reached(&self, reach: Version) {
        self.indexed.store(reach.0, Ordering::Release);
    }

    /// Drops what the index has and no pin holds.
    pub fn retire(&self) {
        let target = {
            let pins = self.pins.lock();
            let oldest = pins.keys().next().copied();
            oldest.map_or(self.indexed(), |oldest| oldest.min(self.indexed()))
        };
        loop {
            let front = {
                let mut records = self.records.lock();
                match records.front() {
                    Some((record, _)) if record.version <= target => records.pop_front(),
                    _ => None,
                }
            };
            let Some((record, length)) = front else { break };
            for effect in &record.effects {
                self.remove(record.version, effect);
            }
            self.bytes.fetch_sub(length, Ordering::Relaxed);
        }
    }

    /// Holds the tail as it is for a read. What lies above the pin's floor stays readable until it is dropped.
    #[must_use]
    pub fn pin(self: &Arc<Self>) -> Pin {
        let mut pins = self.pins.lock();
        let floor = self.indexed();
        if !seeded::is(SyncBug::IndexBeforePin) {
            *pins.entry(floor).or_insert(0) += 1;
        }
        drop(pins);
        Pin { tail: Arc::clone(self), floor, bound: self.durable() }
    }

    fn shard(&self, hash: u64) -> &RwLock<Shard> {
        // Ids are random or mixed, so their low bits are as good as any.
        &self.shards[(hash as usize) % SHARDS]
    }

    fn text_shard(&self, text: &str) -> &RwLock<Shard> {
        self.shard(
            text.bytes().fold(0, |hash: u64, byte| hash.wrapping_mul(31).wrapping_add(u64::from(byte))),
        )
    }

    fn hash_shard(&self, hash: &SecretHash) -> &RwLock<Shard> {
        self.shard(u64::from(hash[0]))
    }

    fn insert(&self, version: Version, effect: &Effect) {
        match effect {
            Effect::Account(account) => {
                let row = (version, Some(account.clone()));
                self.shard(account.user.0).write().accounts.insert(account.user, row);
                let key = name_key(&account.name);
                self.text_shard(&key).write().names.insert(key, (version, Some(account.user)));
            }
            Effect::AccountGone { user, name } => self.insert_account_gone(version, *user, name.as_deref()),
            Effect::Erasure(erasure) => self.insert_erasure(version, erasure),
            Effect::Device(device) => {
                let row = (version, Some(device.clone()));
                self.shard(device.device.0).write().devices.insert(device.device, row);
                let owner = (version, Some((device.user, device.device)));
                self.hash_shard(&device.token).write().tokens.insert(device.token, owner);
            }
            Effect::DeviceEnded { device, token, .. } => {
                self.shard(device.0).write().devices.insert(*device, (version, None));
                self.hash_shard(token).write().tokens.insert(*token, (version, None));
            }
            Effect::Conversation(row) => {
                let shard = self.shard(row.conversation.0);
                shard.write().conversations.insert(row.conversation, (version, Some(*row)));
            }
            Effect::Item { user, item, supersedes } => {
                let mut shard = self.shard(user.0).write();
                let items = shard.items.entry((*user, item.kind)).or_default();
                items.remove(supersedes);
                items.insert(item.version, item.clone());
            }
            Effect::Message(delivery) => {
                let (conversation, seq) = (delivery.message.conversation, delivery.message.seq);
                for (user, previous) in &delivery.pointers {
                    let (previous, delivery) = (*previous, Some(Arc::clone(delivery)));
                    let entry = InboxEntry { version, previous, conversation, seq, delivery };
                    self.shard(user.0).write().inboxes.entry(*user).or_default().push_back(entry);
                }
                self.insert_unpointed(delivery);
                let mut shard = self.shard(conversation.0).write();
                shard.logs.entry(conversation).or_default().push_back(Arc::clone(delivery));
            }
            Effect::Lineages(rows) => {
                let row = (version, Some(rows.clone()));
                self.shard(rows.user.0).write().lineages.insert(rows.user, row);
            }
            Effect::Horizon(horizon) => self.begin_at(horizon.clone()),
            // A tombstone that goes is in the index already; of a changed profile the index says who is to be told.
            Effect::Run(_) | Effect::Time(_) | Effect::ItemGone { .. } | Effect::ProfileChanged(_) => {}
            Effect::Invite(invite) => {
                self.hash_shard(&invite.hash).write().invites.insert(invite.hash, (version, Some(*invite)));
            }
            Effect::InviteGone(hash) => {
                self.hash_shard(hash).write().invites.insert(*hash, (version, None));
            }
            Effect::ContactTally(tally) => self.insert_tally(version, tally),
            Effect::Owned(owned) => self.insert_owned(version, *owned),
            Effect::HostIdentity(identity) => {
                let row = (version, Some(identity.user));
                self.hash_shard(&identity.key).write().host_identities.insert(identity.key, row);
            }
            Effect::ApiKeys(keys) => *self.api_keys.write() = Some((version, keys.clone())),
            Effect::Operators(all) => *self.operators.write() = Some((version, all.clone())),
            Effect::Group(effect) => self.insert_of_group(version, effect),
            Effect::Channel(effect) => self.insert_of_channel(version, effect),
            Effect::Reading(reading) => self.insert_reading(version, reading),
        }
    }

    fn remove(&self, version: Version, effect: &Effect) {
        match effect {
            Effect::Account(account) => {
                drop_row(&mut self.shard(account.user.0).write().accounts, &account.user, version);
                let key = name_key(&account.name);
                drop_row(&mut self.text_shard(&key).write().names, &key, version);
            }
            Effect::AccountGone { user, name } => self.remove_account_gone(version, *user, name.as_deref()),
            Effect::Erasure(erasure) => self.remove_erasure(version, erasure),
            Effect::Device(device) => {
                drop_row(&mut self.shard(device.device.0).write().devices, &device.device, version);
                drop_row(&mut self.hash_shard(&device.token).write().tokens, &device.token, version);
            }
            Effect::DeviceEnded { device, token, .. } => {
                drop_row(&mut self.shard(device.0).write().devices, device, version);
                drop_row(&mut self.hash_shard(token).write().tokens, token, version);
            }
            Effect::Conversation(row) => {
                let mut shard = self.shard(row.conversation.0).write();
                drop_row(&mut shard.conversations, &row.conversation, version);
            }
            Effect::Item { user, item, .. } => {
                let mut shard = self.shard(user.0).write();
                if let Some(items) = shard.items.get_mut(&(*user, item.kind)) {
                    items.remove(&version);
                    if items.is_empty() {
                        shard.items.remove(&(*user, item.kind));
                    }
                }
            }
            Effect::Message(delivery) => {
                for (user, _) in &delivery.pointers {
                    let mut shard = self.shard(user.0).write();
                    shard.pop_inbox(*user, version);
                }
                self.remove_unpointed(delivery);
                let conversation = delivery.message.conversation;
                let mut shard = self.shard(conversation.0).write();
                pop_through(&mut shard.logs, &conversation, |delivery| delivery.version <= version);
            }
            Effect::Lineages(rows) => {
                drop_row(&mut self.shard(rows.user.0).write().lineages, &rows.user, version);
            }
            Effect::Run(_) | Effect::Time(_) | Effect::Horizon(_) => {}
            Effect::ItemGone { .. } | Effect::ProfileChanged(_) => {}
            Effect::Invite(invite) => {
                drop_row(&mut self.hash_shard(&invite.hash).write().invites, &invite.hash, version);
            }
            Effect::InviteGone(hash) => {
                drop_row(&mut self.hash_shard(hash).write().invites, hash, version);
            }
            Effect::ContactTally(tally) => self.remove_tally(version, tally.user),
            Effect::Owned(owned) => self.remove_owned(version, owned.user),
            Effect::HostIdentity(identity) => {
                let mut shard = self.hash_shard(&identity.key).write();
                drop_row(&mut shard.host_identities, &identity.key, version);
            }
            Effect::ApiKeys(_) => {
                self.api_keys.write().take_if(|(changed, _)| *changed <= version);
            }
            Effect::Operators(_) => {
                self.operators.write().take_if(|(changed, _)| *changed <= version);
            }
            Effect::Group(effect) => self.remove_of_group(version, effect),
            Effect::Channel(effect) => self.remove_of_channel(version, effect),
            Effect::Reading(reading) => self.remove_reading(version, reading),
        }
    }
}

/// Removes a row unless a newer value has taken its place.
fn drop_row<K: Eq + std::hash::Hash, V>(rows: &mut Rows<K, V>, key: &K, version: Version) {
    if rows.get(key).is_some_and(|(changed, _)| *changed <= version) {
        rows.remove(key);
    }
}
