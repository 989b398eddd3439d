//! Counting by minutes: the task that ends minutes and has them judged, the one that stores their points, and those
//! that look at the disk and the index.

use std::{path::PathBuf, sync::Arc, time::Duration};

use actix_web::{
    rt::{self, task::JoinHandle, time::interval},
    web,
};

use super::{
    ServeOptions,
    store::{disk_bytes, files_of},
    survey::survey,
};
use crate::{
    actors::{alarms::StandingAlarms, host_ids::HostIds, point_keeper::PointKeeper, user::UserServices},
    config::Config,
    model::Clock,
    monitor::{Monitor, ids},
    store::{files::Files, files_null::NullFiles, points::PointRetention},
};

/// How often the clock is looked at.
const TICK: Duration = Duration::from_secs(1);

/// A minute that is shorter is still looked at so many times.
const TICKS_PER_MINUTE_LEAST: u32 = 5;

/// How often the clock is looked at. `minute_ms` are the minutes, if not 60,000.
pub(super) fn tick(minute_ms: Option<u32>) -> Duration {
    let part = minute_ms.map(|ms| Duration::from_millis(u64::from(ms)) / TICKS_PER_MINUTE_LEAST);
    part.map_or(TICK, |part| part.min(TICK))
}

/// The counters of this process.
pub(super) fn monitor(options: &ServeOptions) -> Monitor {
    if options.no_counting { Monitor::switched_off() } else { Monitor::new() }
}

/// The ids of host programs and the points of the data directory; none are kept where their directory cannot be opened.
pub(super) fn open(config: &Config, options: &ServeOptions, monitor: &Monitor) -> (HostIds, PointKeeper) {
    let retention = PointRetention {
        minute_days: config.monitor.minute_days,
        five_minute_days: config.monitor.five_minute_days,
        hour_days: config.monitor.hour_days,
    };
    let files = files(config, options);
    // Before the points, which have values of them.
    let host_ids = HostIds::open(Arc::clone(&files), monitor.clone());
    (host_ids, PointKeeper::open(files, retention, monitor.clone()))
}

fn files(config: &Config, options: &ServeOptions) -> Arc<dyn Files> {
    files_of(options, &config.server.data, "points").unwrap_or_else(|fault| {
        let error = &fault as &dyn std::error::Error;
        tracing::warn!(error, "points of the monitor are not stored: their directory cannot be opened");
        Arc::new(NullFiles::default())
    })
}

/// What counting by minutes needs.
pub(super) struct CountingParts {
    /// Stored points.
    pub(super) points: Arc<PointKeeper>,
    /// What is judged when a minute ends.
    pub(super) alarms: Arc<StandingAlarms>,
    /// The clock of both.
    pub(super) clock: Clock,
    /// The data directory, whose disk is watched.
    pub(super) directory: PathBuf,
    /// Persistence and groups, which are looked at.
    pub(super) services: Arc<UserServices>,
    /// How often the clock is looked at.
    pub(super) tick: Duration,
}

/// The tasks that run as long as the server.
pub(super) struct Counting {
    points: Arc<PointKeeper>,
    clock: Clock,
    tasks: [JoinHandle<()>; 4],
}

impl Counting {
    /// Starts them. What asks a disk has a thread for that: one that is slow, or hangs, delays no minute and no alarm.
    pub(super) fn start(parts: CountingParts) -> Counting {
        let CountingParts { points, alarms, clock, directory, services, tick } = parts;
        let monitor = points.monitor().clone();
        let tasks = [
            rt::spawn(survey(Arc::clone(&services), tick)),
            rt::spawn(end_minutes(Arc::clone(&points), alarms, services, clock.clone(), tick)),
            rt::spawn(store(Arc::clone(&points), tick)),
            rt::spawn(watch_disk(monitor, directory, tick)),
        ];
        Counting { points, clock, tasks }
    }

    /// Ends them, and stores what was counted of the open minute.
    pub(super) async fn stop(self) {
        self.tasks.iter().for_each(JoinHandle::abort);
        let (points, now) = (self.points, self.clock.now());
        // Should the thread be gone, the open minute is lost, and nothing else.
        let _ = web::block(move || points.finish(now)).await;
    }
}

/// Tells the points the time, and has each minute judged when it ends.
async fn end_minutes(
    points: Arc<PointKeeper>,
    alarms: Arc<StandingAlarms>,
    services: Arc<UserServices>,
    clock: Clock,
    tick: Duration,
) {
    let mut interval = interval(tick);
    loop {
        interval.tick().await;
        services.look();
        points.tick(clock.now());
        alarms.judge();
    }
}

async fn store(points: Arc<PointKeeper>, tick: Duration) {
    let mut interval = interval(tick);
    loop {
        interval.tick().await;
        let points = Arc::clone(&points);
        // A panic in there was logged; the next minute is tried again.
        let _ = web::block(move || points.store()).await;
    }
}

async fn watch_disk(monitor: Monitor, directory: PathBuf, tick: Duration) {
    let mut interval = interval(tick);
    loop {
        interval.tick().await;
        let directory = directory.clone();
        if let Ok(Some((free, size))) = web::block(move || disk_bytes(&directory)).await {
            monitor.set(ids::DISK_FREE, free);
            monitor.set(ids::DISK_SIZE, size);
        }
    }
}
