//! The login policy: tables, and the property that no interleaving makes two of a class live or lets an ended one act.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    ObservedTime, Request, State, decide,
    decide_samples::{NOW, Rows, at, by, new_device, send},
    decide_tests::check_from,
    operation::{Answer, EndDevices, HandedBack, NewDevice, OpenLineage, Target},
    seeded_random::SeededRandom,
};
use crate::model::{
    DeviceEnd, DeviceId, DevicePolicy, Effect, KindSet, LineageId, Policy, Record, TimeMs, UserId, Version,
    device_policy::{ClassRule, WhenFull},
    limits::KINDS_MAX,
};
use highwater_wire::Refusal;

const PHONE: u8 = 1;
const DESKTOP: u8 = 2;

/// How long a device may be silent, milliseconds.
const EXPIRY_MS: i64 = 1_000;

/// So much later than the rows of the samples were heard of.
fn state(policy: DevicePolicy, later_ms: i64) -> State {
    let time = ObservedTime::at_start(None, TimeMs(NOW.0 + later_ms), 0);
    let policy = Policy { lineage_expiry_ms: EXPIRY_MS, devices: policy, ..Policy::default() };
    State::default().with_time(time).with_policy(policy)
}

fn phones(rule: ClassRule) -> DevicePolicy {
    DevicePolicy { phone: rule, ..DevicePolicy::default() }
}

fn add(device: u64, class: u8, in_place_of: Option<u64>) -> Request {
    let in_place_of = in_place_of.map(DeviceId);
    Request::AddDevice(NewDevice { class, in_place_of, ..new_device(1, device) })
}

/// User 1 with phones 11 and 12 and desktop 13, whose inbox ends at 90.
fn start() -> Rows {
    let mut start = Rows::default().user(1, 3);
    start.devices.get_mut(&DeviceId(13)).expect("user 1 has it").class = DESKTOP;
    start.inboxes.insert(UserId(1), Version(90));
    start
}

#[test]
fn a_class_that_replaces_ends_all_its_others_and_their_lineages_in_one_operation() {
    check_from(
        state(phones(ClassRule::Replace), 0),
        &start(),
        &[
            add(14, PHONE, None),
            add(15, DESKTOP, None),
            send(by(1, 11), Target::User(UserId(1)), 1, "a"),
            send(by(1, 12), Target::User(UserId(1)), 1, "a"),
            add(16, PHONE, None),
        ],
        &[
            "device 14: -device 11 -device 12 floor 0 [13/0:0] account 1 (2) +device 14 floor 0 [13/0:0 14/0:90]",
            "device 15: account 1 (3) +device 15 floor 0 [13/0:0 14/0:90 15/0:90]",
            "refused invalid_token",
            "refused invalid_token",
            "device 16: -device 14 floor 0 [13/0:0 15/0:90] account 1 (3) +device 16 floor 0 [13/0:0 15/0:90 16/0:90]",
        ],
    );
}

#[test]
fn who_replaces_the_only_device_begins_where_it_left_off() {
    let mut start = Rows::default().user(1, 1);
    start.inboxes.insert(UserId(1), Version(90));
    let marks = [Version(40); KINDS_MAX];
    let lineage = LineageId { device: DeviceId(11), context: 0 };
    let hand_back = Request::HandBack { user: UserId(1), handed: vec![HandedBack { lineage, marks }] };
    check_from(
        state(phones(ClassRule::Replace), 0),
        &start,
        &[hand_back.clone(), add(14, PHONE, None), hand_back],
        &[
            "done: floor 40 [11/0:40]",
            "device 14: -device 11 floor 40 [] account 1 (1) +device 14 floor 40 [14/0:40]",
            "done: nothing",
        ],
    );
}

