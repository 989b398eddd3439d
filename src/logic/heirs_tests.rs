//! What becomes of a channel when its owner is erased, or one of those who follow it.

use super::{
    Request,
    channels_tests::{NEWS, ask, check, group, held},
    operation::{ChannelChange, Erase, ErasedBy, ErasureRequest, GroupChange},
};
use crate::model::{ConversationId, Form, Role, UserId};

fn erase(user: u64) -> Request {
    let by = ErasedBy::Operator;
    Request::Erase(ErasureRequest::Begin(Erase { user: UserId(user), by, frees_name: false }))
}

/// The step of an erasure in which the channel is told of it.
fn tell(user: u64) -> Request {
    let after = ConversationId(0);
    Request::Erase(ErasureRequest::Conversation { user: UserId(user), after, conversation: NEWS })
}

fn gone(user: u64) -> String {
    format!("done: -device {user}1 floor 0 [] -account {user} erasure {user} told 0")
}

fn give(role: Role, to: u64) -> Request {
    group(1, GroupChange::GiveRole(UserId(to), role))
}

#[test]
fn a_channel_goes_to_the_oldest_admin_who_is_there() {
    let rows = held(4, None, &[(1, &[(0, 0)]), (2, &[(1, 0)]), (3, &[(1, 0)]), (4, &[(1, 0)])]);
    check(
        &rows,
        9,
        &[give(Role::Admin, 2), give(Role::Admin, 3), erase(1), erase(2), tell(1), tell(1), tell(2)],
        &[
            "done: Admin 2 [2-] item 2/3 after 0 message  posted 5",
            "done: Admin 3 [2-] item 3/3 after 0 message  posted 6",
            &gone(1),
            &gone(2),
            &format!(
                "done: Member 1 [1-6] Owner 3 [2-] follow 1 [0+6] channel 3 Channel item 1/3 after 0 item 3/3 after 102 message  posted 7 erasure 1 told {NEWS}"
            ),
            "done: nothing",
            &format!(
                "done: Member 2 [2-7] follow 2 [1+7] channel 2 Channel item 2/3 after 101 message  posted 8 erasure 2 told {NEWS}"
            ),
        ],
    );
}

#[test]
fn without_an_admin_a_channel_has_ended_and_who_follows_keeps_it() {
    let rows = held(4, None, &[(1, &[(0, 0)]), (2, &[(1, 0)])]);
    let turn = Request::Turn(NEWS, Form::Group);
    let follow = |user| ask(user, ChannelChange::Follow);
    check(
        &rows,
        9,
        &[erase(1), tell(1), follow(3), turn, follow(2), ask(2, ChannelChange::Unfollow), follow(2)],
        &[
            &gone(1),
            &format!(
                "done: Member 1 [1-4] follow 1 [0+4] channel 1 Channel item 1/3 after 0 message  posted 5 erasure 1 told {NEWS}"
            ),
            "refused no_such_conversation",
            "refused no_such_conversation",
            "done: nothing",
            "done: follow 2 [1+5] channel 0 Channel item 2/3 after 0",
            "refused no_such_conversation",
        ],
    );
}

#[test]
fn who_merely_followed_goes_without_a_word() {
    let rows = held(4, None, &[(1, &[(0, 0)]), (2, &[(1, 0)])]);
    check(
        &rows,
        9,
        &[erase(2), tell(2)],
        &[
            &gone(2),
            &format!("done: follow 2 [1+4] channel 1 Channel item 2/3 after 0 erasure 2 told {NEWS}"),
        ],
    );
}
