//! Operators with roles: each may what the table of the port says, over restarts, until the operator is taken back; and the
//! audit log has the name.

use std::{
    fs,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    process::Output,
};

use highwater::{
    logic::operators::{Access, OperatorRoute},
    model::OperatorRole,
};
use highwater_wire::Refusal;
use serde_json::{Value, json};

use crate::support::{Home, Server, http};

/// Runs `highwater admin operator …` against the server of a home.
fn operator(home: &Home, arguments: &[&str]) -> Output {
    let mut command = Home::bare_command();
    command.arg("admin").arg("operator").args(arguments).arg("--data").arg(home.data());
    command.output().unwrap()
}

/// Makes an operator; the token.
pub fn make(home: &Home, name: &str, role: OperatorRole) -> String {
    let made = operator(home, &["make", name, "--role", role.name()]);
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let token = String::from_utf8(made.stdout).unwrap().trim().to_owned();
    assert!(token.starts_with("hwo_") && token.len() == 47, "32 bytes in base64url");
    token
}

fn listed(home: &Home) -> Vec<(String, String)> {
    let lines = String::from_utf8(operator(home, &["list"]).stdout).unwrap();
    let of_line = |line: &str| {
        let operator: Value = serde_json::from_str(line).unwrap();
        assert!(operator.get("token").is_none() && operator["created_ms"].is_i64(), "{operator}");
        (operator["name"].as_str().unwrap().to_owned(), operator["role"].as_str().unwrap().to_owned())
    };
    lines.lines().filter(|line| !line.is_empty()).map(of_line).collect()
}

pub async fn ask(server: &Server, token: Option<&str>, name: &str, body: &str) -> http::Answer {
    let (method, path) = name.split_once(' ').unwrap();
    let path = path.replace("{name}", "disk_low");
    let bearer = token.map(|token| format!("Bearer {token}"));
    let headers: Vec<_> = bearer.iter().map(|bearer| ("authorization", bearer.as_str())).collect();
    http::exchange(server.operator(), method, &path, &headers, body.as_bytes()).await
}

