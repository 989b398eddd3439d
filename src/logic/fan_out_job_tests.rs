//! When the steps of a fan-out are asked for.

use std::sync::Arc;

use super::fan_out_job::*;
use crate::model::{
    ClientMessageId, Content, ConversationId, Day, Delivery, Effect, Expansion, GroupEffect, Position,
    Record, Seq, TimeMs, UserId, Version,
    record::{Item, ItemValue, Message},
};

const GROUP: ConversationId = ConversationId(0x6e0);

fn record(effects: Vec<Effect>) -> Record {
    Record { version: Version(1), effects }
}

fn message(conversation: ConversationId, seq: u64, to: &[u64]) -> Effect {
    let pointers = to.iter().map(|user| (UserId(*user), Version(0))).collect();
    let message = Message {
        conversation,
        seq: Seq(seq),
        sender: UserId(1),
        sent_at: TimeMs(1000 + seq as i64),
        id: ClientMessageId([1; 16]),
        content: Content::Text("a".into()),
        count: seq,
        read: Seq(seq),
    };
    Effect::Message(Arc::new(Delivery {
        version: Version(1),
        message,
        day: Day(0),
        fingerprint: 0,
        pointers,
    }))
}

fn moved(to: Option<(u64, u64)>) -> Effect {
    let position =
        to.map(|(entry, after)| Position { entry: Seq(entry), after: (after > 0).then_some(UserId(after)) });
    Effect::Group(GroupEffect::FanOut { group: GROUP, position })
}

fn note(job: &mut FanOutJob, effects: Vec<Effect>) {
    job.note(&record(effects), |seq| Some(TimeMs(1000 + seq.0 as i64)));
}

fn waits(seq: u64) -> FanOutJob {
    let mut job = FanOutJob::default();
    note(&mut job, vec![message(GROUP, seq, &[]), moved(Some((seq, 0)))]);
    job
}

#[test]
fn of_which_group_a_record_is() {
    let direct = ConversationId::direct(UserId(1), UserId(2), 0);
    let own = ConversationId::direct(UserId(1), UserId(1), 0);
    let item = |user: u64| Effect::Item {
        user: UserId(user),
        item: Item {
            kind: crate::model::Kind(3),
            key: "k".to_owned(),
            version: Version(1),
            value: None::<ItemValue>,
        },
        supersedes: Version(0),
    };
    let step = Expansion { version: Version(1), group: GROUP, seq: Seq(1), pointers: Vec::new() };
    let table: [(Vec<Effect>, Option<ConversationId>); 8] = [
        (vec![message(direct, 1, &[1, 2])], None),
        (vec![message(direct, 1, &[2, 1])], None),
        (vec![message(own, 1, &[1])], None),
        (vec![item(1)], None),
        (vec![message(GROUP, 1, &[1, 2])], Some(GROUP)),
        (vec![message(GROUP, 1, &[])], Some(GROUP)),
        (vec![item(1), message(GROUP, 1, &[1, 2, 3])], Some(GROUP)),
        (vec![item(1), Effect::Group(GroupEffect::Expanded(Arc::new(step))), moved(None)], Some(GROUP)),
    ];
    for (effects, expected) in table {
        let record = record(effects);
        assert_eq!(group_of(&record), expected, "{record:?}");
    }
}

#[test]
fn steps_are_asked_for_until_nothing_waits() {
    let mut job = waits(3);
    note(&mut job, vec![message(GROUP, 4, &[])]);
    assert_eq!(job.waiting().map(|waiting| (waiting.entries, waiting.since)), Some((2, TimeMs(1003))));
    assert_eq!(job.next(0), Next::Step);
    let Asked { number, steps } = job.ask();
    assert_eq!((job.next(0), steps), (Next::UnderWay, 2), "one for each entry that waits");
    note(&mut job, vec![moved(Some((3, 7)))]);
    note(&mut job, vec![moved(Some((4, 0)))]);
    assert_eq!(job.next(0), Next::UnderWay, "they are durable, and their answers are to come");
    assert!(!job.answered(number, Ok(()), 0));
    assert_eq!(job.next(0), Next::UnderWay, "one answer is to come");
    assert!(!job.answered(number, Ok(()), 0));
    assert_eq!(job.next(0), Next::Step);
    assert_eq!(job.waiting().map(|waiting| (waiting.entries, waiting.since)), Some((1, TimeMs(1004))));
    let number = job.ask().number;
    note(&mut job, vec![moved(None)]);
    job.answered(number, Ok(()), 0);
    assert_eq!((job.next(0), job.waiting()), (Next::Nothing, None));
}

#[test]
fn steps_at_once_are_bounded_and_after_a_setback_it_is_one() {
    let mut job = waits(3);
    note(&mut job, vec![message(GROUP, 1000, &[])]);
    let Asked { number, steps } = job.ask();
    assert_eq!(steps, STEPS_AT_ONCE_MAX);
    assert!(!job.answered(number, Err(Setback::NotNow), 0));
    for _ in 2..steps {
        assert!(!job.answered(number, Ok(()), 0));
        assert_eq!(job.next(0), Next::UnderWay);
    }
    job.answered(number, Ok(()), 0);
    assert_eq!(job.next(0), Next::WaitUntil(RETRY_MIN_US), "what one met counts for all");
    let Asked { number, steps } = job.ask();
    assert_eq!(steps, 1);
    note(&mut job, vec![moved(Some((4, 0)))]);
    job.answered(number, Ok(()), 0);
    assert_eq!((job.next(0), job.ask().steps), (Next::Step, STEPS_AT_ONCE_MAX));
}

