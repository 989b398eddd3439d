//! Settings of a running server: each with its source, and the level of the log until the next start.

use serde_json::{Value, json};

use crate::support::{Home, Server, eventually};

const CONFIG: &str = "[server]\nworkers = 2\n[messages]\nbodies = \"until_delivered\"\n";

async fn shown(server: &Server) -> Value {
    let answer = server.operate("GET", "/v1/config", "").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    serde_json::from_str(&answer.text()).unwrap()
}

fn setting<'a>(shown: &'a Value, key: &str) -> (&'a str, &'a str) {
    let settings = shown["settings"].as_array().unwrap();
    let one = settings.iter().find(|one| one["key"] == key).unwrap_or_else(|| panic!("no {key}"));
    (one["value"].as_str().unwrap(), one["source"].as_str().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn each_setting_is_told_with_its_source() {
    let home = Home::new(CONFIG, &["--dev"]);
    let mut command = home.command();
    command.env("HIGHWATER_CLIENT_HEARTBEAT_MS", "31000");
    let server = home.start_command(command);
    let shown = shown(&server).await;
    let (value, source) = setting(&shown, "messages.bodies");
    assert_eq!(value, "\"until_delivered\"");
    assert!(source.contains("highwater.toml") && source.contains('4'), "{source}");
    let (value, source) = setting(&shown, "client.heartbeat_ms");
    assert!(
        value.replace('_', "") == "31000" && source.contains("HIGHWATER_CLIENT_HEARTBEAT_MS"),
        "{source}"
    );
    assert!(setting(&shown, "server.data").1.contains("--data"));
    assert_eq!(setting(&shown, "registration.mode").0, "\"open\"", "it follows from --dev");
    assert!(setting(&shown, "log.level").1.contains("default"));
    // The command prints the same lines as `check-config` does.
    let mut command = Home::bare_command();
    command.args(["admin", "config", "--data"]).arg(home.data());
    let text = String::from_utf8(command.output().unwrap().stdout).unwrap();
    assert!(text.lines().any(|line| line.starts_with("messages.bodies = \"until_delivered\"")), "{text}");
    assert_eq!(text.lines().count(), shown["settings"].as_array().unwrap().len() + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_has_another_level_until_the_next_start() {
    let home = Home::new(CONFIG, &["--dev"]);
    let server = home.start();
    let fine =
        |log: &str| log.lines().filter(|line| line.contains("TRACE") || line.contains("DEBUG")).count();
    assert_eq!((fine(&server.log()), &shown(&server).await["log_level_now"]), (0, &json!("info")));
    for wrong in
        [json!({ "level": "loud" }), json!({ "level": "" }), json!({ "level": "info,=debug" }), json!({})]
    {
        assert_eq!(server.operate("PUT", "/v1/log-level", &wrong.to_string()).await.status, 400, "{wrong}");
    }
    let mut command = Home::bare_command();
    command.args(["admin", "log-level", "trace", "--data"]).arg(home.data());
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    // A commit is a line then.
    eventually("more is logged", || async {
        assert_eq!(server.operate("POST", "/v1/invites", r#"{"expires_hours":1}"#).await.status, 200);
        (fine(&server.log()) > 0).then_some(())
    })
    .await;
    assert_eq!(shown(&server).await["log_level_now"], "trace");
    let newest = server.operate("GET", "/v1/audit?after=0&limit=500", "").await.text();
    assert!(
        newest.contains(r#""route":"PUT /v1/log-level","subject":"level trace","outcome":"done""#),
        "{newest}"
    );
    server.stop();
    let server = home.start();
    assert_eq!(shown(&server).await["log_level_now"], "info");
    let log = server.log();
    let (_, of_this_start) = log.rsplit_once("the store is open").unwrap();
    assert_eq!(fine(of_this_start), 0, "{of_this_start}");
}
