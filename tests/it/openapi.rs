//! The document of the operator's port: it is what the port does, path by path, body by body, answer by answer.

use std::collections::BTreeSet;

use highwater::{
    http::openapi::{Answer, LINES, Schema, operation},
    logic::operators::{OperatorRoute, Row},
};
use highwater_wire::{Refusal, proto::send::To};
use serde_json::{Value, json};

use super::{
    channels::create_channel,
    groups::{create, created},
};
use crate::support::{Home, Replica, Server, Wire, http, requests};

const CONFIG: &str = "[server]\ndev = true\n[[kinds]]\nnumber = 5\nname = \"notes\"\n";

/// Routes that are not brought to an answer of 200 here, and why.
const NOT_SAMPLED: &[(&str, &str)] = &[
    (
        "GET /assets/{name}",
        "a binary without the pages has none; `src/http/operator_pages.rs` tests its types",
    ),
    ("POST /v1/export", "it is streamed: tests/it/export.rs reads it"),
    ("POST /v1/alarms/{name}/ack", "no alarm fires within a minute: tests/it/alarms.rs acknowledges one"),
    ("POST /v1/mail/test", "it takes a mail server: tests/it/alarm_mail.rs has one"),
];

async fn ask(server: &Server, name: &str, body: &str) -> http::Answer {
    let (method, path) = name.split_once(' ').unwrap();
    server.operate(method, path, body).await
}

fn document(server_text: &str) -> Value {
    serde_json::from_str(server_text).unwrap()
}

/// The answer is one of those that are described; true if it is that of what was done.
fn is_as_described(row: &Row, route: OperatorRoute, answer: &http::Answer) -> bool {
    let described = operation(route);
    let media = answer.header("content-type").map(|value| value.split(';').next().unwrap().trim().to_owned());
    let told = || format!("{}: {answer:?}", row.name);
    if !(200..300).contains(&answer.status) {
        let body: Value = serde_json::from_str(&answer.text()).unwrap_or_else(|_| panic!("{}", told()));
        let refusal = Refusal::from_code(body["code"].as_u64().unwrap() as u32).unwrap();
        assert!(described.refused(row).contains(&refusal), "{}", told());
        assert_eq!(answer.status, refusal.http_status(), "{}", told());
        assert_eq!(media.as_deref(), Some("application/json"));
        assert_eq!(answer.header("www-authenticate").is_some(), answer.status == 401, "{}", told());
        return false;
    }
    let check = |schema: Schema, text: &str| {
        let value: Value = serde_json::from_str(text).unwrap_or_else(|_| panic!("{}", told()));
        schema.check(&value).unwrap_or_else(|why| panic!("{}: {why}: {text}", row.name));
    };
    match described.answer {
        Answer::Nothing => assert!(answer.status == 204 && answer.body.is_empty(), "{}", told()),
        Answer::Json(schema) => {
            assert_eq!((answer.status, media.as_deref()), (200, Some("application/json")), "{}", told());
            check(schema, &answer.text());
        }
        Answer::Lines(schema) => {
            assert_eq!((answer.status, media.as_deref()), (200, Some(LINES)), "{}", told());
            assert!(!answer.body.is_empty(), "nothing to look at: {}", row.name);
            answer.text().lines().for_each(|line| check(schema, line));
        }
        Answer::Media(types) => assert!(types.contains(&media.unwrap().as_str()), "{}", told()),
    }
    true
}