#[test]
fn a_class_that_refuses_lets_in_who_takes_a_place_and_nobody_else_while_one_is_live() {
    let one_phone = || {
        let mut start = start();
        start.devices.get_mut(&DeviceId(12)).expect("user 1 has it").class = DESKTOP;
        start
    };
    check_from(
        state(phones(ClassRule::Refuse), EXPIRY_MS - 1),
        &one_phone(),
        &[
            add(14, PHONE, None),
            add(14, PHONE, Some(99)),
            add(14, PHONE, Some(13)),
            add(14, DESKTOP, None),
            add(15, PHONE, Some(11)),
            Request::EndDevice { user: UserId(1), device: DeviceId(15) },
            add(16, PHONE, None),
        ],
        &[
            "refused device_class_taken",
            "refused device_class_taken",
            "refused device_class_taken",
            "device 14: account 1 (4) +device 14 floor 0 [11/0:0 12/0:0 13/0:0 14/0:90]",
            "device 15: -device 11 floor 0 [12/0:0 13/0:0 14/0:90] account 1 (4) +device 15 floor 0 [12/0:0 13/0:0 14/0:90 15/0:90]",
            "ended [15]: -device 15 floor 0 [12/0:0 13/0:0 14/0:90] account 1 (3)",
            "device 16: account 1 (4) +device 16 floor 0 [12/0:0 13/0:0 14/0:90 16/0:90]",
        ],
    );
    check_from(
        state(phones(ClassRule::Refuse), EXPIRY_MS),
        &one_phone(),
        &[add(14, PHONE, None), add(15, PHONE, None)],
        &[
            "device 14: -device 11 floor 0 [12/0:0 13/0:0] account 1 (3) +device 14 floor 0 [12/0:0 13/0:0 14/0:90]",
            "refused device_class_taken",
        ],
    );
}

#[test]
fn the_number_of_devices_is_kept_by_ending_the_oldest_or_by_refusing() {
    let policy = |devices_max, when_full| DevicePolicy { devices_max, when_full, ..DevicePolicy::default() };
    check_from(
        state(policy(2, WhenFull::EndOldest), 0),
        &start(),
        &[add(14, PHONE, None), add(15, PHONE, Some(14))],
        &[
            "device 14: -device 11 -device 12 floor 0 [13/0:0] account 1 (2) +device 14 floor 0 [13/0:0 14/0:90]",
            "device 15: -device 14 floor 0 [13/0:0] account 1 (2) +device 15 floor 0 [13/0:0 15/0:90]",
        ],
    );
    check_from(
        state(policy(3, WhenFull::Refuse), 0),
        &start(),
        &[add(14, PHONE, None), add(14, PHONE, Some(12)), add(15, PHONE, None)],
        &[
            "refused too_many_devices",
            "device 14: -device 12 floor 0 [11/0:0 13/0:0] account 1 (3) +device 14 floor 0 [11/0:0 13/0:0 14/0:90]",
            "refused too_many_devices",
        ],
    );
    check_from(
        state(policy(3, WhenFull::Refuse), EXPIRY_MS),
        &start(),
        &[add(14, PHONE, None)],
        &[
            "device 14: -device 11 floor 0 [12/0:0 13/0:0] account 1 (3) +device 14 floor 0 [12/0:0 13/0:0 14/0:90]",
        ],
    );
}

#[test]
fn an_operator_ends_a_device_of_the_user_that_he_names() {
    let end = |user, device| Request::EndDevice { user: UserId(user), device: DeviceId(device) };
    check_from(
        state(DevicePolicy::default(), 0),
        &start().user(2, 1),
        &[end(1, 21), end(9, 11), end(2, 21), end(2, 21)],
        &[
            "refused no_such_device",
            "refused no_such_user",
            "ended [21]: -device 21 floor 0 [] account 2 (0)",
            "refused no_such_device",
        ],
    );
}

/// What the records of a history say that there is.
#[derive(Default)]
struct Seen {
    live: BTreeMap<DeviceId, u8>,
    ended: BTreeSet<DeviceId>,
    replaced: usize,
}

