//! Conservation: everything that all threads added is in the points that were emitted, or in the residue.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicBool, Ordering},
};

use highwater::{
    actors::point_keeper::PointKeeper,
    model::{PointRow, Resolution, TimeMs},
    monitor::{
        Format, Monitor, Window, ids,
        minutes::{HOLD_MINUTES_MAX, Minute},
        registry::{Kind, LOST},
    },
    store::{
        files_faulty::{FaultyDisk, SeededRandom},
        points::PointRetention,
    },
};

use crate::reporters::{Account, Reporters, SUMS, kind, monitor, reported};

/// 2023-11-14 22:13 UTC.
const START: i64 = 28_333_333;

/// Steps of the clock, minutes: mostly the next minute, and every kind of jump that the ring of minutes tells apart.
const STEPS: [i64; 16] = [0, 1, 1, 1, 1, 1, 1, 2, 61, -1, -2, -3, -50, -1_600, 30_000, 5];

/// A monitor whose clock is driven, and every point that it emitted.
struct Driven<'a> {
    monitor: &'a Monitor,
    /// The minute that is being counted, as the driver expects it.
    open: Option<i64>,
    /// By id: what all points of a sum add up to, the highest of a maximum.
    emitted: BTreeMap<u32, i64>,
    minutes: u64,
}

impl Driven<'_> {
    /// Tells the time, and takes down the points of the minute that this ends, if it ends one.
    fn tick(&mut self, minute: i64) {
        let before = self.monitor.emissions();
        let open = self.open;
        self.monitor.tick(TimeMs(minute * 60_000 + 321));
        let is_ended = open.is_some_and(|open| minute > open);
        assert_eq!(
            self.monitor.emissions() - before,
            u64::from(is_ended),
            "one point for a minute that ends"
        );
        if let Some(open) = open.filter(|_| is_ended) {
            self.take_down(open);
        }
        self.open = Some(match open {
            Some(open) if (open - HOLD_MINUTES_MAX..=open).contains(&minute) => open,
            _ => minute,
        });
    }

    fn take_down(&mut self, ended: i64) {
        let rows = self.monitor.rows_from(Some(Minute(ended)));
        let row = rows.last().unwrap();
        assert_eq!((row.slot, row.minutes), (ended, 1));
        self.minutes += 1;
        for ((id, kind), value) in row.ids.iter().zip(&row.values) {
            let emitted = self.emitted.entry(*id).or_default();
            *emitted = kind.combine(*emitted, *value);
        }
    }

    fn emitted(&self, id: u32) -> i64 {
        self.emitted.get(&id).copied().unwrap_or(0)
    }
}

/// Waits until the reporters have added something.
fn let_them_report(monitor: &Monitor) {
    let before = monitor.value(SUMS[0]);
    while monitor.value(SUMS[0]) == before {
        std::thread::yield_now();
    }
}

/// Whatever the operator's port asks of the monitor while the others count; what it reads never goes down.
fn read_on(monitor: &Monitor, done: &AtomicBool) -> u64 {
    let (mut reads, mut seen) = (0, 0);
    while !done.load(Ordering::Acquire) {
        let now = monitor.value(ids::BATCHES);
        assert!(now >= seen, "a total went down from {seen} to {now}");
        seen = now;
        assert!(monitor.metrics(Format::OpenMetrics).ends_with("# EOF\n"));
        let rows = monitor.rows_from(None);
        assert!(rows.is_sorted_by(|a, b| a.slot < b.slot));
        assert!(
            monitor.curves_page("counting", "", Window::Hour, TimeMs(START * 60_000)).contains("</html>")
        );
        reads += 1;
        // It is not to take the processors from those who count.
        std::thread::yield_now();
    }
    reads
}

