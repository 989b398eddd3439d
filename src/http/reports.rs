//! Reports on the operator's port: of any day or week, also of one that runs.

use actix_web::{HttpRequest, HttpResponse, web};
use base64::{Engine, engine::general_purpose::STANDARD};
use highwater_wire::Refusal;
use serde::Deserialize;

use super::{
    headers,
    operator::{Operator, read_query, refused, refused_since},
};
use crate::{
    actors::reports::Compiled,
    model::{
        TimeMs,
        reports::{Period, PeriodKind},
    },
    monitor::{minutes::Minute, reports::html},
};

/// A page with its own styles and pictures, which loads nothing.
const PAGE_POLICY: &str = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; \
     form-action 'none'; frame-ancestors 'none'";

/// What is asked for: a day or a week, not both.
#[derive(Deserialize)]
pub(super) struct Query {
    /// Such as `2026-11-21`.
    day: Option<String>,
    /// Such as `2026-W47`.
    week: Option<String>,
    /// `json`, which is what comes without it, or `html`.
    format: Option<String>,
}

/// `GET /v1/reports`.
pub(super) async fn answer(operator: web::Data<Operator>, http: HttpRequest) -> HttpResponse {
    if let Err(refusal) = operator.authorise(&http) {
        return refused(refusal);
    }
    let query: Query = match read_query(&http) {
        Ok(query) => query,
        Err(why) => return refused_since(Refusal::InvalidField, why),
    };
    let now = operator.minute_clock.now();
    let Some((period, is_page)) = read(&query, now) else {
        let what = "a report is of one day or of one week that has begun (day=2026-11-21, week=2026-W47, UTC), as json or html";
        return refused_since(Refusal::InvalidField, what);
    };
    let points = operator.points.clone();
    let made = web::block(move || {
        Compiled::read(&points, period, now)
            .map(|compiled| if is_page { page(&compiled) } else { compiled.report().json() })
    });
    match made.await {
        Ok(Ok(text)) if is_page => headers::of_page(&mut HttpResponse::Ok())
            .content_type("text/html; charset=utf-8")
            .insert_header(("content-security-policy", PAGE_POLICY))
            .body(text),
        Ok(Ok(json)) => HttpResponse::Ok().content_type("application/json").body(json),
        Ok(Err(fault)) => {
            let error = &fault as &dyn std::error::Error;
            tracing::warn!(error, "the points of a report could not be read");
            refused(Refusal::Internal)
        }
        // A panic in there was logged.
        Err(_) => refused(Refusal::Internal),
    }
}

fn page(compiled: &Compiled) -> String {
    let pictures = compiled.pictures();
    html(&compiled.report(), "", &pictures, |_, picture| {
        format!("data:image/png;base64,{}", STANDARD.encode(&picture.png))
    })
}

/// The period and whether a page is asked for; nothing if that is not in order, or has not begun.
fn read(query: &Query, now: TimeMs) -> Option<(Period, bool)> {
    let period = match (&query.day, &query.week) {
        (Some(day), None) => Period::parse(PeriodKind::Day, day)?,
        (None, Some(week)) => Period::parse(PeriodKind::Week, week)?,
        _ => return None,
    };
    let is_page = match query.format.as_deref() {
        None | Some("json") => false,
        Some("html") => true,
        Some(_) => return None,
    };
    let first = period.minutes().start;
    (first >= 0 && first <= Minute::of(now).0).then_some((period, is_page))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(day: Option<&str>, week: Option<&str>, format: Option<&str>) -> Option<(String, bool)> {
        let text = |text: Option<&str>| text.map(str::to_owned);
        let query = Query { day: text(day), week: text(week), format: text(format) };
        // 2026-11-21 00:00 UTC
        let now = TimeMs(20_778 * 86_400_000);
        read(&query, now).map(|(period, is_page)| (period.to_string(), is_page))
    }

    #[test]
    fn a_day_or_a_week_that_has_begun_is_asked_for() {
        let named = |name: &str, is_page| Some((name.to_owned(), is_page));
        assert_eq!(asked(Some("2026-11-21"), None, None), named("2026-11-21", false));
        assert_eq!(asked(None, Some("2026-W47"), Some("html")), named("2026-W47", true));
        for (day, week, format) in [
            (None, None, None),
            (Some("2026-11-21"), Some("2026-W47"), None),
            (Some("2026-11-22"), None, None),
            (None, Some("2026-W48"), None),
            (Some("1969-12-31"), None, None),
            (Some("yesterday"), None, None),
            (Some("2026-11-21"), None, Some("pdf")),
        ] {
            assert_eq!(asked(day, week, format), None, "{day:?} {week:?} {format:?}");
        }
    }
}
