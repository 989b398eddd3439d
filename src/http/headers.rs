//! Headers that answers carry: a few that all have, and more for what a browser shows or runs.

use actix_web::{HttpResponseBuilder, middleware::DefaultHeaders};

/// What a page of ours may load: only what this server serves, no inline script.
pub const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
     connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// What every answer carries. Short connections pay for each of these bytes on every request, so there are no more.
#[must_use]
pub fn safe() -> DefaultHeaders {
    DefaultHeaders::new().add(("x-content-type-options", "nosniff")).add(("cache-control", "no-store"))
}

/// Adds what a page and its scripts carry besides; a stricter policy may be put in the place of ours.
pub fn of_page(response: &mut HttpResponseBuilder) -> &mut HttpResponseBuilder {
    response
        .insert_header(("content-security-policy", CONTENT_SECURITY_POLICY))
        .insert_header(("referrer-policy", "no-referrer"))
        .insert_header(("cross-origin-opener-policy", "same-origin"))
}
