//! What is true: every record that was published, in order, and what each user must see of it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use highwater::model::{
    ApiKeys, Bodies, ClientMessageId, Content, ConversationId, Day, Delivery, DeviceId, Effect, GroupBounds,
    GroupEffect, Horizon, Kind, LineageId, Lineages, Operators, Record, Seq, TimeMs, UserId, Version,
    record::{Account, Conversation, Device, HostIdentityKey, Item, Run, SecretHash},
};

use crate::{channel_model::ChannelModel, group_model::Group, owned_groups::OwnedGroups};

/// By what a send is recognised.
pub type SendKey = (UserId, Day, ClientMessageId);

/// See the module.
#[derive(Default, Clone)]
pub struct Oracle {
    pub records: BTreeMap<Version, Arc<Record>>,
    /// Newest version published.
    pub last: Version,
    /// No version above it was ever given, not even to a batch that was lost.
    pub used: Version,
    pub logs: BTreeMap<ConversationId, Vec<Arc<Delivery>>>,
    pub conversations: BTreeMap<ConversationId, Conversation>,
    /// For how long messages are kept.
    pub bodies: Bodies,
    pub inboxes: BTreeMap<UserId, Vec<Arc<Delivery>>>,
    pub items: BTreeMap<(UserId, Kind, String), Item>,
    /// Tombstones among them that are not kept any more.
    pub gone: BTreeSet<(UserId, Kind, String)>,
    pub receipts: BTreeMap<SendKey, Arc<Delivery>>,
    pub devices: BTreeMap<DeviceId, Device>,
    pub names: BTreeMap<String, UserId>,
    pub accounts: BTreeMap<UserId, Account>,
    pub runs: Vec<Run>,
    pub invites: BTreeMap<SecretHash, TimeMs>,
    pub api_keys: ApiKeys,
    pub operators: Operators,
    pub host_identities: BTreeMap<HostIdentityKey, UserId>,
    pub lineages: BTreeMap<UserId, Lineages>,
    /// Silent for longer, a lineage holds nothing back.
    pub lineage_expiry_ms: i64,
    /// The observed time is never later than this, however the wall clock is set.
    pub now: TimeMs,
    /// Lineages for which something was let go because they had expired.
    pub expired: BTreeSet<LineageId>,
    /// Where each lineage that ever was began with messages.
    pub began: BTreeMap<LineageId, Version>,
    /// How far back is kept what goes by age.
    pub horizon: Horizon,
    /// When the newest batch was decided, and so whatever surfaces later.
    pub batch_at: TimeMs,
    /// When each version was decided.
    pub decided: BTreeMap<Version, TimeMs>,
    /// How far each user has read each conversation.
    pub read: BTreeMap<(UserId, ConversationId), Seq>,
    /// Sends that were told as refused and not sent again since.
    pub refused: BTreeSet<(SendKey, Content)>,
    /// Which of the restores, counted from 1, was the newest that began a lossy run.
    pub told_lossy: u64,
    pub groups: BTreeMap<ConversationId, Group>,
    pub channels: BTreeMap<ConversationId, ChannelModel>,
    /// Who follows a channel or did, remembered or not.
    pub has_followed: BTreeSet<UserId>,
    /// The newest pointer of each inbox; posts of channels are due besides, and are no pointers.
    pub pointers: BTreeMap<UserId, Version>,
    pub group_bounds: GroupBounds,
    pub owned_groups: OwnedGroups,
    /// Events of groups that are not counted yet.
    pub met: Vec<&'static str>,
}

