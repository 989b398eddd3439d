//! What the server counts, without a token: the first page, the curves below it, and the counters for Prometheus.

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use highwater_wire::Refusal;
use serde::Deserialize;

use super::{
    operator::{Operator, read_query, refused_since},
    operator_pages,
};
use crate::monitor::{Format, Window, curves};

#[derive(Deserialize)]
struct PageQuery {
    window: Option<String>,
}

/// `GET /`: the operator's pages; the curves in a binary that has none.
pub(super) async fn first_page(operator: web::Data<Operator>, http: HttpRequest) -> HttpResponse {
    operator_pages::first().unwrap_or_else(|| curves_below(&operator, &http, operator_pages::MISSING_HTML))
}

/// `GET /curves`: curves without a script and without a token, which work when nothing else does.
pub(super) async fn page(operator: web::Data<Operator>, http: HttpRequest) -> HttpResponse {
    curves_below(&operator, &http, "")
}

fn curves_below(operator: &Operator, http: &HttpRequest, note: &str) -> HttpResponse {
    let query: PageQuery = match read_query(http) {
        Ok(query) => query,
        Err(why) => return refused_since(Refusal::InvalidField, why),
    };
    let window = query.window.as_deref().and_then(Window::from_name).unwrap_or(Window::Hour);
    let html = {
        let above = format!("{note}{}", operator.alarms.firing_html());
        operator.services.monitor.curves_page("Highwater", &above, window, operator.minute_clock.now())
    };
    super::headers::of_page(&mut HttpResponse::Ok())
        .content_type("text/html; charset=utf-8")
        .insert_header(("content-security-policy", curves::content_security_policy()))
        .body(html)
}

/// `GET /metrics`.
pub(super) async fn metrics(operator: web::Data<Operator>, http: HttpRequest) -> HttpResponse {
    let accept = http.headers().get(header::ACCEPT).and_then(|value| value.to_str().ok());
    let format = Format::from_accept(accept);
    operator.services.look();
    HttpResponse::Ok().content_type(format.content_type()).body(operator.services.monitor.metrics(format))
}
