//! A JSON object whose members are what they look like: a name that stands twice is refused, because readers differ in
//! which of the two they take.

use std::{collections::BTreeMap, fmt};

use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use serde_json::Value;

/// Members of an object, by name. Only the outermost are judged: of what lies within nothing is read.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Members(BTreeMap<String, Value>);

impl Members {
    /// Reads an object with nothing behind it.
    pub(super) fn read(bytes: &[u8]) -> Option<Members> {
        serde_json::from_slice(bytes).ok()
    }

    /// A member; `None` when it is not there.
    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// The text of a member; `None` when it is not there or no text.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.get(name).and_then(Value::as_str)
    }
}

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Members, D::Error> {
        deserializer.deserialize_map(Reading)
    }
}

struct Reading;

impl<'de> Visitor<'de> for Reading {
    type Value = Members;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object without a name that stands twice")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
        let mut members = BTreeMap::new();
        while let Some((name, value)) = map.next_entry::<String, Value>()? {
            if members.insert(name, value).is_some() {
                return Err(A::Error::custom("a name stands twice"));
            }
        }
        Ok(Members(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_stands_twice_is_refused_however_it_is_written() {
        for (text, readable) in [
            (r#"{"sub":"ann","exp":1}"#, true),
            (r#"{}"#, true),
            (r#"{"sub":"ann","sub":"bob"}"#, false),
            (r#"{"sub":"ann","s\u0075b":"bob"}"#, false),
            (r#"{"sub":"ann","exp":1,"sub":"ann"}"#, false),
            (r#"{"sub":"ann"} "#, true),
            (r#"{"sub":"ann"}{"sub":"bob"}"#, false),
            (r#"["sub"]"#, false),
            (r#"{"sub":"ann""#, false),
            ("{\"sub\":\"\u{0}\"}", false),
            ("", false),
        ] {
            assert_eq!(Members::read(text.as_bytes()).is_some(), readable, "{text}");
        }
        assert!(Members::read(b"{\"sub\":\"\xff\"}").is_none(), "not UTF-8");
        assert!(Members::read("[".repeat(10_000).as_bytes()).is_none(), "as deep as it likes");
    }
}
