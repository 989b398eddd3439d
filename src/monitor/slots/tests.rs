#![allow(clippy::disallowed_methods, reason = "tests read the clock and wait")]
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};

use super::*;
use crate::model::TimeMs;
use crate::monitor::ids::{self, FRAMEWORK};
use crate::monitor::minutes::{Minute, Minutes};

/// Sums of any thread, a gauge that all threads move, and a maximum that all raise.
const SUM: u32 = ids::MESSAGES_STORED;
const OTHER_SUM: u32 = ids::LOG_BYTES;
const GAUGE: u32 = ids::CONNECTIONS_OPEN;
const MAX: u32 = ids::BATCH_SYNC_MAX;

#[test]
fn kinds_combine_as_they_say() {
    let slots = Slots::new(&FRAMEWORK);
    slots.add(SUM, 2);
    slots.add(SUM, 3);
    slots.add(GAUGE, 7);
    slots.subtract(GAUGE, 2);
    slots.set(MAX, 40);
    slots.set(MAX, 30);
    assert_eq!([SUM, GAUGE, MAX].map(|id| slots.value(id)), [5, 5, 40]);
    slots.set(GAUGE, 3);
    assert_eq!(slots.value(GAUGE), 3);
    slots.subtract(GAUGE, 4);
    assert_eq!(slots.value(GAUGE), -1, "a gauge lowered too often shows it");
    assert_eq!(slots.value(LOST), 0);
}

#[test]
fn what_no_slot_takes_is_counted_as_lost_and_changes_nothing() {
    let slots = Slots::new(&FRAMEWORK);
    slots.set(SUM, 9);
    slots.add(MAX, 9);
    slots.subtract(SUM, 9);
    slots.subtract(MAX, 9);
    for unknown in [0, 2, 99, 59_999, ID_MAX, ID_MAX + 1, u32::MAX] {
        slots.add(unknown, 9);
        slots.set(unknown, 9);
    }
    assert_eq!(slots.value(LOST), 4 + 2 * 7);
    for entry in FRAMEWORK.iter().filter(|entry| entry.id != LOST) {
        assert_eq!(slots.value(entry.id), 0, "{}", entry.name);
    }
}

#[test]
fn a_table_of_some_ids_alone_counts_these_and_nothing_else() {
    let slots = Slots::new(&FRAMEWORK).of_these_alone(&[OTHER_SUM, GAUGE]);
    for entry in &FRAMEWORK {
        slots.add(entry.id, 3);
        slots.set(entry.id, 2);
    }
    let counted: Vec<_> =
        FRAMEWORK.iter().filter(|entry| slots.value(entry.id) != 0).map(|entry| entry.id).collect();
    assert_eq!(counted, [GAUGE, OTHER_SUM]);
    assert_eq!((slots.value(GAUGE), slots.value(OTHER_SUM)), (2, 3));
}

#[test]
fn every_id_has_a_slot_of_its_own() {
    let slots = Slots::new(&FRAMEWORK);
    let report = |entry: &Entry, n: u64| match entry.kind {
        Kind::Sum => slots.add(entry.id, n),
        Kind::Gauge | Kind::Max => slots.set(entry.id, n),
    };
    for (index, entry) in FRAMEWORK.iter().enumerate() {
        report(entry, index as u64 + 1);
    }
    for (index, entry) in FRAMEWORK.iter().enumerate() {
        assert_eq!(slots.value(entry.id), index as i64 + 1, "{}", entry.name);
    }
}

#[test]
fn a_maximum_starts_anew_each_period_and_readers_still_see_the_last() {
    let slots = Slots::new(&FRAMEWORK);
    slots.set(MAX, 70);
    assert_eq!(slots.take_max(MAX), 70);
    slots.set(MAX, 5);
    assert_eq!(slots.value(MAX), 70, "the highest of this period and the one before");
    assert_eq!(slots.take_max(MAX), 5);
    assert_eq!(slots.value(MAX), 5);
    assert_eq!(slots.take_max(MAX), 0);
    assert_eq!(slots.value(MAX), 0);
    assert_eq!(slots.take_max(SUM), 0, "only a maximum has periods");
}

/// Eight threads report for as long as a ninth ends one minute after the other.
#[test]
fn conservation_everything_added_is_in_the_points_or_in_the_residue() {
    const THREADS: u64 = 8;
    const MINUTES: i64 = 200;
    const ROUNDS_MIN: u64 = 1_000;
    let slots = Slots::new(&FRAMEWORK);
    let mut minutes = Minutes::new(&FRAMEWORK);
    let start = Barrier::new(THREADS as usize + 1);
    let done = AtomicBool::new(false);
    let rounds: Vec<u64> = std::thread::scope(|scope| {
        let report = || {
            start.wait();
            let mut round = 0;
            while round < ROUNDS_MIN || !done.load(Ordering::Acquire) {
                round += 1;
                slots.add(SUM, 1);
                slots.add(OTHER_SUM, 7);
                slots.add(GAUGE, 2);
                slots.subtract(GAUGE, 1);
                slots.set(MAX, round);
            }
            round
        };
        let reporters: Vec<_> = (0..THREADS).map(|_| scope.spawn(report)).collect();
        start.wait();
        for minute in 0..=MINUTES {
            minutes.tick(TimeMs(minute * 60_000), &slots);
            let before = slots.value(SUM);
            while slots.value(SUM) == before {
                std::thread::yield_now();
            }
        }
        done.store(true, Ordering::Release);
        reporters.into_iter().map(|reporter| reporter.join().unwrap()).collect()
    });
    let added: u64 = rounds.iter().sum();
    let minutes = &minutes;
    let points = |id| (0..MINUTES).filter_map(move |minute| minutes.point(id, Minute(minute)));
    let emitted: i64 = points(SUM).sum();
    let residue = minutes.residue(SUM, &slots);
    println!("added={added} emitted={emitted} residue={residue} minutes={MINUTES}");
    let busy = points(SUM).filter(|point| *point > 0).count();
    assert_eq!(busy, MINUTES as usize, "every minute ended while the threads reported");
    assert_eq!(emitted + residue, added.cast_signed());
    assert_eq!(points(OTHER_SUM).sum::<i64>() + minutes.residue(OTHER_SUM, &slots), added.cast_signed() * 7);
    assert_eq!(slots.value(GAUGE), added.cast_signed());
    let highest = points(MAX).max().unwrap_or(0).max(slots.take_max(MAX));
    assert_eq!(
        Some(highest),
        rounds.iter().max().map(|round| round.cast_signed()),
        "no period loses the highest"
    );
}
