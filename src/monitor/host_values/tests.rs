#![allow(clippy::unwrap_used)]

use super::*;
use crate::{
    model::{PointUnit, Resolution, TimeMs},
    monitor::{Format, Monitor, ids, minutes::Minute, points::Answered, registry::LOST},
};

const ORDERS: u32 = 10_000;
const CARTS: u32 = 10_001;
const SLOWEST: u32 = 10_002;

fn id(id: u32, name: &str, kind: PointKind, unit: PointUnit) -> HostId {
    HostId { id, name: name.to_owned(), kind, unit }
}

fn shop() -> Vec<HostId> {
    vec![
        id(ORDERS, "shop.orders", PointKind::Sum, PointUnit::Count),
        id(CARTS, "shop.carts", PointKind::Gauge, PointUnit::Bytes),
        id(SLOWEST, "shop.slowest", PointKind::Max, PointUnit::Micros),
    ]
}

fn monitor() -> Monitor {
    let monitor = Monitor::new();
    monitor.change_host_ids(&shop());
    monitor
}

fn now(monitor: &Monitor) -> [i64; 3] {
    [ORDERS, CARTS, SLOWEST].map(|id| monitor.value(id))
}

fn at(minute: i64) -> TimeMs {
    TimeMs(minute * 60_000 + 5)
}

use HostReport::{Add, Set};

#[test]
fn kinds_combine_as_those_of_the_server_do() {
    let monitor = monitor();
    monitor.report(&[(ORDERS, Add(3)), (CARTS, Set(7)), (SLOWEST, Set(40)), (ORDERS, Add(4))]).unwrap();
    monitor.report(&[(CARTS, Add(-9)), (SLOWEST, Set(30)), (ORDERS, Add(0))]).unwrap();
    assert_eq!(now(&monitor), [7, -2, 40]);
    assert_eq!(monitor.value(LOST), 0);
    monitor.report(&[(ORDERS, Add(i64::MAX)), (CARTS, Add(i64::MIN))]).unwrap();
    assert_eq!(now(&monitor), [i64::MAX, i64::MIN, 40], "at its end it stays");
}

#[test]
fn a_report_is_taken_whole_or_not_at_all() {
    let monitor = monitor();
    for (wrong, why) in [
        ((ids::MESSAGES_STORED, Add(1)), Unreported::Unknown(ids::MESSAGES_STORED)),
        ((59_999, Set(1)), Unreported::Unknown(59_999)),
        ((ORDERS, Set(1)), Unreported::DoesNotFit(ORDERS, "sum")),
        ((ORDERS, Add(-1)), Unreported::DoesNotFit(ORDERS, "sum")),
        ((SLOWEST, Add(1)), Unreported::DoesNotFit(SLOWEST, "max")),
        ((SLOWEST, Set(-1)), Unreported::DoesNotFit(SLOWEST, "max")),
    ] {
        assert_eq!(monitor.report(&[(ORDERS, Add(5)), (CARTS, Set(5)), wrong]), Err(why));
    }
    assert_eq!(now(&monitor), [0, 0, 0]);
}

#[test]
fn points_of_both_are_of_the_same_minutes_and_one_that_came_later_is_missing_before() {
    let monitor = Monitor::new();
    monitor.tick(at(0));
    monitor.add(ids::MESSAGES_STORED, 2);
    monitor.tick(at(1));
    monitor.change_host_ids(&shop());
    monitor.report(&[(ORDERS, Add(3)), (CARTS, Set(8)), (SLOWEST, Set(9))]).unwrap();
    monitor.tick(at(2));
    monitor.report(&[(ORDERS, Add(4)), (SLOWEST, Set(1))]).unwrap();
    monitor.tick(at(3));
    let points = |id| [0, 1, 2, 3].map(|minute| monitor.point(id, Minute(minute)));
    assert_eq!(points(ids::MESSAGES_STORED), [Some(2), Some(0), Some(0), None]);
    assert_eq!(points(ORDERS), [None, Some(3), Some(4), None]);
    assert_eq!(points(CARTS), [None, Some(8), Some(8), None]);
    assert_eq!(points(SLOWEST), [None, Some(9), Some(1), None]);
    let rows = monitor.rows_from(None);
    assert_eq!(rows.iter().map(|row| row.value(ORDERS)).collect::<Vec<_>>(), [None, Some(3), Some(4)]);
    assert!(rows.iter().all(|row| row.ids.len() == row.values.len()));
}

