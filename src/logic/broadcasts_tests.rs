//! Channels that everybody follows, against tables.

use super::{
    Request,
    broadcasts::BroadcastRequest,
    channels_tests::{NEWS, Times, ask, check, group, held},
    decide_samples::{Rows, by, change_contact, register},
    on_behalf::Voucher,
    operation::{ChannelChange, ContactChange, GroupChange, MakeUser},
};
use crate::model::{
    Broadcast, Broadcasts, ConversationId, Follow, Form, UserId, Version,
    broadcast::BROADCASTS_MAX,
    limits::{FOLLOW_INTERVALS_MAX, FOLLOWS_PER_USER_MAX},
};

fn set(is_on: bool) -> Request {
    Request::Broadcast(BroadcastRequest::Set { channel: NEWS, is_on })
}

fn step(begun: u64, after: u64, users: &[u64], is_last: bool) -> Request {
    let users = users.iter().copied().map(UserId).collect();
    let (begun, after) = (Version(begun), UserId(after));
    Request::Broadcast(BroadcastRequest::Step { channel: NEWS, begun, after, users, is_last })
}

fn make(user: u64, bot: bool) -> Request {
    let (by, name) = (Voucher::Operator, format!("new{user}"));
    Request::MakeUser(MakeUser { by, user: UserId(user), name, password: None, bot })
}

