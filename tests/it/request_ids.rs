//! The log as JSON: every line an object, lines of requests with their ids, and nothing of users in it.

use std::collections::BTreeSet;

use highwater_wire::{Encoding, proto};
use proto::{client_frame::Request, server_frame::Body};
use serde_json::Value;

use crate::support::{
    Home, Server, Wire, eventually,
    http::{Answer, exchange},
    requests,
};

const PASSWORD: &str = "correct horse";

/// The log so far, line by line.
fn lines(server: &Server) -> Vec<Value> {
    // The last line may not be whole yet.
    let log = server.log();
    let whole = log.rsplit_once('\n').map_or("", |(whole, _)| whole);
    let read = |line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    whole.lines().map(read).collect()
}

/// Waits for a line with this message and, if one is named, of this request.
async fn line(server: &Server, message: &str, request_id: Option<&str>) -> Value {
    eventually(message, async || {
        lines(server).into_iter().find(|line| {
            let is_of = |id: &str| line["span"]["request_id"] == id || line["fields"]["request_id"] == id;
            line["fields"]["message"] == message && request_id.is_none_or(is_of)
        })
    })
    .await
}

/// Asks for something as a client that may bring an id.
async fn ask(server: &Server, id: Option<&str>, token: Option<&str>, request: Request) -> Answer {
    let frame = proto::ClientFrame { request: Some(request), ..proto::ClientFrame::default() };
    let bearer = token.map(|token| format!("Bearer {token}"));
    let mut headers = vec![("Content-Type", Encoding::Json.content_type())];
    headers.extend(bearer.as_deref().map(|bearer| ("Authorization", bearer)));
    headers.extend(id.map(|id| ("X-Request-Id", id)));
    exchange(server.client(), "POST", "/v1/request", &headers, &Encoding::Json.encode(&frame)).await
}

fn json_home(requests: bool) -> Home {
    Home::new(&format!("[log]\nformat = \"json\"\nlevel = \"warn\"\nrequests = {requests}\n"), &["--dev"])
}

#[tokio::test(flavor = "multi_thread")]
async fn each_request_has_a_line_for_who_wants_it() {
    let home = json_home(true);
    let server = home.start();
    let registered =
        ask(&server, Some("from-a.proxy-7"), None, requests::register("zoe-lee", PASSWORD, "")).await;
    assert_eq!((registered.status, registered.header("x-request-id")), (200, Some("from-a.proxy-7")));
    let answered = line(&server, "answered", Some("from-a.proxy-7")).await;
    let (fields, took_us) = (&answered["fields"], answered["fields"]["took_us"].as_u64().unwrap());
    assert_eq!((&fields["method"], &fields["route"]), (&"POST".into(), &"/v1/request".into()), "{answered}");
    assert_eq!(fields["status"], 200);
    assert!((1..20_000_000).contains(&took_us), "a password takes its time: {took_us}");
    assert_eq!((&answered["level"], &answered["target"]), (&"INFO".into(), &"requests".into()));

    // What cannot be an id, and might be a secret, is replaced; who is refused is told the id, whoever made it.
    let mut made = BTreeSet::new();
    for brought in [None, Some("hwd_not-an-id"), Some("a b"), Some(&*"x".repeat(65))] {
        let refused = ask(&server, brought, None, requests::sign_in("zoe-lee", "another horse")).await;
        let id = refused.header("x-request-id").unwrap().to_owned();
        assert_eq!(line(&server, "answered", Some(&id)).await["fields"]["status"], refused.status);
        made.insert(id);
    }
    assert_eq!(made.len(), 4, "each is another: {made:?}");

    // The operator's port; a path that is none is not written down, and neither is a query.
    for (path, route, status) in [
        ("/metrics?of=the-secret", "/metrics", 200),
        ("/the-secret", "none", 404),
        ("/v1/setup", "/v1/setup", 405),
    ] {
        let answer = exchange(server.operator(), "GET", path, &[("X-Request-Id", route_id(path))], b"").await;
        assert_eq!((answer.status, answer.header("x-request-id")), (status, Some(route_id(path))));
        let answered = line(&server, "answered", Some(route_id(path))).await;
        assert_eq!(
            (&answered["fields"]["route"], &answered["fields"]["status"]),
            (&route.into(), &status.into())
        );
    }
    let log = server.log();
    for secret in ["the-secret", "hwd_", PASSWORD, "another horse", "zoe-lee", &"x".repeat(65)] {
        assert!(!log.contains(secret), "{secret}: {log}");
    }
}

