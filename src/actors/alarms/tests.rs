#![allow(clippy::unwrap_used)]

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, AtomicUsize, Ordering},
        mpsc::{Receiver, channel},
    },
    time::Duration,
};

use super::*;
use crate::{
    actors::{
        alarm_webhook::webhook,
        courier::{Courier, WEBHOOK},
        host_callback::Ask,
    },
    logic::host_callback::{Question, QuestionKey, signed},
    model::TimeMs,
    monitor::alarms::SHIPPED,
};

const DEADLINE: Duration = Duration::from_secs(20);

fn key() -> QuestionKey {
    QuestionKey::of_secret(&[b's'; 32]).unwrap()
}

/// A clock of the test's own, the time that it shows, and all requests that a webhook got, which answers these statuses and
/// then 204.
struct Rig {
    alarms: StandingAlarms,
    now_ms: Arc<AtomicI64>,
    requests: Receiver<Question>,
    monitor: Monitor,
}

fn rig(statuses: &'static [u16], again_after: &[Duration]) -> Rig {
    let now_ms = Arc::new(AtomicI64::new(0));
    let shown = Arc::clone(&now_ms);
    let clock = Clock::new(move || shown.load(Ordering::SeqCst), || 0);
    let (tell, requests) = channel();
    let (tell, tried) = (Mutex::new(tell), AtomicUsize::new(0));
    let ask: Ask = Arc::new(move |question| {
        let _ = tell.lock().unwrap().send(question.clone());
        let status = statuses.get(tried.fetch_add(1, Ordering::SeqCst)).copied().unwrap_or(204);
        Ok((status, Vec::new()))
    });
    let monitor = Monitor::new();
    let carrier = webhook(ask, key(), clock.clone());
    let courier = Courier::start(WEBHOOK, carrier, again_after, monitor.clone()).unwrap();
    let alarms = StandingAlarms::new(SHIPPED.to_vec(), vec![courier], clock, monitor.clone());
    Rig { alarms, now_ms, requests, monitor }
}

impl Rig {
    /// Ends a minute in which so many devices knew of a lost future.
    fn minute(&self, minute: i64, lost: u64) {
        self.monitor.set(ids::DISK_FREE, 50 << 30);
        self.monitor.set(ids::DISK_SIZE, 100 << 30);
        self.monitor.add(ids::LINEAGES_LOST_FUTURE, lost);
        self.now_ms.store((minute + 1) * 60_000, Ordering::SeqCst);
        self.tick();
        self.tick();
    }

    fn tick(&self) {
        self.monitor.tick(TimeMs(self.now_ms.load(Ordering::SeqCst)));
        self.alarms.judge();
    }

    fn told(&self) -> serde_json::Value {
        let request = self.requests.recv_timeout(DEADLINE).unwrap();
        let at = TimeMs(request.timestamp.parse::<i64>().unwrap() * 1000);
        assert_eq!(signed(request.body.clone(), &key(), at), request, "it is signed as it is sent");
        serde_json::from_str(&request.body).unwrap()
    }

    /// Waits until the webhook's thread has counted so many.
    fn counted(&self, id: u32, count: i64) {
        for _ in 0..2000 {
            if self.monitor.value(id) == count {
                return;
            }
            std::thread::park_timeout(Duration::from_millis(5));
        }
        panic!("{} of {id}, not {count}", self.monitor.value(id));
    }
}

#[test]
fn what_fires_is_told_once_and_when_it_is_over() {
    let rig = rig(&[], &[]);
    rig.tick();
    rig.minute(0, 0);
    rig.minute(1, 3);
    let begun = rig.told();
    let expected = serde_json::json!({ "alarms": [{
        "alarm": "lost_future_seen", "state": "firing", "severity": "critical",
        "says": "a device knows of a history that this store has lost", "value": 3, "bound": 0, "unit": "",
        "begun_ms": 120_000, "at_ms": 120_000,
    }]});
    assert_eq!(begun, expected);
    assert_eq!(rig.monitor.value(ids::ALARMS_CRITICAL), 1);
    assert!(rig.alarms.firing_html().starts_with("<p class=\"firing critical\">critical: a device knows"));
    rig.minute(2, 1);
    rig.minute(3, 0);
    let over = rig.told();
    assert_eq!(
        (&over["alarms"][0]["state"], &over["alarms"][0]["begun_ms"]),
        (&"over".into(), &120_000.into())
    );
    assert_eq!(rig.monitor.value(ids::ALARMS_CRITICAL), 0);
    assert_eq!(rig.alarms.firing_html(), "");
    rig.counted(ids::ALARMS_DELIVERED, 2);
    assert!(rig.requests.try_recv().is_err());
    assert_eq!(rig.alarms.acknowledge("lost_future_seen"), Err(NoAlarm::Quiet));
}

#[test]
fn what_is_not_taken_is_tried_again_and_then_given_up_and_counted() {
    let soon = [Duration::from_millis(1); 2];
    let taken = rig(&[500, 302], &soon);
    taken.tick();
    taken.minute(0, 1);
    let first = taken.told();
    assert_eq!([taken.told(), taken.told()], [first.clone(), first], "the same three times");
    taken.counted(ids::ALARMS_DELIVERED, 1);
    let given_up = rig(&[500, 404, 199], &soon);
    given_up.tick();
    given_up.minute(0, 1);
    given_up.counted(ids::ALARMS_UNDELIVERED, 1);
    assert_eq!(given_up.requests.try_iter().count(), 3);
    given_up.minute(1, 0);
    given_up.counted(ids::ALARMS_DELIVERED, 1);
}

#[test]
fn a_webhook_that_hangs_holds_nothing_up_and_what_is_too_much_is_counted() {
    let rig = rig(&[500], &[Duration::from_secs(3600)]);
    rig.tick();
    rig.minute(0, 1);
    rig.told();
    // One is tried, sixty wait, and each minute tells something.
    for minute in 1..=63 {
        rig.minute(minute, u64::from(minute % 2 == 0));
    }
    assert_eq!(rig.monitor.value(ids::ALARMS_DROPPED), 3);
    assert_eq!(rig.monitor.value(ids::ALARMS_DELIVERED), 0);
}
