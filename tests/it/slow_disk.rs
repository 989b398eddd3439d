//! A disk that becomes slow under a running server: those who are responsible are told by the alarm that says so, once, and
//! when it is over; so is a group whose members wait for what was sent. Minutes are short here; rules are those of every
//! server.

use std::time::Duration;

use highwater_wire::proto;
use proto::{client_frame::Request, send::To, server_frame::Body};
use serde_json::Value;
use tokio::task::JoinHandle;

use super::{
    alarms::is,
    full_disk::SmallDisk,
    groups::{create, created},
};
use crate::support::{AlarmSink, Home, Person, Server, Wire, eventually, requests, slow_disk::SlowDisk};

/// Minutes long enough for the syncs that a mean needs.
const MINUTE_MS: i64 = 1_500;
const MEMBERS: usize = 12;

/// Who sends to a group, until it is dropped.
struct Sending(JoinHandle<()>);

impl Drop for Sending {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A message after the other; one that is refused is sent anew.
async fn sending(server: &Server, person: &Person, group: u64) -> Sending {
    let mut wire = Wire::greeted(server, person.token()).await;
    let day = requests::today(&mut wire).await;
    Sending(tokio::spawn(async move {
        loop {
            let send = Request::Send(requests::send(To::ConversationId(group), day, "and on"));
            let answer = wire.ask(send).await;
            assert!(matches!(answer, Body::Sent(_) | Body::Error(_)), "{answer:?}");
        }
    }))
}

/// When it began, in minutes after another moment of the same clock.
fn minutes_after(alarm: &Value, fault_ms: i64) -> i64 {
    (alarm["begun_ms"].as_i64().unwrap() - fault_ms) / 60_000
}

/// Now, by the clock of the server's minutes: the beginning of the running one.
async fn minute_ms(server: &Server) -> i64 {
    let answer = server.operate("GET", "/v1/points?ids=1010", "").await;
    let points: Value = serde_json::from_str(&answer.text()).unwrap();
    points["from_ms"].as_i64().unwrap() + 60 * 60_000
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_syncs_and_what_waits_for_them_are_told_within_two_minutes() {
    // In memory: the disk of the tests may be slow by itself.
    let disks = SmallDisk::mount().and_then(|memory| Ok((memory, SlowDisk::new()?)));
    let (memory, disk) = match disks {
        Ok(disks) => disks,
        Err(why) => {
            println!("skipped: slow_syncs_and_what_waits_for_them_are_told_within_two_minutes: {why}");
            return;
        }
    };
    let sink = AlarmSink::start();
    let config = format!(
        "[server]\nworkers = 2\n[storage]\nsegment_bytes = 16777216\n[groups]\nstep_pointers = 1\n{}",
        sink.config()
    );
    let home = Home::new(&config, &["--dev", "--monitor-minute-ms", &MINUTE_MS.to_string()]);
    let home = home.with_data(&memory.data());
    let server = disk.start(&home);
    let people: [Person; MEMBERS] = server.people(1).await;
    let mut wire = Wire::greeted(&server, people[0].token()).await;
    let others: Vec<u64> = people[1..].iter().map(|person| person.user_id).collect();
    let group = created(&mut wire, create(1, "Tea", &others)).await;
    let one = sending(&server, &people[1], group).await;
    is(&server, "commits_slow", "quiet").await;
    is(&server, "fan_out_late", "quiet").await;

    let fault_ms = minute_ms(&server).await;
    disk.slow_down(Duration::from_millis(40));
    let slow = is(&server, "commits_slow", "firing").await;
    assert_eq!((&slow["severity"], &slow["bound"]), (&"warning".into(), &20_000.into()));
    assert!(slow["value"].as_i64().unwrap() >= 20_000, "{slow}");
    assert!(minutes_after(&slow, fault_ms) <= 2, "{fault_ms}: {slow}");

    // Every member is a step, and every step waits for a sync.
    let fault_ms = minute_ms(&server).await;
    disk.slow_down(Duration::from_millis(250));
    let late = is(&server, "fan_out_late", "firing").await;
    assert!(minutes_after(&late, fault_ms) <= 3, "{fault_ms}: {late}");

    // And now it does not come back at all.
    let fault_ms = minute_ms(&server).await;
    disk.slow_down(Duration::from_millis(6_000));
    let stuck = is(&server, "commits_stuck", "firing").await;
    assert_eq!(stuck["severity"], "critical");
    let until_it_is_long = 5_000 / MINUTE_MS + 1;
    assert!(minutes_after(&stuck, fault_ms) <= 2 + until_it_is_long, "{fault_ms}: {stuck}");

    disk.recover();
    drop(one);
    for alarm in ["commits_slow", "fan_out_late", "commits_stuck"] {
        is(&server, alarm, "quiet").await;
        eventually("the end is told", || async { (sink.states_of(alarm).len() > 1).then_some(()) }).await;
        assert_eq!(sink.states_of(alarm), ["firing", "over"], "{alarm}");
    }
}
