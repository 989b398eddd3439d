//! Reports of points that are written out.
#![allow(clippy::unwrap_used)]
use std::sync::Arc;

use super::{
    Gathered, Report, figures::FIGURES, html, pictures, pictures::slowest_of_a_hundred, report::Compared,
    text, text::shown,
};
use crate::{
    model::{
        PointKind, PointRow, Resolution,
        reports::{Mark, NoReport, Period, PeriodKind},
    },
    monitor::{Op, Outcome, ids, ids::FRAMEWORK},
};

/// A row of one minute that knows all ids.
fn row(minute: i64, values: &[(u32, i64)]) -> PointRow {
    let known: Vec<(u32, PointKind)> = FRAMEWORK.iter().map(|entry| (entry.id, entry.kind)).collect();
    let value = |id: u32| values.iter().find(|(of, _)| *of == id).map_or(0, |(_, value)| *value);
    let all = known.iter().map(|(id, _)| value(*id)).collect();
    PointRow { slot: minute, minutes: 1, ids: Arc::from(known), values: all }
}

fn day(text: &str) -> Period {
    Period::parse(PeriodKind::Day, text).unwrap()
}

fn gathered(period: Period, minutes: impl Iterator<Item = i64>, values: &[(u32, i64)]) -> Gathered {
    let mut gathered = Gathered::new(period, Resolution::Minute);
    minutes.for_each(|minute| gathered.add(&row(minute, values)));
    gathered
}

fn told(report: &Report, name: &str) -> (Option<i64>, Option<i64>, Compared) {
    let told = report.figures.iter().find(|told| told.name == name).unwrap();
    (told.value, told.before, told.compared)
}

fn busy() -> [(u32, i64); 9] {
    [
        (ids::MESSAGES_STORED, 3),
        (ids::CONNECTIONS_OPEN, 40),
        (ids::CONNECTIONS_OPENED, 2),
        (Op::Push.calls(), 5),
        (Op::Sync.calls(), 7),
        (Op::Sync.errors(Outcome::Refused).unwrap(), 1),
        (Op::SignIn.calls(), 4),
        (Op::SignIn.errors(Outcome::Auth).unwrap(), 1),
        (Op::Http.errors(Outcome::Fault).unwrap(), 9),
    ]
}

#[test]
fn figures_are_what_their_ids_add_up_to() {
    let now = day("2026-11-21");
    let minutes = now.minutes();
    let mut of_day = gathered(now, minutes.clone(), &busy());
    // What lies beside the period is left out.
    of_day.add(&row(minutes.start - 1, &busy()));
    of_day.add(&row(minutes.end, &busy()));
    let before = gathered(now.before(), now.before().minutes(), &[(ids::MESSAGES_STORED, 2)]);
    let report = Report::new(&of_day, &before, minutes.end);
    assert_eq!((report.minutes_missing, report.minutes_missing_before, report.has_ended), (0, 0, true));
    for (name, value, earlier, compared) in [
        ("messages_stored", 3 * 1440, 2 * 1440, Compared::Changed(500)),
        ("deliveries", 11 * 1440, 0, Compared::FromZero),
        ("sign_ups", 0, 0, Compared::Same),
        ("sign_ins", 3 * 1440, 0, Compared::FromZero),
        ("sign_ins_refused", 1440, 0, Compared::FromZero),
        ("connections_opened", 2 * 1440, 0, Compared::FromZero),
        ("peak_online", 40, 0, Compared::FromZero),
        ("refusals", 2 * 1440, 0, Compared::FromZero),
        ("faults", 0, 0, Compared::Same),
        ("alarms_fired", 0, 0, Compared::Same),
    ] {
        assert_eq!(told(&report, name), (Some(value), Some(earlier), compared), "{name}");
    }
    assert_eq!(report.figures.len(), FIGURES.len());
}

