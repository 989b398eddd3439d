//! What is announced in a group: judged at the commit, one text in place of the other.

use super::{
    Request, State,
    decide_samples::{Rows, by},
    decide_tests::check_from,
    operation::{GroupChange, GroupRequest},
};
use crate::model::{ConversationId, GroupBounds, Role, UserId, limits::ANNOUNCEMENT_BYTES_MAX};

const GROUP: ConversationId = ConversationId(0x6e0);

fn change(user: u64, change: GroupChange) -> Request {
    Request::Group(GroupRequest { by: by(user, 10 * user + 1), group: GROUP, change })
}

fn announce(user: u64, text: &str) -> Request {
    change(user, GroupChange::Announce(text.to_owned()))
}

fn rename(user: u64, name: &str) -> Request {
    change(user, GroupChange::Rename(name.to_owned()))
}

/// User 1 owns the group, 2 is an admin, 3 is a member, and 4 is none.
#[track_caller]
fn check(operations: &[Request], expected: &[&str]) {
    let people = (1..=4).fold(Rows::default(), |rows, user| rows.user(user, 1));
    let mut state = State::default();
    state.policy.group_bounds = GroupBounds { members_max: 9, step_pointers_max: 1 };
    let create = GroupChange::Create { name: "g".to_owned(), members: [2, 3].map(UserId).to_vec() };
    let made = [change(1, create), change(1, GroupChange::GiveRole(UserId(2), Role::Admin))];
    let all: Vec<Request> = made.iter().chain(operations).cloned().collect();
    let of_made = [
        "created: conversation 0-0 group g Owner 1 [1-] Member 2 [1-] Member 3 [1-] expand 1 after 0 message ",
        "done: Admin 2 [1-] message ",
    ];
    let expected: Vec<&str> = of_made.iter().chain(expected).copied().collect();
    check_from(state, &people, &all, &expected);
}

#[test]
fn owner_and_admins_announce_one_text_at_a_time() {
    check(
        &[
            announce(1, "tea"),
            announce(2, "tea"),
            announce(2, "tea\nat five"),
            // It stays when something else of the row changes.
            rename(1, "h"),
            announce(3, "no"),
            announce(4, "no"),
            announce(1, ""),
            announce(1, ""),
        ],
        &[
            "done: group g announcing tea by 1 message ",
            "done: nothing",
            "done: group g announcing tea\nat five by 2 message ",
            "done: group h announcing tea\nat five by 2 message ",
            "refused forbidden",
            "refused no_such_conversation",
            "done: group h message ",
            "done: nothing",
        ],
    );
}

#[test]
fn a_text_is_of_a_length_and_of_visible_characters() {
    let long = "x".repeat(ANNOUNCEMENT_BYTES_MAX);
    let longest = format!("done: group g announcing {long} by 1 message ");
    check(
        &[
            announce(1, &long),
            announce(1, &format!("{long}x")),
            announce(1, " \n "),
            announce(1, "\nx"),
            announce(1, "a\tb"),
            announce(1, "a\u{202e}b"),
            // Names keep the same rule, but are one line.
            rename(1, "a\u{200b}b"),
            rename(1, "\u{2066}a"),
            rename(1, "a\nb"),
            rename(1, "g"),
        ],
        &[
            &longest,
            "refused invalid_announcement",
            "refused invalid_announcement",
            "refused invalid_announcement",
            "refused invalid_announcement",
            "refused invalid_announcement",
            "refused invalid_group_name",
            "refused invalid_group_name",
            "refused invalid_group_name",
            "done: nothing",
        ],
    );
}
