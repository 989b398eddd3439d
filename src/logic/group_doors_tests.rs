//! Who comes into a group by a link: judged at the commit, in the order of the log.

use std::collections::BTreeMap;

use super::{
    GroupState, Operation, Request, State,
    decide_samples::{NOW, Rows, by},
    decide_tests::check_from_at,
    operation::{ChangeContact, ContactChange, DoorChange, GroupChange, GroupRequest},
};
use crate::model::{
    ConversationId, Door, Group, GroupBounds, LinkSecret, Role, Seq, TimeMs, UserId,
    limits::{LINK_USES_MAX, LINK_VALID_S_MAX, LINKS_PER_GROUP_MAX},
};

pub(super) const GROUP: ConversationId = ConversationId(0x6e0);

pub(super) fn change(user: u64, change: GroupChange) -> Request {
    Request::Group(GroupRequest { by: by(user, 10 * user + 1), group: GROUP, change })
}

pub(super) fn door(user: u64, what: DoorChange) -> Request {
    change(user, GroupChange::Door(what))
}

/// A group that nobody belongs to.
pub(super) fn empty() -> GroupState {
    let row = Group {
        group: GROUP,
        name: "g".to_owned(),
        named: Seq(1),
        founder: UserId(1),
        created: TimeMs(1),
        is_muted: false,
        announcement: None,
    };
    GroupState { row, members: BTreeMap::new(), position: None, channel: None, door: Door::shut(GROUP) }
}

/// A link whose secret is made of its number.
pub(super) fn link(user: u64, id: u8, uses_max: u32) -> Request {
    let secret = LinkSecret([id; 16]);
    door(user, DoorChange::MakeLink { id: [id; 16], secret, valid_s: 60, uses_max })
}

fn revoke(user: u64, id: u8) -> Request {
    door(user, DoorChange::RevokeLink([id; 16]))
}

pub(super) fn join(user: u64, id: u8) -> Request {
    door(user, DoorChange::Join(LinkSecret([id; 16]), String::new()))
}

pub(super) fn remove(user: u64, member: u64) -> Request {
    change(user, GroupChange::Remove(UserId(member)))
}

fn role(user: u64, member: u64, role: Role) -> Request {
    change(user, GroupChange::GiveRole(UserId(member), role))
}

fn block(user: u64, other: u64) -> Request {
    let by = by(user, 10 * user + 1);
    Request::ChangeContact(ChangeContact { by, other: UserId(other), change: ContactChange::Block })
}

/// User 1 owns the group, 2 is an admin, 3 is a member, and 4 to 7 are none; five may be in it.
#[track_caller]
pub(super) fn check_at(operations: &[(i64, Request)], expected: &[&str]) {
    let people = (1..=7).fold(Rows::default(), |rows, user| rows.user(user, 1));
    let mut state = State::default();
    state.policy.group_bounds = GroupBounds { members_max: 5, step_pointers_max: 1 };
    let create = GroupChange::Create { name: "g".to_owned(), members: [2, 3].map(UserId).to_vec() };
    let made = [(0, change(1, create)), (0, role(1, 2, Role::Admin))];
    let at = |(after_s, request): &(i64, Request)| Operation {
        at: TimeMs(NOW.0 + after_s * 1000),
        request: request.clone(),
    };
    let all: Vec<Operation> = made.iter().chain(operations).map(at).collect();
    let of_made = [
        "created: conversation 0-0 group g Owner 1 [1-] Member 2 [1-] Member 3 [1-] expand 1 after 0 message ",
        "done: Admin 2 [1-] message ",
    ];
    let expected: Vec<&str> = of_made.iter().chain(expected).copied().collect();
    check_from_at(state, &people, &all, &expected);
}

#[track_caller]
pub(super) fn check(operations: &[Request], expected: &[&str]) {
    let at_once: Vec<_> = operations.iter().map(|request| (0, request.clone())).collect();
    check_at(&at_once, expected);
}

#[test]
fn a_link_lets_in_as_many_as_it_says_and_each_once() {
    check(
        &[
            link(3, 9, 1),
            link(4, 9, 1),
            link(2, 9, 1),
            join(4, 8),
            join(4, 9),
            // The same once more costs nothing, and says the same, though the link is used up.
            join(4, 9),
            join(5, 9),
            join(1, 9),
        ],
        &[
            "refused forbidden",
            "refused no_such_conversation",
            "link: door [9:0/1]",
            "refused no_such_link",
            "joined: Member 4 [3-] door [9:1/1] message ",
            "joined: nothing",
            "refused no_such_link",
            "joined: nothing",
        ],
    );
}

