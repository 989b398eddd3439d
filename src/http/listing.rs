//! Lists for operators: all of it, one JSON document in a line.

use actix_web::HttpResponse;
use serde::Deserialize;
use serde_json::Value;

use super::openapi::LINES;

/// The body of a request for a list: it says nothing.
#[derive(Deserialize)]
pub(super) struct List {}

/// Entries of a page that names no number, and the most that one may name. Source: a page of the most has some 150 KB.
const PAGE: usize = 100;
pub(super) const PAGE_MAX: usize = 500;

/// How many entries a page has; nothing where so many are asked for that it has to be refused, or none.
pub(super) fn limit(wanted: Option<usize>) -> Option<usize> {
    Some(wanted.unwrap_or(PAGE)).filter(|limit| (1..=PAGE_MAX).contains(limit))
}

/// The answer with these lines.
pub(super) fn lines(documents: impl IntoIterator<Item = Value>) -> HttpResponse {
    as_lines(documents.into_iter().map(|document| format!("{document}\n")).collect())
}

/// The answer with what is written as lines already.
pub(super) fn as_lines(text: String) -> HttpResponse {
    HttpResponse::Ok().content_type(LINES).body(text)
}
