//! What goes by age: the horizon moves with the earlier of both clocks, and stands while time is suspended.

#![allow(clippy::unwrap_used)]

use highwater_wire::Refusal;

use super::{
    Operation, Request, State,
    decide::decide,
    decide_samples::{NOW, Rows, TODAY, by, send},
    observed_time::{GRACE_MS, ObservedTime},
    operation::Target,
};
use crate::model::{
    Day, Effect, Horizon, Kind, Retentions, TimeMs, UserId, Version,
    limits::{DEDUP_DAYS, RECEIPTS_KEPT_DAYS},
};

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

fn days(count: i64) -> TimeMs {
    TimeMs(NOW.0 + count * DAY_MS)
}

/// The horizon after time was stored, with the wall clock at `wall`.
fn stored(state: &mut State, wall: TimeMs, version: u64) -> Option<Horizon> {
    let operation = Operation { at: wall, request: Request::StoreTime };
    let record = decide(state, &operation, Version(version)).unwrap().record.unwrap();
    record.effects.iter().find_map(|effect| match effect {
        Effect::Horizon(horizon) => Some(horizon.clone()),
        _ => None,
    })
}

fn at(time: ObservedTime) -> State {
    State::default().with_time(time)
}

#[test]
fn receipts_are_let_go_by_the_earlier_of_both_clocks() {
    let kept = i64::from(RECEIPTS_KEPT_DAYS);
    for (observed, wall, from) in [(0, 0, -kept), (5, 0, -kept), (0, 5, -kept), (3, 4, 3 - kept)] {
        let mut state = at(ObservedTime::at_start(None, days(observed), 0));
        let horizon = stored(&mut state, days(wall), 7).unwrap();
        let expected = Day(u32::try_from(i64::from(TODAY.0) + from).unwrap());
        assert_eq!(horizon.receipts_from, expected, "observed {observed}, wall {wall}");
    }
}

#[test]
fn while_time_is_suspended_the_horizon_stands_and_what_is_decided_meanwhile_is_dated_afterwards() {
    let mut state = at(ObservedTime::at_start(Some(NOW), days(90), 0));
    assert_eq!(stored(&mut state, days(90), 7), None);
    let operation = Operation { at: days(90), request: Request::AcceptTime };
    let accepted = decide(&mut state, &operation, Version(8)).unwrap().record.unwrap();
    assert_eq!(accepted.effects, [Effect::Time(days(90))], "who is there is heard of first");
    state.advance(GRACE_MS as u64 * 1000);
    let horizon = stored(&mut state, days(91), 9).unwrap();
    assert_eq!(horizon.past(days(91)), Version(9));
    assert_eq!(horizon.past(TimeMs(days(91).0 - 1)), Version(0), "no older than the time that is believed");
}

#[test]
fn a_day_whose_receipts_may_be_gone_is_refused_whatever_the_clock_says() {
    let rows = Rows::default().user(1, 1).user(2, 1);
    let try_at = |wall: i64, day: i64| {
        let mut state = State::default();
        state.set_horizon(Horizon::stored(TODAY, Vec::new()));
        let Request::Send(mut request) = send(by(1, 11), Target::User(UserId(2)), 3, "text") else {
            unreachable!()
        };
        request.day = Day(u32::try_from(i64::from(TODAY.0) + day).unwrap());
        let operation = Operation { at: days(wall), request: Request::Send(request) };
        rows.warm(&mut state, &operation);
        decide(&mut state, &operation, Version(101)).map(|_| ())
    };
    let window = i64::from(DEDUP_DAYS);
    for (wall, day, taken) in [
        (0, 0, true),
        (0, -1, false),
        // The wall clock is set back: what was refused is refused again, and nobody is locked out.
        (-20, -20, false),
        (-20, -1, false),
        (-20, 0, true),
        (-20, 1, true),
        (-20, 2, false),
        (window - 1, 0, true),
        (window, 0, false),
    ] {
        let expected = if taken { Ok(()) } else { Err(Refusal::DayOutsideWindow) };
        assert_eq!(try_at(wall, day), expected, "wall {wall}, day {day}");
    }
}

