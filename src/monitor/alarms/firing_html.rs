//! What fires now, as a part of the operator's page: escaped, without a script.

use std::fmt::Write;

use super::standing::Alarms;
use crate::monitor::chart::{Scale, escape};

/// A paragraph for each alarm that fires; nothing when all is quiet.
#[must_use]
pub fn firing_html(alarms: &Alarms) -> String {
    let mut out = String::new();
    for (rule, episode) in alarms.firing() {
        let (value, bound) = (shown(rule.unit, episode.value), shown(rule.unit, episode.bound));
        let severity = rule.severity.name();
        let seen = if episode.acknowledged { ", acknowledged" } else { "" };
        let text = format!("{severity}: {} ({}: {value}, bound {bound}{seen})", rule.says, rule.name);
        writeln!(out, "<p class=\"firing {severity}\">{}</p>", escape(&text)).expect("a String takes all");
    }
    out
}

/// A value in the unit of a rule, for people.
#[expect(clippy::cast_precision_loss, reason = "four digits are shown")]
pub(super) fn shown(unit: &str, value: i64) -> String {
    let scale = match unit {
        "bytes" => Scale::Bytes,
        "us" => Scale::Micros,
        "%" => return format!("{value} %"),
        _ => Scale::Count,
    };
    scale.text(value as f64)
}
