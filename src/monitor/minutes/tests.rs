#![allow(clippy::unwrap_used, clippy::print_stdout)]

use super::*;
use crate::monitor::ids::{self, FRAMEWORK};
use crate::monitor::slots::Slots;

const SUM: u32 = ids::MESSAGES_STORED;
const GAUGE: u32 = ids::TAIL_BYTES;
const MAX: u32 = ids::BATCH_SYNC_MAX;
/// 2023-11-14 22:13 UTC, in the middle of an hour.
const START: i64 = 28_333_333;

struct Clocked {
    slots: Slots,
    minutes: Minutes,
    added: i64,
}

impl Clocked {
    fn new() -> Clocked {
        Clocked { slots: Slots::new(&FRAMEWORK), minutes: Minutes::new(&FRAMEWORK), added: 0 }
    }

    /// Adds to the sum, then moves the clock to a minute relative to the start.
    fn add_then_tick(&mut self, n: u64, minute: i64) {
        self.slots.add(SUM, n);
        self.added += n as i64;
        self.tick(minute);
    }

    fn tick(&mut self, minute: i64) {
        self.minutes.tick(TimeMs((START + minute) * 60_000 + 1_234), &self.slots);
    }

    fn point(&self, minute: i64) -> Option<i64> {
        self.minutes.point(SUM, Minute(START + minute))
    }

    fn points(&self, range: std::ops::Range<i64>) -> Vec<Option<i64>> {
        range.map(|minute| self.point(minute)).collect()
    }
}

#[test]
fn a_point_per_minute_for_each_kind() {
    let mut clocked = Clocked::new();
    clocked.tick(0);
    clocked.slots.set(GAUGE, 100);
    clocked.slots.set(MAX, 9);
    clocked.add_then_tick(5, 0);
    clocked.slots.set(GAUGE, 60);
    clocked.add_then_tick(2, 1);
    clocked.add_then_tick(1, 2);
    assert_eq!(clocked.points(-1..3), [None, Some(7), Some(1), None]);
    let at = |id, minute| clocked.minutes.point(id, Minute(START + minute));
    assert_eq!((at(GAUGE, 0), at(GAUGE, 1)), (Some(60), Some(60)), "a gauge stands until it is set");
    assert_eq!((at(MAX, 0), at(MAX, 1)), (Some(9), Some(0)), "a maximum is of its minute alone");
    assert_eq!(clocked.minutes.newest(), Some(Minute(START + 1)));
}

#[test]
fn zero_is_not_missing() {
    let mut clocked = Clocked::new();
    clocked.tick(0);
    clocked.tick(1);
    clocked.tick(2);
    assert_eq!(clocked.points(0..3), [Some(0), Some(0), None]);
    assert_eq!(clocked.minutes.point(ids::LOG_BYTES, Minute(START)), Some(0));
    assert_eq!(clocked.minutes.point(59_999, Minute(START)), None, "not registered");
}

#[test]
fn a_clock_that_jumps_forward_leaves_a_gap() {
    let mut clocked = Clocked::new();
    clocked.tick(0);
    clocked.add_then_tick(4, 30);
    clocked.add_then_tick(6, 31);
    assert_eq!(clocked.point(0), Some(4));
    assert_eq!(clocked.points(1..30), [None; 29]);
    assert_eq!(clocked.points(30..32), [Some(6), None]);
}

#[test]
fn a_small_step_back_is_waited_out() {
    let mut clocked = Clocked::new();
    clocked.tick(0);
    clocked.add_then_tick(1, 1);
    clocked.add_then_tick(2, 0);
    clocked.add_then_tick(4, -1);
    clocked.add_then_tick(8, 1);
    assert_eq!(clocked.points(-1..2), [None, Some(1), None], "the open minute lasts");
    clocked.add_then_tick(16, 2);
    assert_eq!(clocked.points(-1..3), [None, Some(1), Some(30), None]);
}

#[test]
fn a_large_step_back_forgets_what_lies_ahead_and_loses_no_count() {
    let mut clocked = Clocked::new();
    for minute in 0..=100 {
        clocked.add_then_tick(1, minute);
    }
    clocked.add_then_tick(5, 40);
    assert_eq!(clocked.points(38..102), [vec![Some(1); 2], vec![None; 62]].concat());
    assert_eq!(clocked.minutes.newest(), Some(Minute(START + 39)));
    clocked.add_then_tick(7, 41);
    assert_eq!(
        clocked.points(39..42),
        [Some(1), Some(12), None],
        "what was counted before the jump is not lost"
    );
    // Minute 0 took two: the one added before the first tick and its own.
    assert_eq!(clocked.points(0..2), [Some(2), Some(1)]);
}

