//! One read of the store: the tail pinned first, then the index, nothing above the bound.

use std::{collections::HashMap, ops::ControlFlow, sync::Arc};

use super::{
    accounts, api_keys, conversations, devices,
    engine::{Engine, prefix_end},
    field::Malformed,
    host_identities, index_writer, invites, keys, lineages, operators,
    packing::Chunk,
    receipts, runs,
    tail::{Pin, Tail},
    view_scan::whole,
};
pub use super::{
    view_bodies::LogPrefix, view_cleanup::Standing, view_fault::ReadFault, view_retention::Tombstone,
};
use crate::{
    model::{
        ApiKeys, ClientMessageId, ConversationId, DeviceId, Kind, Lineages, Operators, Seq, TimeMs, UserId,
        Version,
        limits::{CHANNEL_POSTS_MAX, KINDS_MAX},
        record::{
            Account, Conversation, Device, HostIdentityKey, Invite, Item, Receipt, ReceiptDay, Run,
            SecretHash,
        },
    },
    sync::{Messages, PageLimits},
};

/// See the module. Holds the tail for as long as it lives, so it is kept for one page and dropped.
pub struct View {
    pub(super) pin: Pin,
    pub(super) engine: Arc<dyn Engine>,
}

impl View {
    /// Begins a read.
    #[must_use]
    pub fn new(tail: &Arc<Tail>, engine: &Arc<dyn Engine>) -> View {
        View { pin: tail.pin(), engine: Arc::clone(engine) }
    }

    /// The durable head when the read began.
    #[must_use]
    pub fn bound(&self) -> Version {
        self.pin.bound
    }

    /// # Errors
    /// When the index cannot be read.
    pub fn account(&self, user: UserId) -> Result<Option<Account>, ReadFault> {
        match self.pin.account(user) {
            Some(row) => Ok(row),
            None => self.row(&accounts::key(user), accounts::decode),
        }
    }

    /// # Errors
    /// When the index cannot be read.
    pub fn user_of_name(&self, name_key: &str) -> Result<Option<UserId>, ReadFault> {
        match self.pin.user_of_name(name_key) {
            Some(row) => Ok(row),
            None => self.row(&accounts::name_row_key(name_key), |input| input.user()),
        }
    }

    /// # Errors
    /// When the index cannot be read.
    pub fn device(&self, device: DeviceId) -> Result<Option<Device>, ReadFault> {
        match self.pin.device(device) {
            Some(row) => Ok(row),
            None => self.row(&devices::key(device), devices::decode),
        }
    }

    /// The device of a token, if both exist.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn device_of_token(&self, token: &SecretHash) -> Result<Option<Device>, ReadFault> {
        let owner = match self.pin.owner_of_token(token) {
            Some(owner) => owner,
            None => self.row(&devices::token_key(token), devices::decode_owner)?,
        };
        match owner {
            Some((_, device)) => self.device(device),
            None => Ok(None),
        }
    }

    /// # Errors
    /// When the index cannot be read.
    pub fn conversation(&self, conversation: ConversationId) -> Result<Option<Conversation>, ReadFault> {
        match self.pin.conversation(conversation) {
            Some(row) => Ok(row),
            None => self.row(&conversations::key(conversation), conversations::decode),
        }
    }

    /// # Errors
    /// When the index cannot be read.
    pub fn invite(&self, hash: &SecretHash) -> Result<Option<Invite>, ReadFault> {
        match self.pin.invite(hash) {
            Some(row) => Ok(row),
            None => self.row(&invites::key(hash), invites::decode),
        }
    }

    /// The user of a host app's identity, if there is one yet.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn user_of_host_identity(&self, key: &HostIdentityKey) -> Result<Option<UserId>, ReadFault> {
        match self.pin.user_of_host_identity(key) {
            Some(user) => Ok(user),
            None => {
                let row = self.row(&host_identities::key(key), host_identities::decode)?;
                Ok(row.map(|identity| identity.user))
            }
        }
    }

    /// All API keys.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn api_keys(&self) -> Result<ApiKeys, ReadFault> {
        match self.pin.api_keys() {
            Some(keys) => Ok(keys),
            None => Ok(self.row(&api_keys::key(), api_keys::decode)?.unwrap_or_default()),
        }
    }

    /// All named operators.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn operators(&self) -> Result<Operators, ReadFault> {
        match self.pin.operators() {
            Some(operators) => Ok(operators),
            None => Ok(self.row(&operators::key(), operators::decode)?.unwrap_or_default()),
        }
    }

    /// The lineages of a user, and the floor of the inbox, as they are durable now.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn lineages(&self, user: UserId) -> Result<Lineages, ReadFault> {
        let row = match self.pin.lineages(user) {
            Some(row) => Some(row),
            None => self.row(&lineages::key(user), lineages::decode)?,
        };
        Ok(row.unwrap_or_else(|| Lineages::none(user)))
    }

    /// Everything that one user sent on one day.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn receipts(&self, day: ReceiptDay) -> Result<HashMap<ClientMessageId, Receipt>, ReadFault> {
        let mut found = HashMap::new();
        let from = receipts::day_prefix(day);
        let to = prefix_end(&from).unwrap_or_default();
        self.visit(&from, &to, |_, value| {
            for record in Chunk::decode(value).map_err(Malformed::Packing)?.iter() {
                let (id, receipt) = whole(record, receipts::decode)?;
                found.insert(id, receipt);
            }
            Ok(ControlFlow::Continue(()))
        })?;
        let inbox = self.pin.inbox_above(day.user, Version(0), usize::MAX);
        let of_inbox = inbox.into_iter().filter_map(|entry| entry.delivery);
        for delivery in of_inbox.chain(self.pin.unpointed(day.user)) {
            let is_own = delivery.message.sender == day.user && delivery.was_sent();
            if is_own && delivery.day == day.day {
                found.insert(delivery.message.id, receipt_of(&delivery));
            }
        }
        Ok(found)
    }

    /// The newest observed time that the index knows.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn indexed_time(&self) -> Result<Option<TimeMs>, ReadFault> {
        self.row(&index_writer::time_key(), |input| input.time())
    }

    /// Every run that the index knows, oldest first.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn runs(&self) -> Result<Vec<Run>, ReadFault> {
        let mut found = Vec::new();
        let from = vec![keys::RUN];
        self.visit(&from, &[keys::RUN + 1], |_, value| {
            found.push(whole(value, runs::decode)?);
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(found)
    }
}

