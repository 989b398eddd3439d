//! Each rule that is shipped: a series that fires it, and one that does not.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use super::{tests::Points, *};
use crate::{
    model::TimeMs,
    monitor::{
        Op, Outcome,
        ids::{self, FRAMEWORK},
        minutes::{DAY_MINUTES, Minute},
        registry::index_of,
    },
};

const FIRST: i64 = 8 * DAY_MINUTES;
const MINUTES: i64 = 15;
const GIB: i64 = 1 << 30;
const MIB: i64 = 1 << 20;

/// A server of a quiet week, and 15 minutes in which some ids have other values.
fn week(special: &[(u32, i64)]) -> Points {
    let mut points = Points::default();
    let usual = [(ids::MESSAGES_STORED, 100), (ids::CONNECTIONS_OPENED, 100), (ids::BATCHES, 100)];
    let usual = usual.into_iter().chain([
        (ids::DISK_FREE, 50 * GIB),
        (ids::DISK_SIZE, 100 * GIB),
        (ids::INDEX_LIVE_BYTES, 100 * MIB),
    ]);
    let sends = (Op::Send.calls(), 100);
    for id in SHIPPED.iter().flat_map(Rule::ids) {
        let value =
            usual.clone().chain([sends]).find(|(usual, _)| *usual == id).map_or(0, |(_, value)| value);
        points.put(id, 0..FIRST, value);
        let value = special.iter().find(|(special, _)| *special == id).map_or(value, |(_, value)| *value);
        points.put(id, FIRST..FIRST + MINUTES, value);
    }
    points
}

/// The alarms that fire within the 15 minutes, and how often each was told to begin.
fn fired(points: &Points) -> Vec<&'static str> {
    let mut alarms = Alarms::new(SHIPPED.to_vec());
    let mut begun = Vec::new();
    for minute in FIRST - 60..FIRST + MINUTES {
        let told = alarms.minute_ended(points, Minute(minute), TimeMs(minute * 60_000));
        begun.extend(told.iter().filter(|told| told.state == "firing").map(|told| told.alarm));
        assert!(minute >= FIRST || begun.is_empty(), "a quiet week is quiet: {begun:?}");
    }
    begun
}

#[test]
fn each_rule_fires_once_by_what_it_is_for_and_not_by_less() {
    let error = |op: Op, outcome| op.errors(outcome).unwrap();
    let rows: &[(&str, u32, i64, i64)] = &[
        ("disk_nearly_full", ids::DISK_FREE, 256 * MIB - 1, 0),
        ("disk_low", ids::DISK_FREE, 9 * GIB, 10 * GIB),
        ("messages_fell", ids::MESSAGES_STORED, 69, 70),
        ("messages_stopped", ids::MESSAGES_STORED, 30, 0),
        ("connections_rose", ids::CONNECTIONS_OPENED, 402, 400),
        ("commits_slow", ids::BATCH_SYNC_SUM, 100 * 20_001, 100 * 20_000),
        ("commits_stuck", ids::PERSISTENCE_TURN, 5_000_001, 5_000_000),
        ("index_bloated", ids::INDEX_DISK_BYTES, 809 * MIB, 800 * MIB),
        ("index_behind", ids::TAIL_BYTES, 192 * MIB + 1, 192 * MIB),
        ("fan_out_late", ids::GROUP_OLDEST_WAITING, 2_000_001, 2_000_000),
        ("fan_out_parked", ids::GROUPS_PARKED, 1, 0),
        ("requests_fault", error(Op::Sync, Outcome::Fault), 1, 0),
        ("sends_refused_busy", error(Op::Send, Outcome::Overload), 6, 5),
        ("sign_ins_refused", error(Op::SignIn, Outcome::Auth), 31, 30),
        ("host_tokens_forged", ids::HOST_TOKENS_REFUSED_SIGNATURE, 11, 10),
        ("lost_future_seen", ids::LINEAGES_LOST_FUTURE, 1, 0),
        ("lineages_stuck", ids::LINEAGES_STUCK, 1, 0),
    ];
    for (name, id, wrong, right) in rows {
        let expected = match *name {
            // What leaves no room leaves little, and what halves has fallen.
            "disk_nearly_full" => vec![*name, "disk_low"],
            "messages_stopped" => vec![*name, "messages_fell"],
            name => vec![name],
        };
        assert_eq!(fired(&week(&[(*id, *wrong)])), expected, "{name}");
        let right = if matches!(*name, "disk_nearly_full" | "messages_stopped") { continue } else { *right };
        assert_eq!(fired(&week(&[(*id, right)])), [""; 0], "{name} at its bound");
    }
    assert!(!fired(&week(&[(ids::DISK_FREE, 256 * MIB)])).contains(&"disk_nearly_full"));
    assert!(!fired(&week(&[(ids::MESSAGES_STORED, 50)])).contains(&"messages_stopped"));
    let mut tried: BTreeSet<&str> = rows.iter().map(|row| row.0).collect();
    tried.insert("minutes_missing");
    assert_eq!(tried, SHIPPED.iter().map(|rule| rule.name).collect(), "each rule has a row");
}

