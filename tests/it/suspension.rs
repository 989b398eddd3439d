//! Suspension by an operator: every device is out at once wherever it is, nobody signs in, others notice nothing, and
//! resumed the devices go on where they were.

use highwater_wire::{Encoding, Refusal, close, proto};
use proto::{ClientFrame, client_frame::Request, send::To, server_frame::Body};
use serde_json::Value;

use crate::support::{Home, Person, Replica, Server, Wire, http, requests};

async fn suspend(server: &Server, user: &str, suspended: bool) -> u16 {
    let body = serde_json::json!({ "user": user, "suspended": suspended }).to_string();
    server.operate("POST", "/v1/suspend", &body).await.status
}

async fn over_http(server: &Server, token: &str, snapshot: &[u8], request: Request) -> http::Answer {
    let snapshot = snapshot.to_vec().into();
    let frame = ClientFrame { request_id: 1, snapshot, request: Some(request) };
    http::post(server.client(), Encoding::Binary, Some(token), &frame).await
}

fn error(answer: &http::Answer) -> (u16, u32, bool) {
    match answer.frame(Encoding::Binary).body {
        Some(Body::Error(error)) => (answer.status, error.code, error.retry),
        other => panic!("no error: {other:?}"),
    }
}

/// What a suspended device is told over HTTP, whatever it asks.
const SUSPENDED: (u16, u32, bool) = (403, Refusal::AccountSuspended.code(), false);

