//! Who asks to come into a group, and who lets in: judged at the commit, in the order of the log.

use super::{
    Need, Request, State, Warm,
    decide_samples::at,
    group_approvals::asked_before,
    group_doors_tests::{GROUP, change, check, check_at, door, join, link, remove},
    lacking,
    operation::{DoorChange, GroupChange},
};
use crate::model::{
    Asking, AskingState, Door, GroupBounds, Interval, LinkSecret, Member, Role, Seq, TimeMs, UserId, Version,
    limits::{GREETING_CHARS_MAX, JOIN_REQUEST_EXPIRY_MS, JOIN_REQUESTS_MAX},
};

fn approval(user: u64, wanted: bool) -> Request {
    door(user, DoorChange::SetApproval(wanted))
}

fn answer(user: u64, asking: u64, accepted: bool) -> Request {
    door(user, DoorChange::Answer(UserId(asking), accepted))
}

fn ask(user: u64, greeting: &str) -> Request {
    door(user, DoorChange::Join(LinkSecret([9; 16]), greeting.to_owned()))
}

#[test]
fn who_comes_by_a_link_asks_once_and_is_let_in() {
    check(
        &[
            approval(3, true),
            approval(2, true),
            approval(1, true),
            link(1, 9, 2),
            join(4, 8),
            ask(4, "hi"),
            ask(4, "hi again"),
            answer(3, 4, true),
            answer(5, 4, true),
            answer(2, 5, true),
            answer(2, 4, true),
            answer(2, 4, true),
            ask(4, ""),
            approval(1, false),
            ask(5, ""),
        ],
        &[
            "refused forbidden",
            "done: door [] message ",
            "done: nothing",
            "link: door [9:0/2]",
            "refused no_such_link",
            "asked: door [9:1/2] 4 Waiting message ",
            "asked: nothing",
            "refused forbidden",
            "refused no_such_conversation",
            "refused no_such_request",
            "done: Member 4 [5-] door [9:1/2] message ",
            "done: nothing",
            "joined: nothing",
            "done: door [9:1/2] message ",
            "joined: Member 5 [7-] door [9:2/2] message ",
        ],
    );
}

#[test]
fn a_refusal_is_not_told_and_what_was_taken_back_may_be_asked_again() {
    check(
        &[
            approval(1, true),
            link(1, 9, 2),
            ask(4, ""),
            answer(2, 4, false),
            // A refusal may be sent twice; who never asked, or asks no more, is not refused.
            answer(2, 4, false),
            answer(2, 5, false),
            // He is told what he was told before, and nobody else is told anything.
            ask(4, ""),
            answer(2, 4, true),
            ask(5, ""),
            answer(5, 5, false),
            answer(5, 5, false),
            answer(2, 5, true),
            answer(2, 5, false),
            ask(5, ""),
            answer(2, 5, true),
            answer(2, 5, false),
            answer(5, 5, true),
            answer(6, 6, true),
            answer(6, 6, false),
        ],
        &[
            "done: door [] message ",
            "link: door [9:0/2]",
            "asked: door [9:1/2] 4 Waiting message ",
            "done: door [9:1/2] 4 Refused",
            "done: nothing",
            "refused no_such_request",
            "asked: nothing",
            "refused no_such_request",
            "asked: door [9:2/2] 4 Refused 5 Waiting message ",
            "done: door [9:2/2] 4 Refused 5 Withdrawn",
            "done: nothing",
            "refused no_such_request",
            "refused no_such_request",
            "asked: door [9:2/2] 4 Refused 5 Waiting",
            "done: Member 5 [6-] door [9:2/2] 4 Refused message ",
            "refused no_such_request",
            "refused forbidden",
            "refused no_such_conversation",
            "done: nothing",
        ],
    );
}

#[test]
fn what_was_taken_back_and_is_asked_again_has_the_new_greeting() {
    use highwater_wire::Refusal;
    let door = |state| Door {
        asking: vec![Asking { user: UserId(4), at: TimeMs(0), greeting: "old".to_owned(), state }],
        ..Door::shut(GROUP)
    };
    for (state, greeting, expected) in [
        (AskingState::Waiting, "new", Ok("old")),
        (AskingState::Refused, "new", Ok("old")),
        (AskingState::Withdrawn, "new", Ok("new")),
        (AskingState::Withdrawn, "", Ok("")),
        (AskingState::Withdrawn, "\u{202e}", Err(Refusal::InvalidField)),
    ] {
        let again = asked_before(&door(state), TimeMs(1), (UserId(4), greeting));
        let stands = again.map(|door| door.expect("it counts").asking[0].greeting.clone());
        assert_eq!(stands, expected.map(str::to_owned), "{state:?} {greeting:?}");
    }
}

