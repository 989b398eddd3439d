#![allow(clippy::unwrap_used)]

use super::*;
use crate::monitor::ids::{self, FRAMEWORK};

fn rows() -> Vec<PointRow> {
    let ids = [(ids::CONNECTIONS_OPEN, Kind::Gauge), (ids::MESSAGES_STORED, Kind::Sum)];
    let row =
        |slot, minutes, values: [i64; 2]| PointRow { slot, minutes, ids: ids.into(), values: values.into() };
    vec![row(100, 60, [3, 70]), row(102, 12, [4, 0])]
}

fn json(slots: Range<i64>, ids: RangeInclusive<u32>) -> serde_json::Value {
    let answered = Answered { resolution: Resolution::Hour, slots, ids, rows: &rows() };
    serde_json::from_str(&answered.json(&HostValues::default())).unwrap()
}

#[test]
fn points_of_a_range_of_ids_with_null_for_missing_and_0_for_quiet() {
    let answer = json(100..103, ids::CONNECTIONS_OPEN..=ids::MESSAGES_STORED);
    assert_eq!(answer["from_ms"], 100 * 3_600_000);
    assert_eq!((&answer["step_ms"], &answer["steps"]), (&3_600_000.into(), &3.into()));
    assert_eq!(answer["minutes"], serde_json::json!([60, 0, 12]));
    let of = |id: u32| {
        let series = answer["series"].as_array().unwrap();
        series.iter().find(|series| series["id"] == id).unwrap()["points"].clone()
    };
    assert_eq!(of(ids::MESSAGES_STORED), serde_json::json!([70, null, 0]));
    assert_eq!(of(ids::CONNECTIONS_OPEN), serde_json::json!([3, null, 4]));
    assert_eq!(
        of(ids::USERS_ACTIVE),
        serde_json::json!([null, null, null]),
        "an id that the rows do not know"
    );
    assert_eq!(answer["next_id"], serde_json::Value::Null);
}

#[test]
fn a_long_range_comes_in_parts_that_fit_together() {
    let mut seen = Vec::new();
    let mut next = Some(0);
    while let Some(first) = next {
        let answer = json(0..20_000, first as u32..=2_000);
        let series = answer["series"].as_array().unwrap();
        assert!(!series.is_empty() && series.len() * 20_000 <= VALUES_PER_ANSWER_MAX);
        seen.extend(series.iter().map(|series| series["id"].as_u64().unwrap()));
        next = answer["next_id"].as_u64();
    }
    let all: Vec<u64> = FRAMEWORK.iter().map(|entry| u64::from(entry.id)).filter(|id| *id <= 2_000).collect();
    assert_eq!(seen, all);
}
