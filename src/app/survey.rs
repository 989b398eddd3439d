//! The task that looks how much of the index is live.

use std::{sync::Arc, time::Duration};

use actix_web::rt::time::interval;
use highwater_wire::Refusal;

use crate::{
    actors::user::UserServices,
    monitor::{Monitor, ids},
    store::index_survey::IndexSurvey,
};

/// Rows at a time. Source: about a millisecond of one reader, of a thousand; a lap through ten million rows takes three
/// hours, which is often enough for what grows over days.
const ROWS: usize = 1_000;

/// Ticks of rest after a lap, and after a fault, which was logged. Source: points are of minutes, so what is looked at more
/// often is not seen.
const REST_TICKS: u32 = 60;

/// A survey that has gone on, and the bytes that the index takes on the disk.
type Found = (IndexSurvey, u64);

/// Goes through the index, lap after lap, and rests in between. Where readers have more to do than they can, it waits.
pub(super) async fn survey(services: Arc<UserServices>, tick: Duration) {
    let mut interval = interval(tick);
    let readers = &services.readers;
    let step = async |so_far: IndexSurvey| {
        readers.ask(move |view| Ok((view.survey(so_far, ROWS)?, view.index_disk_bytes()))).await
    };
    let tick = async || {
        interval.tick().await;
    };
    laps(&services.monitor, step, tick).await;
}

async fn laps(
    monitor: &Monitor,
    step: impl AsyncFn(IndexSurvey) -> Result<Found, Refusal>,
    mut tick: impl AsyncFnMut(),
) -> ! {
    let mut survey = IndexSurvey::default();
    loop {
        tick().await;
        let found = step(survey.clone()).await;
        let rest = rest_ticks(&found);
        if let Ok((next, disk_bytes)) = found {
            monitor.set(ids::INDEX_DISK_BYTES, disk_bytes);
            monitor.set(ids::INDEX_LIVE_BYTES, next.live_bytes().unwrap_or(0));
            survey = next;
        }
        for _ in 0..rest {
            tick().await;
        }
    }
}

/// Ticks that pass after a step before the next tick that has one.
fn rest_ticks(found: &Result<Found, Refusal>) -> u32 {
    match found {
        Ok((survey, _)) if !survey.is_at_the_beginning() => 0,
        // Nothing was read.
        Err(Refusal::Busy) => 0,
        Ok(_) | Err(_) => REST_TICKS,
    }
}

#[cfg(test)]
mod tests;
