//! Tests of the repair: no store, no clock.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::holes::RANGE_SEQS_MAX;
use std::time::Duration;

const fn seqs(from_seq: u64, to_seq: u64) -> SeqRange {
    SeqRange { from_seq, to_seq }
}

fn lack(conversation_id: u64, holes: &[SeqRange]) -> Lack {
    Lack { conversation_id, holes: holes.to_vec() }
}

fn caught_up(mut repair: Repair) -> Repair {
    repair.caught_up();
    repair
}

/// Takes the next step as if it was written.
fn next(repair: &mut Repair) -> Option<Step> {
    Some(match repair.take_next(Instant::now())? {
        Request::Heads(heads) => Step::Heads { after: heads.after },
        Request::Range(range) => {
            Step::Range { conversation_id: range.conversation_id, seqs: seqs(range.from_seq, range.to_seq) }
        }
        other => panic!("a repair does not ask {other:?}"),
    })
}

/// A repair whose first list of heads was answered with this.
fn begun(lacks: &[Lack], next_list: Option<u64>) -> Repair {
    let mut repair = caught_up(Repair::new(true));
    assert_eq!(next(&mut repair), Some(Step::Heads { after: 0 }));
    assert_eq!(repair.answered(), Some(Step::Heads { after: 0 }));
    repair.heads_told(lacks.to_vec(), next_list);
    repair
}

fn range(conversation_id: u64, from_seq: u64, to_seq: u64) -> Option<Step> {
    Some(Step::Range { conversation_id, seqs: seqs(from_seq, to_seq) })
}

#[test]
fn nothing_is_asked_unless_it_is_due_and_a_sync_has_caught_up() {
    assert_eq!(next(&mut caught_up(Repair::new(false))), None);
    assert!(!caught_up(Repair::new(false)).is_done(), "what was not due needs no end");
    assert_eq!(next(&mut Repair::new(true)), None);
    let mut repair = caught_up(Repair::new(true));
    assert_eq!(next(&mut repair), Some(Step::Heads { after: 0 }));
    assert_eq!(next(&mut repair), None, "one at a time");
    assert!(!repair.is_done());
}

#[test]
fn list_after_list_and_conversation_after_conversation() {
    let mut repair =
        begun(&[lack(5, &[seqs(1, 2), seqs(7, 9)]), lack(6, &[]), lack(7, &[seqs(4, 4)])], Some(3));
    assert_eq!(next(&mut repair), range(5, 7, 9));
    repair.answered();
    assert_eq!(repair.entries_told(2, Some(seqs(9, 9))), None);
    assert_eq!(next(&mut repair), range(5, 9, 9), "the rest of an answer comes first");
    repair.answered();
    assert_eq!(repair.entries_told(1, None), None);
    assert_eq!(next(&mut repair), range(5, 1, 2));
    repair.answered();
    assert_eq!(repair.entries_told(2, None), Some(Repaired { conversation_id: 5, entries: 5 }));
    assert_eq!(next(&mut repair), range(7, 4, 4));
    repair.answered();
    assert_eq!(repair.entries_told(0, None), None, "nothing new is not told");
    assert_eq!(next(&mut repair), Some(Step::Heads { after: 3 }));
    assert!(!repair.is_done());
    repair.answered();
    repair.heads_told(Vec::new(), None);
    assert!(repair.is_done());
    repair.ended();
    assert!(!repair.is_done());
    assert_eq!(next(&mut repair), None);
}

#[test]
fn a_long_hole_is_asked_for_in_parts_from_its_end() {
    let mut repair = begun(&[lack(5, &[seqs(1, RANGE_SEQS_MAX + 10)])], None);
    assert_eq!(next(&mut repair), range(5, 11, RANGE_SEQS_MAX + 10));
    repair.answered();
    repair.entries_told(1, None);
    assert_eq!(next(&mut repair), range(5, 1, 10));
}

#[test]
fn a_lost_connection_asks_the_same_again_after_catching_up() {
    let mut repair = begun(&[lack(5, &[seqs(1, 2), seqs(7, 9)])], Some(3));
    assert_eq!(next(&mut repair), range(5, 7, 9));
    repair.connection_lost();
    assert_eq!(next(&mut repair), None);
    repair.caught_up();
    assert_eq!(next(&mut repair), range(5, 7, 9));
    repair.answered();
    repair.entries_told(3, None);
    assert_eq!(next(&mut repair), range(5, 1, 2));
    repair.answered();
    assert_eq!(repair.entries_told(2, None), Some(Repaired { conversation_id: 5, entries: 5 }));
    assert_eq!(next(&mut repair), Some(Step::Heads { after: 3 }));
    repair.connection_lost();
    repair.caught_up();
    assert_eq!(next(&mut repair), Some(Step::Heads { after: 3 }));
}

#[test]
fn a_further_gap_begins_anew_and_outdates_the_open_request() {
    let mut repair = begun(&[lack(5, &[seqs(1, 2), seqs(7, 9)])], Some(3));
    next(&mut repair);
    repair.answered();
    repair.entries_told(3, None);
    assert_eq!(next(&mut repair), range(5, 1, 2));
    assert_eq!(repair.became_due(), Some(Repaired { conversation_id: 5, entries: 3 }));
    repair.caught_up();
    assert_eq!(next(&mut repair), None, "one at a time, also an outdated one");
    assert!(!repair.is_done());
    assert_eq!(repair.answered(), None);
    assert_eq!(next(&mut repair), Some(Step::Heads { after: 0 }));

    let mut idle = caught_up(Repair::new(false));
    assert_eq!(idle.became_due(), None);
    assert_eq!(next(&mut idle), None, "not before the sync has caught up");
    idle.caught_up();
    assert_eq!(next(&mut idle), Some(Step::Heads { after: 0 }));
}

#[test]
fn a_refused_request_waits_for_its_time() {
    let now = Instant::now();
    let later = now + Duration::from_secs(60);
    let mut repair = begun(&[lack(5, &[seqs(1, 2)])], None);
    assert_eq!(repair.wakes_at(), None);
    next(&mut repair);
    let step = repair.answered().unwrap();
    repair.again(step, Some(later));
    assert_eq!(repair.wakes_at(), Some(later));
    assert!(repair.take_next(now).is_none());
    assert!(repair.take_next(later).is_some());
    assert_eq!(repair.wakes_at(), None);
}

#[test]
fn what_cannot_be_had_ends_its_conversation_or_waits_for_another_connection() {
    let mut repair = begun(&[lack(5, &[seqs(1, 2), seqs(4, 4)]), lack(6, &[seqs(1, 1)])], Some(3));
    next(&mut repair);
    repair.answered();
    repair.entries_told(1, None);
    next(&mut repair);
    let step = repair.answered().unwrap();
    assert_eq!(repair.give_up(step), Some(Repaired { conversation_id: 5, entries: 1 }));
    assert_eq!(next(&mut repair), range(6, 1, 1));
    repair.answered();
    repair.entries_told(0, None);
    next(&mut repair);
    let step = repair.answered().unwrap();
    assert_eq!(repair.give_up(step), None);
    repair.caught_up();
    assert_eq!(next(&mut repair), None);
    assert!(!repair.is_done(), "a gap is not forgotten");
    repair.connection_lost();
    repair.caught_up();
    assert_eq!(next(&mut repair), Some(Step::Heads { after: 0 }));
}
