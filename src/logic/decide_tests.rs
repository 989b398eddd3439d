//! Every decider against tables.

use super::{
    Answer, Decided, Operation, Request, State, decide,
    decide_samples::{NOW, Rows, TODAY, at, by, custom, new_device, register, send, send_content},
    operation::{EndDevices, Register, Target},
};
use crate::model::{
    Asking, Broadcast, ChannelEffect, ConversationId, Day, DeviceId, Effect, FollowInterval, GroupEffect,
    Interval, Kind, Lineage, LineageId, Link, Position, Seq, TimeMs, UserId, Version,
    limits::{CUSTOM_JSON_BYTES_MAX, DEVICES_PER_USER_MAX, TEXT_BYTES_MAX},
    record::Invite,
};
use highwater_wire::Refusal;

/// Decides the operations in order from what is stored, as versions 101, 102…, each warmed exactly with what it lacks,
/// and compares each decision, in short.
#[track_caller]
pub(super) fn check(start: &Rows, operations: &[Request], expected: &[&str]) {
    check_from(State::default(), start, operations, expected);
}

/// The same from a state of the test's own.
#[track_caller]
pub(super) fn check_from(state: State, start: &Rows, operations: &[Request], expected: &[&str]) {
    let operations: Vec<Operation> = operations.iter().cloned().map(at).collect();
    check_from_at(state, start, &operations, expected);
}

/// The same at times of the test's own.
#[track_caller]
pub(super) fn check_from_at(mut state: State, start: &Rows, operations: &[Operation], expected: &[&str]) {
    let mut found = Vec::new();
    for (place, operation) in operations.iter().enumerate() {
        start.warm(&mut state, operation);
        found.push(short(decide(&mut state, operation, Version(101 + place as u64))));
    }
    assert_eq!(found, expected);
}

fn short(decision: Result<Decided, Refusal>) -> String {
    let decided = match decision {
        Ok(decided) => decided,
        Err(refusal) => return format!("refused {}", refusal.name()),
    };
    let answer = match decided.answer {
        Answer::Sent { seq, .. } => format!("sent {seq}"),
        Answer::DeviceAdded(device) => format!("device {}", device.device),
        Answer::LineageOpened(lineage) => format!("lineage {} from {}", short_id(lineage.id), lineage.from),
        Answer::DevicesEnded(devices) => {
            format!("ended {:?}", devices.iter().map(|device| device.0).collect::<Vec<_>>())
        }
        Answer::UserMade(user) => format!("user {user}"),
        Answer::GroupCreated(_) => "created".to_owned(),
        Answer::LinkMade(_) => "link".to_owned(),
        Answer::Joined(_) => "joined".to_owned(),
        Answer::Asked(_) => "asked".to_owned(),
        Answer::Done => "done".to_owned(),
    };
    // What is counted of a user's groups has tests of its own.
    let shown = |one: &&Effect| !matches!(one, Effect::Owned(_));
    let effects = decided
        .record
        .map(|record| record.effects.iter().filter(shown).map(effect).collect::<Vec<_>>().join(" "));
    format!("{answer}: {}", effects.unwrap_or_else(|| "nothing".to_owned()))
}

