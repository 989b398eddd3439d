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
        &[
            follow(2),
            // Whichever way is asked; and not for who knows of it since he followed.
            ask(2, ChannelChange::Unfollow),
            group(2, GroupChange::Leave),
            follow(3),
            follow(4),
            ask(3, ChannelChange::Unfollow),
            ask(3, ChannelChange::Unfollow),
            follow(3),
        ],
        &[
            "refused no_such_conversation",
            "refused no_such_conversation",
            "refused no_such_conversation",
            "done: nothing",
            "done: follow 4 [1+] 4 follows 1 channel 3 Channel item 4/3 after 0",
            "done: follow 3 [0+1] channel 2 Channel item 3/3 after 0",
            "done: nothing",
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
        (turn(Channel), vec![(1, Owner, 1, Channel), (3, Member, 3, Channel)]),
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
    state.policy.group_bounds = crate::model::GroupBounds { members_max: 3, step_pointers_max: 1 };
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

#[test]
fn a_group_that_grows_above_the_bound_is_to_become_a_channel_and_not_again_when_it_was_one() {
    let rows = users(5);
    let state = &mut State::default();
    state.policy.channel_above_members = 2;
    let add = |user| group(1, GroupChange::Add(vec![UserId(user)]));
    let turn = |to| Request::Turn(NEWS, to);
    let make = GroupChange::Create { name: "g".to_owned(), members: vec![UserId(2)] };
    // What is done, and whether the group is to turn because of it.
    let steps = [
        (group(1, make), false),
        (add(2), false),
        (add(3), true),
        // It could not be turned, say: the next join asks again.
        (add(4), true),
        (turn(Form::Channel), false),
        (ask(5, ChannelChange::Follow), false),
        (turn(Form::Channel), false),
    ];
    let mut forms = Vec::new();
    for (place, (request, is_due)) in steps.into_iter().enumerate() {
        let items = told(state, &rows, request.clone(), 101 + place as u64);
        let due = state.take_outgrown();
        assert_eq!(due, if is_due { vec![NEWS] } else { Vec::new() }, "{request:?}");
        forms.extend(items.last().map(|(_, _, _, form)| *form));
    }
    use Form::{Channel, Group};
    assert_eq!(forms, [Group, Group, Group, Channel, Channel]);

    let rows = held(4, None, &[(1, &[(2, 0)]), (2, &[(2, 0)]), (3, &[(2, 0)])]);
    let state = &mut State::default();
    state.policy.channel_above_members = 2;
    told(state, &rows, turn(Form::Group), 101);
    told(state, &rows, add(4), 102);
    assert_eq!(state.take_outgrown(), [], "who turned it back wants a group");
}

#[test]
fn an_operator_turns_what_has_an_owner_and_is_refused_as_the_owner_would_be() {
    let turn = |to| Request::Turn(NEWS, to);
    let four: Vec<(u64, &[(u64, u64)])> = (1..=4).map(|user| (user, &[(0, 0)][..])).collect();
    check(&held(1, None, &four), 9, &[turn(Form::Group)], &["refused group_full"]);
    check(&users(1), 9, &[turn(Form::Group)], &["refused no_such_conversation"]);
    check(
        &users(2),
        9,
        &[
            group(1, GroupChange::Create { name: "g".to_owned(), members: Vec::new() }),
            turn(Form::Group),
            turn(Form::Channel),
            turn(Form::Channel),
        ],
        &[
            "created: conversation 0-0 group g Owner 1 [1-] item 1/3 after 0 message 1<0",
            "done: nothing",
            "done: follow 1 [2+] 1 follows 1 channel 1 Group 2 Channel item 1/3 after 101 message 1<101",
            "done: nothing",
        ],
    );
}
