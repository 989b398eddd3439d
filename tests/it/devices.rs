//! Listing and ending devices: a device that is ended is out at once, its connection and its token.

use highwater_wire::{Encoding, Refusal, close, proto};
use proto::{client_frame::Request, end_device::Which, send::To, server_frame::Body};

use crate::support::{Home, Person, Replica, Server, Wire, requests};

fn end(which: Which) -> Request {
    Request::EndDevice(proto::EndDevice { which: Some(which) })
}

async fn listed(wire: &mut Wire) -> Vec<(u64, bool)> {
    match wire.ask(Request::ListDevices(proto::ListDevices {})).await {
        Body::DeviceList(list) => {
            list.devices.iter().map(|device| (device.device_id, device.current)).collect()
        }
        other => panic!("no list: {other:?}"),
    }
}

async fn is_dead(server: &Server, token: &str) {
    let mut wire = Wire::connect(server, Encoding::Binary).await;
    requests::refused(&mut wire, Request::Hello(requests::hello(token)), Refusal::InvalidToken).await;
}

/// A connection of each device of a person.
async fn connected(server: &Server, person: &Person) -> Vec<Wire> {
    let mut wires = Vec::new();
    for device in &person.devices {
        wires.push(Wire::greeted(server, &device.token).await);
    }
    wires
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_tells_names_classes_and_which_one_asks() {
    let home = Home::dev();
    let server = home.start();
    let mut wire = Wire::connect(&server, Encoding::Binary).await;
    let Body::SignedIn(first) = wire.ask(requests::register("ann", "correct horse", "")).await else {
        panic!()
    };
    let phone = proto::SignIn {
        name: "ann".to_owned(),
        password: "correct horse".to_owned(),
        in_place_of: 0,
        device: Some(proto::DeviceInfo {
            name: "ü".repeat(100),
            device_class: proto::DeviceClass::Phone.into(),
        }),
    };
    let Body::SignedIn(second) = wire.ask(Request::SignIn(phone)).await else { panic!() };
    let mut wire = Wire::greeted(&server, &second.token).await;
    let Body::DeviceList(list) = wire.ask(Request::ListDevices(proto::ListDevices {})).await else {
        panic!()
    };
    let [one, two] = list.devices.try_into().unwrap();
    assert_eq!(
        (one.device_id, one.name.as_str(), one.device_class(), one.current),
        (first.device_id, "test", proto::DeviceClass::Desktop, false)
    );
    assert_eq!(
        (two.device_id, two.device_class(), two.current),
        (second.device_id, proto::DeviceClass::Phone, true)
    );
    assert_eq!(two.name, "ü".repeat(32), "a name too long is cut between letters");
    assert!(one.created_ms > 1_700_000_000_000 && one.created_ms <= two.created_ms);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ended_device_is_out_at_once() {
    let home = Home::dev();
    let server = home.start();
    let [ann] = server.people(3).await;
    let mut wires = connected(&server, &ann).await;
    let ended = ann.devices[1].device_id;
    assert!(matches!(wires[0].ask(end(Which::DeviceId(ended))).await, Body::Done(_)));
    assert_eq!(wires[1].closed().await, close::UNAUTHENTICATED);
    is_dead(&server, &ann.devices[1].token).await;
    let left = listed(&mut wires[0]).await;
    assert_eq!(left, [(ann.devices[0].device_id, true), (ann.devices[2].device_id, false)]);
    requests::today(&mut wires[2]).await;
    requests::refused(&mut wires[0], end(Which::DeviceId(ended)), Refusal::NoSuchDevice).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_connections_of_an_ended_device_close() {
    let home = Home::dev();
    let server = home.start();
    let [ann] = server.people(2).await;
    let mut contexts = Vec::new();
    for context in 0..4 {
        let hello = proto::Hello { context, ..requests::hello(&ann.devices[1].token) };
        contexts.push(Wire::greeted_with(&server, Encoding::Json, hello).await.0);
    }
    let mut wire = Wire::greeted(&server, ann.token()).await;
    wire.ask(end(Which::DeviceId(ann.devices[1].device_id))).await;
    for mut context in contexts {
        assert_eq!(context.closed().await, close::UNAUTHENTICATED);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn all_others_are_ended_and_the_one_that_asks_stays() {
    let home = Home::dev();
    let server = home.start();
    let [ann, bob] = server.people(4).await;
    let mut wires = connected(&server, &ann).await;
    let mut bobs = connected(&server, &bob).await;
    assert!(matches!(wires[2].ask(end(Which::AllOthers(true))).await, Body::Done(_)));
    for place in [0, 1, 3] {
        assert_eq!(wires[place].closed().await, close::UNAUTHENTICATED);
        is_dead(&server, &ann.devices[place].token).await;
    }
    assert_eq!(listed(&mut wires[2]).await, [(ann.devices[2].device_id, true)]);
    for wire in &mut bobs {
        requests::today(wire).await;
    }
    // Nobody is left to be ended, and that is no fault.
    assert!(matches!(wires[2].ask(end(Which::AllOthers(true))).await, Body::Done(_)));
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_out_ends_the_device_that_asks() {
    let home = Home::dev();
    let server = home.start();
    let [ann] = server.people(2).await;
    let mut wires = connected(&server, &ann).await;
    wires[0].post(Request::SignOut(proto::SignOut {})).await;
    assert_eq!(wires[0].closed().await, close::UNAUTHENTICATED);
    is_dead(&server, ann.token()).await;
    assert_eq!(listed(&mut wires[1]).await, [(ann.devices[1].device_id, true)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_ended_device_sent_before_stands_and_nothing_after() {
    let home = Home::dev();
    let server = home.start();
    let [ann, bob] = server.people(2).await;
    let mut wires = connected(&server, &ann).await;
    let day = requests::today(&mut wires[0]).await;
    // The end and many sends race; what was acknowledged stands, what was not does not.
    let mut posted = Vec::new();
    for n in 0..60 {
        let send = requests::send(To::UserId(bob.user_id), day, &n.to_string());
        posted.push(wires[1].post(Request::Send(send)).await);
    }
    wires[0].ask(end(Which::DeviceId(ann.devices[1].device_id))).await;
    assert_eq!(wires[1].closed().await, close::UNAUTHENTICATED);
    let after_end = crate::support::dump(&server, bob.token()).await;
    requests::sent(&mut wires[0], requests::send(To::UserId(bob.user_id), day, "from the other")).await;
    let at_last = crate::support::dump(&server, bob.token()).await;
    assert_eq!(at_last.entries.len(), after_end.entries.len() + 1, "nothing came after the end");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_device_too_many_ends_the_oldest() {
    let home = Home::dev();
    let server = home.start();
    let mut wire = Wire::connect(&server, Encoding::Binary).await;
    let Body::SignedIn(first) = wire.ask(requests::register("ann", "correct horse", "")).await else {
        panic!()
    };
    let mut oldest = Wire::greeted(&server, &first.token).await;
    let mut last = first.clone();
    for _ in 0..32 {
        let Body::SignedIn(next) = wire.ask(requests::sign_in("ann", "correct horse")).await else {
            panic!()
        };
        last = next;
    }
    assert_eq!(oldest.closed().await, close::UNAUTHENTICATED);
    is_dead(&server, &first.token).await;
    let mut newest = Wire::greeted(&server, &last.token).await;
    assert_eq!(listed(&mut newest).await.len(), 32);
    newest.sync(&mut Replica::default()).await;
}
