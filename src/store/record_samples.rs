//! Records for tests: messages between users whose pointers and seqs are in order, and one sample of every effect.

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;

use super::{engine::Engine, engine_memory::MemoryEngine, index_writer, log_record, tail::Tail, view::View};
use crate::model::{
    Announcement, ApiKey, ApiKeyId, ApiKeys, Asking, AskingState, Broadcast, Broadcasts, Channel,
    ChannelEffect, ClientMessageId, Contact, ContactTally, Content, ConversationId, Custom, Day, Delivery,
    DeviceId, Door, Effect, Erasure, Expansion, Follow, FollowEnd, FollowInterval, Form, Group, GroupEffect,
    HeardSince, Horizon, Interval, Kind, KindSet, Lineage, LineageId, Lineages, Link, Member, NamedOperator,
    Notice, OperatorRole, Operators, Owned, Position, Posted, Profile, Reading, Record, Role, RunNumber, Seq,
    Standing, Strangers, TimeMs, Turn, UserId, Version,
    api_key::{ActsFor, Scope, Scopes},
    limits::KINDS_MAX,
    record::{Account, Conversation, Device, HostIdentity, Invite, Item, ItemValue, Message, Run},
};

/// The day of every sample message.
pub(super) const DAY: Day = Day(20_000);

/// A store in memory, with the numbers that its committer would keep.
pub(super) struct Samples {
    pub(super) tail: Arc<Tail>,
    pub(super) engine: Arc<dyn Engine>,
    last: Version,
    heads: BTreeMap<ConversationId, Seq>,
    inboxes: BTreeMap<UserId, Version>,
}

impl Samples {
    pub(super) fn new() -> Samples {
        Samples {
            tail: Arc::new(Tail::new(Version(0))),
            engine: Arc::new(MemoryEngine::new()),
            last: Version(0),
            heads: BTreeMap::new(),
            inboxes: BTreeMap::new(),
        }
    }

    /// A message of one user to another, published. Returns its version.
    pub(super) fn say(&mut self, sender: u64, peer: u64, text: &str) -> Version {
        let version = self.last.next();
        let (sender, peer) = (UserId(sender), UserId(peer));
        let conversation = ConversationId::direct(sender, peer, 0);
        let seq = self.heads.entry(conversation).or_default();
        *seq = seq.next();
        let message = Message {
            conversation,
            seq: *seq,
            sender,
            sent_at: TimeMs(1_700_000_000_000 + version.0 as i64),
            id: ClientMessageId([version.0 as u8; 16]),
            content: text.into(),
            count: seq.0,
            read: *seq,
        };
        let audience = if sender == peer { vec![sender] } else { vec![sender, peer] };
        let pointers =
            audience.into_iter().map(|user| (user, self.inboxes.insert(user, version).unwrap_or_default()));
        let delivery = Delivery {
            version,
            message,
            day: DAY,
            fingerprint: version.0 ^ 0xabcd,
            pointers: pointers.collect(),
        };
        self.publish(vec![Effect::Message(Arc::new(delivery))])
    }

    /// A document of a user, published.
    pub(super) fn put(&mut self, user: u64, key: &str, value: Option<&str>, supersedes: Version) -> Version {
        let version = self.last.next();
        let value = value.map(|value| ItemValue::Document(value.to_owned()));
        let item = Item { kind: Kind(5), key: key.to_owned(), version, value };
        self.publish(vec![Effect::Item { user: UserId(user), item, supersedes }])
    }

    pub(super) fn publish(&mut self, effects: Vec<Effect>) -> Version {
        self.last = self.last.next();
        let record = Record { version: self.last, effects };
        let mut bytes = Vec::new();
        log_record::encode(&mut bytes, &record);
        self.tail.publish(vec![(Arc::new(record), bytes.len())]);
        self.last
    }

    pub(super) fn view(&self) -> View {
        View::new(&self.tail, &self.engine)
    }

    /// Applies the first batches of an index step and stops there, as a crash does.
    pub(super) fn index_cut(&self, kept_batches: usize) {
        let records = self.tail.unindexed(usize::MAX);
        let Some(last) = records.last() else { return };
        let left_out = |user| {
            let lineages = self.tail.lineages(user);
            lineages.map_or(Version(0), |row| row.left_out_through(HeardSince(TimeMs(0))))
        };
        let is_erased = |user| self.tail.is_erased(user);
        let step = index_writer::step_without(&records, last.version, 1, left_out, is_erased);
        for batch in step.batches.into_iter().take(kept_batches) {
            self.engine.apply(&batch).expect("the engine in memory does not fail");
        }
    }