async fn is_out(server: &Server, person: &Person) {
    for device in &person.devices {
        let mut wire = Wire::connect(server, Encoding::Binary).await;
        requests::refused(
            &mut wire,
            Request::Hello(requests::hello(&device.token)),
            Refusal::AccountSuspended,
        )
        .await;
        let end = wire.closed_with().await;
        assert_eq!(end, (close::UNAUTHENTICATED, close::ACCOUNT_SUSPENDED.to_owned()));
        for request in [requests::heartbeat(), requests::sync(), Request::SignOut(proto::SignOut {})] {
            assert_eq!(error(&over_http(server, &device.token, &[], request).await), SUSPENDED);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_device_is_out_at_once_and_goes_on_where_it_was() {
    let home = Home::dev();
    let server = home.start();
    let [ann, bob] = server.people(3).await;
    let mut bobs = Wire::greeted(&server, bob.token()).await;
    let day = requests::today(&mut bobs).await;
    let mut sockets = Vec::new();
    for context in 0..3 {
        let hello = proto::Hello { context, ..requests::hello(&ann.devices[0].token) };
        sockets.push(Wire::greeted_with(&server, Encoding::Json, hello).await.0);
    }
    let mut replica = Replica::default();
    let mut second = Wire::greeted(&server, &ann.devices[1].token).await;
    requests::sent(&mut bobs, requests::send(To::UserId(ann.user_id), day, "before")).await;
    second.sync(&mut replica).await;
    sockets.push(second);
    let mut polled = Replica::default();
    Wire::greeted(&server, &ann.devices[2].token).await.sync(&mut polled).await;
    let poll = Request::Sync(proto::Sync { limit: 0, wait_ms: 15_000 });
    let waiting = over_http(&server, &ann.devices[2].token, &polled.snapshot, poll);
    let (answer, status) = tokio::join!(waiting, suspend(&server, &ann.name, true));
    assert_eq!((error(&answer), status), (SUSPENDED, 204), "a poll that waits ends");
    for socket in &mut sockets {
        let end = socket.closed_with().await;
        assert_eq!(end, (close::UNAUTHENTICATED, close::ACCOUNT_SUSPENDED.to_owned()));
    }
    is_out(&server, &ann).await;
    // Others are told nothing of it, and nothing of what they say is lost.
    let Body::User(found) = bobs.ask(requests::find_user(&ann.name)).await else { panic!("not found") };
    assert_eq!(found.user_id, ann.user_id);
    requests::sent(&mut bobs, requests::send(To::UserId(ann.user_id), day, "meanwhile")).await;

    server.kill();
    let server = home.start();
    is_out(&server, &ann).await;
    assert_eq!(suspend(&server, &ann.name, false).await, 204);
    let mut back = Wire::greeted(&server, &ann.devices[1].token).await;
    back.sync(&mut replica).await;
    assert_eq!(replica.all_texts(), ["before", "meanwhile"], "the chain goes on");
    let day = requests::today(&mut back).await;
    requests::sent(&mut back, requests::send(To::UserId(bob.user_id), day, "after")).await;
    for device in &ann.devices {
        Wire::greeted(&server, &device.token).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_signs_in_to_a_suspended_account_and_strangers_cannot_tell() {
    const PASSWORD: &str = "correct horse";
    let home = Home::dev();
    let server = home.start();
    let mut wire = Wire::connect(&server, Encoding::Binary).await;
    let Body::SignedIn(first) = wire.ask(requests::register("ann", PASSWORD, "")).await else { panic!() };
    assert_eq!(suspend(&server, &first.user_id.to_string(), true).await, 204);
    assert_eq!(suspend(&server, "ann", true).await, 204, "once more is no fault");
    requests::refused(&mut wire, requests::sign_in("ann", PASSWORD), Refusal::AccountSuspended).await;
    let wrong = wire.ask(requests::sign_in("ann", "wrong horse")).await;
    assert_eq!(wrong, wire.ask(requests::sign_in("nobody", "wrong horse")).await);
    requests::refused(&mut wire, requests::register("Ann", PASSWORD, ""), Refusal::NameTaken).await;
    assert_eq!(suspend(&server, "ann", false).await, 204);
    let Body::SignedIn(second) = wire.ask(requests::sign_in("ann", PASSWORD)).await else { panic!() };
    let mut devices = Wire::greeted(&server, &first.token).await;
    let Body::DeviceList(list) = devices.ask(Request::ListDevices(proto::ListDevices {})).await else {
        panic!("no list")
    };
    let listed: Vec<u64> = list.devices.iter().map(|device| device.device_id).collect();
    assert_eq!(listed, [first.device_id, second.device_id]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_is_its_owners_whoever_has_its_digits_for_a_name() {
    let home = Home::dev();
    let server = home.start();
    let [victim] = server.people(1).await;
    let digits = victim.user_id.to_string();
    let mut wire = Wire::connect(&server, Encoding::Binary).await;
    let registered = wire.ask(requests::register(&digits, "correct horse", "")).await;
    let Body::SignedIn(impostor) = registered else { panic!("not registered") };
    assert_eq!(suspend(&server, &digits, true).await, 204);
    is_out(&server, &victim).await;
    Wire::greeted(&server, &impostor.token).await;
    assert_eq!(suspend(&server, &impostor.user_id.to_string(), true).await, 204);
    requests::refused(&mut wire, requests::sign_in(&digits, "correct horse"), Refusal::AccountSuspended)
        .await;
}

/// `highwater …` on the server's data.
fn command(home: &Home, arguments: &[&str]) -> std::process::Output {
    let mut command = Home::bare_command();
    command.args(arguments).arg("--data").arg(home.data());
    tokio::task::block_in_place(|| command.output()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_suspends_and_resumes_and_explain_says_so() {
    let home = Home::dev();
    let server = home.start();
    let [ann] = server.people(2).await;
    let mut wire = Wire::greeted(&server, ann.token()).await;
    let explained = || String::from_utf8(command(&home, &["explain", "user", &ann.name]).stdout).unwrap();
    assert!(!explained().contains("suspended"), "{}", explained());
    let nobody = command(&home, &["admin", "suspend", "nobody"]);
    assert!(!nobody.status.success());
    assert!(String::from_utf8_lossy(&nobody.stderr).contains("there is no such user"), "{nobody:?}");
    assert!(command(&home, &["admin", "suspend", &ann.name]).status.success());
    assert_eq!(wire.closed_with().await.1, close::ACCOUNT_SUSPENDED);
    assert!(explained().contains("\nsuspended: no device is let in"), "{}", explained());
    let metrics = server.operate("GET", "/metrics", "").await.text();
    assert!(metrics.contains("highwater_devices_suspended_total 2\n"), "{metrics}");
    assert!(command(&home, &["admin", "resume", &ann.name]).status.success());
    Wire::greeted(&server, ann.token()).await;
    let body = format!(r#"{{"user":"{}"}}"#, ann.name);
    let seen: Value =
        serde_json::from_str(&server.operate("POST", "/v1/explain/user", &body).await.text()).unwrap();
    assert_eq!(seen["suspended"], false);
    let headers = [("authorization", "Bearer wrong"), ("content-type", "application/json")];
    let body = format!(r#"{{"user":"{}","suspended":true}}"#, ann.name);
    let stranger = http::exchange(server.operator(), "POST", "/v1/suspend", &headers, body.as_bytes()).await;
    assert_eq!(stranger.status, 401, "{stranger:?}");
    Wire::greeted(&server, ann.token()).await;
}