#[test]
fn a_link_that_is_too_old_taken_back_or_made_anew_opens_nothing() {
    let longer = DoorChange::MakeLink { id: [7; 16], secret: LinkSecret([8; 16]), valid_s: 61, uses_max: 2 };
    check_at(
        &[
            (0, link(1, 9, 2)),
            (0, link(1, 7, 2)),
            // The same id once more: a new secret, and the one before opens nothing.
            (1, door(1, longer)),
            (2, join(4, 7)),
            (59, join(4, 9)),
            (60, join(5, 9)),
            (61, revoke(3, 7)),
            (61, revoke(2, 7)),
            (61, revoke(2, 7)),
            (61, join(5, 8)),
        ],
        &[
            "link: door [9:0/2]",
            "link: door [9:0/2 7:0/2]",
            "link: door [9:0/2 7:0/2]",
            "refused no_such_link",
            "joined: Member 4 [3-] door [9:1/2 7:0/2] message ",
            "refused no_such_link",
            "refused forbidden",
            "done: door [9:1/2]",
            "done: nothing",
            "refused no_such_link",
        ],
    );
}

#[test]
fn a_link_holds_while_its_maker_may_make_one_and_blocks_nobody_who_comes() {
    check(
        &[
            link(2, 9, 5),
            role(1, 2, Role::Member),
            join(4, 9),
            role(1, 2, Role::Admin),
            block(2, 4),
            join(4, 9),
            // Who blocks the maker comes of his own will.
            block(5, 2),
            join(5, 9),
            change(2, GroupChange::Leave),
            join(6, 9),
        ],
        &[
            "link: door [9:0/5]",
            "done: Member 2 [1-] message ",
            "refused no_such_link",
            "done: Admin 2 [1-] message ",
            "done: item 2/2 after 0 2 blocks 1",
            "refused no_such_link",
            "done: item 5/2 after 0 5 blocks 1",
            "joined: Member 5 [5-] door [9:1/5] message ",
            "done: Member 2 [1-6] message ",
            "refused no_such_link",
        ],
    );
}

#[test]
fn who_was_removed_comes_back_by_being_added_and_not_by_a_link() {
    check(
        &[
            link(1, 9, 9),
            remove(1, 3),
            join(3, 9),
            change(1, GroupChange::Add(vec![UserId(3)])),
            // Who left of his own will is not kept out.
            change(3, GroupChange::Leave),
            join(3, 9),
        ],
        &[
            "link: door [9:0/9]",
            "done: Member 3 [1-3] message ",
            "refused forbidden",
            "done: Member 3 [1-3 4-] message ",
            "done: Member 3 [1-3 4-5] message ",
            "joined: Member 3 [1-3 4-5 6-] door [9:1/9] message ",
        ],
    );
}

#[test]
fn a_full_group_takes_nobody_and_a_group_that_has_ended_has_no_links() {
    check(
        &[
            link(1, 9, 9),
            join(4, 9),
            join(5, 9),
            join(6, 9),
            change(5, GroupChange::Leave),
            join(6, 9),
            change(1, GroupChange::Dissolve),
            join(5, 9),
        ],
        &[
            "link: door [9:0/9]",
            "joined: Member 4 [3-] door [9:1/9] message ",
            "joined: Member 5 [4-] door [9:2/9] message ",
            "refused group_full",
            "done: Member 5 [4-5] message ",
            "joined: Member 6 [6-] door [9:3/9] message ",
            "done: Member 1 [1-7] Member 2 [1-7] Member 3 [1-7] Member 4 [3-7] Member 6 [6-7] message ",
            "refused no_such_link",
        ],
    );
}

#[test]
fn a_link_has_limits_and_so_has_a_group_of_links() {
    let of = |valid_s, uses_max| {
        door(1, DoorChange::MakeLink { id: [1; 16], secret: LinkSecret([1; 16]), valid_s, uses_max })
    };
    check(
        &[of(0, 1), of(LINK_VALID_S_MAX + 1, 1), of(1, 0), of(1, LINK_USES_MAX + 1)],
        &["refused invalid_field"; 4],
    );
    let mut all: Vec<(i64, Request)> =
        (1..=LINKS_PER_GROUP_MAX as u8).map(|id| (0, link(1, id, 1))).collect();
    let of_ids = |ids: std::ops::RangeInclusive<u8>| {
        let ids: Vec<String> = ids.map(|id| format!("{id}:0/1")).collect();
        format!("link: door [{}]", ids.join(" "))
    };
    let mut expected: Vec<String> = (1..=LINKS_PER_GROUP_MAX as u8).map(|last| of_ids(1..=last)).collect();
    all.extend([(0, link(2, 99, 1)), (60, link(2, 99, 1))]);
    // Those that nobody can use any more make room.
    expected.extend(["refused too_many_links".to_owned(), of_ids(99..=99)]);
    check_at(&all, &expected.iter().map(String::as_str).collect::<Vec<_>>());
}
