//! Settings read again under a running server: what can be taken is, what cannot waits, and what is wrong changes nothing.

use highwater_wire::{Encoding, Refusal, proto::server_frame::Body};
use rustix::process::Signal;
use serde_json::{Value, json};

use super::{
    contacts::done,
    groups::{create, created, leave},
};
use crate::support::{Home, Server, Wire, eventually, http, requests};

const BEFORE: &str = "[registration]\nmode = \"closed\"\n[server]\nreaders = 2\n[groups]\nowned_max = 1\n";
const AFTER: &str = "[registration]\nmode = \"open\"\n[server]\nreaders = 3\n[groups]\nowned_max = 2\n[devices]\ndevices_max = 1\n";
const PASSWORD: &str = "correct horse";

async fn about(server: &Server) -> String {
    http::exchange(server.client(), "GET", "/v1/server", &[], b"").await.text()
}

async fn in_force(server: &Server, key: &str) -> String {
    let shown: Value = serde_json::from_str(&server.operate("GET", "/v1/config", "").await.text()).unwrap();
    let one = shown["settings"].as_array().unwrap().iter().find(|one| one["key"] == key);
    one.unwrap_or_else(|| panic!("no {key}"))["value"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_be_taken_is_in_force_and_the_rest_waits() {
    let home = Home::new(BEFORE, &[]);
    let server = home.start();
    let [ann] = server.people(1).await;
    let mut anns = Wire::greeted(&server, ann.token()).await;
    let first = created(&mut anns, create(1, "a", &[])).await;
    requests::refused(&mut anns, create(2, "b", &[]), Refusal::TooManyGroups).await;
    let mut stranger = Wire::connect(&server, Encoding::Json).await;
    let register = || requests::register("bob", PASSWORD, "");
    requests::refused(&mut stranger, register(), Refusal::RegistrationClosed).await;

    home.configure(AFTER);
    let answer = server.operate("POST", "/v1/reload", "{}").await;
    let told: Value = serde_json::from_str(&answer.text()).unwrap();
    let taken = json!(["registration.mode", "devices.devices_max", "groups.owned_max"]);
    assert_eq!((&told["taken"], &told["waiting"]), (&taken, &json!(["server.readers"])), "{told}");

    created(&mut anns, create(2, "b", &[])).await;
    requests::refused(&mut anns, create(3, "c", &[]), Refusal::TooManyGroups).await;
    assert!(about(&server).await.contains(r#""registration":"open""#));
    assert!(matches!(stranger.ask(register()).await, Body::SignedIn(_)));
    let two_devices = json!({ "users": 1, "devices": 2, "prefix": "two" }).to_string();
    assert_eq!(server.operate("POST", "/v1/provision", &two_devices).await.status, 409, "by the policy");
    assert_eq!(in_force(&server, "server.readers").await, "2");
    assert_eq!(in_force(&server, "groups.owned_max").await, "2");

    // It holds after a start as it did before, and what waited has come.
    server.stop();
    let server = home.start();
    let mut anns = Wire::greeted(&server, ann.token()).await;
    requests::refused(&mut anns, create(3, "c", &[]), Refusal::TooManyGroups).await;
    done(&mut anns, leave(first)).await;
    created(&mut anns, create(3, "c", &[])).await;
    assert_eq!(in_force(&server, "server.readers").await, "3");
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_of_alarms_are_judged_as_they_were_read_last() {
    let home =
        Home::new("[alarms.rules.disk_low]\noff = true\n[alarms.rules.sign_ins_refused]\nbound = 7\n", &[]);
    let server = home.start();
    let bounds = async || {
        let told: Value =
            serde_json::from_str(&server.operate("GET", "/v1/alarms", "").await.text()).unwrap();
        let bound = |name| {
            let rules = told["alarms"].as_array().unwrap();
            rules.iter().find(|rule| rule["alarm"] == name).map(|rule| rule["bound"].as_i64().unwrap())
        };
        (bound("disk_low"), bound("sign_ins_refused"))
    };
    assert_eq!(bounds().await, (None, Some(7)));
    home.configure("[alarms.rules.sign_ins_refused]\nbound = 9\n");
    assert_eq!(
        server.operate("POST", "/v1/reload", "").await.text(),
        r#"{"taken":["alarms.rules"],"waiting":[]}"#
    );
    assert_eq!(bounds().await, (Some(10), Some(9)));
    home.configure("[alarms.rules.disk_low]\nbound = 101\n");
    assert_eq!(server.operate("POST", "/v1/reload", "").await.status, 400);
    assert_eq!(bounds().await, (Some(10), Some(9)));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_said_with_its_place_and_nothing_is_taken() {
    let home = Home::new(BEFORE, &[]);
    let server = home.start();
    let wrong = [
        ("[groups]\nowned_max = 2\nowned_mx = 2\n", "line 3"),
        ("[groups]\nowned_max = -1\n", "groups.owned_max"),
        ("[groups\n", "line 1"),
        // What a file that is named holds is looked at too.
        (
            "[groups]\nowned_max = 2\n[mail]\nserver = \"smtp://127.0.0.1:1\"\nfrom = \"a@example.org\"\nto = [\"b@example.org\"]\nuser = \"u\"\npassword_file = \"/nonexistent\"\n",
            "/nonexistent",
        ),
    ];
    for (config, says) in wrong {
        home.configure(config);
        let answer = server.operate("POST", "/v1/reload", "{}").await;
        assert_eq!(answer.status, 400, "{config}");
        assert!(answer.text().contains(says), "{config}: {}", answer.text());
        assert_eq!(in_force(&server, "groups.owned_max").await, "1", "{config}");
    }
    let mut command = Home::bare_command();
    command.args(["admin", "reload", "--data"]).arg(home.data());
    let output = command.output().unwrap();
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("/nonexistent"), "{output:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hangup_does_the_same_and_the_log_says_what() {
    let home = Home::new(BEFORE, &[]);
    let server = home.start();
    home.configure("[groups]\nowned_max = oops\n");
    server.signal(Signal::HUP);
    eventually("the log says what is wrong", || async {
        server.log().contains("the settings stay as they are").then_some(())
    })
    .await;
    home.configure(&format!("{AFTER}[log]\nlevel = \"debug\"\n"));
    server.signal(Signal::HUP);
    eventually("it is open", || async { about(&server).await.contains("open").then_some(()) }).await;
    let config = server.operate("GET", "/v1/config", "").await.text();
    assert!(config.contains(r#""log_level_now":"debug""#), "{config}");
    // A level of the moment stays where the file says nothing new.
    assert_eq!(server.operate("PUT", "/v1/log-level", r#"{"level":"warn"}"#).await.status, 204);
    assert_eq!(
        server.operate("POST", "/v1/reload", "").await.text(),
        r#"{"taken":[],"waiting":["server.readers"]}"#
    );
    assert!(server.operate("GET", "/v1/config", "").await.text().contains(r#""log_level_now":"warn""#));
}
