#![allow(clippy::unwrap_used)]

use std::sync::{
    Mutex,
    atomic::{AtomicU32, Ordering},
};

use super::*;
use crate::{
    actors::courier::{Courier, GROUP},
    model::{TimeMs, UserId},
    monitor::{Monitor, alarms::Telling, ids},
};

fn told(at_ms: i64) -> Telling {
    Telling {
        alarm: "disk_nearly_full",
        state: "firing",
        severity: "critical",
        says: "little is left",
        value: 1,
        bound: 2,
        unit: "",
        begun_ms: at_ms,
        at_ms,
    }
}

type Said = Arc<Mutex<Vec<AlarmMessage>>>;

/// A courier to a group that answers this, then that it is stored, and all that was said to it. Every try is on a new day.
fn courier(answers: &'static [Refusal], again: usize) -> (Courier, Said, Monitor) {
    let (said, monitor, today) = (Said::default(), Monitor::new(), AtomicU32::new(1));
    let heard = Arc::clone(&said);
    let say: Say = Arc::new(move |message| {
        let mut said = heard.lock().unwrap();
        said.push(message.clone());
        answers.get(said.len() - 1).map_or(Ok(()), |refusal| Err(*refusal))
    });
    let carrier = alarm_group(say, move || Day(today.fetch_add(1, Ordering::SeqCst)));
    let again_after = vec![Duration::from_millis(1); again];
    (Courier::start(GROUP, carrier, &again_after, monitor.clone()).unwrap(), said, monitor)
}

fn counted(monitor: &Monitor, id: u32, count: i64) {
    for _ in 0..2000 {
        if monitor.value(id) == count {
            return;
        }
        std::thread::park_timeout(Duration::from_millis(5));
    }
    panic!("{} of {id}, not {count}", monitor.value(id));
}

#[test]
fn every_try_is_the_same_message_also_over_midnight() {
    let (courier, said, monitor) = courier(&[Refusal::UnknownOutcome, Refusal::StorageFull], 4);
    courier.tell(vec![told(0), told(0)]);
    counted(&monitor, ids::ALARMS_SAID, 2);
    let said = said.lock().unwrap();
    assert_eq!(said.len(), 3);
    assert!(said.iter().all(|message| *message == said[0]), "{said:?}");
    assert_eq!(monitor.value(ids::ALARMS_UNSAID), 0);
}

#[test]
fn what_is_refused_to_the_end_is_counted_and_the_next_is_told() {
    let (courier, said, monitor) = courier(&[Refusal::NoSuchConversation; 3], 2);
    courier.tell(vec![told(0)]);
    counted(&monitor, ids::ALARMS_UNSAID, 1);
    assert_eq!(monitor.value(ids::ALARMS_SAID), 0);
    courier.tell(vec![told(60_000)]);
    counted(&monitor, ids::ALARMS_SAID, 1);
    assert_eq!(said.lock().unwrap().len(), 4);
}

#[test]
fn what_was_told_there_before_with_another_figure_is_not_told_again() {
    let (courier, said, monitor) = courier(&[Refusal::IdConflict], 4);
    courier.tell(vec![told(0)]);
    counted(&monitor, ids::ALARMS_SAID, 1);
    assert_eq!(said.lock().unwrap().len(), 1);
}

#[test]
fn what_keeps_a_bot_from_speaking_is_seen_before() {
    let bot = |bot, suspended| Account {
        user: UserId(1),
        name: "watch".to_owned(),
        password: None,
        created: TimeMs(0),
        devices: Vec::new(),
        suspended,
        bot,
        made_by: None,
        profile: Default::default(),
        strangers: None,
    };
    let row = Conversation::of_group(ConversationId(9), TimeMs(0));
    let (right, person, suspended) = (bot(true, false), bot(false, false), bot(true, true));
    for (bot, group, belongs, expected) in [
        (Some(&right), Some(&row), true, None),
        (None, Some(&row), false, Some("nobody has the name")),
        (Some(&person), Some(&row), true, Some("is no bot")),
        (Some(&suspended), Some(&row), true, Some("is suspended")),
        (Some(&right), None, false, Some("there is no conversation")),
        (Some(&right), Some(&row), false, Some("does not belong")),
    ] {
        let found = hindrance(bot, group, belongs);
        assert_eq!(found.is_some(), expected.is_some(), "{expected:?}");
        assert!(found.unwrap_or_default().contains(expected.unwrap_or_default()), "{found:?}");
    }
}