fn effect(effect: &Effect) -> String {
    match effect {
        Effect::Account(account) if account.suspended => {
            format!("account {} suspended ({})", account.user, account.devices.len())
        }
        Effect::Device(device) if device.suspended => format!("device {} suspended", device.device),
        Effect::Account(account) => format!("account {} ({})", account.user, account.devices.len()),
        Effect::Device(device) => format!("+device {}", device.device),
        Effect::AccountGone { user, name } => {
            format!("-account {user}{}", name.as_ref().map_or(String::new(), |name| format!(" and {name}")))
        }
        Effect::Erasure(erasure) => format!("erasure {} told {}", erasure.user, erasure.told),
        Effect::DeviceEnded { device, .. } => format!("-device {device}"),
        Effect::Conversation(row) => format!("conversation {}-{}", row.members[0], row.members[1]),
        Effect::Item { user, item, supersedes } => format!("item {}/{} after {supersedes}", user, item.kind),
        Effect::Message(delivery) => {
            let pointers: Vec<_> =
                delivery.pointers.iter().map(|(user, previous)| format!("{user}<{previous}")).collect();
            format!("message {}", pointers.join(","))
        }
        Effect::Reading(reading) => format!("{} read {} of {}", reading.user, reading.read, reading.as_of),
        Effect::Lineages(lineages) if lineages.rows.len() > 4 => {
            format!("floor {} [{} lineages]", lineages.floor, lineages.rows.len())
        }
        Effect::Lineages(lineages) => {
            let row = |row: &Lineage| format!("{}:{}", short_id(row.id), row.acked_messages());
            let rows: Vec<_> = lineages.rows.iter().map(row).collect();
            format!("floor {} [{}]", lineages.floor, rows.join(" "))
        }
        Effect::ItemGone { user, kind, version, .. } => format!("-item {user}/{kind} of {version}"),
        Effect::Horizon(horizon) => format!("horizon {}", horizon.receipts_from),
        Effect::Time(time) => format!("time {time}"),
        Effect::Run(_) => "run".to_owned(),
        Effect::Invite(_) => "+invite".to_owned(),
        Effect::InviteGone(_) => "-invite".to_owned(),
        Effect::Group(effect) => shown_of_group(effect),
        Effect::Channel(effect) => shown_of_channel(effect),
        Effect::ContactTally(tally) => format!("{} blocks {}", tally.user, tally.blocked),
        Effect::ProfileChanged(user) => format!("{user} shows something else"),
        Effect::ApiKeys(keys) => format!("{} keys", keys.0.len()),
        Effect::Operators(all) => {
            let names: Vec<&str> = all.0.iter().map(|operator| operator.name.as_str()).collect();
            format!("operators {}", names.join(","))
        }
        Effect::Owned(owned) => format!("{} owns {}", owned.user, owned.groups),
        Effect::HostIdentity(identity) => format!("host user {}", identity.user),
    }
}

fn shown_of_group(effect: &GroupEffect) -> String {
    match effect {
        GroupEffect::Row(row) => match &row.announcement {
            Some(announcement) => {
                format!("group {} announcing {} by {}", row.name, announcement.text, announcement.by)
            }
            None => format!("group {}", row.name),
        },
        GroupEffect::Member(member) => {
            let ends = |interval: &Interval| {
                format!(
                    "{}-{}",
                    interval.join,
                    interval.leave.map_or(String::new(), |leave| leave.to_string())
                )
            };
            let intervals: Vec<_> = member.intervals.iter().map(ends).collect();
            format!("{:?} {} [{}]", member.role, member.user, intervals.join(" "))
        }
        GroupEffect::MemberGone { user, .. } => format!("-member {user}"),
        GroupEffect::Door(door) => {
            let link = |link: &Link| format!("{}:{}/{}", link.id[0], link.used, link.uses_max);
            let links = door.links.iter().map(link).collect::<Vec<_>>().join(" ");
            let asking = |asking: &Asking| format!(" {} {:?}", asking.user, asking.state);
            let asking: String = door.asking.iter().map(asking).collect();
            format!("door [{links}]{asking}")
        }
        GroupEffect::FanOut { position: None, .. } => "expanded".to_owned(),
        GroupEffect::FanOut { position: Some(Position { entry, after }), .. } => {
            format!("expand {entry} after {}", after.unwrap_or_default())
        }
        GroupEffect::Expanded(step) => {
            let pointers: Vec<_> =
                step.pointers.iter().map(|(user, previous)| format!("{user}<{previous}")).collect();
            format!("pointers {}", pointers.join(","))
        }
    }
}

