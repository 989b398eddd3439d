//! Alarms from outside: what goes wrong is told once, to a webhook that judges the signature and on the operator's port, and
//! once more when it is over. The minutes of these servers are short.

use highwater_wire::{Encoding, Refusal};
use serde_json::Value;

use crate::{
    full_disk::SmallDisk,
    support::{AlarmSink, Home, Server, Wire, eventually, requests, wire::assert_refused},
};

/// A minute of these servers, ms: a refused sign-in takes a part of it.
const MINUTE_MS: &str = "400";
const FLAGS: &[&str] = &["--dev", "--monitor-minute-ms", MINUTE_MS];

pub async fn alarm(server: &Server, name: &str) -> Value {
    let answer = server.operate("GET", "/v1/alarms", "").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let listing: Value = serde_json::from_str(&answer.text()).unwrap();
    let alarms = listing["alarms"].as_array().unwrap();
    alarms.iter().find(|alarm| alarm["alarm"] == name).unwrap_or_else(|| panic!("no {name}")).clone()
}

pub async fn is(server: &Server, name: &str, state: &str) -> Value {
    eventually(state, || async { Some(alarm(server, name).await).filter(|alarm| alarm["state"] == state) })
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_sign_ins_are_told_once_and_when_they_are_over() {
    let sink = AlarmSink::start();
    let rules = "[alarms.rules.sign_ins_refused]\nbound = 0\n[alarms.rules.disk_low]\noff = true\n";
    let home = Home::new(&format!("[server]\nworkers = 2\n{}{rules}", sink.config()), FLAGS);
    let server = home.start();
    assert_eq!(is(&server, "sign_ins_refused", "quiet").await["bound"], 0);
    assert_eq!(is(&server, "messages_fell", "not_evaluable").await["why"], "no_baseline");
    let listing = server.operate("GET", "/v1/alarms", "").await.text();
    assert!(!listing.contains("disk_low"), "it is off");
    let mut wire = Wire::connect(&server, Encoding::Binary).await;
    let mut number = 0;
    // It goes on for some minutes after it was told, and nothing more is.
    let mut after = 0;
    while after < 8 {
        number += 1;
        let answer = wire.ask(requests::sign_in(&format!("nobody{number}"), "wrong horse")).await;
        assert_refused(&answer, Refusal::WrongCredentials);
        after += usize::from(!sink.states_of("sign_ins_refused").is_empty());
        assert!(number < 2000, "it is never told");
    }
    assert_eq!(sink.states_of("sign_ins_refused"), ["firing"]);
    let standing = is(&server, "sign_ins_refused", "firing").await;
    assert_eq!((&standing["severity"], &standing["acknowledged"]), (&"warning".into(), &false.into()));
    let acknowledged = server.operate("POST", "/v1/alarms/sign_ins_refused/ack", "{}").await;
    assert_eq!(acknowledged.status, 204, "{acknowledged:?}");
    assert_eq!(alarm(&server, "sign_ins_refused").await["acknowledged"], true);
    is(&server, "sign_ins_refused", "quiet").await;
    eventually("the end is told", || async {
        (sink.states_of("sign_ins_refused") == ["firing", "over"]).then_some(())
    })
    .await;
    let log = server.log();
    let told: Vec<&str> = log.lines().filter(|line| line.contains("sign_ins_refused")).collect();
    assert_eq!(told.len(), 2, "{told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_told_once_and_when_there_is_space_again() {
    let disk = match SmallDisk::mount() {
        Ok(disk) => disk,
        Err(why) => {
            println!("skipped: a_full_disk_is_told_once_and_when_there_is_space_again: {why}");
            return;
        }
    };
    let sink = AlarmSink::start();
    let small = "[server]\nworkers = 2\n[storage]\nsegment_bytes = 16777216\nindex_cache_bytes = 8388608\n";
    let rules = "[alarms.rules.disk_nearly_full]\nbound = 16777216\n";
    let home = Home::new(&format!("{small}{}{rules}", sink.config()), FLAGS).with_data(&disk.data());
    let server = home.start();
    is(&server, "disk_nearly_full", "quiet").await;
    assert!(sink.states_of("disk_nearly_full").is_empty());
    disk.fill();
    let standing = is(&server, "disk_nearly_full", "firing").await;
    assert_eq!((&standing["severity"], &standing["bound"]), (&"critical".into(), &16_777_216.into()));
    let page = server.operate("GET", "/curves", "").await.text();
    assert!(page.contains("<p class=\"firing critical\">") && !page.contains("<script"), "{page:.2000}");
    let metrics = server.operate("GET", "/metrics", "").await.text();
    assert!(metrics.lines().any(|line| line.contains("alarms_firing{severity=\"critical\"} 1")), "{metrics}");
    disk.make_space();
    is(&server, "disk_nearly_full", "quiet").await;
    eventually("the end is told", || async {
        (sink.states_of("disk_nearly_full") == ["firing", "over"]).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn alarms_are_the_operators_and_a_name_is_known_or_not() {
    let home = Home::new("[server]\nworkers = 2\n", FLAGS);
    let server = home.start();
    for (method, path) in
        [("GET", "/v1/alarms"), ("POST", "/v1/alarms/disk_low/ack"), ("POST", "/v1/alarms/disk_low/silence")]
    {
        let body = br#"{"minutes":5}"#;
        let answer = crate::support::http::exchange(server.operator(), method, path, &[], body).await;
        assert_eq!(answer.status, 401, "{path}: {answer:?}");
    }
    for (path, body, status) in [
        ("/v1/alarms/disk_low/ack", "{}", 409),
        ("/v1/alarms/disk_low/silence", r#"{"minutes":5}"#, 204),
        ("/v1/alarms/disk_low/silence", r#"{"minutes":1441}"#, 400),
        ("/v1/alarms/disk_low/silence", r#"{"minutes":-1}"#, 400),
        ("/v1/alarms/disk_low/silence", "{}", 400),
        ("/v1/alarms/nothing/ack", "{}", 404),
        ("/v1/alarms/nothing/silence", r#"{"minutes":5}"#, 404),
    ] {
        let answer = server.operate("POST", path, body).await;
        assert_eq!(answer.status, status, "{path} {body}: {answer:?}");
    }
    assert!(alarm(&server, "disk_low").await["silenced_until_ms"].is_i64());
    assert_eq!(server.operate("POST", "/v1/alarms/disk_low/silence", r#"{"minutes":0}"#).await.status, 204);
    assert!(alarm(&server, "disk_low").await["silenced_until_ms"].is_null());
    let mut command = Home::bare_command();
    let output = command.args(["admin", "alarms", "--data"]).arg(home.data()).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && text.contains("commits_slow: bound 20000 us"), "{text}");
    let mut command = Home::bare_command();
    let silenced = ["admin", "alarms", "silence", "disk_low", "--minutes", "5", "--data"];
    assert!(command.args(silenced).arg(home.data()).status().unwrap().success());
    assert!(alarm(&server, "disk_low").await["silenced_until_ms"].is_i64());
}

#[test]
fn a_rule_that_does_not_exist_keeps_a_server_from_starting() {
    let home = Home::new("[server]\ndev = true\n[alarms.rules.disk_lwo]\nbound = 5\n", &[]);
    let refused = home.start_refused();
    assert!(refused.stderr.contains("alarms.rules names disk_lwo"), "{}", refused.stderr);
    assert!(!home.data().join("log").exists(), "nothing was opened");
    let home = Home::new("[server]\ndev = true\n[alarms.rules.messages_fell]\nbound = 100\n", &[]);
    assert!(home.start_refused().stderr.contains("alarms.rules.messages_fell.bound is 100 %"));
}

#[tokio::test(flavor = "multi_thread")]
async fn how_much_of_the_index_is_live_is_counted() {
    let home = Home::new("[server]\nworkers = 2\n", FLAGS);
    let server = home.start();
    let figure = |metrics: &str, name: &str| -> u64 {
        let line = metrics.lines().find(|line| line.starts_with(name)).unwrap();
        line.rsplit(' ').next().unwrap().parse().unwrap()
    };
    let people = server.people::<40>(1).await;
    // A row of the account, of its name and of its device, at least.
    let least = people.len() as u64 * 100;
    eventually("the index has the accounts", || async {
        let metrics = server.operate("GET", "/metrics", "").await.text();
        let live = figure(&metrics, "highwater_index_live_bytes ");
        (live > least && figure(&metrics, "highwater_index_disk_bytes ") > live).then_some(())
    })
    .await;
}
