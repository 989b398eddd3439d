//! One device of a class: who signs in ends the other one or is refused, and a device that gave way does nothing more.

use std::time::Duration;

use highwater_sdk::{Event, StopReason};
use highwater_wire::{Encoding, Refusal, close, proto};
use proto::{ClientFrame, DeviceClass, client_frame::Request, send::To, server_frame::Body};
use serde_json::Value;

use crate::support::{Home, Replica, Server, Wire, dump, eventually, http, requests, sdk, within};

const PASSWORD: &str = "correct horse";

/// A home whose configuration ends with this; it begins within `[cleanup]`.
fn home(devices: &str) -> Home {
    let config = format!(
        "[server]\nworkers = 2\n[client]\nheartbeat_ms = 1000\n[storage]\nindex_after_bytes = 4096\n[cleanup]\npause_ms = 100\n\
         {devices}\n"
    );
    Home::new(&config, &["--dev"])
}

fn sign_in(class: DeviceClass, in_place_of: u64) -> Request {
    let device = proto::DeviceInfo { name: "signs in".to_owned(), device_class: class.into() };
    Request::SignIn(proto::SignIn {
        name: "ann".to_owned(),
        password: PASSWORD.to_owned(),
        device: Some(device),
        in_place_of,
    })
}

async fn signed_in(server: &Server, class: DeviceClass, in_place_of: u64) -> proto::SignedIn {
    let mut wire = Wire::connect(server, Encoding::Binary).await;
    match wire.ask(sign_in(class, in_place_of)).await {
        Body::SignedIn(signed_in) => signed_in,
        other => panic!("not signed in: {other:?}"),
    }
}

async fn not_signed_in(server: &Server, class: DeviceClass, in_place_of: u64, refusal: Refusal) {
    let mut wire = Wire::connect(server, Encoding::Binary).await;
    requests::refused(&mut wire, sign_in(class, in_place_of), refusal).await;
}

/// Ann, with a desktop client.
async fn registered(server: &Server) -> proto::SignedIn {
    let mut wire = Wire::connect(server, Encoding::Binary).await;
    match wire.ask(requests::register("ann", PASSWORD, "")).await {
        Body::SignedIn(signed_in) => signed_in,
        other => panic!("not registered: {other:?}"),
    }
}

async fn is_dead(server: &Server, token: &str) {
    let mut wire = Wire::connect(server, Encoding::Binary).await;
    requests::refused(&mut wire, Request::Hello(requests::hello(token)), Refusal::InvalidToken).await;
    assert_eq!(wire.closed_with().await, (close::UNAUTHENTICATED, "invalid_token".to_owned()));
}

