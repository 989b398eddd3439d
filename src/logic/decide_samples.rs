//! Rows for tests of the deciders: a small store that a reader would read, and the state warmed from it.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use bytes::Bytes;

use super::{
    ConversationState, GroupState, Need, Operation, Principal, Request, State, Warm, lacking,
    operation::{ChangeContact, ContactChange, NewDevice, Register, Send, Target},
};
use crate::model::{
    ApiKeys, Broadcasts, ClientMessageId, Contact, ContactTally, Content, ConversationId, Counted, Custom,
    Day, DeviceId, Erasure, Follow, Kind, KindSet, Lineage, LineageId, Lineages, Operators, Profile, Reading,
    Seq, TimeMs, UserId, Version,
    record::{Account, Conversation, Device, HostIdentityKey, Invite, Receipt, ReceiptDay, SecretHash},
};

/// Day 20,000, a little after midnight.
pub(super) const NOW: TimeMs = TimeMs(20_000 * 86_400_000 + 5);
/// Its day.
pub(super) const TODAY: Day = Day(20_000);

/// Everything that is stored; what is not there does not exist.
#[derive(Default, Clone)]
pub(super) struct Rows {
    pub(super) accounts: BTreeMap<UserId, Account>,
    pub(super) names: BTreeMap<String, UserId>,
    pub(super) devices: BTreeMap<DeviceId, Device>,
    pub(super) conversations: BTreeMap<ConversationId, ConversationState>,
    pub(super) inboxes: BTreeMap<UserId, Version>,
    pub(super) receipts: BTreeMap<ReceiptDay, HashMap<ClientMessageId, Receipt>>,
    pub(super) invites: BTreeMap<SecretHash, Invite>,
    pub(super) api_keys: ApiKeys,
    pub(super) operators: Operators,
    pub(super) host_identities: BTreeMap<HostIdentityKey, UserId>,
    pub(super) items: BTreeMap<(UserId, Kind, String), Version>,
    pub(super) lineages: BTreeMap<UserId, Lineages>,
    pub(super) groups: BTreeMap<ConversationId, GroupState>,
    pub(super) contacts: BTreeMap<(UserId, UserId), Contact>,
    pub(super) contact_tallies: BTreeMap<UserId, ContactTally>,
    pub(super) broadcasts: Broadcasts,
    pub(super) follows: BTreeMap<(UserId, ConversationId), Follow>,
    pub(super) erasures: BTreeMap<UserId, Erasure>,
}

impl Rows {
    /// Adds a user with devices 10 × user + 1, + 2…, named `u` and the number.
    pub(super) fn user(mut self, user: u64, devices: u64) -> Rows {
        let name = format!("u{user}");
        let ids: Vec<DeviceId> = (1..=devices).map(|place| DeviceId(10 * user + place)).collect();
        for device in &ids {
            self.devices.insert(*device, device_row(UserId(user), *device));
        }
        self.names.insert(name.clone(), UserId(user));
        let mut lineages = Lineages::none(UserId(user));
        for device in &ids {
            let id = LineageId { device: *device, context: 0 };
            lineages.add(Lineage::new(id, Version(0), KindSet::ALL, NOW));
        }
        self.lineages.insert(UserId(user), lineages);
        let account = Account {
            user: UserId(user),
            name,
            password: None,
            created: TimeMs(1),
            devices: ids,
            suspended: false,
            bot: false,
            made_by: None,
            profile: Profile::default(),
            strangers: None,
        };
        self.accounts.insert(UserId(user), account);
        self
    }

    /// Adds a conversation under an id, with so many messages.
    pub(super) fn conversation(mut self, conversation: ConversationId, members: [u64; 2], head: u64) -> Rows {
        let row = Conversation {
            conversation,
            members: members.map(UserId),
            created: TimeMs(1),
            oldest: Seq(1),
            let_go: Version(0),
        };
        let (head, counted) = (Seq(head), Counted::at(Seq(head), head));
        self.conversations.insert(conversation, ConversationState { row, head, counted });
        self
    }

    /// Adds what a user has of another, as version 50, and counts it.
    pub(super) fn contact(mut self, owner: u64, contact: Contact) -> Rows {
        let owner = UserId(owner);
        self.items.insert((owner, Kind(2), contact.user.to_string()), Version(50));
        let tally = self.contact_tallies.entry(owner).or_insert(ContactTally::none(owner));
        tally.blocked += u32::from(contact.is_blocked);
        self.contacts.insert((owner, contact.user), contact);
        self
    }

