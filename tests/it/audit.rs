//! The audit log from outside: what operators did is there, by id and without a word of anybody's; what was changed in it is
//! found; a kill between the beginning and the end of a change shows; a full disk changes nothing.

use std::{fs, path::PathBuf, process::Output};

use highwater_wire::Refusal;
use serde_json::{Value, json};

use crate::{
    full_disk::SmallDisk,
    support::{Home, Server, eventually, http},
};

/// As long as the secret of a key.
const SECRET: &str = "hwk_0123456789012345678901234567890123456789012";

fn verify(home: &Home, more: &[&str]) -> Output {
    let mut command = Home::bare_command();
    command.args(["audit", "verify", "--data"]).arg(home.data()).args(more).output().unwrap()
}

fn in_order(home: &Home, more: &[&str]) -> String {
    let output = verify(home, more);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn not_in_order(home: &Home, more: &[&str]) -> String {
    let output = verify(home, more);
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stdout));
    String::from_utf8(output.stderr).unwrap()
}

fn first_file(home: &Home) -> PathBuf {
    home.data().join("audit/audit-000000000001")
}

/// The head, and the records behind a number.
async fn page(server: &Server, after: u64) -> (String, Vec<Value>) {
    let answer = server.operate("GET", &format!("/v1/audit?after={after}&limit=500"), "").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let page: Value = serde_json::from_str(&answer.text()).unwrap();
    let records = page["records"].as_array().unwrap().iter().map(|record| record["record"].clone());
    (page["head"]["hash"].as_str().unwrap().to_owned(), records.collect())
}