#[test]
fn ids_come_and_go_while_the_others_count_on() {
    let monitor = monitor();
    monitor.tick(at(0));
    monitor.report(&[(ORDERS, Add(5)), (CARTS, Set(2))]).unwrap();
    monitor.add(ids::MESSAGES_STORED, 6);
    let mut fewer = shop();
    fewer.remove(0);
    fewer.push(id(20_000, "mail.sent", PointKind::Sum, PointUnit::Count));
    monitor.change_host_ids(&fewer);
    monitor.report(&[(20_000, Add(9))]).unwrap();
    monitor.tick(at(1));
    let points = [ids::MESSAGES_STORED, ORDERS, CARTS, 20_000].map(|id| monitor.point(id, Minute(0)));
    assert_eq!(points, [Some(6), None, Some(2), Some(9)]);
    // Back again it begins anew, and so does one whose kind is another.
    monitor.change_host_ids(&shop());
    assert_eq!(now(&monitor), [0, 2, 0]);
    monitor.change_host_ids(&[id(CARTS, "shop.carts", PointKind::Sum, PointUnit::Bytes)]);
    monitor.report(&[(CARTS, Add(1))]).unwrap();
    monitor.tick(at(2));
    assert_eq!([0, 1].map(|minute| monitor.point(CARTS, Minute(minute))), [None, Some(1)]);
}

#[test]
fn a_process_goes_on_with_the_points_of_the_last_and_gauges_stand_where_they_stood() {
    let first = monitor();
    first.tick(at(0));
    first.report(&[(ORDERS, Add(5)), (CARTS, Set(2)), (SLOWEST, Set(3))]).unwrap();
    first.close_minute();
    let second = monitor();
    second.load(&first.rows_from(None));
    assert_eq!(now(&second), [0, 2, 0]);
    second.tick(at(0));
    second.report(&[(ORDERS, Add(4))]).unwrap();
    second.tick(at(1));
    let points = [ORDERS, CARTS, SLOWEST].map(|id| second.point(id, Minute(0)));
    assert_eq!(points, [Some(9), Some(2), Some(3)]);
    // One that the earlier process did not have is counted in the minute in which both were.
    let third = Monitor::new();
    third.change_host_ids(&[id(20_000, "mail.sent", PointKind::Sum, PointUnit::Count)]);
    third.load(&second.rows_from(None));
    assert_eq!(third.point(20_000, Minute(0)), None);
    third.tick(at(0));
    third.report(&[(20_000, Add(6))]).unwrap();
    third.tick(at(1));
    assert_eq!(third.point(20_000, Minute(0)), Some(6));
}

#[test]
fn they_are_shown_beside_those_of_the_server() {
    let monitor = monitor();
    monitor.report(&[(ORDERS, Add(5)), (CARTS, Set(-2)), (SLOWEST, Set(1_500_000))]).unwrap();
    let classic = monitor.metrics(Format::Classic);
    assert!(classic.ends_with(
        "# HELP highwater_app_shop_orders_total What a program beside the server counts as shop.orders.\n\
         # TYPE highwater_app_shop_orders_total counter\nhighwater_app_shop_orders_total 5\n\
         # HELP highwater_app_shop_carts_bytes What a program beside the server counts as shop.carts.\n\
         # TYPE highwater_app_shop_carts_bytes gauge\nhighwater_app_shop_carts_bytes -2\n\
         # HELP highwater_app_shop_slowest_seconds What a program beside the server counts as shop.slowest.\n\
         # TYPE highwater_app_shop_slowest_seconds gauge\nhighwater_app_shop_slowest_seconds 1.500000\n"
    ));
    let open = monitor.metrics(Format::OpenMetrics);
    assert!(open.contains("# TYPE highwater_app_shop_orders counter\nhighwater_app_shop_orders_total 5\n"));
    assert!(
        open.contains("# UNIT highwater_app_shop_slowest_seconds seconds\n") && open.ends_with("# EOF\n")
    );
    assert!(ids::FRAMEWORK.iter().all(|entry| !entry.family.starts_with("app_")), "the prefix is the host's");
    let lines = monitor.ids_json();
    let line = r#"{"id":10001,"name":"shop.carts","kind":"gauge","unit":"bytes","owner":"host"}"#;
    assert_eq!((lines.lines().count(), lines.lines().rev().nth(1)), (ids::FRAMEWORK.len() + 3, Some(line)));
    monitor.tick(at(0));
    monitor.tick(at(1));
    let rows = monitor.rows_from(None);
    let answered =
        Answered { resolution: Resolution::Minute, slots: 0..2, ids: ORDERS..=SLOWEST, rows: &rows };
    let answer: serde_json::Value = serde_json::from_str(&monitor.points_json(&answered)).unwrap();
    let names = answer["series"].as_array().unwrap().iter().map(|series| series["name"].as_str().unwrap());
    assert_eq!(names.collect::<Vec<_>>(), ["shop.orders", "shop.carts", "shop.slowest"]);
    assert_eq!(answer["series"][0]["points"], serde_json::json!([5, null]));
}
