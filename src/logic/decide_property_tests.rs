//! The property that makes warming right: with nothing lacking, a decision depends on no row that is not held.

use std::collections::BTreeMap;

use super::{
    ConversationState, GroupState, Need, Operation, Request, State, decide,
    decide_samples::{NOW, Rows, TODAY, at, by, change_contact, new_device, register, send},
    operation::{
        ChangePassword, ChannelChange, ChannelRequest, ContactChange, DoorChange, EndDevices, GroupChange,
        GroupRequest, HandedBack, NewDevice, OpenLineage, ReadingChange, ReadingRequest, Send, Target,
    },
    seeded_random::SeededRandom,
};
use crate::model::{
    Channel, ClientMessageId, Contact, ConversationId, Counted, DeviceId, DevicePolicy, Door, Follow,
    FollowEnd, FollowInterval, Form, Group, GroupBounds, Interval, Kind, KindSet, LineageId, LinkSecret,
    Member, Policy, Position, Role, Seq, TimeMs, Turn, UserId, Version,
    device_policy::ClassRule,
    limits::KINDS_MAX,
    record::{Conversation, Invite, Receipt, ReceiptDay},
};

/// The one group.
const GROUP: ConversationId = ConversationId(0x6e0);

/// A small store with something of everything, and conversation ids that collide.
fn random_rows(random: &mut SeededRandom) -> Rows {
    let mut rows = Rows::default();
    for user in 1..=3 {
        if !random.one_in(4) {
            rows = rows.user(user, random.below(3));
            rows.inboxes.insert(UserId(user), Version(random.below(90)));
        }
    }
    for (one, other) in [(1, 1), (1, 2), (1, 3), (2, 3)] {
        for attempt in 0..random.below(5) as u32 {
            let id = ConversationId::direct(UserId(one), UserId(other), attempt);
            let members = if random.one_in(3) { [one, other] } else { [7, 8] };
            rows = rows.conversation(id, members, 1 + random.below(5));
        }
    }
    for id in 0..3 {
        let day = ReceiptDay { user: UserId(1 + random.below(3)), day: TODAY };
        let conversation = ConversationId::direct(UserId(1), UserId(2), 0);
        let receipt = Receipt { conversation, seq: Seq(1), sent_at: NOW, fingerprint: random.below(2) };
        rows.receipts.entry(day).or_default().insert(ClientMessageId([id; 16]), receipt);
    }
    if random.one_in(2) {
        rows.invites.insert([1; 32], Invite { hash: [1; 32], expires: TimeMs(NOW.0 + 1) });
    }
    rows.items.insert((UserId(1), Kind(5), "k".to_owned()), Version(40));
    if !random.one_in(4) {
        rows = random_group(random, rows);
    }
    for (owner, other) in [(1, 2), (2, 1), (1, 3), (3, 2)] {
        if random.one_in(2) {
            let plain = Contact::plain(UserId(other), "somebody".to_owned());
            let blocks =
                |random: &mut SeededRandom| Contact { is_blocked: random.one_in(2), ..plain.clone() };
            rows = rows.contact(owner, blocks(random));
        }
    }
    rows
}

/// In half of the cases the group is a channel by now, or was one: then its members follow it, and so may others.
fn random_channel(
    random: &mut SeededRandom,
    rows: &mut Rows,
    members: &BTreeMap<UserId, Member>,
) -> Option<Channel> {
    let turns = match random.below(4) {
        0 => vec![Turn { at: Seq(4), to: Form::Channel }],
        1 => vec![Turn { at: Seq(3), to: Form::Channel }, Turn { at: Seq(6), to: Form::Group }],
        _ => return None,
    };
    let is_channel = turns.len() == 1;
    let mut followers = 0;
    for user in (1..=4).map(UserId) {
        let is_member = members.get(&user).is_some_and(|member| member.since().is_some());
        if !is_member && random.one_in(2) {
            continue;
        }
        let end = |seq| FollowEnd { seq: Seq(seq), version: Version(50) };
        let follows = is_channel && (is_member || random.one_in(2));
        let interval = FollowInterval { after: end(4), through: (!follows).then(|| end(6)) };
        followers += u64::from(follows);
        rows.follows.insert((user, GROUP), Follow { user, channel: GROUP, intervals: vec![interval] });
    }
    Some(Channel { channel: GROUP, followers, changed: Version(50), before: Form::Group, turns })
}

