//! Counting by minutes: the task that tells the monitor the time, and the one that stores its points.

use std::{sync::Arc, time::Duration};

use actix_web::rt::{self, task::JoinHandle, time::interval};

use super::ServeOptions;
use crate::{
    actors::{host_ids::HostIds, point_keeper::PointKeeper},
    config::Config,
    model::Clock,
    monitor::Monitor,
    store::{files::Files, files_disk::DiskFiles, files_null::NullFiles, points::PointRetention},
};

/// How often the minute points look at the clock.
const TICK: Duration = Duration::from_secs(1);

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
    if options.null_store {
        return Arc::new(NullFiles::default());
    }
    match DiskFiles::open(config.server.data.join("points")) {
        Ok(files) => Arc::new(files),
        Err(fault) => {
            let error = &fault as &dyn std::error::Error;
            tracing::warn!(error, "points of the monitor are not stored: their directory cannot be opened");
            Arc::new(NullFiles::default())
        }
    }
}

/// The tasks that run as long as the server.
pub(super) struct Counting {
    points: Arc<PointKeeper>,
    clock: Clock,
    ticking: JoinHandle<()>,
    storing: JoinHandle<()>,
}

impl Counting {
    /// Starts them. Storing blocks, so it has a thread for that; a slow disk delays no tick.
    pub(super) fn start(points: Arc<PointKeeper>, clock: Clock) -> Counting {
        let ticking = rt::spawn(tick(Arc::clone(&points), clock.clone()));
        let storing = rt::spawn(store(Arc::clone(&points)));
        Counting { points, clock, ticking, storing }
    }

    /// Ends them, and stores what was counted of the open minute.
    pub(super) async fn stop(self) {
        self.ticking.abort();
        self.storing.abort();
        let (points, now) = (self.points, self.clock.now());
        // Should the thread be gone, the open minute is lost, and nothing else.
        let _ = actix_web::web::block(move || points.finish(now)).await;
    }
}

async fn tick(points: Arc<PointKeeper>, clock: Clock) {
    let mut interval = interval(TICK);
    loop {
        interval.tick().await;
        points.tick(clock.now());
    }
}

async fn store(points: Arc<PointKeeper>) {
    let mut interval = interval(TICK);
    loop {
        interval.tick().await;
        let points = Arc::clone(&points);
        // A panic in there was logged; the next minute is tried again.
        let _ = actix_web::web::block(move || points.store()).await;
    }
}