    /// What a reader finds for a need.
    pub(super) fn read(&self, need: Need) -> Warm {
        match need {
            Need::Account(user) => Warm::Account(user, self.accounts.get(&user).cloned()),
            Need::Name(name) => {
                let user = self.names.get(&name).copied();
                Warm::Name(name, user)
            }
            Need::Device(device) => Warm::Device(device, self.devices.get(&device).cloned()),
            Need::Conversation(id) => Warm::Conversation(id, self.conversations.get(&id).copied()),
            Need::Inbox(user) => Warm::Inbox(user, self.inboxes.get(&user).copied().unwrap_or_default()),
            Need::Receipts(day) => Warm::Receipts(day, self.receipts.get(&day).cloned().unwrap_or_default()),
            Need::Lineages(user) => {
                let none = || Lineages::none(user);
                Warm::Lineages(user, self.lineages.get(&user).cloned().unwrap_or_else(none))
            }
            Need::Invite(hash) => Warm::Invite(hash, self.invites.get(&hash).copied()),
            Need::HostIdentity(key) => Warm::HostIdentity(key, self.host_identities.get(&key).copied()),
            Need::ApiKeys => Warm::ApiKeys(self.api_keys.clone()),
            Need::Operators => Warm::Operators(self.operators.clone()),
            Need::Item(user, kind, key) => {
                let version = self.items.get(&(user, kind, key.clone())).copied().unwrap_or_default();
                Warm::Item(user, kind, key, version)
            }
            Need::Erasure(user) => Warm::Erasure(user, self.erasures.get(&user).copied()),
            Need::Group(group) => Warm::Group(group, self.groups.get(&group).cloned()),
            Need::Contact(owner, other) => {
                Warm::Contact(owner, other, self.contacts.get(&(owner, other)).cloned().map(Box::new))
            }
            Need::ContactTally(user) => {
                let tally = self.contact_tallies.get(&user).cloned();
                Warm::ContactTally(tally.unwrap_or_else(|| ContactTally::none(user)))
            }
            Need::Follow(user, channel) => {
                Warm::Follow(user, channel, self.follows.get(&(user, channel)).cloned())
            }
            Need::FollowCount(user) => {
                let count = self.follows.keys().filter(|(follower, _)| *follower == user).count();
                Warm::FollowCount(user, count as u32)
            }
            Need::Owned(user) => {
                let is_owner = |held: &&GroupState| super::channels::owner_of(held) == Some(user);
                Warm::Owned(user, self.groups.values().filter(is_owner).count() as u32)
            }
            Need::Broadcasts => Warm::Broadcasts(self.broadcasts.clone()),
            Need::Followers(channel) => {
                let open =
                    self.follows.values().filter(|follow| follow.channel == channel && follow.is_open());
                Warm::Followers(channel, open.map(|follow| follow.user).collect())
            }
            Need::Reading(user, conversation) => Warm::Reading(Box::new(Reading::none(user, conversation))),
            // As if two notices stood at the beginning.
            Need::Count(conversation, seq) => Warm::Count(conversation, seq, seq.0.saturating_sub(2)),
        }
    }

    /// Warms exactly what an operation lacks, as often as it takes. Returns what was read.
    pub(super) fn warm(&self, state: &mut State, operation: &Operation) -> Vec<Need> {
        let mut asked = Vec::new();
        loop {
            let needs = lacking(state, operation);
            if needs.is_empty() {
                return asked;
            }
            asked.extend(needs.iter().cloned());
            assert!(state.warm(needs.into_iter().map(|need| self.read(need)).collect(), Version(1 << 40)));
        }
    }
}

pub(super) fn device_row(user: UserId, device: DeviceId) -> Device {
    let token = [device.0 as u8; 32];
    Device { device, user, name: "d".to_owned(), class: 1, token, created: TimeMs(1), suspended: false }
}

pub(super) fn by(user: u64, device: u64) -> Principal {
    Principal { user: UserId(user), device: DeviceId(device) }
}

pub(super) fn at(request: Request) -> Operation {
    Operation { at: NOW, request }
}

/// A send under an id made of one byte.
pub(super) fn send(by: Principal, to: Target, id: u8, text: &str) -> Request {
    send_content(by, to, id, text.into())
}

/// The same with any content.
pub(super) fn send_content(by: Principal, to: Target, id: u8, content: Content) -> Request {
    Request::Send(Send { by, to, id: ClientMessageId([id; 16]), day: TODAY, content, shown: Seq(0) })
}

/// A custom message.
pub(super) fn custom(schema: &str, json: &str, fallback: &str) -> Content {
    let [schema, json, fallback] =
        [schema, json, fallback].map(|text| Bytes::copy_from_slice(text.as_bytes()));
    Content::Custom(Arc::new(Custom { schema, json, fallback }))
}

/// A change with regard to another one.
pub(super) fn change_contact(by: Principal, other: u64, change: ContactChange) -> Request {
    Request::ChangeContact(ChangeContact { by, other: UserId(other), change })
}

pub(super) fn new_device(user: u64, device: u64) -> NewDevice {
    let row = device_row(UserId(user), DeviceId(device));
    NewDevice {
        user: row.user,
        device: row.device,
        name: row.name,
        class: row.class,
        token: row.token,
        in_place_of: None,
        proven: None,
    }
}

pub(super) fn register(user: u64, name: &str, invite: Option<SecretHash>) -> Request {
    let device = new_device(user, 10 * user + 1);
    Request::Register(Register {
        user: UserId(user),
        name: name.to_owned(),
        password: None,
        invite,
        host_identity: None,
        device,
    })
}
