//! What becomes of an alarm: told once, again, over; gaps, clocks, silences; replaying is living.

#![allow(clippy::unwrap_used)]

use super::{
    state::SILENCE_MINUTES_MAX,
    tests::{ID, Points, RULE},
    *,
};
use crate::{model::TimeMs, monitor::minutes::Minute};

const THREE_OF_FIVE: Rule = Rule { n: 3, of_minutes: 5, ..RULE };

fn at(minute: i64) -> TimeMs {
    TimeMs((minute + 1) * 60_000)
}

fn verdict(letter: char) -> Verdict {
    match letter {
        'F' => Verdict::Firing { value: 11, bound: 10 },
        'q' => Verdict::Quiet,
        '-' => Verdict::NotEvaluable(Why::NoPoint),
        other => panic!("{other}"),
    }
}

fn letter(told: Option<Told>) -> char {
    match told {
        Some(Told::Begun(_)) => 'B',
        Some(Told::Still(_)) => 'S',
        Some(Told::Over(_)) => 'O',
        None => '.',
    }
}

/// What is told at each of the minutes, from 100 on.
fn told(rule: &Rule, verdicts: &str, mut between: impl FnMut(usize, &mut State)) -> String {
    let mut state = State::default();
    let mut all = String::new();
    for (index, verdict) in verdicts.chars().map(verdict).enumerate() {
        let minute = 100 + index as i64;
        between(index, &mut state);
        let (next, told, over) = state.step(rule, verdict, Minute(minute), at(minute));
        assert_eq!(over.is_some(), state.episode.is_some() && next.episode.is_none());
        state = next;
        all.push(letter(told));
    }
    all
}

#[test]
fn it_is_told_once_and_when_it_is_over() {
    for (rule, verdicts, expected) in [
        (&RULE, "qFFFqq", ".B..O."),
        (&RULE, "FqFq", "BOBO"),
        (&THREE_OF_FIVE, "FFFqqqqqq", "..B....O."),
        (&THREE_OF_FIVE, "FqFqFqFqFqFq", "....B......."),
        (&THREE_OF_FIVE, "FqqFqqFqqF", ".........."),
        (&THREE_OF_FIVE, "FFFqqFFqqq", "..B......."),
        (&THREE_OF_FIVE, "qqqqqqqqqq", ".........."),
        (&THREE_OF_FIVE, "F---F", "....."),
    ] {
        assert_eq!(told(rule, verdicts, |_, _| {}), expected, "{verdicts}");
    }
}

#[test]
fn what_is_not_known_ends_nothing() {
    assert_eq!(told(&THREE_OF_FIVE, "FFF------qq-qqq", |_, _| {}), "..B.........O..");
    assert_eq!(told(&RULE, "F-------q", |_, _| {}), "B.......O");
}

#[test]
fn it_is_told_again_until_somebody_has_seen_it() {
    let long = "F".repeat(25) + "q";
    assert_eq!(told(&RULE, &long, |_, _| {}), "B.........S.........S....O");
    let seen = |index: usize, state: &mut State| {
        if index == 12 {
            assert!(state.acknowledge());
        }
    };
    assert_eq!(told(&RULE, &long, seen), "B.........S..............O");
    let again = long.clone() + "F";
    assert!(told(&RULE, &again, seen).ends_with("OB"), "the next episode is told");
    assert!(!State::default().acknowledge(), "there is nothing to see");
}

#[test]
fn what_a_process_told_that_is_gone_is_told_once_more() {
    let gone = |index: usize, state: &mut State| {
        if index == 3 {
            state.tell_again(&RULE, at(102));
        }
    };
    assert_eq!(told(&RULE, "FFFFFFFq", gone), "B..S...O");
    assert_eq!(told(&RULE, "FFFqq", gone), "B..O.", "or that it is over");
    assert_eq!(told(&RULE, "qqqqF", gone), "....B");
}

#[test]
fn a_silence_puts_off_what_begins_and_not_what_ends() {
    let silenced = |from: usize, minutes: i64| {
        move |index: usize, state: &mut State| {
            if index == from {
                state.silence(minutes, at(100 + index as i64 - 1));
            }
        }
    };
    assert_eq!(told(&RULE, "qFFFFFFq", silenced(0, 5)), "....B..O", "told when the silence is over");
    assert_eq!(told(&RULE, "qFFqqqqq", silenced(0, 5)), "........", "it was never told");
    assert_eq!(told(&RULE, "FFFqqq", silenced(1, 9)), "B..O..", "it was told before");
    let long = "F".repeat(25);
    assert_eq!(told(&RULE, &long, silenced(5, 10)), "B.............S.........S");
    let lifted = |index: usize, state: &mut State| match index {
        0 => state.silence(20, at(99)),
        3 => state.silence(0, at(102)),
        _ => {}
    };
    assert_eq!(told(&RULE, "FFFFF", lifted), "...B.");
}

#[test]
fn a_silence_has_an_end_also_by_a_clock_that_is_set_back() {
    let mut state = State::default();
    state.silence(i64::MAX, TimeMs(0));
    let end = SILENCE_MINUTES_MAX * 60_000;
    assert_eq!(state.silenced_until(TimeMs(0)), Some(TimeMs(end)));
    assert!(state.is_silenced(TimeMs(end - 1)) && !state.is_silenced(TimeMs(end)));
    assert!(!state.is_silenced(TimeMs(-1)), "longer than a silence can be");
}

