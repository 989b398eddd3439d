//! What is told of a minute, as a letter to operators: names of rules and numbers, nothing of users.

use std::fmt::Write;

use time::OffsetDateTime;

use super::{firing_html::shown, standing::Telling};

/// Alarms that a subject names. Source: what a list of mails shows of a subject; the others are in the text.
const NAMED_IN_SUBJECT_MAX: usize = 2;

/// A letter, before it is a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// What it is about, without the server's name.
    pub subject: String,
    /// Its text, lines ended by line feeds.
    pub text: String,
    /// What makes it this one: a letter with the same is the same, written once more.
    pub identity: String,
}

/// One letter for what is told of a minute, what weighs most first.
#[must_use]
pub fn letter(tellings: &[Telling]) -> Letter {
    let tellings = by_weight(tellings);
    let parts: Vec<String> = tellings.iter().map(|told| part(told)).collect();
    Letter { subject: subject(&tellings), text: parts.join("\n"), identity: identity(&tellings) }
}

/// What weighs most first.
pub(super) fn by_weight(tellings: &[Telling]) -> Vec<&Telling> {
    let mut tellings: Vec<&Telling> = tellings.iter().collect();
    tellings.sort_by_key(|told| weight(told));
    tellings
}

/// What makes these ones these and no others: alarm, begin, state and time of each.
pub(super) fn identity(tellings: &[&Telling]) -> String {
    let one = |told: &&Telling| format!("{} {} {} {}\n", told.alarm, told.begun_ms, told.state, told.at_ms);
    tellings.iter().map(one).collect()
}

/// The first, with its severity or that it is over, and the names of the others as far as they fit.
fn subject(tellings: &[&Telling]) -> String {
    let Some(first) = tellings.first() else {
        return String::new();
    };
    let names: Vec<&str> = tellings.iter().take(NAMED_IN_SUBJECT_MAX).map(|told| told.alarm).collect();
    let mut subject = format!("{}: {}", stands(first), names.join(", "));
    if tellings.len() > names.len() {
        write!(subject, " and {} more", tellings.len() - names.len()).expect("a String takes all");
    }
    subject
}

/// What is written of one alarm: some lines, each ended by a line feed.
pub(super) fn part(told: &Telling) -> String {
    let (value, bound) = (shown(told.unit, told.value), shown(told.unit, told.bound));
    let (begun, at) = (moment(told.begun_ms), moment(told.at_ms));
    let since = match told.state {
        "over" => format!("fired from {begun} until {at}; measured last {value}, bound {bound}"),
        "still_firing" => format!("fires since {begun}, still at {at}; measured {value}, bound {bound}"),
        _ => format!("fires since {begun}; measured {value}, bound {bound}"),
    };
    let mut text = format!("{}: {}\n{}\n{since}\n", stands(told), told.alarm, told.says);
    if told.state != "over" {
        writeln!(text, "not to be told again: highwater admin alarms ack {}", told.alarm)
            .expect("a String takes all");
    }
    text
}

/// `critical`, `still warning`, or `over`.
fn stands(told: &Telling) -> String {
    match told.state {
        "over" => "over".to_owned(),
        "still_firing" => format!("still {}", told.severity),
        _ => told.severity.to_owned(),
    }
}

/// What is new before what goes on before what is over, and in each what is critical first.
fn weight(told: &Telling) -> (u8, bool) {
    let state = match told.state {
        "firing" => 0,
        "still_firing" => 1,
        _ => 2,
    };
    (state, told.severity != "critical")
}

/// A time to the minute, UTC.
fn moment(ms: i64) -> String {
    let Ok(at) = OffsetDateTime::from_unix_timestamp(ms.div_euclid(1000)) else {
        return format!("{ms} ms");
    };
    format!(
        "{}-{:02}-{:02} {:02}:{:02} UTC",
        at.year(),
        u8::from(at.month()),
        at.day(),
        at.hour(),
        at.minute()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(alarm: &'static str, state: &'static str, severity: &'static str) -> Telling {
        Telling {
            alarm,
            state,
            severity,
            says: "little is left",
            value: 128 << 20,
            bound: 256 << 20,
            unit: "bytes",
            begun_ms: 1_763_784_000_000,
            at_ms: 1_763_784_660_000,
        }
    }

    #[test]
    fn a_letter_says_what_fires_since_when_and_how_much() {
        let one = letter(&[told("disk_low", "firing", "warning")]);
        assert_eq!(one.subject, "warning: disk_low");
        assert_eq!(
            one.text,
            "warning: disk_low\nlittle is left\nfires since 2025-11-22 04:00 UTC; measured 128 MiB, bound 256 MiB\n\
             not to be told again: highwater admin alarms ack disk_low\n"
        );
        let over = letter(&[told("disk_low", "over", "warning")]);
        assert_eq!(over.subject, "over: disk_low");
        assert!(
            over.text.contains("fired from 2025-11-22 04:00 UTC until 2025-11-22 04:11 UTC"),
            "{}",
            over.text
        );
        assert!(!over.text.contains("ack"), "{}", over.text);
    }

    #[test]
    fn what_weighs_most_comes_first() {
        let all = [
            told("d", "over", "critical"),
            told("c", "still_firing", "warning"),
            told("b", "firing", "warning"),
            told("a", "firing", "critical"),
        ];
        let letter = letter(&all);
        assert_eq!(letter.subject, "critical: a, b and 2 more");
        let heads: Vec<&str> = letter.text.split("\n\n").filter_map(|part| part.lines().next()).collect();
        assert_eq!(heads, ["critical: a", "warning: b", "still warning: c", "over: d"]);
    }

    #[test]
    fn a_letter_is_the_same_by_alarm_begin_state_and_time_and_no_other() {
        let identity = |change: fn(&mut Telling)| {
            let mut told = told("disk_low", "firing", "warning");
            change(&mut told);
            letter(&[told]).identity
        };
        let first = identity(|_| {});
        assert_eq!(identity(|told| told.value = 0), first);
        for change in [
            (|told| told.alarm = "disk_nearly_full") as fn(&mut Telling),
            |told| told.state = "over",
            |told| told.begun_ms += 60_000,
            |told| told.at_ms += 60_000,
        ] {
            assert_ne!(identity(change), first);
        }
    }
}
