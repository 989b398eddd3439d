//! The operator's pages: the bundle of `web/operator`, embedded in the binary if it was built before it.
//!
//! A server without it shows the curves of `/curves` at `/`, and says how the pages get there.

use std::borrow::Cow;

use actix_web::{HttpResponse, http::header, web};
use highwater_wire::Refusal;

use super::{headers, operator::refused};

/// What `npm run build` makes.
#[derive(rust_embed::Embed)]
#[folder = "web/operator/dist"]
#[allow_missing = true]
struct Bundle;

/// Names below it have a hash of their content in them.
const HASHED: &str = "assets/";

/// Source: RFC 9111; a year is what caches keep at most, and a name never gets other content.
const CACHED_FOR_GOOD: &str = "public, max-age=31536000, immutable";

/// Shown above the curves where the pages are not part of the binary.
pub(super) const MISSING_HTML: &str = "<p class=\"note\">The operator's pages are not part of this binary: it was \
     compiled before they were built. <code>make build</code> builds both, where npm is installed.</p>\n";

/// The first page, which loads the rest; nothing if the bundle was not built.
pub(super) fn first() -> Option<HttpResponse> {
    shown("index.html")
}

/// `GET /assets/NAME`.
pub(super) async fn asset(name: web::Path<String>) -> HttpResponse {
    shown(&format!("{HASHED}{name}")).unwrap_or_else(|| refused(Refusal::NotFound))
}

fn shown(name: &str) -> Option<HttpResponse> {
    let content = Bundle::get(name)?.data;
    Some(answer(name, content))
}

fn answer(name: &str, content: Cow<'static, [u8]>) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    headers::of_page(&mut response).content_type(content_type(name));
    if name.starts_with(HASHED) {
        response.insert_header((header::CACHE_CONTROL, CACHED_FOR_GOOD));
    }
    response.body(content.into_owned())
}

/// Of what a bundle has; another type would be shown as nothing.
fn content_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, end)| end) {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests;
