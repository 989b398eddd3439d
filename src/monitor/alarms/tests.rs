#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use super::*;
use crate::{
    model::TimeMs,
    monitor::{
        minutes::{DAY_MINUTES, Minute, Minutes},
        registry::{Entry, Kind, LOST_ENTRY, Part, Unit},
        slots::Slots,
    },
};

/// Points by id and minute.
#[derive(Debug, Default, Clone)]
pub(super) struct Points(pub(super) BTreeMap<(u32, i64), i64>);

impl Series for Points {
    fn point(&self, id: u32, minute: Minute) -> Option<i64> {
        self.0.get(&(id, minute.0)).copied()
    }
}

impl Points {
    pub(super) fn put(&mut self, id: u32, minutes: std::ops::Range<i64>, value: i64) {
        self.0.extend(minutes.map(|minute| ((id, minute), value)));
    }
}

pub(super) const ID: u32 = 7;
pub(super) const OTHER: u32 = 8;

pub(super) const RULE: Rule = Rule {
    name: "rule",
    says: "it is so",
    severity: Severity::Warning,
    measure: Measure::Of(&[ID]),
    condition: Condition::Above,
    bound: 10,
    unit: "",
    n: 1,
    of_minutes: 1,
    repeat_minutes: 10,
    hours: None,
};

const NOW: i64 = 10 * DAY_MINUTES;

fn judged(rule: &Rule, points: &Points) -> Verdict {
    evaluate(rule, points, Minute(NOW))
}

fn firing(value: i64, bound: i64) -> Verdict {
    Verdict::Firing { value, bound }
}

#[test]
fn an_absolute_bound_is_passed_not_reached() {
    for (condition, value, expected) in [
        (Condition::Above, Some(11), firing(11, 10)),
        (Condition::Above, Some(10), Verdict::Quiet),
        (Condition::Above, Some(0), Verdict::Quiet),
        (Condition::Above, None, Verdict::NotEvaluable(Why::NoPoint)),
        (Condition::Below, Some(9), firing(9, 10)),
        (Condition::Below, Some(0), firing(0, 10)),
        (Condition::Below, Some(10), Verdict::Quiet),
        (Condition::Below, None, Verdict::NotEvaluable(Why::NoPoint)),
    ] {
        let mut points = Points::default();
        points.0.extend(value.map(|value| ((ID, NOW), value)));
        assert_eq!(judged(&Rule { condition, ..RULE }, &points), expected, "{condition:?} {value:?}");
    }
}

#[test]
fn a_ratio_of_few_is_quiet_and_one_with_a_missing_half_is_not_known() {
    let measure =
        Measure::Ratio { above: &[ID], below: &[OTHER], times: 100, below_least: 20, is_share: true };
    let rule = Rule { measure, bound: 5, ..RULE };
    for (above, below, expected) in [
        (Some(2), Some(20), firing(10, 5)),
        (Some(1), Some(20), Verdict::Quiet),
        (Some(19), Some(19), Verdict::Quiet),
        (Some(0), Some(0), Verdict::Quiet),
        (None, Some(20), Verdict::NotEvaluable(Why::NoPoint)),
        (Some(2), None, Verdict::NotEvaluable(Why::NoPoint)),
    ] {
        let mut points = Points::default();
        points.0.extend(above.map(|value| ((ID, NOW), value)));
        points.0.extend(below.map(|value| ((OTHER, NOW), value)));
        assert_eq!(judged(&rule, &points), expected, "{above:?} of {below:?}");
    }
}

#[test]
fn ids_are_added_and_one_that_is_missing_is_no_zero() {
    let rule = Rule { measure: Measure::Of(&[ID, OTHER]), ..RULE };
    let mut points = Points::default();
    points.put(ID, NOW..NOW + 1, 6);
    assert_eq!(judged(&rule, &points), Verdict::NotEvaluable(Why::NoPoint));
    points.put(OTHER, NOW..NOW + 1, 6);
    assert_eq!(judged(&rule, &points), firing(12, 10));
}

#[test]
fn a_week_is_compared_with_the_last_and_without_one_nothing_is_known() {
    let than = Baseline::DaysAgo { days: 7, around: 2 };
    let rule = Rule { condition: Condition::Fell { than, mean_least: 60 }, bound: 30, ..RULE };
    let then = NOW - 7 * DAY_MINUTES;
    // Value a week ago, how many of its five minutes have a point, value now.
    for (before, present, now, expected) in [
        (100, 5, 69, firing(31, 30)),
        (100, 5, 70, Verdict::Quiet),
        (100, 5, 0, firing(100, 30)),
        (100, 5, 500, Verdict::Quiet),
        (100, 3, 0, firing(100, 30)),
        (100, 2, 0, Verdict::NotEvaluable(Why::NoBaseline)),
        (100, 0, 0, Verdict::NotEvaluable(Why::NoBaseline)),
        (100, 0, 100, Verdict::NotEvaluable(Why::NoBaseline)),
        (59, 5, 0, Verdict::Quiet),
        (0, 5, 0, Verdict::Quiet),
    ] {
        let mut points = Points::default();
        points.put(ID, then - 2..then - 2 + present, before);
        points.put(ID, NOW..NOW + 1, now);
        assert_eq!(judged(&rule, &points), expected, "{before} in {present} minutes, then {now}");
    }
}

