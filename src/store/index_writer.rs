//! Turns durable records into index batches: packed, bounded, with the reach in the last one.
//!
//! A step that was cut off is done again from the same reach. Its chunks begin with the same keys, so what was written
//! the first time is overwritten by the same or longer content; readers skip what overlaps.

use std::{collections::BTreeMap, sync::Arc};

use rustc_hash::FxHashMap;

use super::{
    accounts, api_keys, broadcasts, channels, contacts, conversations, devices,
    engine::IndexBatch,
    erasures,
    field::{put_number, put_time},
    group_doors, groups, horizon, host_identities, inboxes, invites, items,
    keys::{self, Key},
    lineages, messages, operators,
    packing::ChunkBuilder,
    profiles, readings, receipts, runs, tombstones,
    view::receipt_of,
};
use crate::model::{
    ChannelEffect, ConversationId, Delivery, Effect, GroupEffect, Record, Seq, UserId, Version,
    record::{Item, Pointer, ReceiptDay, name_key},
};

/// Content of one index batch, bytes: bounds how long sled's readers stand still and how long a commit may wait.
/// Source: research storage 4 (a batch stops every reader; 128 records of 256 B: p99.9 0.16 ms).
pub const BATCH_BYTES_MAX: usize = 128 * 1024;

/// Key of the reach.
#[must_use]
pub fn reach_key() -> Vec<u8> {
    Key::of(keys::META).bytes(b"reach").done()
}

/// Key of the id of the store that the index belongs to.
#[must_use]
pub fn store_key() -> Vec<u8> {
    Key::of(keys::META).bytes(b"store").done()
}

/// Key of the observed time.
#[must_use]
pub fn time_key() -> Vec<u8> {
    Key::of(keys::META).bytes(b"time").done()
}

/// What brings the index further.
#[derive(Debug, Default)]
pub struct IndexStep {
    /// To be applied in order; the last one has the reach.
    pub batches: Vec<IndexBatch>,
    /// Inbox entries in them.
    pub entries_written: u64,
    /// Inbox entries that are not in them, since everybody who needs them has them.
    pub entries_left_out: u64,
}

/// The batches that bring the index from its reach to `reach`, which is the version of the last record. A batch holds
/// writes of at most `batch_bytes_max`, but at least one. Entries of an inbox at or below `left_out_through` of its user
/// are left out: the floor says where such an inbox ends. Bodies and receipts are always written.
#[must_use]
pub fn step(
    records: &[Arc<Record>],
    reach: Version,
    batch_bytes_max: usize,
    left_out_through: impl Fn(UserId) -> Version,
) -> IndexStep {
    step_without(records, reach, batch_bytes_max, left_out_through, |_| false)
}

/// The same without what erased users wrote.
#[must_use]
pub fn step_without(
    records: &[Arc<Record>],
    reach: Version,
    batch_bytes_max: usize,
    left_out_through: impl Fn(UserId) -> Version,
    is_erased: impl Fn(UserId) -> bool,
) -> IndexStep {
    let mut step = Step::default();
    for record in records {
        for effect in &record.effects {
            step.take(record.version, effect);
        }
    }
    let (entries_written, entries_left_out) = step.leave_out(left_out_through);
    step.pack(is_erased);
    let mut value = Vec::with_capacity(8);
    put_number(&mut value, reach.0);
    step.writes.push((reach_key(), Some(value)));
    IndexStep { batches: cut(step.writes, batch_bytes_max), entries_written, entries_left_out }
}

/// What a step writes, by key: rows are absolute, so the last value counts.
#[derive(Default)]
struct Step {
    rows: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
    logs: BTreeMap<ConversationId, Vec<Arc<Delivery>>>,
    inboxes: FxHashMap<UserId, Vec<Pointer>>,
    posts: BTreeMap<ConversationId, Vec<(Seq, Version)>>,
    receipts: BTreeMap<ReceiptDay, Vec<Arc<Delivery>>>,
    writes: Vec<(Vec<u8>, Option<Vec<u8>>)>,
}

impl Step {
    fn row(&mut self, key: Vec<u8>, encode: impl FnOnce(&mut Vec<u8>)) {
        let mut value = Vec::new();
        encode(&mut value);
        self.rows.insert(key, Some(value));
    }