impl Seen {
    fn take(&mut self, record: &Record) {
        for effect in &record.effects {
            match effect {
                Effect::Device(device) => {
                    assert!(!self.ended.contains(&device.device), "a device came back");
                    self.live.insert(device.device, device.class);
                }
                Effect::DeviceEnded { device, .. } => {
                    assert!(self.live.remove(device).is_some(), "{device} ended twice");
                    self.ended.insert(*device);
                    self.replaced += usize::from(record.end_of_devices() == DeviceEnd::Replaced);
                }
                Effect::Lineages(lineages) => {
                    let ended = lineages.rows.iter().find(|row| self.ended.contains(&row.id.device));
                    assert_eq!(ended, None, "a lineage of an ended device stands");
                }
                _ => {}
            }
        }
    }
}

/// Any operation of any device that there is or was.
fn any_request(random: &mut SeededRandom, next: u64) -> Request {
    let device = 11 + random.below(next - 10);
    let lineage = LineageId { device: DeviceId(device), context: random.below(2) as u8 };
    match random.below(9) {
        0..3 => {
            let in_place_of = random.one_in(4).then_some(device);
            add(next, [PHONE, PHONE, DESKTOP, 0][random.below(4) as usize], in_place_of)
        }
        3 => Request::EndDevices { by: by(1, device), which: EndDevices::One(DeviceId(device)) },
        4 if random.one_in(4) => Request::EndDevices { by: by(1, device), which: EndDevices::AllOthers },
        5 => Request::OpenLineage(OpenLineage {
            by: by(1, device),
            context: lineage.context,
            kinds: KindSet::ALL,
        }),
        6 => {
            let marks = [Version(random.below(95)); KINDS_MAX];
            Request::HandBack { user: UserId(1), handed: vec![HandedBack { lineage, marks }] }
        }
        _ => send(by(1, device), Target::User(UserId(1)), random.below(250) as u8, "a"),
    }
}

#[test]
fn no_interleaving_makes_two_of_a_class_live_or_lets_an_ended_device_act() {
    let (mut random, mut replaced, mut refused, mut fenced) = (SeededRandom(7), 0, 0, 0);
    for history in 0..600 {
        let rule = [ClassRule::Replace, ClassRule::Refuse][history % 2];
        let policy = DevicePolicy { devices_max: 3, ..phones(rule) };
        let start = Rows::default().user(1, 1);
        let mut state = state(policy, 0);
        let mut seen = Seen::default();
        seen.live.insert(DeviceId(11), PHONE);
        for step in 0..40 {
            let (next, version) = (12 + step, Version(100 + step));
            let operation = at(any_request(&mut random, next));
            start.warm(&mut state, &operation);
            let by = match &operation.request {
                Request::Send(send) => Some(send.by.device),
                Request::OpenLineage(open) => Some(open.by.device),
                Request::EndDevices { by, .. } => Some(by.device),
                _ => None,
            };
            let decided = decide(&mut state, &operation, version);
            if let Some(by) = by.filter(|by| seen.ended.contains(by)) {
                assert_eq!(decided, Err(Refusal::InvalidToken), "history {history}: {by} has ended");
                fenced += 1;
                continue;
            }
            if let (Request::HandBack { handed, .. }, Ok(decided)) = (&operation.request, &decided)
                && seen.ended.contains(&handed[0].lineage.device)
            {
                assert_eq!((&decided.record, &decided.answer), (&None, &Answer::Done), "a late hand-back");
                fenced += 1;
            }
            refused += usize::from(decided == Err(Refusal::DeviceClassTaken));
            if let Some(record) = decided.ok().and_then(|decided| decided.record) {
                seen.take(&record);
            }
            let phones = seen.live.values().filter(|class| **class == PHONE).count();
            assert!(phones <= 1, "history {history}: {phones} phones are live");
            assert!(seen.live.len() <= 3, "history {history}: {} devices", seen.live.len());
        }
        replaced += seen.replaced;
    }
    let rare = [replaced, refused, fenced];
    assert!(rare.iter().all(|count| *count > 300), "{rare:?}");
}
