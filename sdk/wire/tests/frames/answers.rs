//! Golden frames of the server: every body, full and minimal.

use bytes::Bytes;
use highwater_wire::{
    Refusal, base_of,
    proto::{
        AccountItem, Announcement, ContactItem, ConversationItem, Custom, Device, DeviceClass, DeviceList,
        Difference, Done, Entry, EntryList, Erased, Error, Gap, Greeting, GroupCreated, GroupInfo, GroupItem,
        Head, HeadList, HeartbeatAnswer, HeldItem, Item, JoinRequest, JoinRequestList, Kind, LevelChange,
        Link, LinkList, Member, MemberList, Notice, Nudge, OwnItem, Page, Rebuild, Role, Sent, ServerFrame,
        SignedIn, Standing, Strangers, StrangersItem, User, Valid, VersionedEntry, VersionedItem, Watermark,
        WatermarkList, entry::Content, notice::What, rebuild::Cause, server_frame::Body,
    },
};

use super::{Frame, Named, message_id, snapshot};

const ADA: u64 = 0x0AD0_0000_0000_00AD;
const BOB: u64 = 0xB0B0_0000_0000_0B0B;
const CONVERSATION: u64 = 12_345_678_901_234_567_890;
/// A Monday in November 2026, milliseconds; day 20,778.
const SENT_AT_MS: i64 = 1_795_262_400_123;

/// All of them.
pub fn all() -> Vec<Named> {
    [connecting(), accounts(), groups(), sending(), pages(), history(), watermarks(), errors()].concat()
}

fn named(name: &'static str, request_id: u64, body: Option<Body>) -> Named {
    Named { name, frame: Frame::Server(ServerFrame { request_id, body }) }
}

fn plain(name: &'static str, body: Body) -> Named {
    named(name, 7, Some(body))
}

fn watermarks() -> Vec<Named> {
    let mark = |user_id, delivered_seq, read_seq| Watermark {
        conversation_id: CONVERSATION,
        user_id,
        delivered_seq,
        read_seq,
    };
    let list = WatermarkList {
        conversation_id: CONVERSATION,
        watermarks: vec![mark(ADA, 129, 17), mark(BOB, 0, 0), mark(u64::MAX, u64::MAX, u64::MAX)],
        next: u64::MAX,
        delivered_told: true,
        read_told: true,
    };
    vec![
        named("server_watermark", 0, Some(Body::Watermark(mark(BOB, 129, 17)))),
        named("server_watermark_empty", 0, Some(Body::Watermark(Watermark::default()))),
        plain("server_watermarks", Body::Watermarks(list)),
        plain("server_watermarks_empty", Body::Watermarks(WatermarkList::default())),
    ]
}

fn connecting() -> Vec<Named> {
    let kinds = [(1, "account"), (2, "contacts"), (3, "conversations"), (4, "messages")];
    let greeting = Greeting {
        user_id: ADA,
        device_id: u64::MAX,
        level: 1,
        kinds: kinds.map(|(number, name)| Kind { number, name: name.to_owned() }).to_vec(),
        capabilities: vec!["push".to_owned(), "http".to_owned()],
        day: 20_778,
        time_ms: SENT_AT_MS,
        heartbeat_ms: 30_000,
        text_bytes_max: 4096,
        frame_bytes_max: 65_536,
        in_flight_max: 64,
        dedup_days: 7,
        bodies: "days:90".to_owned(),
    };
    vec![
        named("server_empty", 0, None),
        named("server_no_body", 7, None),
        named("server_greeting", 1, Some(Body::Greeting(greeting))),
        plain("server_greeting_empty", Body::Greeting(Greeting::default())),
        plain("server_heartbeat", Body::Heartbeat(HeartbeatAnswer { day: 20_779 })),
        plain("server_heartbeat_empty", Body::Heartbeat(HeartbeatAnswer::default())),
        named("server_nudge", 0, Some(Body::Nudge(Nudge {}))),
        named("server_done_request_id_max", u64::MAX, Some(Body::Done(Done {}))),
    ]
}