impl Oracle {
    /// A record was published: it is checked against everything before it.
    pub fn publish(&mut self, record: &Arc<Record>) {
        assert!(record.version > self.last, "G4: version {} came after {}", record.version, self.last);
        self.last = record.version;
        self.judge_blocks(record);
        self.judge_strangers(record);
        let mut told: BTreeSet<(UserId, Kind)> = BTreeSet::new();
        for effect in &record.effects {
            match effect {
                Effect::Message(delivery) => {
                    self.take_mark(&delivery.message);
                    self.take_message(record.version, delivery);
                }
                Effect::Reading(reading) => self.take_reading(reading),
                Effect::Item { user, item, supersedes } => {
                    assert!(
                        told.insert((*user, item.kind)),
                        "one version for two items of a kind: pages cannot be cut"
                    );
                    assert_eq!(item.version, record.version, "an item bears the version of its operation");
                    let before = self.items.insert((*user, item.kind, item.key.clone()), item.clone());
                    let before = before.map(|item| item.version).unwrap_or_default();
                    let was_gone = self.gone.remove(&(*user, item.kind, item.key.clone()));
                    assert!(
                        *supersedes == before || (was_gone && *supersedes == Version(0)),
                        "G5: an item's older value stays where it was"
                    );
                }
                Effect::Account(account) => {
                    let owner = self.names.insert(account.name.to_lowercase(), account.user);
                    assert!(owner.is_none_or(|owner| owner == account.user), "a name went to two users");
                    self.accounts.insert(account.user, account.clone());
                }
                Effect::Device(device) => {
                    self.devices.insert(device.device, device.clone());
                }
                Effect::Lineages(lineages) => self.take_lineages(lineages, record.version),
                Effect::DeviceEnded { device, .. } => {
                    assert!(self.devices.remove(device).is_some(), "a device ended twice");
                }
                Effect::Run(run) => {
                    assert!(record.version > self.used, "G4: run {} gives versions again", run.number);
                    self.runs.push(*run);
                }
                Effect::Invite(invite) => drop(self.invites.insert(invite.hash, invite.expires)),
                Effect::InviteGone(hash) => {
                    assert!(self.invites.remove(hash).is_some(), "an invite was used twice");
                }
                Effect::Time(time) => assert!(*time <= self.now, "time runs ahead"),
                Effect::ItemGone { user, kind, key, version } => {
                    self.take_item_gone((*user, *kind, key.clone()), *version);
                }
                Effect::Horizon(horizon) => self.take_horizon(horizon),
                Effect::Conversation(row) => self.take_conversation(row),
                Effect::Group(GroupEffect::Expanded(step)) => self.take_step(step),
                Effect::HostIdentity(identity) => {
                    let owner = self.host_identities.insert(identity.key, identity.user);
                    assert!(owner.is_none(), "a host app's user got two accounts");
                }
                Effect::ApiKeys(keys) => self.api_keys = keys.clone(),
                Effect::Operators(operators) => self.operators = operators.clone(),
                Effect::Channel(effect) => self.take_channel(effect, record.version),
                Effect::AccountGone { .. } | Effect::Erasure(_) => panic!("these histories erase nobody"),
                // What it says of items is judged by these.
                Effect::ProfileChanged(_) => {}
                // Judged when the whole record is taken.
                Effect::Group(_) | Effect::ContactTally(_) | Effect::Owned(_) => {}
            }
        }
        self.judge_requests(record);
        self.judge_groups(record);
        self.owned_groups.judge(record);
        self.judge_channels(record);
        self.used = self.used.max(record.version);
        self.decided.insert(record.version, self.batch_at);
        self.records.insert(record.version, Arc::clone(record));
    }

    fn take_lineages(&mut self, new: &Lineages, version: Version) {
        let head = self.inbox_head(new.user);
        let old = self.lineages.insert(new.user, new.clone()).unwrap_or_else(|| Lineages::none(new.user));
        assert!(old.floor <= new.floor, "G3: the floor of {} fell", new.user);
        self.take_tombstone_floors(&old, new);
        for row in &new.rows {
            match old.get(row.id) {
                Some(before) => assert!(
                    before.acked.iter().zip(&row.acked).all(|(before, after)| before <= after),
                    "G3: a stored mark of {:?} fell",
                    row.id
                ),
                None => {
                    let is_first = old.rows.is_empty();
                    let follows = self.follows_something(new.user);
                    let pointer = self.pointers.get(&new.user).copied().unwrap_or_default();
                    let from = match (is_first, follows) {
                        (true, _) => old.floor,
                        (false, true) => version,
                        (false, false) => pointer,
                    };
                    assert_eq!(row.from, from, "G1: lineage {:?} begins somewhere else", row.id);
                    self.began.insert(row.id, row.from);
                }
            }
            let acked = row.acked_messages();
            assert!(acked <= head.max(row.from), "G3: acked {acked}, head {head}");
            if acked < new.floor && !self.expired.contains(&row.id) {
                self.expired.insert(row.id);
                if self.is_retired(new.floor) {
                    continue;
                }
                let silent_ms = self.now.0 - row.heard.0;
                assert!(
                    silent_ms >= self.lineage_expiry_ms,
                    "G6: floor {}, acked {acked}, heard of {silent_ms} ms ago",
                    new.floor
                );
            }
        }
    }

