//! What is done with groups, against tables.

use super::{
    ConversationState, GroupState, Request, State, decide,
    decide_samples::{Rows, at, by, send},
    decide_tests::check_from,
    operation::{GroupChange, GroupRequest, Target},
};
use crate::model::{
    ConversationId, Counted, Door, Effect, Group, GroupBounds, GroupEffect, Interval, Member, Position, Role,
    Seq, TimeMs, UserId, Version,
    limits::{
        BATCH_GROUP_POINTERS_MAX, FAN_OUT_ENTRIES_MAX, FAN_OUT_STEP_POINTERS_MAX, FORMER_MEMBERS_MAX,
        GROUP_NAME_BYTES_MAX, GROUP_USERS_PER_OPERATION_MAX, INTERVALS_PER_MEMBER_MAX,
    },
    record::Conversation,
};

const GROUP: ConversationId = ConversationId(0x6e0);

fn users(count: u64) -> Rows {
    (1..=count).fold(Rows::default(), |rows, user| rows.user(user, 1))
}

fn change(user: u64, change: GroupChange) -> Request {
    Request::Group(GroupRequest { by: by(user, 10 * user + 1), group: GROUP, change })
}

fn create(name: &str, members: &[u64]) -> Request {
    let members = members.iter().copied().map(UserId).collect();
    change(1, GroupChange::Create { name: name.to_owned(), members })
}

fn add(user: u64, members: &[u64]) -> Request {
    change(user, GroupChange::Add(members.iter().copied().map(UserId).collect()))
}

fn remove(user: u64, member: u64) -> Request {
    change(user, GroupChange::Remove(UserId(member)))
}

fn rename(user: u64, name: &str) -> Request {
    change(user, GroupChange::Rename(name.to_owned()))
}

fn give(user: u64, member: u64, role: Role) -> Request {
    change(user, GroupChange::GiveRole(UserId(member), role))
}

fn say(user: u64, id: u8) -> Request {
    send(by(user, 10 * user + 1), Target::Conversation(GROUP), id, "a")
}

#[track_caller]
fn check(start: &Rows, step_pointers_max: usize, operations: &[Request], expected: &[&str]) {
    let mut state = State::default();
    state.policy.group_bounds = GroupBounds { members_max: 4, step_pointers_max };
    check_from(state, start, operations, expected);
}

/// A group of these members and former ones, with nothing waiting unless it is said.
fn held(members: &[(u64, Role, &[(u64, u64)])], head: u64, position: Option<Position>) -> Rows {
    let mut rows = users(6);
    let member = |(user, role, intervals): &(u64, Role, &[(u64, u64)])| {
        let interval = |(join, leave): &(u64, u64)| Interval {
            join: Seq(*join),
            leave: (*leave > 0).then_some(Seq(*leave)),
        };
        let intervals = intervals.iter().map(interval).collect();
        (
            UserId(*user),
            Member {
                group: GROUP,
                user: UserId(*user),
                role: *role,
                ranked: Seq(1),
                intervals,
                is_muted: false,
                is_removed: false,
            },
        )
    };
    let members = members.iter().map(member).collect();
    let row = Group {
        group: GROUP,
        name: "g".to_owned(),
        named: Seq(1),
        founder: UserId(1),
        created: TimeMs(1),
        is_muted: false,
        announcement: None,
    };
    rows.groups.insert(GROUP, GroupState { row, members, position, channel: None, door: Door::shut(GROUP) });
    let row = Conversation::of_group(GROUP, TimeMs(1));
    rows.conversations
        .insert(GROUP, ConversationState { row, head: Seq(head), counted: Counted::at(Seq(head), head) });
    rows
}

fn three() -> Rows {
    held(&[(1, Role::Owner, &[(1, 0)]), (2, Role::Admin, &[(1, 0)]), (3, Role::Member, &[(1, 0)])], 1, None)
}

