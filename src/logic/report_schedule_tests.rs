//! Exactly one report per period, by a table and by histories of restarts, kills, refusals and clocks that jump.
#![allow(clippy::unwrap_used)]
use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::report_schedule::{Looked, Mailed, ReportSchedule, look, settled, started};
use crate::model::{
    TimeMs,
    reports::{BEGUN_MAX, MARKS_MAX, Mark, NoReport, Period, PeriodKind, ReportNotes},
};

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;
const DAILY: ReportSchedule = ReportSchedule { kind: PeriodKind::Day, hour: 6 };
/// When the report of day 99 is due.
const DUE: i64 = 100 * DAY_MS + 6 * HOUR_MS + 120_000;

fn to() -> Vec<String> {
    vec!["a".to_owned(), "b".to_owned()]
}

fn looked(notes: ReportNotes, at_ms: i64) -> Looked {
    look(notes, DAILY, &to(), TimeMs(at_ms))
}

fn day(number: i64) -> Period {
    Period { kind: PeriodKind::Day, number }
}

fn since(through: i64) -> ReportNotes {
    ReportNotes { through: Some(through), ..ReportNotes::default() }
}

#[test]
fn a_report_is_due_at_its_hour_and_once() {
    assert_eq!(looked(ReportNotes::default(), DUE).send, None, "what ended before is nobody's news");
    let early = looked(since(98), DUE - 1);
    assert_eq!((early.send, early.notes), (None, since(98)));
    let begun = looked(since(98), DUE);
    assert_eq!(begun.send, Some(to()));
    assert_eq!(begun.notes.open.as_ref().unwrap().period, day(99));
    let sent = settled(begun.notes, Mailed::Taken, TimeMs(DUE)).notes;
    assert_eq!((looked(sent.clone(), DUE + DAY_MS - 1).send, sent.open), (None, None));
}

#[test]
fn weeks_end_on_sundays() {
    let weekly = ReportSchedule { kind: PeriodKind::Week, hour: 0 };
    // 1970-01-05 is the first Monday; week 0 ends before it.
    let monday = 4 * DAY_MS + 120_000;
    let notes = since(-1);
    assert_eq!(look(notes.clone(), weekly, &to(), TimeMs(monday - 1)).send, None);
    let begun = look(notes, weekly, &to(), TimeMs(monday));
    assert_eq!(begun.notes.open.unwrap().period, Period { kind: PeriodKind::Week, number: 0 });
}

#[test]
fn what_is_refused_is_tried_hourly_for_those_who_are_left_until_the_next_is_due() {
    let begun = looked(since(98), DUE).notes;
    let left = vec!["b".to_owned()];
    let refused = settled(begun, Mailed::NotTaken(left.clone()), TimeMs(DUE)).notes;
    assert_eq!(looked(refused.clone(), DUE + HOUR_MS - 1).send, None);
    let again = looked(refused.clone(), DUE + HOUR_MS);
    assert_eq!(again.send, Some(left.clone()));
    // A restart in between forgets neither that it was refused nor by whom.
    assert_eq!(looked(started(refused.clone(), true).notes, DUE + HOUR_MS).send, Some(left));
    let next = looked(refused, DUE + DAY_MS);
    assert_eq!(next.send, Some(to()));
    let open = next.notes.open.unwrap();
    assert_eq!(open.period, day(100));
    assert_eq!(open.marks, [Mark { period: day(99), why: NoReport::Refused }]);
}

#[test]
fn what_was_on_its_way_at_a_kill_is_not_sent_again_and_marked() {
    let begun = looked(since(98), DUE).notes;
    let after = started(begun, true);
    assert_eq!(after.marked, [Mark { period: day(99), why: NoReport::Unknown }]);
    assert_eq!(looked(after.notes.clone(), DUE + HOUR_MS).send, None);
    assert_eq!(looked(after.notes, DUE + DAY_MS).notes.open.unwrap().marks, after.marked);
}

#[test]
fn periods_without_a_server_are_marked_and_what_is_not_wanted_is_forgotten() {
    let next = looked(since(95), DUE);
    let marks: Vec<Mark> =
        (96..99).map(|number| Mark { period: day(number), why: NoReport::NotRun }).collect();
    assert_eq!((&next.marked, &next.notes.open.as_ref().unwrap().marks), (&marks, &marks));
    let off = started(next.notes, false).notes;
    assert_eq!((off.through, &off.open, off.begun.as_slice()), (None, &None, &[99_i64][..]));
    let on = looked(started(off, true).notes, DUE + 5 * DAY_MS);
    assert_eq!((on.send, on.marked), (None, vec![]), "switched off is not missed");
}

