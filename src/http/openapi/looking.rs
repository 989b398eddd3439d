//! Users, groups and messages to look at, described.

use highwater_wire::Refusal;

use super::{
    explained::{COUNT_OR_NULL, ID_OR_NULL, MEMBER, TIME_OR_NULL},
    operation::{Answer, Operation, operation},
    people::{ID, USER},
    schema::{Field, Schema, may, must},
    watching::{COUNT, TEXT, TIME_MS, list},
};
use crate::{
    http::{listing::PAGE_MAX, messages::MESSAGES_MAX},
    logic::reveals::REASON_BYTES_MAX,
};

const LIMIT: Field = may("limit", Schema::Nullable(&Schema::Integer { least: 1, most: PAGE_MAX as u64 }))
    .says("100 without it.");

const NAME: Schema = Schema::Nullable(&Schema::Text { least: 0, most: 128 });

const STATE: Schema = Schema::Word(&["active", "suspended"]);

const ERASED: Schema = Schema::Object(&[
    must("user_id", ID),
    must("state", Schema::Word(&["erased"])),
    must("erased_ms", TIME_MS),
]);

pub(super) const LIST_USERS: Operation = operation(
    "Users in the order of ids, or those whose names begin alike in the order of names; none behind the last alone.",
    Answer::Lines(Schema::Either(&[
        Schema::Object(&[
            must("user_id", ID),
            must("name", TEXT),
            must("display_name", TEXT),
            must("state", STATE),
            must("created_ms", TIME_MS),
            must("devices", COUNT),
            must("bot", Schema::Bool),
        ]),
        ERASED,
    ])),
)
.body(&[
    may("behind_user_id", ID_OR_NULL).says("Behind which user the list goes on; not with `name_prefix`."),
    may("name_prefix", NAME).says("Those alone whose names begin so; large and small letters are the same."),
    may("behind_name", NAME).says("Behind which name that list goes on."),
    LIMIT,
]);

const DEVICE: &[Field] = &[
    must("device_id", ID),
    must("name", TEXT),
    must("class", TEXT),
    must("created_ms", TIME_MS),
    must("heard_ms", TIME_OR_NULL),
];

const CONVERSATIONS: &[Field] = &[
    must("two", COUNT),
    must("groups", COUNT),
    must("channels", COUNT),
    must("is_at_least", Schema::Bool).says("There may be more, and were not counted."),
];

pub(super) const GET_USER: Operation = operation(
    "A user with devices, and what is counted of the rest.",
    Answer::Json(Schema::Either(&[
        Schema::Object(&[
            must("user_id", ID),
            must("name", TEXT),
            must("display_name", TEXT),
            must("state", STATE),
            must("created_ms", TIME_MS),
            must("bot", Schema::Bool),
            must("avatar", TEXT),
            must("about", TEXT),
            must("has_password", Schema::Bool),
            must("made_by_key", ID_OR_NULL),
            must("devices", list(&Schema::Object(DEVICE))),
            must("conversations", Schema::Object(CONVERSATIONS)),
            must("groups_owned", COUNT),
            must("blocked", COUNT),
        ]),
        ERASED,
    ])),
)
.body(&[must("user", USER)])
.refuses(&[Refusal::NoSuchUser]);

const FORM: Schema = Schema::Word(&["group", "channel"]);

pub(super) const LIST_GROUPS: Operation = operation(
    "Groups and channels in the order of ids; none behind the last alone.",
    Answer::Lines(Schema::Object(&[
        must("conversation_id", ID),
        must("kind", FORM),
        must("name", TEXT),
        must("created_ms", TIME_MS),
        must("founder_id", ID),
        must("followers", COUNT_OR_NULL),
    ])),
)
.body(&[may("behind_conversation_id", ID_OR_NULL), LIMIT]);

const ANNOUNCEMENT: &[Field] = &[
    must("by_id", ID),
    must("at_ms", TIME_MS),
    must("bytes", COUNT),
    must("text", Schema::Word(&["hidden"])),
];

const LINK: &[Field] = &[
    must("by_id", ID),
    must("until_ms", TIME_MS),
    must("uses_max", COUNT),
    must("used", COUNT),
    must("open", Schema::Bool),
];

const DOOR: &[Field] =
    &[must("approval", Schema::Bool), must("links", list(&Schema::Object(LINK))), must("asking", COUNT)];

pub(super) const GET_GROUP: Operation = operation(
    "A group or channel with its members, its settings and the ways into it.",
    Answer::Json(Schema::Object(&[
        must("conversation_id", ID),
        must("kind", FORM),
        must("name", TEXT),
        must("created_ms", TIME_MS),
        must("founder_id", ID),
        must("followers", COUNT_OR_NULL),
        must("everybody_follows", Schema::Bool),
        must("everyone_muted", Schema::Bool),
        must("announcement", Schema::Nullable(&Schema::Object(ANNOUNCEMENT))),
        must("door", Schema::Object(DOOR)),
        must("owner_id", ID_OR_NULL),
        must("member_count", COUNT),
        must("members", list(&Schema::Object(MEMBER))),
        must("left_out", COUNT).says("Members behind the last of these."),
    ])),
)
.body(&[
    must("conversation_id", ID),
    may("behind_user_id", ID_OR_NULL).says("Behind which user the members go on."),
    LIMIT,
])
.refuses(&[Refusal::NoSuchConversation]);

const SEQ: Schema = Schema::Integer { least: 1, most: u64::MAX };

const THROUGH: Field = may("through_seq", Schema::Nullable(&SEQ))
    .says("The last of a stretch of at most 100; that of `seq` alone without it.");

const _: () = assert!(MESSAGES_MAX == 100, "the sentence says so");

const REMOVED: Schema =
    Schema::Object(&[must("seq", COUNT), must("body", Schema::Word(&["removed by policy"]))]);

const SENT_AS: Schema = Schema::Word(&["text", "custom", "notice", "account_erased"]);

const HIDDEN: Schema = Schema::Object(&[
    must("seq", COUNT),
    must("sender_id", ID),
    must("sent_at_ms", TIME_MS),
    must("kind", SENT_AS),
    must("bytes", COUNT),
    must("body", Schema::Word(&["hidden", "erased"])),
]);

const SHOWN: Schema = Schema::Object(&[
    must("seq", COUNT),
    must("sender_id", ID),
    must("sent_at_ms", TIME_MS),
    must("kind", SENT_AS),
    must("bytes", COUNT),
    must("body", Schema::Word(&["shown", "erased"])),
    may("content", Schema::Map(&Schema::Any)).says("`text`, `custom` or `notice`, where the body is shown."),
]);

pub(super) const GET_MESSAGES: Operation = operation(
    "Who sent what sort of message when, never what it says; the newest 50 without a `seq`.",
    Answer::Lines(Schema::Either(&[HIDDEN, REMOVED])),
)
.body(&[must("conversation_id", ID), may("seq", Schema::Nullable(&SEQ)), THROUGH])
.refuses(&[Refusal::NoSuchConversation]);

pub(super) const REVEAL_MESSAGES: Operation = operation(
    "The same with what it says, for a reason, which the audit log has first.",
    Answer::Lines(Schema::Either(&[SHOWN, REMOVED])),
)
.body(&[
    must("conversation_id", ID),
    must("seq", SEQ),
    THROUGH,
    must("reason", Schema::Text { least: 1, most: REASON_BYTES_MAX })
        .says("A line of at most 200 bytes that can be seen, in any script."),
])
.refuses(&[Refusal::NoSuchConversation]);

const _: () = assert!(REASON_BYTES_MAX == 200, "the sentence says so");
