//! When devices handed a message back, to the minute: what the operator is told, and what a restart leaves of it.

use std::time::{SystemTime, UNIX_EPOCH};

use highwater_wire::proto::{self, client_frame::Request, send::To};
use serde_json::Value;

use crate::support::{Home, Replica, Server, Wire, eventually, requests};

const MINUTE_MS: i64 = 60_000;

fn this_minute_ms() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64;
    now - now % MINUTE_MS
}

async fn asked(server: &Server, path: &str, body: String) -> Value {
    let answer = server.operate("POST", path, &body).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    serde_json::from_str(&answer.text()).unwrap()
}

/// What is told of one device and a message.
fn of_device(explained: &Value, device: u64) -> Value {
    let device = device.to_string();
    let members = explained["went_to"].as_array().unwrap();
    let rows = members.iter().flat_map(|member| member["lineages"].as_array().unwrap());
    rows.clone().find(|row| row["device_id"] == device).unwrap_or_else(|| panic!("{explained}")).clone()
}

/// Syncs to the end and hands back what it has.
async fn hands_back(server: &Server, token: &str) {
    let (mut wire, mut replica) = (Wire::greeted(server, token).await, Replica::default());
    wire.sync(&mut replica).await;
    let beat = wire.post_with(replica.snapshot.clone(), requests::heartbeat()).await;
    wire.answer(beat).await;
    wire.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_device_has_its_minute_and_a_restart_keeps_the_last() {
    let home = Home::dev();
    let server = home.start();
    let [ann, bob] = server.people(2).await;
    let [phone, desk] = [&ann.devices[0], &ann.devices[1]];
    let mut wire = Wire::greeted(&server, bob.token()).await;
    let day = requests::today(&mut wire).await;
    let sent = requests::sent(&mut wire, requests::send(To::UserId(ann.user_id), day, "hello")).await;
    let place = format!(r#"{{"conversation_id":"{}","seq":{}}}"#, sent.conversation_id, sent.seq);
    let explained = || asked(&server, "/v1/explain/message", place.clone());

    let before_ms = this_minute_ms();
    hands_back(&server, &phone.token).await;
    let seen = eventually("the phone has handed it back", || async {
        let seen = explained().await;
        (of_device(&seen, phone.device_id)["state"] == "has handed it back").then_some(seen)
    })
    .await;
    let within = &of_device(&seen, phone.device_id)["handed_back"];
    let at_ms = within["to_ms"].as_i64().unwrap();
    assert_eq!(within["from_ms"], at_ms, "the minute is known: {seen}");
    assert!((before_ms..=this_minute_ms()).contains(&at_ms) && at_ms % MINUTE_MS == 0, "{seen}");
    assert!(seen["hand_backs_known_since_ms"].as_i64().unwrap() <= sent.sent_at_ms, "{seen}");
    let desk_row = of_device(&seen, desk.device_id);
    assert_eq!(desk_row["state"], "has not handed it back", "{seen}");
    assert!(desk_row["handed_back"].is_null(), "{seen}");

    // A device that comes later began after it.
    let mut late = Wire::connect(&server, highwater_wire::Encoding::Binary).await;
    let context = proto::Hello { context: 3, ..requests::hello(&phone.token) };
    late.ask(Request::Hello(context)).await;
    let seen = explained().await;
    let rows = seen["went_to"][0]["lineages"].as_array().unwrap();
    let rows = if rows.len() == 3 { rows } else { seen["went_to"][1]["lineages"].as_array().unwrap() };
    let began = rows.iter().find(|row| row["context"] == 3).unwrap();
    assert_eq!(began["state"], "began after it", "{seen}");

    drop((wire, late));
    assert!(server.stop().status.success());
    let server = home.start();
    let user = asked(&server, "/v1/explain/user", format!(r#"{{"user":"{}"}}"#, ann.name)).await;
    assert_eq!(user["lineages"][0]["handed_back_ms"], at_ms, "{user}");
    assert!(user["lineages"][1]["handed_back_ms"].is_null(), "{user}");
    let seen = asked(&server, "/v1/explain/message", place.clone()).await;
    let within = &of_device(&seen, phone.device_id)["handed_back"];
    assert_eq!(within["to_ms"], at_ms, "{seen}");
    assert!(within["from_ms"].is_null(), "nobody knows any more that it was not before: {seen}");
}