/// A request about the channel. That it becomes a group is not among them: the rows here are read as they were, and the
/// list of followers changes without being held.
fn random_channel_request(random: &mut SeededRandom) -> Request {
    let user = 1 + random.below(4);
    let by = by(user, 10 * user + 1 + random.below(2));
    let change = match random.below(5) {
        0 => ChannelChange::Create(["g", ""][random.below(2) as usize].to_owned()),
        1 => ChannelChange::Turn(Form::Channel),
        2 => ChannelChange::Unfollow,
        _ => ChannelChange::Follow,
    };
    Request::Channel(ChannelRequest { by, channel: GROUP, change })
}

/// A group of some of the users, present or former, of which a part may wait to be expanded.
fn random_group(random: &mut SeededRandom, mut rows: Rows) -> Rows {
    const HEAD: u64 = 9;
    let joined = |random: &mut SeededRandom, place: u64, user: u64| {
        let join = Seq(1 + random.below(4));
        let leave = (place > 0 && random.one_in(3)).then(|| Seq(join.0 + 1 + random.below(4)));
        let role = [Role::Owner, Role::Admin, Role::Member][place.min(2) as usize];
        let intervals = vec![Interval { join, leave }];
        (
            UserId(user),
            Member {
                group: GROUP,
                user: UserId(user),
                role,
                ranked: Seq(1),
                intervals,
                is_muted: false,
                is_removed: false,
            },
        )
    };
    let members: BTreeMap<UserId, Member> =
        (0..1 + random.below(4)).map(|place| joined(random, place, 1 + place)).collect();
    let channel = random_channel(random, &mut rows, &members);
    let after = random.one_in(2).then(|| UserId(1 + random.below(4)));
    let position = random.one_in(2).then(|| Position { entry: Seq(1 + random.below(HEAD)), after });
    let named = Seq(1 + random.below(HEAD));
    let row = Group {
        group: GROUP,
        name: "g".to_owned(),
        named,
        founder: UserId(1),
        created: TimeMs(1),
        is_muted: false,
        announcement: None,
    };
    rows.groups.insert(GROUP, GroupState { row, members, position, channel, door: Door::shut(GROUP) });
    let row = Conversation::of_group(GROUP, TimeMs(1));
    rows.conversations
        .insert(GROUP, ConversationState { row, head: Seq(HEAD), counted: Counted::at(Seq(HEAD), HEAD - 2) });
    rows
}

fn random_group_request(random: &mut SeededRandom) -> Request {
    let (user, peer) = (1 + random.below(4), UserId(1 + random.below(5)));
    let change = match random.below(16) {
        0 => {
            GroupChange::Create { name: ["g", ""][random.below(2) as usize].to_owned(), members: vec![peer] }
        }
        1 => GroupChange::Add(vec![peer, UserId(user)]),
        2 => GroupChange::Remove(peer),
        3 => GroupChange::Leave,
        4 => GroupChange::Rename(["g", "h"][random.below(2) as usize].to_owned()),
        5 => GroupChange::Dissolve,
        6 => GroupChange::MuteAll(random.one_in(2)),
        7 => GroupChange::Mute(peer, random.one_in(2)),
        9 => GroupChange::Door(DoorChange::RevokeLink([1; 16])),
        13 => GroupChange::Door(DoorChange::SetApproval(random.one_in(2))),
        14 => GroupChange::Door(DoorChange::Answer(peer, random.one_in(2))),
        10 | 11 => GroupChange::Door(DoorChange::Join(LinkSecret([1; 16]), String::new())),
        12 => GroupChange::Door(DoorChange::MakeLink {
            id: [1; 16],
            secret: LinkSecret([1; 16]),
            valid_s: 60,
            uses_max: 1 + random.below(2) as u32,
        }),
        8 => GroupChange::Announce(["x", ""][random.below(2) as usize].to_owned()),
        _ => GroupChange::GiveRole(peer, [Role::Owner, Role::Admin][random.below(2) as usize]),
    };
    Request::Group(GroupRequest { by: by(user, 10 * user + 1 + random.below(2)), group: GROUP, change })
}

