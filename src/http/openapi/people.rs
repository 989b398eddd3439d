//! Accounts, bots, groups and channels, described.

use highwater_wire::Refusal;

use super::{
    operation::{Answer, Operation, operation},
    schema::{Schema, may, must},
    watching::{COUNT, TEXT},
};
use crate::{
    http::operator::{DOCUMENT_KEY_BYTES_MAX, INVITE_HOURS_MAX, PROVISION_DEVICES_MAX, PROVISION_USERS_MAX},
    model::limits::TEXT_BYTES_MAX,
};

fn is_digits(text: &str) -> bool {
    (1..=20).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// An id in decimal: 64 bits without a sign. What nobody can have is as what nobody has.
pub(super) const ID: Schema = Schema::Pattern { pattern: "^[0-9]{1,20}$", fits: is_digits };

/// Name of a user, or id in decimal.
pub(super) const USER: Schema = Schema::Text { least: 1, most: 128 };

const NAME: Schema = Schema::Text { least: 2, most: 32 };

const DEVICE: Schema =
    Schema::Object(&[must("user_id", ID), must("name", TEXT), must("device_id", ID), must("token", TEXT)]);

/// The last line where some could not be made.
const FAILED: Schema = Schema::Object(&[must("failed", TEXT), must("name", TEXT), must("message", TEXT)]);

pub(super) const PROVISION: Operation = operation(
    "Accounts without passwords, and their devices' tokens, told once.",
    Answer::Lines(Schema::Either(&[DEVICE, FAILED])),
)
.body(&[
    must("users", Schema::Integer { least: 1, most: PROVISION_USERS_MAX as u64 }),
    must("devices", Schema::Integer { least: 1, most: PROVISION_DEVICES_MAX as u64 }).says("Of each."),
    may("prefix", Schema::Text { least: 0, most: 32 })
        .says("What names begin with, before a number; `u` without it."),
    may("first", Schema::Integer { least: 0, most: 1 << 53 }).says("The first number; 0 without it."),
    may("class", Schema::Nullable(&Schema::Word(&["unspecified", "phone", "desktop", "tablet", "web"]))),
])
.refuses(&[Refusal::InvalidName, Refusal::NameTaken, Refusal::DeviceClassTaken, Refusal::TooManyDevices]);

pub(super) const INVITE: Operation =
    operation("A code to make an account by.", Answer::Json(Schema::Object(&[must("code", TEXT)])))
        .body(&[must("expires_hours", Schema::Integer { least: 1, most: INVITE_HOURS_MAX as u64 })]);

pub(super) const MAKE_BOT: Operation =
    operation("The bot of a name, with a new device; its token is told once.", Answer::Json(DEVICE))
        .body(&[must("name", NAME).says("Letters, digits, dots, dashes, underscores.")])
        .refuses(&[
            Refusal::InvalidName,
            Refusal::NameTaken,
            Refusal::DeviceClassTaken,
            Refusal::TooManyDevices,
            Refusal::AccountSuspended,
        ]);

pub(super) const SEND: Operation = operation(
    "Something said as a bot; asked again it is another message.",
    Answer::Json(Schema::Object(&[must("conversation_id", ID), must("seq", COUNT)])),
)
.body(&[
    must("from", USER).says("Name or id of a bot."),
    may("to", Schema::Nullable(&USER)).says("To a user; then without `conversation`."),
    may("conversation", Schema::Nullable(&ID)).says("To a group or a channel of the bot; then without `to`."),
    must("text", Schema::Text { least: 1, most: TEXT_BYTES_MAX }).says("At most 4,096 bytes."),
])
.refuses(&[
    Refusal::NoSuchUser,
    Refusal::NoSuchConversation,
    Refusal::Forbidden,
    Refusal::AccountSuspended,
    Refusal::TextTooLong,
    Refusal::EmptyMessage,
    Refusal::Muted,
    Refusal::AskFirst,
]);

pub(super) const END_DEVICE: Operation = operation("The end of a device.", Answer::Nothing)
    .body(&[must("user", USER), must("device_id", ID)])
    .refuses(&[Refusal::NoSuchUser, Refusal::NoSuchDevice]);

pub(super) const EXPORT: Operation =
    operation("Everything that is kept for a user, as a tar.", Answer::Media(&["application/x-tar"]))
        .body(&[must("user", USER)])
        .refuses(&[Refusal::NoSuchUser]);

pub(super) const SUSPEND: Operation =
    operation("Nobody comes in by an account, or again; also when it was so already.", Answer::Nothing)
        .body(&[must("user", USER), must("suspended", Schema::Bool)])
        .refuses(&[Refusal::NoSuchUser]);

pub(super) const ERASE: Operation =
    operation("The end of an account, for good.", Answer::Json(Schema::Object(&[must("user_id", ID)])))
        .body(&[
            must("user", USER),
            may("free_name", Schema::Bool).says("Whether anybody may have the name from then on."),
        ])
        .refuses(&[Refusal::NoSuchUser]);

pub(super) const SET_PASSWORD: Operation = operation("A password of a user.", Answer::Nothing)
    .body(&[
        must("user", USER),
        must("password", Schema::Text { least: 0, most: 128 })
            .says("8 to 128 bytes, no common one and not the name."),
        must("end_devices", Schema::Bool).says("Whether all devices of the user are signed out."),
    ])
    .refuses(&[Refusal::NoSuchUser, Refusal::WeakPassword, Refusal::BotHasNoPassword]);

pub(super) const PUT_DOCUMENT: Operation = operation("A document of a user.", Answer::Nothing)
    .body(&[
        must("user_id", ID),
        must("kind", Schema::Integer { least: 0, most: u8::MAX as u64 })
            .says("A kind of documents of the configuration."),
        must("key", Schema::Text { least: 1, most: DOCUMENT_KEY_BYTES_MAX }).says("At most 128 bytes."),
        may("value", Schema::Any).says("At most 4,096 bytes as JSON; without it the document is deleted."),
    ])
    .refuses(&[Refusal::NoSuchUser]);

pub(super) const TURN: Operation = operation(
    "A group becomes a channel, or a channel a group; also when it was so already.",
    Answer::Nothing,
)
.body(&[must("group", ID).says("Its conversation."), must("channel", Schema::Bool)])
.refuses(&[Refusal::NoSuchConversation, Refusal::Forbidden, Refusal::GroupFull, Refusal::FollowedByAll]);

pub(super) const BROADCAST: Operation =
    operation("Everybody follows a channel, or it is an ordinary one again.", Answer::Nothing)
        .body(&[must("channel", ID).says("Its conversation."), must("everybody", Schema::Bool)])
        .refuses(&[Refusal::NoSuchConversation, Refusal::Forbidden, Refusal::TooManyBroadcasts]);

pub(super) const LIST_BROADCASTS: Operation = operation(
    "The channels that everybody follows, and whether everybody does by now.",
    Answer::Lines(Schema::Object(&[must("channel", ID), must("everybody_follows", Schema::Bool)])),
)
.body(&[]);
