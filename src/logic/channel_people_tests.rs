//! Channels and people: who may follow, and what their conversation says they follow.

use super::{
    State,
    channels_tests::{NEWS, ask, check, group, held, users},
    decide,
    decide_samples::{Rows, at},
    decide_tests::check_from,
    operation::{ChannelChange, ContactChange, GroupChange, Request},
};
use crate::model::{
    Contact, Effect, Form, Role, Seq, UserId, Version,
    record::{Item, ItemValue},
};

#[test]
fn who_is_blocked_by_the_owner_finds_no_such_channel_and_who_follows_stays() {
    let rows = held(1, None, &[(1, &[(0, 0)]), (3, &[(0, 0)])]);
    let blocks = |rows: Rows, user| {
        rows.contact(1, Contact { is_blocked: true, ..Contact::stranger(UserId(user), String::new()) })
    };
    let rows = blocks(blocks(rows, 2), 3);
    // That a follower blocks the owner keeps nobody from following.
    let rows = rows.contact(4, Contact { is_blocked: true, ..Contact::stranger(UserId(1), String::new()) });
    let follow = |user| ask(user, ChannelChange::Follow);
    check(
        &rows,
        9,
        &[follow(2), follow(3), follow(4), ask(3, ChannelChange::Unfollow), follow(3)],
        &[
            "refused no_such_conversation",
            "done: nothing",
            "done: follow 4 [1+] 4 follows 1 channel 3 Channel item 4/3 after 0",
            "done: follow 3 [0+1] channel 2 Channel item 3/3 after 0",
            "refused no_such_conversation",
        ],
    );
    // Judged at the commit: a block that is decided before the follow counts.
    let block = Request::ChangeContact(super::operation::ChangeContact {
        by: super::decide_samples::by(1, 11),
        other: UserId(5),
        change: ContactChange::Block,
    });
    let rows = held(1, None, &[(1, &[(0, 0)])]);
    let mut state = State::default();
    for request in [block, follow(5)] {
        rows.warm(&mut state, &at(request.clone()));
    }
    let block = Request::ChangeContact(super::operation::ChangeContact {
        by: super::decide_samples::by(1, 11),
        other: UserId(5),
        change: ContactChange::Block,
    });
    decide(&mut state, &at(block), Version(101)).expect("it may");
    let refused = decide(&mut state, &at(follow(5)), Version(102)).expect_err("the block came first");
    assert_eq!(refused, highwater_wire::Refusal::NoSuchConversation);
}

/// What the conversations that an operation changes say, by user.
fn told(state: &mut State, rows: &Rows, request: Request, version: u64) -> Told {
    rows.warm(state, &at(request.clone()));
    let decided = decide(state, &at(request), Version(version)).expect("it may");
    let item = |effect: &Effect| match effect {
        Effect::Item {
            user,
            item: Item { value: Some(ItemValue::Group { role, since, form, .. }), .. },
            ..
        } => Some((user.0, *role, since.0, *form)),
        _ => None,
    };
    decided.record.map(|record| record.effects.iter().filter_map(item).collect()).unwrap_or_default()
}

#[test]
fn a_conversation_says_its_form_and_whose_it_was_before_a_turn_keeps_where_it_began() {
    use Form::{Channel, Group};
    use Role::{Admin, Member, Owner};
    let turn = |to| ask(1, ChannelChange::Turn(to));
    let make = GroupChange::Create { name: "g".to_owned(), members: vec![UserId(2)] };
    let steps = [
        (group(1, make), vec![(1, Owner, 1, Group), (2, Member, 1, Group)]),
        (turn(Channel), vec![(1, Owner, 1, Channel), (2, Member, 1, Channel)]),
        (ask(3, ChannelChange::Follow), vec![(3, Member, 3, Channel)]),
        (group(1, GroupChange::GiveRole(UserId(3), Admin)), vec![(3, Admin, 3, Channel)]),
        (
            group(1, GroupChange::GiveRole(UserId(2), Owner)),
            vec![(2, Owner, 1, Channel), (1, Admin, 1, Channel)],
        ),
    ];
    check_told(&users(3), steps.into());
    // Who follows has what he had, and who was a member before the turn has it from his join on.
    let rows = held(4, None, &[(1, &[(2, 0)]), (3, &[(2, 0)])]);
    let steps = [
        (turn(Group), vec![(1, Owner, 1, Group), (3, Member, 3, Group)]),
        (turn(Channel), vec![(1, Owner, 1, Channel), (3, Member, 5, Channel)]),
    ];
    check_told(&rows, steps.into());
}

type Told = Vec<(u64, Role, u64, Form)>;

fn check_told(rows: &Rows, steps: Vec<(Request, Told)>) {
    let mut state = State::default();
    for (place, (request, expected)) in steps.into_iter().enumerate() {
        let version = 101 + place as u64;
        assert_eq!(told(&mut state, rows, request.clone(), version), expected, "{request:?}");
    }
}

#[test]
fn a_conversation_that_is_told_late_has_the_form_of_now() {
    let rows = users(2);
    let mut state = State::default();
    state.set_group_bounds(crate::model::GroupBounds { members_max: 3, step_pointers_max: 1 });
    let make = GroupChange::Create { name: "g".to_owned(), members: vec![UserId(2)] };
    assert_eq!(told(&mut state, &rows, group(1, make), 101), []);
    let turned = told(&mut state, &rows, ask(1, ChannelChange::Turn(Form::Channel)), 102);
    assert_eq!(turned.len(), 2);
    let first = told(&mut state, &rows, Request::Expand(NEWS), 103);
    let second = told(&mut state, &rows, Request::Expand(NEWS), 104);
    assert_eq!([first, second].concat(), turned, "the join that waited says the same");
    assert_eq!(turned[1], (2, Role::Member, Seq(1).0, Form::Channel));
}

#[test]
fn the_same_request_makes_one_channel_and_the_number_of_another_is_drawn_anew() {
    let create = |user| ask(user, ChannelChange::Create("news".to_owned()));
    check_from(
        State::default(),
        &users(2),
        &[create(1), create(1), create(2)],
        &[
            "created: conversation 0-0 group news Owner 1 [1-] follow 1 [0+] 1 follows 1 channel 1 Channel item 1/3 after 0 message  posted 1",
            "created: nothing",
            "refused busy",
        ],
    );
}