#[test]
fn what_rose_is_compared_with_the_minutes_before() {
    let than = Baseline::Previous { minutes: 4 };
    let rule = Rule { condition: Condition::Rose { than, mean_least: 10 }, bound: 100, ..RULE };
    for (before, now, expected) in [
        ([20, 20, 20, 20], 41, firing(105, 100)),
        ([20, 20, 20, 20], 40, Verdict::Quiet),
        ([20, 20, 20, 20], 0, Verdict::Quiet),
        ([10, 30, 10, 30], 60, firing(200, 100)),
        ([9, 9, 9, 9], 1000, Verdict::Quiet),
    ] {
        let mut points = Points::default();
        for (back, value) in before.into_iter().enumerate() {
            points.0.insert((ID, NOW - 1 - back as i64), value);
        }
        points.0.insert((ID, NOW), now);
        assert_eq!(judged(&rule, &points), expected, "{before:?} {now}");
    }
}

#[test]
fn numbers_at_the_ends_of_their_range_are_judged_too() {
    let than = Baseline::Previous { minutes: 2 };
    for condition in
        [Condition::Rose { than, mean_least: 1 }, Condition::Fell { than, mean_least: 1 }, Condition::Above]
    {
        for (before, now) in [(i64::MAX, i64::MAX), (1, i64::MAX), (i64::MAX, 0), (i64::MIN, i64::MIN)] {
            let mut points = Points::default();
            points.put(ID, NOW - 2..NOW, before);
            points.put(ID, NOW..NOW + 1, now);
            let _ = judged(&Rule { condition, ..RULE }, &points);
            let ratio =
                Measure::Ratio { above: &[ID], below: &[ID], times: 100, below_least: 0, is_share: false };
            let _ = judged(&Rule { condition, measure: ratio, ..RULE }, &points);
        }
    }
}

#[test]
fn minutes_without_points_are_counted_back_to_the_last_that_has_one() {
    let rule = Rule { condition: Condition::Missing { within: 60 }, bound: 2, ..RULE };
    for (last, expected) in [
        (Some(1), Verdict::Quiet),
        (Some(3), Verdict::Quiet),
        (Some(4), firing(3, 2)),
        (Some(60), firing(59, 2)),
        (Some(61), Verdict::NotEvaluable(Why::NoBaseline)),
        (None, Verdict::NotEvaluable(Why::NoBaseline)),
    ] {
        let mut points = Points::default();
        points.0.insert((ID, NOW), 0);
        points.0.extend(last.map(|back| ((ID, NOW - back), 0)));
        assert_eq!(judged(&rule, &points), expected, "{last:?}");
    }
}

#[test]
fn hours_may_lie_around_midnight() {
    for (from, until, hours) in
        [(8, 20, vec![8, 12, 19]), (22, 6, vec![22, 23, 0, 5]), (0, 24, vec![0, 12, 23]), (23, 24, vec![23])]
    {
        let rule = Rule { hours: Some(Hours { from, until }), ..RULE };
        let mut points = Points::default();
        points.put(ID, NOW..NOW + DAY_MINUTES, 11);
        for hour in 0..24 {
            let verdict = evaluate(&rule, &points, Minute(NOW + i64::from(hour) * 60 + 59));
            let is_in = verdict == firing(11, 10);
            assert!(is_in || verdict == Verdict::NotEvaluable(Why::OutOfHours));
            assert!(is_in || !hours.contains(&hour), "{from}-{until} at {hour}");
        }
        assert!(!Hours { from: 8, until: 20 }.contain(Minute(20 * 60)));
        assert!(!Hours { from: 22, until: 6 }.contain(Minute(6 * 60)));
    }
}

#[test]
fn the_ring_of_minutes_is_a_series() {
    static REGISTRY: [Entry; 2] = [
        LOST_ENTRY,
        Entry {
            id: ID,
            name: "test.sum",
            kind: Kind::Sum,
            unit: Unit::Count,
            owner: "test",
            family: "test",
            labels: &[],
            part: Part::Plain,
        },
    ];
    let (slots, mut minutes) = (Slots::new(&REGISTRY), Minutes::new(&REGISTRY));
    let at = |minute: i64| TimeMs(minute * 60_000);
    minutes.tick(at(100), &slots);
    slots.add(ID, 11);
    minutes.tick(at(101), &slots);
    minutes.tick(at(102), &slots);
    assert_eq!(evaluate(&RULE, &minutes, Minute(100)), firing(11, 10));
    assert_eq!(evaluate(&RULE, &minutes, Minute(101)), Verdict::Quiet);
    assert_eq!(evaluate(&RULE, &minutes, Minute(102)), Verdict::NotEvaluable(Why::NoPoint), "it still runs");
}

#[test]
fn an_override_changes_bound_and_hours_and_one_that_means_nothing_is_refused() {
    let fell = Condition::Fell { than: Baseline::Previous { minutes: 2 }, mean_least: 1 };
    let rules = [RULE, Rule { name: "fell", condition: fell, ..RULE }];
    let bound = |bound| overrides::Override { bound: Some(bound), ..Default::default() };
    let off = overrides::Override { off: true, ..Default::default() };
    assert_eq!(overridden(&rules, []).unwrap(), rules);
    assert_eq!(overridden(&rules, [("rule", off)]).unwrap(), rules[1..]);
    let hours = Hours { from: 8, until: 20 };
    let both = overrides::Override { bound: Some(3), hours: Some(hours), off: false };
    let made = overridden(&rules, [("rule", both)]).unwrap();
    assert_eq!(made, [Rule { bound: 3, hours: Some(hours), ..RULE }, rules[1]]);
    let unknown = overridden(&rules, [("ruel", off)]).unwrap_err();
    assert_eq!(unknown.to_string(), "alarms.rules names ruel, which is no rule; there are rule, fell");
    assert!(overridden(&rules, [("fell", bound(99)), ("rule", bound(100))]).is_ok());
}