    /// Brings the index to the head, and lets the tail go as far as nobody holds it.
    pub(super) fn index_all(&self) {
        let records = self.tail.unindexed(usize::MAX);
        if let Some(last) = records.last() {
            self.index_cut(usize::MAX);
            self.tail.index_reached(last.version);
        }
        self.tail.retire();
    }
}

fn door(group: ConversationId) -> Effect {
    let asking = |user, state| Asking {
        user: UserId(user),
        at: TimeMs(1_700_000_000_456),
        greeting: "It is Böb".to_owned(),
        state,
    };
    let link = |id, used| Link {
        id: [id; 16],
        hash: [0xa5; 32],
        by: UserId(7),
        until: TimeMs(1_800_000_000_000),
        uses_max: 300,
        used,
    };
    Effect::Group(GroupEffect::Door(Door {
        group,
        links: vec![link(1, 0), link(2, 129)],
        approval: true,
        asking: vec![
            asking(7, AskingState::Waiting),
            asking(8, AskingState::Refused),
            asking(9, AskingState::Withdrawn),
        ],
    }))
}

fn of_channel(channel: ConversationId) -> Vec<Effect> {
    let turns = vec![Turn { at: Seq(129), to: Form::Channel }, Turn { at: Seq(300), to: Form::Group }];
    let row = Channel { channel, followers: 100_000, changed: Version(70_000), before: Form::Group, turns };
    vec![Effect::Channel(ChannelEffect::Row(row))]
}

fn followed(user: UserId, channel: ConversationId) -> Vec<Effect> {
    let end = |seq, version| FollowEnd { seq: Seq(seq), version: Version(version) };
    let closed = FollowInterval { after: end(0, 300), through: Some(end(129, 69_000)) };
    let open = FollowInterval { after: end(300, 70_000), through: None };
    let follow = Follow { user, channel, intervals: vec![closed, open] };
    let count = ChannelEffect::FollowCount { user, follows: 499 };
    vec![Effect::Channel(ChannelEffect::Follow(follow)), Effect::Channel(count)]
}

fn unfollowed(user: UserId, channel: ConversationId) -> Vec<Effect> {
    let end = |seq, version| FollowEnd { seq: Seq(seq), version: Version(version) };
    let closed = FollowInterval { after: end(0, 300), through: Some(end(129, 70_000)) };
    let follow = Follow { user: UserId(9), channel, intervals: vec![closed] };
    let gone = ChannelEffect::FollowGone { user, channel };
    vec![Effect::Channel(ChannelEffect::Follow(follow)), Effect::Channel(gone)]
}

/// An entry of a channel is put on the number line.
pub(super) fn posted(channel: ConversationId, seq: u64, version: u64) -> Effect {
    let posted = Posted { channel, seq: Seq(seq), version: Version(version) };
    Effect::Channel(ChannelEffect::Posted(posted))
}

/// One channel that everybody follows, and one for which users are left.
fn broadcasts(channel: ConversationId, user: UserId) -> Effect {
    let done = Broadcast { channel, begun: Version(300), left_after: None };
    let under_way = Broadcast { channel: ConversationId(7), begun: Version(70_000), left_after: Some(user) };
    Effect::Channel(ChannelEffect::Broadcasts(Broadcasts(vec![done, under_way])))
}