#[test]
fn what_was_asked_expires_and_who_was_removed_may_ask() {
    let week_s = JOIN_REQUEST_EXPIRY_MS / 1000;
    let long = DoorChange::MakeLink {
        id: [9; 16],
        secret: LinkSecret([9; 16]),
        valid_s: 2 * week_s as u32,
        uses_max: 9,
    };
    check_at(
        &[
            (0, approval(1, true)),
            (0, door(1, long)),
            (0, remove(1, 3)),
            (0, ask(3, "")),
            (1, ask(4, "")),
            (2, answer(2, 4, false)),
            (week_s, answer(1, 3, true)),
            (week_s, ask(3, "")),
            (week_s + 1, ask(4, "")),
            (week_s + 2, answer(1, 3, true)),
        ],
        &[
            "done: door [] message ",
            "link: door [9:0/9]",
            "done: Member 3 [1-4] message ",
            "asked: door [9:1/9] 3 Waiting message ",
            "asked: door [9:2/9] 3 Waiting 4 Waiting message ",
            "done: door [9:2/9] 3 Waiting 4 Refused",
            "refused no_such_request",
            "asked: door [9:3/9] 4 Refused 3 Waiting message ",
            "asked: door [9:4/9] 3 Waiting 4 Waiting message ",
            "done: Member 3 [1-4 9-] door [9:4/9] 4 Waiting message ",
        ],
    );
}

#[test]
fn a_request_has_limits_and_a_full_group_lets_nobody_in() {
    check(
        &[
            approval(1, true),
            link(1, 9, 9),
            ask(4, &"x".repeat(GREETING_CHARS_MAX + 1)),
            ask(4, "a\u{202e}b"),
            ask(4, "a\nb"),
            ask(5, ""),
            ask(6, ""),
            answer(1, 4, true),
            answer(1, 5, true),
            answer(1, 6, true),
            change(5, GroupChange::Leave),
            answer(1, 6, true),
        ],
        &[
            "done: door [] message ",
            "link: door [9:0/9]",
            "refused invalid_field",
            "refused invalid_field",
            "asked: door [9:1/9] 4 Waiting message ",
            "asked: door [9:2/9] 4 Waiting 5 Waiting message ",
            "asked: door [9:3/9] 4 Waiting 5 Waiting 6 Waiting message ",
            "done: Member 4 [7-] door [9:3/9] 5 Waiting 6 Waiting message ",
            "done: Member 5 [8-] door [9:3/9] 6 Waiting message ",
            "refused group_full",
            "done: Member 5 [8-9] message ",
            "done: Member 6 [10-] door [9:3/9] message ",
        ],
    );
}

#[test]
fn who_only_asks_is_no_part_of_the_audience_that_is_told() {
    let mut state = State::default();
    state.policy.group_bounds = GroupBounds { members_max: 9, step_pointers_max: 2 };
    let mut held = super::group_doors_tests::empty();
    held.door.approval = true;
    for user in [1, 2] {
        let intervals = vec![Interval { join: Seq(1), leave: None }];
        let (user, role) = (UserId(user), Role::Member);
        let (group, ranked) = (GROUP, Seq(1));
        let row = Member { group, user, role, ranked, intervals, is_muted: false, is_removed: false };
        held.members.insert(user, row);
    }
    assert!(state.warm(vec![Warm::Group(GROUP, Some(held))], Version(0)));
    let needs = lacking(&state, &at(ask(4, "")));
    // The entry goes to as many as one step reaches, so it goes at once, and every inbox of them is needed.
    for user in [1, 2] {
        assert!(needs.contains(&Need::Inbox(UserId(user))), "{needs:?}");
    }
}

#[test]
fn of_those_who_asked_the_ones_that_wait_keep_their_place() {
    use super::group_approvals::with_asking;
    use crate::model::{Asking, AskingState, Door, TimeMs};

    let held = super::group_doors_tests::empty();
    let asking = |user, state| Asking { user: UserId(user), at: TimeMs(0), greeting: String::new(), state };
    let full = |over: Option<u64>| {
        let of = |user| match over == Some(user) {
            true => asking(user, AskingState::Refused),
            false => asking(user, AskingState::Waiting),
        };
        Door { asking: (1..=JOIN_REQUESTS_MAX as u64).map(of).collect(), ..held.door.clone() }
    };
    let one_more = |door| with_asking(&held, door, TimeMs(1), (UserId(99), ""));
    assert_eq!(one_more(full(None)), Err(highwater_wire::Refusal::TooManyRequests));
    let users: Vec<u64> =
        one_more(full(Some(7))).expect("one makes room").asking.iter().map(|asking| asking.user.0).collect();
    let due: Vec<u64> = (1..=JOIN_REQUESTS_MAX as u64).filter(|user| *user != 7).chain([99]).collect();
    assert_eq!(users, due);
}
