//! Groups and what people have of each other: blocks judged at the commit, and a group that is written to as to a contact.

use super::{
    Request, State,
    decide_samples::{Rows, by, change_contact, send},
    decide_tests::check_from,
    operation::{ContactChange, GroupChange, GroupRequest, Target},
};
use crate::model::{Contact, ConversationId, GroupBounds, Role, UserId};

const GROUP: ConversationId = ConversationId(0x6e0);

fn people() -> Rows {
    (1..=4).fold(Rows::default(), |rows, user| rows.user(user, 1))
}

fn change(user: u64, change: GroupChange) -> Request {
    Request::Group(GroupRequest { by: by(user, 10 * user + 1), group: GROUP, change })
}

fn create(members: &[u64]) -> Request {
    let members = members.iter().copied().map(UserId).collect();
    change(1, GroupChange::Create { name: "g".to_owned(), members })
}

fn add(user: u64, member: u64) -> Request {
    change(user, GroupChange::Add(vec![UserId(member)]))
}

fn contact(user: u64, change: ContactChange) -> Request {
    change_contact(by(user, 10 * user + 1), 1, change)
}

#[track_caller]
fn check(start: &Rows, step_pointers_max: usize, operations: &[Request], expected: &[&str]) {
    let mut state = State::default();
    state.policy.group_bounds = GroupBounds { members_max: 9, step_pointers_max };
    check_from(state, start, operations, expected);
}

#[test]
fn who_is_blocked_finds_no_such_user_to_add() {
    let blocks =
        people().contact(2, Contact { is_blocked: true, ..Contact::stranger(UserId(1), String::new()) });
    check(
        &blocks,
        9,
        &[
            create(&[3, 2]),
            create(&[3]),
            add(1, 2),
            // A block is judged at the commit, and of the one who adds: the other one may.
            change(1, GroupChange::GiveRole(UserId(3), Role::Admin)),
            add(3, 2),
            // Who is a member already is passed over.
            add(1, 2),
            contact(2, ContactChange::Unblock),
            contact(4, ContactChange::Block),
            add(1, 4),
        ],
        &[
            "refused no_such_user",
            "created: conversation 0-0 group g Owner 1 [1-] Member 3 [1-] item 1/3 after 0 item 3/3 after 0 message 1<0,3<0",
            "refused no_such_user",
            "done: Admin 3 [1-] item 3/3 after 102 message 1<102,3<102",
            "done: Member 2 [3-] item 2/3 after 0 message 1<104,2<0,3<104",
            "done: nothing",
            "done: item 2/2 after 50 2 blocks 0",
            "done: item 4/2 after 0 4 blocks 1",
            "refused no_such_user",
        ],
    );
}

#[test]
fn a_send_to_a_user_with_the_number_of_a_group_goes_to_the_group() {
    let say = |user: u64, id| send(by(user, 10 * user + 1), Target::User(UserId(GROUP.0)), id, "a");
    let by_conversation = send(by(2, 21), Target::Conversation(GROUP), 1, "a");
    check(
        &people(),
        9,
        &[
            say(2, 1),
            create(&[2]),
            say(2, 1),
            by_conversation,
            say(3, 2),
            change(2, GroupChange::Leave),
            // What was sent before is recognised also then; anything else finds nobody, as before the group was there.
            say(2, 1),
            say(2, 3),
        ],
        &[
            "refused no_such_user",
            "created: conversation 0-0 group g Owner 1 [1-] Member 2 [1-] item 1/3 after 0 item 2/3 after 0 message 1<0,2<0",
            "sent 2: message 1<102,2<102",
            "sent 2: nothing",
            "refused no_such_user",
            "done: Member 2 [1-3] item 2/3 after 102 message 1<103,2<103",
            "sent 2: nothing",
            "refused no_such_user",
        ],
    );
}

#[test]
fn a_role_reaches_its_member_in_the_step_that_tells_it() {
    check(
        &people(),
        1,
        &[
            create(&[2]),
            change(1, GroupChange::GiveRole(UserId(2), Role::Owner)),
            Request::Expand(GROUP),
            Request::Expand(GROUP),
            Request::Expand(GROUP),
            Request::Expand(GROUP),
        ],
        &[
            "created: conversation 0-0 group g Owner 1 [1-] Member 2 [1-] expand 1 after 0 message ",
            "done: Owner 2 [1-] Admin 1 [1-] message ",
            "done: item 1/3 after 0 pointers 1<0 expand 1 after 1",
            "done: item 2/3 after 0 pointers 2<0 expand 2 after 0",
            "done: item 1/3 after 103 pointers 1<103 expand 2 after 1",
            "done: item 2/3 after 104 pointers 2<104 expanded",
        ],
    );
}
