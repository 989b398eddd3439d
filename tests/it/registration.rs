//! Who may make an account, under which name, with which password.

use highwater_wire::{Encoding, Refusal, proto};
use proto::server_frame::Body;

use crate::support::{Home, Server, Wire, requests};

const PASSWORD: &str = "correct horse";

async fn stranger(server: &Server) -> Wire {
    Wire::connect(server, Encoding::Json).await
}

async fn registered(wire: &mut Wire, name: &str, password: &str, invite: &str) -> proto::SignedIn {
    match wire.ask(requests::register(name, password, invite)).await {
        Body::SignedIn(signed_in) => signed_in,
        other => panic!("not registered: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn registration_is_closed_without_configuration() {
    let home = Home::new("", &[]);
    let server = home.start();
    let mut wire = stranger(&server).await;
    requests::refused(&mut wire, requests::register("ann", PASSWORD, ""), Refusal::RegistrationClosed).await;
    // The operator lets people in.
    let [ann] = server.people(1).await;
    Wire::greeted(&server, ann.token()).await;
    // An account without a password cannot be signed in to.
    for password in ["", PASSWORD] {
        requests::refused(&mut wire, requests::sign_in(&ann.name, password), Refusal::WrongCredentials).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invite_lets_one_in_once() {
    let home = Home::new("", &["--registration", "invite"]);
    let server = home.start();
    let mut wire = stranger(&server).await;
    for wrong in ["", "hwi_made-up", "hwd_"] {
        requests::refused(&mut wire, requests::register("ann", PASSWORD, wrong), Refusal::InvalidInvite)
            .await;
    }
    let invite = invite(&server).await;
    // What is refused for another reason does not use the invite up.
    requests::refused(&mut wire, requests::register("a", PASSWORD, &invite), Refusal::InvalidName).await;
    requests::refused(&mut wire, requests::register("ann", "12345678", &invite), Refusal::WeakPassword).await;
    let ann = registered(&mut wire, "ann", PASSWORD, &invite).await;
    requests::refused(&mut wire, requests::register("bob", PASSWORD, &invite), Refusal::InvalidInvite).await;
    Wire::greeted(&server, &ann.token).await;
    server.kill();
    let server = home.start();
    let mut wire = stranger(&server).await;
    requests::refused(&mut wire, requests::register("bob", PASSWORD, &invite), Refusal::InvalidInvite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invite_that_many_use_at_once_lets_one_in() {
    let home = Home::new("", &["--registration", "invite"]);
    let server = home.start();
    let invite = invite(&server).await;
    let (mut wires, mut asked) = (Vec::new(), Vec::new());
    for n in 0..6 {
        let mut wire = stranger(&server).await;
        asked.push(wire.post(requests::register(&format!("guest-{n}"), PASSWORD, &invite)).await);
        wires.push(wire);
    }
    let mut in_number = 0;
    for (wire, request) in wires.iter_mut().zip(asked) {
        match wire.answer(request).await {
            Body::SignedIn(_) => in_number += 1,
            body => crate::support::wire::assert_refused(&body, Refusal::InvalidInvite),
        }
    }
    assert_eq!(in_number, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invite_has_bounds() {
    let home = Home::new("", &["--registration", "invite"]);
    let server = home.start();
    // An invite lives for an hour at least, so that it ends is shown where the clock can be turned; its bounds are here.
    for hours in [0, -1, 24 * 365 + 1] {
        let answer = server.operate("POST", "/v1/invites", &format!(r#"{{"expires_hours":{hours}}}"#)).await;
        assert_eq!(answer.status, 400, "{answer:?}");
    }
}

async fn invite(server: &Server) -> String {
    let answer = server.operate("POST", "/v1/invites", r#"{"expires_hours":1}"#).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let body: serde_json::Value = serde_json::from_str(&answer.text()).unwrap();
    body["code"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn names_follow_the_rules_and_are_unique_without_regard_to_case() {
    let home = Home::dev();
    let server = home.start();
    let mut wire = stranger(&server).await;
    let too_long = "n".repeat(33);
    for name in
        ["", "a", &too_long, "a b", "a\nb", "a/b", "a@b", " ann", "ann ", "a\u{0}b", "a\u{202e}b", "😀😀"]
    {
        requests::refused(&mut wire, requests::register(name, PASSWORD, ""), Refusal::InvalidName).await;
    }
    let longest = "n".repeat(32);
    for name in ["ab", &longest, "a.b-c_D9", "Zoë", "李明"] {
        registered(&mut wire, name, PASSWORD, "").await;
    }
    for name in ["AB", "aB", "ZOË", "zoË", "A.B-C_d9"] {
        requests::refused(&mut wire, requests::register(name, PASSWORD, ""), Refusal::NameTaken).await;
    }
    // The name is kept as it was written.
    let Body::SignedIn(me) = wire.ask(requests::sign_in("ZOË", PASSWORD)).await else {
        panic!("not signed in")
    };
    let mut wire = Wire::greeted(&server, &me.token).await;
    let Body::User(user) = wire.ask(requests::find_user("zoë")).await else { panic!("not found") };
    assert_eq!((user.user_id, user.name.as_str()), (me.user_id, "Zoë"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_many_want_at_once_goes_to_one() {
    let home = Home::dev();
    let server = home.start();
    let (mut wires, mut asked) = (Vec::new(), Vec::new());
    for name in ["ann", "Ann", "ANN", "aNN", "anN"] {
        let mut wire = stranger(&server).await;
        asked.push(wire.post(requests::register(name, PASSWORD, "")).await);
        wires.push(wire);
    }
    let mut made = 0;
    for (wire, request) in wires.iter_mut().zip(asked) {
        match wire.answer(request).await {
            Body::SignedIn(_) => made += 1,
            body => crate::support::wire::assert_refused(&body, Refusal::NameTaken),
        }
    }
    assert_eq!(made, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn weak_passwords_are_refused() {
    let home = Home::dev();
    let server = home.start();
    let mut wire = stranger(&server).await;
    let too_long = "p".repeat(129);
    for password in ["", "short", "1234567", &too_long, "password", "PASSWORD123", "12345678", "Annabella"] {
        let request = requests::register("annabella", password, "");
        requests::refused(&mut wire, request, Refusal::WeakPassword).await;
    }
    let longest = "p".repeat(128);
    registered(&mut wire, "annabella", &longest, "").await;
    registered(&mut wire, "bob", "gr\u{fc}n \u{1f40e}", "").await;
    let Body::SignedIn(_) = wire.ask(requests::sign_in("annabella", &longest)).await else {
        panic!("not signed in")
    };
}

#[tokio::test(flavor = "multi_thread")]
async fn one_registration_at_a_time_on_a_connection() {
    let home = Home::dev();
    let server = home.start();
    let mut wire = stranger(&server).await;
    let both = ["ann", "bob"].map(|name| requests::register(name, PASSWORD, ""));
    let posted = wire.post_together(both).await;
    crate::support::wire::assert_refused(&wire.answer(posted[1]).await, Refusal::TooManyInFlight);
    assert!(matches!(wire.answer(posted[0]).await, Body::SignedIn(_)));
    registered(&mut wire, "bob", PASSWORD, "").await;
}