#[test]
fn what_was_expanded_at_once_leaves_nothing_to_do() {
    let mut job = FanOutJob::default();
    note(&mut job, vec![message(GROUP, 1, &[1, 2, 3])]);
    assert_eq!(job.next(0), Next::Nothing);
}

#[test]
fn a_step_that_found_nothing_to_do_ends_it() {
    let mut job = waits(3);
    let number = job.ask().number;
    job.answered(number, Ok(()), 0);
    assert_eq!(job.next(0), Next::Nothing, "asking again would go on for ever");
}

#[test]
fn who_was_refused_waits_longer_each_time_and_not_for_ever() {
    let mut job = waits(3);
    let mut now_us = 0;
    for expected in [20_000, 40_000, 80_000, 160_000, 320_000, 640_000, 1_280_000, 2_000_000, 2_000_000] {
        let number = job.ask().number;
        assert!(!job.answered(number, Err(Setback::NotNow), now_us), "want of room parks nothing");
        assert_eq!(job.next(now_us), Next::WaitUntil(now_us + expected));
        assert_eq!(job.next(now_us + expected), Next::Step);
        now_us += expected;
    }
    let number = job.ask().number;
    note(&mut job, vec![moved(Some((3, 9)))]);
    job.answered(number, Ok(()), now_us);
    assert_eq!(job.next(now_us), Next::Step, "a step that was done ends the waiting");
    let number = job.ask().number;
    job.answered(number, Err(Setback::NotNow), now_us);
    assert_eq!(job.next(now_us), Next::WaitUntil(now_us + RETRY_MIN_US));
}

#[test]
fn a_fault_that_stays_parks_it_once_and_it_is_tried_again() {
    let mut job = waits(3);
    let mut parked = Vec::new();
    for _ in 0..FAULTS_MAX + 2 {
        let number = job.ask().number;
        parked.push(job.answered(number, Err(Setback::Fault), 0));
    }
    assert_eq!(parked.iter().position(|parked| *parked), Some(FAULTS_MAX as usize - 1));
    assert_eq!(parked.iter().filter(|parked| **parked).count(), 1, "it is said once");
    assert_eq!(job.next(0), Next::WaitUntil(PARKED_RETRY_US));
    assert!(job.waiting().is_some_and(|waiting| waiting.is_parked && waiting.faults == FAULTS_MAX + 2));
    let number = job.ask().number;
    note(&mut job, vec![moved(Some((3, 9)))]);
    job.answered(number, Ok(()), PARKED_RETRY_US);
    assert!(job.waiting().is_some_and(|waiting| !waiting.is_parked));
    assert_eq!(job.next(PARKED_RETRY_US), Next::Step);
}

#[test]
fn whoever_takes_over_asks_at_once_and_the_answer_to_the_dead_one_counts_no_more() {
    let mut job = waits(3);
    let lost = job.ask().number;
    assert!(!job.died(7));
    assert_eq!(job.next(7), Next::Step);
    let number = job.ask().number;
    job.answered(lost, Ok(()), 8);
    assert_eq!(job.next(8), Next::UnderWay, "two under way would go on beside each other for ever");
    note(&mut job, vec![moved(Some((3, 9)))]);
    job.answered(number, Ok(()), 9);
    assert_eq!(job.next(9), Next::Step);
}

#[test]
fn deaths_in_a_row_do_not_go_round_in_a_hot_loop() {
    let mut job = waits(3);
    let (mut waited, mut parked) = (Vec::new(), 0);
    let mut pauses = Vec::new();
    for _ in 0..DEATHS_AT_ONCE_MAX + FAULTS_MAX + 1 {
        parked += u32::from(job.died(0));
        pauses.push(job.pause_us());
        waited.push(match job.next(0) {
            Next::WaitUntil(due_us) => due_us,
            _ => 0,
        });
    }
    assert_eq!(waited[..4], [0, 0, 0, RETRY_MIN_US]);
    assert_eq!((parked, waited.last()), (1, Some(&PARKED_RETRY_US)));
    assert_eq!(pauses[..5], [0, 0, 0, RETRY_MIN_US, 2 * RETRY_MIN_US], "telling waits too");
    job.lives();
    assert_eq!(job.pause_us(), 0);
}

#[test]
fn a_start_goes_on_with_what_was_left() {
    let position = Position { entry: Seq(5), after: Some(UserId(2)) };
    let job = FanOutJob::left(position, Seq(7), TimeMs(1));
    assert_eq!(job.next(0), Next::Step);
    assert_eq!(job.waiting().map(|waiting| (waiting.entries, waiting.since)), Some((3, TimeMs(1))));
}