fn random_change(random: &mut SeededRandom) -> ContactChange {
    match random.below(9) {
        4 | 5 => ContactChange::Ask { greeting: String::new() },
        6 => ContactChange::Accept,
        7 => ContactChange::Refuse,
        8 => ContactChange::Withdraw,
        0 => ContactChange::Block,
        1 => ContactChange::Unblock,
        2 => ContactChange::Delete,
        _ => ContactChange::Note { remark: "r".to_owned(), labels: Vec::new() },
    }
}

fn random_request(random: &mut SeededRandom) -> Request {
    let user = 1 + random.below(4);
    let device = 10 * user + 1 + random.below(3);
    let peer = 1 + random.below(4);
    match random.below(28) {
        0 => register(user, &format!("u{peer}"), random.one_in(2).then_some([1; 32])),
        1 => {
            let in_place_of = random.one_in(2).then(|| DeviceId(10 * user + 1));
            Request::AddDevice(NewDevice { in_place_of, ..new_device(user, device) })
        }
        2 => Request::EndDevices { by: by(user, device), which: EndDevices::AllOthers },
        3 => Request::EndDevices { by: by(user, device), which: EndDevices::One(DeviceId(10 * peer + 1)) },
        4 => Request::PutDocument { user: UserId(user), kind: Kind(5), key: "k".to_owned(), value: None },
        5 => Request::OpenLineage(OpenLineage {
            by: by(user, device),
            context: random.below(2) as u8,
            kinds: KindSet::from_bits(random.below(256) as u8),
        }),
        6 => {
            let lineage = LineageId { device: DeviceId(device), context: random.below(2) as u8 };
            let marks = [Version(random.below(90)); KINDS_MAX];
            Request::HandBack { user: UserId(user), handed: vec![HandedBack { lineage, marks }] }
        }
        8 => {
            let (proven, password) = (format!("p{}", random.below(2)), format!("p{}", random.below(2)));
            let (by, end_other_devices) = (by(user, device), random.one_in(2));
            Request::ChangePassword(ChangePassword { by, proven, password, end_other_devices })
        }
        9 => {
            let (password, end_devices) = (format!("p{}", random.below(2)), random.one_in(2));
            Request::SetPassword { user: UserId(user), password, end_devices }
        }
        17..21 => change_contact(by(user, device), peer, random_change(random)),
        7 => Request::EndDevice { user: UserId(user), device: DeviceId(10 * peer + 1) },
        10 => Request::Suspend { user: UserId(user), suspended: random.one_in(2) },
        11..=13 => random_group_request(random),
        14 => Request::Expand(GROUP),
        21..24 => random_channel_request(random),
        24..26 => {
            let pair = ConversationId::direct(UserId(user), UserId(peer), 0);
            let conversation = if random.one_in(2) { GROUP } else { pair };
            let change = match random.below(3) {
                0 => ReadingChange::Keep { muted_until: TimeMs(7), pinned: true },
                _ => ReadingChange::Read(Seq(random.below(12))),
            };
            Request::Reading(ReadingRequest { by: by(user, device), conversation, change })
        }
        15 | 16 => {
            let sent = send(by(user, device), Target::Conversation(GROUP), random.below(4) as u8, "a");
            let Request::Send(sent) = sent else { unreachable!("it is a send") };
            Request::Send(Send { shown: Seq(random.below(12)), ..sent })
        }
        _ => {
            let to = match random.below(3) {
                0 => Target::Name(format!("u{peer}")),
                1 => Target::User(UserId(peer)),
                _ => Target::Conversation(ConversationId::direct(
                    UserId(user),
                    UserId(peer),
                    random.below(4) as u32,
                )),
            };
            send(by(user, device), to, random.below(4) as u8, ["a", "b"][random.below(2) as usize])
        }
    }
}