#[test]
fn a_small_group_is_told_at_once() {
    check(
        &users(3),
        9,
        &[create("g", &[2, 1, 2]), say(2, 1), add(1, &[3]), remove(1, 2), say(2, 2), say(3, 3)],
        &[
            "created: conversation 0-0 group g Owner 1 [1-] Member 2 [1-] item 1/3 after 0 item 2/3 after 0 message 1<0,2<0",
            "sent 2: message 1<101,2<101",
            "done: Member 3 [3-] item 3/3 after 0 message 1<102,2<102,3<0",
            "done: Member 2 [1-4] item 2/3 after 101 message 1<103,2<103,3<103",
            "refused no_such_conversation",
            "sent 5: message 1<104,3<104",
        ],
    );
}

#[test]
fn a_large_group_is_told_in_steps_and_in_order() {
    let expand = Request::Expand(GROUP);
    check(
        &users(3),
        1,
        &[
            create("g", &[2]),
            say(1, 1),
            add(1, &[3]),
            expand.clone(),
            expand.clone(),
            expand.clone(),
            expand.clone(),
            expand.clone(),
            expand.clone(),
            expand.clone(),
            expand.clone(),
        ],
        &[
            "created: conversation 0-0 group g Owner 1 [1-] Member 2 [1-] expand 1 after 0 message ",
            "sent 2: message ",
            "done: Member 3 [3-] message ",
            "done: item 1/3 after 0 pointers 1<0 expand 1 after 1",
            "done: item 2/3 after 0 pointers 2<0 expand 2 after 0",
            "done: pointers 1<104 expand 2 after 1",
            "done: pointers 2<105 expand 3 after 0",
            "done: pointers 1<106 expand 3 after 1",
            "done: pointers 2<107 expand 3 after 2",
            "done: item 3/3 after 0 pointers 3<0 expanded",
            "done: nothing",
        ],
    );
}

#[test]
fn a_new_name_reaches_every_member_in_the_step_that_tells_it() {
    check(
        &three(),
        2,
        &[
            rename(2, "h"),
            rename(1, "i"),
            Request::Expand(GROUP),
            Request::Expand(GROUP),
            Request::Expand(GROUP),
        ],
        &[
            "done: group h expand 2 after 0 message ",
            "done: group i message ",
            "done: pointers 1<0,2<0 expand 2 after 2",
            "done: pointers 3<0 expand 3 after 0",
            "done: item 1/3 after 0 item 2/3 after 0 pointers 1<103,2<103 expand 3 after 2",
        ],
    );
}

#[test]
fn rank_decides_who_does_what() {
    let longest: String = "n".repeat(GROUP_NAME_BYTES_MAX);
    let too_long = format!("{longest}n");
    check(
        &three(),
        9,
        &[
            add(3, &[4]),
            remove(3, 2),
            rename(3, "h"),
            give(2, 3, Role::Admin),
            remove(2, 1),
            remove(2, 2),
            remove(2, 5),
            add(4, &[5]),
            give(1, 5, Role::Admin),
            give(1, 1, Role::Member),
            give(1, 3, Role::Member),
            rename(2, ""),
            rename(2, " \u{3000}"),
            rename(2, "a\nb"),
            rename(2, &too_long),
            rename(2, "g"),
            add(2, &[3, 1]),
            add(2, &[77]),
            give(1, 2, Role::Owner),
            give(1, 3, Role::Admin),
        ],
        &[
            "refused forbidden",
            "refused forbidden",
            "refused forbidden",
            "refused forbidden",
            "refused forbidden",
            "refused invalid_field",
            "done: nothing",
            "refused no_such_conversation",
            "refused no_such_user",
            "refused invalid_field",
            "done: nothing",
            "refused invalid_group_name",
            "refused invalid_group_name",
            "refused invalid_group_name",
            "refused invalid_group_name",
            "done: nothing",
            "done: nothing",
            "refused no_such_user",
            "done: Owner 2 [1-] Admin 1 [1-] item 1/3 after 0 item 2/3 after 0 message 1<0,2<0,3<0",
            "refused forbidden",
        ],
    );
}