/// A disk that is full or slow, guessed passwords and a fan-out that is stuck are told within two minutes, whenever in a minute
/// they begin. What is counted or meant over a minute may be too little in the one in which it begins; what is looked at when
/// a minute ends is not.
#[test]
fn what_cannot_wait_is_told_within_two_minutes() {
    for (name, id, wrong, is_looked_at) in [
        ("disk_nearly_full", ids::DISK_FREE, 0, true),
        ("commits_slow", ids::BATCH_SYNC_SUM, 100 * 20_001, false),
        ("commits_stuck", ids::PERSISTENCE_TURN, 5_000_001, true),
        ("sign_ins_refused", Op::SignIn.errors(Outcome::Auth).unwrap(), 31, false),
        ("fan_out_late", ids::GROUP_OLDEST_WAITING, 2_000_001, true),
    ] {
        let mut points = week(&[]);
        let begins = FIRST + i64::from(!is_looked_at);
        points.put(id, begins..FIRST + MINUTES, wrong);
        let mut alarms = Alarms::new(SHIPPED.to_vec());
        let mut told_in = None;
        for minute in FIRST - 60..FIRST + MINUTES {
            let told = alarms.minute_ended(&points, Minute(minute), Minute(minute).end());
            let begun = told.iter().any(|told| told.alarm == name && told.state == "firing");
            told_in = told_in.or(begun.then_some(minute));
        }
        assert!(told_in.is_some_and(|minute| minute <= FIRST + 1), "{name}: {told_in:?}");
    }
}

#[test]
fn minutes_without_points_fire_when_there_are_points_again() {
    let without = |count: i64| {
        let mut points = week(&[]);
        points.0.retain(|(_, minute), _| !(FIRST + 3..FIRST + 3 + count).contains(minute));
        fired(&points)
    };
    assert_eq!(without(3), ["minutes_missing"]);
    assert_eq!(without(2), [""; 0]);
}

#[test]
fn a_new_server_knows_nothing_of_last_week_and_does_not_say_that_all_is_well() {
    let mut points = week(&[(ids::MESSAGES_STORED, 0)]);
    points.0.retain(|(_, minute), _| *minute >= FIRST);
    let mut alarms = Alarms::new(SHIPPED.to_vec());
    for minute in FIRST..FIRST + MINUTES {
        assert!(alarms.minute_ended(&points, Minute(minute), TimeMs(minute * 60_000)).is_empty());
    }
    let listing: serde_json::Value = serde_json::from_str(&alarms.listing(TimeMs(0))).unwrap();
    let of = |name: &str| {
        let all = listing["alarms"].as_array().unwrap();
        all.iter().find(|alarm| alarm["alarm"] == name).unwrap().clone()
    };
    for name in ["messages_fell", "messages_stopped", "connections_rose"] {
        let alarm = of(name);
        assert_eq!(
            (alarm["state"].as_str(), alarm["why"].as_str()),
            (Some("not_evaluable"), Some("no_baseline"))
        );
    }
    assert_eq!(of("disk_low")["state"], "quiet");
    assert_eq!(of("disk_low")["ids"], serde_json::json!(["disk.free", "disk.size"]));
}

#[test]
fn the_rules_are_well_formed() {
    let names: BTreeSet<_> = SHIPPED.iter().map(|rule| rule.name).collect();
    assert_eq!(names.len(), SHIPPED.len(), "a name is used once");
    for rule in SHIPPED {
        assert!(rule.name.chars().all(|c| c.is_ascii_lowercase() || c == '_'), "{}", rule.name);
        assert!(rule.ids().all(|id| index_of(&FRAMEWORK, id).is_some()), "{}", rule.name);
        assert!(["", "%", "us", "bytes"].contains(&rule.unit), "{}", rule.name);
        assert!(
            rule.repeat_minutes > 0 && !rule.says.contains(|c: char| c.is_ascii_digit()),
            "{}",
            rule.name
        );
    }
    assert!(overridden(SHIPPED, []).is_ok());
}

