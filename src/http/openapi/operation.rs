//! What the document says of a route beside its row: what goes in, what comes out, and what is refused.

use std::collections::BTreeMap;

use highwater_wire::Refusal;
use serde_json::{Value, json};

use super::schema::{Field, Schema};
use crate::{
    logic::operators::{Access, Deed, Row, Verb},
    model::OperatorRole,
};

/// A route, described.
#[derive(Debug, Clone, Copy)]
pub struct Operation {
    /// One sentence.
    pub summary: &'static str,
    /// What may stand in the query.
    pub query: &'static [Field],
    /// What the body is, where there is one.
    pub body: Option<Schema>,
    /// What is answered when it is done.
    pub answer: Answer,
    /// What is refused beside what every route of its row refuses.
    pub refusals: &'static [Refusal],
}

/// What is answered when it is done.
#[derive(Debug, Clone, Copy)]
pub enum Answer {
    /// 204.
    Nothing,
    /// One document.
    Json(Schema),
    /// A line of JSON for each.
    Lines(Schema),
    /// Something else, of one of these media types.
    Media(&'static [&'static str]),
}

pub(super) const fn operation(summary: &'static str, answer: Answer) -> Operation {
    Operation { summary, query: &[], body: None, answer, refusals: &[] }
}

impl Operation {
    pub(super) const fn query(mut self, fields: &'static [Field]) -> Operation {
        self.query = fields;
        self
    }

    pub(super) const fn body(mut self, fields: &'static [Field]) -> Operation {
        self.body = Some(Schema::Object(fields));
        self
    }

    pub(super) const fn refuses(mut self, refusals: &'static [Refusal]) -> Operation {
        self.refusals = refusals;
        self
    }

    /// As the document has it.
    pub(super) fn document(&self, id: &str, row: &Row) -> Value {
        let mut document = json!({
            "operationId": id,
            "summary": self.summary,
            "description": who_may(row),
            "x-highwater-role": role_name(row),
            "responses": self.responses(row),
        });
        let members = document.as_object_mut().expect("it was made as an object");
        let security: &[&str] = match row.access {
            Access::Anybody => &[],
            Access::AtLeast(_) => &["operator"],
            Access::ProgramOr(_) => &["operator", "program"],
        };
        let security: Vec<Value> = security.iter().map(|scheme| json!({ *scheme: [] })).collect();
        members.insert("security".to_owned(), json!(security));
        let parameters = self.parameters(row);
        if !parameters.is_empty() {
            members.insert("parameters".to_owned(), json!(parameters));
        }
        if let Some(body) = &self.body {
            let content = json!({ "application/json": { "schema": body.json() } });
            members.insert("requestBody".to_owned(), json!({ "required": true, "content": content }));
        }
        document
    }

    fn parameters(&self, row: &Row) -> Vec<Value> {
        let in_path = row.path().split(['{', '}']).skip(1).step_by(2).map(|name| {
            json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string", "minLength": 1 } })
        });
        let in_query = self.query.iter().map(|field| {
            json!({
                "name": field.name, "in": "query", "required": field.is_needed, "schema": field.schema.json(),
                "description": field.says,
            })
        });
        in_path.chain(in_query).collect()
    }

    fn responses(&self, row: &Row) -> BTreeMap<String, Value> {
        let (status, answer) = match self.answer {
            Answer::Nothing => ("204", json!({ "description": "It is done." })),
            Answer::Json(schema) => {
                let content = json!({ "application/json": { "schema": schema.answer_json() } });
                ("200", json!({ "description": "The answer.", "content": content }))
            }
            Answer::Lines(schema) => {
                // OpenAPI 3.1 has no word for lines: what stands in each is said beside.
                let content = json!({ super::LINES: { "schema": { "type": "string" }, "x-line-schema": schema.answer_json() } });
                ("200", json!({ "description": "A line of JSON for each.", "content": content }))
            }
            Answer::Media(types) => {
                let content: BTreeMap<&str, Value> =
                    types.iter().map(|media| (*media, json!({ "schema": { "type": "string" } }))).collect();
                ("200", json!({ "description": "The answer.", "content": content }))
            }
        };
        let mut responses = BTreeMap::from([(status.to_owned(), answer)]);
        let mut by_status: BTreeMap<u16, Vec<Refusal>> = BTreeMap::new();
        for refusal in self.refused(row) {
            by_status.entry(refusal.http_status()).or_default().push(refusal);
        }
        for (status, refusals) in by_status {
            responses.insert(status.to_string(), refused(&refusals));
        }
        if row.verb != Verb::Get {
            let slow = json!({ "description": "The body did not come in time; the connection ends." });
            responses.insert("408".to_owned(), slow);
        }
        responses
    }

    /// What may be refused, each once, in the order of the table.
    #[must_use]
    pub fn refused(&self, row: &Row) -> Vec<Refusal> {
        let mut refused = BTreeMap::new();
        let mut add =
            |refusals: &[Refusal]| refused.extend(refusals.iter().map(|refusal| (refusal.code(), *refusal)));
        add(self.refusals);
        match row.access {
            Access::Anybody => {}
            Access::AtLeast(_) => add(&[Refusal::InvalidOperatorToken]),
            Access::ProgramOr(_) => {
                add(&[Refusal::InvalidOperatorToken, Refusal::InvalidApiKey, Refusal::ScopeMissing]);
            }
        }
        match row.access {
            Access::AtLeast(least) | Access::ProgramOr(least) if least > OperatorRole::Viewer => {
                add(&[Refusal::RoleMissing]);
            }
            _ => {}
        }
        if row.access != Access::Anybody {
            // The store is asked who it is.
            add(&[Refusal::Busy, Refusal::Draining, Refusal::Internal]);
        }
        if row.verb != Verb::Get {
            add(&[Refusal::MalformedFrame, Refusal::FrameTooLarge]);
        }
        if self.body.is_some() || !self.query.is_empty() {
            add(&[Refusal::InvalidField]);
        }
        if matches!(row.deed, Deed::Changes | Deed::Reveals) {
            add(&[Refusal::AuditUnavailable]);
        }
        if row.deed == Deed::Changes {
            add(&[Refusal::StorageFull, Refusal::UnknownOutcome]);
        }
        refused.into_values().collect()
    }
}

fn refused(refusals: &[Refusal]) -> Value {
    let said =
        refusals.iter().map(|refusal| format!("{} `{}`: {}", refusal.code(), refusal.name(), refusal.text()));
    let codes: Vec<u32> = refusals.iter().map(|refusal| refusal.code()).collect();
    let schema = json!({
        "allOf": [{ "$ref": "#/components/schemas/Refusal" }, { "properties": { "code": { "enum": codes } } }],
    });
    json!({
        "description": said.collect::<Vec<_>>().join("; "),
        "content": { "application/json": { "schema": schema } },
    })
}

/// The word for who may ask: a role, or `anybody`.
#[must_use]
pub fn role_name(row: &Row) -> &'static str {
    match row.access {
        Access::Anybody => "anybody",
        Access::AtLeast(least) | Access::ProgramOr(least) => least.name(),
    }
}

fn who_may(row: &Row) -> String {
    match row.access {
        Access::Anybody => "Anybody who reaches the port may ask.".to_owned(),
        Access::AtLeast(OperatorRole::Admin) => "An operator who is admin may ask.".to_owned(),
        Access::AtLeast(least) => format!("An operator who is {} or more may ask.", least.name()),
        Access::ProgramOr(least) => format!(
            "An operator who is {}, or more, may ask, and a program with an API key that has the scope `report`.",
            least.name()
        ),
    }
}
