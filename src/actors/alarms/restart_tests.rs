//! Processes that follow each other: what one counted is what the next compares with, and what fired goes on.

#![allow(clippy::unwrap_used)]

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use super::StandingAlarms;
use crate::{
    actors::point_keeper::PointKeeper,
    model::{Clock, TimeMs},
    monitor::{
        Monitor,
        alarms::{Rule, SHIPPED},
        ids,
        minutes::DAY_MINUTES,
    },
    store::{files_faulty::FaultyDisk, points::PointRetention},
};

const RETENTION: PointRetention = PointRetention { minute_days: 8, five_minute_days: 40, hour_days: 730 };
const START: i64 = 28_333_333;

struct Process {
    disk: FaultyDisk,
    now_ms: Arc<AtomicI64>,
    monitor: Monitor,
    points: PointKeeper,
    alarms: StandingAlarms,
}

impl Process {
    /// A process that starts in a minute, with these of the shipped rules.
    fn on(disk: FaultyDisk, minute: i64, names: &[&str]) -> Process {
        let (monitor, now_ms) = (Monitor::new(), Arc::new(AtomicI64::new(0)));
        let shown = Arc::clone(&now_ms);
        let clock = Clock::new(move || shown.load(Ordering::SeqCst), || 0);
        let points = PointKeeper::open(disk.directory("points"), RETENTION, monitor.clone());
        let rules: Vec<Rule> = SHIPPED.iter().filter(|rule| names.contains(&rule.name)).copied().collect();
        assert_eq!(rules.len(), names.len());
        let alarms = StandingAlarms::new(rules, Vec::new(), clock, monitor.clone());
        alarms.take_up(&points);
        let process = Process { disk, now_ms, monitor, points, alarms };
        process.until(minute);
        process
    }

    fn until(&self, minute: i64) {
        let now = TimeMs((START + minute) * 60_000);
        self.now_ms.store(now.0, Ordering::SeqCst);
        self.points.tick(now);
        self.alarms.judge();
    }

    /// Counts so many messages and a usual number of connections, and goes on to a minute.
    fn messages(&self, count: u64, minute: i64) {
        self.monitor.add(ids::MESSAGES_STORED, count);
        self.monitor.add(ids::CONNECTIONS_OPENED, 100);
        self.until(minute);
    }

    fn killed(self) -> FaultyDisk {
        self.points.store();
        self.disk.after_kill()
    }

    /// How the alarm stands: its state, and since which minute it fires.
    fn alarm(&self, name: &str) -> (String, Option<i64>) {
        let listing: serde_json::Value = serde_json::from_str(&self.alarms.listing()).unwrap();
        let alarms = listing["alarms"].as_array().unwrap();
        let alarm = alarms.iter().find(|alarm| alarm["alarm"] == name).unwrap();
        let begun = alarm["begun_ms"].as_i64().map(|begun| begun / 60_000 - START);
        (alarm["state"].as_str().unwrap().to_owned(), begun)
    }
}

#[test]
fn a_week_that_other_processes_counted_is_compared_with() {
    const FELL: &str = "messages_fell";
    // Of another id, and of yesterday.
    const ROSE: &str = "connections_rose";
    let mut process = Process::on(FaultyDisk::new(), 0, &[FELL, ROSE]);
    for minute in 1..=7 * DAY_MINUTES {
        process.messages(100, minute);
        // Every day another process, so that none has the week in its memory.
        if minute % DAY_MINUTES == 700 {
            process = Process::on(process.killed(), minute, &[FELL, ROSE]);
        }
    }
    assert_eq!(
        process.alarm(FELL).0,
        "not_evaluable",
        "the first minutes of a week ago lack one half of those around"
    );
    for minute in 1..=30 {
        process.messages(100, 7 * DAY_MINUTES + minute);
    }
    assert_eq!(process.alarm(FELL), ("quiet".to_owned(), None));
    let next = 7 * DAY_MINUTES + 30;
    let process = Process::on(process.killed(), next, &[FELL, ROSE]);
    for alarm in [FELL, ROSE] {
        assert_eq!(process.alarm(alarm), ("quiet".to_owned(), None), "a restart knows as much: {alarm}");
    }
    for minute in 1..=10 {
        process.messages(60, next + minute);
    }
    // The minute in which the process before was killed has less, and counts too.
    let (state, begun) = process.alarm(FELL);
    assert_eq!(state, "firing");
    assert!((5..=6).contains(&(begun.unwrap() - next)), "{begun:?}");
}

#[test]
fn what_fires_goes_on_over_a_restart_and_ends_after_it() {
    const LOST: &str = "lost_future_seen";
    let process = Process::on(FaultyDisk::new(), 0, &[LOST]);
    process.until(5);
    process.monitor.add(ids::LINEAGES_LOST_FUTURE, 1);
    process.until(6);
    assert_eq!(process.alarm(LOST), ("firing".to_owned(), Some(6)));
    let process = Process::on(process.killed(), 9, &[LOST]);
    assert_eq!(process.alarm(LOST), ("firing".to_owned(), Some(6)), "as the process before had it");
    assert_eq!(process.monitor.value(ids::ALARMS_CRITICAL), 1);
    process.until(10);
    assert_eq!(process.alarm(LOST), ("quiet".to_owned(), None));
    assert_eq!(process.monitor.value(ids::ALARMS_CRITICAL), 0);
    let listing: serde_json::Value = serde_json::from_str(&process.alarms.listing()).unwrap();
    assert_eq!(listing["ended"][0]["begun_ms"], (START + 6) * 60_000, "{listing}");
}