    fn take_message(&mut self, version: Version, delivery: &Arc<Delivery>) {
        let message = &delivery.message;
        let log = self.logs.entry(message.conversation).or_default();
        let (seq, head) = (message.seq.0, log.len() as u64);
        assert!(seq > head, "G4: seq {seq} of conversation {} was given twice", message.conversation);
        assert_eq!(seq, head + 1, "G2: a hole in conversation {}", message.conversation);
        assert_eq!(delivery.version, version, "a delivery bears the version of its operation");
        log.push(Arc::clone(delivery));
        self.take_pointers(delivery);
        if !delivery.was_sent() {
            return;
        }
        assert!(
            delivery.is_in_own_inbox() || self.is_group(message.conversation),
            "the sender has a pointer too"
        );
        let key = (message.sender, delivery.day, message.id);
        let before = self.receipts.insert(key, Arc::clone(delivery));
        assert!(before.is_none(), "G8: one client message id stands in the log twice");
        assert!(
            !self.refused.contains(&(key, message.content.clone())),
            "what was told as refused was decided later"
        );
    }

    /// Everybody who is pointed to a delivery has it after everything before.
    pub fn take_pointers(&mut self, delivery: &Arc<Delivery>) {
        for (user, previous) in &delivery.pointers {
            let last = self.pointers.insert(*user, delivery.version).unwrap_or_default();
            // Of an inbox from which everything was removed the floor is known, which may be that of a post.
            let floor = self.lineages.get(user).map_or(Version(0), |lineages| lineages.floor);
            let is_floor = *previous == floor && floor > last;
            assert!(
                *previous == last || is_floor,
                "G1: inbox of {user}: a pointer names {previous}, which is not the last, {last}"
            );
            self.inboxes.entry(*user).or_default().push(Arc::clone(delivery));
        }
    }

    /// The store was opened: everything above the index's reach was replayed. Returns what was not published before: the
    /// batch that was in doubt, and the record of the new run.
    pub fn reopened(&mut self, replayed: &[Arc<Record>], reach: Version) -> Vec<Arc<Record>> {
        let known: Vec<&Arc<Record>> = self.records.range(reach.next()..).map(|(_, record)| record).collect();
        let found: Vec<&Arc<Record>> = replayed.iter().filter(|record| record.version <= self.last).collect();
        let versions =
            |records: &[&Arc<Record>]| records.iter().map(|record| record.version).collect::<Vec<_>>();
        assert_eq!(versions(&found), versions(&known), "G1: what was published is not what was replayed");
        assert!(found == known, "G4: a version came back with another content");
        let new: Vec<_> = replayed.iter().filter(|record| record.version > self.last).cloned().collect();
        for record in &new {
            self.publish(record);
        }
        new
    }

    /// All floors together: it grows when one is raised.
    pub fn floors(&self) -> u64 {
        self.lineages.values().map(|lineages| lineages.floor.0).sum()
    }

    /// Newest of what a user was given: of an inbox, or a post.
    pub fn inbox_head(&self, user: UserId) -> Version {
        self.inboxes.get(&user).and_then(|inbox| inbox.last()).map(|entry| entry.version).unwrap_or_default()
    }

    /// What a user was given above a version, in order.
    pub fn inbox_above(&self, user: UserId, mark: Version) -> &[Arc<Delivery>] {
        let Some(inbox) = self.inboxes.get(&user) else {
            return &[];
        };
        &inbox[inbox.partition_point(|entry| entry.version <= mark)..]
    }

    /// Items of a user.
    pub fn items_of(&self, user: UserId) -> impl Iterator<Item = &Item> {
        let from = (user, Kind(0), String::new());
        self.items.range(from..).take_while(move |((owner, ..), _)| *owner == user).map(|(_, item)| item)
    }

    /// Whether a device may still ask.
    pub fn is_live(&self, device: DeviceId) -> bool {
        self.devices.contains_key(&device)
    }

    /// Whether a device is live and may come in.
    pub fn is_let_in(&self, device: DeviceId) -> bool {
        self.devices.get(&device).is_some_and(|device| !device.suspended)
    }
}
