//! Why something is as it is, described.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use highwater_wire::Refusal;

use super::{
    operation::{Answer, Operation, operation},
    people::ID,
    schema::{Field, Schema, may, must},
    watching::{COUNT, TEXT, TIME_MS, list},
};
use crate::model::limits::CONTEXT_MAX;

pub(super) const ID_OR_NULL: Schema = Schema::Nullable(&ID);
const TEXT_OR_NULL: Schema = Schema::Nullable(&TEXT);
pub(super) const COUNT_OR_NULL: Schema = Schema::Nullable(&COUNT);
pub(super) const TIME_OR_NULL: Schema = Schema::Nullable(&TIME_MS);

/// Versions by the name of a kind.
const MARKS: Schema = Schema::Map(&COUNT);

const FAN_OUT: Schema = Schema::Nullable(&Schema::Object(&[
    must("entry", COUNT),
    must("after_user_id", ID_OR_NULL),
    must("entries_waiting", COUNT),
    must("waiting_since_ms", TIME_OR_NULL),
    must("faults", COUNT),
    must("parked", Schema::Bool),
]));

pub(super) const USER: Operation = operation(
    "How far the devices of a user have come, what is kept and for whom.",
    Answer::Json(Schema::Either(&[Schema::Object(USER_TOLD), Schema::Object(ERASED)])),
)
.body(&[must("user", super::people::USER)])
.refuses(&[Refusal::NoSuchUser]);

const USER_TOLD: &[Field] = &[
    must("user_id", ID),
    must("name", TEXT),
    must("suspended", Schema::Bool),
    must("durable", COUNT),
    must("observed_ms", TIME_MS),
    must("expiry_is_suspended", Schema::Bool),
    must("messages", Schema::Object(MESSAGES)),
    must("groups_owned", COUNT),
    must(
        "groups",
        Schema::Object(&[
            must("waiting", list(&Schema::Object(WAITING))),
            must("looked_at_all", Schema::Bool),
        ]),
    ),
    must("tombstone_floors", MARKS),
    must("lineages", list(&Schema::Object(LINEAGE))),
];

const ERASED: &[Field] = &[
    must("user_id", ID),
    must(
        "erased",
        Schema::Object(&[
            must("at_ms", TIME_MS),
            must("version", COUNT),
            must("told_through", ID),
            must("done", Schema::Bool),
        ]),
    ),
];

const MESSAGES: &[Field] = &[
    must("head", COUNT),
    must("floor", COUNT),
    must("oldest_kept", COUNT_OR_NULL),
    must("kept", COUNT),
    must("kept_is_at_least", Schema::Bool),
    must(
        "held_by",
        Schema::Nullable(&Schema::Object(&[
            must("device_id", ID),
            must("context", COUNT),
            must("acked", COUNT),
        ])),
    ),
];

const WAITING: &[Field] = &[
    must("conversation_id", ID),
    must("fan_out", Schema::Either(&[FAN_OUT, Schema::Object(&[must("unreadable", Schema::Bool)])])),
];

const LINEAGE: &[Field] = &[
    must("device_id", ID),
    must("device_name", TEXT_OR_NULL),
    must("context", COUNT),
    must("heard_ms", TIME_MS),
    must("handed_back_ms", TIME_OR_NULL),
    must("from", COUNT),
    must("declares", list(&TEXT)),
    must("acked", MARKS),
    must("behind", Schema::Bool),
    must("live", Schema::Bool),
];

const BEHIND: Field =
    may("behind_user_id", ID_OR_NULL).says("Of a large group: behind whom the list goes on.");

pub(super) const GROUP: Operation = operation(
    "What a conversation is, who belongs to it, how far its entries have come.",
    Answer::Json(Schema::Object(&[
        must("conversation_id", ID),
        must("kind", Schema::Word(&["two", "group", "channel"])),
        must("name", TEXT_OR_NULL),
        must("created_ms", TIME_MS),
        must("owner_id", ID_OR_NULL),
        must("head", COUNT),
        must("oldest_seq", COUNT),
        must("everyone_muted", Schema::Bool),
        must("followers", COUNT_OR_NULL),
        must("member_count", COUNT),
        must("members", list(&Schema::Object(MEMBER))),
        must("left_out", COUNT),
        must("fan_out", FAN_OUT),
    ])),
)
.body(&[must("conversation_id", ID), BEHIND])
.refuses(&[Refusal::NoSuchConversation]);

