//! Stored points for programs, on the operator's port: by range, in the finest resolution that is still kept.

use std::ops::RangeInclusive;

use actix_web::{HttpRequest, HttpResponse, web};
use highwater_wire::Refusal;
use serde::Deserialize;

use super::operator::{Operator, read_query, refused, refused_since};
use crate::{
    model::TimeMs,
    monitor::{minutes::Minute, points::Answered},
    store::files::FileFault,
};

/// Stretches of minutes and of five minutes in one answer; of more the next coarser points are told. Source: two days of
/// minutes, ten of five minutes.
const STRETCHES_MAX: i64 = 2_880;

/// Hours in one answer. A longer range is refused as `invalid_field`. Source: three years.
const HOURS_MAX: i64 = 3 * 366 * 24;

const HOUR_MS: i64 = 60 * 60 * 1000;

/// What is asked for.
#[derive(Deserialize)]
struct Query {
    /// An id, or two with a hyphen between; without it all.
    ids: Option<String>,
    /// Without it an hour before `to_ms`.
    from_ms: Option<i64>,
    /// Without it the beginning of the running minute.
    to_ms: Option<i64>,
}

/// `GET /v1/points`.
pub(super) async fn answer(operator: web::Data<Operator>, http: HttpRequest) -> HttpResponse {
    let query: Query = match read_query(&http) {
        Ok(query) => query,
        Err(why) => return refused_since(Refusal::InvalidField, why),
    };
    let now = operator.minute_clock.now();
    let Some((ids, from, to)) = read(&query, now) else {
        return refused(Refusal::InvalidField);
    };
    let now = Minute::of(now).0;
    let (points, monitor) = (operator.points.clone(), operator.services.monitor.clone());
    let read = web::block(move || {
        let resolution = points.retention().resolution(&(from..to), now, STRETCHES_MAX);
        let slots = resolution.slot_of(from)..resolution.slot_of(to - 1) + 1;
        let rows = points.rows(resolution, slots.clone(), ids.clone())?;
        Ok::<_, FileFault>(monitor.points_json(&Answered { resolution, slots, ids, rows: &rows }))
    });
    match read.await {
        Ok(Ok(json)) => return HttpResponse::Ok().content_type("application/json").body(json),
        Ok(Err(fault)) => unread(&fault),
        Err(fault) => unread(&fault),
    }
    refused(Refusal::Internal)
}

fn unread(fault: &(dyn std::error::Error + 'static)) {
    tracing::warn!(error = fault, "points could not be read");
}

/// Ids and minutes; nothing if they are not in order, or too many.
fn read(query: &Query, now: TimeMs) -> Option<(RangeInclusive<u32>, i64, i64)> {
    let ids = match query.ids.as_deref() {
        None => 0..=u32::MAX,
        Some(text) => {
            let (first, last) = text.split_once('-').unwrap_or((text, text));
            first.parse().ok()?..=last.parse().ok()?
        }
    };
    let to_ms = query.to_ms.unwrap_or(Minute::of(now).0.saturating_mul(60_000));
    let from_ms = query.from_ms.unwrap_or(to_ms.saturating_sub(HOUR_MS));
    if ids.is_empty() || from_ms < 0 || from_ms >= to_ms || (to_ms - from_ms) / HOUR_MS > HOURS_MAX {
        return None;
    }
    // A minute that has begun is asked for.
    let end = Minute::of(TimeMs(to_ms - 1)).0 + 1;
    Some((ids, Minute::of(TimeMs(from_ms)).0, end))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn asked(
        ids: Option<&str>,
        from_ms: Option<i64>,
        to_ms: Option<i64>,
    ) -> Option<(RangeInclusive<u32>, i64, i64)> {
        read(&Query { ids: ids.map(str::to_owned), from_ms, to_ms }, TimeMs(7_230_000))
    }

    #[test]
    fn a_question_has_ids_and_a_range_in_order() {
        assert_eq!(asked(None, None, None), Some((0..=u32::MAX, 60, 120)), "the last hour");
        assert_eq!(asked(Some("1010"), Some(0), Some(60_001)), Some((1010..=1010, 0, 2)));
        assert_eq!(asked(Some("3-9"), Some(59_999), Some(60_000)), Some((3..=9, 0, 1)));
        for (ids, from, to) in [
            (Some("9-3"), 0, 1),
            (Some(""), 0, 1),
            (Some("a"), 0, 1),
            (Some("1-2-3"), 0, 1),
            (None, 5, 5),
            (None, -1, 5),
            (None, 0, i64::MAX),
            (None, 0, (HOURS_MAX + 1) * HOUR_MS),
        ] {
            assert_eq!(asked(ids, Some(from), Some(to)), None, "{ids:?} {from} {to}");
        }
        assert!(asked(None, Some(0), Some(HOURS_MAX * HOUR_MS)).is_some());
        assert_eq!(asked(None, Some(i64::MIN), Some(i64::MAX)), None);
        assert_eq!(asked(None, None, Some(i64::MIN)), None);
    }

    #[test]
    fn no_answer_has_more_stretches_than_fit() {
        assert!(HOURS_MAX as usize <= crate::monitor::points::VALUES_PER_ANSWER_MAX);
        assert_eq!(STRETCHES_MAX, 2 * 24 * 60);
    }
}
