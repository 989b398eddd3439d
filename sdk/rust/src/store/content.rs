//! Content as the columns of a row: text, schema, document, notice. A custom message has its fallback as text; a notice,
//! which no client sends, is kept as the wire has it. What was erased has an empty schema, which no custom message has.

use crate::message::Content;
use highwater_wire::Encoding;
use highwater_wire::proto::{Custom, Erased, Notice, entry};

/// Schema of what was erased.
pub(super) const ERASED: &str = "";

/// Document of the entry that says that the account of its sender was erased.
pub(super) const OF_ACCOUNT: &str = "account";

/// The columns of a content that is sent.
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

/// The columns of an entry; all are empty when its content is one that this version does not know.
#[derive(Default)]
pub(super) struct EntryColumns<'a> {
    pub(super) text: Option<&'a str>,
    pub(super) schema: Option<&'a str>,
    pub(super) json: Option<&'a str>,
    pub(super) notice: Option<Vec<u8>>,
}

/// The columns of an entry.
pub(super) fn of_entry(content: &Option<entry::Content>) -> EntryColumns<'_> {
    match content {
        None => EntryColumns::default(),
        Some(entry::Content::Text(text)) => EntryColumns { text: Some(text), ..EntryColumns::default() },
        Some(entry::Content::Custom(Custom { schema, json, fallback })) => EntryColumns {
            text: Some(fallback),
            schema: Some(schema),
            json: Some(json),
            ..EntryColumns::default()
        },
        Some(entry::Content::Erased(Erased { account })) => EntryColumns {
            text: Some(""),
            schema: Some(ERASED),
            json: Some(if *account { OF_ACCOUNT } else { "" }),
            ..EntryColumns::default()
        },
        Some(entry::Content::Notice(notice)) => {
            EntryColumns { notice: Some(Encoding::Binary.encode(notice)), ..EntryColumns::default() }
        }
    }
}

/// The content of an entry by its columns.
pub(super) fn to_entry(
    text: Option<String>,
    schema: Option<String>,
    json: Option<String>,
    notice: Option<Vec<u8>>,
) -> Option<entry::Content> {
    if let Some(bytes) = notice {
        // What this version wrote it can read; what cannot be read is shown as content that is not known.
        return Encoding::Binary.decode::<Notice>(&bytes).ok().map(entry::Content::Notice);
    }
    if schema.as_deref() == Some(ERASED) {
        let account = json.as_deref() == Some(OF_ACCOUNT);
        return Some(entry::Content::Erased(Erased { account }));
    }
    text.map(|text| match of_columns(text, schema, json) {
        Content::Text(text) => entry::Content::Text(text),
        Content::Custom(custom) => entry::Content::Custom(custom),
    })
}