pub(super) const MEMBER: &[Field] = &[
    must("user_id", ID),
    must("name", TEXT_OR_NULL),
    must("role", Schema::Nullable(&Schema::Word(&["owner", "admin", "member"]))),
    must("muted", Schema::Bool),
    must("since_seq", COUNT_OR_NULL),
];

pub(super) const MESSAGE: Operation = operation(
    "Where a message went and who has handed it back; never what it says.",
    Answer::Json(Schema::Object(&[
        must("conversation_id", ID),
        must("seq", COUNT),
        must("body", Schema::Word(&["kept", "removed by policy"])),
        must("bodies", TEXT),
        must("oldest_seq", COUNT),
        must("sender_id", ID_OR_NULL),
        must("sent_at_ms", TIME_OR_NULL),
        must("bytes", COUNT_OR_NULL),
        must("hand_backs_known_since_ms", TIME_MS),
        must("fan_out", FAN_OUT),
        must("went_to", list(&Schema::Object(WENT_TO))),
        must("left_out", COUNT),
    ])),
)
.body(&[must("conversation_id", ID), must("seq", COUNT), BEHIND])
.refuses(&[Refusal::NoSuchMessage]);

const WENT_TO: &[Field] = &[
    must("user_id", ID),
    must("name", TEXT_OR_NULL),
    must("inbox", Schema::Word(&["waits", "kept", "removed", "not looked through"])),
    must("version", COUNT_OR_NULL),
    must(
        "lineages",
        list(&Schema::Object(&[
            must("device_id", ID),
            must("context", COUNT),
            must("state", TEXT),
            must(
                "handed_back",
                Schema::Nullable(&Schema::Object(&[must("from_ms", TIME_OR_NULL), must("to_ms", TIME_MS)])),
            ),
        ])),
    ),
];

const BASE64: Schema = Schema::Pattern {
    pattern: "^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/][AQgw]==|[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]=)?$",
    fits: |text| STANDARD.decode(text).is_ok(),
};

pub(super) const SNAPSHOT: Operation = operation(
    "What a snapshot says, if this server gave it to that device.",
    Answer::Json(Schema::Object(&[
        must("verdict", Schema::Word(&["good", "empty", "foreign", "future", "lossy"])),
        must("means", TEXT),
        may("level", COUNT),
        may("run", COUNT),
        may("run_is_current", Schema::Bool),
        may("marks", MARKS),
        may("told_anew", list(&TEXT)),
    ])),
)
.body(&[
    must("user", super::people::USER),
    must("device_id", ID),
    may("context", Schema::Integer { least: 0, most: CONTEXT_MAX as u64 }),
    must("snapshot", BASE64).says("In base64."),
])
.refuses(&[Refusal::NoSuchUser, Refusal::NoSuchDevice]);

pub(super) const LIVE: Operation = operation(
    "Live actors, what waits for them, and the groups that lag most.",
    Answer::Json(Schema::Object(&[
        must("at_ms", TIME_MS),
        must(
            "actors",
            Schema::Object(&[
                must("connections", COUNT),
                must("connections_lagging", COUNT),
                must("users", COUNT),
                must("groups", COUNT),
                must("hubs", COUNT),
            ]),
        ),
        must(
            "queues",
            list(&Schema::Object(&[must("name", TEXT), must("waiting", COUNT), must("max", COUNT_OR_NULL)])),
        ),
        must(
            "workers",
            list(&Schema::Object(&[must("worker", COUNT), must("users", COUNT), must("board", COUNT)])),
        ),
        must(
            "groups_lagging",
            list(&Schema::Object(&[
                must("conversation_id", ID),
                must("entries_waiting", COUNT),
                must("waiting_since_ms", TIME_MS),
                must("faults", COUNT),
                must("parked", Schema::Bool),
                must("records_untold", COUNT),
            ])),
        ),
        must("groups_left_out", COUNT),
    ])),
);
