//! Ids of host programs: registered and reported to over the operator's port, shown beside the server's own, and there after a kill.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::support::{Home, Server, http};

/// Within a minute the next one begins, and it is stored within seconds of that.
const MINUTE_DEADLINE: Duration = Duration::from_secs(75);

fn admin(home: &Home, arguments: &[&str]) -> String {
    let mut command = Home::bare_command();
    let output = command.arg("admin").args(arguments).arg("--data").arg(home.data()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn key(home: &Home, name: &str, scopes: &str) -> String {
    admin(home, &["api-key", "make", "--name", name, "--scopes", scopes])
}

async fn asked(server: &Server, secret: &str, method: &str, path: &str, body: &Value) -> http::Answer {
    let bearer = format!("Bearer {secret}");
    let headers = [("Content-Type", "application/json"), ("Authorization", bearer.as_str())];
    http::exchange(server.operator(), method, path, &headers, body.to_string().as_bytes()).await
}

async fn refused(server: &Server, secret: &str, body: &Value, why: &str) {
    let answer = asked(server, secret, "POST", "/v1/report", body).await;
    let text = answer.text();
    assert!(!(200..300).contains(&answer.status) && text.contains(why), "{body}: {} {text}", answer.status);
}

async fn metric(server: &Server, name: &str) -> Option<f64> {
    let text = server.operate("GET", "/metrics", "").await.text();
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok())
}

fn shop() -> Value {
    json!({ "ids": [
        { "id": 10000, "name": "shop.orders", "kind": "sum" },
        { "id": 10001, "name": "shop.carts", "kind": "gauge", "unit": "count" },
        { "id": 10002, "name": "shop.checkout", "kind": "max", "unit": "microseconds" },
    ] })
}

#[actix_web::test]
async fn a_program_counts_under_ids_of_its_own_with_a_key_for_it() {
    let home = Home::dev();
    let server = home.start();
    let (shop_key, other_key) = (key(&home, "shop", "report"), key(&home, "other", "users,send,read"));
    assert_eq!(asked(&server, &shop_key, "PUT", "/v1/ids", &shop()).await.status, 204);
    assert_eq!(
        asked(&server, &shop_key, "PUT", "/v1/ids", &shop()).await.status,
        204,
        "once more is nothing"
    );
    let values = json!({ "values": [
        { "id": 10000, "add": 3 }, { "id": 10001, "set": 7 }, { "id": 10001, "add": -2 }, { "id": 10002, "set": 250000 },
    ] });
    assert_eq!(asked(&server, &shop_key, "POST", "/v1/report", &values).await.status, 204);
    assert_eq!(asked(&server, &server.operator_token(), "POST", "/v1/report", &values).await.status, 204);
    for (name, value) in [
        ("highwater_app_shop_orders_total", 6.0),
        ("highwater_app_shop_carts", 5.0),
        ("highwater_app_shop_checkout_seconds", 0.25),
        ("highwater_host_values_taken_total", 8.0),
        ("highwater_host_ids_registered", 3.0),
    ] {
        assert_eq!(metric(&server, name).await, Some(value), "{name}");
    }
    refused(&server, &other_key, &values, "scope_missing").await;
    refused(&server, "hwk_nobody", &values, "invalid_api_key").await;
    for (body, why) in [
        (
            json!({ "values": [{ "id": 10000, "add": 1 }, { "id": 10009, "add": 1 }] }),
            "id 10009 is not registered",
        ),
        (json!({ "values": [{ "id": 1010, "add": 1 }] }), "id 1010 is not registered"),
        (json!({ "values": [{ "id": 10000, "set": 1 }] }), "id 10000 is a sum, which does not take this"),
        (json!({ "values": [{ "id": 10000 }] }), "id 10000 has neither or both of add and set"),
        (json!({ "values": [{ "id": 10000, "add": 1e300 }] }), "not what was expected"),
        (json!({ "values": [{ "id": 10000, "add": i64::MAX }] }), "values[0].add is not a whole number"),
        (json!({ "values": [{ "id": 10000, "ad": 1 }] }), "unknown field"),
        (json!({ "values": vec![json!({ "id": 10000, "add": 1 }); 1001] }), "a list of 0 to 1000"),
    ] {
        refused(&server, &shop_key, &body, why).await;
    }
    assert_eq!(
        metric(&server, "highwater_app_shop_orders_total").await,
        Some(6.0),
        "nothing of a refused report"
    );
    let changed = json!({ "ids": [{ "id": 10003, "name": "more", "kind": "sum" }, { "id": 10000, "name": "a", "kind": "max" }] });
    let answer = asked(&server, &shop_key, "PUT", "/v1/ids", &changed).await;
    assert!(answer.status == 400 && answer.text().contains("another kind or unit"), "{}", answer.text());
    assert_eq!(metric(&server, "highwater_host_ids_registered").await, Some(3.0), "all or none");
    // A key for reporting is told of no user, and removes nothing.
    let remove = json!({ "ids": [10001] });
    assert_eq!(asked(&server, &shop_key, "POST", "/v1/ids/remove", &remove).await.status, 401);
    assert_eq!(
        asked(&server, &shop_key, "POST", "/v1/provision", &json!({ "users": 1, "devices": 1 })).await.status,
        401
    );
    assert!(!server.log().contains("shop.orders"), "names of others are not logged");
}

#[actix_web::test]
async fn a_key_that_is_revoked_while_a_report_is_on_its_way_counts_nothing() {
    let home = Home::dev();
    let server = home.start();
    let shop_key = key(&home, "shop", "report");
    assert_eq!(asked(&server, &shop_key, "PUT", "/v1/ids", &shop()).await.status, 204);
    let body = json!({ "values": [{ "id": 10000, "add": 3 }] }).to_string();
    let head = format!(
        "POST /v1/report HTTP/1.1\r\nhost: it\r\nauthorization: Bearer {shop_key}\r\ncontent-length: {}\r\n\
         connection: close\r\n\r\n",
        body.len()
    );
    let mut socket = TcpStream::connect(server.operator()).unwrap();
    socket.write_all(&[head.as_bytes(), &body.as_bytes()[..1]].concat()).unwrap();
    // Another request on the same thread is answered: the one above was let in before.
    assert_eq!(server.operate("GET", "/v1/me", "").await.status, 200);
    admin(&home, &["api-key", "revoke", "shop"]);
    socket.write_all(&body.as_bytes()[1..]).unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 401") && answer.contains("invalid_api_key"), "{answer}");
    let counted = metric(&server, "highwater_app_shop_orders_total").await;
    assert!(counted.is_none_or(|counted| counted == 0.0), "{counted:?}");
    let newest = server.operate("GET", "/v1/audit?limit=1", "").await.text();
    let away = r#""kind":"turned_away""#;
    assert!(newest.contains(away) && newest.contains("POST /v1/report"), "{newest}");
}

#[actix_web::test]
async fn ids_outlive_a_kill_and_their_points_with_them() {
    let home = Home::dev();
    let server = home.start();
    let shop_key = key(&home, "shop", "report");
    assert_eq!(asked(&server, &shop_key, "PUT", "/v1/ids", &shop()).await.status, 204);
    // It comes before a kill, so it has to be of a minute that ended, and that was stored.
    let report = json!({ "values": [{ "id": 10000, "add": 5 }, { "id": 10001, "set": 9 }] });
    assert_eq!(asked(&server, &shop_key, "POST", "/v1/report", &report).await.status, 204);
    let begun = Instant::now();
    loop {
        let ended = points(&server).await;
        let stored = metric(&server, "highwater_point_rows_stored_total").await.unwrap();
        if ended.is_some_and(|(total, minutes)| total == 5 && stored >= minutes as f64) {
            break;
        }
        assert!(begun.elapsed() < MINUTE_DEADLINE, "the minute was not stored: {ended:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    server.kill();
    let second = home.start();
    assert_eq!(metric(&second, "highwater_app_shop_carts").await, Some(9.0), "a gauge stands where it stood");
    let more = json!({ "values": [{ "id": 10000, "add": 4 }] });
    assert_eq!(asked(&second, &shop_key, "POST", "/v1/report", &more).await.status, 204);
    second.stop();
    let third = home.start();
    let (total, _) = points(&third).await.unwrap();
    assert_eq!(total, 9, "both reports are in the points");
    let listed = admin(&home, &["ids", "list"]);
    let line = r#"{"id":10000,"name":"shop.orders","kind":"sum","unit":"count","owner":"host"}"#;
    assert!(listed.starts_with(line) && listed.lines().count() == 3, "{listed}");
    assert!(admin(&home, &["ids", "list", "--all"]).contains("\"messages.stored\""));
    admin(&home, &["ids", "remove", "10000", "10001"]);
    assert_eq!(admin(&home, &["ids", "list"]).lines().count(), 1);
    assert_eq!(metric(&third, "highwater_app_shop_orders_total").await, None);
    assert!(!third.log().contains("WARN highwater::actors::host_ids"), "{}", third.log());
}

/// What the points of the orders of the last two hours add up to, and of how many minutes there are points.
async fn points(server: &Server) -> Option<(i64, i64)> {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis() as i64;
    let path = format!("/v1/points?ids=10000&from_ms={}&to_ms={}", now - 7_200_000, now + 3_600_000);
    let answer: Value = serde_json::from_str(&server.operate("GET", &path, "").await.text()).unwrap();
    let points = answer["series"][0]["points"].as_array()?;
    let minutes = answer["minutes"].as_array()?.iter().filter_map(Value::as_i64).sum();
    Some((points.iter().filter_map(Value::as_i64).sum(), minutes))
}
