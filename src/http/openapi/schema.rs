//! Schemas of JSON: what a body has to look like, and what an answer does look like.
//!
//! What is judged by and what is described are one value, so the document cannot say anything else than the server does. It
//! knows only how a value looks; whether there is such a user, or whether a password is good, routes say.

use serde_json::{Map, Value, json};

/// What a value looks like.
#[derive(Debug, Clone, Copy)]
pub enum Schema {
    /// `true` or `false`.
    Bool,
    /// A whole number.
    Integer {
        /// The least.
        least: i64,
        /// The greatest.
        most: u64,
    },
    /// Text of so many characters.
    Text {
        /// Fewest characters.
        least: usize,
        /// Most characters.
        most: usize,
    },
    /// Text of a shape.
    Pattern {
        /// The shape for readers, as JSON Schema has it.
        pattern: &'static str,
        /// The same for this server.
        fits: fn(&str) -> bool,
    },
    /// One of these words.
    Word(&'static [&'static str]),
    /// Anything.
    Any,
    /// This, or null.
    Nullable(&'static Schema),
    /// The first of these that fits.
    Either(&'static [Schema]),
    /// A list of so many.
    List {
        /// What stands in it.
        of: &'static Schema,
        /// How few.
        least: usize,
        /// How many.
        most: usize,
    },
    /// An object whose members are not known before.
    Map(&'static Schema),
    /// An object with these members and no others.
    Object(&'static [Field]),
}

/// A member of an object, or a parameter of a query.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// What stands there.
    pub schema: Schema,
    /// Whether it has to be there.
    pub is_needed: bool,
    /// One sentence for people; may be empty.
    pub says: &'static str,
}

/// A member that has to be there.
pub(super) const fn must(name: &'static str, schema: Schema) -> Field {
    Field { name, schema, is_needed: true, says: "" }
}

/// A member that may be left out.
pub(super) const fn may(name: &'static str, schema: Schema) -> Field {
    Field { name, schema, is_needed: false, says: "" }
}

impl Field {
    pub(super) const fn says(mut self, says: &'static str) -> Field {
        self.says = says;
        self
    }

    /// Its schema as JSON, with what it says.
    pub(super) fn json(&self) -> Value {
        let mut schema = self.schema.json();
        if !self.says.is_empty()
            && let Some(members) = schema.as_object_mut()
        {
            members.insert("description".to_owned(), json!(self.says));
        }
        schema
    }
}

impl Schema {
    /// Whole numbers are written as such: 7.0 is 7 to JSON Schema, and to readers of JSON that know one sort of number.
    pub fn write_whole(&self, value: &mut Value) {
        match (self, value) {
            (Schema::Integer { .. }, value) => {
                if let Some(whole) = value.as_f64().filter(|_| value.is_f64()).and_then(whole) {
                    *value = whole;
                }
            }
            (Schema::Nullable(schema), value) => schema.write_whole(value),
            (Schema::List { of, .. }, Value::Array(list)) => {
                list.iter_mut().for_each(|value| of.write_whole(value));
            }
            (Schema::Object(fields), Value::Object(members)) => {
                for (name, value) in members.iter_mut() {
                    if let Some(field) = fields.iter().find(|field| field.name == name) {
                        field.schema.write_whole(value);
                    }
                }
            }
            _ => {}
        }
    }

    /// Whether a value looks like it; else what is wrong and where, for people: no value stands in it.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn check(&self, value: &Value) -> Result<(), String> {
        self.check_at("", value)
    }

    fn check_at(&self, place: &str, value: &Value) -> Result<(), String> {
        let fits = match self {
            Schema::Any => true,
            Schema::Bool => value.is_boolean(),
            Schema::Integer { least, most } => is_within(value, *least, *most),
            Schema::Text { least, most } => {
                value.as_str().is_some_and(|text| (*least..=*most).contains(&text.chars().count()))
            }
            Schema::Pattern { fits, .. } => value.as_str().is_some_and(fits),
            Schema::Word(words) => value.as_str().is_some_and(|word| words.contains(&word)),
            Schema::Nullable(schema) => {
                return if value.is_null() { Ok(()) } else { schema.check_at(place, value) };
            }
            Schema::Either(schemas) => schemas.iter().any(|schema| schema.check(value).is_ok()),
            Schema::List { of, least, most } => {
                match value.as_array().filter(|list| (*least..=*most).contains(&list.len())) {
                    Some(list) => {
                        let mut numbered = list.iter().enumerate();
                        return numbered
                            .try_for_each(|(n, value)| of.check_at(&format!("{place}[{n}]"), value));
                    }
                    None => false,
                }
            }
            Schema::Map(of) => match value.as_object() {
                Some(map) => return map.values().try_for_each(|value| of.check_at(place, value)),
                None => false,
            },
            Schema::Object(fields) => match value.as_object() {
                Some(members) => return check_members(fields, place, members),
                None => false,
            },
        };
        let place = if place.is_empty() { "the body" } else { place };
        if fits { Ok(()) } else { Err(format!("{place} is not {}", self.in_words())) }
    }

    /// What is expected, for people.
    fn in_words(&self) -> String {
        match self {
            Schema::Bool => "true or false".to_owned(),
            Schema::Integer { least, most } => format!("a whole number from {least} to {most}"),
            Schema::Text { least, most } => format!("text of {least} to {most} characters"),
            Schema::Pattern { pattern, .. } => format!("text like {pattern}"),
            Schema::Word(words) => format!("one of {}", words.join(", ")),
            Schema::List { least, most, .. } => format!("a list of {least} to {most}"),
            Schema::Nullable(schema) => schema.in_words(),
            Schema::Map(_) | Schema::Object(_) => "an object".to_owned(),
            Schema::Any | Schema::Either(_) => "what was expected".to_owned(),
        }
    }

    /// The same for what is answered: members may come to be.
    pub(super) fn answer_json(&self) -> Value {
        let mut schema = self.json();
        open(&mut schema);
        schema
    }

    /// The same as JSON Schema, draft 2020-12.
    #[must_use]
    pub fn json(&self) -> Value {
        match self {
            Schema::Bool => json!({ "type": "boolean" }),
            Schema::Integer { least, most } => {
                json!({ "type": "integer", "minimum": least, "maximum": most })
            }
            Schema::Text { most: usize::MAX, .. } => json!({ "type": "string" }),
            Schema::Text { least, most } => {
                json!({ "type": "string", "minLength": least, "maxLength": most })
            }
            Schema::Pattern { pattern, .. } => json!({ "type": "string", "pattern": pattern }),
            Schema::Word(words) => json!({ "type": "string", "enum": words }),
            Schema::Any => json!({}),
            Schema::Nullable(schema) => json!({ "anyOf": [schema.json(), { "type": "null" }] }),
            Schema::Either(schemas) => {
                json!({ "anyOf": schemas.iter().map(Schema::json).collect::<Vec<_>>() })
            }
            Schema::List { of, most: usize::MAX, .. } => json!({ "type": "array", "items": of.json() }),
            Schema::List { of, least, most } => {
                json!({ "type": "array", "items": of.json(), "minItems": least, "maxItems": most })
            }
            Schema::Map(of) => json!({ "type": "object", "additionalProperties": of.json() }),
            Schema::Object(fields) => {
                let members: Map<String, Value> =
                    fields.iter().map(|field| (field.name.to_owned(), field.json())).collect();
                let needed: Vec<&str> =
                    fields.iter().filter(|field| field.is_needed).map(|field| field.name).collect();
                json!({
                    "type": "object", "properties": members, "required": needed, "additionalProperties": false,
                })
            }
        }
    }
}

/// Takes out that there are no other members.
fn open(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            members.retain(|name, value| !(name == "additionalProperties" && *value == json!(false)));
            members.values_mut().for_each(open);
        }
        Value::Array(list) => list.iter_mut().for_each(open),
        _ => {}
    }
}

