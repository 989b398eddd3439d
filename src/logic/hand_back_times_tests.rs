//! What is known of hand-backs, minute by minute.

use std::sync::Arc;

use bytes::Bytes;

use super::hand_back_times::{HandBackTimes, HandedBackWithin, MARKS_MAX, MINUTES_MAX, Minute, Versions};
use crate::model::{
    ClientMessageId, Content, ConversationId, Day, Delivery, DeviceId, Effect, Kind, KindSet, Lineage,
    LineageId, Lineages, Record, Seq, TimeMs, UserId, Version, limits::KINDS_MAX, record::Message,
};

const MINUTE_MS: i64 = 60_000;

/// A moment within a minute.
fn at(minute: i64) -> TimeMs {
    TimeMs(minute * MINUTE_MS + 12_345)
}

fn minute(minute: i64) -> Minute {
    Minute::of(TimeMs(minute * MINUTE_MS))
}

/// The newest version of before.
const BEFORE: Version = Version(44);

fn begun(minute: i64, marks_max: usize, through: Version) -> HandBackTimes {
    HandBackTimes::since((at(minute), at(minute)), marks_max, through, &[])
}

/// User 1 with two lineages, and what is known of them.
struct History {
    times: HandBackTimes,
    lineages: Lineages,
    version: Version,
}

impl History {
    fn since(began: i64, marks_max: usize) -> History {
        let mut lineages = Lineages::none(UserId(1));
        for device in [11, 12] {
            let id = LineageId { device: DeviceId(device), context: 0 };
            lineages.add(Lineage::new(id, Version(0), KindSet::ALL, at(began)));
        }
        History { times: begun(began, marks_max, BEFORE), lineages, version: BEFORE }
    }

    fn note(&mut self, effect: Effect) {
        self.version = self.version.next();
        self.times.note(&Record { version: self.version, effects: vec![effect] });
    }

    /// One of the two lineages hands back messages through a version.
    fn hand_back(&mut self, place: usize, minute: i64, version: u64) {
        let mut marks = [Version(0); KINDS_MAX];
        marks[usize::from(Kind::MESSAGES.0) - 1] = Version(version);
        self.lineages.rows[place].hand_back(&marks, at(minute));
        self.version = self.version.max(Version(version));
        self.note(Effect::Lineages(self.lineages.clone()));
    }

    /// A message is sent; gives its version.
    fn send(&mut self, minute: i64) -> Version {
        let message = Message {
            conversation: ConversationId(5),
            seq: Seq(1),
            sender: UserId(2),
            sent_at: at(minute),
            id: ClientMessageId([1; 16]),
            content: Content::Text(Bytes::new()),
            count: 1,
            read: Seq(1),
        };
        let version = self.version.next();
        let delivery = Delivery {
            version,
            message,
            day: Day(1),
            fingerprint: 0,
            pointers: vec![(UserId(1), Version(0))],
        };
        self.note(Effect::Message(Arc::new(delivery)));
        version
    }

    fn within(&self, place: usize, versions: (u64, u64), sent: i64) -> Option<HandedBackWithin> {
        let versions = Versions { least: Version(versions.0), greatest: Version(versions.1) };
        self.times.handed_back(&self.lineages.rows[place], versions, at(sent))
    }
}

fn window(from: Option<i64>, to: i64) -> Option<HandedBackWithin> {
    Some(HandedBackWithin { from: from.map(minute), to: minute(to) })
}

#[test]
fn each_lineage_has_the_minute_in_which_its_mark_passed_the_message() {
    let mut history = History::since(100, MARKS_MAX);
    history.hand_back(0, 110, 40);
    history.hand_back(0, 110, 50);
    history.hand_back(1, 111, 45);
    history.hand_back(0, 115, 60);
    history.hand_back(1, 118, 90);
    assert_eq!(history.within(0, (50, 50), 105), window(Some(110), 110));
    assert_eq!(history.within(0, (51, 51), 105), window(Some(115), 115));
    assert_eq!(history.within(1, (45, 45), 105), window(Some(111), 111));
    assert_eq!(history.within(1, (46, 46), 105), window(Some(118), 118));
    // A message of before this start: the first that is known may not be the first.
    assert_eq!(history.within(0, (40, 40), 99), window(None, 110));
    assert_eq!(history.within(0, (55, 55), 99), window(Some(115), 115));
    // In the minute of the start, but before it.
    assert_eq!(
        history.times.handed_back(
            &history.lineages.rows[0],
            Versions { least: Version(40), greatest: Version(40) },
            TimeMs(100 * MINUTE_MS),
        ),
        window(None, 110)
    );
    // Where only the minute of sending is known, so is a window.
    assert_eq!(history.within(0, (45, 58), 105), window(Some(110), 115));
    // It may be one of before.
    assert_eq!(history.within(0, (1, 60), 112), window(None, 115));
}

#[test]
fn a_mark_that_does_not_rise_says_nothing_new() {
    let mut history = History::since(100, MARKS_MAX);
    history.hand_back(0, 110, 50);
    for later in 120..130 {
        history.hand_back(0, later, 50);
        history.hand_back(1, later, 1 + later as u64);
    }
    assert_eq!(history.lineages.rows[0].handed, Some(at(110)));
    assert_eq!(history.lineages.rows[0].heard, at(129));
    assert_eq!(history.within(0, (50, 50), 105), window(Some(110), 110));
}