async fn explained(server: &Server) -> Value {
    let answer = server.operate("POST", "/v1/explain/user", r#"{"user":"ann"}"#).await;
    serde_json::from_str(&answer.text()).unwrap()
}

fn admin(home: &Home, arguments: &[&str]) -> std::process::Output {
    let mut command = Home::bare_command();
    command.arg("admin").args(arguments).arg("--data").arg(home.data());
    tokio::task::block_in_place(|| command.output()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_second_phone_ends_the_first_wherever_it_is() {
    let home = home("[devices]\nphone = \"replace\"");
    let server = home.start();
    let desk = registered(&server).await;
    let first = signed_in(&server, DeviceClass::Phone, 0).await;
    let mut desk_wire = Wire::greeted(&server, &desk.token).await;
    let mut contexts = Vec::new();
    for context in 0..3 {
        let hello = proto::Hello { context, ..requests::hello(&first.token) };
        contexts.push(Wire::greeted_with(&server, Encoding::Json, hello).await.0);
    }
    let mut replica = Replica::default();
    contexts[0].sync(&mut replica).await;
    let sync = Request::Sync(proto::Sync { limit: 0, wait_ms: 15_000 });
    let poll = ClientFrame { request_id: 1, snapshot: replica.snapshot.clone().into(), request: Some(sync) };
    let waiting = http::post(server.client(), Encoding::Binary, Some(&first.token), &poll);
    let (answer, second) = tokio::join!(waiting, signed_in(&server, DeviceClass::Phone, 0));
    assert_eq!(answer.status, 401, "its waiting poll ends: {answer:?}");
    for mut context in contexts {
        let end = context.closed_with().await;
        assert_eq!(end, (close::UNAUTHENTICATED, close::DEVICE_REPLACED.to_owned()));
    }
    is_dead(&server, &first.token).await;
    let beat = ClientFrame {
        request_id: 1,
        snapshot: replica.snapshot.clone().into(),
        request: Some(requests::heartbeat()),
    };
    let late = http::post(server.client(), Encoding::Binary, Some(&first.token), &beat).await;
    assert_eq!(late.status, 401, "it hands nothing back: {late:?}");

    requests::today(&mut desk_wire).await;
    Wire::greeted(&server, &second.token).await;
    let seen = explained(&server).await;
    let devices: Vec<&str> = seen["lineages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|lineage| lineage["device_id"].as_str().unwrap())
        .collect();
    let metrics = server.operate("GET", "/metrics", "").await.text();
    assert!(metrics.contains("highwater_devices_replaced_total 1\n"), "{metrics}");
    assert_eq!(devices, [desk.device_id.to_string(), second.device_id.to_string()], "{seen}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_was_ended_hears_another_reason() {
    let home = home("[devices]\nphone = \"replace\"");
    let server = home.start();
    let desk = registered(&server).await;
    let phone = signed_in(&server, DeviceClass::Phone, 0).await;
    let mut phone_wire = Wire::greeted(&server, &phone.token).await;
    let mut desk_wire = Wire::greeted(&server, &desk.token).await;
    let which = proto::end_device::Which::DeviceId(phone.device_id);
    desk_wire.ask(Request::EndDevice(proto::EndDevice { which: Some(which) })).await;
    let end = phone_wire.closed_with().await;
    assert_eq!(end, (close::UNAUTHENTICATED, close::DEVICE_ENDED.to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn cleanup_no_longer_waits_for_a_device_that_gave_way() {
    let home = home("[devices]\nphone = \"replace\"");
    let server = home.start();
    let desk = registered(&server).await;
    signed_in(&server, DeviceClass::Phone, 0).await;
    let (mut wire, mut replica) = (Wire::greeted(&server, &desk.token).await, Replica::default());
    let day = requests::today(&mut wire).await;
    requests::sent(&mut wire, requests::send(To::UserId(desk.user_id), day, "note")).await;
    wire.sync(&mut replica).await;
    let beat = wire.post_with(replica.snapshot.clone(), requests::heartbeat()).await;
    wire.answer(beat).await;
    let head = eventually("the desk has everything", || async {
        let seen = explained(&server).await;
        let head = seen["messages"]["head"].as_u64().unwrap();
        assert_eq!(seen["messages"]["floor"], 0, "the phone holds back: {seen}");
        (seen["lineages"][0]["acked"]["messages"] == head).then_some(head)
    })
    .await;
    // The next one begins at the head, so nobody lacks anything.
    signed_in(&server, DeviceClass::Phone, 0).await;
    let seen = explained(&server).await;
    assert_eq!(seen["messages"]["floor"], head, "{seen}");
    assert!(seen["messages"]["held_by"].is_null(), "{seen}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_displaced_device_sent_before_stands_and_nothing_after() {
    let home = home("[devices]\nphone = \"replace\"");
    let server = home.start();
    let desk = registered(&server).await;
    let first = signed_in(&server, DeviceClass::Phone, 0).await;
    let mut phone = Wire::greeted(&server, &first.token).await;
    let day = requests::today(&mut phone).await;
    let note = |text: &str| requests::send(To::UserId(desk.user_id), day, text);
    let sending = async {
        let mut posted = Vec::new();
        // Until the server closes: some before, some after the sign-in.
        for n in 0..400 {
            posted.push(phone.post(Request::Send(note(&n.to_string()))).await);
            if n % 50 == 49 {
                tokio::task::yield_now().await;
            }
        }
        assert_eq!(phone.closed().await, close::UNAUTHENTICATED);
        posted.into_iter().filter_map(|id| phone.take_answer(id)).collect::<Vec<_>>()
    };
    let (answers, _) = tokio::join!(sending, signed_in(&server, DeviceClass::Phone, 0));
    let after = dump(&server, &desk.token).await;
    let stands = |answer: &&Body| matches!(answer, Body::Sent(_));
    assert!(after.entries.len() >= answers.iter().filter(stands).count(), "what was acknowledged stands");
    let mut wire = Wire::greeted(&server, &desk.token).await;
    requests::sent(&mut wire, note("from the desk")).await;
    let at_last = dump(&server, &desk.token).await;
    assert_eq!(at_last.entries.len(), after.entries.len() + 1, "nothing came after the end");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_sign_ins_at_the_same_moment_one_is_live() {
    const AT_ONCE: usize = 5;
    for (rule, taken) in [("replace", AT_ONCE), ("refuse", 1)] {
        let home = home(&format!("[devices]\nphone = \"{rule}\""));
        let server = home.start();
        registered(&server).await;
        let one = || async {
            let mut wire = Wire::connect(&server, Encoding::Binary).await;
            match wire.ask(sign_in(DeviceClass::Phone, 0)).await {
                Body::SignedIn(signed_in) => Some(signed_in.token),
                Body::Error(error) if error.code == Refusal::DeviceClassTaken.code() => None,
                other => panic!("{other:?}"),
            }
        };
        let all = futures_util::future::join_all((0..AT_ONCE).map(|_| one())).await;
        let tokens: Vec<String> = all.into_iter().flatten().collect();
        assert_eq!(tokens.len(), taken, "{rule}");
        let mut live = 0;
        for token in tokens {
            let mut wire = Wire::connect(&server, Encoding::Binary).await;
            let hello = Request::Hello(requests::hello(&token));
            live += usize::from(matches!(wire.ask(hello).await, Body::Greeting(_)));
        }
        assert_eq!(live, 1, "{rule}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phone_is_refused_while_another_is_live_and_nobody_is_locked_out_for_good() {
    let home = home("[devices]\nphone = \"refuse\"\ntablet = \"refuse\"");
    let server = home.start();
    registered(&server).await;
    let first = signed_in(&server, DeviceClass::Phone, 0).await;
    not_signed_in(&server, DeviceClass::Phone, 0, Refusal::DeviceClassTaken).await;
    not_signed_in(&server, DeviceClass::Phone, 4711, Refusal::DeviceClassTaken).await;
    signed_in(&server, DeviceClass::Tablet, 0).await;
    let request = Some(sign_in(DeviceClass::Phone, 0));
    let frame = ClientFrame { request_id: 1, request, ..ClientFrame::default() };
    assert_eq!(http::post(server.client(), Encoding::Json, None, &frame).await.status, 409);

    // The installation that lost its token knows which device it was.
    let mut wire = Wire::greeted(&server, &first.token).await;
    let again = signed_in(&server, DeviceClass::Phone, first.device_id).await;
    assert_eq!(wire.closed_with().await.1, close::DEVICE_REPLACED);
    not_signed_in(&server, DeviceClass::Phone, first.device_id, Refusal::DeviceClassTaken).await;

    // A phone that is lost is ended by the operator.
    let mut wire = Wire::greeted(&server, &again.token).await;
    let wrong = admin(&home, &["end-device", "ann", &first.device_id.to_string()]);
    assert!(!wrong.status.success());
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("there is no such device"), "{wrong:?}");
    let ended = admin(&home, &["end-device", "ann", &again.device_id.to_string()]);
    assert!(ended.status.success(), "{ended:?}");
    assert_eq!(wire.closed_with().await.1, close::DEVICE_ENDED);
    signed_in(&server, DeviceClass::Phone, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phone_that_was_silent_for_too_long_refuses_nobody() {
    let home = home("lineage_expiry_s = 3\n[devices]\nphone = \"refuse\"");
    let server = home.start();
    registered(&server).await;
    let lost = signed_in(&server, DeviceClass::Phone, 0).await;
    let came = eventually("a silent phone gives way", || async {
        let mut wire = Wire::connect(&server, Encoding::Binary).await;
        match wire.ask(sign_in(DeviceClass::Phone, 0)).await {
            Body::SignedIn(signed_in) => Some(signed_in),
            Body::Error(error) => {
                assert_eq!(error.code, Refusal::DeviceClassTaken.code());
                tokio::time::sleep(Duration::from_millis(300)).await;
                None
            }
            other => panic!("{other:?}"),
        }
    })
    .await;
    is_dead(&server, &lost.token).await;
    Wire::greeted(&server, &came.token).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn provisioning_and_the_number_of_devices_obey_the_policy() {
    let home = home("[devices]\nphone = \"replace\"\ndevices_max = 2\nwhen_full = \"refuse\"");
    let server = home.start();
    for (devices, class, status, name) in [
        (2, "phone", 409, "device_class_taken"),
        (3, "desktop", 409, "too_many_devices"),
        (1, "fridge", 400, "invalid_field"),
        (1, "phone", 200, ""),
        (2, "desktop", 200, ""),
    ] {
        let body = format!(r#"{{"users":1,"devices":{devices},"prefix":"{class}","class":"{class}"}}"#);
        let answer = server.operate("POST", "/v1/provision", &body).await;
        assert_eq!(answer.status, status, "{class}: {answer:?}");
        assert!(answer.text().contains(name), "{answer:?}");
        let made = answer.text().lines().filter(|line| line.contains("token")).count();
        assert_eq!(made, if status == 200 { devices } else { 0 });
    }
    registered(&server).await;
    let phone = signed_in(&server, DeviceClass::Phone, 0).await;
    not_signed_in(&server, DeviceClass::Tablet, 0, Refusal::TooManyDevices).await;
    signed_in(&server, DeviceClass::Tablet, phone.device_id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sdk_says_that_its_place_was_taken_and_does_not_come_back() {
    let home = home("[devices]\nphone = \"replace\"");
    let server = home.start();
    registered(&server).await;
    let first = signed_in(&server, DeviceClass::Phone, 0).await;
    let client = sdk::caught_up(&server, &first.token).await;
    let mut events = client.events();
    signed_in(&server, DeviceClass::Phone, 0).await;
    let heard = within("the end", async {
        let mut heard = Vec::new();
        loop {
            heard.push(events.recv().await.unwrap());
            if matches!(heard.last(), Some(Event::Stopped { .. })) {
                return heard;
            }
        }
    })
    .await;
    let [.., Event::DeviceReplaced, Event::Stopped { reason: StopReason::DeviceReplaced }] = &heard[..]
    else {
        panic!("{heard:?}")
    };
    assert!(!heard.iter().any(|event| matches!(event, Event::Connected { .. } | Event::TokenInvalid)));
}
