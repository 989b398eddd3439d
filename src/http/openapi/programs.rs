//! Keys of programs, and what programs count, described.

use highwater_wire::Refusal;

use super::{
    operation::{Answer, Operation, operation},
    people::{ID, USER},
    schema::{Field, Schema, may, must},
    watching::{COUNT, KIND, TEXT, TIME_MS, UNIT, list},
};
use crate::{
    http::{
        api_keys::EXPIRES_DAYS_MAX,
        host_ids::{VALUE_MAX, VALUES_MAX},
    },
    model::{
        api_key::{API_KEY_NAME_BYTES_MAX, API_KEY_USERS_MAX},
        host_id::{HOST_ID_NAME_BYTES_MAX, HOST_IDS, HOST_IDS_MAX},
    },
};

const SCOPE: Schema = Schema::Word(&["users", "send", "groups", "contacts", "read", "profile", "report"]);

pub(super) const MAKE_API_KEY: Operation = operation(
    "A key for a program; its secret is told once.",
    Answer::Json(Schema::Object(&[must("id", ID), must("secret", TEXT)])),
)
.body(&[
    must("name", Schema::Text { least: 1, most: API_KEY_NAME_BYTES_MAX })
        .says("At most 32 bytes, without control characters."),
    must("scopes", Schema::List { of: &SCOPE, least: 1, most: 64 }),
    may("users", Schema::List { of: &USER, least: 0, most: API_KEY_USERS_MAX })
        .says("For whom it acts besides those that it makes."),
    may("all_users", Schema::Bool).says("It acts for everybody; then without `users`."),
    may("expires_in_days", Schema::Nullable(&Schema::Integer { least: 1, most: EXPIRES_DAYS_MAX as u64 }))
        .says("For ever without it."),
])
.refuses(&[Refusal::NoSuchUser, Refusal::NameTaken, Refusal::TooManyApiKeys]);

const ACTS_FOR: Schema = Schema::Either(&[Schema::Word(&["made", "all"]), list(&ID)]);

pub(super) const LIST_API_KEYS: Operation = operation(
    "The keys, oldest first, without their secrets.",
    Answer::Lines(Schema::Object(&[
        must("id", ID),
        must("name", TEXT),
        must("scopes", list(&SCOPE)),
        must("acts_for", ACTS_FOR),
        must("created_ms", TIME_MS),
        must("expires_ms", Schema::Nullable(&TIME_MS)),
        must("used_ms", Schema::Nullable(&TIME_MS)),
        must("requests_since_start", COUNT),
        must("refused_since_start", COUNT),
    ])),
)
.body(&[]);

pub(super) const REVOKE_API_KEY: Operation = operation("The end of a key.", Answer::Nothing)
    .body(&[must("key", Schema::Text { least: 0, most: 128 }).says("Name, or id in decimal.")])
    .refuses(&[Refusal::NotFound]);

const HOST_ID: Schema = Schema::Integer { least: *HOST_IDS.start() as i64, most: *HOST_IDS.end() as u64 };

const NEW_ID: &[Field] = &[
    must("id", HOST_ID),
    must("name", Schema::Text { least: 1, most: HOST_ID_NAME_BYTES_MAX })
        .says("Words of small letters, digits and underscores, joined by dots."),
    must("kind", KIND),
    may("unit", Schema::Nullable(&UNIT)).says("`count` without it."),
];

pub(super) const REGISTER_IDS: Operation =
    operation("Ids under which programs beside the server count; all, or none.", Answer::Nothing)
        .body(&[must("ids", Schema::List { of: &Schema::Object(NEW_ID), least: 0, most: HOST_IDS_MAX })]);

pub(super) const LIST_IDS: Operation = operation(
    "All ids that are counted under, the server's own first.",
    Answer::Lines(Schema::Object(&[
        must("id", COUNT),
        must("name", TEXT),
        must("kind", KIND),
        must("unit", UNIT),
        must("owner", TEXT),
    ])),
)
.body(&[]);

pub(super) const REMOVE_IDS: Operation =
    operation("What was counted under these is told no more.", Answer::Nothing)
        .body(&[must("ids", Schema::List { of: &NUMBER_OF_ID, least: 0, most: HOST_IDS_MAX })]);

/// Whether it is registered is judged elsewhere.
const NUMBER_OF_ID: Schema = Schema::Integer { least: 0, most: u32::MAX as u64 };

const NUMBER: Schema = Schema::Integer { least: -VALUE_MAX, most: VALUE_MAX as u64 };

const REPORTED: &[Field] = &[
    must("id", NUMBER_OF_ID),
    may("add", Schema::Nullable(&NUMBER)).says("To a sum or a gauge; then without `set`."),
    may("set", Schema::Nullable(&NUMBER)).says("A gauge or a maximum; then without `add`."),
];

pub(super) const REPORT: Operation =
    operation("What a program beside the server has counted; all, or none.", Answer::Nothing)
        .body(&[must("values", Schema::List { of: &Schema::Object(REPORTED), least: 0, most: VALUES_MAX })]);