fn shown_of_channel(effect: &ChannelEffect) -> String {
    match effect {
        ChannelEffect::Row(row) => {
            let turns: String = row.turns.iter().map(|turn| format!(" {} {:?}", turn.at, turn.to)).collect();
            format!("channel {} {:?}{turns}", row.followers, row.before)
        }
        ChannelEffect::Follow(follow) => {
            let ends = |interval: &FollowInterval| {
                let through = interval.through.map(|end| end.seq.to_string());
                format!("{}+{}", interval.after.seq, through.unwrap_or_default())
            };
            let intervals: Vec<_> = follow.intervals.iter().map(ends).collect();
            format!("follow {} [{}]", follow.user, intervals.join(" "))
        }
        ChannelEffect::FollowGone { user, .. } => format!("-follow {user}"),
        ChannelEffect::FollowCount { user, follows } => format!("{user} follows {follows}"),
        ChannelEffect::Posted(posted) => format!("posted {}", posted.seq),
        ChannelEffect::Broadcasts(rows) => {
            let left = |row: &Broadcast| match row.left_after {
                Some(user) => format!("{}>{user}", row.begun),
                None => row.begun.to_string(),
            };
            format!("broadcasts [{}]", rows.0.iter().map(left).collect::<Vec<_>>().join(" "))
        }
    }
}

fn short_id(id: LineageId) -> String {
    format!("{}/{}", id.device, id.context)
}

fn pair() -> Rows {
    Rows::default().user(1, 2).user(2, 1)
}

fn user(user: u64) -> Target {
    Target::User(UserId(user))
}

#[test]
fn a_first_message_introduces_the_two_and_a_second_does_not() {
    let first = "sent 1: conversation 1-2 item 1/2 after 0 item 1/3 after 0 item 2/2 after 0 item 2/3 after 0 message 1<0,2<0";
    let conversation = ConversationId::direct(UserId(1), UserId(2), 0);
    check(
        &pair(),
        &[
            send(by(1, 11), user(2), 1, "a"),
            send(by(2, 21), Target::Name("u1".to_owned()), 1, "b"),
            send(by(1, 12), Target::Conversation(conversation), 2, "c"),
        ],
        &[first, "sent 2: message 2<101,1<101", "sent 3: message 1<102,2<102"],
    );
}

#[test]
fn a_note_to_oneself_has_one_pointer() {
    let expected = "sent 1: conversation 1-1 item 1/2 after 0 item 1/3 after 0 message 1<0";
    check(
        &pair(),
        &[send(by(1, 11), user(1), 1, "a"), send(by(1, 11), user(1), 2, "b")],
        &[expected, "sent 2: message 1<101"],
    );
}

#[test]
fn a_resend_is_recognised_and_another_body_or_target_is_refused() {
    let start = pair().user(3, 1);
    check(
        &start,
        &[
            send(by(1, 11), user(2), 1, "a"),
            send(by(1, 12), user(2), 1, "a"),
            send(by(1, 11), user(2), 1, "b"),
            send(by(1, 11), user(3), 1, "a"),
            send(by(2, 21), user(1), 1, "a"),
        ],
        &[
            "sent 1: conversation 1-2 item 1/2 after 0 item 1/3 after 0 item 2/2 after 0 item 2/3 after 0 message 1<0,2<0",
            "sent 1: nothing",
            "refused id_conflict",
            "refused id_conflict",
            "sent 2: message 2<101,1<101",
        ],
    );
}

#[test]
fn a_custom_message_is_recognised_by_all_of_it_and_never_taken_for_a_text() {
    let content = |content| send_content(by(1, 11), user(2), 1, content);
    check(
        &pair().conversation(ConversationId::direct(UserId(1), UserId(2), 0), [1, 2], 4),
        &[
            content(custom("s", "1", "hi")),
            content(custom("s", "1", "hi")),
            content("hi".into()),
            content("s1hi".into()),
            content(custom("s1", "", "hi")),
            content(custom("s", "1h", "i")),
            content(custom("t", "1", "hi")),
            content(custom("s", "2", "hi")),
            content(custom("s", "1", "")),
            send(by(1, 11), user(2), 2, "hi"),
            send_content(by(1, 11), user(2), 2, custom("s", "1", "hi")),
            send_content(by(1, 11), user(2), 3, custom("", "1", "hi")),
            send_content(by(1, 11), user(2), 3, custom("s", &"1".repeat(CUSTOM_JSON_BYTES_MAX + 1), "")),
        ],
        &[
            "sent 5: message 1<0,2<0",
            "sent 5: nothing",
            "refused id_conflict",
            "refused id_conflict",
            "refused id_conflict",
            "refused id_conflict",
            "refused id_conflict",
            "refused id_conflict",
            "refused id_conflict",
            "sent 6: message 1<101,2<101",
            "refused id_conflict",
            "refused invalid_custom",
            "refused custom_too_long",
        ],
    );
}