#[test]
fn after_a_start_the_rows_tell_the_last_hand_back_of_each() {
    let mut history = History::since(100, MARKS_MAX);
    history.hand_back(0, 110, 50);
    history.times = begun(200, MARKS_MAX, history.version);
    assert_eq!(history.within(0, (50, 50), 105), window(None, 110));
    assert_eq!(history.within(1, (1, 1), 105), None, "it never handed anything back");
    // What another lineage's record brings along is what the row says.
    history.hand_back(1, 201, 50);
    assert_eq!(history.within(0, (50, 50), 105), window(None, 110));
    history.hand_back(0, 203, 60);
    assert_eq!(history.within(0, (50, 50), 105), window(None, 110));
    assert_eq!(history.within(0, (60, 60), 202), window(Some(203), 203));
}

#[test]
fn a_day_is_remembered_and_no_more() {
    let day = MINUTES_MAX as i64;
    let mut history = History::since(100, MARKS_MAX);
    history.hand_back(0, 110, 50);
    history.hand_back(0, 110 + day - 1, 60);
    assert_eq!(history.within(0, (50, 50), 105), window(Some(110), 110));
    assert_eq!(history.times.known_since(), at(100));
    history.hand_back(0, 110 + day, 70);
    assert_eq!(history.within(0, (50, 50), 105), window(None, 110 + day - 1), "at that time at the latest");
    assert_eq!(history.times.known_since(), minute(111).begin());
    for sent in 0..2 * day {
        history.send(sent);
    }
    assert_eq!(history.times.sent_within(at(day - 1)), None);
    assert!(history.times.sent_within(at(day)).is_some());
}

#[test]
fn when_there_is_too_much_the_oldest_minute_is_forgotten_and_it_says_so() {
    let mut history = History::since(100, 3);
    history.hand_back(0, 110, 1010);
    history.hand_back(1, 110, 1010);
    history.hand_back(0, 111, 1020);
    assert_eq!(history.within(0, (1010, 1010), 105), window(Some(110), 110));
    history.hand_back(0, 112, 1030);
    assert_eq!(history.times.known_since(), minute(111).begin());
    assert_eq!(history.within(0, (1010, 1010), 105), window(None, 111));
    assert_eq!(history.within(0, (1020, 1020), 111), window(Some(111), 111));
}

#[test]
fn the_messages_of_a_minute_say_between_which_versions_they_lie() {
    let mut history = History::since(100, MARKS_MAX);
    let first = history.send(110);
    history.send(110);
    let last = history.send(110);
    let next = history.send(111);
    assert_eq!(history.times.sent_within(at(110)), Some(Versions { least: first, greatest: last }));
    assert_eq!(history.times.sent_within(at(111)), Some(Versions { least: next, greatest: next }));
    assert_eq!(history.times.sent_within(at(112)), None);
    // Of the minute of the start some may have been sent before it.
    history.send(100);
    assert_eq!(history.times.sent_within(at(100)), None);
    // That was a clock that went back: until it is further than before, minutes come a second time.
    history.send(111);
    assert_eq!(history.times.sent_within(at(111)), None);
    let later = history.send(112);
    assert_eq!(history.times.sent_within(at(112)), Some(Versions { least: later, greatest: later }));
}

#[test]
fn a_start_at_a_time_that_the_records_have_passed_knows_nothing_of_before() {
    let mut history = History::since(100, MARKS_MAX);
    history.hand_back(0, 110, 50);
    let replayed = [Arc::new(Record {
        version: history.version,
        effects: vec![Effect::Lineages(history.lineages.clone())],
    })];
    let start = |minute| HandBackTimes::since((at(minute), at(minute)), MARKS_MAX, BEFORE, &replayed);
    history.times = start(110);
    assert_eq!(history.within(0, (50, 50), 105), window(Some(110), 110));
    // The minutes up to 110 come a second time.
    history.times = start(109);
    assert_eq!(history.within(0, (50, 50), 105), window(None, 110));
    history.hand_back(0, 109, 60);
    assert_eq!(history.within(0, (60, 60), 109), window(Some(110), 110), "the time of a row never falls");
    assert_eq!(history.within(0, (50, 50), 105), window(None, 110));
}

#[test]
fn a_wall_clock_that_is_ahead_does_not_hide_what_was_forgotten() {
    let mut history = History::since(0, MARKS_MAX);
    let version = history.send(5000);
    history.hand_back(0, 10, version.0);
    let told = |history: &History| history.within(0, (version.0, version.0), 5000);
    assert_eq!(told(&history).map(|told| told.to), Some(minute(10)));
    // The minute of the hand-back is forgotten, long before the time that the message bears.
    let newer = history.send(5001);
    let later = 11 + MINUTES_MAX as i64;
    history.hand_back(0, later, newer.0);
    assert_eq!(history.times.known_since(), TimeMs(11 * MINUTE_MS));
    assert_eq!(told(&history), window(None, later));
}
