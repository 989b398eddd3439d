//! Messages go by policy: below the floors of all members, old enough where age counts, and never the newest.

#![allow(clippy::unwrap_used)]

use super::{
    Need, Operation, Request, State,
    decide::{Decided, decide},
    decide_samples::{NOW, Rows, by, send},
    observed_time::ObservedTime,
    operation::{Answer, Target},
};
use crate::model::{
    Bodies, ConversationId, Effect, Horizon, Retentions, Seq, TimeMs, UserId, Version, record::Conversation,
};

const DAY_MS: i64 = 24 * 60 * 60 * 1000;
const CONVERSATION: ConversationId = ConversationId(77);

fn rows(floors: [u64; 2], head: u64) -> Rows {
    let mut rows = Rows::default().user(1, 1).user(2, 1).conversation(CONVERSATION, [1, 2], head);
    for (user, floor) in [1, 2].into_iter().zip(floors) {
        rows.lineages.get_mut(&UserId(user)).unwrap().floor = Version(floor);
    }
    rows
}

/// A day after version 10.
fn state(policy: Bodies, suspended: bool) -> State {
    let now = TimeMs(NOW.0 + DAY_MS);
    let (stored, wall) = if suspended { (Some(now), TimeMs(now.0 + 90 * DAY_MS)) } else { (None, now) };
    let mut state = State::default().with_time(ObservedTime::at_start(stored, wall, 0));
    state.policy.retentions = Retentions { bodies: policy, ..Retentions::default() };
    let mut horizon = Horizon::default();
    horizon.note(NOW, Version(10), i64::MAX);
    state.set_horizon(horizon);
    state
}

fn retired(rows: &Rows, state: &mut State, oldest: u64, through: u64, version: u64) -> Decided {
    let (oldest, through) = (Seq(oldest), Version(through));
    let request = Request::RetireBodies { member: UserId(1), conversation: CONVERSATION, oldest, through };
    let operation = Operation { at: NOW, request };
    rows.warm(state, &operation);
    decide(state, &operation, Version(version)).unwrap()
}

fn oldest_of(decided: &Decided) -> Option<u64> {
    match &decided.record.as_ref()?.effects[..] {
        [.., Effect::Conversation(Conversation { oldest, let_go, .. })] => {
            assert!(*let_go > Version(0), "what was let go has a version");
            Some(oldest.0)
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn messages_go_as_far_as_the_policy_and_the_floors_of_all_members_let_them() {
    use Bodies::{Days, Forever, UntilDelivered};
    for (policy, suspended, floors, oldest, through, expected) in [
        (Forever, false, [50, 50], 4, 8, None),
        (UntilDelivered, false, [8, 8], 4, 8, Some(4)),
        // One of the two lacks it.
        (UntilDelivered, false, [8, 7], 4, 8, None),
        (UntilDelivered, false, [7, 8], 4, 8, None),
        // What was handed back goes whatever the clock says.
        (UntilDelivered, true, [8, 8], 4, 8, Some(4)),
        // The newest message stays.
        (UntilDelivered, false, [50, 50], 9, 40, Some(9)),
        (UntilDelivered, false, [50, 50], 10, 45, None),
        (UntilDelivered, false, [50, 50], 1, 8, None),
        (Days(1), false, [50, 50], 4, 10, Some(4)),
        (Days(1), false, [50, 50], 4, 11, None),
        (Days(2), false, [50, 50], 4, 10, None),
        (Days(1), true, [50, 50], 4, 10, None),
        // Old enough, and an inbox still points to it.
        (Days(1), false, [50, 9], 4, 10, None),
    ] {
        let mut state = state(policy, suspended);
        let decided = retired(&rows(floors, 9), &mut state, oldest, through, 101);
        assert_eq!(decided.answer, Answer::Done);
        let found = oldest_of(&decided);
        assert_eq!(found, expected, "{policy}, {suspended}, {floors:?}, from {oldest}, through {through}");
    }
}

#[test]
fn the_oldest_message_never_falls_and_seqs_go_on_where_they_were() {
    let rows = rows([50, 50], 9);
    let mut state = state(Bodies::UntilDelivered, false);
    assert_eq!(oldest_of(&retired(&rows, &mut state, 5, 8, 101)), Some(5));
    assert_eq!(oldest_of(&retired(&rows, &mut state, 5, 8, 102)), None, "once");
    assert_eq!(oldest_of(&retired(&rows, &mut state, 3, 6, 103)), None);
    let request = send(by(1, 11), Target::Conversation(CONVERSATION), 1, "text");
    let operation = Operation { at: NOW, request };
    rows.warm(&mut state, &operation);
    let Answer::Sent { seq, .. } = decide(&mut state, &operation, Version(104)).unwrap().answer else {
        panic!("it is not sent")
    };
    assert_eq!(seq, Seq(10));
    assert_eq!(oldest_of(&retired(&rows, &mut state, 10, 40, 105)), Some(10), "there is a newer one now");
}

#[test]
fn a_resend_is_recognised_after_its_message_is_gone() {
    let rows = rows([50, 50], 0);
    let mut state = state(Bodies::UntilDelivered, false);
    let mut ask = |request: Request, version: u64| {
        let operation = Operation { at: NOW, request };
        rows.warm(&mut state, &operation);
        decide(&mut state, &operation, Version(version)).unwrap()
    };
    let say = |id| send(by(1, 11), Target::User(UserId(2)), id, "text");
    let first = ask(say(1), 20);
    let Answer::Sent { conversation, .. } = first.answer else { panic!("it is not sent") };
    ask(say(2), 21);
    let (member, oldest, through) = (UserId(1), Seq(2), Version(20));
    let gone = ask(Request::RetireBodies { member, conversation, oldest, through }, 22);
    assert_eq!(oldest_of(&gone), Some(2));
    assert_eq!(ask(say(1), 23), Decided { record: None, answer: first.answer });
}

#[test]
fn only_the_rows_of_the_conversation_and_its_members_are_needed() {
    let (rows, mut state) = (rows([50, 50], 9), state(Bodies::UntilDelivered, false));
    let (member, oldest, through) = (UserId(1), Seq(2), Version(3));
    let request = Request::RetireBodies { member, conversation: CONVERSATION, oldest, through };
    let asked = rows.warm(&mut state, &Operation { at: NOW, request });
    let of_member = |user| [Need::Lineages(user), Need::Reading(user, CONVERSATION)];
    let mut needs = vec![Need::Conversation(CONVERSATION)];
    needs.extend([UserId(1), UserId(2)].into_iter().flat_map(of_member));
    assert_eq!(asked, needs);
    let unknown = ConversationId(78);
    let request = Request::RetireBodies { member, conversation: unknown, oldest, through };
    let operation = Operation { at: NOW, request };
    rows.warm(&mut state, &operation);
    assert_eq!(decide(&mut state, &operation, Version(101)).unwrap().record, None);
}