#[test]
fn what_may_not_be_sent_is_refused_by_name() {
    let long = "x".repeat(TEXT_BYTES_MAX + 1);
    let others = ConversationId(77);
    let start = pair().conversation(others, [2, 3], 4);
    check(
        &start,
        &[
            send(by(1, 99), user(2), 1, "a"),
            send(by(1, 21), user(2), 1, "a"),
            send(by(1, 11), user(9), 1, "a"),
            send(by(1, 11), Target::Name("nobody".to_owned()), 1, "a"),
            send(by(1, 11), Target::Conversation(ConversationId(5)), 1, "a"),
            send(by(1, 11), Target::Conversation(others), 1, "a"),
            send(by(1, 11), user(2), 1, ""),
            send(by(1, 11), user(2), 1, &long),
        ],
        &[
            "refused invalid_token",
            "refused invalid_token",
            "refused no_such_user",
            "refused no_such_user",
            "refused no_such_conversation",
            "refused no_such_conversation",
            "refused empty_message",
            "refused text_too_long",
        ],
    );
}

#[test]
fn a_day_is_taken_from_six_days_ago_to_tomorrow() {
    for (day, taken) in [(-7, false), (-6, true), (0, true), (1, true), (2, false)] {
        let Request::Send(mut request) = send(by(1, 11), user(2), 1, "a") else { unreachable!() };
        request.day = Day((i64::from(TODAY.0) + day) as u32);
        let operation = at(Request::Send(request));
        let mut state = State::default();
        pair().warm(&mut state, &operation);
        let decided = decide(&mut state, &operation, Version(101));
        assert_eq!(decided.is_ok(), taken, "day {day}");
        assert!(taken || decided == Err(Refusal::DayOutsideWindow));
    }
}

#[test]
fn a_conversation_id_that_belongs_to_another_pair_is_drawn_again() {
    let taken = ConversationId::direct(UserId(1), UserId(2), 0);
    let start = pair().conversation(taken, [7, 8], 3);
    let next = ConversationId::direct(UserId(1), UserId(2), 1);
    let operation = at(send(by(1, 11), user(2), 1, "a"));
    let mut state = State::default();
    start.warm(&mut state, &operation);
    let answer = decide(&mut state, &operation, Version(101)).map(|decided| decided.answer);
    assert_eq!(answer, Ok(Answer::Sent { conversation: next, seq: Seq(1), sent_at: NOW }));
}

#[test]
fn of_two_first_sign_ins_of_a_host_apps_user_one_makes_the_account() {
    let of_host = |user: u64, name: &str, identity: u8| {
        let Request::Register(plain) = register(user, name, None) else { unreachable!() };
        Request::Register(Register { host_identity: Some([identity; 32]), ..plain })
    };
    let mut start = pair();
    start.host_identities.insert([9; 32], UserId(2));
    check(
        &start,
        &[
            of_host(3, "U1", 7),
            of_host(3, "Carl", 7),
            of_host(4, "Carl-7", 7),
            of_host(4, "Dora", 9),
            of_host(4, "Dora", 8),
        ],
        &[
            "refused name_taken",
            "device 31: host user 3 account 3 (1) +device 31 floor 0 [31/0:0] item 3/1 after 0",
            "refused busy",
            "refused busy",
            "device 41: host user 4 account 4 (1) +device 41 floor 0 [41/0:0] item 4/1 after 0",
        ],
    );
}

