//! Content as the columns of a row: text, schema and document. A custom message has its fallback as text.

use crate::message::Content;
use highwater_wire::proto::{Custom, entry};

/// The columns of a content.
pub(super) fn columns(content: &Content) -> (&str, Option<&str>, Option<&str>) {
    match content {
        Content::Text(text) => (text, None, None),
        Content::Custom(custom) => (&custom.fallback, Some(&custom.schema), Some(&custom.json)),
    }
}

/// The content of columns.
pub(super) fn of_columns(text: String, schema: Option<String>, json: Option<String>) -> Content {
    match schema {
        None => Content::Text(text),
        Some(schema) => Content::Custom(Custom { schema, json: json.unwrap_or_default(), fallback: text }),
    }
}

/// The same for an entry, whose content may be one that this version does not know.
pub(super) fn of_entry(content: &Option<entry::Content>) -> Option<Content> {
    content.as_ref().map(|content| match content {
        entry::Content::Text(text) => Content::Text(text.clone()),
        entry::Content::Custom(custom) => Content::Custom(custom.clone()),
    })
}

/// And back.
pub(super) fn to_entry(content: Content) -> entry::Content {
    match content {
        Content::Text(text) => entry::Content::Text(text),
        Content::Custom(custom) => entry::Content::Custom(custom),
    }
}
