//! Users of a host app: a token of its backend makes the account at first sight and a device ever after; what it did not
//! sign opens nothing; and its keys may change, fail to come, or be made up by strangers.

use std::os::unix::fs::PermissionsExt;

use highwater_wire::{Encoding, Refusal, proto};
use proto::{ClientFrame, client_frame::Request, server_frame::Body};
use serde_json::json;

use crate::support::{
    Home, HostApp, Page, Server, Wire, eventually,
    host_app::{believing, claims, now_s},
    http, requests,
    sign_ins::{sign_ins_at_once, signed_in, with_token},
    signing::Signer,
    wire::assert_refused,
};

/// Failures that are looked at before guessing ends, as with passwords.
const ATTEMPTS_MAX: usize = 10;

async fn over_http(server: &Server, encoding: Encoding, token: &str) -> http::Answer {
    let frame = ClientFrame { request_id: 1, request: Some(with_token(token)), ..Default::default() };
    http::post(server.client(), encoding, None, &frame).await
}

async fn user_named(server: &Server, token: &str, name: &str) -> proto::User {
    match Wire::greeted(server, token).await.ask(requests::find_user(name)).await {
        Body::User(user) => user,
        other => panic!("{name} is not found but {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_is_made_at_first_sight_and_the_same_ever_after() {
    let signer = Signer::p256("p");
    let app = HostApp::publishing(&[&signer]);
    let home = app.home("");
    let server = home.start();
    let token = signer.token(&claims("u-1", "Ann Lee"));
    let first = signed_in(&server, &token).await;
    let mut devices = vec![first.device_id];
    for encoding in [Encoding::Binary, Encoding::Json] {
        let answer = over_http(&server, encoding, &token).await;
        let Some(Body::SignedIn(again)) = answer.frame(encoding).body else { panic!("{answer:?}") };
        assert_eq!(again.user_id, first.user_id);
        devices.push(again.device_id);
    }
    devices.sort_unstable();
    devices.dedup();
    assert_eq!(devices.len(), 3, "each is a device of its own");
    let found = user_named(&server, &first.token, "ann-lee").await;
    assert_eq!((found.user_id, found.name.as_str()), (first.user_id, "Ann-Lee"));
    // Another name for the same user changes nothing, and another user of the same name is another one.
    let renamed = signed_in(&server, &signer.token(&claims("u-1", "Bea"))).await;
    assert_eq!(renamed.user_id, first.user_id);
    let other = signed_in(&server, &signer.token(&claims("u-2", "Ann Lee"))).await;
    assert_ne!(other.user_id, first.user_id);
    assert_eq!(user_named(&server, &first.token, "Ann-Lee").await.user_id, first.user_id);
    server.stop();
    let server = home.start();
    assert_eq!(signed_in(&server, &token).await.user_id, first.user_id, "it is kept");
    let mut greeted = Wire::greeted(&server, &first.token).await;
    requests::refused(&mut greeted, with_token(&token), Refusal::AlreadyGreeted).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobodys_account_is_taken_over_by_its_name() {
    let signer = Signer::ed25519("e");
    let app = HostApp::publishing(&[&signer]);
    let home = app.home("");
    let server = home.start();
    let mut wire = Wire::connect(&server, Encoding::Binary).await;
    let Body::SignedIn(ann) = wire.ask(requests::register("Ann", "correct horse", "")).await else {
        panic!()
    };
    let vouched = signed_in(&server, &signer.token(&claims("Ann", "ann"))).await;
    assert_ne!(vouched.user_id, ann.user_id);
    assert_eq!(user_named(&server, &vouched.token, "Ann").await.user_id, ann.user_id);
    // And the account that was made has no password that could be known.
    let name = name_of(&server, vouched.user_id).await;
    assert!(name.starts_with("ann-"), "{name}");
    for password in ["", "ann", "correct horse"] {
        requests::refused(&mut wire, requests::sign_in(&name, password), Refusal::WrongCredentials).await;
    }
}

/// The name of a user, as the operator sees it.
async fn name_of(server: &Server, user_id: u64) -> String {
    let asked = json!({ "user": user_id.to_string() }).to_string();
    let answer = server.operate("POST", "/v1/explain/user", &asked).await;
    let told: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    told["name"].as_str().unwrap_or_else(|| panic!("{answer:?}")).to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn first_sign_ins_at_once_make_one_user() {
    let signer = Signer::ed25519("e");
    let app = HostApp::publishing(&[&signer]);
    let home = app.home("");
    let server = home.start();
    for round in 0..4 {
        let token = signer.token(&claims(&format!("u-{round}"), "Ann"));
        assert_eq!(sign_ins_at_once(&server, &token).await.len(), 1, "round {round}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_app_did_not_sign_is_refused_and_why_is_not_told() {
    let (signer, stranger) = (Signer::rsa("r"), Signer::ed25519("x"));
    let app = HostApp::publishing(&[&signer]);
    let home = app.home("keys_floor_s = 3600");
    let server = home.start();
    let right = claims("u-1", "ann");
    let mut late = right.clone();
    late["exp"] = json!(now_s() - 60);
    let mut elsewhere = right.clone();
    elsewhere["aud"] = json!("other.example");
    let public = signer.public()["n"].as_str().unwrap().to_owned();
    let bad = [
        String::new(),
        "a.b.c".to_owned(),
        stranger.token(&right),
        signer.token(&late),
        signer.token(&elsewhere),
        signer.token_of(r#"{"alg":"none","kid":"r"}"#, &right.to_string()),
        signer.token_of(r#"{"alg":"RS256","kid":"r","crit":["exp"]}"#, &right.to_string()),
        Signer::secret(public.as_bytes()).token_of(r#"{"alg":"HS256","kid":"r"}"#, &right.to_string()),
        format!("{}{}", signer.token(&right), "a".repeat(30_000)),
    ];
    let mut wire = Wire::connect(&server, Encoding::Json).await;
    let mut bodies = Vec::new();
    for token in &bad {
        let body = wire.ask(with_token(token)).await;
        assert_refused(&body, Refusal::HostTokenRefused);
        bodies.push(body);
        let answer = over_http(&server, Encoding::Binary, token).await;
        assert_eq!(answer.status, 401, "{token:.40}");
    }
    bodies.dedup();
    assert_eq!(bodies.len(), 1, "they cannot be told apart");
    let long = over_http(&server, Encoding::Binary, &"a".repeat(1024 * 1024)).await;
    assert_eq!(long.status, 413, "a token of a mebibyte is not read");
    let [person] = server.people(1).await;
    let mut other = Wire::greeted(&server, person.token()).await;
    requests::refused(&mut other, requests::find_user("ann"), Refusal::NoSuchUser).await;
    let log = server.log();
    assert!(log.contains("expired") && log.contains("algorithm that is not on the list"), "{log}");
    for secret in [&signer.token(&right)[..40], "other.example", "u-1"] {
        assert!(!log.contains(secret), "{secret} is in the log");
    }
    signed_in(&server, &signer.token(&right)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn guessing_ends_for_that_subject_and_for_no_other() {
    let (signer, stranger) = (Signer::ed25519("e"), Signer::ed25519("x"));
    let app = HostApp::publishing(&[&signer]);
    let home = app.home("");
    let server = home.start();
    let mut late = claims("u-1", "ann");
    late["exp"] = json!(now_s() - 60);
    let mut wire = Wire::connect(&server, Encoding::Binary).await;
    for _ in 0..=ATTEMPTS_MAX {
        // The app signed it once: nobody guesses here.
        requests::refused(&mut wire, with_token(&signer.token(&late)), Refusal::HostTokenRefused).await;
    }
    let forged = stranger.token_of(r#"{"alg":"EdDSA","kid":"e"}"#, &claims("u-1", "ann").to_string());
    for _ in 0..ATTEMPTS_MAX {
        requests::refused(&mut wire, with_token(&forged), Refusal::HostTokenRefused).await;
    }
    requests::refused(&mut wire, with_token(&forged), Refusal::TooManyAttempts).await;
    signed_in(&server, &signer.token(&claims("u-2", "bob"))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_login_policy_and_a_suspension_hold_for_them_too() {
    let signer = Signer::ed25519("e");
    let app = HostApp::publishing(&[&signer]);
    let home = app.home("[devices]\ndesktop = \"refuse\"");
    let server = home.start();
    let token = signer.token(&claims("u-1", "ann"));
    let first = signed_in(&server, &token).await;
    let mut wire = Wire::connect(&server, Encoding::Binary).await;
    requests::refused(&mut wire, with_token(&token), Refusal::DeviceClassTaken).await;
    let Request::SignInWithToken(plain) = with_token(&token) else { unreachable!() };
    let in_place = proto::SignInWithToken { in_place_of: first.device_id, ..plain };
    let Body::SignedIn(second) = wire.ask(Request::SignInWithToken(in_place.clone())).await else {
        panic!("the place of the first one is its")
    };
    let suspend = |suspended: bool| json!({ "user": "ann", "suspended": suspended }).to_string();
    assert_eq!(server.operate("POST", "/v1/suspend", &suspend(true)).await.status, 204);
    let again = proto::SignInWithToken { in_place_of: second.device_id, ..in_place };
    let again = Request::SignInWithToken(again);
    requests::refused(&mut wire, again.clone(), Refusal::AccountSuspended).await;
    assert_eq!(server.operate("POST", "/v1/suspend", &suspend(false)).await.status, 204);
    let Body::SignedIn(third) = wire.ask(again).await else { panic!("it is resumed") };
    assert_eq!(third.user_id, first.user_id);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_key_is_found_and_made_up_ones_are_not_asked_for_again_and_again() {
    let [old, new] = ["old", "new"].map(Signer::ed25519);
    let app = HostApp::publishing(&[&old]);
    let home = app.home("keys_floor_s = 3600");
    let server = home.start();
    let ann = claims("u-1", "ann");
    let user = signed_in(&server, &old.token(&ann)).await.user_id;
    let before = app.asked();
    app.publish(&[&new]);
    assert_eq!(signed_in(&server, &new.token(&ann)).await.user_id, user, "at once");
    assert_eq!(app.asked(), before + 1);
    let (mut wires, mut asked) = (Vec::new(), Vec::new());
    for storm in 0..40 {
        let made_up = Signer::ed25519(&format!("made-up-{storm}"));
        let mut wire = Wire::connect(&server, Encoding::Binary).await;
        asked.push(wire.post(with_token(&made_up.token(&claims(&format!("u-{storm}"), "x")))).await);
        wires.push(wire);
    }
    for (wire, request) in wires.iter_mut().zip(asked) {
        assert_refused(&wire.answer(request).await, Refusal::HostTokenRefused);
    }
    assert_eq!(app.asked(), before + 1, "the floor holds");
    requests::refused(&mut wires[0], with_token(&old.token(&ann)), Refusal::HostTokenRefused).await;
    app.answer_with(Page::Status(500));
    assert_eq!(signed_in(&server, &new.token(&ann)).await.user_id, user, "the keys that were there stay");
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_do_not_come_or_are_none_let_nobody_in_and_hold_nobody_up() {
    let signer = Signer::ed25519("e");
    let app = HostApp::publishing(&[&signer]);
    let elsewhere = HostApp::publishing(&[&signer]);
    let token = signer.token(&claims("u-1", "ann"));
    for page in [
        Page::Silent,
        Page::Long(10 * 1024 * 1024),
        Page::Status(500),
        Page::Redirect(elsewhere.url()),
        Page::Text("{\"keys\":[]}".to_owned()),
        Page::Text("<html>".to_owned()),
    ] {
        app.answer_with(page.clone());
        let home = app.home("keys_floor_s = 1");
        let server = home.start();
        let mut wire = Wire::connect(&server, Encoding::Binary).await;
        let waits = wire.post(with_token(&token)).await;
        // Others are served while it is waited for.
        let [person] = server.people(1).await;
        requests::today(&mut Wire::greeted(&server, person.token()).await).await;
        assert_refused(&wire.answer(waits).await, Refusal::HostUnavailable);
        app.publish(&[&signer]);
        let user = eventually("the keys come", || async {
            match Wire::connect(&server, Encoding::Binary).await.ask(with_token(&token)).await {
                Body::SignedIn(signed_in) => Some(signed_in.user_id),
                body => {
                    assert_refused(&body, Refusal::HostUnavailable);
                    None
                }
            }
        })
        .await;
        assert!(user > 0);
        assert!(server.log().contains("are not renewed"), "{}", server.log());
    }
    assert_eq!(elsewhere.asked(), 0, "redirects are not followed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_is_its_owners_alone() {
    let home = believing("algorithms = [\"HS256\"]\nsecret_file = \"SECRET\"");
    let refused = home.start_refused();
    assert!(refused.stderr.contains("SECRET"), "{refused:?}");
    let directory = std::env::temp_dir().join(format!("highwater-secret-{}", rand::random::<u64>()));
    std::fs::create_dir(&directory).unwrap();
    let path = directory.join("secret");
    let (secret, mode) = ([b's'; 32], std::fs::Permissions::from_mode);
    std::fs::write(&path, [&secret[..], b"\n"].concat()).unwrap();
    let home = believing(&format!("algorithms = [\"HS256\"]\nsecret_file = \"{}\"", path.display()));
    std::fs::set_permissions(&path, mode(0o640)).unwrap();
    let refused = home.start_refused();
    assert!(refused.stderr.contains("chmod 600") && !refused.stderr.contains("ssss"), "{refused:?}");
    std::fs::set_permissions(&path, mode(0o600)).unwrap();
    let server = home.start();
    signed_in(&server, &Signer::secret(&secret).token(&claims("u-1", "ann"))).await;
    std::fs::write(&path, "short").unwrap();
    drop(server);
    assert!(home.start_refused().stderr.contains("32 to 1024 bytes"));
    std::fs::remove_dir_all(&directory).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_host_app_there_is_no_such_sign_in() {
    let home = Home::dev();
    let server = home.start();
    let token = Signer::ed25519("e").token(&claims("u-1", "ann"));
    let mut wire = Wire::connect(&server, Encoding::Binary).await;
    requests::refused(&mut wire, with_token(&token), Refusal::HostSignInOff).await;
    assert_eq!(over_http(&server, Encoding::Json, &token).await.status, 403);
}
