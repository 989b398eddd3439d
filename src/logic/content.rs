//! What a message may say: judged by its form where it comes in, and by its lengths once more inside the commit.

use std::sync::Arc;

use bytes::Bytes;
use highwater_wire::{Refusal, proto};

use crate::model::{
    Content, Custom,
    limits::{CUSTOM_BYTES_MAX, CUSTOM_JSON_BYTES_MAX, SCHEMA_BYTES_MAX, TEXT_BYTES_MAX},
};

const _: () = assert!(CUSTOM_BYTES_MAX == highwater_wire::CUSTOM_BYTES_MAX);

/// The content of a send, in the model's terms.
///
/// # Errors
/// What can be refused by its form alone; whether a document is JSON is looked at here and nowhere else.
pub fn of_send(text: String, custom: Option<proto::Custom>) -> Result<Content, Refusal> {
    let content = match custom {
        None => Content::Text(Bytes::from(text.into_bytes())),
        Some(_) if !text.is_empty() => return Err(Refusal::InvalidField),
        Some(custom) => of_custom(custom)?,
    };
    check(&content)?;
    Ok(content)
}

fn of_custom(custom: proto::Custom) -> Result<Content, Refusal> {
    // Before it is read: what is too long costs nothing.
    if custom.json.len() > CUSTOM_JSON_BYTES_MAX {
        return Err(Refusal::CustomTooLong);
    }
    if !is_schema(&custom.schema) || !is_json(&custom.json) {
        return Err(Refusal::InvalidCustom);
    }
    Ok(Content::Custom(Arc::new(Custom {
        schema: Bytes::from(custom.schema.into_bytes()),
        json: Bytes::from(custom.json.into_bytes()),
        fallback: Bytes::from(custom.fallback.into_bytes()),
    })))
}

/// Names are for programs: they are compared byte by byte and may stand in a log or a path.
fn is_schema(name: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-/".contains(&byte);
    (1..=SCHEMA_BYTES_MAX).contains(&name.len()) && name.bytes().all(is_allowed)
}

/// Read as any client may read it: what nests deeper than 127 levels, or holds half a surrogate pair or a number that is
/// no double, would be trouble for some. Source: the recursion limit of `serde_json`.
fn is_json(document: &str) -> bool {
    serde_json::from_str::<serde_json::Value>(document).is_ok()
}

/// Whether a content keeps its limits.
///
/// # Errors
/// Which it does not keep.
pub fn check(content: &Content) -> Result<(), Refusal> {
    match content {
        Content::Text(text) if text.is_empty() => Err(Refusal::EmptyMessage),
        Content::Text(text) if text.len() > TEXT_BYTES_MAX => Err(Refusal::TextTooLong),
        Content::Text(_) => Ok(()),
        Content::Custom(custom) if custom.schema.is_empty() => Err(Refusal::InvalidCustom),
        Content::Custom(custom) if custom.fallback.len() > TEXT_BYTES_MAX => Err(Refusal::TextTooLong),
        Content::Custom(custom)
            if custom.json.len() > CUSTOM_JSON_BYTES_MAX || content.bytes() > CUSTOM_BYTES_MAX =>
        {
            Err(Refusal::CustomTooLong)
        }
        Content::Custom(_) => Ok(()),
        Content::Notice(_) | Content::Erased | Content::AccountErased => Err(Refusal::InvalidField),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn custom(schema: &str, json: &str, fallback: &str) -> Option<proto::Custom> {
        let (schema, json, fallback) = (schema.to_owned(), json.to_owned(), fallback.to_owned());
        Some(proto::Custom { schema, json, fallback })
    }

    #[test]
    fn the_form_decides_what_is_refused() {
        let string_of = |bytes: usize| format!("\"{}\"", "x".repeat(bytes - 2));
        let longest = string_of(CUSTOM_JSON_BYTES_MAX);
        let too_long = string_of(CUSTOM_JSON_BYTES_MAX + 1);
        let long_fallback = "f".repeat(TEXT_BYTES_MAX);
        let rest = "f".repeat(CUSTOM_BYTES_MAX - CUSTOM_JSON_BYTES_MAX - 1);
        let over = format!("{rest}f");
        let too_long_fallback = "f".repeat(TEXT_BYTES_MAX + 1);
        let deep = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        let (just_deep, too_deep) = (deep(127), deep(128));
        let name = "n".repeat(SCHEMA_BYTES_MAX);
        let long_name = "n".repeat(SCHEMA_BYTES_MAX + 1);
        for (text, custom, refused) in [
            ("hi", None, None),
            ("", None, Some(Refusal::EmptyMessage)),
            (too_long_fallback.as_str(), None, Some(Refusal::TextTooLong)),
            ("", custom("poll/1", "{}", ""), None),
            ("", custom("a.B-c_9/", " [1.5e3, null] ", "f"), None),
            ("", custom(&name, "0", ""), None),
            ("", custom("s", &longest, &rest), None),
            ("", custom("s", "1", &long_fallback), None),
            ("", custom("s", &just_deep, ""), None),
            ("hi", custom("poll/1", "{}", ""), Some(Refusal::InvalidField)),
            ("", custom("", "{}", "f"), Some(Refusal::InvalidCustom)),
            ("", custom(&long_name, "{}", ""), Some(Refusal::InvalidCustom)),
            ("", custom("two words", "{}", ""), Some(Refusal::InvalidCustom)),
            ("", custom("schl\u{fc}ssel", "{}", ""), Some(Refusal::InvalidCustom)),
            ("", custom("s", "", ""), Some(Refusal::InvalidCustom)),
            ("", custom("s", "{'a':1}", ""), Some(Refusal::InvalidCustom)),
            ("", custom("s", "{} {}", ""), Some(Refusal::InvalidCustom)),
            ("", custom("s", "\"\\ud83d\"", ""), Some(Refusal::InvalidCustom)),
            ("", custom("s", "1e999", ""), Some(Refusal::InvalidCustom)),
            ("", custom("s", &too_deep, ""), Some(Refusal::InvalidCustom)),
            ("", custom("s", &too_long, ""), Some(Refusal::CustomTooLong)),
            ("", custom("s", &longest, &over), Some(Refusal::CustomTooLong)),
            ("", custom("s", "1", &too_long_fallback), Some(Refusal::TextTooLong)),
        ] {
            let shown = format!("{} bytes, {custom:.60?}", text.len());
            assert_eq!(of_send(text.to_owned(), custom).err(), refused, "{shown}");
        }
    }

    #[test]
    fn what_is_kept_is_what_was_sent() {
        let json = "{ \"b\" : 1.0, \"a\":\"\\u0041\" }";
        let kept = of_send(String::new(), custom("s", json, "f"));
        let Ok(Content::Custom(kept)) = kept else { panic!("{kept:?}") };
        assert_eq!(
            (&kept.schema[..], &kept.json[..], &kept.fallback[..]),
            (&b"s"[..], json.as_bytes(), &b"f"[..])
        );
    }
}