#[test]
fn a_clock_that_is_ahead_for_a_moment_costs_the_marks_that_are_named() {
    let ahead = looked(since(98), DUE + 40_000 * DAY_MS);
    assert_eq!(ahead.marked.len(), MARKS_MAX);
    let open = ahead.notes.open.clone().unwrap();
    assert_eq!((open.marks.len(), open.marks_more), (MARKS_MAX, 40_000 - MARKS_MAX as u64));
    let sent = settled(ahead.notes, Mailed::Taken, TimeMs(DUE)).notes;
    let back = looked(sent, DUE + DAY_MS).notes;
    assert_eq!(looked(back, DUE + 2 * DAY_MS).send, Some(to()), "reports go on");
}

/// What happens to a server that writes reports.
#[derive(Debug, Clone)]
enum Event {
    /// Time passes, hours; negative when the clock is set back.
    Hours(i64),
    /// What the next mail comes to.
    Mail(Mailed),
    /// The process is killed while the next mail is on its way.
    KilledSending,
    /// The server ends and starts again after these hours.
    Away(i64),
}

fn events(goes_back: bool) -> impl Strategy<Value = Vec<Event>> {
    let hours = if goes_back { -200_i64..60 } else { 0..60 };
    let mailed = prop_oneof![
        4 => Just(Mailed::Taken),
        2 => Just(Mailed::NotTaken(vec!["b".to_owned()])),
        1 => Just(Mailed::Unknown),
    ];
    let event = prop_oneof![
        6 => hours.prop_map(Event::Hours),
        3 => mailed.prop_map(Event::Mail),
        1 => Just(Event::KilledSending),
        2 => (0_i64..100).prop_map(Event::Away),
    ];
    prop::collection::vec(event, 1..120)
}

/// What a history came to.
#[derive(Default)]
struct Told {
    /// How often a period was begun, each once for all who are written to.
    begun: BTreeMap<i64, usize>,
    taken: BTreeSet<i64>,
    /// How often a period was marked in a report that was taken.
    marks: BTreeMap<i64, usize>,
    unnamed: u64,
    last_due: i64,
}

fn run(events: &[Event]) -> Told {
    let (mut notes, mut now, mut told) = (since(98), DUE - HOUR_MS, Told::default());
    let (mut next, mut is_killed) = (Mailed::Taken, false);
    for event in events {
        match event {
            Event::Hours(hours) => now += hours * HOUR_MS,
            Event::Mail(mailed) => next = mailed.clone(),
            Event::KilledSending => is_killed = true,
            Event::Away(hours) => {
                now += hours * HOUR_MS;
                notes = started(notes, true).notes;
            }
        }
        let looked = looked(notes, now);
        notes = looked.notes;
        let Some(left) = looked.send else { continue };
        let open = notes.open.clone().unwrap();
        assert!(notes.begun.len() <= BEGUN_MAX && notes.marks.len() <= MARKS_MAX);
        if left == to() {
            *told.begun.entry(open.period.number).or_default() += 1;
        }
        told.last_due = told.last_due.max(open.period.number);
        if std::mem::take(&mut is_killed) {
            notes = started(notes, true).notes;
            continue;
        }
        if next == Mailed::Taken {
            told.taken.insert(open.period.number);
            told.unnamed += open.marks_more;
            for mark in &open.marks {
                *told.marks.entry(mark.period.number).or_default() += 1;
            }
        }
        notes = settled(notes, std::mem::replace(&mut next, Mailed::Taken), TimeMs(now)).notes;
    }
    told
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn no_period_is_begun_twice_whatever_the_clock_does(events in events(true)) {
        let told = run(&events);
        prop_assert!(told.begun.values().all(|times| *times == 1), "{:?}", told.begun);
    }

    #[test]
    fn each_period_has_a_report_or_one_mark(events in events(false)) {
        let mut events = events;
        // In the end there is a day on which everything works.
        events.extend([Event::Hours(25), Event::Mail(Mailed::Taken), Event::Hours(25), Event::Hours(25)]);
        let told = run(&events);
        let last_taken = *told.taken.iter().next_back().unwrap();
        if told.unnamed == 0 {
            for number in 99..=last_taken {
                let marks = told.marks.get(&number).copied().unwrap_or_default();
                let reports = usize::from(told.taken.contains(&number));
                prop_assert_eq!(marks + reports, 1, "day {}: {} reports, {} marks", number, reports, marks);
            }
        }
    }
}