/// Everything that any of the random requests could ever read.
fn warm_everything(rows: &Rows, state: &mut State) {
    let mut needs = vec![Need::Invite([1; 32]), Need::Group(GROUP), Need::Conversation(GROUP)];
    needs.extend((1..=5).map(|user| Need::Account(UserId(user))));
    needs.extend((0..=9).map(|seq| Need::Count(GROUP, Seq(seq))));
    for user in 1..=5 {
        needs.push(Need::Item(UserId(user), Kind(3), GROUP.to_string()));
        needs.push(Need::Item(UserId(user), Kind(3), format!("{GROUP}/own")));
        needs.push(Need::Reading(UserId(user), GROUP));
        needs.push(Need::Inbox(UserId(user)));
        needs.push(Need::Follow(UserId(user), GROUP));
        needs.push(Need::FollowCount(UserId(user)));
        needs.push(Need::Owned(UserId(user)));
    }
    for user in 1..=4 {
        let (id, name) = (UserId(user), format!("u{user}"));
        needs.extend([Need::Account(id), Need::Name(name), Need::Inbox(id), Need::Lineages(id)]);
        needs.push(Need::Receipts(ReceiptDay { user: id, day: TODAY }));
        needs.push(Need::Item(id, Kind(5), "k".to_owned()));
        needs.extend((0..4).map(|place| Need::Device(DeviceId(10 * user + place))));
        needs.push(Need::ContactTally(id));
        for peer in 1..=4 {
            needs.push(Need::Item(id, Kind(2), peer.to_string()));
            needs.push(Need::Contact(id, UserId(peer)));
            for attempt in 0..4 {
                let conversation = ConversationId::direct(id, UserId(peer), attempt);
                needs.push(Need::Conversation(conversation));
                needs.push(Need::Item(id, Kind(3), conversation.to_string()));
                needs.push(Need::Item(id, Kind(3), format!("{conversation}/own")));
                needs.push(Need::Reading(id, conversation));
            }
        }
    }
    state.warm(needs.into_iter().map(|need| rows.read(need)).collect(), Version(1 << 40));
}

#[test]
fn with_nothing_lacking_a_decision_depends_on_no_row_that_is_not_held() {
    let mut random = SeededRandom(5);
    let (mut refused, mut changed) = (0, 0);
    for history in 0..5_000 {
        let rows = random_rows(&mut random);
        let phone = [ClassRule::Many, ClassRule::Replace, ClassRule::Refuse][random.below(3) as usize];
        let policy = DevicePolicy { phone, devices_max: 2, ..DevicePolicy::default() };
        // What is for more than two is expanded in steps.
        let bounds = GroupBounds { members_max: 3, step_pointers_max: 2 };
        let state = || {
            let mut state = State::default().with_policy(Policy { devices: policy, ..Policy::default() });
            state.policy.group_bounds = bounds;
            state
        };
        let (mut exact, mut full) = (state(), state());
        warm_everything(&rows, &mut full);
        for place in 0..4 {
            let operation = at(random_request(&mut random));
            let version = Version(101 + place);
            rows.warm(&mut exact, &operation);
            let decision = decide(&mut exact, &operation, version);
            assert_eq!(decision, decide(&mut full, &operation, version), "history {history}: {operation:?}");
            match decision {
                Ok(decided) => changed += u32::from(decided.record.is_some()),
                Err(_) => refused += 1,
            }
        }
    }
    assert!(refused > 1_000 && changed > 1_000, "{refused} refused, {changed} changed something");
}

#[test]
fn a_refusal_changes_nothing() {
    let mut random = SeededRandom(6);
    for history in 0..2_000 {
        let rows = random_rows(&mut random);
        let (mut state, mut twin) = (State::default(), State::default());
        let (first, second) = (at(random_request(&mut random)), at(random_request(&mut random)));
        rows.warm(&mut state, &first);
        if decide(&mut state, &first, Version(101)).is_ok() {
            continue;
        }
        rows.warm(&mut state, &second);
        rows.warm(&mut twin, &second);
        let after = decide(&mut state, &second, Version(102));
        assert_eq!(after, decide(&mut twin, &second, Version(102)), "history {history}: {first:?}");
    }
}

#[test]
fn a_reading_that_was_overtaken_is_not_taken() {
    let operation: Operation = at(send(by(1, 11), Target::User(UserId(2)), 1, "a"));
    let mut state = State::bounded(0);
    Rows::default().user(1, 2).user(2, 1).warm(&mut state, &operation);
    assert!(decide(&mut state, &operation, Version(101)).is_ok());
    state.sweep(Version(101));
    assert!(!super::lacking(&state, &operation).is_empty(), "what the index has is evicted");
    assert!(!state.warm(Vec::new(), Version(100)), "it may lack what operation 101 changed");
    assert!(state.warm(Vec::new(), Version(101)));
    state.forget(Version(110));
    assert!(!state.warm(Vec::new(), Version(109)));
}