#[test]
fn a_clock_that_was_years_ahead_for_a_while_costs_one_hour_of_points_at_most() {
    const YEARS: i64 = 5 * 366 * 24 * 60 + 7;
    let mut clocked = Clocked::new();
    for minute in 0..=1_000 {
        clocked.add_then_tick(1, minute);
    }
    clocked.add_then_tick(1, YEARS);
    clocked.add_then_tick(1, YEARS + 1);
    assert_eq!(clocked.point(YEARS), Some(1));
    clocked.add_then_tick(1, 1_001);
    assert_eq!(clocked.point(YEARS), None);
    clocked.add_then_tick(1, 1_002);
    assert_eq!(clocked.point(1_001), Some(2));
    let kept = clocked.points(0..1_001).iter().flatten().count();
    assert!((941..=1_001).contains(&kept), "{kept} of 1001 points are left");
}

/// Whatever the clock does: at most one point per minute (asserted in the ring itself), and what was added is in a
/// point that is or was there, or in the residue.
#[test]
fn no_walk_of_the_clock_doubles_a_point() {
    use rand::{RngExt, SeedableRng};
    for seed in 0..40 {
        let mut rng = rand::rngs::StdRng::seed_from_u64(seed);
        let mut clocked = Clocked::new();
        let mut minute = 0_i64;
        let mut emitted = 0;
        let mut visited = std::collections::BTreeSet::new();
        for _ in 0..500 {
            let before = clocked.minutes.residue(SUM, &clocked.slots);
            let n = rng.random_range(0..5);
            clocked.add_then_tick(n, minute);
            visited.insert(minute);
            let residue = clocked.minutes.residue(SUM, &clocked.slots);
            assert!(residue == 0 || residue == before + n as i64, "a point takes all or nothing");
            if residue == 0 {
                emitted += before + n as i64;
            }
            minute += match rng.random_range(0..20) {
                0 => rng.random_range(-4_000..4_000),
                1 | 2 => rng.random_range(-5..5),
                _ => rng.random_range(0..2),
            };
        }
        let stored: i64 = visited.iter().filter_map(|minute| clocked.point(*minute)).sum();
        assert!(stored <= emitted, "seed {seed}: the ring holds more than it was given");
        assert_eq!(emitted + clocked.minutes.residue(SUM, &clocked.slots), clocked.added, "seed {seed}");
    }
}

#[test]
fn a_full_day_is_kept_and_the_rest_makes_room() {
    let mut clocked = Clocked::new();
    for minute in 0..=5_000_i64 {
        clocked.add_then_tick(minute.cast_unsigned(), minute);
    }
    let day: Vec<_> = (5_000 - 1_440..5_000).map(|minute| Some(minute + 1)).collect();
    assert_eq!(clocked.points(5_000 - 1_440..5_000), day);
    assert_eq!(clocked.points(0..5_000 - 1_500 - 60).iter().flatten().count(), 0);
}

#[test]
fn values_of_every_size_come_back_as_they_were() {
    let mut clocked = Clocked::new();
    clocked.tick(0);
    let values = [0, 1, u64::from(u32::MAX), u64::from(u32::MAX) + 1, 3, i64::MAX.cast_unsigned()];
    for (minute, value) in (1..).zip(values) {
        clocked.slots.set(GAUGE, value);
        clocked.tick(minute);
    }
    clocked.slots.subtract(GAUGE, i64::MAX.cast_unsigned());
    clocked.slots.subtract(GAUGE, 8);
    clocked.tick(7);
    for (minute, value) in (0..).zip(values) {
        assert_eq!(clocked.minutes.point(GAUGE, Minute(START + minute)), Some(value.cast_signed()));
    }
    assert_eq!(clocked.minutes.point(GAUGE, Minute(START + 6)), Some(-8));
}

