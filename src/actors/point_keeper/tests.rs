#![allow(clippy::unwrap_used, clippy::print_stdout)]

use super::*;
use crate::store::files_faulty::{CutPolicy, FaultyDisk, SeededRandom};

const RETENTION: PointRetention = PointRetention { minute_days: 8, five_minute_days: 40, hour_days: 730 };
const SUM: u32 = ids::MESSAGES_STORED;
/// 2023-11-14 22:13 UTC.
const START: i64 = 28_333_333;

/// A process and its disk, and what was added by all processes.
struct Process {
    disk: FaultyDisk,
    monitor: Monitor,
    keeper: PointKeeper,
    added: i64,
}

fn at(minute: i64) -> TimeMs {
    TimeMs((START + minute) * 60_000 + 777)
}

impl Process {
    fn on(disk: FaultyDisk, added: i64) -> Process {
        let monitor = Monitor::new();
        let keeper = PointKeeper::open(disk.directory("points"), RETENTION, monitor.clone());
        Process { disk, monitor, keeper, added }
    }

    fn add(&mut self, n: u64) {
        self.monitor.add(SUM, n);
        self.added += n as i64;
    }

    fn minute(&self, minute: i64) {
        self.keeper.tick(at(minute));
        self.keeper.store();
    }

    fn stopped(self, minute: i64) -> Process {
        self.keeper.finish(at(minute));
        Process::on(self.disk.after_kill(), self.added)
    }

    fn total(&self, resolution: Resolution) -> i64 {
        let rows = self.keeper.rows(resolution, 0..i64::MAX / 2, SUM..=SUM).unwrap();
        rows.iter().filter_map(|row| row.value(SUM)).sum()
    }

    fn points(&self, minutes: Range<i64>) -> Vec<Option<i64>> {
        let slots = START + minutes.start..START + minutes.end;
        let rows = self.keeper.rows(Resolution::Minute, slots.clone(), SUM..=SUM).unwrap();
        slots.map(|slot| rows.iter().find(|row| row.slot == slot)?.value(SUM)).collect()
    }
}

/// Over any number of processes that stop in order, with minutes that are missing and a clock that steps: everything that
/// was added is in the points of each resolution.
#[test]
fn everything_added_is_in_the_points_over_all_restarts() {
    for seed in 0..25 {
        let mut random = SeededRandom(seed);
        let mut process = Process::on(FaultyDisk::new(), 0);
        let (mut minute, mut highest) = (0, 0);
        process.minute(minute);
        for _ in 0..120 {
            process.add(random.below(50));
            minute += [0, 1, 1, 1, 2, 7, 61, -1][random.below(8) as usize];
            // Further back what was counted would be taken back.
            highest = highest.max(minute);
            minute = minute.max(highest - 2);
            process.minute(minute);
            if random.one_in(9) {
                process = process.stopped(minute);
                process.minute(minute);
            }
        }
        let added = process.added;
        process.keeper.finish(at(highest + 1));
        for resolution in Resolution::ALL {
            assert_eq!(process.total(resolution), added, "seed {seed}, {resolution:?}");
        }
    }
}

#[test]
fn a_killed_process_costs_its_open_minute_alone() {
    let mut process = Process::on(FaultyDisk::new(), 0);
    process.minute(0);
    process.add(3);
    process.minute(1);
    process.add(100);
    process.keeper.tick(at(1));
    let mut after = Process::on(process.disk.after_kill(), 0);
    assert_eq!(after.monitor.point(SUM, Minute(START)), Some(3), "the curves show what was before");
    after.minute(1);
    after.add(4);
    after.minute(2);
    assert_eq!(after.points(0..3), [Some(3), Some(4), None]);
}

#[test]
fn a_full_disk_is_said_once_and_what_was_counted_is_stored_later() {
    let mut process = Process::on(FaultyDisk::new(), 0);
    process.minute(0);
    process.disk.set_capacity(Some(process.disk.used_bytes()));
    for minute in 1..200 {
        process.add(1);
        process.minute(minute);
        assert_eq!(process.points(minute - 1..minute), [Some(1)], "told although it is not stored");
    }
    assert_eq!(process.monitor.value(ids::POINT_FAULTS), 199, "one attempt for each minute");
    process.disk.set_capacity(None);
    process.add(1);
    process.minute(200);
    let after = Process::on(process.disk.after_kill(), 0);
    assert_eq!(after.points(0..201), [vec![Some(1); 200], vec![None]].concat());
    assert_eq!((after.total(Resolution::FiveMinutes), after.total(Resolution::Hour)), (200, 200));
}

