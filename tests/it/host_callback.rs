//! Users of a host app that is asked: who it knows is one user for good, however the app is believed later; what it
//! refuses opens nothing; and an app that is slow, wrong, huge, elsewhere or dead lets nobody in and holds nobody up.

use std::{net::TcpListener, path::PathBuf, process::Output};

use highwater_wire::{Encoding, Refusal, proto};
use proto::{ClientFrame, server_frame::Body};

use crate::support::{
    AskedApp, Home, HostApp, Page, Server, Wire,
    asked_app::SECRET,
    host_app::claims,
    http, requests,
    sign_ins::{sign_ins_at_once, signed_in, with_token},
    signing::Signer,
    wire::assert_refused,
};

/// Failures that are looked at before guessing ends, as with passwords.
const ATTEMPTS_MAX: usize = 10;

async fn refused(server: &Server, token: &str, refusal: Refusal) {
    let mut wire = Wire::connect(server, Encoding::Binary).await;
    requests::refused(&mut wire, with_token(token), refusal).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_the_app_knows_is_one_user_for_good() {
    let app = AskedApp::start();
    app.sign_in("cookie-1", "u-1", "Ann Lee");
    app.sign_in("cookie-2", "u-1", "Bea");
    app.sign_in("cookie-3", "u-2", "Ann Lee");
    let home = app.home();
    let server = home.start();
    let first = signed_in(&server, "cookie-1").await;
    let again = signed_in(&server, "cookie-2").await;
    assert_eq!(again.user_id, first.user_id, "another session of the same user");
    assert_ne!(again.device_id, first.device_id);
    let other = signed_in(&server, "cookie-3").await;
    assert_ne!(other.user_id, first.user_id);
    let frame = ClientFrame { request_id: 1, request: Some(with_token("cookie-1")), ..Default::default() };
    let answer = http::post(server.client(), Encoding::Json, None, &frame).await;
    let Some(Body::SignedIn(over_http)) = answer.frame(Encoding::Json).body else { panic!("{answer:?}") };
    assert_eq!(over_http.user_id, first.user_id);
    assert_eq!(app.asked(), 4, "each is asked about, and nothing is kept");
    let mut wire = Wire::greeted(&server, &other.token).await;
    let Body::User(found) = wire.ask(requests::find_user("ann-lee")).await else { panic!("not found") };
    assert_eq!((found.user_id, found.name.as_str()), (first.user_id, "Ann-Lee"));
    server.stop();
    // The app has learnt to sign: its users stay who they are.
    let signer = Signer::ed25519("e");
    let signing = HostApp::publishing(&[&signer]);
    let server = signing.home("").with_data(home.data()).start();
    assert_eq!(signed_in(&server, &signer.token(&claims("u-1", "x"))).await.user_id, first.user_id);
    requests::today(&mut Wire::greeted(&server, &first.token).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn first_sign_ins_at_once_make_one_user() {
    let app = AskedApp::start();
    let home = app.home();
    let server = home.start();
    for round in 0..4 {
        let token = format!("cookie-{round}");
        app.sign_in(&token, &format!("u-{round}"), "Ann");
        assert_eq!(sign_ins_at_once(&server, &token).await.len(), 1, "round {round}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_app_refuses_opens_nothing_and_is_not_asked_about_for_ever() {
    let app = AskedApp::start();
    app.sign_in("cookie-1", "u-1", "Ann");
    let home = app.home();
    let server = home.start();
    for token in ["", &"x".repeat(4097)] {
        refused(&server, token, Refusal::HostTokenRefused).await;
    }
    assert_eq!(app.asked(), 0, "nothing to ask about");
    for _ in 0..ATTEMPTS_MAX {
        refused(&server, "made-up", Refusal::HostTokenRefused).await;
    }
    refused(&server, "made-up", Refusal::TooManyAttempts).await;
    assert_eq!(app.asked(), ATTEMPTS_MAX);
    app.answer_with(Some(Page::Status(403)));
    refused(&server, "cookie-1", Refusal::HostTokenRefused).await;
    app.answer_with(None);
    signed_in(&server, "cookie-1").await;
    let longest = "x".repeat(4096);
    app.sign_in(&longest, "u-3", "Cay");
    signed_in(&server, &longest).await;
    let metrics = server.operate("GET", "/metrics", "").await.text();
    for (outcome, times) in [("accepted", 2), ("refused", ATTEMPTS_MAX + 3), ("failed", 0)] {
        let line = format!("highwater_host_questions_total{{outcome=\"{outcome}\"}} {times}");
        assert!(metrics.contains(&line), "{line}: {metrics}");
    }
    assert!(metrics.contains("highwater_host_questions_took"), "{metrics}");
    let log = server.log();
    assert!(log.contains("the host app refused the token"), "{log}");
    for secret in ["cookie-1", "made-up", "u-1", std::str::from_utf8(SECRET).unwrap()] {
        assert!(!log.contains(secret), "{secret} is in the log");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_that_gives_no_answer_of_use_lets_nobody_in_and_holds_nobody_up() {
    let (app, elsewhere) = (AskedApp::start(), AskedApp::start());
    for app in [&app, &elsewhere] {
        app.sign_in("cookie-1", "u-1", "Ann");
    }
    let home = app.home();
    let server = home.start();
    let [person] = server.people(1).await;
    for page in [
        Page::Silent,
        Page::Stalling,
        Page::Long(10 * 1024 * 1024),
        Page::Status(500),
        Page::Status(404),
        Page::Redirect(elsewhere.url()),
        Page::Text("<html>".to_owned()),
        Page::Text("{}".to_owned()),
        Page::Text("{\"subject\":\"\"}".to_owned()),
    ] {
        app.answer_with(Some(page));
        let mut wire = Wire::connect(&server, Encoding::Binary).await;
        let waits = wire.post(with_token("cookie-1")).await;
        // Others are served while it is waited for.
        requests::today(&mut Wire::greeted(&server, person.token()).await).await;
        assert_refused(&wire.answer(waits).await, Refusal::HostUnavailable);
    }
    assert_eq!(elsewhere.asked(), 0, "redirects are not followed");
    app.answer_with(None);
    signed_in(&server, "cookie-1").await;
    let log = server.log();
    for cause in
        ["no JSON object", "no subject", "status 500", "the host app did not answer", "more than 65536"]
    {
        assert!(log.contains(cause), "{cause}: {log}");
    }
    server.stop();
    let dead = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}/who", listener.local_addr().unwrap())
    };
    let server = app.home_asking(&dead).start();
    refused(&server, "cookie-1", Refusal::HostUnavailable).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_app_can_tell_who_asks() {
    let app = AskedApp::start();
    app.sign_in("cookie-1", "u-1", "Ann");
    app.write_secret(&[b'x'; 32], 0o600);
    let home = app.home();
    let server = home.start();
    refused(&server, "cookie-1", Refusal::HostTokenRefused).await;
    server.stop();
    // The end of line that editors write is no part of the secret.
    app.write_secret(&[SECRET, b"\r\n"].concat(), 0o600);
    let server = home.start();
    signed_in(&server, "cookie-1").await;
}

fn check_config(home: &Home) -> Output {
    let config: PathBuf = home.data().parent().unwrap().join("highwater.toml");
    let mut command = Home::bare_command();
    command.arg("check-config").arg("--config").arg(config).arg("--dev").output().unwrap()
}

#[test]
fn what_is_wrong_with_a_file_is_said_before_a_start_and_at_it() {
    let app = AskedApp::start();
    let home = app.home();
    assert!(check_config(&home).status.success());
    let both = |expected: &str| {
        let refused = home.start_refused();
        assert!(refused.stderr.contains(expected), "{expected}: {refused:?}");
        let checked = check_config(&home);
        let said = String::from_utf8(checked.stderr).unwrap();
        assert!(!checked.status.success() && said.contains(expected), "{expected}: {said}");
        assert!(checked.stdout.is_empty() && !said.contains("ssss"), "{said}");
    };
    app.write_secret(&[b's'; 32], 0o640);
    both("chmod 600");
    app.write_secret(b"ssssssss", 0o600);
    both("32 to 1024 bytes");
    std::fs::remove_file(app.secret_file()).unwrap();
    both("cannot be read");
    for (lines, expected) in [
        ("keys_file = \"/nowhere/keys.json\"", "/nowhere/keys.json cannot be read"),
        ("algorithms = [\"HS256\"]\nsecret_file = \"/nowhere/secret\"", "/nowhere/secret cannot be read"),
    ] {
        let home = crate::support::host_app::believing(lines);
        let said = String::from_utf8(check_config(&home).stderr).unwrap();
        assert!(said.contains(expected), "{said}");
    }
}
