//! The end of a group: everybody's last entry, at once or in steps, and nothing behind it.

use super::{
    Request, State,
    decide_samples::{Rows, by, send},
    decide_tests::check_from,
    operation::{GroupChange, GroupRequest, Target},
};
use crate::model::{ConversationId, GroupBounds, Role, UserId};

const GROUP: ConversationId = ConversationId(0x6e0);

fn change(user: u64, change: GroupChange) -> Request {
    Request::Group(GroupRequest { by: by(user, 10 * user + 1), group: GROUP, change })
}

fn create(members: &[u64]) -> Request {
    let members = members.iter().copied().map(UserId).collect();
    change(1, GroupChange::Create { name: "g".to_owned(), members })
}

fn dissolve(user: u64) -> Request {
    change(user, GroupChange::Dissolve)
}

fn say(user: u64, id: u8) -> Request {
    send(by(user, 10 * user + 1), Target::Conversation(GROUP), id, "a")
}

#[track_caller]
fn check(step_pointers_max: usize, operations: &[Request], expected: &[&str]) {
    let people = (1..=4).fold(Rows::default(), |rows, user| rows.user(user, 1));
    let mut state = State::default();
    state.policy.group_bounds = GroupBounds { members_max: 9, step_pointers_max };
    check_from(state, &people, operations, expected);
}

#[test]
fn the_owner_ends_a_group_for_everybody_and_nothing_is_written_behind_it() {
    check(
        9,
        &[
            create(&[2, 3]),
            change(1, GroupChange::GiveRole(UserId(2), Role::Admin)),
            say(3, 1),
            dissolve(2),
            dissolve(4),
            dissolve(1),
            // What was sent before is still recognised; the group takes nothing more, of nobody.
            say(3, 1),
            say(3, 2),
            dissolve(1),
            change(1, GroupChange::Add(vec![UserId(4)])),
            create(&[2]),
        ],
        &[
            "created: conversation 0-0 group g Owner 1 [1-] Member 2 [1-] Member 3 [1-] item 1/3 after 0 item 2/3 after 0 item 3/3 after 0 message 1<0,2<0,3<0",
            "done: Admin 2 [1-] item 2/3 after 101 message 1<101,2<101,3<101",
            "sent 3: message 1<102,2<102,3<102",
            "refused forbidden",
            "refused no_such_conversation",
            "done: Member 1 [1-4] Member 2 [1-4] Member 3 [1-4] item 1/3 after 101 item 2/3 after 102 item 3/3 after 101 message 1<103,2<103,3<103",
            "sent 3: nothing",
            "refused no_such_conversation",
            "refused no_such_conversation",
            "refused no_such_conversation",
            "created: nothing",
        ],
    );
}

#[test]
fn the_end_waits_for_its_turn_like_every_entry() {
    let expand = Request::Expand(GROUP);
    check(
        1,
        &[create(&[2]), dissolve(1), expand.clone(), expand.clone(), expand.clone(), expand.clone(), expand],
        &[
            "created: conversation 0-0 group g Owner 1 [1-] Member 2 [1-] expand 1 after 0 message ",
            "done: Member 1 [1-2] Member 2 [1-2] message ",
            "done: item 1/3 after 0 pointers 1<0 expand 1 after 1",
            "done: item 2/3 after 0 pointers 2<0 expand 2 after 0",
            "done: item 1/3 after 103 pointers 1<103 expand 2 after 1",
            "done: item 2/3 after 104 pointers 2<104 expanded",
            "done: nothing",
        ],
    );
}
