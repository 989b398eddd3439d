//! A sync over HTTP that waits for something new.

use std::time::{Duration, Instant};

use highwater_wire::{Encoding, proto};
use proto::{ClientFrame, client_frame::Request, send::To, server_frame::Body};

use crate::support::{Home, Replica, Server, Wire, eventually, http, requests};

/// Longer than any test takes: whoever waits so long was not woken.
const LONG_MS: u32 = 15_000;

async fn poll(server: &Server, token: &str, snapshot: Vec<u8>, wait_ms: u32) -> http::Answer {
    let frame = ClientFrame {
        request_id: 1,
        snapshot: snapshot.into(),
        request: Some(Request::Sync(proto::Sync { limit: 0, wait_ms })),
    };
    http::post(server.client(), Encoding::Binary, Some(token), &frame).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poll_ends_with_the_news_and_with_nothing_else() {
    let home = Home::dev();
    let server = home.start();
    let [ann, bob] = server.people(1).await;
    let (mut wire, mut replica) = (Wire::greeted(&server, ann.token()).await, Replica::default());
    let day = requests::today(&mut wire).await;
    wire.sync(&mut replica).await;
    wire.close().await;
    let mut bob_wire = Wire::greeted(&server, bob.token()).await;
    for text in ["first", "second", "third"] {
        let waiting = poll(&server, ann.token(), replica.snapshot.clone(), LONG_MS);
        let writing = async {
            // News of others wake nobody.
            requests::sent(&mut bob_wire, requests::send(To::UserId(bob.user_id), day, text)).await;
            requests::sent(&mut bob_wire, requests::send(To::UserId(ann.user_id), day, text)).await;
        };
        let (answer, ()) = tokio::join!(waiting, writing);
        let Some(Body::Page(page)) = answer.frame(Encoding::Binary).body else { panic!("{answer:?}") };
        assert!(replica.take(&page, true));
        assert_eq!(page.entries.len(), 1, "{page:?}");
        assert_eq!(requests::text_of(&page.entries[0]), text);
    }
    // What is there already is not waited for, and nothing new is small.
    assert_eq!(poll(&server, ann.token(), Vec::new(), LONG_MS).await.status, 200);
    let began = Instant::now();
    let nothing = poll(&server, ann.token(), replica.snapshot.clone(), 300).await;
    assert!(began.elapsed() >= Duration::from_millis(300));
    assert_eq!((nothing.status, nothing.body.len()), (204, 0), "{nothing:?}");
    assert!(nothing.bytes() <= 150, "{} bytes: {nothing:?}", nothing.bytes());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poll_ends_with_its_device_and_with_the_server() {
    let home = Home::dev();
    let server = home.start();
    let [ann] = server.people(2).await;
    let mut snapshots = Vec::new();
    for device in &ann.devices {
        let (mut wire, mut replica) = (Wire::greeted(&server, &device.token).await, Replica::default());
        wire.sync(&mut replica).await;
        snapshots.push(replica.snapshot);
    }
    let mut other = Wire::greeted(&server, ann.token()).await;
    let waiting = poll(&server, &ann.devices[1].token, snapshots[1].clone(), LONG_MS);
    let ending = async {
        let which = proto::end_device::Which::DeviceId(ann.devices[1].device_id);
        let end = Request::EndDevice(proto::EndDevice { which: Some(which) });
        assert!(matches!(other.ask(end).await, Body::Done(_)));
    };
    let (answer, ()) = tokio::join!(waiting, ending);
    assert_eq!(answer.status, 401, "{answer:?}");

    let waiting = poll(&server, ann.token(), snapshots[0].clone(), LONG_MS);
    let stopping = async {
        // Its connection is open before the server is asked to stop.
        tokio::time::sleep(Duration::from_millis(300)).await;
        server.begin_to_stop();
    };
    let (answer, ()) = tokio::join!(waiting, stopping);
    assert_eq!(answer.status, 204, "{answer:?}");
    let stopped = server.stopped();
    assert!(stopped.status.success() && stopped.took < Duration::from_secs(5), "{stopped:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn any_request_over_http_hands_back_and_what_is_not_its_own_hands_back_nothing() {
    let home = Home::dev();
    let server = home.start();
    let [ann, bob] = server.people(1).await;
    let mut replica = Replica::default();
    let mut bob_wire = Wire::greeted(&server, bob.token()).await;
    let day = requests::today(&mut bob_wire).await;
    requests::sent(&mut bob_wire, requests::send(To::UserId(ann.user_id), day, "hello")).await;
    let page = poll(&server, ann.token(), Vec::new(), 0).await.frame(Encoding::Binary).body;
    let Some(Body::Page(page)) = page else { panic!("no page") };
    assert!(replica.take(&page, true));
    let beat = |token: &str, snapshot: &[u8]| {
        let (token, snapshot) = (token.to_owned(), snapshot.to_vec());
        let frame =
            ClientFrame { request_id: 1, snapshot: snapshot.into(), request: Some(requests::heartbeat()) };
        let client = server.client();
        async move { http::post(client, Encoding::Binary, Some(&token), &frame).await }
    };
    let acked = || async {
        let body = format!(r#"{{"user":"{}"}}"#, ann.name);
        let explained = server.operate("POST", "/v1/explain/user", &body).await.text();
        let explained: serde_json::Value = serde_json::from_str(&explained).unwrap();
        let acked = explained["lineages"][0]["acked"]["messages"].as_u64().unwrap();
        (acked == explained["messages"]["head"].as_u64().unwrap(), acked)
    };
    assert_eq!(beat(bob.token(), &replica.snapshot).await.status, 200);
    assert_eq!(acked().await, (false, 0), "it was not Bob's to hand back");
    assert_eq!(beat(ann.token(), &replica.snapshot).await.status, 200);
    eventually("the marks are stored", || async { acked().await.0.then_some(()) }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lineage_waits_once() {
    let home = Home::dev();
    let server = home.start();
    let [ann] = server.people(1).await;
    let (mut wire, mut replica) = (Wire::greeted(&server, ann.token()).await, Replica::default());
    wire.sync(&mut replica).await;
    let began = Instant::now();
    let first = poll(&server, ann.token(), replica.snapshot.clone(), LONG_MS);
    let second = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        poll(&server, ann.token(), replica.snapshot.clone(), 1_000).await
    };
    let (first, second) = tokio::join!(first, second);
    assert_eq!((first.status, second.status), (204, 204));
    assert!(
        began.elapsed() < Duration::from_millis(u64::from(LONG_MS) / 2),
        "the older one ended with the newer"
    );
}