/// One record of every effect, and of every value that it can hold.
pub(super) fn every_effect() -> Vec<(&'static str, Vec<Effect>)> {
    let (ann, bob) = (UserId(0x0102_0304_0506_0708), UserId(9));
    let conversation = ConversationId(0xfeed_face_cafe_beef);
    let item = |key: &str, value| Effect::Item {
        user: ann,
        item: Item { kind: Kind(3), key: key.to_owned(), version: Version(70_000), value },
        supersedes: Version(69_999),
    };
    let contact = |contact| Some(ItemValue::Contact(Box::new(contact)));
    let account = |password: Option<&str>, devices| {
        let (name, password) = ("Ann Ärger".to_owned(), password.map(str::to_owned));
        let (created, suspended) = (TimeMs(1_700_000_000_123), false);
        let (bot, made_by) = (false, None);
        let (profile, strangers) = (Profile::default(), None);
        Effect::Account(Account {
            user: ann,
            name,
            password,
            created,
            devices,
            suspended,
            bot,
            made_by,
            profile,
            strangers,
        })
    };
    let device = Device {
        device: DeviceId(0xd1),
        user: ann,
        name: "Telefon".to_owned(),
        class: 2,
        token: [0x5a; 32],
        created: TimeMs(-1),
        suspended: false,
    };
    let suspended = vec![
        Effect::Account(Account {
            user: ann,
            name: "Ann Ärger".to_owned(),
            password: None,
            created: TimeMs(5),
            devices: vec![DeviceId(0xd1)],
            suspended: true,
            bot: false,
            made_by: None,
            profile: Profile::default(),
            strangers: None,
        }),
        Effect::Device(Device { suspended: true, ..device.clone() }),
    ];
    let message = |content: Content| Message {
        conversation,
        seq: Seq(129),
        sender: ann,
        sent_at: TimeMs(1_700_000_000_456),
        id: ClientMessageId([7; 16]),
        count: if content.counts() { 129 } else { 127 },
        read: if content.counts() { Seq(129) } else { Seq(0) },
        content,
    };
    let delivery = |content, pointers| {
        let message = message(content);
        Effect::Message(Arc::new(Delivery {
            version: Version(70_000),
            message,
            day: DAY,
            fingerprint: 0x1122_3344,
            pointers,
        }))
    };
    // The newest of some entries between which its sender read nothing, in a log with notices.
    let behind = {
        let message = Message { count: 120, read: Seq(64), ..message("again".into()) };
        let (version, pointers) = (Version(70_000), vec![(ann, Version(69_000))]);
        Effect::Message(Arc::new(Delivery { version, message, day: DAY, fingerprint: 7, pointers }))
    };
    let reading = Reading {
        as_of: Seq(300),
        read: Seq(129),
        read_count: 127,
        own: vec![Seq(130), Seq(300)],
        muted_until: TimeMs(i64::MAX),
        pinned: true,
        ..Reading::none(ann, conversation)
    };
    let custom = |fallback: &'static str| {
        let (schema, json) =
            (Bytes::from_static(b"poll/1"), Bytes::from_static(b"{\"answers\":[\"yes\",\"no\"]}"));
        Content::Custom(Arc::new(Custom { schema, json, fallback: Bytes::from_static(fallback.as_bytes()) }))
    };
    let mut lineages = Lineages::none(ann);
    lineages.floor = Version(300);
    lineages.tombstones[2] = Version(200);
    for (device, context, marks) in [(0xd1, 0, 4), (0xd1, 1, 0), (0xd2, 15, KINDS_MAX)] {
        let id = LineageId { device: DeviceId(device), context };
        let mut row =
            Lineage::new(id, Version(0), KindSet::from_bits(0b1010_1111), TimeMs(1_700_000_000_789));
        row.acked[..marks].iter_mut().zip(69_000..).for_each(|(mark, version)| *mark = Version(version));
        row.handed = (marks > 0).then_some(TimeMs(1_700_000_000_123));
        lineages.add(row);
    }
    let mut horizon = Horizon::default();
    horizon.raise_receipts(DAY);
    for step in 1..4 {
        horizon.note(TimeMs(1_700_000_000_000 + 40_000_000 * step), Version(30_000 * step as u64), i64::MAX);
    }
    let run = Run {
        number: RunNumber(3),
        id: 0xdead_beef,
        first: Version(70_000),
        found: Version(69_000),
        lossy: true,
    };
    let group = GroupEffect::Row(Group {
        group: conversation,
        name: "Tee".to_owned(),
        named: Seq(300),
        founder: bob,
        created: TimeMs(5),
        is_muted: true,
        announcement: None,
    });
    let announcing = GroupEffect::Row(Group {
        group: conversation,
        name: "Tee".to_owned(),
        named: Seq(1),
        founder: bob,
        created: TimeMs(5),
        is_muted: false,
        announcement: Some(Announcement {
            text: "Um fünf.\nBringt Kekse.".to_owned(),
            by: ann,
            at: TimeMs(1_700_000_000_456),
        }),
    });
    let interval = |join, leave: Option<u64>| Interval { join: Seq(join), leave: leave.map(Seq) };
    let intervals = vec![interval(1, Some(129)), interval(300, None)];
    let members = [Role::Owner, Role::Admin, Role::Member]
        .map(|role| {
            Effect::Group(GroupEffect::Member(Member {
                group: conversation,
                user: ann,
                role,
                ranked: Seq(300),
                intervals: intervals.clone(),
                is_muted: role == Role::Member,
                is_removed: role == Role::Member,
            }))
        })
        .to_vec();
    let erasure = Erasure::begun(ann, TimeMs(1_700_000_000_123), Version(70_000));
    let position = |after| {
        Effect::Group(GroupEffect::FanOut {
            group: conversation,
            position: Some(Position { entry: Seq(129), after }),
        })
    };
    let pointers = vec![(ann, Version(69_000)), (bob, Version(0))];
    let expansion = Expansion { version: Version(70_000), group: conversation, seq: Seq(129), pointers };
    let notice = |notice: Notice| {
        let id = ClientMessageId([0; 16]);
        let message = Message { id, ..message(Content::Notice(Arc::new(notice))) };
        let (version, pointers) = (Version(70_000), vec![(ann, Version(69_000))]);
        Effect::Message(Arc::new(Delivery { version, message, day: Day(0), fingerprint: 0, pointers }))
    };
    vec![
        (
            "account",
            vec![account(
                Some("$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA"),
                vec![DeviceId(0xd1), DeviceId(0xd2)],
            )],
        ),
        ("account_without_password", vec![account(None, Vec::new())]),
        ("device", vec![Effect::Device(device)]),
        ("suspended", suspended),
        ("device_ended", vec![Effect::DeviceEnded { user: ann, device: DeviceId(0xd1), token: [0x5a; 32] }]),
        (
            "conversation",
            vec![Effect::Conversation(Conversation {
                conversation,
                members: [bob, ann],
                created: TimeMs(5),
                oldest: Seq(300),
                let_go: Version(1 << 20),
            })],
        ),
        ("item_tombstone", vec![item("gone", None)]),
        ("item_account", vec![item("me", Some(account_item(ann, Profile::default())))]),
        ("item_contact", vec![item("9", contact(Contact::plain(bob, "Bob".to_owned())))]),
        (
            "item_contact_noted",
            vec![item(
                "9",
                contact(Contact {
                    remark: "Böb".to_owned(),
                    labels: vec!["work".to_owned(), "tea".to_owned()],
                    ..Contact::plain(bob, "Bob".to_owned())
                }),
            )],
        ),
        (
            "item_contact_blocked_stranger",
            vec![item("9", contact(Contact { is_blocked: true, ..Contact::stranger(bob, String::new()) }))],
        ),
        (
            "item_contact_asked_by",
            vec![item(
                "9",
                contact(Contact {
                    standing: Standing::AskedBy,
                    greeting: "It is Böb".to_owned(),
                    asked_at: TimeMs(1_700_000_000_123),
                    ..Contact::plain(bob, "Bob".to_owned())
                }),
            )],
        ),
        (
            "contact_tally",
            vec![Effect::ContactTally(ContactTally {
                user: ann,
                blocked: 300,
                asked_on: DAY,
                asked: 19,
                waiting: vec![(bob, TimeMs(1_700_000_000_123)), (ann, TimeMs(5))],
            })],
        ),
        (
            "owned",
            vec![
                Effect::Owned(Owned { user: ann, groups: 300 }),
                Effect::Owned(Owned { user: bob, groups: 0 }),
            ],
        ),
        ("item_conversation", vec![item("c", Some(ItemValue::Conversation { conversation, peer: bob }))]),
        ("item_document", vec![item("d", Some(ItemValue::Document("{\"a\":[1]}".to_owned())))]),
        (
            "item_gone",
            vec![Effect::ItemGone {
                user: ann,
                kind: Kind(3),
                key: "gone".to_owned(),
                version: Version(69_000),
            }],
        ),
        ("message", vec![delivery("grüße".into(), vec![(ann, Version(69_000)), (bob, Version(0))])]),
        ("message_to_oneself", vec![delivery("note".into(), vec![(ann, Version(1))])]),
        ("message_custom", vec![delivery(custom("Tea?"), vec![(ann, Version(69_000)), (bob, Version(0))])]),
        ("message_custom_alone", vec![delivery(custom(""), vec![(ann, Version(1))])]),
        ("message_behind", vec![behind]),
        ("reading", vec![Effect::Reading(Box::new(reading.clone()))]),
        ("reading_none", vec![Effect::Reading(Box::new(Reading::none(bob, conversation)))]),
        ("item_reading", vec![item("c/own", Some(ItemValue::Reading(Box::new(reading))))]),
        (
            "item_strangers",
            vec![
                item("strangers", Some(ItemValue::Strangers(Strangers::Ask))),
                item("strangers2", Some(ItemValue::Strangers(Strangers::Write))),
            ],
        ),
        ("item_privacy", vec![item("privacy", Some(ItemValue::Privacy { hides_read: true }))]),
        ("lineages", vec![Effect::Lineages(lineages)]),
        ("lineages_none", vec![Effect::Lineages(Lineages::none(bob))]),
        ("time", vec![Effect::Time(TimeMs(1_700_000_000_999))]),
        ("horizon", vec![Effect::Horizon(horizon)]),
        ("run", vec![Effect::Run(run)]),
        ("invite", vec![Effect::Invite(Invite { hash: [0xa5; 32], expires: TimeMs(1_800_000_000_000) })]),
        ("invite_gone", vec![Effect::InviteGone([0xa5; 32])]),
        ("group", vec![Effect::Group(group)]),
        ("group_door", vec![door(conversation), Effect::Group(GroupEffect::Door(Door::shut(conversation)))]),
        ("group_announcing", vec![Effect::Group(announcing)]),
        ("group_members", members),
        (
            "group_member_gone",
            vec![Effect::Group(GroupEffect::MemberGone { group: conversation, user: bob })],
        ),
        ("group_fan_out", vec![position(Some(ann)), position(None)]),
        (
            "group_fan_out_done",
            vec![Effect::Group(GroupEffect::FanOut { group: conversation, position: None })],
        ),
        ("group_expanded", vec![Effect::Group(GroupEffect::Expanded(Arc::new(expansion)))]),
        ("group_conversation", vec![Effect::Conversation(Conversation::of_group(conversation, TimeMs(5)))]),
        (
            "item_group",
            vec![item(
                "g",
                Some(ItemValue::Group {
                    group: conversation,
                    name: "Tee".to_owned(),
                    role: Role::Admin,
                    since: Seq(300),
                    form: Form::Group,
                }),
            )],
        ),
        ("notice_created", vec![notice(Notice::Created { name: "Tee".to_owned(), members: vec![bob] })]),
        ("notice_joined", vec![notice(Notice::Joined(vec![bob]))]),
        ("notice_left", vec![notice(Notice::Left)]),
        ("notice_removed", vec![notice(Notice::Removed(bob))]),
        ("notice_renamed", vec![notice(Notice::Renamed("Kaffee".to_owned()))]),
        ("notice_role_given", vec![notice(Notice::RoleGiven(bob, Role::Admin))]),
        ("notice_dissolved", vec![notice(Notice::Dissolved)]),
        ("notice_all_muted", vec![notice(Notice::AllMuted(true))]),
        ("notice_muted", vec![notice(Notice::Muted(bob, true))]),
        ("notice_unmuted", vec![notice(Notice::Muted(bob, false))]),
        ("notice_joined_by_link", vec![notice(Notice::JoinedByLink)]),
        (
            "notice_approval",
            vec![
                notice(Notice::ApprovalSet(true)),
                notice(Notice::ApprovalSet(false)),
                notice(Notice::Asked),
                notice(Notice::Admitted(bob)),
            ],
        ),
        (
            "notice_announced",
            vec![notice(Notice::Announced("Um fünf.".to_owned())), notice(Notice::Announced(String::new()))],
        ),
        ("host_identity", vec![Effect::HostIdentity(HostIdentity { key: [0x5a; 32], user: ann })]),
        ("bot", vec![bot(ann)]),
        ("api_keys", vec![api_keys(ann, bob)]),
        ("api_keys_none", vec![Effect::ApiKeys(ApiKeys::default())]),
        ("operators", vec![operators()]),
        ("operators_none", vec![Effect::Operators(Operators::default())]),
        ("notice_turned", vec![notice(Notice::Turned(Form::Channel)), notice(Notice::Turned(Form::Group))]),
        ("channel", of_channel(conversation)),
        ("channel_followed", followed(ann, conversation)),
        ("channel_unfollowed", unfollowed(ann, conversation)),
        ("channel_posted", vec![posted(conversation, 129, 70_000)]),
        ("broadcasts", vec![broadcasts(conversation, ann)]),
        ("broadcasts_none", vec![Effect::Channel(ChannelEffect::Broadcasts(Broadcasts::default()))]),
        (
            "account_gone",
            vec![
                Effect::AccountGone { user: ann, name: None },
                Effect::AccountGone { user: bob, name: Some("böb".to_owned()) },
            ],
        ),
        (
            "erasure",
            vec![Effect::Erasure(erasure), Effect::Erasure(Erasure { told: conversation, ..erasure })],
        ),
        ("item_contact_erased", vec![item("9", contact(Contact::erased(bob)))]),
        ("message_erased", vec![delivery(Content::Erased, vec![(ann, Version(69_000))])]),
        ("message_account_erased", vec![delivery(Content::AccountErased, vec![(ann, Version(69_000))])]),
        ("nothing", Vec::new()),
    ]
    .into_iter()
    .chain(profiles(ann, bob))
    .collect()
}