#[test]
fn an_owner_who_leaves_is_followed_by_the_admin_or_else_the_member_of_longest_standing() {
    let leave = |user| change(user, GroupChange::Leave);
    let start = held(
        &[
            (1, Role::Owner, &[(1, 0)]),
            (2, Role::Member, &[(1, 0)]),
            (3, Role::Member, &[(1, 2), (5, 0)]),
            (4, Role::Admin, &[(6, 0)]),
        ],
        6,
        None,
    );
    check(
        &start,
        9,
        &[leave(1), leave(4), leave(2), leave(3), leave(3), add(3, &[1])],
        &[
            "done: Member 1 [1-7] Owner 4 [6-] item 1/3 after 0 item 4/3 after 0 message 1<0,2<0,3<0,4<0",
            "done: Member 4 [6-8] Owner 2 [1-] item 2/3 after 0 item 4/3 after 101 message 2<101,3<101,4<101",
            "done: Member 2 [1-9] Owner 3 [1-2 5-] item 2/3 after 102 item 3/3 after 0 message 2<102,3<102",
            "done: Member 3 [1-2 5-10] item 3/3 after 103 message 3<103",
            "refused no_such_conversation",
            "refused no_such_conversation",
        ],
    );
}

#[test]
fn the_limit_of_members_holds_at_the_commit() {
    let many: Vec<u64> = (100..101 + GROUP_USERS_PER_OPERATION_MAX as u64).collect();
    check(
        &three(),
        9,
        &[add(1, &[4, 5]), add(1, &[4]), add(2, &[5]), add(2, &many), create("other", &[2])],
        &[
            "refused group_full",
            "done: Member 4 [2-] item 4/3 after 0 message 1<0,2<0,3<0,4<0",
            "refused group_full",
            "refused invalid_field",
            "created: nothing",
        ],
    );
    check(&users(6), 9, &[create("g", &[2, 3, 4, 5])], &["refused group_full"]);
    check(&users(6), 9, &[create("g", &[2, 7])], &["refused no_such_user"]);
}

#[test]
fn an_id_that_is_taken_is_drawn_anew() {
    let pair = users(2).conversation(GROUP, [1, 2], 3);
    check(&pair, 9, &[create("g", &[2])], &["refused busy"]);
    let of_another = held(&[(2, Role::Owner, &[(1, 0)])], 1, None);
    let by_another = Request::Group(GroupRequest {
        by: by(2, 21),
        group: GROUP,
        change: GroupChange::Create { name: "g".to_owned(), members: Vec::new() },
    });
    check(&of_another, 9, &[by_another], &["refused busy"]);
}

#[test]
fn what_waits_is_bounded_and_leaves_are_always_taken() {
    let position = |entry| Some(Position { entry: Seq(entry), after: None });
    let head = FAN_OUT_ENTRIES_MAX + 7;
    let members: &[(u64, Role, &[(u64, u64)])] = &[(1, Role::Owner, &[(1, 0)]), (2, Role::Member, &[(1, 0)])];
    check(
        &held(members, head, position(7)),
        9,
        &[say(1, 1), add(1, &[3]), rename(1, "h"), give(1, 2, Role::Admin), remove(1, 2)],
        &[
            "refused busy",
            "refused busy",
            "refused busy",
            "refused busy",
            &format!("done: Member 2 [1-{}] message ", head + 1),
        ],
    );
    let at = head + 1;
    let sent = format!("sent {at}: 1 read 0 of {at} message ");
    check(&held(members, head, position(8)), 9, &[say(1, 1)], &[&sent]);
}

#[test]
fn a_resend_is_recognised_after_its_sender_has_left() {
    check(
        &three(),
        9,
        &[say(3, 1), change(3, GroupChange::Leave), say(3, 1), say(3, 2)],
        &[
            "sent 2: message 1<0,2<0,3<0",
            "done: Member 3 [1-3] item 3/3 after 0 message 1<101,2<101,3<101",
            "sent 2: nothing",
            "refused no_such_conversation",
        ],
    );
}