fn accounts() -> Vec<Named> {
    let device = |device_id, name: &str, class: DeviceClass, current| Device {
        device_id,
        name: name.to_owned(),
        device_class: class.into(),
        created_ms: SENT_AT_MS,
        current,
    };
    let devices = vec![
        device(1, "Ada’s phone", DeviceClass::Phone, true),
        device(2, "desk", DeviceClass::Desktop, false),
        device(3, "couch", DeviceClass::Tablet, false),
        device(u64::MAX, "browser", DeviceClass::Web, false),
        Device::default(),
    ];
    let with_profile = User {
        display_name: "Käse 🧀".to_owned(),
        avatar: "avatar/7".to_owned(),
        about: "tea\nand cheese".to_owned(),
        ..user(BOB, "bob")
    };
    let token = "hw1.GpYkAQAAAAA.c2VjcmV0IG9mIHRoZSBkZXZpY2U".to_owned();
    vec![
        plain("server_signed_in", Body::SignedIn(SignedIn { user_id: ADA, device_id: 2, token })),
        plain("server_signed_in_empty", Body::SignedIn(SignedIn::default())),
        plain("server_done", Body::Done(Done {})),
        plain("server_device_list", Body::DeviceList(DeviceList { devices })),
        plain("server_device_list_empty", Body::DeviceList(DeviceList::default())),
        plain("server_user", Body::User(user(BOB, "bob"))),
        plain("server_user_bot", Body::User(User { bot: true, ..user(BOB, "bob") })),
        plain("server_user_profile", Body::User(with_profile)),
        plain("server_user_empty", Body::User(User::default())),
    ]
}

fn groups() -> Vec<Named> {
    let member = |user_id, name: &str, role: Role| Member {
        user_id,
        name: name.to_owned(),
        role: role.into(),
        ..Member::default()
    };
    let of_profile = Member {
        display_name: "Böb".to_owned(),
        avatar: "avatar/7".to_owned(),
        ..member(BOB, "bob", Role::Admin)
    };
    let members = vec![
        member(ADA, "ada", Role::Owner),
        member(BOB, "bob", Role::Admin),
        member(u64::MAX, "Käse 🧀", Role::Member),
        Member::default(),
    ];
    let value = |group| {
        let item = ConversationItem { conversation_id: CONVERSATION, peer_id: 0, group: Some(group) };
        serde_json::to_string(&item).expect("an item is JSON")
    };
    let item =
        |group| Item { kind: 3, key: CONVERSATION.to_string(), value: value(group), ..Item::default() };
    let group = GroupItem {
        name: "Tea \"at\" five 🫖".to_owned(),
        role: Role::Admin.into(),
        since_seq: 41,
        channel: false,
    };
    let channel = GroupItem { channel: true, ..group.clone() };
    let page = Page {
        base: Bytes::copy_from_slice(base_of(&snapshot())),
        snapshot: (101..=153).collect::<Vec<u8>>().into(),
        items: vec![item(group), item(GroupItem::default())],
        entries: notices(),
        ..Page::default()
    };
    vec![
        plain("server_group_created", Body::GroupCreated(GroupCreated { conversation_id: CONVERSATION })),
        plain("server_group_created_empty", Body::GroupCreated(GroupCreated::default())),
        plain("server_member_list", Body::MemberList(MemberList { members, next: u64::MAX })),
        plain(
            "server_member_list_profile",
            Body::MemberList(MemberList { members: vec![of_profile], next: 0 }),
        ),
        plain("server_member_list_empty", Body::MemberList(MemberList::default())),
        plain(
            "server_group_info",
            Body::GroupInfo(GroupInfo {
                name: "Tea".to_owned(),
                all_muted: true,
                muted: true,
                ..GroupInfo::default()
            }),
        ),
        plain(
            "server_group_info_channel",
            Body::GroupInfo(GroupInfo {
                name: "Käse".to_owned(),
                channel: true,
                followers: 1_234_567,
                ..GroupInfo::default()
            }),
        ),
        plain("server_group_info_announcing", Body::GroupInfo(announcing())),
        plain(
            "server_group_info_of_link",
            Body::GroupInfo(GroupInfo { name: "Tea".to_owned(), members: 12, ..GroupInfo::default() }),
        ),
        plain(
            "server_group_info_joined",
            Body::GroupInfo(GroupInfo { conversation_id: CONVERSATION, ..GroupInfo::default() }),
        ),
        plain("server_link_list", Body::LinkList(LinkList { links: links() })),
        plain(
            "server_group_info_asked",
            Body::GroupInfo(GroupInfo {
                conversation_id: CONVERSATION,
                asked: true,
                approval: true,
                ..GroupInfo::default()
            }),
        ),
        plain("server_join_request_list", Body::JoinRequestList(join_requests())),
        plain("server_join_request_list_empty", Body::JoinRequestList(JoinRequestList::default())),
        plain("server_link_list_empty", Body::LinkList(LinkList::default())),
        plain("server_group_info_empty", Body::GroupInfo(GroupInfo::default())),
        plain(
            "server_page_channel",
            Body::Page(Page { items: vec![item(channel)], entries: Vec::new(), ..page.clone() }),
        ),
        plain(
            "server_page_group_later",
            Body::Page(Page { items: Vec::new(), entries: later_notices(), ..page.clone() }),
        ),
        plain(
            "server_page_group_news",
            Body::Page(Page { items: Vec::new(), entries: newest_notices(), ..page.clone() }),
        ),
        plain("server_page_group", Body::Page(page)),
    ]
}

