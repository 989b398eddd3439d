//! Figures, alarms and pages, described.

use highwater_wire::Refusal;

use super::{
    operation::{Answer, Operation, operation},
    schema::{Field, Schema, may, must},
};
use crate::{
    model::reports::{Period, PeriodKind},
    monitor::alarms::SILENCE_MINUTES_MAX,
};

/// A time, ms since 1970-01-01 UTC, as answers have it.
pub(super) const TIME_MS: Schema = Schema::Integer { least: i64::MIN, most: i64::MAX as u64 };

/// A time that is asked for.
const SINCE_1970_MS: Schema = Schema::Integer { least: 0, most: i64::MAX as u64 };

/// A count, a version, a number of an entry.
pub(super) const COUNT: Schema = Schema::Integer { least: 0, most: u64::MAX };

/// Text of any length: in answers alone.
pub(super) const TEXT: Schema = Schema::Text { least: 0, most: usize::MAX };

/// A list of any length: in answers alone.
pub(super) const fn list(of: &'static Schema) -> Schema {
    Schema::List { of, least: 0, most: usize::MAX }
}

const VALUE: Schema = Schema::Integer { least: i64::MIN, most: i64::MAX as u64 };

const HTML: Answer = Answer::Media(&["text/html"]);

const WINDOW: &[Field] = &[may("window", TEXT)
    .says("`hour` or `day`; another word is as `hour`. Not read where the pages are part of the binary.")];

pub(super) const FIRST_PAGE: Operation =
    operation("The operator's pages; the curves in a binary that has none.", HTML).query(WINDOW);

pub(super) const ASSET: Operation = operation(
    "What the pages load.",
    Answer::Media(&["text/javascript", "text/css", "image/svg+xml", "application/octet-stream"]),
)
.refuses(&[Refusal::NotFound]);

pub(super) const CURVES: Operation =
    operation("Curves of the last hour or day, without a script.", HTML).query(WINDOW);

pub(super) const METRICS: Operation =
    operation("All counters for Prometheus.", Answer::Media(&["text/plain", "application/openmetrics-text"]));

pub(super) const OPEN_API: Operation = operation("This document.", Answer::Json(Schema::Map(&Schema::Any)));

fn is_ids(text: &str) -> bool {
    let is_id =
        |digits: &str| (1..=10).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    text.split_once('-').map_or_else(|| is_id(text), |(first, last)| is_id(first) && is_id(last))
}

pub(super) const POINTS: Operation =
    operation("Stored points of counters.", Answer::Json(Schema::Object(POINTS_TOLD)))
        .query(&[
            may("ids", Schema::Pattern { pattern: "^[0-9]{1,10}(-[0-9]{1,10})?$", fits: is_ids })
                .says("An id, or the first and the last; all without it."),
            may("from_ms", SINCE_1970_MS).says("The first point; an hour before `to_ms` without it."),
            may("to_ms", SINCE_1970_MS)
                .says("Behind the last point, at most three years; the running minute without it."),
        ])
        .refuses(&[Refusal::Internal]);

fn is_day(text: &str) -> bool {
    Period::parse(PeriodKind::Day, text).is_some()
}

fn is_week(text: &str) -> bool {
    Period::parse(PeriodKind::Week, text).is_some()
}

pub(super) const REPORTS: Operation = operation(
    "What was counted in a day or a week that has begun, beside the one before: as JSON, or as a page with curves.",
    Answer::Media(&["application/json", "text/html"]),
)
.query(&[
    may("day", Schema::Pattern { pattern: "^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$", fits: is_day })
        .says("Such as `2026-11-21`; then without `week`."),
    may("week", Schema::Pattern { pattern: "^[0-9]{4}-W(0[1-9]|[1-4][0-9]|5[0-3])$", fits: is_week })
        .says("Such as `2026-W47`, Monday to Sunday; then without `day`."),
    may("format", Schema::Word(&["json", "html"])).says("`json` without it."),
]);

const POINTS_TOLD: &[Field] = &[
    must("from_ms", TIME_MS),
    must("step_ms", TIME_MS),
    must("steps", COUNT),
    must("minutes", list(&COUNT)).says("How many minutes of each step were counted."),
    must("series", list(&Schema::Object(SERIES))),
    must("next_id", Schema::Nullable(&COUNT)).says("The first id that did not fit."),
];

const SERIES: &[Field] = &[
    must("id", COUNT),
    must("name", TEXT),
    must("kind", KIND),
    must("unit", UNIT),
    must("owner", TEXT),
    must("points", list(&Schema::Nullable(&VALUE)))
        .says("One for each step, oldest first; null where it is missing."),
];

pub(super) const KIND: Schema = Schema::Word(&["sum", "gauge", "max"]);

pub(super) const UNIT: Schema = Schema::Word(&["count", "microseconds", "bytes"]);

pub(super) const ALARMS: Operation = operation(
    "All rules as they stand, and the alarms that ended last, newest first.",
    Answer::Json(Schema::Object(&[
        must("judged_ms", Schema::Nullable(&TIME_MS)),
        must("alarms", list(&Schema::Object(STANDING))),
        must("ended", list(&Schema::Object(ENDED))),
    ])),
);

const SEVERITY: Schema = Schema::Word(&["warning", "critical"]);

const STANDING: &[Field] = &[
    must("alarm", TEXT),
    must("state", Schema::Word(&["firing", "quiet", "not_evaluable"])),
    must("why", Schema::Nullable(&TEXT)),
    must("severity", SEVERITY),
    must("says", TEXT),
    must("ids", list(&TEXT)),
    must("bound", VALUE),
    must("unit", TEXT),
    must("n", COUNT),
    must("of_minutes", COUNT),
    must("value", Schema::Nullable(&VALUE)),
    must("begun_ms", Schema::Nullable(&TIME_MS)),
    must("acknowledged", Schema::Bool),
    must("silenced_until_ms", Schema::Nullable(&TIME_MS)),
];

const ENDED: &[Field] = &[
    must("alarm", TEXT),
    must("severity", SEVERITY),
    must("value", VALUE),
    must("bound", VALUE),
    must("unit", TEXT),
    must("begun_ms", TIME_MS),
    must("over_ms", TIME_MS),
    must("acknowledged", Schema::Bool),
];

pub(super) const ACKNOWLEDGE_ALARM: Operation =
    operation("An alarm is seen: it is not told again until it is over.", Answer::Nothing)
        .refuses(&[Refusal::NotFound, Refusal::AlarmQuiet]);

pub(super) const SILENCE_ALARM: Operation =
    operation("Nothing of an alarm begins to be told for a while.", Answer::Nothing)
        .body(&[must("minutes", Schema::Integer { least: 0, most: SILENCE_MINUTES_MAX as u64 })
            .says("From now; 0 ends a silence.")])
        .refuses(&[Refusal::NotFound]);

const MAIL: &[Field] = &[must("to", TEXT), must("taken", Schema::Bool), must("answer", TEXT)];

pub(super) const TRY_OUT_MAIL: Operation = operation(
    "A mail to everybody who is told of alarms, and what the mail server said of each.",
    Answer::Json(Schema::Object(&[must("mails", list(&Schema::Object(MAIL)))])),
)
.refuses(&[Refusal::MailOff, Refusal::MailNotTaken]);