fn account_item(user: UserId, profile: Profile) -> ItemValue {
    ItemValue::Account { user, name: "Ann".to_owned(), profile: Box::new(profile) }
}

/// What a user shows, in every row that it stands in, and the rows by which others are told.
fn profiles(ann: UserId, bob: UserId) -> [(&'static str, Vec<Effect>); 2] {
    let profile = Profile {
        display_name: "Änn 🧀".to_owned(),
        avatar: "https://x.test/a?1".to_owned(),
        about: "tea\nand cheese".to_owned(),
        paced: TimeMs(0),
    };
    let item = |user, kind, key: &str, value| Effect::Item {
        user,
        item: Item { kind: Kind(kind), key: key.to_owned(), version: Version(70_000), value },
        supersedes: Version(69_999),
    };
    let account = Account {
        user: ann,
        name: "Ann".to_owned(),
        password: None,
        created: TimeMs(5),
        devices: vec![DeviceId(0xd1)],
        suspended: true,
        bot: false,
        made_by: Some(ApiKeyId(0x7a)),
        profile: Profile { paced: TimeMs(1_700_000_000_123), ..profile.clone() },
        strangers: Some(Strangers::Write),
    };
    let changed = vec![
        Effect::Account(account.clone()),
        item(ann, 1, "me", Some(account_item(ann, profile.clone()))),
        Effect::ProfileChanged(ann),
    ];
    let of_ann =
        Contact { remark: "A".to_owned(), ..Contact::plain(ann, "Ann".to_owned()).showing(&profile) };
    let of_ann = Some(ItemValue::Contact(Box::new(of_ann)));
    let key = ann.to_string();
    let asks = Account { profile: Profile::default(), strangers: Some(Strangers::Ask), ..account.clone() };
    let told = vec![Effect::Account(asks), item(bob, 2, &key, of_ann), item(ann, 2, &bob.to_string(), None)];
    [("profile_changed", changed), ("profile_told", told)]
}

/// An account that a key made for a program.
fn bot(user: UserId) -> Effect {
    Effect::Account(Account {
        user,
        name: "tea-bot".to_owned(),
        password: None,
        created: TimeMs(5),
        devices: Vec::new(),
        suspended: false,
        bot: true,
        made_by: Some(ApiKeyId(0x7a)),
        profile: Profile::default(),
        strangers: None,
    })
}

fn api_keys(ann: UserId, bob: UserId) -> Effect {
    let newest = ApiKey {
        id: ApiKeyId(0x7a),
        name: "shop".to_owned(),
        secret: [0x5b; 32],
        scopes: Scopes::default().with(Scope::Users).with(Scope::Read),
        acts_for: ActsFor::All,
        created: TimeMs(1_700_000_000_123),
        expires: Some(TimeMs(1_800_000_000_000)),
        used: None,
    };
    let named = ActsFor::Users(vec![ann, bob]);
    let older = ApiKey {
        id: ApiKeyId(7),
        name: "till".to_owned(),
        acts_for: named,
        expires: None,
        used: Some(TimeMs(1_700_000_000_456)),
        ..newest.clone()
    };
    let oldest =
        ApiKey { id: ApiKeyId(1), name: "old".to_owned(), acts_for: ActsFor::Made, ..newest.clone() };
    Effect::ApiKeys(ApiKeys(vec![oldest, older, newest]))
}

fn operators() -> Effect {
    let named = |name: &str, role, token| NamedOperator {
        name: name.to_owned(),
        role,
        token: [token; 32],
        created: TimeMs(1_700_000_000_123),
    };
    Effect::Operators(Operators(vec![
        named("watch", OperatorRole::Viewer, 0x5c),
        named("night.shift", OperatorRole::Moderator, 0x5d),
        named("ruth", OperatorRole::Admin, 0x5e),
    ]))
}