/// Notices of the first six sorts, and one that says nothing.
fn notices() -> Vec<Entry> {
    let both = || vec![user(BOB, "bob"), user(u64::MAX, "Käse 🧀")];
    entries_of(vec![
        notice(What::Created, both(), "Tea", Role::Unspecified),
        notice(What::Joined, both(), "", Role::Unspecified),
        notice(What::Left, Vec::new(), "", Role::Unspecified),
        notice(What::Removed, vec![user(BOB, "bob")], "", Role::Unspecified),
        notice(What::Renamed, Vec::new(), "Tea \"at\" five 🫖", Role::Unspecified),
        notice(What::RoleGiven, vec![user(BOB, "bob")], "", Role::Owner),
        Notice::default(),
    ])
}

/// The sorts that came later.
fn later_notices() -> Vec<Entry> {
    let bob = || vec![user(BOB, "bob")];
    entries_of(vec![
        notice(What::Dissolved, Vec::new(), "", Role::Unspecified),
        notice(What::AllMuted, Vec::new(), "", Role::Unspecified),
        notice(What::AllUnmuted, Vec::new(), "", Role::Unspecified),
        notice(What::Muted, bob(), "", Role::Unspecified),
        notice(What::Unmuted, bob(), "", Role::Unspecified),
    ])
}

/// The sorts that came after these.
fn newest_notices() -> Vec<Entry> {
    let announced = |text: &str| Notice {
        text: text.to_owned(),
        ..notice(What::Announced, Vec::new(), "", Role::Unspecified)
    };
    entries_of(vec![
        announced("Tea at \"five\" 🫖\nBring Käse."),
        announced(""),
        notice(What::JoinedByLink, Vec::new(), "", Role::Unspecified),
        notice(What::Asked, Vec::new(), "", Role::Unspecified),
        notice(What::Admitted, vec![user(BOB, "bob")], "", Role::Unspecified),
        notice(What::ApprovalOn, Vec::new(), "", Role::Unspecified),
        notice(What::ApprovalOff, Vec::new(), "", Role::Unspecified),
    ])
}

/// One that was just made, one that was used, and one that says nothing.
fn links() -> Vec<Link> {
    let made = Link {
        link_id: message_id(),
        code: "q1SpjOsfCtJCoqOkpaanqKmqq6ytrq-w".to_owned(),
        by: Some(user(BOB, "bob")),
        until_ms: SENT_AT_MS,
        uses_max: 10_000,
        used: 0,
    };
    vec![made.clone(), Link { code: String::new(), uses_max: 5, used: 4, ..made }, Link::default()]
}

