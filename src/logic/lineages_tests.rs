//! The deciders of lineages against tables.

use super::{
    Request,
    decide_samples::{NOW, Rows, by},
    decide_tests::check,
    lineages::{HEARD_STEP_MS, is_news},
    operation::{EndDevices, HandedBack, OpenLineage},
};
use crate::model::{
    DeviceId, Kind, KindSet, Lineage, LineageId, TimeMs, UserId, Version,
    limits::{KINDS_MAX, LINEAGES_PER_USER_MAX},
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
fn being_heard_of_is_news_twice_a_day() {
    let held = Lineage::new(lineage(1, 0), Version(0), KindSet::ALL, NOW);
    let later = |ms| TimeMs(NOW.0 + ms);
    assert!(!is_news(&held, KindSet::ALL, later(HEARD_STEP_MS - 1)));
    assert!(is_news(&held, KindSet::ALL, later(HEARD_STEP_MS)));
    assert!(is_news(&held, without_messages(), NOW));
    assert!(!is_news(&held, KindSet::ALL, later(-HEARD_STEP_MS)), "a clock that went back is no news");
}
