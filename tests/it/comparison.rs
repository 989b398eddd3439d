//! Sync without snapshots, over HTTP where the operator allows it: it ends in the same state as the sync with them.

use std::collections::BTreeMap;

use highwater_wire::{Encoding, Refusal, proto};
use proto::{ClientFrame, client_frame::Request, send::To, server_frame::Body};

use crate::support::{Home, Server, Wire, dump, http, requests, wire::assert_refused};

const ALLOWED: &str = "[server]\ndev = true\n[client]\ncompares = true\n";

fn frame(request: Request) -> ClientFrame {
    ClientFrame { request_id: 9, request: Some(request), ..Default::default() }
}

async fn today(wire: &mut Wire) -> u32 {
    let Body::Heartbeat(answer) = wire.ask(requests::heartbeat()).await else { panic!("no heartbeat") };
    answer.day
}

/// The same without the header that names a level: at level 1.
async fn compare_at_level_one(server: &Server, token: &str, wanted: proto::Compare) -> proto::Difference {
    let bearer = format!("Bearer {token}");
    let headers = [("Content-Type", Encoding::Json.content_type()), ("Authorization", bearer.as_str())];
    let body = Encoding::Json.encode(&frame(Request::Compare(wanted)));
    let answer = http::exchange(server.client(), "POST", "/v1/request", &headers, &body).await;
    match answer.frame(Encoding::Json).body {
        Some(Body::Difference(told)) => told,
        other => panic!("not compared but {other:?}"),
    }
}

async fn compare(server: &Server, encoding: Encoding, token: &str, wanted: proto::Compare) -> Body {
    let answer = http::post(server.client(), encoding, Some(token), &frame(Request::Compare(wanted))).await;
    answer.frame(encoding).body.unwrap()
}

/// Compares until there is no more, a few at a time: items by kind and key, texts by conversation and seq.
async fn everything(
    server: &Server,
    encoding: Encoding,
    token: &str,
) -> (BTreeMap<(u32, String), String>, BTreeMap<(u64, u64), String>) {
    let mut says = proto::Compare { limit: 3, ..Default::default() };
    let (mut items, mut texts) = (BTreeMap::new(), BTreeMap::new());
    for _ in 0..100 {
        let Body::Difference(told) = compare(server, encoding, token, says.clone()).await else {
            panic!("not compared")
        };
        for told in told.items {
            let item = told.item.unwrap();
            says.items.push(proto::HeldItem {
                kind: item.kind,
                key: item.key.clone(),
                version: told.version,
            });
            items.insert((item.kind, item.key), item.value);
        }
        for told in told.entries {
            let entry = told.entry.unwrap();
            let (conversation_id, seq) = (entry.conversation_id, entry.seq);
            says.entries.push(proto::HeldEntry { conversation_id, seq, version: told.version });
            texts.insert((conversation_id, seq), requests::text_of(&entry));
        }
        if !told.more {
            return (items, texts);
        }
    }
    panic!("a comparison has no end")
}

#[tokio::test(flavor = "multi_thread")]
async fn both_ways_of_syncing_end_in_the_same_state() {
    let home = Home::new(ALLOWED, &[]);
    let server = home.start();
    let [ann, bob] = server.people(1).await;
    let mut wire = Wire::greeted(&server, ann.token()).await;
    for number in 0..10 {
        let send = requests::send(To::UserId(bob.user_id), today(&mut wire).await, &format!("text {number}"));
        assert!(matches!(wire.ask(Request::Send(send)).await, Body::Sent(_)));
    }
    let by_snapshot = dump(&server, bob.token()).await;
    for encoding in [Encoding::Binary, Encoding::Json] {
        let (items, texts) = everything(&server, encoding, bob.token()).await;
        assert_eq!(items, by_snapshot.items);
        let mut texts: Vec<_> = texts.into_values().collect();
        let mut expected = by_snapshot.all_texts();
        texts.sort();
        expected.sort();
        assert_eq!(texts, expected);
    }
    // What nobody has is deleted; of what is held as it is nothing is said.
    let stale = proto::HeldItem { kind: 2, key: "12".to_owned(), version: 3 };
    let wanted = proto::Compare { items: vec![stale.clone()], ..Default::default() };
    let Body::Difference(told) = compare(&server, Encoding::Json, bob.token(), wanted).await else {
        panic!()
    };
    assert_eq!(told.deletes, [proto::HeldItem { version: 0, ..stale }]);
    assert_eq!((told.items.len(), told.entries.len(), told.more), (3, 10, false));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_that_is_a_contact_to_the_client_is_not_deleted() {
    let home = Home::new(ALLOWED, &[]);
    let server = home.start();
    let [ann, bob] = server.people(1).await;
    let mut wire = Wire::greeted(&server, ann.token()).await;
    let group = super::groups::created(&mut wire, super::groups::create(1, "Tea", &[bob.user_id])).await;
    let told = compare_at_level_one(&server, bob.token(), proto::Compare::default()).await;
    let held = told.items.iter().map(|told| {
        let item = told.item.clone().unwrap();
        proto::HeldItem { kind: item.kind, key: item.key, version: told.version }
    });
    let items: Vec<_> = held.collect();
    let kinds =
        |key: String| items.iter().filter(|item| item.key == key).map(|item| item.kind).collect::<Vec<_>>();
    assert_eq!(kinds(group.to_string()), [2, 3]);
    assert_eq!(told.entries.len(), 1);
    let says = proto::Compare { items: items.clone(), ..Default::default() };
    let again = compare_at_level_one(&server, bob.token(), says.clone()).await;
    assert_eq!((again.items.len(), again.deletes.len()), (0, 0));
    // Who was removed has neither any more.
    super::contacts::done(&mut wire, super::groups::remove(group, bob.user_id)).await;
    let gone = compare_at_level_one(&server, bob.token(), says).await;
    let expected = [2, 3].map(|kind| proto::HeldItem { kind, key: group.to_string(), version: 0 });
    assert_eq!(gone.deletes, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_refused_where_it_is_not_allowed_and_when_it_says_too_much() {
    let home = Home::dev();
    let server = home.start();
    let [ann] = server.people(1).await;
    let refused = compare(&server, Encoding::Json, ann.token(), proto::Compare::default()).await;
    assert_refused(&refused, Refusal::UnknownRequest);
    drop(server);

    let home = Home::new(ALLOWED, &[]);
    let server = home.start();
    let [ann] = server.people(1).await;
    let mut wire = Wire::greeted(&server, ann.token()).await;
    assert_refused(&wire.ask(Request::Compare(proto::Compare::default())).await, Refusal::UnknownRequest);
    // Four thousand items are more than a frame holds: whoever has so many cannot sync this way any more.
    let item = |number: u64| proto::HeldItem { kind: 2, key: number.to_string(), version: number };
    let items = (0..4000).map(|number| item(12_345_678_901_234_567_890 - number)).collect();
    let says = proto::Compare { items, ..Default::default() };
    let refused = compare(&server, Encoding::Binary, ann.token(), says).await;
    assert_refused(&refused, Refusal::FrameTooLarge);
}