    fn take(&mut self, version: Version, effect: &Effect) {
        match effect {
            Effect::Account(account) => {
                self.row(accounts::key(account.user), |out| accounts::encode(out, account));
                let name = accounts::name_row_key(&name_key(&account.name));
                self.row(name, |out| out.extend_from_slice(&account.user.0.to_be_bytes()));
            }
            Effect::AccountGone { user, name } => {
                self.rows.insert(accounts::key(*user), None);
                self.rows.extend(name.as_deref().map(|name| (accounts::name_row_key(name), None)));
            }
            Effect::Erasure(erasure) => {
                self.row(erasures::key(erasure.user), |out| erasures::encode(out, erasure));
            }
            Effect::Device(device) => {
                self.row(devices::key(device.device), |out| devices::encode(out, device));
                let token = devices::token_key(&device.token);
                self.row(token, |out| devices::encode_owner(out, device.user, device.device));
            }
            Effect::DeviceEnded { device, token, .. } => {
                self.rows.insert(devices::key(*device), None);
                self.rows.insert(devices::token_key(token), None);
            }
            Effect::Conversation(row) => {
                self.row(conversations::key(row.conversation), |out| conversations::encode(out, row));
            }
            Effect::Item { user, item, supersedes } => self.take_item(*user, item, *supersedes),
            Effect::ItemGone { user, kind, key, version } => {
                self.rows.insert(items::key(*user, *kind, *version), None);
                self.rows.insert(items::version_key(*user, *kind, key), None);
                self.rows.insert(tombstones::key(*version, *user, *kind), None);
            }
            Effect::Message(delivery) => self.take_delivery(version, delivery),
            Effect::Lineages(rows) => {
                self.row(lineages::key(rows.user), |out| lineages::encode(out, rows));
            }
            Effect::Time(time) => self.row(time_key(), |out| put_time(out, *time)),
            Effect::Horizon(horizon) => self.row(horizon::key(), |out| horizon::encode(out, horizon)),
            Effect::Run(run) => self.row(runs::key(run.number), |out| runs::encode(out, run)),
            Effect::Invite(invite) => {
                self.row(invites::key(&invite.hash), |out| invites::encode(out, invite))
            }
            Effect::InviteGone(hash) => {
                self.rows.insert(invites::key(hash), None);
            }
            Effect::ContactTally(tally) => {
                self.row(contacts::tally_key(tally.user), |out| contacts::encode_tally(out, tally));
            }
            Effect::Owned(owned) if owned.groups == 0 => {
                self.rows.insert(groups::owned_key(owned.user), None);
            }
            Effect::Owned(owned) => {
                self.row(groups::owned_key(owned.user), |out| groups::encode_owned(out, owned));
            }
            Effect::ProfileChanged(user) => self.row(profiles::change_key(*user, version), |_| {}),
            Effect::HostIdentity(identity) => {
                self.row(host_identities::key(&identity.key), |out| host_identities::encode(out, identity));
            }
            Effect::ApiKeys(keys) => self.row(api_keys::key(), |out| api_keys::encode(out, keys)),
            Effect::Operators(all) => self.row(operators::key(), |out| operators::encode(out, all)),
            Effect::Group(effect) => self.take_of_group(effect),
            Effect::Channel(effect) => self.take_of_channel(effect),
            Effect::Reading(reading) => {
                let key = readings::key(reading.user, reading.conversation);
                self.row(key, |out| readings::encode(out, reading));
            }
        }
    }

    fn take_item(&mut self, user: UserId, item: &Item, supersedes: Version) {
        if supersedes != Version(0) {
            self.rows.insert(items::key(user, item.kind, supersedes), None);
        }
        self.row(items::key(user, item.kind, item.version), |out| items::encode(out, item));
        if item.value.is_none() {
            let key = tombstones::key(item.version, user, item.kind);
            self.row(key, |out| out.extend_from_slice(item.key.as_bytes()));
        }
        let key = items::version_key(user, item.kind, &item.key);
        self.row(key, |out| put_number(out, item.version.0));
        if let Some(of) = items::contact_of_key(item.kind, &item.key) {
            self.rows.insert(profiles::holder_key(of, user), item.value.as_ref().map(|_| Vec::new()));
        }
    }

    fn take_of_group(&mut self, effect: &GroupEffect) {
        match effect {
            GroupEffect::Row(row) => self.row(groups::key(row.group), |out| groups::encode(out, row)),
            GroupEffect::Member(row) => {
                let key = groups::member_key(row.group, row.user);
                self.row(key, |out| groups::encode_member(out, row));
            }
            GroupEffect::MemberGone { group, user } => {
                self.rows.insert(groups::member_key(*group, *user), None);
            }
            GroupEffect::FanOut { group, position: Some(position) } => {
                self.row(groups::position_key(*group), |out| groups::encode_position(out, position));
            }
            GroupEffect::FanOut { group, position: None } => {
                self.rows.insert(groups::position_key(*group), None);
            }
            GroupEffect::Door(row) => {
                self.row(group_doors::key(row.group), |out| group_doors::encode(out, row));
            }
            GroupEffect::Expanded(step) => {
                self.take_pointers(step.version, (step.group, step.seq), &step.pointers)
            }
        }
    }

    fn take_of_channel(&mut self, effect: &ChannelEffect) {
        match effect {
            ChannelEffect::Row(row) => self.row(channels::key(row.channel), |out| channels::encode(out, row)),
            ChannelEffect::Follow(row) => {
                let key = channels::follow_key(row.user, row.channel);
                self.row(key, |out| channels::encode_follow(out, row));
                let follows = row.is_open().then(Vec::new);
                self.rows.insert(channels::follower_key(row.channel, row.user), follows);
            }
            ChannelEffect::FollowGone { user, channel } => {
                self.rows.insert(channels::follow_key(*user, *channel), None);
                self.rows.insert(channels::follower_key(*channel, *user), None);
            }
            ChannelEffect::FollowCount { user, follows } => {
                let key = channels::follow_count_key(*user);
                self.row(key, |out| channels::encode_follow_count(out, *follows));
            }
            ChannelEffect::Posted(posted) => {
                self.posts.entry(posted.channel).or_default().push((posted.seq, posted.version));
            }
            ChannelEffect::Broadcasts(rows) => {
                self.row(broadcasts::key(), |out| broadcasts::encode(out, rows));
            }
        }
    }