fn join_requests() -> JoinRequestList {
    let request = |by, greeting: &str| JoinRequest {
        user: Some(by),
        greeting: greeting.to_owned(),
        asked_at_ms: SENT_AT_MS,
    };
    let requests = vec![
        request(user(BOB, "bob"), "It is \"Böb\" 🫖"),
        request(user(u64::MAX, "Käse 🧀"), ""),
        JoinRequest::default(),
    ];
    JoinRequestList { requests }
}

fn announcing() -> GroupInfo {
    let announcement = Announcement {
        text: "Tea at \"five\" 🫖\nBring Käse.".to_owned(),
        by: Some(user(BOB, "bob")),
        at_ms: SENT_AT_MS,
    };
    GroupInfo { name: "Tea".to_owned(), announcement: Some(announcement), ..GroupInfo::default() }
}

fn user(user_id: u64, name: &str) -> User {
    User { user_id, name: name.to_owned(), ..User::default() }
}

fn notice(what: What, users: Vec<User>, name: &str, role: Role) -> Notice {
    let (what, role) = (what.into(), role.into());
    Notice { what, by: "ada".to_owned(), users, name: name.to_owned(), role, text: String::new() }
}

fn entries_of(notices: Vec<Notice>) -> Vec<Entry> {
    let entry = |(seq, notice)| Entry {
        conversation_id: CONVERSATION,
        seq,
        sender_id: ADA,
        sent_at_ms: SENT_AT_MS,
        client_message_id: Bytes::new(),
        content: Some(Content::Notice(notice)),
        uncounted: 0,
        read_seq: 0,
    };
    (41..).zip(notices).map(entry).collect()
}

fn sending() -> Vec<Named> {
    let sent = |conversation_id, seq, sent_at_ms| Body::Sent(Sent { conversation_id, seq, sent_at_ms });
    vec![
        plain("server_sent", sent(CONVERSATION, 1, SENT_AT_MS)),
        plain("server_sent_max", sent(u64::MAX, u64::MAX, i64::MAX)),
        plain("server_sent_negative_time", sent(1, 1, i64::MIN)),
        plain("server_sent_empty", Body::Sent(Sent::default())),
    ]
}

