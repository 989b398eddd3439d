//! How many groups a user owns: a bound that is judged at the commit, and a count that equals a recount whatever is done.

use std::collections::BTreeMap;

use super::{
    Request, State,
    channels::{ChannelChange, ChannelRequest, owner_of},
    decide,
    decide_samples::{Rows, at, by},
    operation::{GroupChange, GroupRequest},
    seeded_random::SeededRandom,
};
use crate::model::{ConversationId, Effect, Form, GroupBounds, Owned, Role, UserId, Version};

/// So many may be owned in these tests.
const MAX: u32 = 2;

fn group(user: u64, group: u64, change: GroupChange) -> Request {
    let group = ConversationId(group);
    Request::Group(GroupRequest { by: by(user, 10 * user + 1), group, change })
}

fn channel(user: u64, channel: u64, change: ChannelChange) -> Request {
    let channel = ConversationId(channel);
    Request::Channel(ChannelRequest { by: by(user, 10 * user + 1), channel, change })
}

fn create(user: u64, id: u64, members: &[u64]) -> Request {
    let members = members.iter().copied().map(UserId).collect();
    group(user, id, GroupChange::Create { name: "g".to_owned(), members })
}

fn give(user: u64, id: u64, to: u64) -> Request {
    group(user, id, GroupChange::GiveRole(UserId(to), Role::Owner))
}

fn state() -> State {
    let mut state = State::default();
    state.policy.group_bounds = GroupBounds { members_max: 9, step_pointers_max: 9 };
    state.policy.groups_owned_max = MAX;
    state
}

fn people() -> Rows {
    (1..=4).fold(Rows::default(), |rows, user| rows.user(user, 1))
}

/// Which of these are refused since as many are owned as may be; the others are taken.
#[track_caller]
fn check(requests: &[Request], refused: &[usize]) {
    let rows = people();
    let (mut state, mut found) = (state(), Vec::new());
    for (place, request) in requests.iter().enumerate() {
        let operation = at(request.clone());
        rows.warm(&mut state, &operation);
        if let Err(refusal) = decide(&mut state, &operation, Version(101 + place as u64)) {
            assert_eq!(refusal, highwater_wire::Refusal::TooManyGroups, "{request:?}");
            found.push(place);
        }
    }
    assert_eq!(found, refused);
}

#[test]
fn the_bound_outlives_a_state_that_forgets_its_rows() {
    let (rows, mut state) = (people(), state());
    state.forget(Version(100));
    for (place, refused) in [(1, false), (2, false), (3, true)] {
        let operation = at(create(1, 90 + place, &[]));
        rows.warm(&mut state, &operation);
        assert_eq!(decide(&mut state, &operation, Version(100 + place)).is_err(), refused, "{place}");
    }
}

#[test]
fn one_more_is_neither_made_nor_handed_on_and_what_ends_makes_room() {
    let made = [create(1, 91, &[2]), channel(1, 92, ChannelChange::Create("c".to_owned()))];
    let then = |more: &[Request]| made.iter().chain(more).cloned().collect::<Vec<_>>();
    check(&then(&[create(1, 93, &[])]), &[2]);
    check(&then(&[channel(1, 93, ChannelChange::Create("d".to_owned()))]), &[2]);
    // The same once more is no more, and others have their own.
    check(&then(&[create(1, 91, &[2]), create(2, 93, &[1]), create(2, 94, &[1])]), &[]);
    check(&then(&[create(2, 93, &[1]), give(2, 93, 1)]), &[3]);
    check(&then(&[group(1, 91, GroupChange::Dissolve), create(1, 93, &[])]), &[]);
    check(&then(&[group(1, 91, GroupChange::Leave), create(1, 93, &[])]), &[]);
    check(&then(&[give(1, 91, 2), create(1, 93, &[]), create(2, 94, &[]), create(2, 95, &[])]), &[5]);
    // A turn is no other group.
    check(&then(&[channel(1, 91, ChannelChange::Turn(Form::Channel)), create(1, 93, &[])]), &[3]);
    // Who inherits is not asked whether there is room.
    let full = then(&[create(2, 93, &[]), create(2, 94, &[]), group(1, 91, GroupChange::Leave)]);
    check(&[&full[..], &[create(2, 95, &[]), create(1, 96, &[])]].concat(), &[5]);
}