/// The floor of user 1 after cleanup asked for `through`, a day after version 10 and two hours after version 20; entries
/// are kept for `kept_ms`.
fn floor_after(through: u64, kept_ms: i64, suspended: bool) -> u64 {
    let now = days(1);
    let time = if suspended {
        ObservedTime::at_start(Some(now), days(90), 0)
    } else {
        ObservedTime::at_start(None, now, 0)
    };
    let mut state = at(time);
    state.policy.retentions = Retentions { inbox_ms: kept_ms, ..Retentions::default() };
    let mut horizon = Horizon::default();
    horizon.note(NOW, Version(10), i64::MAX);
    horizon.note(TimeMs(now.0 - 2 * 60 * 60 * 1000), Version(20), i64::MAX);
    state.set_horizon(horizon);
    let mut rows = Rows::default().user(1, 2);
    rows.lineages.get_mut(&UserId(1)).unwrap().floor = Version(5);
    let request = Request::RetireInbox { user: UserId(1), through: Version(through) };
    let operation = Operation { at: days(1), request };
    rows.warm(&mut state, &operation);
    let record = decide(&mut state, &operation, Version(101)).unwrap().record;
    let effects = record.map(|record| record.effects).unwrap_or_default();
    effects.into_iter().fold(5, |floor, effect| match effect {
        Effect::Lineages(lineages) => lineages.floor.0,
        _ => floor,
    })
}

#[test]
fn an_inbox_is_retired_as_far_as_it_is_old_enough_whoever_lacks_it() {
    const HOUR_MS: i64 = 60 * 60 * 1000;
    for (through, kept_hours, suspended, floor) in [
        (10, 24, false, 10),
        (7, 24, false, 7),
        (11, 24, false, 5),
        (10, 25, false, 5),
        (20, 2, false, 20),
        (20, 3, false, 5),
        (4, 2, false, 5),
        (10, 24, true, 5),
    ] {
        let found = floor_after(through, kept_hours * HOUR_MS, suspended);
        assert_eq!(found, floor, "through {through}, kept {kept_hours} h, suspended {suspended}");
    }
}

#[test]
fn a_tombstone_goes_in_an_operation_after_its_floor_and_only_while_it_is_what_the_item_is() {
    let kind = Kind(5);
    let item = |version| (UserId(1), kind, Version(version));
    let mut horizon = Horizon::default();
    horizon.note(NOW, Version(20), i64::MAX);
    let mut rows = Rows::default().user(1, 1);
    rows.items.extend(
        [("a", 10), ("b", 30)].map(|(key, version)| ((UserId(1), kind, key.to_owned()), Version(version))),
    );
    let now = days(1);
    let mut state = at(ObservedTime::at_start(None, now, 0));
    state.policy.retentions = Retentions { tombstones_ms: DAY_MS, ..Retentions::default() };
    state.set_horizon(horizon);
    let mut decided = |request: Request, version: u64| {
        let operation = Operation { at: now, request };
        rows.warm(&mut state, &operation);
        let record = decide(&mut state, &operation, Version(version)).unwrap().record;
        record.map(|record| record.effects).unwrap_or_default()
    };
    let retire = |kind: Kind, through: u64| Request::RetireTombstones {
        user: UserId(1),
        kind,
        through: Version(through),
    };
    let remove = |tombstones: &[(&str, u64)]| Request::RemoveTombstones {
        user: UserId(1),
        kind,
        tombstones: tombstones.iter().map(|(key, version)| ((*key).to_owned(), Version(*version))).collect(),
    };
    assert_eq!(decided(remove(&[("a", 10)]), 101), [], "the floor comes first");
    assert_eq!(decided(retire(kind, 21), 102), [], "not old enough");
    assert_eq!(decided(retire(Kind::MESSAGES, 10), 103), [], "messages have no tombstones");
    let [Effect::Lineages(lineages)] = &decided(retire(kind, 20), 104)[..] else { panic!("no floor") };
    assert_eq!((lineages.tombstones[4], lineages.floor), (Version(20), Version(0)));
    assert_eq!(decided(retire(kind, 15), 105), [], "a floor never falls");
    let (user, kind, version) = item(10);
    let gone = Effect::ItemGone { user, kind, key: "a".to_owned(), version };
    assert_eq!(decided(remove(&[("a", 10), ("b", 12), ("b", 30)]), 106), [gone]);
    assert_eq!(decided(remove(&[("a", 10)]), 107), [], "once");
}
