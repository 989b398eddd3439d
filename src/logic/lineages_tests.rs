//! The deciders of lineages against tables.

use super::{
    ObservedTime, Request, State, decide,
    decide_samples::{NOW, Rows, at, by},
    decide_tests::{check, check_from},
    lineages::{heard_step_ms, is_news},
    observed_time::ABSENCE_MAX_MS,
    operation::{EndDevices, HandedBack, OpenLineage},
};
use crate::model::{
    DeviceId, Effect, Kind, KindSet, Lineage, LineageId, Policy, TimeMs, UserId, Version,
    limits::{KINDS_MAX, LINEAGE_EXPIRY_MS, LINEAGES_PER_USER_MAX},
};

fn lineage(device: u64, context: u8) -> LineageId {
    LineageId { device: DeviceId(device), context }
}

/// Lineages of user 1 hand back how far they have messages.
fn hand_back(marks: &[(u64, u8, u64)]) -> Request {
    let handed = marks.iter().map(|(device, context, messages)| {
        let mut marks = [Version(0); KINDS_MAX];
        marks[usize::from(Kind::MESSAGES.0) - 1] = Version(*messages);
        HandedBack { lineage: lineage(*device, *context), marks }
    });
    Request::HandBack { user: UserId(1), handed: handed.collect() }
}

fn expiring(lineage_expiry_ms: i64) -> Policy {
    Policy { lineage_expiry_ms, ..Policy::default() }
}

fn open(device: u64, context: u8, kinds: KindSet) -> Request {
    Request::OpenLineage(OpenLineage { by: by(1, device), context, kinds })
}

fn without_messages() -> KindSet {
    let mut kinds = KindSet::ALL;
    kinds.remove(Kind::MESSAGES);
    kinds
}

/// User 1 with devices 11 and 12, whose inbox ends at 90.
fn start() -> Rows {
    let mut start = Rows::default().user(1, 2);
    start.inboxes.insert(UserId(1), Version(90));
    start
}

#[test]
fn the_floor_is_the_least_of_what_the_lineages_have_and_marks_never_fall() {
    check(
        &start(),
        &[
            hand_back(&[(11, 0, 50)]),
            hand_back(&[(12, 0, 30)]),
            hand_back(&[(11, 0, 40), (12, 0, 30)]),
            hand_back(&[(11, 0, 60), (12, 0, 70)]),
            hand_back(&[(99, 0, 80), (11, 3, 80)]),
            hand_back(&[]),
        ],
        &[
            "done: floor 0 [11/0:50 12/0:0]",
            "done: floor 30 [11/0:50 12/0:30]",
            "done: nothing",
            "done: floor 60 [11/0:60 12/0:70]",
            "done: nothing",
            "done: nothing",
        ],
    );
}

#[test]
fn a_further_context_begins_at_the_head_and_holds_back_from_then_on() {
    check(
        &start(),
        &[
            hand_back(&[(11, 0, 90), (12, 0, 50)]),
            open(11, 1, KindSet::ALL),
            open(11, 1, KindSet::ALL),
            hand_back(&[(12, 0, 90)]),
            Request::EndDevices { by: by(1, 11), which: EndDevices::One(DeviceId(12)) },
            open(12, 0, KindSet::ALL),
        ],
        &[
            "done: floor 50 [11/0:90 12/0:50]",
            "lineage 11/1 from 90: floor 50 [11/0:90 12/0:50 11/1:90]",
            "lineage 11/1 from 90: nothing",
            "done: floor 90 [11/0:90 12/0:90 11/1:90]",
            "ended [12]: -device 12 floor 90 [11/0:90 11/1:90] account 1 (1)",
            "refused invalid_token",
        ],
    );
}

#[test]
fn nothing_is_kept_for_lineages_that_do_not_declare_messages_or_are_gone() {
    check(
        &start(),
        &[
            hand_back(&[(11, 0, 80)]),
            open(12, 0, without_messages()),
            hand_back(&[(11, 0, 85)]),
            open(12, 0, KindSet::ALL),
            hand_back(&[(11, 0, 90)]),
            Request::EndDevices { by: by(1, 11), which: EndDevices::AllOthers },
        ],
        &[
            "done: floor 0 [11/0:80 12/0:0]",
            "lineage 12/0 from 0: floor 0 [11/0:80 12/0:0]",
            "done: floor 85 [11/0:85 12/0:0]",
            "lineage 12/0 from 0: floor 85 [11/0:85 12/0:0]",
            "done: floor 85 [11/0:90 12/0:0]",
            "ended [12]: -device 12 floor 90 [11/0:90] account 1 (1)",
        ],
    );
}