fn pages() -> Vec<Named> {
    let base = Bytes::copy_from_slice(base_of(&snapshot()));
    let next: Bytes = (101..=153).collect::<Vec<u8>>().into();
    let first = Page { snapshot: snapshot(), items: items(), entries: entries(), ..Page::default() };
    let full = Page {
        base: base.clone(),
        snapshot: next.clone(),
        more: true,
        items: items(),
        entries: entries(),
        gaps: vec![Gap { conversation_id: CONVERSATION, from_seq: 3, to_seq: 17 }],
        hand_back: true,
        ..Page::default()
    };
    let rebuild = |cause: Cause| Some(Rebuild { cause: cause.into() });
    let gap = Page {
        base: base.clone(),
        snapshot: next.clone(),
        more: true,
        messages_gap: true,
        ..Page::default()
    };
    let level = |kinds: &[u32]| Page {
        base: base.clone(),
        snapshot: next.clone(),
        level_changed: Some(LevelChange { kinds: kinds.to_vec() }),
        ..Page::default()
    };
    let custom = Page { entries: custom_entries(), ..level(&[2, 4]) };
    let erased =
        Page { base: base.clone(), snapshot: next.clone(), entries: erased_entries(), ..Page::default() };
    let push = Page { base: base.clone(), snapshot: next.clone(), entries: entries(), ..Page::default() };
    let valid = Page {
        snapshot: next.clone(),
        more: true,
        rebuild: rebuild(Cause::Lossy),
        valid: vec![Valid { conversation_id: CONVERSATION, seq: 17 }],
        valid_complete: true,
        ..Page::default()
    };
    vec![
        plain("server_page", Body::Page(full)),
        plain("server_page_first", Body::Page(first)),
        plain("server_page_erased", Body::Page(erased)),
        plain("server_page_nothing_new", Body::Page(Page { base: base.clone(), ..Page::default() })),
        plain("server_page_empty", Body::Page(Page::default())),
        plain("server_page_unknown_kinds", Body::Page(of_unknown_kinds(next.clone()))),
        plain(
            "server_page_rebuild_begins",
            Body::Page(Page {
                snapshot: next.clone(),
                more: true,
                rebuild: rebuild(Cause::Foreign),
                ..Page::default()
            }),
        ),
        plain(
            "server_page_rebuild_whole",
            Body::Page(Page {
                snapshot: next.clone(),
                items: items(),
                rebuild: rebuild(Cause::Future),
                complete: true,
                ..Page::default()
            }),
        ),
        plain(
            "server_page_rebuild_ends",
            Body::Page(Page {
                base: base.clone(),
                snapshot: next.clone(),
                complete: true,
                ..Page::default()
            }),
        ),
        plain(
            "server_page_rebuild_unspecified",
            Body::Page(Page { rebuild: rebuild(Cause::Unspecified), ..Page::default() }),
        ),
        plain("server_page_messages_gap", Body::Page(gap)),
        plain("server_page_level_changed", Body::Page(level(&[4]))),
        plain("server_page_level_changed_for_nothing", Body::Page(level(&[]))),
        plain("server_page_custom", Body::Page(custom)),
        plain("server_page_contacts", Body::Page(contacts(next.clone()))),
        plain("server_page_profiles", Body::Page(profiles(next.clone()))),
        plain("server_page_own", Body::Page(of_own_reading(next.clone()))),
        plain("server_page_valid", Body::Page(valid)),
        named("server_push", 0, Some(Body::Push(push))),
    ]
}

/// Contacts of whom something is noted, one of them blocked, a stranger who is, and one who asked.
fn contacts(snapshot: Bytes) -> Page {
    let item = |contact: &ContactItem| Item {
        kind: 2,
        key: contact.user_id.to_string(),
        deleted: false,
        value: json(contact),
    };
    let labels = ["work", "Käse 🧀"].map(str::to_owned).to_vec();
    let noted = ContactItem {
        user_id: BOB,
        name: "bob".to_owned(),
        remark: "Bobby \"the cook\"".to_owned(),
        labels,
        ..ContactItem::default()
    };
    let blocked = ContactItem { user_id: 78, name: "cy".to_owned(), blocked: true, ..ContactItem::default() };
    let stranger = ContactItem {
        user_id: 79,
        standing: Standing::Stranger.into(),
        blocked: true,
        ..ContactItem::default()
    };
    let asked_by = ContactItem {
        user_id: 80,
        name: "dot".to_owned(),
        standing: Standing::AskedBy.into(),
        greeting: "It is Dot\n👋".to_owned(),
        asked_at_ms: SENT_AT_MS,
        ..ContactItem::default()
    };
    Page {
        snapshot,
        items: [noted, blocked, stranger, asked_by].iter().map(item).collect(),
        ..Page::default()
    }
}

/// What the user shows, and what a contact shows.
fn profiles(snapshot: Bytes) -> Page {
    let own = AccountItem {
        user_id: ADA,
        name: "ada".to_owned(),
        display_name: "Ada 🧀".to_owned(),
        avatar: "https://cdn.example/a/7?size=96".to_owned(),
        about: "tea \"at\" five\nand cheese".to_owned(),
    };
    let other = ContactItem {
        user_id: BOB,
        name: "bob".to_owned(),
        display_name: "Böb".to_owned(),
        avatar: "avatar/7".to_owned(),
        ..ContactItem::default()
    };
    let item = |kind, key: String, value| Item { kind, key, deleted: false, value };
    let asks = StrangersItem { strangers: Strangers::Ask.into() };
    let own = [item(1, "me".to_owned(), json(&own)), item(1, "strangers".to_owned(), json(&asks))];
    let items = own.into_iter().chain([item(2, BOB.to_string(), json(&other))]).collect();
    Page { snapshot, items, ..Page::default() }
}