#[tokio::test(flavor = "multi_thread")]
async fn the_document_is_told_to_anybody_and_printed_without_a_server() {
    let home = Home::dev();
    let server = home.start();
    let told = http::exchange(server.operator(), "GET", "/v1/openapi.json", &[], b"").await;
    assert_eq!((told.status, told.header("content-type")), (200, Some("application/json")));
    let printed = Home::bare_command().args(["admin", "openapi"]).output().unwrap();
    assert!(printed.status.success(), "{}", String::from_utf8_lossy(&printed.stderr));
    assert_eq!(String::from_utf8(printed.stdout).unwrap(), told.text());
    assert_eq!(document(&told.text())["openapi"], "3.1.0");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_path_takes_the_methods_that_are_described_and_no_others() {
    let home = Home::dev();
    let server = home.start();
    let document = document(&ask(&server, "GET /v1/openapi.json", "").await.text());
    for (path, described) in document["paths"].as_object().unwrap() {
        let described: BTreeSet<String> =
            described.as_object().unwrap().keys().map(|method| method.to_uppercase()).collect();
        for method in ["GET", "POST", "PUT", "DELETE", "PATCH", "QUERY"] {
            let answer =
                ask(&server, &format!("{method} {}", path.replace("{name}", "disk_low")), "{}").await;
            let takes = described.contains(method);
            assert_eq!(answer.status == 405, !takes, "{method} {path}: {answer:?}");
            if !takes {
                let allowed = answer.header("allow").unwrap().split(", ").map(str::to_owned).collect();
                assert_eq!(described, allowed, "{method} {path}");
                assert_eq!(document_code(&answer), Some(Refusal::NotFound.code()));
            }
        }
    }
    let nowhere = ask(&server, "GET /v1/nowhere", "").await;
    assert_eq!((nowhere.status, document_code(&nowhere)), (404, Some(Refusal::NotFound.code())));
}

fn document_code(answer: &http::Answer) -> Option<u32> {
    let body: Value = serde_json::from_str(&answer.text()).ok()?;
    body["code"].as_u64().map(|code| code as u32)
}

/// What is there to ask about.
struct Scene {
    user: String,
    user_id: String,
    device_id: String,
    snapshot: String,
    place: (String, u64),
    group: String,
    channel: String,
}

async fn scene(server: &Server) -> Scene {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    let [ann, bob] = server.people(2).await;
    let mut wire = Wire::greeted(server, bob.token()).await;
    let day = requests::today(&mut wire).await;
    let sent = requests::sent(&mut wire, requests::send(To::UserId(ann.user_id), day, "hello")).await;
    let group = created(&mut wire, create(1, "Tea", &[ann.user_id])).await;
    let channel = created(&mut wire, create_channel(2, "News")).await;
    let (mut anns, mut replica) = (Wire::greeted(server, ann.token()).await, Replica::default());
    anns.sync(&mut replica).await;
    Scene {
        user: ann.name.clone(),
        user_id: ann.user_id.to_string(),
        device_id: ann.devices[0].device_id.to_string(),
        snapshot: STANDARD.encode(&replica.snapshot),
        place: (sent.conversation_id.to_string(), sent.seq),
        group: group.to_string(),
        channel: channel.to_string(),
    }
}

/// A request of each route that takes a body, in an order in which each finds what it needs.
fn bodies(scene: &Scene) -> Vec<(&'static str, Value)> {
    let Scene { user, user_id, device_id, snapshot, place: (conversation, seq), group, channel } = scene;
    vec![
        (
            "POST /v1/provision",
            json!({ "users": 2, "devices": 2, "prefix": "w", "first": 7, "class": "phone" }),
        ),
        ("POST /v1/invites", json!({ "expires_hours": 1 })),
        ("POST /v1/bots", json!({ "name": "tea-bot" })),
        ("POST /v1/send", json!({ "from": "tea-bot", "to": user, "text": "hello" })),
        (
            "POST /v1/api-keys",
            json!({ "name": "shop", "scopes": ["send", "report"], "users": [user], "expires_in_days": 3 }),
        ),
        ("POST /v1/api-keys/list", json!({})),
        ("POST /v1/explain/user", json!({ "user": user })),
        ("POST /v1/explain/group", json!({ "conversation_id": group, "behind_user_id": "0" })),
        ("POST /v1/explain/message", json!({ "conversation_id": conversation, "seq": seq })),
        (
            "POST /v1/explain/snapshot",
            json!({ "user": user, "device_id": device_id, "context": 0, "snapshot": snapshot }),
        ),
        ("POST /v1/users/list", json!({ "name_prefix": "", "behind_name": "a", "limit": 3 })),
        ("POST /v1/users/get", json!({ "user": user })),
        ("POST /v1/groups/list", json!({ "behind_conversation_id": "0", "limit": 3 })),
        ("POST /v1/groups/get", json!({ "conversation_id": group, "behind_user_id": "0", "limit": 3 })),
        ("POST /v1/messages/get", json!({ "conversation_id": conversation, "seq": seq, "through_seq": seq })),
        (
            "POST /v1/messages/reveal",
            json!({ "conversation_id": conversation, "seq": seq, "through_seq": seq, "reason": "case 7" }),
        ),
        ("POST /v1/turn", json!({ "group": group, "channel": true })),
        ("POST /v1/broadcast", json!({ "channel": channel, "everybody": true })),
        ("POST /v1/broadcast/list", json!({})),
        ("PUT /v1/documents", json!({ "user_id": user_id, "kind": 5, "key": "list", "value": [1, null] })),
        (
            "PUT /v1/ids",
            json!({ "ids": [{ "id": 10000, "name": "shop.orders", "kind": "sum", "unit": "count" }] }),
        ),
        ("POST /v1/report", json!({ "values": [{ "id": 10000, "add": 3 }] })),
        ("POST /v1/ids/list", json!({})),
        ("POST /v1/ids/remove", json!({ "ids": [10000] })),
        ("POST /v1/alarms/disk_low/silence", json!({ "minutes": 5 })),
        ("PUT /v1/log-level", json!({ "level": "highwater::actors=debug,info" })),
        ("POST /v1/operators", json!({ "name": "ruth", "role": "viewer" })),
        ("POST /v1/operators/list", json!({})),
        ("POST /v1/operators/revoke", json!({ "name": "ruth" })),
        ("POST /v1/api-keys/revoke", json!({ "key": "shop" })),
        ("POST /v1/end-device", json!({ "user": user, "device_id": device_id })),
        ("POST /v1/set-password", json!({ "user": user, "password": "correct horse", "end_devices": false })),
        ("POST /v1/suspend", json!({ "user": user, "suspended": true })),
        ("POST /v1/export", json!({ "user": "nobody" })),
        ("POST /v1/erase", json!({ "user": user, "free_name": true })),
    ]
}

/// Requests without a body.
const WITHOUT_BODY: &[&str] = &[
    "GET /",
    "GET /assets/none.js",
    "GET /curves?window=day",
    "GET /metrics",
    "GET /v1/points?ids=1010-1012",
    "GET /v1/openapi.json",
    "GET /v1/reports?day=2026-01-01",
    "POST /v1/accept-time",
    "GET /v1/alarms",
    "POST /v1/alarms/disk_low/ack",
    "POST /v1/mail/test",
    "GET /v1/live",
    "GET /v1/audit?after=0&limit=7",
    "GET /v1/config",
    "POST /v1/reload",
    "GET /v1/me",
];

/// The route of a request as it is written.
fn route_of(name: &str) -> OperatorRoute {
    let name = name.split('?').next().unwrap();
    let parts: Vec<&str> = name.split('/').collect();
    let is_it = |route: &&OperatorRoute| {
        let row = route.row();
        let own: Vec<&str> = row.name.split('/').collect();
        own.len() == parts.len() && own.iter().zip(&parts).all(|(own, part)| own == part || *own == "{name}")
    };
    *OperatorRoute::ALL.iter().find(is_it).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_is_as_the_document_says() {
    let home = Home::new(CONFIG, &[]);
    let server = home.start();
    let scene = scene(&server).await;
    let setup = std::fs::read_to_string(home.data().join("secrets/setup.token")).unwrap();
    let mut asked = bodies(&scene);
    asked.push(("POST /v1/setup", json!({ "token": setup.trim() })));
    asked.extend(WITHOUT_BODY.iter().map(|name| (*name, Value::Null)));
    let mut done: BTreeSet<&str> = BTreeSet::new();
    for (name, body) in asked {
        let (route, body) = (route_of(name), if body.is_null() { String::new() } else { body.to_string() });
        let row = route.row();
        if is_as_described(&row, route, &ask(&server, name, &body).await) {
            done.insert(row.name);
        }
        // Who has no right to it is answered as it is described, too.
        let (method, path) = name.split_once(' ').unwrap();
        let stranger = http::exchange(server.operator(), method, path, &[], body.as_bytes()).await;
        is_as_described(&row, route, &stranger);
    }
    // An erased user is explained in another form.
    let erased = ask(&server, "POST /v1/explain/user", &json!({ "user": scene.user_id }).to_string()).await;
    assert!(is_as_described(&OperatorRoute::ExplainUser.row(), OperatorRoute::ExplainUser, &erased));
    let left_out =
        OperatorRoute::ALL.iter().map(|route| route.row().name).filter(|name| !done.contains(name));
    assert_eq!(left_out.collect::<Vec<_>>(), NOT_SAMPLED.iter().map(|(name, _)| *name).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_body_lacks_or_has_wrong_is_refused_by_number_and_named() {
    let home = Home::new(CONFIG, &[]);
    let server = home.start();
    let scene = scene(&server).await;
    let mut tried = 0;
    for (name, body) in bodies(&scene) {
        let Some(Schema::Object(fields)) = operation(route_of(name)).body else {
            panic!("{name} takes no body")
        };
        let mut wrong: Vec<(String, String)> = ["[]", "null", "7", "\"{}\"", "{", "", "{\"unheard_of\":1}"]
            .map(|body| (body.to_owned(), "the body".to_owned()))
            .into();
        for field in fields {
            if field.is_needed {
                let mut lacking = body.clone();
                lacking.as_object_mut().unwrap().remove(field.name);
                wrong.push((lacking.to_string(), format!("{} is missing", field.name)));
            }
            if !matches!(field.schema, Schema::Any) {
                let mut other = body.clone();
                other[field.name] = json!({ "n": 1 });
                wrong.push((other.to_string(), format!("{} is not", field.name)));
            }
            // One that stands twice: readers differ in which they take.
            let twice =
                body.to_string().replacen('{', &format!("{{\"{}\":{},", field.name, body[field.name]), 1);
            if body.get(field.name).is_some() {
                wrong.push((twice, "a field stands twice".to_owned()));
            }
        }
        for (body, why) in wrong {
            let answer = ask(&server, name, &body).await;
            assert_eq!(
                document_code(&answer),
                Some(Refusal::InvalidField.code()),
                "{name} {body}: {answer:?}"
            );
            assert!(answer.text().contains(&why), "{name} {body}: {} lacks {why}", answer.text());
            tried += 1;
        }
    }
    assert!(tried > 250, "{tried}");
    for query in
        ["/v1/audit?limit=x", "/v1/audit?after=-1", "/v1/points?from_ms=x", "/curves?window=a&window=b"]
    {
        let answer = ask(&server, &format!("GET {query}"), "").await;
        assert_eq!((answer.status, document_code(&answer)), (400, Some(104)), "{query}: {answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_too_large_is_in_the_audit_log() {
    let home = Home::dev();
    let server = home.start();
    let body = json!({ "user": "x".repeat(70_000), "suspended": true }).to_string();
    let answer = ask(&server, "POST /v1/suspend", &body).await;
    assert_eq!((answer.status, document_code(&answer)), (413, Some(Refusal::FrameTooLarge.code())));
    let newest: Value =
        serde_json::from_str(&ask(&server, "GET /v1/audit?limit=1", "").await.text()).unwrap();
    let record = &newest["records"][0]["record"];
    let told = ["kind", "operator", "route", "outcome"].map(|key| record[key].as_str().unwrap_or_default());
    assert_eq!(told, ["turned_away", "root", "POST /v1/suspend", "refused"], "{record}");
    assert_eq!(record["refusal"], 101);
}