#[test]
fn a_clock_that_is_set_ends_nothing_and_tells_nothing_twice() {
    let firing = verdict('F');
    let step = |state: State, verdict, minute| {
        let (next, told, _) = state.step(&THREE_OF_FIVE, verdict, Minute(minute), at(minute));
        (next, letter(told))
    };
    let mut state = State::default();
    for minute in 100..103 {
        (state, _) = step(state, firing, minute);
    }
    assert!(state.episode.is_some());
    // Forward by a day: the minutes between are nobody's, and the time of the repetition has passed.
    let (forward, told) = step(state, firing, 2000);
    assert_eq!((forward.episode.is_some(), told), (true, 'S'));
    // Back: what was judged before counts no more, in both directions.
    let (mut back, told) = step(state, verdict('q'), 50);
    assert_eq!((back.episode.is_some(), told), (true, '.'));
    let mut all = String::new();
    for minute in 51..63 {
        let told;
        (back, told) = step(back, firing, minute);
        all.push(told);
    }
    assert_eq!(all, ".........S..", "told again by the clock that there is now");
    let mut fresh = State::default();
    for minute in [100, 101, 50, 51, 51] {
        (fresh, _) = step(fresh, firing, minute);
    }
    assert!(fresh.episode.is_none(), "three in a row are needed on one clock");
}

#[test]
fn points_judged_again_give_the_same_as_points_lived() {
    let mut seed = 1_u64;
    let mut random = |below: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % below
    };
    let previous = Condition::Fell { than: Baseline::Previous { minutes: 6 }, mean_least: 1 };
    let rules = vec![
        THREE_OF_FIVE,
        Rule { name: "fell", condition: previous, bound: 50, ..THREE_OF_FIVE },
        Rule { name: "missing", condition: Condition::Missing { within: 20 }, bound: 1, ..RULE },
    ];
    let mut tellings = 0;
    for _ in 0..200 {
        let (mut growing, mut whole) = (Points::default(), Points::default());
        let mut level = 5;
        for minute in 0..120 {
            if random(8) == 0 {
                level = random(25) as i64;
            }
            if random(10) > 0 {
                whole.0.insert((ID, minute), level);
            }
        }
        let (mut living, mut replaying) = (Alarms::new(rules.clone()), Alarms::new(rules.clone()));
        for minute in (0..120).map(Minute) {
            growing.0.extend(whole.0.get_key_value(&(ID, minute.0)).map(|(key, value)| (*key, *value)));
            let lived = living.minute_ended(&growing, minute, at(minute.0));
            assert_eq!(replaying.minute_ended(&whole, minute, at(minute.0)), lived);
            assert!(living.minute_ended(&growing, minute, at(minute.0)).is_empty(), "each minute once");
            tellings += lived.len();
        }
        assert_eq!(living.listing(at(120)), replaying.listing(at(120)));
    }
    assert!(tellings > 200, "{tellings}");
}

#[test]
fn what_has_ended_is_remembered_up_to_a_bound_and_a_name_is_known_or_not() {
    let mut alarms = Alarms::new(vec![RULE]);
    let mut points = Points::default();
    let ended = |alarms: &Alarms| -> Vec<i64> {
        let listing: serde_json::Value = serde_json::from_str(&alarms.listing(at(0))).unwrap();
        listing["ended"].as_array().unwrap().iter().map(|one| one["over_ms"].as_i64().unwrap()).collect()
    };
    for minute in 0..2 * (standing::ENDED_MAX as i64 + 5) {
        points.0.insert((ID, minute), 20 * (1 - minute % 2));
        alarms.minute_ended(&points, Minute(minute), at(minute));
        assert_eq!(alarms.firing_count(Severity::Warning), usize::from(minute % 2 == 0));
        assert_eq!(alarms.acknowledge("rule").is_ok(), minute % 2 == 0);
    }
    let newest = at(2 * (standing::ENDED_MAX as i64 + 5) - 1).0;
    assert_eq!((ended(&alarms).len(), ended(&alarms)[0]), (standing::ENDED_MAX, newest));
    assert_eq!(alarms.acknowledge("rule"), Err(NoAlarm::Quiet));
    assert_eq!(alarms.acknowledge("other"), Err(NoAlarm::Unknown));
    assert_eq!(alarms.silence("other", 5, at(0)), Err(NoAlarm::Unknown));
}

#[test]
fn other_rules_keep_what_they_had_come_to_and_what_fires_by_none_is_over() {
    let rule = |name, bound| Rule { name, bound, ..RULE };
    let mut points = Points::default();
    points.put(ID, 0..20, 11);
    let mut alarms = Alarms::new(vec![rule("kept", 10), rule("gone", 10), rule("quiet", 20)]);
    let minute = |alarms: &mut Alarms, n: i64| {
        let told = alarms.minute_ended(&points, Minute(n), at(n));
        told.iter().map(|told| (told.alarm, told.state, told.bound)).collect::<Vec<_>>()
    };
    assert_eq!(minute(&mut alarms, 1), [("kept", "firing", 10), ("gone", "firing", 10)]);
    alarms.acknowledge("kept").unwrap();
    let told = alarms.set_rules(vec![rule("new", 5), rule("kept", 9)], at(1));
    assert_eq!(told.iter().map(|told| (told.alarm, told.state)).collect::<Vec<_>>(), [("gone", "over")]);
    assert_eq!(alarms.acknowledge("gone"), Err(NoAlarm::Unknown));
    // What was acknowledged is not told again, and by its new bound it fires on.
    assert_eq!(minute(&mut alarms, 2), [("new", "firing", 5)]);
    assert_eq!(alarms.firing().map(|(rule, _)| rule.name).collect::<Vec<_>>(), ["new", "kept"]);
    assert!(alarms.set_rules(vec![rule("new", 5), rule("kept", 50)], at(2)).is_empty());
    assert_eq!(minute(&mut alarms, 3), [("kept", "over", 9)], "nothing passes the bound any more");
    assert!(alarms.listing(at(3)).contains(r#""alarm":"gone""#), "it is among those that ended");
}