pub fn is_refused(answer: &http::Answer, refusal: Refusal) -> bool {
    let body: Value = serde_json::from_str(&answer.text()).unwrap_or_default();
    answer.status == refusal.http_status() && body["code"] == refusal.code()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_role_may_what_the_table_says_on_every_route() {
    let home = Home::dev();
    let server = home.start();
    let tokens = OperatorRole::ALL.map(|role| (role, make(&home, &format!("the.{}", role.name()), role)));
    let mut turned_away = 0;
    for route in OperatorRoute::ALL {
        let row = route.row();
        for (role, token) in &tokens {
            let answer = ask(&server, Some(token), row.name, "{}").await;
            let is_away = is_refused(&answer, Refusal::RoleMissing);
            assert_eq!(is_away, !row.admits(Some(*role)), "{} as {}: {answer:?}", row.name, role.name());
            let knows = is_refused(&answer, Refusal::InvalidOperatorToken);
            // The setup asks for another token.
            assert!(!knows || row.name == "POST /v1/setup", "{}: {answer:?}", row.name);
            turned_away += usize::from(is_away);
        }
        for token in [None, Some("hwo_wrong"), Some("")] {
            let answer = ask(&server, token, row.name, "{}").await;
            let is_open = row.access == Access::Anybody;
            // Where a program may ask, its key is what is missed.
            let is_unknown = [Refusal::InvalidOperatorToken, Refusal::InvalidApiKey];
            let is_unknown = is_unknown.into_iter().any(|refusal| is_refused(&answer, refusal));
            assert_eq!(is_unknown, !is_open, "{} as a stranger: {answer:?}", row.name);
        }
    }
    assert!(turned_away > 20, "{turned_away}");
    // Who was turned away is in the audit log, by name.
    let audit = fs::read_to_string(home.data().join("audit/audit-000000000001")).unwrap();
    let away = |line: &&str| line.contains("\"kind\":\"turned_away\"") && line.contains("\"refusal\":371");
    let by_name = audit.lines().filter(away).filter(|line| line.contains("\"operator\":\"the."));
    assert_eq!(by_name.count(), turned_away);
    for (_, token) in &tokens {
        assert!(!audit.contains(token.as_str()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_outlives_restarts_until_taken_back() {
    let home = Home::dev();
    let server = home.start();
    let [ann] = server.people(1).await;
    let ruth = make(&home, "ruth", OperatorRole::Moderator);
    let watch = make(&home, "watch", OperatorRole::Viewer);
    let of = |name: &str, role: &str| (name.to_owned(), role.to_owned());
    assert_eq!(listed(&home), [of("ruth", "moderator"), of("watch", "viewer")]);
    server.kill();
    let server = home.start();
    assert_eq!(listed(&home), [of("ruth", "moderator"), of("watch", "viewer")]);
    let me = ask(&server, Some(&ruth), "GET /v1/me", "").await;
    assert_eq!(me.text(), r#"{"name":"ruth","role":"moderator"}"#);
    let root = server.operate("GET", "/v1/me", "").await;
    assert_eq!(root.text(), r#"{"name":"root","role":"admin"}"#);
    let suspend = json!({ "user": ann.name, "suspended": true }).to_string();
    assert_eq!(ask(&server, Some(&ruth), "POST /v1/suspend", &suspend).await.status, 204);
    let newest = server.operate("GET", "/v1/audit?limit=1", "").await;
    assert!(newest.text().contains(r#""operator":"ruth","route":"POST /v1/suspend""#), "{newest:?}");
    let revoked = operator(&home, &["revoke", "ruth"]);
    assert!(revoked.status.success(), "{}", String::from_utf8_lossy(&revoked.stderr));
    let is_dead = |answer: &http::Answer| is_refused(answer, Refusal::InvalidOperatorToken);
    assert!(is_dead(&ask(&server, Some(&ruth), "GET /v1/me", "").await));
    assert_eq!(ask(&server, Some(&watch), "GET /v1/me", "").await.status, 200);
    server.stop();
    // From the index, and not only from the log.
    let server = home.start();
    assert!(is_dead(&ask(&server, Some(&ruth), "GET /v1/me", "").await));
    assert_eq!(listed(&home), [of("watch", "viewer")]);
    // The name is free, and another token is its.
    let again = make(&home, "ruth", OperatorRole::Admin);
    assert!(is_dead(&ask(&server, Some(&ruth), "GET /v1/me", "").await));
    assert_eq!(
        ask(&server, Some(&again), "GET /v1/me", "").await.text(),
        r#"{"name":"ruth","role":"admin"}"#
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_an_operator_is_refused_and_an_admin_makes_others() {
    let home = Home::dev();
    let server = home.start();
    let admin = make(&home, "chief", OperatorRole::Admin);
    for (body, status, refusal) in [
        (json!({ "name": "root", "role": "admin" }), 400, Some(Refusal::InvalidField)),
        (json!({ "name": "Ruth", "role": "viewer" }), 400, Some(Refusal::InvalidField)),
        (json!({ "name": "ruth", "role": "owner" }), 400, Some(Refusal::InvalidField)),
        (json!({ "name": "ruth" }), 400, None),
        (json!({ "name": "chief", "role": "viewer" }), 409, Some(Refusal::OperatorNameTaken)),
        (json!({ "name": "ruth", "role": "viewer" }), 200, None),
    ] {
        let answer = ask(&server, Some(&admin), "POST /v1/operators", &body.to_string()).await;
        assert_eq!(answer.status, status, "{body}: {answer:?}");
        assert!(refusal.is_none_or(|refusal| is_refused(&answer, refusal)), "{body}: {answer:?}");
    }
    let nobody = json!({ "name": "nobody" }).to_string();
    let answer = ask(&server, Some(&admin), "POST /v1/operators/revoke", &nobody).await;
    assert!(is_refused(&answer, Refusal::NoSuchOperator), "{answer:?}");
    // An admin may end itself; whoever has the disk stays.
    let own = json!({ "name": "chief" }).to_string();
    assert_eq!(ask(&server, Some(&admin), "POST /v1/operators/revoke", &own).await.status, 204);
    assert_eq!(ask(&server, Some(&admin), "GET /v1/me", "").await.status, 401);
    assert_eq!(server.operate("GET", "/v1/me", "").await.status, 200);
    for number in 0..31 {
        let body = json!({ "name": format!("n{number}"), "role": "viewer" }).to_string();
        assert_eq!(server.operate("POST", "/v1/operators", &body).await.status, 200, "{number}");
    }
    let more = server.operate("POST", "/v1/operators", r#"{"name":"more","role":"viewer"}"#).await;
    assert!(is_refused(&more, Refusal::TooManyOperators), "{more:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_revoked_while_a_body_is_on_its_way_changes_nothing() {
    let home = Home::dev();
    let server = home.start();
    let token = make(&home, "eve", OperatorRole::Admin);
    let body = r#"{"name":"eve2","role":"admin"}"#;
    let head = format!(
        "POST /v1/operators HTTP/1.1\r\nhost: it\r\nauthorization: Bearer {token}\r\ncontent-type: application/json\r\n\
         content-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    let mut socket = TcpStream::connect(server.operator()).unwrap();
    socket.write_all(&[head.as_bytes(), &body.as_bytes()[..1]].concat()).unwrap();
    // Another request on the same thread is answered: the one above was let in before.
    assert_eq!(ask(&server, Some(&token), "GET /v1/me", "").await.status, 200);
    assert!(operator(&home, &["revoke", "eve"]).status.success());
    socket.write_all(&body.as_bytes()[1..]).unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
    assert!(listed(&home).is_empty());
}

#[test]
fn the_token_is_sent_to_nobody_who_has_the_port_of_a_server_that_is_gone() {
    let home = Home::dev();
    home.start().kill();
    let stranger = TcpListener::bind("127.0.0.1:0").unwrap();
    fs::write(home.data().join("operator.url"), format!("http://{}", stranger.local_addr().unwrap()))
        .unwrap();
    let refused = operator(&home, &["list"]);
    let says = String::from_utf8(refused.stderr).unwrap();
    assert!(!refused.status.success() && says.contains("no server runs on the data directory"), "{says}");
    stranger.set_nonblocking(true).unwrap();
    assert!(stranger.accept().is_err(), "nobody came");
}