#[test]
fn too_many_lineages_push_out_the_one_that_is_silent_for_longest() {
    let mut start = start();
    let lineages = start.lineages.get_mut(&UserId(1)).expect("user 1 has lineages");
    for context in 1..LINEAGES_PER_USER_MAX as u8 - 1 {
        lineages.add(Lineage::new(lineage(11, context), Version(9), KindSet::ALL, NOW));
    }
    lineages.rows[1].heard = TimeMs(1);
    check(
        &start,
        &[open(12, 99, KindSet::ALL), hand_back(&[(12, 0, 70)])],
        &["lineage 12/99 from 90: floor 0 [64 lineages]", "done: nothing"],
    );
}

#[test]
fn being_heard_of_is_news_twice_a_day_or_four_times_within_a_short_expiry() {
    let held = Lineage::new(lineage(1, 0), Version(0), KindSet::ALL, NOW);
    let later = |ms| TimeMs(NOW.0 + ms);
    let step_ms = heard_step_ms(LINEAGE_EXPIRY_MS);
    assert_eq!((step_ms, heard_step_ms(4_000)), (12 * 60 * 60 * 1000, 1_000));
    assert!(!is_news(&held, KindSet::ALL, later(step_ms - 1), step_ms));
    assert!(is_news(&held, KindSet::ALL, later(step_ms), step_ms));
    assert!(is_news(&held, without_messages(), NOW, step_ms));
    assert!(!is_news(&held, KindSet::ALL, later(-step_ms), step_ms), "a clock that went back is no news");
}

/// Decides at a time after `NOW`, with an expiry of one second, from a floor of 10 under marks at 10 and 50.
fn floor_after(time: ObservedTime, requests: &[Request]) -> u64 {
    let mut state = State::default().with_time(time).with_policy(expiring(1_000));
    let mut start = start();
    let lineages = start.lineages.get_mut(&UserId(1)).expect("user 1 has lineages");
    lineages.floor = Version(10);
    for (row, acked) in lineages.rows.iter_mut().zip([10, 50]) {
        row.acked[usize::from(Kind::MESSAGES.0) - 1] = Version(acked);
    }
    lineages.rows[1].heard = TimeMs(NOW.0 + 900);
    let mut floor = 10;
    for request in requests {
        let operation = at(request.clone());
        start.warm(&mut state, &operation);
        let decided = decide(&mut state, &operation, Version(101)).expect("nothing is refused");
        for effect in decided.record.into_iter().flat_map(|record| record.effects) {
            if let Effect::Lineages(lineages) = effect {
                floor = lineages.floor.0;
            }
        }
    }
    floor
}

#[test]
fn what_is_silent_for_too_long_holds_nothing_back_and_no_time_makes_everybody_expire() {
    let expire = [Request::Expire(UserId(1))];
    let after = |ms| ObservedTime::at_start(None, TimeMs(NOW.0 + ms), 0);
    assert_eq!(floor_after(after(999), &expire), 10, "both are live");
    assert_eq!(floor_after(after(1_000), &expire), 50, "the first has expired");
    assert_eq!(floor_after(after(1_900), &expire), 10, "with no live lineage nothing is removed for expiry");
    let far = TimeMs(NOW.0 + ABSENCE_MAX_MS * 2);
    let lost = ObservedTime::at_start(Some(NOW), far, 0);
    assert_eq!(floor_after(lost, &expire), 10, "time that nobody believes expires nothing");
    assert_eq!(floor_after(after(1_000), &[hand_back(&[(12, 0, 50)])]), 10, "nothing new was handed back");
    assert_eq!(floor_after(after(1_000), &[hand_back(&[(12, 0, 60)])]), 60);
    let returns = [hand_back(&[(11, 0, 20)]), hand_back(&[(12, 0, 70)])];
    assert_eq!(floor_after(after(1_000), &returns), 20, "who is heard of again holds back again");
}

#[test]
fn the_row_of_an_expired_lineage_says_what_is_kept_for_it_when_it_comes_back() {
    let state = || {
        let long_after = ObservedTime::at_start(None, TimeMs(NOW.0 + 5_000), 0);
        State::default().with_time(long_after).with_policy(expiring(1_000))
    };
    let mut start = start();
    let lineages = start.lineages.get_mut(&UserId(1)).expect("user 1 has lineages");
    lineages.rows.truncate(1);
    let returns = [open(11, 0, KindSet::ALL), Request::Expire(UserId(1))];
    check_from(state(), &start, &returns, &["lineage 11/0 from 0: floor 0 [11/0:0]", "done: nothing"]);
    // Were its row removed, everything that was kept for whoever comes back first would go at once.
    start.lineages.get_mut(&UserId(1)).expect("user 1 has lineages").rows.clear();
    check_from(
        state(),
        &start,
        &returns,
        &["lineage 11/0 from 90: floor 0 [11/0:90]", "done: floor 90 [11/0:90]"],
    );
}