/// Some id for each path.
fn route_id(path: &str) -> &'static str {
    match path {
        "/metrics?of=the-secret" => "m",
        "/the-secret" => "n",
        _ => "s",
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_web_socket_is_found_by_the_id_of_its_opening_and_its_number() {
    let home = json_home(true);
    let server = home.start();
    let upgrade = [
        ("Connection", "Upgrade"),
        ("Upgrade", "websocket"),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("X-Request-Id", "opening-1"),
    ];
    let offering = [&upgrade[..], &[("Sec-WebSocket-Protocol", "highwater.v1.json")]].concat();
    let opened = exchange(server.client(), "GET", "/v1/ws", &offering, b"").await;
    assert_eq!(opened.status, 101);
    let line_of_opening = line(&server, "a WebSocket was opened", Some("opening-1")).await;
    assert!(line_of_opening["fields"]["connection"].is_u64(), "{line_of_opening}");
    let refused = exchange(server.client(), "GET", "/v1/ws", &upgrade, b"").await;
    assert_eq!(refused.status, 400);
    let line_of_refusal = line(&server, "an upgrade was refused", Some("opening-1")).await;
    assert_eq!(line_of_refusal["fields"]["status"], 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_logged_of_requests_that_nobody_wants_to_see_and_ids_stay_on_what_is() {
    let home = json_home(false);
    let server = home.start();
    let made = server.operate("POST", "/v1/api-keys", r#"{"name":"shop","scopes":["read"]}"#).await;
    assert_eq!(made.status, 200, "{made:?}");
    let key: Value = serde_json::from_slice(&made.body).unwrap();
    let key = key["secret"].as_str().unwrap();
    let quiet = ask(&server, None, None, requests::register("zoe-lee", PASSWORD, "")).await;
    assert_eq!(
        (quiet.status, quiet.header("x-request-id")),
        (200, None),
        "who brought none is spared the bytes"
    );

    // A key that asks what it may not is logged; the line says of which request.
    let list = Request::ListDevices(proto::ListDevices {});
    let refused = ask(&server, Some("order-7"), Some(key), list).await;
    assert_eq!((refused.status, refused.header("x-request-id")), (403, Some("order-7")));
    let warned = line(&server, "an API key asked what it may not", None).await;
    assert_eq!(
        (&warned["level"], &warned["span"]["request_id"]),
        (&"WARN".into(), &"order-7".into()),
        "{warned}"
    );

    // Over a WebSocket the line says of which connection, and of which of its requests.
    let person = &server.people::<1>(1).await[0];
    let mut request = 0;
    for _ in 0..13 {
        let mut wire = Wire::greeted(&server, person.token()).await;
        request = wire.post_with(Vec::new(), requests::sync()).await;
        let Body::Page(_) = wire.answer(request).await else { panic!("no page") };
    }
    let stuck = line(&server, "a client hands in the same snapshot again and again", None).await;
    assert_eq!(stuck["span"]["request"], request, "{stuck}");
    assert!(stuck["span"]["connection"].as_u64().unwrap() > 0, "{stuck}");

    let told: BTreeSet<String> = lines(&server).iter().map(|line| line["target"].to_string()).collect();
    assert!(!told.contains("\"requests\""), "{told:?}");
}
