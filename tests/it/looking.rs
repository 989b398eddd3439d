//! Operators look at messages: what was written stays hidden until an admin says why, and the audit log has the reason
//! first.

use std::fs;

use highwater::model::OperatorRole;
use highwater_wire::{Refusal, proto};
use proto::{client_frame::Request, send::To};
use serde_json::{Value, json};

use super::{
    erasure::until_done,
    operators::{ask, is_refused, make},
};
use crate::support::{Home, Person, Server, Wire, requests};

/// What somebody wrote whom nobody trusts: it would end a line, a string and a page.
const HOSTILE: &str = "the secret \"}\n{\"seq\":99,\"body\":\"shown\"}</script>\u{202e}\u{1b}[2J";

const ASKS: &str = "POST /v1/messages/get";
const REVEALS: &str = "POST /v1/messages/reveal";

/// Ann writes to Bob; the conversation.
async fn written(server: &Server, from: &Person, to: &Person, text: &str) -> u64 {
    let mut wire = Wire::greeted(server, from.token()).await;
    let day = requests::today(&mut wire).await;
    requests::sent(&mut wire, requests::send(To::UserId(to.user_id), day, text)).await.conversation_id
}

fn documents(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The records of the audit log about a route: kind, operator, subject, outcome, refusal.
async fn records_of(server: &Server, route: &str) -> Vec<[String; 5]> {
    let answer = server.operate("GET", "/v1/audit?limit=500", "").await;
    let page: Value = serde_json::from_str(&answer.text()).unwrap();
    let records = page["records"].as_array().unwrap().iter().map(|record| &record["record"]);
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let told =
        |record: &Value| ["kind", "operator", "subject", "outcome", "refusal"].map(|key| text(&record[key]));
    records.filter(|record| record["route"] == route).map(told).collect()
}

fn verified(home: &Home) -> String {
    let output = Home::bare_command().args(["audit", "verify", "--data"]).arg(home.data()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_written_is_hidden_until_an_admin_says_why() {
    let home = Home::dev();
    let server = home.start();
    let [ann, bob] = server.people(1).await;
    let conversation = written(&server, &ann, &bob, HOSTILE).await;
    written(&server, &bob, &ann, "an answer").await;
    let tokens = OperatorRole::ALL.map(|role| (role, make(&home, role.name(), role)));
    let whole = json!({ "conversation_id": conversation.to_string() }).to_string();
    for (role, token) in &tokens {
        let answer = ask(&server, Some(token), ASKS, &whole).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        for part in ["secret", "script", "an answer"] {
            assert!(!format!("{answer:?}").contains(part), "{part} as {}: {answer:?}", role.name());
        }
        let [first, second] = &documents(&answer.text())[..] else { panic!("two: {answer:?}") };
        assert_eq!(first["sender_id"], ann.user_id.to_string());
        assert_eq!(
            (&first["seq"], &first["kind"], &first["body"]),
            (&json!(1), &json!("text"), &json!("hidden"))
        );
        assert_eq!((&first["bytes"], &second["bytes"]), (&json!(HOSTILE.len()), &json!(9)));
        assert!(first["sent_at_ms"].is_i64() && first.get("content").is_none());
    }
    let because = "threat, case 17: \"the judge asks\"";
    let one = json!({ "conversation_id": conversation.to_string(), "seq": 1, "reason": because }).to_string();
    for (role, token) in &tokens {
        let answer = ask(&server, Some(token), REVEALS, &one).await;
        if *role != OperatorRole::Admin {
            assert!(is_refused(&answer, Refusal::RoleMissing), "{answer:?}");
            continue;
        }
        let [shown] = &documents(&answer.text())[..] else { panic!("one line: {answer:?}") };
        assert_eq!((&shown["seq"], &shown["body"]), (&json!(1), &json!("shown")));
        assert_eq!(shown["content"], json!({ "text": HOSTILE }));
    }
    let of = |kind: &str, operator: &str, subject: &str, outcome: &str, refusal: &str| {
        [kind, operator, subject, outcome, refusal].map(str::to_owned)
    };
    let subject = format!("conversation {conversation}, seq 1, because {because}");
    assert_eq!(
        records_of(&server, REVEALS).await,
        [
            of("turned_away", "viewer", "null", "refused", "371"),
            of("turned_away", "moderator", "null", "refused", "371"),
            of("begun", "admin", &subject, "null", "null"),
            of("ended", "admin", &subject, "done", "null"),
        ]
    );
    let looked = of("looked", "viewer", &format!("conversation {conversation}"), "done", "null");
    assert_eq!(records_of(&server, ASKS).await[0], looked);
    assert!(verified(&home).contains("in order"));
    let audit = fs::read_to_string(home.data().join("audit/audit-000000000001")).unwrap();
    for part in ["secret", "script", "an answer"] {
        assert!(!server.log().contains(part) && !audit.contains(part), "{part} is in a log");
    }
    // By the command line, too.
    let get = |more: &[&str]| {
        let mut command = Home::bare_command();
        command.args(["admin", "messages", "get", &conversation.to_string()]).args(more);
        let output = command.arg("--data").arg(home.data()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        documents(&String::from_utf8(output.stdout).unwrap())
    };
    assert_eq!(
        get(&[]).iter().map(|one| one["body"].as_str().unwrap()).collect::<Vec<_>>(),
        ["hidden", "hidden"]
    );
    let shown = get(&["1", "--through", "2", "--reveal", "case 18"]);
    assert_eq!(
        (&shown[0]["content"]["text"], &shown[1]["content"]["text"]),
        (&json!(HOSTILE), &json!("an answer"))
    );
    let last = records_of(&server, REVEALS).await.pop().unwrap();
    assert_eq!(last[2], format!("conversation {conversation}, seq 1, through 2, because case 18"));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_reason_or_a_record_of_it_nothing_is_shown() {
    let home = Home::dev();
    let server = home.start();
    let [ann, bob] = server.people(1).await;
    let conversation = written(&server, &ann, &bob, "the secret").await.to_string();
    let id = conversation.as_str();
    for (body, status) in [
        (json!({ "conversation_id": id, "seq": 1 }), 400),
        (json!({ "conversation_id": id, "seq": 1, "reason": "" }), 400),
        (json!({ "conversation_id": id, "seq": 1, "reason": " \u{200b} " }), 400),
        (json!({ "conversation_id": id, "seq": 1, "reason": "a\nb" }), 400),
        (json!({ "conversation_id": id, "seq": 1, "reason": "x".repeat(201) }), 400),
        (json!({ "conversation_id": id, "seq": 1, "reason": 7 }), 400),
        (json!({ "conversation_id": id, "reason": "all of it" }), 400),
        (json!({ "conversation_id": id, "seq": 1, "through_seq": 101, "reason": "too much" }), 400),
        (json!({ "conversation_id": "77", "seq": 1, "reason": "there is none" }), 404),
    ] {
        let answer = server.operate("POST", "/v1/messages/reveal", &body.to_string()).await;
        assert_eq!(answer.status, status, "{body}: {answer:?}");
        assert!(!answer.text().contains("the secret"), "{body}: {answer:?}");
    }
    // Who asks the other route to show something is not left to believe that nothing was written.
    let wrong = json!({ "conversation_id": id, "seq": 1, "reason": "why" }).to_string();
    assert_eq!(server.operate("POST", "/v1/messages/get", &wrong).await.status, 400);
    server.stop();
    // A log that takes no record.
    let file = home.data().join("audit/audit-000000000001");
    fs::write(&file, fs::read_to_string(&file).unwrap().replacen("root", "ruth", 1)).unwrap();
    let server = home.start();
    let one = json!({ "conversation_id": id, "seq": 1, "reason": "case 17" }).to_string();
    let refused = server.operate("POST", "/v1/messages/reveal", &one).await;
    assert!(is_refused(&refused, Refusal::AuditUnavailable), "{refused:?}");
    let export = server.operate("POST", "/v1/export", &json!({ "user": ann.name }).to_string()).await;
    assert!(is_refused(&export, Refusal::AuditUnavailable), "{export:?}");
    let one = json!({ "conversation_id": id, "seq": 1 }).to_string();
    let looked = server.operate("POST", "/v1/messages/get", &one).await;
    assert!(looked.status == 200 && looked.text().contains("hidden"), "{looked:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_conversation_is_looked_through_in_stretches_and_says_what_is_gone() {
    let home = Home::dev();
    let server = home.start();
    let [ann, bob] = server.people(1).await;
    let conversation = written(&server, &ann, &bob, "message 1").await;
    let mut wire = Wire::greeted(&server, bob.token()).await;
    let day = requests::today(&mut wire).await;
    for part in 0..3 {
        let numbers = (0..60).map(|number| format!("message {}", 2 + part * 60 + number));
        let sends = numbers.map(|text| Request::Send(requests::send(To::UserId(ann.user_id), day, &text)));
        for id in wire.post_together(sends).await {
            wire.answer(id).await;
        }
    }
    let get = async |more: Value| {
        let mut body = json!({ "conversation_id": conversation.to_string() });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let answer = server.operate("POST", "/v1/messages/get", &body.to_string()).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        documents(&answer.text())
    };
    let seqs = |told: &[Value]| told.iter().map(|one| one["seq"].as_u64().unwrap()).collect::<Vec<_>>();
    assert_eq!(seqs(&get(json!({})).await), (132..=181).collect::<Vec<u64>>(), "the newest");
    let mut seen = Vec::new();
    while let next = seqs(&get(json!({ "seq": seen.len() + 1, "through_seq": seen.len() + 100 })).await)
        && !next.is_empty()
    {
        seen.extend(next);
    }
    assert_eq!(seen, (1..=181).collect::<Vec<u64>>());
    // What an erased user wrote is not there for anybody any more.
    let erase = json!({ "user": ann.name, "free_name": false }).to_string();
    assert_eq!(server.operate("POST", "/v1/erase", &erase).await.status, 200);
    let one = json!({ "conversation_id": conversation.to_string(), "seq": 1, "through_seq": 2, "reason": "case 9" });
    let revealed = async || {
        let answer = server.operate("POST", "/v1/messages/reveal", &one.to_string()).await;
        assert!(!answer.text().contains("message 1\""), "{answer:?}");
        documents(&answer.text())
    };
    assert_eq!(revealed().await[0]["body"], "erased");
    until_done(&server, &ann.user_id.to_string()).await;
    let told = revealed().await;
    assert_eq!((&told[0]["body"], told[0].get("content")), (&json!("erased"), None));
    assert_eq!(told[1]["content"], json!({ "text": "message 2" }));
}
