//! Operators, what they did, and what the server runs with, described.

use highwater_wire::Refusal;

use super::{
    operation::{Answer, Operation, operation},
    schema::{Field, Schema, may, must},
    watching::{COUNT, TEXT, TIME_MS, list},
};
use crate::{
    actors::audit::PAGE_RECORDS_MAX,
    config::log_level,
    model::operator::{OPERATOR_NAME_BYTES_MAX, is_operator_name},
};

/// A token that comes in.
const TOKEN: Schema = Schema::Text { least: 0, most: 128 };

pub(super) const SETUP: Operation = operation(
    "The setup token for the operator's token, once.",
    Answer::Json(Schema::Object(&[must("operator_token", TEXT)])),
)
.body(&[must("token", TOKEN)])
.refuses(&[Refusal::InvalidOperatorToken, Refusal::Internal]);

pub(super) const ACCEPT_TIME: Operation = operation(
    "The server's clock is right, after more time than is believed.",
    Answer::Json(Schema::Object(&[must("now_ms", TIME_MS)])),
);

const HASH: Schema = Schema::Pattern {
    pattern: "^[0-9a-f]{64}$",
    fits: |text| text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')),
};

const RECORD: &[Field] = &[
    must("n", COUNT),
    must("at_ms", TIME_MS),
    must("kind", Schema::Word(&["begun", "ended", "looked", "turned_away"])),
    may("of", COUNT),
    may("operator", TEXT),
    must("route", TEXT),
    may("subject", TEXT),
    may("outcome", Schema::Word(&["done", "refused", "failed"])),
    may("refusal", COUNT),
    must("prev", HASH),
];

pub(super) const AUDIT: Operation = operation(
    "A page of the audit log, oldest first, and its head.",
    Answer::Json(Schema::Object(&[
        must("head", Schema::Object(&[must("records", COUNT), must("hash", HASH)])),
        must("records", list(&Schema::Object(&[must("hash", HASH), must("record", Schema::Object(RECORD))]))),
    ])),
)
.query(&[
    may("after", COUNT).says("The number behind which the page begins; the last records without it."),
    may("limit", Schema::Integer { least: 1, most: PAGE_RECORDS_MAX as u64 }).says("100 without it."),
])
.refuses(&[Refusal::AuditUnavailable]);

const SETTING: &[Field] = &[must("key", TEXT), must("value", TEXT), must("source", TEXT)];

pub(super) const CONFIG: Operation = operation(
    "The settings in force, each with where it came from.",
    Answer::Json(Schema::Object(&[
        must("settings", list(&Schema::Object(SETTING))),
        must("log_level_now", TEXT),
    ])),
);

pub(super) const RELOAD: Operation = operation(
    "The settings are read again: those that have another value now, and those that will after the next start.",
    Answer::Json(Schema::Object(&[must("taken", list(&TEXT)), must("waiting", list(&TEXT))])),
)
.refuses(&[Refusal::InvalidField]);

pub(super) const SET_LOG_LEVEL: Operation =
    operation("What is logged until the next start.", Answer::Nothing).body(&[must(
        "level",
        Schema::Pattern {
            pattern: "^([A-Za-z0-9_:]+=)?(off|error|warn|info|debug|trace)\
                      (,([A-Za-z0-9_:]+=)?(off|error|warn|info|debug|trace))*$",
            fits: |text| log_level(text.to_owned()).is_ok(),
        },
    )]);

pub(super) const ME: Operation =
    operation("Who asks.", Answer::Json(Schema::Object(&[must("name", TEXT), must("role", ROLE)])));

const ROLE: Schema = Schema::Word(&["viewer", "moderator", "admin"]);

const NAME: Schema =
    Schema::Pattern { pattern: "^(?!root$)[a-z0-9][a-z0-9_.-]{0,31}$", fits: is_operator_name };

const _: () = assert!(OPERATOR_NAME_BYTES_MAX == 32, "the pattern says so");

pub(super) const MAKE_OPERATOR: Operation =
    operation("An operator with a token, told once.", Answer::Json(Schema::Object(&[must("token", TEXT)])))
        .body(&[must("name", NAME), must("role", ROLE)])
        .refuses(&[Refusal::OperatorNameTaken, Refusal::TooManyOperators]);

pub(super) const LIST_OPERATORS: Operation = operation(
    "The operators, oldest first, without their tokens.",
    Answer::Lines(Schema::Object(&[must("name", TEXT), must("role", ROLE), must("created_ms", TIME_MS)])),
)
.body(&[]);

pub(super) const REVOKE_OPERATOR: Operation = operation("The end of an operator's token.", Answer::Nothing)
    .body(&[must("name", Schema::Text { least: 0, most: 128 })])
    .refuses(&[Refusal::NoSuchOperator]);
