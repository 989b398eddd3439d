//! Development mode answers this machine only: whoever comes through a proxy is somebody else.

use actix_http::header::{HeaderMap, HeaderName};
use actix_web::{
    Error, HttpResponse,
    body::{EitherBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    middleware::Next,
    web,
};

/// What is told to whoever comes through a proxy.
pub const REFUSAL: &str =
    "the server runs with --dev and answers this machine only: it does not serve through a proxy";

/// Headers by which proxies say that they are there.
const FORWARDING: [HeaderName; 6] = [
    HeaderName::from_static("forwarded"),
    HeaderName::from_static("x-forwarded-for"),
    HeaderName::from_static("x-forwarded-host"),
    HeaderName::from_static("x-forwarded-proto"),
    HeaderName::from_static("x-real-ip"),
    HeaderName::from_static("via"),
];

/// Whether the server runs in development mode: application data of the client port.
#[derive(Debug, Clone, Copy)]
pub struct Development(pub bool);

/// Whether a request came through a proxy that says so.
#[must_use]
pub fn is_forwarded(headers: &HeaderMap) -> bool {
    FORWARDING.iter().any(|name| headers.contains_key(name))
}

/// Middleware: refuses forwarded requests in development mode.
///
/// # Errors
/// What the service behind it met.
pub async fn refuse_forwarded<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    let development = request.app_data::<web::Data<Development>>().is_some_and(|mode| mode.0);
    if development && is_forwarded(request.headers()) {
        let refusal = HttpResponse::Forbidden().content_type("text/plain").body(REFUSAL);
        return Ok(request.into_response(refusal).map_into_right_body());
    }
    Ok(next.call(request).await?.map_into_left_body())
}