#[test]
fn what_cannot_be_compared_says_so() {
    let now = day("2026-11-21");
    let (minutes, end) = (now.minutes(), now.minutes().end);
    let whole = gathered(now, minutes.clone(), &busy());
    let nothing = gathered(now.before(), 0..0, &[]);
    let none_before = Report::new(&whole, &nothing, end);
    assert_eq!(told(&none_before, "messages_stored"), (Some(4320), None, Compared::NoPoints));
    assert_eq!(none_before.minutes_missing_before, 1440);
    let page = html(&none_before, "", &[], |_, _| String::new());
    let all = format!("{}{page}{}", text(&none_before), none_before.json());
    assert!(!all.contains("0.0") && !all.contains("0 %"), "{all}");
    assert!(page.contains("not comparable: no points") && all.contains("\"percent\":null"), "{all}");
    // One in ten may be missing, and not one more.
    let before = |from| gathered(now.before(), now.before().minutes().skip(from), &busy());
    assert_eq!(told(&Report::new(&whole, &before(144), end), "sign_ins").2, Compared::Changed(111));
    let gap = Report::new(&whole, &before(145), end);
    assert_eq!(told(&gap, "sign_ins").2, Compared::TooFewPoints);
    // A period that runs is short of nothing but what has passed.
    let running = gathered(now, minutes.clone().take(60), &busy());
    let report = Report::new(&running, &before(0), minutes.start + 62);
    assert_eq!((report.minutes_missing, report.has_ended), (2, false));
    assert_eq!(told(&report, "sign_ins"), (Some(180), Some(4320), Compared::NotEnded));
}

#[test]
fn an_id_that_older_points_do_not_know_is_not_zero() {
    let now = day("2026-11-21");
    let older: Vec<PointRow> =
        now.before().minutes().map(|minute| row(minute, &busy()).only(&(0..=1299))).collect();
    let mut before = Gathered::new(now.before(), Resolution::Minute);
    older.iter().for_each(|row| before.add(row));
    let report = Report::new(&gathered(now, now.minutes(), &busy()), &before, now.minutes().end);
    assert_eq!(told(&report, "alarms_fired"), (Some(0), None, Compared::NoPoints));
    assert_eq!(told(&report, "messages_stored").2, Compared::Same);
}

#[test]
fn changes_are_rounded_and_never_nothing() {
    let changed = |value: i64, before: i64| {
        let one = |period, value| gathered(period, period_first(period), &[(ids::MESSAGES_STORED, value)]);
        let now = day("2026-11-21");
        let (mut of_now, mut of_before) = (one(now, value), one(now.before(), before));
        now.minutes().skip(1).for_each(|minute| of_now.add(&row(minute, &[])));
        now.before().minutes().skip(1).for_each(|minute| of_before.add(&row(minute, &[])));
        told(&Report::new(&of_now, &of_before, now.minutes().end), "messages_stored").2
    };
    for (value, before, compared, says) in [
        (110, 100, Compared::Changed(100), "+10.0 %"),
        (1, 3, Compared::Changed(-667), "\u{2212}66.7 %"),
        (10_001, 10_000, Compared::Changed(0), "nearly unchanged"),
        (0, 5, Compared::Changed(-1000), "\u{2212}100.0 %"),
        (5, 0, Compared::FromZero, "none before"),
        (5, 5, Compared::Same, "unchanged"),
    ] {
        assert_eq!(changed(value, before), compared, "{value} {before}");
        assert_eq!(compared.says(), says);
    }
}

fn period_first(period: Period) -> std::ops::Range<i64> {
    period.minutes().start..period.minutes().start + 1
}

#[test]
fn remarks_say_what_is_missing_and_names_are_escaped() {
    let now = day("2026-11-21");
    let part = gathered(now, now.minutes().skip(1), &busy());
    let before = gathered(now.before(), now.before().minutes().skip(30), &busy());
    let mark = Mark { period: day("2026-11-19"), why: NoReport::NotRun };
    let report = Report::new(&part, &before, now.minutes().end).with_marks(vec![mark], 2);
    assert_eq!(
        report.remarks(),
        [
            "1 minute of 2026-11-21 has no points.".to_owned(),
            "30 minutes of 2026-11-20 have no points.".to_owned(),
            "2026-11-19: no report: the server did not run when it was due.".to_owned(),
            "There is no report of 2 more before.".to_owned(),
        ]
    );
    let drawn = pictures(&part, &before, now.minutes().end);
    let page = html(&report, "<b>&\"eu\"", &drawn, |place, picture| format!("cid:{place}\"{}", picture.name));
    assert!(page.contains("<title>&lt;b&gt;&amp;&quot;eu&quot;: 2026-11-21</title>"), "{page}");
    assert!(page.contains("src=\"cid:0&quot;messages\""), "{page}");
    assert!(!page.contains("<script") && !page.contains("http"), "{page}");
    assert!(
        text(&report).contains("messages stored: 4\u{202f}317 (before: 4\u{202f}230; +2.1 %)\n"),
        "{}",
        text(&report)
    );
}

