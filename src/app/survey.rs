//! The task that looks how much of the index is live.

use std::{sync::Arc, time::Duration};

use actix_web::rt::time::interval;

use crate::{actors::user::UserServices, monitor::ids, store::index_survey::IndexSurvey};

/// Rows at a time. Source: about a millisecond of one reader, of a thousand; a lap through ten million rows takes three
/// hours, which is often enough for what grows over days.
const ROWS: usize = 1_000;

/// Goes through the index, lap after lap. Where readers have more to do than they can, or the index cannot be read, it waits.
pub(super) async fn survey(services: Arc<UserServices>, tick: Duration) {
    let mut interval = interval(tick);
    let mut survey = IndexSurvey::default();
    loop {
        interval.tick().await;
        let so_far = survey.clone();
        let step =
            services.readers.ask(move |view| Ok((view.survey(so_far, ROWS)?, view.index_disk_bytes())));
        let Ok((next, disk_bytes)) = step.await else {
            continue;
        };
        services.monitor.set(ids::INDEX_DISK_BYTES, disk_bytes);
        services.monitor.set(ids::INDEX_LIVE_BYTES, next.live_bytes().unwrap_or(0));
        survey = next;
    }
}