    fn take_delivery(&mut self, version: Version, delivery: &Arc<Delivery>) {
        let message = &delivery.message;
        self.logs.entry(message.conversation).or_default().push(Arc::clone(delivery));
        self.take_pointers(version, (message.conversation, message.seq), &delivery.pointers);
        if delivery.was_sent() {
            let day = ReceiptDay { user: message.sender, day: delivery.day };
            self.receipts.entry(day).or_default().push(Arc::clone(delivery));
        }
    }

    fn take_pointers(
        &mut self,
        version: Version,
        (conversation, seq): (ConversationId, Seq),
        pointers: &[(UserId, Version)],
    ) {
        for (user, previous) in pointers {
            let pointer = Pointer { version, previous: *previous, conversation, seq };
            self.inboxes.entry(*user).or_default().push(pointer);
        }
    }

    /// Takes out what need not be written; returns how many entries are left and how many are not.
    fn leave_out(&mut self, through: impl Fn(UserId) -> Version) -> (u64, u64) {
        let (mut written, mut left_out) = (0, 0);
        for (user, pointers) in &mut self.inboxes {
            let (before, through) = (pointers.len(), through(*user));
            pointers.retain(|pointer| pointer.version > through);
            written += pointers.len() as u64;
            left_out += (before - pointers.len()) as u64;
        }
        (written, left_out)
    }

    /// Turns everything taken into writes. Rows come before what refers to them.
    fn pack(&mut self, is_erased: impl Fn(UserId) -> bool) {
        self.writes.extend(std::mem::take(&mut self.rows));
        for (conversation, deliveries) in std::mem::take(&mut self.logs) {
            let key = |delivery: &Arc<Delivery>| messages::chunk_key(conversation, delivery.message.seq);
            self.chunks(&deliveries, key, |out, delivery| {
                let message = &delivery.message;
                match is_erased(message.sender) {
                    true => messages::encode_in_chunk(out, delivery.version, &message.clone().erased()),
                    false => messages::encode_in_chunk(out, delivery.version, message),
                }
            });
        }
        let mut inboxes: Vec<(UserId, Vec<Pointer>)> =
            std::mem::take(&mut self.inboxes).into_iter().collect();
        inboxes.sort_unstable_by_key(|(user, _)| *user);
        for (user, pointers) in inboxes {
            self.chunks(&pointers, |pointer| inboxes::chunk_key(user, pointer.version), inboxes::encode);
        }
        for (channel, posts) in std::mem::take(&mut self.posts) {
            let key = |(seq, _): &(Seq, Version)| channels::chunk_key(channel, *seq);
            self.chunks(&posts, key, |out, (seq, version)| channels::encode_post(out, *seq, *version));
        }
        for (day, deliveries) in std::mem::take(&mut self.receipts) {
            let key = |delivery: &Arc<Delivery>| receipts::chunk_key(day, delivery.version);
            self.chunks(&deliveries, key, |out, delivery| {
                receipts::encode(out, delivery.message.id, &receipt_of(delivery));
            });
        }
    }

    /// Packs records into as few chunks as hold them; each is named by its first record.
    fn chunks<T>(&mut self, records: &[T], key: impl Fn(&T) -> Vec<u8>, encode: impl Fn(&mut Vec<u8>, &T)) {
        let mut bytes = Vec::new();
        let mut chunk = ChunkBuilder::new();
        let mut first = None;
        for record in records {
            bytes.clear();
            encode(&mut bytes, record);
            if !chunk.fits(bytes.len())
                && let Some(first) = first.take()
            {
                self.writes.push((first, Some(chunk.encode())));
                chunk = ChunkBuilder::new();
            }
            first.get_or_insert_with(|| key(record));
            chunk.push(&bytes).expect("a record fits an empty chunk: the longest content does");
        }
        if let Some(first) = first {
            self.writes.push((first, Some(chunk.encode())));
        }
    }
}

/// Cuts writes into batches within the limits, in order.
fn cut(writes: Vec<(Vec<u8>, Option<Vec<u8>>)>, batch_bytes_max: usize) -> Vec<IndexBatch> {
    let mut batches = Vec::new();
    let mut batch = IndexBatch::new();
    let mut bytes = 0;
    for (key, value) in writes {
        let length = key.len() + value.as_ref().map_or(0, Vec::len);
        if batch.room() == 0 || (bytes + length > batch_bytes_max && !batch.is_empty()) {
            batches.push(std::mem::take(&mut batch));
            bytes = 0;
        }
        bytes += length;
        let added = match value {
            Some(value) => batch.put(&key, value),
            None => batch.delete(&key),
        };
        added.expect("keys and values of every repository keep the engine's limits");
    }
    batches.push(batch);
    batches
}
