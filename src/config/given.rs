//! A value as a source gives it, and as what it can be read.

use std::{fmt, ops::RangeInclusive};

use toml::{Spanned, de::DeValue};

use super::{
    bounds::{KIND_NAME_BYTES, KIND_NUMBERS},
    sections::DocumentKind,
};

/// Names of the server's own kinds.
const OWN_KIND_NAMES: [&str; 4] = ["account", "contacts", "conversations", "messages"];

/// A value as a source gives it.
pub(super) enum Given {
    /// From the environment or a flag: read as the setting's type.
    Text(String),
    String(String),
    Integer(String, u32),
    Truth(bool),
    List(Vec<Given>),
    Table(Vec<(String, Given)>),
    /// No setting is of this type.
    Other(&'static str),
}

impl Given {
    pub(super) fn of(value: &DeValue<'_>) -> Given {
        let inner = |value: &Spanned<DeValue<'_>>| Given::of(value.get_ref());
        match value {
            DeValue::String(text) => Given::String(text.clone().into_owned()),
            DeValue::Integer(number) => Given::Integer(number.as_str().to_owned(), number.radix()),
            DeValue::Boolean(truth) => Given::Truth(*truth),
            DeValue::Array(values) => Given::List(values.iter().map(inner).collect()),
            DeValue::Table(table) => Given::Table(
                table.iter().map(|(key, value)| (key.get_ref().to_string(), inner(value))).collect(),
            ),
            other => Given::Other(other.type_str()),
        }
    }

    pub(super) fn string(&self) -> Result<String, String> {
        match self {
            Given::Text(text) | Given::String(text) => Ok(text.clone()),
            other => Err(format!("must be a string in quotes, not {other}")),
        }
    }

    pub(super) fn number<T: TryFrom<u64>>(&self, range: RangeInclusive<u64>) -> Result<T, String> {
        let number = match self {
            Given::Text(text) => text.parse().ok(),
            Given::Integer(digits, radix) => u64::from_str_radix(digits, *radix).ok(),
            _ => None,
        };
        let fitting =
            number.filter(|number| range.contains(number)).and_then(|number| T::try_from(number).ok());
        fitting.ok_or_else(|| {
            format!("must be a whole number from {} to {}, not {self}", range.start(), range.end())
        })
    }

    pub(super) fn truth(&self) -> Result<bool, String> {
        match self {
            Given::Truth(truth) => Ok(*truth),
            Given::Text(text) if text == "true" => Ok(true),
            Given::Text(text) if text == "false" => Ok(false),
            other => Err(format!("must be true or false, not {other}")),
        }
    }

    /// Strings; in the environment with commas between them.
    pub(super) fn list(&self) -> Result<Vec<String>, String> {
        match self {
            Given::Text(text) if text.is_empty() => Ok(Vec::new()),
            Given::Text(text) => Ok(text.split(',').map(|part| part.trim().to_owned()).collect()),
            Given::List(values) => values.iter().map(Given::string).collect(),
            other => Err(format!("must be a list of strings, not {other}")),
        }
    }

    pub(super) fn one_of<T: Copy>(&self, names: &[(&str, T)]) -> Result<T, String> {
        let found = match self {
            Given::Text(text) | Given::String(text) => names.iter().find(|(name, _)| name == text),
            _ => None,
        };
        let known = || names.iter().map(|(name, _)| quoted(name)).collect::<Vec<_>>().join(" or ");
        found.map(|(_, value)| *value).ok_or_else(|| format!("must be {}, not {self}", known()))
    }

    pub(super) fn kinds(&self) -> Result<Vec<DocumentKind>, String> {
        let Given::List(tables) = self else {
            return Err("can be given only in the file, as [[kinds]] tables".to_owned());
        };
        let mut kinds: Vec<DocumentKind> = Vec::with_capacity(tables.len());
        for table in tables {
            let kind = table.kind()?;
            if kinds.iter().any(|other| other.number == kind.number || other.name == kind.name) {
                return Err(format!(
                    "has the number {} or the name {} twice",
                    kind.number,
                    quoted(&kind.name)
                ));
            }
            kinds.push(kind);
        }
        Ok(kinds)
    }

    fn kind(&self) -> Result<DocumentKind, String> {
        let Given::Table(entries) = self else {
            return Err(format!("must be [[kinds]] tables with number and name, not {self}"));
        };
        if let Some((key, _)) = entries.iter().find(|(key, _)| key != "number" && key != "name") {
            return Err(format!("has the unknown key {key}: a kind has number and name"));
        }
        let entry = |name: &str| entries.iter().find(|(key, _)| key == name).map(|(_, value)| value);
        let (Some(number), Some(name)) = (entry("number"), entry("name")) else {
            return Err("has an entry without number or without name".to_owned());
        };
        let range = u64::from(*KIND_NUMBERS.start())..=u64::from(*KIND_NUMBERS.end());
        let number = number.number(range).map_err(|problem| format!("has a number that {problem}"))?;
        let name = name.string().map_err(|problem| format!("has a name that {problem}"))?;
        let plain = name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        if !plain || !KIND_NAME_BYTES.contains(&name.len()) || OWN_KIND_NAMES.contains(&name.as_str()) {
            return Err(format!(
                "has the name {}: it must be of a-z, 0-9 and _, have {} to {} of them, and not be one of {}",
                quoted(&name),
                KIND_NAME_BYTES.start(),
                KIND_NAME_BYTES.end(),
                OWN_KIND_NAMES.join(", ")
            ));
        }
        Ok(DocumentKind { number, name })
    }
}

/// As it is quoted in a sentence.
impl fmt::Display for Given {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Given::Text(text) | Given::String(text) => f.write_str(&quoted(text)),
            Given::Integer(digits, _) => f.write_str(digits),
            Given::Truth(truth) => write!(f, "{truth}"),
            Given::List(_) => f.write_str("a list"),
            Given::Table(_) => f.write_str("a table"),
            Given::Other(kind) => write!(f, "a {kind}"),
        }
    }
}

/// Kinds as they would stand in the file.
pub(super) fn shown_kinds(kinds: &[DocumentKind]) -> String {
    let one = |kind: &DocumentKind| format!("{{ number = {}, name = {} }}", kind.number, quoted(&kind.name));
    format!("[{}]", kinds.iter().map(one).collect::<Vec<_>>().join(", "))
}

/// As it would stand in the file.
pub(super) fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}