/// The channel of user 1 with four entries.
fn news(followers: &[(u64, Times<'_>)]) -> Rows {
    held(4, None, followers)
}

/// The same, which everybody follows since version 90.
fn on(mut rows: Rows, left_after: Option<u64>) -> Rows {
    let left_after = left_after.map(UserId);
    rows.broadcasts.0.push(Broadcast { channel: NEWS, begun: Version(90), left_after });
    rows
}

#[test]
fn everybody_who_is_there_is_given_the_follow_step_by_step() {
    let mut rows = news(&[(1, &[(0, 0)]), (3, &[(2, 0)])]);
    rows.accounts.get_mut(&UserId(4)).expect("it is there").suspended = true;
    rows.accounts.get_mut(&UserId(5)).expect("it is there").bot = true;
    check(
        &rows,
        9,
        &[
            set(true),
            set(true),
            step(101, 0, &[1, 2], false),
            // The same again, one that leaves some out, and one of another word.
            step(101, 0, &[1, 2], false),
            step(101, 3, &[4, 5], true),
            step(90, 2, &[3, 4], true),
            // Who follows is passed over, and so are a bot and who is not there; who is suspended is not.
            step(101, 2, &[3, 4, 5, 9], true),
            step(101, 2, &[3, 4, 5, 9], true),
        ],
        &[
            "done: broadcasts [101>0]",
            "done: nothing",
            "done: broadcasts [101>2] follow 2 [4+] 2 follows 1 channel 3 Channel item 2/3 after 0",
            "done: nothing",
            "done: nothing",
            "done: nothing",
            "done: broadcasts [101] follow 4 [4+] 4 follows 1 channel 4 Channel item 4/3 after 0",
            "done: nothing",
        ],
    );
}

#[test]
fn who_is_made_later_follows_from_the_operation_that_makes_him() {
    check(
        &on(news(&[(1, &[(0, 0)])]), Some(2)),
        9,
        &[register(7, "g", None), make(8, false), make(9, true), set(false), make(10, false)],
        &[
            "device 71: account 7 (1) +device 71 floor 0 [71/0:0] item 7/1 after 0 follow 7 [4+] 7 follows 1 channel 2 Channel item 7/3 after 0",
            "user 8: account 8 (0) item 8/1 after 0 follow 8 [4+] 8 follows 1 channel 3 Channel item 8/3 after 0",
            "user 9: account 9 (0) item 9/1 after 0",
            "done: broadcasts []",
            "user 10: account 10 (0) item 10/1 after 0",
        ],
    );
}

#[test]
fn nobody_ends_it_until_it_is_taken_back() {
    check(
        &on(news(&[(1, &[(0, 0)]), (2, &[(1, 0)])]), None),
        9,
        &[
            ask(2, ChannelChange::Unfollow),
            group(2, GroupChange::Leave),
            ask(1, ChannelChange::Unfollow),
            ask(3, ChannelChange::Unfollow),
            ask(1, ChannelChange::Turn(Form::Group)),
            Request::Turn(NEWS, Form::Group),
            set(false),
            set(false),
            ask(2, ChannelChange::Unfollow),
        ],
        &[
            "refused followed_by_all",
            "refused followed_by_all",
            "refused followed_by_all",
            "refused followed_by_all",
            "refused followed_by_all",
            "refused followed_by_all",
            "done: broadcasts []",
            "done: nothing",
            "done: follow 2 [1+4] channel 1 Channel item 2/3 after 0",
        ],
    );
}

#[test]
fn neither_bounds_nor_the_owner_keep_anybody_from_it() {
    let times: Vec<(u64, u64)> =
        (0..FOLLOW_INTERVALS_MAX as u64).map(|time| (3 * time, 3 * time + 1)).collect();
    let mut rows = on(held(100, None, &[(1, &[(0, 0)]), (3, &times)]), Some(0));
    for number in 0..u64::from(FOLLOWS_PER_USER_MAX) {
        let (user, channel) = (UserId(2), ConversationId(number + 1));
        rows.follows.insert((user, channel), Follow { user, channel, intervals: Vec::new() });
    }
    let block = |other| change_contact(by(1, 11), other, ContactChange::Block);
    check(
        &rows,
        9,
        // Whom the owner blocks may follow by himself too, before his step comes.
        &[block(4), block(5), ask(5, ChannelChange::Follow), step(90, 0, &[1, 2, 3, 4, 5], true)],
        &[
            "done: item 1/2 after 0 1 blocks 1",
            "done: item 1/2 after 0 1 blocks 2",
            "done: follow 5 [100+] 5 follows 1 channel 2 Channel item 5/3 after 0",
            "done: broadcasts [90] follow 2 [100+] 2 follows 501 follow 3 [0+1 3+4 6+7 9+10 12+13 15+16 18+19 21+22 100+] follow 4 [100+] 4 follows 1 channel 5 Channel item 2/3 after 0 item 3/3 after 0 item 4/3 after 0",
        ],
    );
}

#[test]
fn so_many_there_may_be_and_no_other_conversation_is_one() {
    let mut full = news(&[(1, &[(0, 0)])]);
    for number in 0..BROADCASTS_MAX as u64 {
        let (channel, begun) = (ConversationId(number + 1), Version(90 + number));
        full.broadcasts.0.push(Broadcast { channel, begun, left_after: None });
    }
    check(&full, 9, &[set(true), set(false)], &["refused too_many_broadcasts", "done: nothing"]);

    let mut ended = news(&[(1, &[(0, 0)])]);
    ended.groups.get_mut(&NEWS).expect("it is there").members.clear();
    let create = GroupChange::Create { name: "g".to_owned(), members: Vec::new() };
    let no = "refused no_such_conversation";
    check(&ended, 9, &[set(true)], &[no]);
    check(
        &super::channels_tests::users(1),
        9,
        &[set(true), group(1, create), set(true)],
        &[no, "created: conversation 0-0 group g Owner 1 [1-] item 1/3 after 0 message 1<0", no],
    );
}

#[test]
fn to_one_that_has_ended_since_nobody_is_brought() {
    let mut rows = on(news(&[(1, &[(0, 0)])]), Some(0));
    rows.groups.get_mut(&NEWS).expect("it is there").members.clear();
    check(
        &rows,
        9,
        &[make(8, false), step(90, 0, &[1, 2, 3], true), set(false)],
        &["user 8: account 8 (0) item 8/1 after 0", "done: broadcasts [90]", "done: broadcasts []"],
    );
    assert_eq!(Broadcasts::default().get(NEWS), None);
}