/// What no minute could pass, or every minute would, is no bound.
#[test]
fn a_bound_beyond_what_a_unit_can_be_is_refused_and_the_range_is_said() {
    let most = 1_000_000_000_000_000_000;
    for (name, least, largest, says) in [
        ("disk_nearly_full", 1, None, "1 bytes or more"),
        ("disk_low", 1, Some(100), "1 to 100 %"),
        ("messages_fell", 0, Some(99), "0 to 99 %"),
        ("messages_stopped", 0, Some(99), "0 to 99 %"),
        ("connections_rose", 0, None, ""),
        ("commits_slow", 0, None, ""),
        ("index_bloated", 0, None, ""),
        ("sends_refused_busy", 0, Some(99), "0 to 99 %"),
        ("sign_ins_refused", 0, None, ""),
        ("minutes_missing", 0, Some(58), "0 to 58"),
    ] {
        let with =
            |bound| overridden(SHIPPED, [(name, Override { bound: Some(bound), ..Override::default() })]);
        assert!(with(least).is_ok() && with(largest.unwrap_or(most)).is_ok(), "{name}");
        for beyond in [Some(least - 1).filter(|bound| *bound >= 0), largest.map(|largest| largest + 1)] {
            let Some(beyond) = beyond else { continue };
            let fault = with(beyond).unwrap_err().to_string();
            let begins = format!("alarms.rules.{name}.bound is {beyond}");
            assert!(fault.starts_with(&begins) && fault.ends_with(&format!("it may be {says}")), "{fault}");
        }
    }
}

/// The ends of the ranges, held against what rules say of minutes: the last bound that is taken counts some, and the first
/// that is not counts none or all.
#[test]
fn the_ranges_of_bounds_are_those_of_the_measures() {
    let counts = |name: &str, bound: i64, points: &Points| {
        let rule = Rule { bound, ..*SHIPPED.iter().find(|rule| rule.name == name).unwrap() };
        matches!(evaluate(&rule, points, Minute(FIRST + 5)), Verdict::Firing { .. })
    };
    let full = week(&[(ids::DISK_FREE, 0)]);
    let empty = week(&[(ids::DISK_FREE, 100 * GIB)]);
    assert!(counts("disk_low", 1, &full) && !counts("disk_low", 0, &full));
    assert!(!counts("disk_low", 100, &empty) && counts("disk_low", 101, &empty));
    let overload = Op::Send.errors(Outcome::Overload).unwrap();
    let all_refused = week(&[(overload, 100)]);
    assert!(
        counts("sends_refused_busy", 99, &all_refused) && !counts("sends_refused_busy", 100, &all_refused)
    );
    let nothing = week(&[(ids::MESSAGES_STORED, 0)]);
    assert!(counts("messages_fell", 99, &nothing) && !counts("messages_fell", 100, &nothing));
    let mut gap = week(&[]);
    gap.0.retain(|(_, minute), _| *minute == FIRST + 5 || *minute <= FIRST + 5 - 60);
    assert!(counts("minutes_missing", 58, &gap) && !counts("minutes_missing", 59, &gap));
}

/// The row of a rule in the operator's guide.
fn row(rule: &Rule) -> String {
    let name = |id: u32| format!("`{}`", FRAMEWORK[index_of(&FRAMEWORK, id).unwrap()].name);
    let names = |ids: &[u32]| ids.iter().map(|id| name(*id)).collect::<Vec<_>>().join(" + ");
    let measure = match rule.measure {
        Measure::Of(ids) => names(ids),
        Measure::Ratio { above, below, .. } => format!("{} ÷ {}", names(above), names(below)),
    };
    let than = |than| match than {
        Baseline::Previous { minutes } => format!("the {minutes} minutes before"),
        Baseline::DaysAgo { days: 1, .. } => "yesterday".to_owned(),
        Baseline::DaysAgo { days, .. } => format!("{days} days ago"),
    };
    let bound = match rule.unit {
        "" => rule.bound.to_string(),
        "us" => format!("{} µs", rule.bound),
        unit => format!("{} {unit}", rule.bound),
    };
    let when = match rule.condition {
        Condition::Above => format!("{measure} above {bound}"),
        Condition::Below => format!("{measure} below {bound}"),
        Condition::Fell { than: baseline, mean_least } => {
            format!("{measure} more than {bound} under {}, of at least {mean_least} a minute", than(baseline))
        }
        Condition::Rose { than: baseline, mean_least } => {
            format!("{measure} more than {bound} over {}, of at least {mean_least} a minute", than(baseline))
        }
        Condition::Missing { within } => format!("more than {bound} of {within} minutes without points"),
    };
    let (n, of) = (rule.n, rule.of_minutes);
    format!("| `{}` | {} | {when} | {n} of {of} | {} |", rule.name, rule.severity.name(), rule.says)
}

#[test]
fn the_operators_guide_has_each_rule_as_it_is() {
    let guide = include_str!("../../../docs/operating.md");
    let rows: Vec<String> = SHIPPED.iter().map(row).collect();
    let head = "| rule | severity | when | minutes | what it says |\n| --- | --- | --- | --- | --- |\n";
    let (_, table) = guide.split_once(head).expect("the guide has the table");
    let there: Vec<&str> = table.lines().take_while(|line| line.starts_with('|')).collect();
    assert_eq!(there, rows, "the table should be:\n{head}{}\n", rows.join("\n"));
}
