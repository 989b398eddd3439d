//! The store of points under restarts, full disks, power cuts and a clock that goes back.
#![allow(clippy::unwrap_used)]

use super::{
    files_faulty::FaultyDisk,
    files_faulty_image::{CutPolicy, SeededRandom},
    points::{PointRetention, PointStore},
    points_roll_up::roll_up,
};
use crate::model::{PointIds, PointKind, PointRow, Resolution};

const SUM: u32 = 1003;
/// 2023-11-14 22:13 UTC.
const START: i64 = 28_333_333;
const RETENTION: PointRetention = PointRetention { minute_days: 8, five_minute_days: 40, hour_days: 730 };

fn row(minute: i64, n: i64) -> PointRow {
    let ids: PointIds = [(1, PointKind::Sum), (1002, PointKind::Gauge), (SUM, PointKind::Sum)].into();
    PointRow { slot: START + minute, minutes: 1, ids, values: Box::new([0, n / 2, n]) }
}

fn open(disk: &FaultyDisk) -> (PointStore, Vec<PointRow>) {
    let mut store = PointStore::new(disk.directory("points"), RETENTION);
    let found = store.last_day().unwrap();
    (store, found)
}

fn all(store: &PointStore, resolution: Resolution) -> Vec<PointRow> {
    store.rows(resolution, 0..i64::MAX / 2, 0..=u32::MAX).unwrap()
}

fn assert_adds_up(store: &PointStore, minutes: &[PointRow]) {
    assert_eq!(all(store, Resolution::Minute), minutes);
    for resolution in [Resolution::FiveMinutes, Resolution::Hour] {
        assert_eq!(all(store, resolution), roll_up(minutes, resolution), "{resolution:?}");
    }
}

#[test]
fn minutes_and_what_they_add_up_to_outlive_every_restart() {
    let disk = FaultyDisk::new();
    let mut minutes = Vec::new();
    for n in 0..400 {
        let (mut store, found) = open(&disk);
        assert_eq!(found, minutes, "before minute {n}");
        minutes.push(row(n, n * 7 % 31));
        store.append(&minutes[minutes.len() - 1..]).unwrap();
        if n % 37 == 0 {
            assert_adds_up(&store, &minutes);
        }
    }
    assert_adds_up(&open(&disk).0, &minutes);
}

#[test]
fn a_minute_of_two_processes_is_one() {
    let disk = FaultyDisk::new();
    open(&disk).0.append(&[row(0, 3), row(1, 4)]).unwrap();
    let (mut store, _) = open(&disk);
    store.append(&[row(1, 9), row(2, 1)]).unwrap();
    assert_adds_up(&store, &[row(0, 3), row(1, 9), row(2, 1)]);
    assert_adds_up(&open(&disk).0, &[row(0, 3), row(1, 9), row(2, 1)]);
}

#[test]
fn missing_minutes_are_missing_and_counted_as_such() {
    let disk = FaultyDisk::new();
    let (mut store, _) = open(&disk);
    let minutes = [row(0, 1), row(1, 0), row(3 * 60, 5), row(50 * 24 * 60, 6)];
    store.append(&minutes).unwrap();
    assert_adds_up(&store, &minutes);
    let hours = all(&store, Resolution::Hour);
    assert_eq!(
        hours.iter().map(|row| (row.minutes, row.value(SUM))).collect::<Vec<_>>(),
        [(2, Some(1)), (1, Some(5)), (1, Some(6))]
    );
}

#[test]
fn what_is_taken_back_is_gone_from_all_and_can_be_counted_anew() {
    for back_to in [0, 1, 59, 60, 299, 1439, 2000, 2999] {
        let disk = FaultyDisk::new();
        let (mut store, _) = open(&disk);
        let mut minutes: Vec<PointRow> = (0..3000).map(|n| row(n, n % 11)).collect();
        store.append(&minutes).unwrap();
        store.forget_from(START + back_to).unwrap();
        minutes.truncate(back_to as usize);
        assert_adds_up(&store, &minutes);
        let again: Vec<PointRow> = (back_to..back_to + 200).map(|n| row(n, 1000 + n)).collect();
        minutes.extend(again.clone());
        store.append(&again).unwrap();
        assert_adds_up(&store, &minutes);
        assert_adds_up(&open(&disk).0, &minutes);
    }
}