#[test]
fn what_an_older_store_did_not_count_is_not_missed() {
    // The rows have no count of what is there, as those of an older store: it never falls below nothing.
    let mut state = state();
    let rows = people();
    let operations = [create(1, 91, &[2]), give(1, 91, 2), give(2, 91, 1)];
    for (place, request) in operations.into_iter().enumerate() {
        let operation = at(request);
        rows.warm(&mut state, &operation);
        if place == 1 {
            state.owned.change(UserId(1), 0, Version(101));
        }
        decide(&mut state, &operation, Version(101 + place as u64)).expect("it may");
    }
    assert_eq!([1, 2].map(|user| state.owned.get(&UserId(user)).copied()), [Some(1), Some(0)]);
}

#[test]
fn the_record_says_what_became_of_each_count() {
    let mut state = state();
    let rows = people();
    let mut told = |request: Request, version: u64| {
        let operation = at(request);
        rows.warm(&mut state, &operation);
        let decided = decide(&mut state, &operation, Version(version)).expect("it may");
        let effects = decided.record.map(|record| record.effects).unwrap_or_default();
        let owned = effects.into_iter().filter_map(|effect| match effect {
            Effect::Owned(Owned { user, groups }) => Some((user.0, groups)),
            _ => None,
        });
        owned.collect::<Vec<_>>()
    };
    assert_eq!(told(create(1, 91, &[2, 3]), 101), [(1, 1)]);
    assert_eq!(told(group(3, 91, GroupChange::Leave), 102), []);
    assert_eq!(told(give(1, 91, 2), 103), [(1, 0), (2, 1)]);
    assert_eq!(told(group(2, 91, GroupChange::Leave), 104), [(2, 0), (1, 1)]);
    assert_eq!(told(group(1, 91, GroupChange::Leave), 105), [(1, 0)], "nobody is left to inherit it");
}

/// Groups of the random sequences: enough for somebody to own as many as may be.
const GROUPS: u64 = 8;

/// One of many requests of four users about some groups.
fn any_request(random: &mut SeededRandom) -> Request {
    let (user, other) = (1 + random.below(4), 1 + random.below(4));
    let id = 91 + random.below(GROUPS);
    match random.below(13) {
        0 | 1 | 10.. => create(user, id, &[1 + random.below(4), 1 + random.below(4)]),
        2 => channel(user, id, ChannelChange::Create("c".to_owned())),
        3 => channel(user, id, ChannelChange::Follow),
        4 => {
            let form = if random.one_in(2) { Form::Channel } else { Form::Group };
            channel(user, id, ChannelChange::Turn(form))
        }
        5 => group(user, id, GroupChange::Leave),
        6 => group(user, id, GroupChange::Dissolve),
        7 => group(user, id, GroupChange::Add(vec![UserId(other)])),
        8 => group(user, id, GroupChange::Remove(UserId(other))),
        9 => {
            let role = [Role::Owner, Role::Admin, Role::Member][random.below(3) as usize];
            group(user, id, GroupChange::GiveRole(UserId(other), role))
        }
    }
}

#[test]
fn the_count_equals_a_recount_after_any_sequence() {
    let mut random = SeededRandom(7);
    let (mut moved, mut full) = (0, 0);
    for history in 0..2_000 {
        let (rows, mut state) = (people(), state());
        let mut by_record: BTreeMap<UserId, u32> = BTreeMap::new();
        for place in 0..24 {
            let operation = at(any_request(&mut random));
            rows.warm(&mut state, &operation);
            match decide(&mut state, &operation, Version(101 + place)) {
                Ok(decided) => {
                    for effect in decided.record.into_iter().flat_map(|record| record.effects) {
                        if let Effect::Owned(Owned { user, groups }) = effect {
                            by_record.insert(user, groups);
                            moved += 1;
                        }
                    }
                }
                Err(refusal) => full += u32::from(refusal == highwater_wire::Refusal::TooManyGroups),
            }
            for user in (1..=4).map(UserId) {
                let groups =
                    (91..91 + GROUPS).filter_map(|id| state.groups.get(&ConversationId(id))?.as_ref());
                let recount = groups.filter(|held| owner_of(held) == Some(user)).count() as u32;
                let counted = by_record.get(&user).copied().unwrap_or(0);
                assert_eq!(counted, recount, "history {history}, {place}: {user} after {operation:?}");
            }
        }
    }
    assert!(moved > 10_000 && full > 500, "{moved} moved, {full} refused");
}
