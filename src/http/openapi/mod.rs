//! The operator's port in OpenAPI 3.1, made from the table of routes and from the schemas by which bodies are judged.
//!
//! It tells nothing of this server or of anybody: the same binary tells the same everywhere. So it needs no token.

mod explained;
mod looking;
mod operation;
mod operators;
mod people;
mod programs;
mod schema;
mod watching;

use std::collections::BTreeMap;

use actix_web::HttpResponse;
use serde_json::{Value, json};

pub use operation::{Answer, Operation, role_name};
pub use schema::{Field, Schema};

use crate::logic::operators::{OperatorRoute, Verb};

/// The media type of lists: a line of JSON for each.
pub const LINES: &str = "application/x-ndjson";

/// `GET /v1/openapi.json`.
pub(super) async fn answer() -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(text())
}

/// The document as text, with a line feed at its end.
#[must_use]
pub fn text() -> String {
    format!("{:#}\n", document())
}

/// What a route takes and answers: a line for each route, which the compiler demands.
#[must_use]
pub const fn operation(route: OperatorRoute) -> Operation {
    match route {
        OperatorRoute::FirstPage => watching::FIRST_PAGE,
        OperatorRoute::Asset => watching::ASSET,
        OperatorRoute::Curves => watching::CURVES,
        OperatorRoute::Metrics => watching::METRICS,
        OperatorRoute::Points => watching::POINTS,
        OperatorRoute::Reports => watching::REPORTS,
        OperatorRoute::OpenApi => watching::OPEN_API,
        OperatorRoute::Setup => operators::SETUP,
        OperatorRoute::Provision => people::PROVISION,
        OperatorRoute::Invite => people::INVITE,
        OperatorRoute::MakeBot => people::MAKE_BOT,
        OperatorRoute::Send => people::SEND,
        OperatorRoute::MakeApiKey => programs::MAKE_API_KEY,
        OperatorRoute::ListApiKeys => programs::LIST_API_KEYS,
        OperatorRoute::RevokeApiKey => programs::REVOKE_API_KEY,
        OperatorRoute::EndDevice => people::END_DEVICE,
        OperatorRoute::Export => people::EXPORT,
        OperatorRoute::Suspend => people::SUSPEND,
        OperatorRoute::Erase => people::ERASE,
        OperatorRoute::Turn => people::TURN,
        OperatorRoute::Broadcast => people::BROADCAST,
        OperatorRoute::ListBroadcasts => people::LIST_BROADCASTS,
        OperatorRoute::SetPassword => people::SET_PASSWORD,
        OperatorRoute::PutDocument => people::PUT_DOCUMENT,
        OperatorRoute::AcceptTime => operators::ACCEPT_TIME,
        OperatorRoute::Alarms => watching::ALARMS,
        OperatorRoute::AcknowledgeAlarm => watching::ACKNOWLEDGE_ALARM,
        OperatorRoute::SilenceAlarm => watching::SILENCE_ALARM,
        OperatorRoute::TryOutMail => watching::TRY_OUT_MAIL,
        OperatorRoute::ExplainUser => explained::USER,
        OperatorRoute::ExplainGroup => explained::GROUP,
        OperatorRoute::ExplainMessage => explained::MESSAGE,
        OperatorRoute::ExplainSnapshot => explained::SNAPSHOT,
        OperatorRoute::ListUsers => looking::LIST_USERS,
        OperatorRoute::GetUser => looking::GET_USER,
        OperatorRoute::ListGroups => looking::LIST_GROUPS,
        OperatorRoute::GetGroup => looking::GET_GROUP,
        OperatorRoute::GetMessages => looking::GET_MESSAGES,
        OperatorRoute::RevealMessages => looking::REVEAL_MESSAGES,
        OperatorRoute::Live => explained::LIVE,
        OperatorRoute::RegisterIds => programs::REGISTER_IDS,
        OperatorRoute::ListIds => programs::LIST_IDS,
        OperatorRoute::RemoveIds => programs::REMOVE_IDS,
        OperatorRoute::Report => programs::REPORT,
        OperatorRoute::Audit => operators::AUDIT,
        OperatorRoute::Config => operators::CONFIG,
        OperatorRoute::Reload => operators::RELOAD,
        OperatorRoute::SetLogLevel => operators::SET_LOG_LEVEL,
        OperatorRoute::Me => operators::ME,
        OperatorRoute::MakeOperator => operators::MAKE_OPERATOR,
        OperatorRoute::ListOperators => operators::LIST_OPERATORS,
        OperatorRoute::RevokeOperator => operators::REVOKE_OPERATOR,
    }
}

/// The document: every route of the table, once.
#[must_use]
pub fn document() -> Value {
    let mut paths: BTreeMap<&str, BTreeMap<&str, Value>> = BTreeMap::new();
    for route in OperatorRoute::ALL {
        let row = route.row();
        let described = operation(*route).document(&format!("{route:?}"), &row);
        paths.entry(row.path()).or_default().insert(method(row.verb), described);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Highwater, operator's port",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "What operators and programs beside the server may ask. The contract of clients is protocol/protocol.md.",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": "/" }],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "operator": { "type": "http", "scheme": "bearer", "description": "The token of an operator." },
                "program": { "type": "http", "scheme": "bearer", "description": "The secret of an API key." },
            },
            "schemas": { "Refusal": refusal() },
        },
    })
}

/// The method of a row, as the document writes it.
const fn method(verb: Verb) -> &'static str {
    match verb {
        Verb::Get => "get",
        Verb::Post => "post",
        Verb::Put => "put",
    }
}

/// Every refusal looks like this; a route may add members to its own.
fn refusal() -> Value {
    json!({
        "type": "object",
        "required": ["code", "name", "message", "retry"],
        "properties": {
            "code": { "type": "integer", "description": "The number, which is the contract." },
            "name": { "type": "string" },
            "message": { "type": "string", "description": "For people: what is wrong." },
            "retry": { "type": "boolean", "description": "Whether the same request may succeed later, unchanged." },
        },
    })
}

#[cfg(test)]
mod tests;