/// Kind, route, subject, outcome and refusal of each record, in a line.
fn told(records: &[Value]) -> Vec<String> {
    let line = |record: &Value| {
        let keys = ["kind", "operator", "route", "subject", "outcome", "refusal"];
        let parts = keys.map(|key| match &record[key] {
            Value::Null => "-".to_owned(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        });
        parts.join("|")
    };
    records.iter().map(line).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_operators_did_is_there_by_id_and_without_a_word_of_anybodys() {
    let home = Home::dev();
    let server = home.start();
    let [ann] = server.people(2).await;
    let (_, provisioned) = page(&server, 0).await;
    assert_eq!(
        told(&provisioned),
        [
            "begun|root|POST /v1/provision|users 1|-|-".to_owned(),
            "ended|root|POST /v1/provision|users 1|done|-".to_owned(),
        ]
    );
    let (name, id, device) = (&ann.name, ann.user_id, ann.devices[1].device_id);
    let password = "a password that nobody may read";
    for (method, path, body, status) in [
        ("POST", "/v1/suspend", json!({ "user": name, "suspended": true }), 204),
        ("POST", "/v1/end-device", json!({ "user": name, "device_id": device.to_string() }), 204),
        (
            "POST",
            "/v1/set-password",
            json!({ "user": name, "password": password, "end_devices": false }),
            204,
        ),
        ("POST", "/v1/suspend", json!({ "user": "nobody", "suspended": true }), 404),
        ("POST", "/v1/suspend", json!({ "no": "such" }), 400),
        ("POST", "/v1/explain/user", json!({ "user": name }), 200),
        ("POST", "/v1/alarms/disk_low/silence", json!({ "minutes": 5 }), 204),
        // A secret in the place of a name is in no log either.
        ("POST", "/v1/api-keys/revoke", json!({ "key": SECRET }), 404),
        ("POST", "/v1/bots", json!({ "name": "tea-bot" }), 200),
    ] {
        let answer = server.operate(method, path, &body.to_string()).await;
        assert_eq!(answer.status, status, "{path}: {answer:?}");
    }
    let stranger = http::exchange(server.operator(), "POST", "/v1/erase", &[], b"{}").await;
    assert_eq!(stranger.status, 401);
    assert_eq!(server.operate("GET", "/v1/alarms", "").await.status, 200, "it is asked again and again");
    let (head, records) = page(&server, 2).await;
    let both =
        |line: String, end: &str| [format!("begun|root|{line}|-|-"), format!("ended|root|{line}|{end}")];
    let expected = [
        both(format!("POST /v1/suspend|user {id}"), "done|-"),
        both(format!("POST /v1/end-device|user {id}, device {device}"), "done|-"),
        both(format!("POST /v1/set-password|user {id}"), "done|-"),
        both("POST /v1/suspend|-".to_owned(), "refused|300"),
        both("POST /v1/suspend|-".to_owned(), "refused|104"),
    ];
    let mut expected: Vec<String> = expected.concat();
    expected.push(format!("looked|root|POST /v1/explain/user|user {id}|done|-"));
    expected.extend(both("POST /v1/alarms/{name}/silence|alarm disk_low, minutes 5".to_owned(), "done|-"));
    expected.extend(both("POST /v1/api-keys/revoke|-".to_owned(), "refused|108"));
    expected.push("begun|root|POST /v1/bots|-|-|-".to_owned());
    let lines = told(&records);
    assert_eq!(lines[..expected.len()], expected);
    let made = &lines[expected.len()];
    assert!(made.starts_with("ended|root|POST /v1/bots|user ") && made.ends_with("|done|-"), "{made}");
    assert_eq!(lines[expected.len() + 1..], ["turned_away|-|POST /v1/erase|-|refused|375"]);
    // Ends name their beginnings.
    assert_eq!((&records[1]["of"], &records[0]["n"]), (&json!(3), &json!(3)));
    let kept = fs::read_to_string(first_file(&home)).unwrap();
    for secret in [password, SECRET, name, "tea-bot", ann.token(), &server.operator_token()] {
        assert!(!kept.contains(secret), "{secret} is in the log");
    }
    // While it runs, and with a head of before.
    assert!(in_order(&home, &["--head", &head]).contains(&format!("{} records", 2 + records.len())));
    let mut command = Home::bare_command();
    command.args(["admin", "audit", "--after", "2", "--limit", "2", "--data"]).arg(home.data());
    let shown = String::from_utf8(command.output().unwrap().stdout).unwrap();
    assert_eq!(shown.lines().count(), 2, "{shown}");
    assert!(shown.contains(&format!("root POST /v1/suspend (user {id}): begun")), "{shown}");
    for query in ["limit=0", "limit=501", "limit=x", "after=-1"] {
        assert_eq!(server.operate("GET", &format!("/v1/audit?{query}"), "").await.status, 400, "{query}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_setup_and_who_has_no_token_are_written_down_a_few_times_a_minute() {
    let home = Home::dev();
    let server = home.start();
    for _ in 0..40 {
        let stranger = http::exchange(server.operator(), "POST", "/v1/suspend", &[], b"{}").await;
        assert_eq!(stranger.status, 401);
        let wrong =
            http::exchange(server.operator(), "POST", "/v1/setup", &[], br#"{"token":"wrong"}"#).await;
        assert_eq!(wrong.status, 401);
    }
    let setup = fs::read_to_string(home.data().join("secrets/setup.token")).unwrap();
    let body = json!({ "token": setup.trim() }).to_string();
    let right = http::exchange(server.operator(), "POST", "/v1/setup", &[], body.as_bytes()).await;
    assert_eq!(right.status, 200, "{right:?}");
    let (_, records) = page(&server, 0).await;
    let lines = told(&records);
    // Ten a minute, and the minute may change once meanwhile.
    assert!((11..=21).contains(&lines.len()), "{lines:?}");
    assert_eq!(lines.last().unwrap(), "looked|-|POST /v1/setup|-|done|-");
    let metrics = server.operate("GET", "/metrics", "").await.text();
    assert!(metrics.lines().any(|line| line == "highwater_audit_strangers_total 80"), "{metrics}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_changed_in_it_is_found_and_nothing_is_changed_by_operators_until_it_is_put_aside() {
    let home = Home::dev();
    let server = home.start();
    let _: [_; 1] = server.people(1).await;
    let (head, _) = page(&server, 0).await;
    let _: [_; 1] = server.people(1).await;
    server.stop();
    let whole = fs::read_to_string(first_file(&home)).unwrap();
    assert!(in_order(&home, &["--head", &head]).contains("4 records"));
    assert_eq!(fs::read_to_string(first_file(&home)).unwrap(), whole, "a check changes nothing");
    fs::write(first_file(&home), whole.replacen("root", "ruth", 1)).unwrap();
    assert!(not_in_order(&home, &[]).contains("audit-000000000001, line 1"));
    // Cut off at the end it is in order, but for who knows a later head.
    let lines: Vec<&str> = whole.lines().collect();
    fs::write(first_file(&home), format!("{}\n", lines[0])).unwrap();
    assert!(in_order(&home, &[]).contains("1 changes have no end"));
    assert!(not_in_order(&home, &["--head", &head]).contains("not in the audit log"));
    fs::write(first_file(&home), whole.replacen("root", "ruth", 1)).unwrap();
    let server = home.start();
    assert!(
        server.log().contains("the audit log is damaged: audit-000000000001, line 1"),
        "{}",
        server.log()
    );
    let refused = server.operate("POST", "/v1/invites", r#"{"expires_hours":1}"#).await;
    assert_eq!(refused.status, Refusal::AuditUnavailable.http_status(), "{refused:?}");
    assert!(refused.text().contains("audit_unavailable"));
    assert_eq!(server.operate("POST", "/v1/api-keys/list", "{}").await.status, 200, "who looks may go on");
    fs::rename(home.data().join("audit"), home.data().join("audit-of-before")).unwrap();
    fs::create_dir(home.data().join("audit")).unwrap();
    server.stop();
    let server = home.start();
    assert_eq!(server.operate("POST", "/v1/invites", r#"{"expires_hours":1}"#).await.status, 200);
    assert!(in_order(&home, &[]).contains("2 records"));
    server.stop();
    fs::remove_dir_all(home.data().join("audit")).unwrap();
    assert!(not_in_order(&home, &[]).contains("there is no audit log"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_between_the_beginning_and_the_end_of_a_change_shows() {
    let home = Home::dev();
    // A thousand accounts take a while; the beginning is on disk before the first of them.
    let body = r#"{"users":1000,"devices":8}"#;
    let unended = eventually("a change that was cut off", || async {
        let server = home.start();
        let before = page(&server, 0).await.1.len();
        let (operator, token) = (server.operator(), format!("Bearer {}", server.operator_token()));
        let asked = tokio::spawn(async move {
            let headers = [("authorization", token.as_str())];
            http::exchange(operator, "POST", "/v1/provision", &headers, body.as_bytes()).await
        });
        eventually("it has begun", || async { (page(&server, 0).await.1.len() > before).then_some(()) })
            .await;
        server.kill();
        asked.abort();
        let said = in_order(&home, &[]);
        said.contains("1 changes have no end").then_some(said)
    })
    .await;
    assert!(unended.contains("head "), "{unended}");
    // The next server goes on behind it, and the beginning stays without an end.
    let server = home.start();
    assert_eq!(server.operate("POST", "/v1/invites", r#"{"expires_hours":1}"#).await.status, 200);
    assert!(in_order(&home, &[]).contains("1 changes have no end"));
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_full_disk_nothing_is_changed_and_who_looks_goes_on() {
    let disk = match SmallDisk::mount() {
        Ok(disk) => disk,
        Err(reason) => {
            println!("skipped: on_a_full_disk_nothing_is_changed_and_who_looks_goes_on: {reason}");
            return;
        }
    };
    let config = "[server]\ndev = true\nworkers = 2\n[storage]\nsegment_bytes = 16777216\n\
        index_cache_bytes = 8388608\n";
    let home = Home::new(config, &[]).with_data(&disk.data());
    let server = home.start();
    let [ann] = server.people(1).await;
    let suspend = json!({ "user": ann.name, "suspended": true }).to_string();
    disk.fill();
    // The block that the log is in may have room for some more.
    eventually("the log is full", || async {
        let answer = server.operate("POST", "/v1/suspend", &suspend).await;
        answer.text().contains("audit_unavailable").then_some(())
    })
    .await;
    let looked = server.operate("POST", "/v1/explain/user", &json!({ "user": ann.name }).to_string()).await;
    assert_eq!(looked.status, 200, "{looked:?}");
    assert!(server.log().contains("the audit log cannot be written"));
    disk.make_space();
    eventually("there is space", || async {
        (server.operate("POST", "/v1/suspend", &suspend).await.status == 204).then_some(())
    })
    .await;
    let (head, _) = page(&server, 0).await;
    assert!(!in_order(&home, &["--head", &head]).contains("no end"));
}