#[test]
fn a_disk_that_cannot_be_read_at_the_start_stops_nothing() {
    let mut process = Process::on(FaultyDisk::new(), 0);
    for minute in 0..130 {
        process.add(1);
        process.minute(minute);
    }
    let disk = process.disk.after_power_cut(CutPolicy::Kept, &mut SeededRandom(1));
    disk.tamper("points", &format!("hours-{:08}", (START / 60).div_euclid(1440)), Vec::clear);
    disk.set_capacity(Some(0));
    let mut after = Process::on(disk, 0);
    assert_eq!(after.monitor.value(ids::POINT_FAULTS), 1);
    after.disk.set_capacity(None);
    after.minute(131);
    after.add(7);
    after.minute(132);
    assert_eq!((after.total(Resolution::Minute), after.total(Resolution::Hour)), (130 + 7, 130 + 7));
}

#[test]
fn a_clock_that_went_far_back_takes_back_what_was_stored() {
    let mut process = Process::on(FaultyDisk::new(), 0);
    for minute in 0..100 {
        process.add(1);
        process.minute(minute);
    }
    process.add(1);
    process.minute(40);
    process.add(5);
    process.minute(41);
    let after = Process::on(process.disk.after_kill(), 0);
    assert_eq!(after.points(38..42), [Some(1), Some(1), Some(6), None], "sums lose nothing");
    // The same where the process ended in between.
    after.minute(20);
    after.minute(21);
    assert_eq!(after.points(18..42)[..4], [Some(1), Some(1), Some(0), None]);
    assert_eq!(after.points(22..42), [None; 20]);
}

/// A machine that starts with a clock of years ago does not lose what it counted, and goes on when the clock is right.
#[test]
fn a_clock_that_is_wrong_by_years_takes_nothing_back() {
    let mut process = Process::on(FaultyDisk::new(), 0);
    for minute in 0..2_000 {
        process.add(1);
        process.minute(minute);
    }
    let mut after = Process::on(process.disk.after_kill(), 0);
    for minute in 0..5 {
        after.add(1);
        after.minute(minute - 3_000_000);
    }
    assert_eq!(after.total(Resolution::Hour), 2_000);
    assert!(after.monitor.value(ids::POINT_FAULTS) > 0);
    for minute in 2_000..2_003 {
        after.add(10);
        after.minute(minute);
    }
    assert_eq!(after.points(1_997..2_003), [Some(1), Some(1), None, Some(10), Some(10), None]);
    let again = Process::on(after.disk.after_kill(), 0);
    assert_eq!((again.total(Resolution::Minute), again.total(Resolution::Hour)), (2_020, 2_020));
    assert_eq!(again.monitor.value(ids::POINT_FAULTS), 0);
}

#[test]
fn a_minute_is_stored_once() {
    let process = Process::on(FaultyDisk::new(), 0);
    for minute in 0..=100 {
        process.minute(minute);
        process.minute(minute);
    }
    assert_eq!(process.monitor.value(ids::POINT_MINUTES_STORED), 100);
}

/// What a day of minutes takes: figures of `docs/points-format.md`.
#[test]
fn a_day_takes_what_the_documents_say() {
    let bytes_of_a_day = |ids_changing: usize, below: u64| {
        let process = Process::on(FaultyDisk::new(), 0);
        let registry = &crate::monitor::ids::FRAMEWORK;
        let mut random = SeededRandom(7);
        for minute in 0..=1440 {
            for entry in &registry[..ids_changing] {
                match entry.kind {
                    crate::model::PointKind::Sum => process.monitor.add(entry.id, random.below(below)),
                    _ => process.monitor.set(entry.id, random.below(below)),
                }
            }
            process.keeper.tick(at(107 + minute));
        }
        process.keeper.store();
        let file =
            process.disk.directory("points").open(&format!("minutes-{:08}", START / 1440 + 1)).unwrap();
        file.len().unwrap() as usize
    };
    let ids = crate::monitor::ids::FRAMEWORK.len();
    let quiet = bytes_of_a_day(0, 1);
    let busy = bytes_of_a_day(150, 20_000);
    let most = bytes_of_a_day(ids, 1 << 32);
    println!("ids={ids} quiet={quiet} busy={busy} most={most} bytes_per_busy_point={}", busy / (1440 * 150));
    assert!(quiet < 16_000 && busy < 900_000 && most < 5_500_000, "{quiet} {busy} {most}");
}
