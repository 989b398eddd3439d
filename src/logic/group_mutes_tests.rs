//! Who may write to a group: judged at the commit, in the order of the log.

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

/// User 1 owns it, 2 is an admin, 3 and 4 are members.
fn made() -> Vec<Request> {
    let members = [2, 3, 4].map(UserId).to_vec();
    let create = GroupChange::Create { name: "g".to_owned(), members };
    vec![change(1, create), change(1, GroupChange::GiveRole(UserId(2), Role::Admin))]
}

fn mute_all(user: u64, muted: bool) -> Request {
    change(user, GroupChange::MuteAll(muted))
}

fn mute(user: u64, member: u64, muted: bool) -> Request {
    change(user, GroupChange::Mute(UserId(member), muted))
}

fn say(user: u64, id: u8) -> Request {
    send(by(user, 10 * user + 1), Target::Conversation(GROUP), id, "a")
}

/// Each told as done, unchanged, or refused; the effects are those of other tables.
#[track_caller]
fn check(operations: &[Request], expected: &[&str]) {
    let people = (1..=5).fold(Rows::default(), |rows, user| rows.user(user, 1));
    let mut state = State::default();
    state.policy.group_bounds = GroupBounds { members_max: 9, step_pointers_max: 1 };
    let all: Vec<Request> = made().into_iter().chain(operations.iter().cloned()).collect();
    let of_made = [
        "created: conversation 0-0 group g Owner 1 [1-] Member 2 [1-] Member 3 [1-] Member 4 [1-] expand 1 after 0 message ",
        "done: Admin 2 [1-] message ",
    ];
    let expected: Vec<&str> = of_made.iter().chain(expected).copied().collect();
    check_from(state, &people, &all, &expected);
}

#[test]
fn while_all_are_muted_only_owner_and_admins_write() {
    check(
        &[
            say(3, 1),
            mute_all(3, true),
            mute_all(5, true),
            mute_all(2, true),
            mute_all(1, true),
            say(1, 1),
            say(2, 1),
            say(3, 2),
            // What was sent before is recognised, and who is no member is told nothing of it.
            say(3, 1),
            say(5, 1),
            change(1, GroupChange::GiveRole(UserId(3), Role::Admin)),
            say(3, 2),
            mute_all(3, false),
            say(4, 1),
        ],
        &[
            "sent 3: message ",
            "refused forbidden",
            "refused no_such_conversation",
            "done: group g message ",
            "done: nothing",
            "sent 5: message ",
            "sent 6: message ",
            "refused muted",
            "sent 3: nothing",
            "refused no_such_conversation",
            "done: Admin 3 [1-] message ",
            "sent 8: message ",
            "done: group g message ",
            "sent 10: message ",
        ],
    );
}

#[test]
fn who_is_muted_alone_does_not_write_until_it_is_undone() {
    check(
        &[
            mute(3, 4, true),
            mute(2, 2, true),
            mute(2, 1, true),
            mute(2, 5, true),
            mute(2, 3, true),
            mute(2, 3, true),
            say(3, 1),
            say(4, 1),
            // To leave and to be added again undoes nothing.
            change(3, GroupChange::Leave),
            change(1, GroupChange::Add(vec![UserId(3)])),
            say(3, 1),
            mute(1, 2, true),
            say(2, 1),
            mute(1, 3, false),
            say(3, 1),
        ],
        &[
            "refused forbidden",
            "refused invalid_field",
            "refused forbidden",
            "refused no_such_user",
            "done: Member 3 [1-] message ",
            "done: nothing",
            "refused muted",
            "sent 4: message ",
            "done: Member 3 [1-5] message ",
            "done: Member 3 [1-5 6-] message ",
            "refused muted",
            "done: Admin 2 [1-] message ",
            "refused muted",
            "done: Member 3 [1-5 6-] message ",
            "sent 9: message ",
        ],
    );
}

#[test]
fn an_owner_is_never_muted() {
    check(
        &[
            mute(1, 2, true),
            mute(1, 3, true),
            mute_all(1, true),
            change(1, GroupChange::GiveRole(UserId(3), Role::Owner)),
            say(3, 1),
            change(3, GroupChange::Leave),
            // The admin of longest standing is the one who has given the group away.
            change(1, GroupChange::Leave),
            say(2, 1),
        ],
        &[
            "done: Admin 2 [1-] message ",
            "done: Member 3 [1-] message ",
            "done: group g message ",
            "done: Owner 3 [1-] Admin 1 [1-] message ",
            "sent 7: message ",
            "done: Member 3 [1-8] Owner 1 [1-] message ",
            "done: Member 1 [1-9] Owner 2 [1-] message ",
            "sent 10: message ",
        ],
    );
}
