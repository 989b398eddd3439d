//! What is done with channels, against tables.

use super::{
    ConversationState, GroupState, Request, State, decide,
    decide_samples::{NOW, Rows, at, by, send},
    decide_tests::check_from,
    lacking,
    observed_time::ObservedTime,
    operation::{ChannelChange, ChannelRequest, GroupChange, GroupRequest, OpenLineage, Target},
};
use crate::model::{
    Channel, ConversationId, Counted, Door, Follow, FollowEnd, FollowInterval, Form, Group, GroupBounds,
    Horizon, Interval, KindSet, Member, Position, Role, Seq, TimeMs, Turn, UserId, Version,
    limits::{FOLLOW_INTERVALS_MAX, FOLLOWS_PER_USER_MAX, GROUP_MEMBERS_CEILING, TURNS_WAITING_MAX},
    record::Conversation,
};

pub(super) const NEWS: ConversationId = ConversationId(0xc4a);

pub(super) fn users(count: u64) -> Rows {
    (1..=count).fold(Rows::default(), |rows, user| rows.user(user, 1))
}

pub(super) fn ask(user: u64, change: ChannelChange) -> Request {
    Request::Channel(ChannelRequest { by: by(user, 10 * user + 1), channel: NEWS, change })
}

fn create() -> Request {
    ask(1, ChannelChange::Create("news".to_owned()))
}

fn follow(user: u64) -> Request {
    ask(user, ChannelChange::Follow)
}

fn unfollow(user: u64) -> Request {
    ask(user, ChannelChange::Unfollow)
}

fn turn(user: u64, to: Form) -> Request {
    ask(user, ChannelChange::Turn(to))
}

pub(super) fn group(user: u64, change: GroupChange) -> Request {
    Request::Group(GroupRequest { by: by(user, 10 * user + 1), group: NEWS, change })
}

fn say(user: u64, id: u8) -> Request {
    send(by(user, 10 * user + 1), Target::Conversation(NEWS), id, "a")
}

#[track_caller]
pub(super) fn check(start: &Rows, step_pointers_max: usize, operations: &[Request], expected: &[&str]) {
    let mut state = State::default();
    state.policy.group_bounds = GroupBounds { members_max: 3, step_pointers_max };
    check_from(state, start, operations, expected);
}

/// Times in which a user followed, from the place before to the last.
pub(super) type Times<'a> = &'a [(u64, u64)];

