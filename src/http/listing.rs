//! Lists for operators: all of it, one JSON document in a line.

use actix_web::HttpResponse;
use serde::Deserialize;
use serde_json::Value;

use super::openapi::LINES;

/// The body of a request for a list: it says nothing.
#[derive(Deserialize)]
pub(super) struct List {}

/// The answer with these lines.
pub(super) fn lines(documents: impl IntoIterator<Item = Value>) -> HttpResponse {
    as_lines(documents.into_iter().map(|document| format!("{document}\n")).collect())
}

/// The answer with what is written as lines already.
pub(super) fn as_lines(text: String) -> HttpResponse {
    HttpResponse::Ok().content_type(LINES).body(text)
}