#[test]
fn everything_added_is_in_emitted_points_or_in_the_residue_whatever_the_clock_does() {
    for seed in 0..3 {
        let (monitor, done) = (monitor(), AtomicBool::new(false));
        let mut driven = Driven { monitor: &monitor, open: None, emitted: BTreeMap::new(), minutes: 0 };
        let account = std::thread::scope(|scope| {
            let reporters = Reporters::start(scope, &monitor, &done, seed);
            let reader = scope.spawn(|| read_on(&monitor, &done));
            let (mut random, mut minute) = (SeededRandom(seed), START);
            for _ in 0..100 {
                driven.tick(minute);
                let_them_report(&monitor);
                minute += STEPS[random.below(STEPS.len() as u64) as usize];
            }
            let account = reporters.account();
            assert!(reader.join().unwrap() > 0, "somebody read meanwhile");
            account
        });
        println!(
            "seed={seed} minutes={} messages: added={} emitted={} residue={}",
            driven.minutes,
            account.of(SUMS[0]),
            driven.emitted(SUMS[0]),
            monitor.residue(SUMS[0])
        );
        assert_conserved(&monitor, &driven, &account);
        // The residue is what the next point says, and nothing else.
        let (open, residue) = (driven.open.unwrap(), SUMS.map(|id| monitor.residue(id)));
        assert!(residue.iter().all(|residue| *residue > 0), "the last minute is open and was counted in");
        driven.tick(open + 1);
        assert_eq!(SUMS.map(|id| monitor.point(id, Minute(open)).unwrap()), residue);
        assert_conserved(&monitor, &driven, &account);
        assert_eq!(SUMS.map(|id| monitor.residue(id)), [0; 3]);
    }
}

fn assert_conserved(monitor: &Monitor, driven: &Driven<'_>, account: &Account) {
    for id in reported() {
        let (added, emitted) = (account.of(id), driven.emitted(id));
        match kind(id) {
            Kind::Sum => assert_eq!(emitted + monitor.residue(id), added, "sum {id}"),
            // The running minute is not emitted, but it can be asked for.
            _ => assert_eq!(emitted.max(monitor.value(id)), added, "maximum {id}"),
        }
    }
    assert_eq!(monitor.value(ids::CONNECTIONS_OPEN), account.of(ids::CONNECTIONS_OPEN));
    assert_eq!(monitor.value(LOST), 0);
    for histogram in [ids::BATCH_SYNC, highwater::monitor::Op::Send.latency()] {
        let observed: i64 = histogram.bands().map(|id| driven.emitted(id) + monitor.residue(id)).sum();
        let bands: i64 = histogram.bands().map(|id| account.of(id)).sum();
        assert!(bands > 0 && observed == bands, "{observed} of {bands} observations are in the bands");
    }
}

/// The same with points on disk, over processes that stop in order: each resolution adds up to what was added.
#[test]
fn everything_added_is_in_the_stored_points_of_every_resolution() {
    const RETENTION: PointRetention = PointRetention { minute_days: 8, five_minute_days: 40, hour_days: 730 };
    let (mut disk, mut all, mut random) = (FaultyDisk::new(), Account::default(), SeededRandom(5));
    let mut minute = START;
    for process in 0..4 {
        let (monitor, done) = (monitor(), AtomicBool::new(false));
        let keeper = PointKeeper::open(disk.directory("points"), RETENTION, monitor.clone());
        keeper.tick(TimeMs(minute * 60_000));
        let account = std::thread::scope(|scope| {
            let reporters = Reporters::start(scope, &monitor, &done, 100 + process);
            for _ in 0..60 {
                // Forward as far as it likes, back no further than is waited out: nothing is taken back.
                let step = [0, 1, 1, 2, 7, 61][random.below(6) as usize];
                minute += step;
                keeper.tick(TimeMs((minute - random.below(2) as i64) * 60_000 + 9));
                keeper.store();
                let_them_report(&monitor);
            }
            reporters.account()
        });
        all = all.and(account);
        keeper.finish(TimeMs(minute * 60_000));
        for resolution in Resolution::ALL {
            let rows = keeper.rows(resolution, 0..i64::MAX / 2, 0..=u32::MAX).unwrap();
            for id in reported() {
                assert_eq!(of_all(&rows, id), all.of(id), "{id}, {resolution:?}, process {process}");
            }
        }
        disk = disk.after_kill();
    }
}

fn of_all(rows: &[PointRow], id: u32) -> i64 {
    rows.iter().filter_map(|row| row.value(id)).reduce(|a, b| kind(id).combine(a, b)).unwrap()
}