#[test]
fn numbers_are_read_by_thousands() {
    for (value, expected) in [
        (Some(0), "0"),
        (Some(999), "999"),
        (Some(1000), "1\u{202f}000"),
        (Some(-1_234_567), "\u{2212}1\u{202f}234\u{202f}567"),
        (None, "\u{2013}"),
    ] {
        assert_eq!(shown(value), expected);
    }
}

#[test]
fn ninety_nine_of_a_hundred_lie_within_their_band() {
    assert_eq!(slowest_of_a_hundred(&[0; 10]), None);
    assert_eq!(slowest_of_a_hundred(&[100, 0, 0, 0, 0, 0, 0, 0, 0, 0]), Some(990.0));
    assert_eq!(slowest_of_a_hundred(&[0, 0, 0, 0, 0, 0, 0, 0, 0, 5]), Some(2_000_000.0));
    assert_eq!(slowest_of_a_hundred(&[98, 0, 2, 0, 0, 0, 0, 0, 0, 0]), Some(3_500.0));
}

#[test]
fn pictures_show_the_period_the_one_before_and_what_is_missing() {
    let now = day("2026-11-21");
    let noon = now.minutes().start + 720;
    // Nothing was counted from noon to three.
    let some = gathered(now, now.minutes().filter(|m| !(noon..noon + 180).contains(m)), &busy());
    let before = gathered(now.before(), now.before().minutes(), &[(ids::MESSAGES_STORED, 1)]);
    let drawn = pictures(&some, &before, now.minutes().end);
    let names: Vec<&str> = drawn.iter().map(|picture| picture.name).collect();
    assert_eq!(names, ["messages", "online", "sign-ins", "commits"]);
    assert_eq!(drawn[0].grid, ["1", "2", "3", "4"]);
    assert_eq!((drawn[0].highest.as_deref(), &drawn[3].highest), (Some("3"), &None));
    let pixels = tiny_skia::Pixmap::decode_png(&drawn[0].png).unwrap();
    let colour = |x: u32, y: u32| {
        let pixel = pixels.pixel(x, y).unwrap().demultiply();
        [pixel.red(), pixel.green(), pixel.blue()]
    };
    // 3 of 4 at the top, 1 of 4 below, in a plot from 12 to 288.
    assert_eq!(colour(200, 81), [0x1a, 0x5f, 0xb4], "the period");
    assert_eq!(colour(660, 219), [0x9a, 0xa3, 0xad], "the one before goes on");
    assert_eq!(colour(660, 120), [0xf2, 0xc9, 0xc4], "what is missing");
    assert_eq!(colour(200, 40), [255, 255, 255], "a light background");
    // What has not come yet is not missing.
    let early = pictures(&gathered(now, now.minutes().take(60), &busy()), &before, now.minutes().start + 60);
    let pixels = tiny_skia::Pixmap::decode_png(&early[0].png).unwrap();
    assert_eq!(pixels.pixel(660, 120).unwrap().demultiply().green(), 255);
}

#[test]
fn a_day_of_which_hours_are_left_has_no_gaps_between_them() {
    let now = day("2026-11-21");
    let gathered = |period: Period| {
        let mut gathered = Gathered::new(period, Resolution::Hour);
        let hours =
            Resolution::Hour.slot_of(period.minutes().start)..Resolution::Hour.slot_of(period.minutes().end);
        hours.for_each(|hour| gathered.add(&PointRow { minutes: 60, ..row(hour, &busy()) }));
        gathered
    };
    let (of_now, of_before) = (gathered(now), gathered(now.before()));
    assert_eq!(of_now.stretches().iter().map(|stretch| stretch.minutes).collect::<Vec<_>>(), [60; 24]);
    let report = Report::new(&of_now, &of_before, now.minutes().end);
    assert_eq!((report.minutes_missing, told(&report, "messages_stored").0), (0, Some(3 * 24)));
    assert_eq!(report.remarks(), ["Connections at a time were looked at every 60 minutes."]);
}