#[test]
fn registering_takes_a_free_name_and_a_good_invite_once() {
    let mut start = pair();
    let (good, late) = ([1; 32], [2; 32]);
    start.invites.insert(good, Invite { hash: good, expires: TimeMs(NOW.0 + 1) });
    start.invites.insert(late, Invite { hash: late, expires: NOW });
    check(
        &start,
        &[
            register(3, "U1", None),
            register(3, "Carl", Some(late)),
            register(3, "Carl", Some([9; 32])),
            register(3, "Carl", Some(good)),
            register(4, "Dora", Some(good)),
            register(4, "cARL", None),
            register(1, "Emil", None),
            send(by(3, 31), user(1), 1, "hello"),
        ],
        &[
            "refused name_taken",
            "refused invalid_invite",
            "refused invalid_invite",
            "device 31: -invite account 3 (1) +device 31 floor 0 [31/0:0] item 3/1 after 0",
            "refused invalid_invite",
            "refused name_taken",
            "refused busy",
            "sent 1: conversation 1-3 item 3/2 after 0 item 3/3 after 0 item 1/2 after 0 item 1/3 after 0 message 3<0,1<0",
        ],
    );
}

#[test]
fn a_further_device_begins_at_the_head_and_one_too_many_ends_the_oldest() {
    let mut start = pair().user(3, DEVICES_PER_USER_MAX as u64).user(4, 0);
    start.inboxes.insert(UserId(1), Version(50));
    start.inboxes.insert(UserId(4), Version(60));
    let add = |user, device| Request::AddDevice(new_device(user, device));
    check(
        &start,
        &[add(1, 13), add(3, 999), add(4, 88), add(1, 12), add(9, 91)],
        &[
            "device 13: account 1 (3) +device 13 floor 0 [11/0:0 12/0:0 13/0:50]",
            "device 999: -device 31 floor 0 [31 lineages] account 3 (32) +device 999 floor 0 [32 lineages]",
            "device 88: account 4 (1) +device 88 floor 0 [88/0:0]",
            "refused busy",
            "refused no_such_user",
        ],
    );
}

#[test]
fn devices_end_once_and_cannot_act_afterwards() {
    let end = |by, which| Request::EndDevices { by, which };
    check(
        &pair().user(3, 3),
        &[
            end(by(1, 11), EndDevices::One(DeviceId(21))),
            end(by(1, 11), EndDevices::One(DeviceId(11))),
            end(by(1, 11), EndDevices::AllOthers),
            send(by(1, 11), user(2), 1, "a"),
            end(by(1, 12), EndDevices::AllOthers),
            end(by(3, 32), EndDevices::AllOthers),
            send(by(3, 31), user(1), 1, "a"),
        ],
        &[
            "refused no_such_device",
            "ended [11]: -device 11 floor 0 [12/0:0] account 1 (1)",
            "refused invalid_token",
            "refused invalid_token",
            "ended []: nothing",
            "ended [31, 33]: -device 31 -device 33 floor 0 [32/0:0] account 3 (1)",
            "refused invalid_token",
        ],
    );
}

#[test]
fn documents_name_the_version_that_they_supersede() {
    let mut start = pair();
    start.items.insert((UserId(1), Kind(5), "k".to_owned()), Version(40));
    let put = |user: u64, key: &str, value: Option<&str>| Request::PutDocument {
        user: UserId(user),
        kind: Kind(5),
        key: key.to_owned(),
        value: value.map(str::to_owned),
    };
    let invite = Invite { hash: [4; 32], expires: NOW };
    check(
        &start,
        &[
            put(1, "k", Some("{}")),
            put(1, "k", None),
            put(2, "k", None),
            put(9, "k", None),
            Request::Invite(invite),
        ],
        &[
            "done: item 1/5 after 40",
            "done: item 1/5 after 101",
            "done: item 2/5 after 0",
            "refused no_such_user",
            "done: +invite",
        ],
    );
}