#[test]
fn what_is_expanded_may_be_forgotten_and_nothing_else() {
    let times = INTERVALS_PER_MEMBER_MAX as u64;
    let intervals: Vec<(u64, u64)> = (1..=times).map(|place| (2 * place, 2 * place + 1)).collect();
    let head = 2 * times + 1;
    let members: &[(u64, Role, &[(u64, u64)])] =
        &[(1, Role::Owner, &[(1, 0)]), (2, Role::Member, &intervals)];
    let shown: Vec<String> = intervals[1..].iter().map(|(join, leave)| format!("{join}-{leave}")).collect();
    let again = format!("Member 2 [{} {}-]", shown.join(" "), head + 1);
    let waits = |entry| Some(Position { entry: Seq(entry), after: None });
    check(&held(members, head, waits(3)), 9, &[add(1, &[2])], &["refused busy"]);
    check(&held(members, head, waits(4)), 9, &[add(1, &[2])], &[&format!("done: {again} message ")]);

    let former: Vec<(u64, u64)> = vec![(2, 3)];
    let mut start = held(&[(1, Role::Owner, &[(1, 0)])], 9, waits(4));
    let group = start.groups.get_mut(&GROUP).expect("it was made");
    for place in 0..FORMER_MEMBERS_MAX as u64 + 3 {
        let leave = if place == 5 { 2 } else { 3 };
        let intervals = vec![Interval { join: Seq(former[0].0), leave: Some(Seq(leave)) }];
        let user = UserId(1_000 + place);
        group.members.insert(
            user,
            Member {
                group: GROUP,
                user,
                role: Role::Member,
                ranked: Seq(1),
                intervals,
                is_muted: false,
                is_removed: false,
            },
        );
    }
    let forgets = ["done: -member 1005 Member 2 [10-] message "];
    check(&start, 9, &[add(1, &[2])], &forgets);
    start.groups.get_mut(&GROUP).expect("it was made").position = waits(2);
    check(&start, 9, &[add(1, &[2])], &["refused busy"]);
}

#[test]
fn a_batch_has_room_for_sends_and_for_steps() {
    const MANY: u64 = FAN_OUT_STEP_POINTERS_MAX as u64;
    let mut start = held(&[(1, Role::Owner, &[(1, 0)])], 1, None);
    let group = start.groups.get_mut(&GROUP).expect("it was made");
    for user in (1_000..).take(FAN_OUT_STEP_POINTERS_MAX - 1).map(UserId) {
        let intervals = vec![Interval { join: Seq(1), leave: None }];
        group.members.insert(
            user,
            Member {
                group: GROUP,
                user,
                role: Role::Member,
                ranked: Seq(1),
                intervals,
                is_muted: false,
                is_removed: false,
            },
        );
    }
    let (mut state, mut version) = (State::default(), Version(100));
    let mut decided = |state: &mut State, request: &Request| {
        let operation = at(request.clone());
        start.warm(state, &operation);
        version = version.next();
        let record = decide(state, &operation, version).expect("it is not refused").record;
        let effects = record.expect("it changes something").effects;
        let pointers = effects.iter().map(|effect| match effect {
            Effect::Message(delivery) => delivery.pointers.len() as u64,
            Effect::Group(GroupEffect::Expanded(step)) => step.pointers.len() as u64,
            _ => 0,
        });
        pointers.sum::<u64>()
    };
    let in_a_batch = BATCH_GROUP_POINTERS_MAX as u64 / MANY;
    state.begin_batch();
    let sent: Vec<u64> = (0..20).map(|id| decided(&mut state, &say(1, id))).collect();
    let (at_once, later) = sent.split_at(in_a_batch as usize);
    assert!(at_once.iter().all(|pointers| *pointers == MANY), "{sent:?}");
    assert!(later.iter().all(|pointers| *pointers == 0), "what has no room waits: {sent:?}");

    let expand = Request::Expand(GROUP);
    let mut steps: Vec<u64> = Vec::new();
    for _ in 0..3 {
        state.begin_batch();
        let mut in_this: u64 = 0;
        while state.has_room(&at(expand.clone())) && steps.iter().sum::<u64>() + in_this < later.len() as u64
        {
            assert_eq!(decided(&mut state, &expand), MANY);
            in_this += 1;
        }
        assert!(state.has_room(&at(say(1, 99))), "steps leave room for others");
        steps.push(in_this);
    }
    assert_eq!(steps, [in_a_batch, later.len() as u64 - in_a_batch, 0]);
    state.begin_batch();
    assert_eq!(decided(&mut state, &say(1, 200)), MANY, "nothing waits any more");
}

#[test]
fn steps_of_a_group_wait_for_each_other_and_for_nobody_else() {
    let step = at(Request::Expand(GROUP));
    assert_eq!(step.actor(), Some(GROUP.as_actor()));
    assert_ne!(step.actor(), at(say(1, 1)).actor());
}