#[test]
fn the_newest_chunks_are_kept_whatever_the_clock_says() {
    let disk = FaultyDisk::new();
    let (mut store, _) = open(&disk);
    for day in 0..20 {
        store.append(&[row(day * 1440, day)]).unwrap();
    }
    assert_eq!(all(&store, Resolution::Minute).len(), 9, "eight days and the running one");
    assert_eq!(all(&store, Resolution::FiveMinutes).len(), 20);
    store.append(&[row(10_000 * 1440, 1)]).unwrap();
    assert_eq!(all(&store, Resolution::Minute).len(), 9, "a clock that is years ahead costs one day");
    assert_eq!(all(&store, Resolution::Hour).len(), 21);
}

#[test]
fn a_full_disk_keeps_what_was_stored_and_goes_on_when_there_is_room() {
    for room in 0..700 {
        let disk = FaultyDisk::new();
        let minutes: Vec<PointRow> = (0..130).map(|n| row(n, n * 977 % 301)).collect();
        let (mut store, _) = open(&disk);
        disk.set_capacity(Some(room));
        let mut stored = 0;
        while stored < minutes.len() && store.append(&minutes[stored..=stored]).is_ok() {
            stored += 1;
        }
        assert!(stored < minutes.len(), "{room}");
        disk.set_capacity(None);
        let from = store.newest_minute().map_or(0, |newest| newest - START) as usize;
        assert!(from <= stored);
        store.append(&minutes[from..]).unwrap();
        assert_adds_up(&store, &minutes);
        assert_adds_up(&open(&disk).0, &minutes);
    }
}

#[test]
fn a_power_cut_costs_the_newest_minutes_and_is_never_a_fault() {
    let mut lost_most = 0;
    for seed in 0..60 {
        let mut random = SeededRandom(seed);
        let disk = FaultyDisk::new();
        let (mut store, _) = open(&disk);
        let minutes: Vec<PointRow> = (0..random.below(200) as i64 + 2).map(|n| row(n, n % 13)).collect();
        for minute in &minutes {
            store.append(std::slice::from_ref(minute)).unwrap();
        }
        for policy in CutPolicy::ALL {
            let cut = disk.after_power_cut(policy, &mut random);
            let (mut store, found) = open(&cut);
            assert_eq!(found, minutes[..found.len()], "a beginning of what was counted, seed {seed}");
            lost_most = lost_most.max(minutes.len() - found.len());
            store.append(&[row(300, 1)]).unwrap();
            let rest: Vec<PointRow> = found.into_iter().chain([row(300, 1)]).collect();
            assert_eq!(all(&store, Resolution::Minute), rest);
            // A longer stretch may have been written before its minutes were lost; it is then what it was.
            assert!(all(&store, Resolution::Hour).len() >= roll_up(&rest, Resolution::Hour).len());
        }
    }
    assert!(lost_most > 0, "some cut has cost something");
}

#[test]
fn the_end_of_the_process_costs_nothing_and_a_torn_end_is_named() {
    let disk = FaultyDisk::new();
    let (mut store, _) = open(&disk);
    store.append(&[row(0, 3), row(1, 4)]).unwrap();
    let killed = disk.after_kill();
    assert_adds_up(&open(&killed).0, &[row(0, 3), row(1, 4)]);
    killed.tamper("points", &format!("minutes-{:08}", START / 1440), |bytes| bytes.truncate(bytes.len() - 1));
    let (mut store, found) = open(&killed);
    assert_eq!((found, store.torn()), (vec![row(0, 3)], 0));
    store.append(&[row(2, 5)]).unwrap();
    assert_eq!(store.torn(), 1);
    assert_adds_up(&store, &[row(0, 3), row(2, 5)]);
}

#[test]
fn a_range_has_the_finest_points_that_are_still_there() {
    let now = START + 100_000;
    let day = 1440;
    for (from, to, expected) in [
        (now - 60, now, Resolution::Minute),
        (now - 2 * day, now, Resolution::Minute),
        (now - 7 * day - 60, now - 7 * day, Resolution::Minute),
        (now - 7 * day, now, Resolution::FiveMinutes),
        (now - 9 * day, now - 9 * day + 60, Resolution::FiveMinutes),
        (now - 30 * day, now, Resolution::Hour),
        (now - 60 * day, now - 60 * day + 60, Resolution::Hour),
        (now - 4000 * day, now, Resolution::Hour),
    ] {
        assert_eq!(RETENTION.resolution(&(from..to), now, 3000), expected, "{} minutes back", now - from);
    }
}
