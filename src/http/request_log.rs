//! Every line that is logged for an HTTP request has the request's id; and a line per request for who wants it.
//!
//! A path can hold what anybody types, so what is logged is the route that it was found to be, and never a query.

use actix_web::{
    Error,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    middleware::Next,
    web,
};
use tracing::Instrument;

use super::request_id::{self, RequestIds};
use crate::model::Clock;

/// The target of the lines that say of each request how it was answered: `[log] requests`.
pub const TARGET: &str = "requests";

/// What stands for the route of a path that is none.
const NO_ROUTE: &str = "none";

/// Application data of each port: what names its requests and takes their time.
pub struct RequestLog {
    /// Names requests.
    pub ids: RequestIds,
    /// Takes their time.
    pub clock: Clock,
}

/// Middleware: names a request, for the log and, where somebody may ask, for its sender.
///
/// The id goes back to who brought it and with every answer that is a refusal or a fault. Other answers are spared its
/// bytes: short connections pay for them on every request.
///
/// # Errors
/// What the service behind it met.
pub async fn name<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    let Some(log) = request.app_data::<web::Data<RequestLog>>().cloned() else {
        return next.call(request).await;
    };
    let started_us = log.clock.monotonic_us();
    let id = log.ids.of(request.headers());
    // As severe as any event, so that no level of the log keeps the id from a line that it lets through.
    let span = tracing::error_span!("request", request_id = %id);
    let mut answer = next.call(request).instrument(span.clone()).await?;
    let status = answer.status();
    if id.is_given || status.is_client_error() || status.is_server_error() {
        answer.headers_mut().insert(request_id::HEADER, id.header_value());
    }
    let took_us = log.clock.monotonic_us().saturating_sub(started_us);
    span.in_scope(|| {
        let asked = answer.request();
        let route = asked.match_pattern();
        tracing::info!(
            target: TARGET,
            method = asked.method().as_str(),
            route = route.as_deref().unwrap_or(NO_ROUTE),
            status = status.as_u16(),
            took_us,
            "answered"
        );
    });
    Ok(answer)
}