/// The whole number that a number with a point is, if 64 bits hold it.
fn whole(number: f64) -> Option<Value> {
    // Both bounds are powers of two, so they are exact; above them a cast would cut.
    const BEYOND_U64: f64 = 18_446_744_073_709_551_616.0;
    const LEAST_I64: f64 = -9_223_372_036_854_775_808.0;
    match number {
        _ if number.fract() != 0.0 => None,
        _ if (0.0..BEYOND_U64).contains(&number) => Some(json!(number as u64)),
        _ if (LEAST_I64..0.0).contains(&number) => Some(json!(number as i64)),
        _ => None,
    }
}

fn is_within(value: &Value, least: i64, most: u64) -> bool {
    match (value.as_u64(), value.as_i64()) {
        (Some(number), _) => number <= most && i64::try_from(number).map_or(true, |number| number >= least),
        (None, Some(number)) => number >= least,
        (None, None) => false,
    }
}

fn check_members(fields: &[Field], place: &str, members: &Map<String, Value>) -> Result<(), String> {
    let below = |name: &str| if place.is_empty() { name.to_owned() } else { format!("{place}.{name}") };
    if members.keys().any(|name| !fields.iter().any(|field| field.name == name)) {
        // Its name is not told: it may be a secret in the wrong place, and answers are kept.
        let known: Vec<&str> = fields.iter().map(|field| field.name).collect();
        let place = if place.is_empty() { "the body" } else { place };
        return Err(format!("{place} has an unknown field; it may have: {}", known.join(", ")));
    }
    for field in fields {
        match members.get(field.name) {
            Some(value) => field.schema.check_at(&below(field.name), value)?,
            None if field.is_needed => return Err(format!("{} is missing", below(field.name))),
            None => {}
        }
    }
    Ok(())
}
