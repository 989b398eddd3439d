//! The operator's pages over the wire: what is served to whom, and what the page of a group asks for.

use highwater_wire::proto;
use proto::Role;
use serde_json::{Value, json};

use super::groups::{add, create, created, give, leave};
use crate::support::{Home, Server, Wire, eventually, http};

async fn get(server: &Server, path: &str) -> http::Answer {
    http::exchange(server.operator(), "GET", path, &[], b"").await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_page_is_the_pages_or_the_curves_and_both_may_run_nothing_foreign() {
    let home = Home::dev();
    let server = home.start();
    let first = get(&server, "/").await;
    let curves = get(&server, "/curves?window=day").await;
    for page in [&first, &curves] {
        assert_eq!((page.status, page.header("x-content-type-options")), (200, Some("nosniff")));
        let policy = page.header("content-security-policy").unwrap();
        assert!(
            policy.starts_with("default-src 'none'") && policy.contains("frame-ancestors 'none'"),
            "{policy}"
        );
        assert!(!policy.contains("unsafe"), "{policy}");
    }
    assert!(curves.text().contains("Last 24 hours") && !curves.text().contains("<script"));
    assert!(!curves.text().contains("not part of this binary"));
    let page = first.text();
    let Some(script) = page.split("=\"/assets/").nth(1).and_then(|rest| rest.split('"').next()) else {
        assert!(page.contains("not part of this binary") && page.contains("Last 24 hours"), "{page:.2000}");
        return;
    };
    let script = get(&server, &format!("/assets/{script}")).await;
    assert_eq!(script.status, 200);
    assert!(script.header("cache-control").unwrap().contains("immutable"));
    assert_eq!(get(&server, "/assets/nothing.js").await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_is_explained_to_operators_and_to_nobody_else() {
    let home = Home::dev();
    let server = home.start();
    let [ann, bob, cid] = server.people(1).await;
    let mut wire = Wire::greeted(&server, ann.token()).await;
    let group = created(&mut wire, create(1, "<b>Harbour</b>", &[bob.user_id, cid.user_id])).await;
    wire.ask(give(group, bob.user_id, Role::Admin)).await;
    let mut cids = Wire::greeted(&server, cid.token()).await;
    cids.ask(leave(group)).await;
    let said = explained(&server, json!({ "conversation_id": group.to_string() })).await;
    assert_eq!(
        (&said["name"], &said["kind"], &said["member_count"], &said["left_out"]),
        (&json!("<b>Harbour</b>"), &json!("group"), &json!(2), &json!(0)),
        "{said}"
    );
    assert_eq!(said["owner_id"], ann.user_id.to_string());
    assert_eq!(said["fan_out"], Value::Null);
    let mut roles: Vec<(String, String)> = said["members"]
        .as_array()
        .unwrap()
        .iter()
        .map(|member| {
            (member["name"].as_str().unwrap().to_owned(), member["role"].as_str().unwrap().to_owned())
        })
        .collect();
    roles.sort();
    let mut expected = [(ann.name.clone(), "owner".to_owned()), (bob.name.clone(), "admin".to_owned())];
    expected.sort();
    assert_eq!(roles, expected);
    wire.ask(add(group, &[cid.user_id])).await;
    let again = explained(&server, json!({ "conversation_id": group.to_string() })).await;
    assert_eq!(again["member_count"], 3, "{again}");
    let last = again["members"][1]["user_id"].as_str().unwrap();
    let behind =
        explained(&server, json!({ "conversation_id": group.to_string(), "behind_user_id": last })).await;
    assert_eq!(behind["members"].as_array().unwrap().len(), 1, "{behind}");
    for (body, status) in [
        (json!({ "conversation_id": "1" }), 404),
        (json!({ "conversation_id": "x" }), 400),
        (json!({ "conversation_id": group.to_string(), "behind_user_id": "x" }), 400),
    ] {
        let answer = server.operate("POST", "/v1/explain/group", &body.to_string()).await;
        assert_eq!(answer.status, status, "{body}: {answer:?}");
    }
    let body = json!({ "conversation_id": group.to_string() }).to_string();
    let foreign = http::exchange(server.operator(), "POST", "/v1/explain/group", &[], body.as_bytes()).await;
    assert_eq!(foreign.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn live_actors_are_counted_for_operators_and_for_nobody_else() {
    let home = Home::dev();
    let server = home.start();
    let [ann, bob] = server.people(1).await;
    assert_eq!(live(&server).await["actors"]["users"], 0);
    let anns = Wire::greeted(&server, ann.token()).await;
    let bobs = Wire::greeted(&server, bob.token()).await;
    let told = live(&server).await;
    assert_eq!((&told["actors"]["connections"], &told["actors"]["users"]), (&json!(2), &json!(2)), "{told}");
    let workers = told["workers"].as_array().unwrap();
    assert_eq!(json!(workers.len()), told["actors"]["hubs"]);
    assert_eq!(workers.iter().map(|worker| worker["users"].as_u64().unwrap()).sum::<u64>(), 2);
    assert_eq!(told["groups_lagging"], json!([]));
    // A hello was read by a reader: at rest nothing waits any more.
    eventually("every queue is empty", || async {
        let told = live(&server).await;
        let queues = told["queues"].as_array().unwrap();
        assert!(queues.iter().any(|queue| queue["name"] == "persistence"));
        queues.iter().all(|queue| queue["waiting"] == 0).then_some(())
    })
    .await;
    anns.close().await;
    bobs.close().await;
    eventually("the connections are gone", || async {
        (live(&server).await["actors"]["connections"] == 0).then_some(())
    })
    .await;
    assert_eq!(get(&server, "/v1/live").await.status, 401);
}

async fn live(server: &Server) -> Value {
    let answer = server.operate("GET", "/v1/live", "").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    serde_json::from_str(&answer.text()).unwrap()
}

async fn explained(server: &Server, body: Value) -> Value {
    let answer = server.operate("POST", "/v1/explain/group", &body.to_string()).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    serde_json::from_str(&answer.text()).unwrap()
}