/// A view as one user sees it: what pages are drained from.
pub struct UserView<'a> {
    /// The read.
    pub view: &'a View,
    /// Whose.
    pub user: UserId,
}

impl crate::sync::Source for UserView<'_> {
    type Fault = ReadFault;

    fn items_above(&self, kind: Kind, mark: Version, items_max: usize) -> Result<Vec<Item>, ReadFault> {
        self.view.named_now(self.view.items_above(self.user, kind, mark, items_max)?)
    }

    fn hidden_through(&self, kind: Kind) -> Result<Version, ReadFault> {
        Ok(self.view.pin.item_above_the_bound(self.user, kind).unwrap_or_default())
    }

    fn messages_above(&self, mark: Version, limits: PageLimits) -> Result<Messages, ReadFault> {
        self.view.messages_above(self.user, mark, limits, CHANNEL_POSTS_MAX)
    }

    fn floor(&self) -> Result<Version, ReadFault> {
        Ok(self.view.lineages(self.user)?.floor)
    }

    fn head_at(&self, conversation: ConversationId, through: Version) -> Result<Seq, ReadFault> {
        let head = self.view.head_at(conversation, through)?;
        if !self.view.conversation(conversation)?.is_some_and(|row| row.is_group()) {
            return Ok(head);
        }
        // Who was in a group once, or followed a channel, keeps what it said until then.
        let times = self.view.times(conversation, self.user, head)?;
        let last = times.iter().rfind(|time| time.first <= head);
        Ok(last.map_or(Seq(0), |time| head.min(time.last)))
    }

    fn kind_floors(&self) -> Result<[Version; KINDS_MAX], ReadFault> {
        Ok(self.view.lineages(self.user)?.tombstones)
    }

    fn bound(&self) -> Version {
        self.view.bound()
    }
}

/// What is remembered of a delivery, to recognise it when it is sent again.
#[must_use]
pub fn receipt_of(delivery: &crate::model::Delivery) -> Receipt {
    Receipt {
        conversation: delivery.message.conversation,
        seq: delivery.message.seq,
        sent_at: delivery.message.sent_at,
        fingerprint: delivery.fingerprint,
    }
}

impl crate::sync::Whole for UserView<'_> {
    fn changed_since(&self, kind: Kind, key: &str) -> Result<bool, ReadFault> {
        Ok(self.view.item_version(self.user, kind, key)? > self.view.bound())
    }

    fn version_as_told(&self, item: &Item) -> Result<Version, ReadFault> {
        self.view.version_as_told(item)
    }
}