/// What the user has read of a conversation, and how it is kept.
fn of_own_reading(snapshot: Bytes) -> Page {
    let own = OwnItem {
        conversation_id: CONVERSATION,
        as_of_seq: 300,
        read_seq: 129,
        read_count: 127,
        own_seqs: vec![130, 300],
        muted_until_ms: i64::MAX,
        pinned: true,
    };
    let key = format!("{CONVERSATION}/own");
    let item = Item { kind: 3, key, deleted: false, value: json(&own) };
    let nothing = json(&OwnItem { conversation_id: 7, ..OwnItem::default() });
    let nothing = Item { kind: 3, key: "7/own".to_owned(), deleted: false, value: nothing };
    Page { snapshot, items: vec![item, nothing], ..Page::default() }
}

/// What a client keeps as it is: kinds without a meaning to it, with any text as key and any JSON document as value.
fn of_unknown_kinds(snapshot: Bytes) -> Page {
    let item = |kind, key: &str, value: &str| Item {
        kind,
        key: key.to_owned(),
        deleted: value.is_empty(),
        value: value.to_owned(),
    };
    Page {
        snapshot,
        items: vec![
            item(5, "", "null"),
            item(300, "Schlüssel 🔑", "[1,\"two\",{\"three\":[]}]"),
            item(300, "7", "\"7\""),
            item(300, "gone", ""),
            item(u32::MAX, "7", "1.5e300"),
        ],
        ..Page::default()
    }
}

/// One item of each kind, one of a kind that no client knows, and a deletion.
fn items() -> Vec<Item> {
    let item = |kind, key: &str, value: String| Item { kind, key: key.to_owned(), deleted: false, value };
    let conversation = ConversationItem { conversation_id: CONVERSATION, peer_id: BOB, group: None };
    vec![
        item(1, "me", json(&AccountItem { user_id: ADA, name: "ada".to_owned(), ..AccountItem::default() })),
        item(
            2,
            &BOB.to_string(),
            json(&ContactItem { user_id: BOB, name: "bob".to_owned(), ..Default::default() }),
        ),
        item(3, &CONVERSATION.to_string(), json(&conversation)),
        item(300, "stickers/1", "{\"title\":\"Katzen\"}".to_owned()),
        Item { kind: 2, key: "77".to_owned(), deleted: true, value: String::new() },
    ]
}

fn json<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap()
}

/// One of one's own, one of somebody else's, one without content, and the largest numbers.
fn entries() -> Vec<Entry> {
    let text = |text: &str| Some(Content::Text(text.to_owned()));
    let entry = |seq, sender_id, content| Entry {
        conversation_id: CONVERSATION,
        seq,
        sender_id,
        sent_at_ms: SENT_AT_MS,
        client_message_id: Bytes::new(),
        content,
        ..Entry::default()
    };
    vec![
        Entry { client_message_id: message_id(), ..entry(1, ADA, text("Hello Bob")) },
        entry(2, BOB, text("Grüße 👋")),
        entry(18, BOB, None),
        entry(19, BOB, text("")),
        Entry { conversation_id: u64::MAX, sent_at_ms: i64::MAX, ..entry(u64::MAX, u64::MAX, text("max")) },
    ]
}

/// What an erased sender wrote, and the entry that says so.
fn erased_entries() -> Vec<Entry> {
    let erased = |(seq, account)| Entry {
        conversation_id: CONVERSATION,
        seq,
        sender_id: BOB,
        sent_at_ms: SENT_AT_MS,
        content: Some(Content::Erased(Erased { account })),
        ..Entry::default()
    };
    [(24, false), (25, true)].map(erased).to_vec()
}