/// A channel that user 1 owns, with so many entries and these followers; 0 for a time that has not ended.
pub(super) fn held(head: u64, position: Option<u64>, followers: &[(u64, Times<'_>)]) -> Rows {
    let mut rows = users(5);
    let end = |seq| FollowEnd { seq: Seq(seq), version: Version(50) };
    for (user, times) in followers {
        let time = |(after, through): &(u64, u64)| FollowInterval {
            after: end(*after),
            through: (*through > 0).then(|| end(*through)),
        };
        let intervals = times.iter().map(time).collect();
        let user = UserId(*user);
        rows.follows.insert((user, NEWS), Follow { user, channel: NEWS, intervals });
    }
    let open = rows.follows.values().filter(|follow| follow.is_open()).count() as u64;
    let intervals = vec![Interval { join: Seq(1), leave: None }];
    let owner = Member {
        group: NEWS,
        user: UserId(1),
        role: Role::Owner,
        ranked: Seq(1),
        intervals,
        is_muted: false,
        is_removed: false,
    };
    let row = Group {
        group: NEWS,
        name: "news".to_owned(),
        named: Seq(1),
        founder: UserId(1),
        created: TimeMs(1),
        is_muted: false,
        announcement: None,
    };
    let channel = Channel {
        channel: NEWS,
        followers: open,
        changed: Version(50),
        before: Form::Channel,
        turns: Vec::new(),
    };
    let position = position.map(|entry| Position { entry: Seq(entry), after: None });
    let members = [(UserId(1), owner)].into();
    rows.groups
        .insert(NEWS, GroupState { row, members, position, channel: Some(channel), door: Door::shut(NEWS) });
    let row = Conversation::of_group(NEWS, TimeMs(1));
    rows.conversations
        .insert(NEWS, ConversationState { row, head: Seq(head), counted: Counted::at(Seq(head), head) });
    rows
}

#[test]
fn a_post_costs_the_same_whoever_follows() {
    check(
        &users(3),
        9,
        &[create(), create(), say(1, 1), follow(2), follow(2), say(1, 2), unfollow(2), say(1, 3), say(2, 4)],
        &[
            "created: conversation 0-0 group news Owner 1 [1-] follow 1 [0+] 1 follows 1 channel 1 Channel item 1/3 after 0 message  posted 1",
            "created: nothing",
            "sent 2: message  posted 2",
            "done: follow 2 [2+] 2 follows 1 channel 2 Channel item 2/3 after 0",
            "done: nothing",
            "sent 3: message  posted 3",
            "done: follow 2 [2+3] channel 1 Channel item 2/3 after 104",
            "sent 4: message  posted 4",
            "refused no_such_conversation",
        ],
    );
}

#[test]
fn what_waits_is_put_on_the_number_line_one_by_one_and_in_order() {
    let expand = Request::Expand(NEWS);
    check(
        &held(1, None, &[(1, &[(0, 0)])]),
        0,
        &[say(1, 1), follow(2), say(1, 2), expand.clone(), unfollow(2), expand.clone(), expand],
        &[
            "sent 2: expand 2 after 0 message ",
            "done: follow 2 [2+] 2 follows 1 channel 2 Channel item 2/3 after 0",
            "sent 3: message ",
            "done: posted 2 expand 3 after 0",
            "done: follow 2 [2+3] channel 1 Channel item 2/3 after 102",
            "done: posted 3 expanded",
            "done: nothing",
        ],
    );
}

#[test]
fn a_time_in_which_nothing_was_said_leaves_nothing_behind() {
    check(
        &held(4, None, &[(1, &[(0, 0)]), (3, &[(1, 4)])]),
        9,
        &[follow(2), unfollow(2), unfollow(2), follow(3)],
        &[
            "done: follow 2 [4+] 2 follows 1 channel 2 Channel item 2/3 after 0",
            "done: -follow 2 2 follows 0 channel 1 Channel item 2/3 after 101",
            "done: nothing",
            "done: follow 3 [1+] channel 2 Channel item 3/3 after 0",
        ],
    );
}

#[test]
fn only_who_owns_it_writes_and_the_owner_stays() {
    let leave = |user| group(user, GroupChange::Leave);
    check(
        &held(1, None, &[(1, &[(0, 0)]), (2, &[(0, 0)])]),
        9,
        &[
            unfollow(1),
            leave(1),
            leave(2),
            group(1, GroupChange::Add(vec![UserId(3)])),
            group(1, GroupChange::Remove(UserId(2))),
            group(1, GroupChange::Rename("sport".to_owned())),
            ask(3, ChannelChange::Create("mine".to_owned())),
            turn(2, Form::Group),
        ],
        &[
            "refused forbidden",
            "refused forbidden",
            "done: follow 2 [0+1] channel 1 Channel item 2/3 after 0",
            "refused forbidden",
            "refused forbidden",
            "done: group sport message  posted 2",
            "refused busy",
            "refused no_such_conversation",
        ],
    );
}

#[test]
fn a_follower_is_made_admin_and_owner_and_goes_again() {
    let give = |user, to, role| group(user, GroupChange::GiveRole(UserId(to), role));
    check(
        &held(1, None, &[(1, &[(0, 0)]), (2, &[(0, 0)]), (3, &[(0, 0)]), (4, &[(0, 0)]), (5, &[(0, 1)])]),
        9,
        &[
            give(1, 5, Role::Admin),
            give(1, 2, Role::Member),
            give(1, 2, Role::Admin),
            say(2, 1),
            give(1, 3, Role::Owner),
            give(3, 4, Role::Admin),
            unfollow(1),
            say(1, 1),
            give(3, 2, Role::Member),
            say(2, 2),
        ],
        &[
            "refused no_such_user",
            "done: nothing",
            "done: Admin 2 [1-] item 2/3 after 0 message  posted 2",
            "sent 3: message  posted 3",
            "done: Owner 3 [1-] Admin 1 [1-] item 3/3 after 0 item 1/3 after 0 message  posted 4",
            "refused group_full",
            "done: Member 1 [1-4] follow 1 [0+4] channel 3 Channel item 1/3 after 105",
            "refused no_such_conversation",
            "done: Member 2 [1-] item 2/3 after 103 message  posted 5",
            "refused forbidden",
        ],
    );
}

#[test]
fn a_group_is_not_followed_and_looks_as_if_it_were_not_there() {
    check(
        &users(2),
        9,
        &[
            group(1, GroupChange::Create { name: "g".to_owned(), members: Vec::new() }),
            follow(2),
            unfollow(1),
            create(),
        ],
        &[
            "created: conversation 0-0 group g Owner 1 [1-] item 1/3 after 0 message 1<0",
            "refused no_such_conversation",
            "refused no_such_conversation",
            "created: nothing",
        ],
    );
}

#[test]
fn one_follow_too_many_is_refused_by_name() {
    let mut rows = held(100, None, &[(1, &[(0, 0)])]);
    for number in 0..u64::from(FOLLOWS_PER_USER_MAX) {
        let (user, channel) = (UserId(2), ConversationId(number + 1));
        rows.follows.insert((user, channel), Follow { user, channel, intervals: Vec::new() });
    }
    let times: Vec<(u64, u64)> =
        (0..FOLLOW_INTERVALS_MAX as u64).map(|time| (3 * time, 3 * time + 1)).collect();
    let more = held(100, None, &[(3, &times)]);
    rows.follows.extend(more.follows);
    check(&rows, 9, &[follow(2), follow(3)], &["refused too_many_follows", "refused too_many_follows"]);
}

#[test]
fn members_follow_when_a_group_turns() {
    let create = group(1, GroupChange::Create { name: "g".to_owned(), members: vec![UserId(2)] });
    check(
        &users(3),
        9,
        &[
            create,
            turn(1, Form::Channel),
            turn(1, Form::Channel),
            say(1, 1),
            say(2, 2),
            follow(3),
            group(1, GroupChange::Rename("h".to_owned())),
            unfollow(2),
        ],
        &[
            "created: conversation 0-0 group g Owner 1 [1-] Member 2 [1-] item 1/3 after 0 item 2/3 after 0 message 1<0,2<0",
            "done: follow 1 [2+] 1 follows 1 follow 2 [2+] 2 follows 1 channel 2 Group 2 Channel item 1/3 after 101 item 2/3 after 101 message 1<101,2<101",
            "done: nothing",
            "sent 3: message  posted 3",
            "refused forbidden",
            "done: follow 3 [3+] 3 follows 1 channel 3 Group 2 Channel item 3/3 after 0",
            "done: group h message  posted 4",
            "done: Member 2 [1-4] follow 2 [2+4] channel 2 Group 2 Channel item 2/3 after 102",
        ],
    );
}

#[test]
fn followers_are_members_since_they_followed_when_a_channel_turns() {
    let times: [(u64, Times<'_>); 4] = [(1, &[(0, 0)]), (2, &[(0, 3)]), (3, &[(2, 0)]), (4, &[(4, 0)])];
    let mut rows = held(4, None, &times);
    let group = rows.groups.get_mut(&NEWS).expect("it is there");
    (group.row.name, group.row.named) = ("h".to_owned(), Seq(4));
    check(
        &rows,
        9,
        &[turn(1, Form::Group), say(3, 1), say(2, 2), turn(1, Form::Channel)],
        &[
            "done: Member 3 [3-] Member 4 [5-] follow 1 [0+5] follow 3 [2+5] follow 4 [4+5] channel 0 Channel 5 Group item 1/3 after 0 item 3/3 after 0 item 4/3 after 0 message  posted 5",
            "sent 6: message 1<0,3<0,4<0",
            "refused no_such_conversation",
            "done: follow 1 [0+5 7+] follow 3 [2+5 7+] follow 4 [4+5 7+] channel 3 Group 7 Channel item 1/3 after 101 item 3/3 after 101 item 4/3 after 101 message 1<102,3<102,4<102",
        ],
    );
}

#[test]
fn a_list_of_followers_that_was_read_before_a_follow_is_read_again() {
    let rows = held(1, None, &[(1, &[(0, 0)])]);
    let mut state = State::default();
    rows.warm(&mut state, &at(follow(2)));
    decide(&mut state, &at(follow(2)), Version(101)).expect("it may");
    let read = |users: &[u64]| {
        let users = users.iter().map(|user| UserId(*user)).collect();
        vec![super::Warm::Followers(NEWS, users)]
    };
    assert!(!state.warm(read(&[1]), Version(100)));
    assert!(state.warm(read(&[1, 2]), Version(101)));
}

#[test]
fn what_stands_before_a_turn_is_expanded_the_old_way() {
    let create = group(1, GroupChange::Create { name: "g".to_owned(), members: vec![UserId(2)] });
    let expand = || Request::Expand(NEWS);
    check(
        &users(2),
        1,
        &[create, turn(1, Form::Channel), say(1, 1), expand(), expand(), expand(), expand(), expand()],
        &[
            "created: conversation 0-0 group g Owner 1 [1-] Member 2 [1-] expand 1 after 0 message ",
            "done: follow 1 [2+] 1 follows 1 follow 2 [2+] 2 follows 1 channel 2 Group 2 Channel item 1/3 after 0 item 2/3 after 0 message ",
            "sent 3: message ",
            "done: item 1/3 after 102 pointers 1<0 expand 1 after 1",
            "done: item 2/3 after 102 pointers 2<0 expand 2 after 0",
            "done: pointers 1<104 expand 2 after 1",
            "done: pointers 2<105 expand 3 after 0",
            "done: posted 3 expanded",
        ],
    );
}

#[test]
fn a_channel_of_more_than_a_group_may_have_does_not_turn_and_nobody_reads_the_list() {
    let four: Vec<(u64, Times<'_>)> = (1..=4).map(|user| (user, &[(0, 0)][..])).collect();
    check(&held(1, None, &four), 9, &[turn(1, Form::Group)], &["refused group_full"]);
    let mut rows = held(1, None, &[(1, &[(0, 0)])]);
    let channel = rows.groups.get_mut(&NEWS).and_then(|held| held.channel.as_mut());
    channel.expect("it is one").followers = GROUP_MEMBERS_CEILING as u64 + 1;
    let mut state = State::default();
    let asked = rows.warm(&mut state, &at(turn(1, Form::Group)));
    assert_eq!(asked.len(), 4, "{asked:?}");
    let posted = rows.warm(&mut State::default(), &at(say(1, 1)));
    assert!(posted.len() <= 6, "a post needs what it needs without followers: {posted:?}");
}

#[test]
fn a_list_of_followers_in_memory_does_not_grow_without_bound() {
    let rows = held(1, None, &[(1, &[(0, 0)])]);
    let mut state = State::default();
    let back = at(turn(1, Form::Group));
    rows.warm(&mut state, &back);
    assert!(lacking(&state, &back).is_empty());
    for user in 1..=GROUP_MEMBERS_CEILING as u64 {
        state.note_follower((NEWS, UserId(100 + user)), true, Version(200 + user));
    }
    let last = Version(200 + GROUP_MEMBERS_CEILING as u64);
    assert!(!lacking(&state, &back).is_empty(), "it is read again when it is wanted");
    assert!(!state.warm(Vec::new(), Version(last.0 - 1)), "and not as it was before");
    assert!(state.warm(Vec::new(), last));
}

#[test]
fn turns_that_wait_are_few_and_those_that_are_expanded_do_not_count() {
    let mut rows = held(20, Some(9), &[(1, &[(0, 0)])]);
    let held = rows.groups.get_mut(&NEWS).expect("it is there");
    let forms = [Form::Channel, Form::Group];
    let turns = (0..TURNS_WAITING_MAX as u64)
        .map(|turn| Turn { at: Seq(11 + turn), to: forms[(turn as usize + 1) % 2] });
    let channel = held.channel.as_mut().expect("it is one");
    channel.turns = turns.collect();
    assert_eq!(channel.form(), Form::Channel);
    check(&rows, 9, &[turn(1, Form::Group)], &["refused busy"]);
    let held = rows.groups.get_mut(&NEWS).expect("it is there");
    held.position = Some(Position { entry: Seq(19), after: None });
    check(
        &rows,
        9,
        &[turn(1, Form::Group)],
        &["done: follow 1 [0+21] channel 0 Channel 21 Group item 1/3 after 0 message "],
    );
}

#[test]
fn a_new_lineage_of_a_follower_begins_behind_everything_that_was_posted() {
    let open = |user| {
        let by = by(user, 10 * user + 1);
        Request::OpenLineage(OpenLineage { by, context: 3, kinds: KindSet::ALL })
    };
    let mut rows = held(9, None, &[(2, &[(0, 0)])]);
    rows.inboxes = (1..=2).map(|user| (UserId(user), Version(7))).collect();
    let mut state = State::default();
    for (user, from) in [(1, 7), (2, 101)] {
        rows.warm(&mut state, &at(open(user)));
        let decided = decide(&mut state, &at(open(user)), Version(101)).expect("it may");
        let super::Answer::LineageOpened(lineage) = decided.answer else { panic!() };
        assert_eq!(lineage.from, Version(from));
    }
}

#[test]
fn a_post_needs_and_writes_the_same_for_one_follower_as_for_a_hundred_thousand() {
    let few = held(1, None, &[(1, &[(0, 0)])]);
    let mut many = few.clone();
    for user in 0..100_000 {
        let after = FollowEnd { seq: Seq(1), version: Version(50) };
        let intervals = vec![FollowInterval { after, through: None }];
        let (user, channel) = (UserId(1000 + user), NEWS);
        many.follows.insert((user, channel), Follow { user, channel, intervals });
    }
    let channel = many.groups.get_mut(&NEWS).and_then(|held| held.channel.as_mut());
    channel.expect("it is one").followers += 100_000;
    let posted = |rows: &Rows| {
        let mut state = State::default();
        let asked = rows.warm(&mut state, &at(say(1, 1)));
        (asked, decide(&mut state, &at(say(1, 1)), Version(101)))
    };
    assert_eq!(posted(&few), posted(&many));
    let followed = |rows: &Rows| {
        let mut state = State::default();
        let asked = rows.warm(&mut state, &at(follow(2)));
        let record = decide(&mut state, &at(follow(2)), Version(101)).expect("it may").record;
        (asked, record.map(|record| record.effects.len()))
    };
    assert_eq!(followed(&few), followed(&many));
}

#[test]
fn an_ended_time_is_forgotten_behind_the_floor_and_past_retention_and_not_before() {
    let times: Times<'_> = &[(0, 3), (5, 7)];
    let day_ms = 24 * 60 * 60 * 1000;
    let forget = |through, last| Request::ForgetFollow {
        user: UserId(2),
        channel: NEWS,
        through: Seq(through),
        last: Version(last),
    };
    // Floor of the user, oldest entry that waits, days that have passed, and what is asked; whether it is forgotten.
    for (floor, waits, days, request, is_forgotten) in [
        (60, None, 31, forget(3, 60), true),
        (60, None, 31, forget(3, 0), true),
        (59, None, 31, forget(3, 60), false),
        (60, Some(3), 31, forget(3, 60), false),
        (60, Some(4), 31, forget(3, 60), true),
        (60, None, 1, forget(3, 60), false),
        (60, None, 31, forget(7, 60), false),
    ] {
        let mut rows = held(9, waits, &[(1, &[(0, 0)]), (2, times)]);
        rows.lineages.entry(UserId(2)).and_modify(|lineages| lineages.floor = Version(floor));
        let time = ObservedTime::at_start(None, NOW, 0);
        let mut state = State::default().with_time(time);
        let mut horizon = Horizon::default();
        horizon.note(NOW, Version(55), i64::MAX);
        state.set_horizon(horizon);
        state.advance(days * day_ms * 1000);
        rows.warm(&mut state, &at(request.clone()));
        let decided = decide(&mut state, &at(request.clone()), Version(101)).expect("nobody is refused");
        assert_eq!(decided.record.is_some(), is_forgotten, "{floor} {waits:?} {days} {request:?}");
    }
}

#[test]
fn the_last_time_takes_the_follow_with_it() {
    let mut rows = held(9, None, &[(1, &[(0, 0)]), (2, &[(0, 3)])]);
    rows.lineages.entry(UserId(2)).and_modify(|lineages| lineages.floor = Version(60));
    let mut state = State::default().with_time(ObservedTime::at_start(None, NOW, 0));
    let mut horizon = Horizon::default();
    horizon.note(NOW, Version(55), i64::MAX);
    state.set_horizon(horizon);
    state.advance(31 * 24 * 60 * 60 * 1_000_000);
    let request = Request::ForgetFollow { user: UserId(2), channel: NEWS, through: Seq(3), last: Version(9) };
    check_from(state, &rows, &[request.clone(), request], &["done: -follow 2 2 follows 0", "done: nothing"]);
}
