#![allow(clippy::unwrap_used, clippy::print_stdout)]

use serde_json::{Value, json};

use super::*;
use crate::monitor::ids::{self, FRAMEWORK};
use crate::monitor::slots::Slots;

#[test]
fn points_of_a_range_of_ids_with_null_for_missing_and_0_for_quiet() {
    let slots = Slots::new(&FRAMEWORK);
    let mut minutes = Minutes::new(&FRAMEWORK);
    minutes.tick(TimeMs(100 * 60_000), &slots);
    slots.add(ids::MESSAGES_STORED, 3);
    minutes.tick(TimeMs(101 * 60_000), &slots);
    minutes.tick(TimeMs(102 * 60_000), &slots);
    let now = TimeMs(103 * 60_000 + 5);
    let json = points_json(&minutes, ids::MESSAGES_STORED..=ids::SENDS_REPEATED, Window::Hour, now);
    let answer: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(answer["from_ms"], json!((103 - 60) * 60_000));
    assert_eq!((&answer["minutes"], &answer["minute_ms"]), (&json!(60), &json!(60_000)));
    assert_eq!(answer["next_id"], Value::Null);
    let series = answer["series"].as_array().unwrap();
    assert_eq!(series.len(), 2);
    assert_eq!(series[0]["name"], json!("messages.stored"));
    assert_eq!((&series[0]["kind"], &series[0]["unit"]), (&json!("sum"), &json!("count")));
    let points = series[0]["points"].as_array().unwrap();
    assert_eq!(points.len(), 60);
    assert_eq!(points[56..], [Value::Null, json!(3), json!(0), Value::Null]);
}

#[test]
fn a_long_range_comes_in_parts_that_fit_together() {
    let minutes = Minutes::new(&FRAMEWORK);
    let mut seen = Vec::new();
    let mut next = Some(0);
    while let Some(from) = next {
        let json = points_json(&minutes, from..=u32::MAX, Window::Hour, TimeMs(0));
        let answer: Value = serde_json::from_str(&json).unwrap();
        let ids = answer["series"].as_array().unwrap().iter().map(|one| one["id"].as_u64().unwrap());
        let before = seen.len();
        seen.extend(ids);
        assert!((1..=IDS_PER_ANSWER_MAX).contains(&(seen.len() - before)));
        next = answer["next_id"].as_u64().map(|id| u32::try_from(id).unwrap());
    }
    let all: Vec<_> = FRAMEWORK.iter().map(|entry| u64::from(entry.id)).collect();
    assert_eq!(seen, all);
}