/// Custom messages: whole, without a fallback, with what JSON has to escape, and empty.
fn custom_entries() -> Vec<Entry> {
    let entry = |seq, schema: &str, json: &str, fallback: &str| Entry {
        conversation_id: CONVERSATION,
        seq,
        sender_id: BOB,
        sent_at_ms: SENT_AT_MS,
        client_message_id: Bytes::new(),
        content: Some(Content::Custom(Custom {
            schema: schema.to_owned(),
            json: json.to_owned(),
            fallback: fallback.to_owned(),
        })),
        ..Entry::default()
    };
    vec![
        entry(20, "poll/1", "{\"question\":\"Tea?\",\"answers\":[\"yes\",\"no\"]}", "Tea? yes / no"),
        entry(21, "place", "[47.37,8.54]", ""),
        entry(22, "note", "\"two\\nlines \u{1F44B}\"", "two\nlines \u{1F44B}"),
        entry(23, "", "", ""),
    ]
}

fn history() -> Vec<Named> {
    let head =
        |conversation_id, seq, oldest_seq| Head { conversation_id, seq, oldest_seq, ..Head::default() };
    let heads = vec![head(CONVERSATION, 19, 1), head(u64::MAX, u64::MAX, u64::MAX), Head::default()];
    let list = EntryList { conversation_id: CONVERSATION, entries: entries(), more: true };
    vec![
        plain("server_heads", Body::Heads(HeadList { heads, next: 281_474_976_710_655 })),
        plain("server_heads_unread", Body::Heads(heads_with_unread())),
        plain("server_heads_empty", Body::Heads(HeadList::default())),
        plain("server_entries", Body::Entries(list)),
        plain("server_entries_counted", Body::Entries(counted_entries())),
        plain("server_entries_empty", Body::Entries(EntryList::default())),
        plain("server_difference", Body::Difference(difference())),
        plain("server_difference_empty", Body::Difference(Difference::default())),
    ]
}

/// What level 2 is told beside: one who wrote twice above what he had read, and one who has read everything.
fn heads_with_unread() -> HeadList {
    let head = Head { conversation_id: CONVERSATION, seq: 300, oldest_seq: 1, ..Head::default() };
    let behind =
        Head { count: 297, read_seq: 129, read_count: 127, own_seqs: vec![130, 300], unread: 168, ..head };
    let nothing =
        Head { conversation_id: 7, seq: 19, oldest_seq: 3, count: 19, read_seq: 19, ..Head::default() };
    HeadList { heads: vec![behind, Head { read_count: 19, ..nothing }], next: 0 }
}

/// Messages behind three notices: one of another, and two of one's own, of which the second left unread what came before.
fn counted_entries() -> EntryList {
    let entry = |seq, sender_id, read_seq| Entry {
        conversation_id: CONVERSATION,
        seq,
        sender_id,
        sent_at_ms: SENT_AT_MS,
        content: Some(Content::Text("tea".to_owned())),
        uncounted: 3,
        read_seq,
        ..Entry::default()
    };
    let entries = vec![entry(128, ADA, 128), entry(129, BOB, 0), entry(130, ADA, 128)];
    EntryList { conversation_id: CONVERSATION, entries, more: false }
}

fn difference() -> Difference {
    let item = |item| VersionedItem { version: 12, item: Some(item) };
    let entry = |entry: Entry| VersionedEntry { version: 20 + entry.seq, entry: Some(entry) };
    Difference {
        items: items().into_iter().take(2).map(item).collect(),
        deletes: vec![HeldItem { kind: 2, key: "77".to_owned(), version: 0 }],
        entries: entries().into_iter().take(2).map(entry).collect(),
        more: true,
    }
}

fn errors() -> Vec<Named> {
    let error = |refusal: Refusal, retry_after_ms| Body::Error(refusal.to_error(retry_after_ms));
    vec![
        named("server_error_malformed", 0, Some(error(Refusal::MalformedFrame, 0))),
        plain("server_error_retry", error(Refusal::Busy, 1500)),
        plain("server_error_unknown_outcome", error(Refusal::UnknownOutcome, u32::MAX)),
        plain("server_error_empty", Body::Error(Error::default())),
    ]
}