#[test]
fn memory_is_bounded_and_small_for_ids_that_nobody_touched() {
    let mut clocked = Clocked::new();
    for minute in 0..=1_600 {
        clocked.tick(minute);
    }
    let untouched = clocked.minutes.memory_bytes();
    for minute in 1_601..=3_200 {
        for entry in &FRAMEWORK {
            match entry.kind {
                Kind::Sum => clocked.slots.add(entry.id, 1 << 20),
                Kind::Gauge | Kind::Max => clocked.slots.set(entry.id, 1 << 20),
            }
        }
        clocked.tick(minute);
    }
    let ordinary = clocked.minutes.memory_bytes();
    for minute in 3_201..=4_800 {
        FRAMEWORK.iter().for_each(|entry| clocked.slots.add(entry.id, 1 << 40));
        FRAMEWORK.iter().for_each(|entry| clocked.slots.set(entry.id, 1 << 40));
        clocked.tick(minute);
    }
    let wide = clocked.minutes.memory_bytes();
    println!("ids={} bytes: untouched={untouched} ordinary={ordinary} wide={wide}", FRAMEWORK.len());
    assert_eq!(untouched, 24 * FRAMEWORK.len());
    // By the id: a new one costs what every other one does.
    assert!(ordinary < 6_500 * FRAMEWORK.len());
    assert_eq!(wide, Minutes::memory_bytes_max(FRAMEWORK.len()));
    assert!(wide < 12_500 * FRAMEWORK.len());
}

/// The points of one process handed to the next.
fn restarted(before: &Clocked) -> Clocked {
    let mut after = Clocked::new();
    after.minutes.load(&before.minutes.rows_from(None));
    after
}

#[test]
fn a_process_goes_on_in_the_minute_in_which_the_last_one_ended() {
    let mut first = Clocked::new();
    first.tick(0);
    first.add_then_tick(5, 1);
    first.slots.set(MAX, 7);
    first.slots.add(SUM, 3);
    first.minutes.close(&first.slots);
    let mut second = restarted(&first);
    second.tick(1);
    second.slots.set(MAX, 4);
    second.slots.set(GAUGE, 8);
    second.add_then_tick(10, 2);
    assert_eq!(second.points(0..3), [Some(5), Some(13), None], "one point of both");
    let at = |id| second.minutes.point(id, Minute(START + 1));
    assert_eq!((at(MAX), at(GAUGE)), (Some(7), Some(8)));
}

#[test]
fn a_minute_that_is_closed_and_counted_on_adds_up() {
    let mut clocked = Clocked::new();
    clocked.tick(0);
    clocked.slots.add(SUM, 2);
    clocked.minutes.close(&clocked.slots);
    clocked.minutes.close(&clocked.slots);
    clocked.add_then_tick(3, 1);
    assert_eq!(clocked.points(0..1), [Some(5)]);
}

#[test]
fn the_clock_is_held_against_what_was_stored() {
    for (back, expected) in [(1, None), (HOLD_MINUTES_MAX, None), (HOLD_MINUTES_MAX + 1, Some(7))] {
        let mut first = Clocked::new();
        for minute in 0..=11 {
            first.add_then_tick(1, minute);
        }
        let mut second = restarted(&first);
        let now = TimeMs((START + 10 - back) * 60_000);
        let forgotten = second.minutes.tick(now, &second.slots);
        assert_eq!(forgotten, expected.map(|minute| Minute(START + minute)), "back by {back}");
        second.add_then_tick(4, 12);
        let last = if expected.is_some() { 7 } else { 10 };
        let point = if expected.is_some() { 4 } else { 5 };
        assert_eq!(second.point(last), Some(point), "what was counted is in the minute that was open");
        assert_eq!(second.points(last + 1..12), vec![None; (11 - last) as usize]);
    }
}

#[test]
fn an_id_that_stored_minutes_lack_is_missing_there_and_not_zero() {
    let mut first = Clocked::new();
    first.tick(0);
    first.add_then_tick(5, 1);
    let without: Vec<_> = first.minutes.rows_from(None).iter().map(|row| row.only(&(0..=SUM))).collect();
    let mut second = Clocked::new();
    second.minutes.load(&without);
    second.tick(1);
    second.tick(2);
    assert_eq!(second.points(0..2), [Some(5), Some(0)]);
    let at = |minute| second.minutes.point(GAUGE, Minute(START + minute));
    assert_eq!((at(0), at(1)), (None, Some(0)));
}
