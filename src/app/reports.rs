//! Reports put together: the notes, who writes them, and the thread that does.

use std::{sync::Arc, time::Duration};

use super::{ServeOptions, StartFault};
use crate::{
    actors::{
        mailer::Mailer,
        point_keeper::PointKeeper,
        reporter::{Reporter, ReporterParts, Reporting, note_unwanted},
    },
    config::Config,
    model::Clock,
    store::{files::Files, files_disk::DiskFiles},
};

/// Writes reports until it is dropped, if any are wanted and there is a store. `clock` is that of the minute points, looked at `every` so often.
pub(super) fn start(
    config: &Config,
    options: &ServeOptions,
    mailer: Option<Arc<Mailer>>,
    (points, clock): (&Arc<PointKeeper>, &Clock),
    every: Duration,
) -> Result<Option<Reporting>, StartFault> {
    let (directory, wanted) =
        (config.server.data.join("reports"), [config.reports.daily, config.reports.weekly]);
    let is_wanted = wanted.contains(&true);
    if options.null_store || !(is_wanted || directory.exists()) {
        return Ok(None);
    }
    let files: Arc<dyn Files> = Arc::new(DiskFiles::open(directory).map_err(StartFault::Reports)?);
    let Some(mailer) = mailer.filter(|_| is_wanted) else {
        if let Err(fault) = note_unwanted(&*files) {
            let error = &fault as &dyn std::error::Error;
            tracing::warn!(error, "it cannot be noted that no reports are wanted");
        }
        return Ok(None);
    };
    let parts = ReporterParts {
        points: Arc::clone(points),
        mailer,
        files,
        wanted,
        hour: config.reports.hour,
        clock: clock.clone(),
    };
    Ok(Some(Reporter::open(parts).start(every)?))
}
