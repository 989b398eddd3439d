//! A kind that no client has heard of: an operator names it in the configuration and puts its items there, and the real
//! client, unchanged, has them by sync.

use highwater_wire::{Encoding, kind};
use serde_json::json;

use crate::support::{Home, Replica, Server, Wire, dump, eventually, requests, sdk};

const NOTES: u32 = 5;
const CONFIG: &str = "[server]\ndev = true\n[[kinds]]\nnumber = 5\nname = \"notes\"\n";

async fn put(server: &Server, user: u64, key: &str, value: Option<serde_json::Value>) {
    let mut body = json!({"user_id": user.to_string(), "kind": NOTES, "key": key});
    if let Some(value) = value {
        body["value"] = value;
    }
    let answer = server.operate("PUT", "/v1/documents", &body.to_string()).await;
    assert_eq!(answer.status, 204, "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unchanged_client_has_the_items_of_a_new_kind() {
    let home = Home::new(CONFIG, &[]);
    let server = home.start();
    let [ann, bob] = server.people(2).await;
    let client = sdk::caught_up(&server, ann.token()).await;
    let greeting = client.status().greeting.unwrap();
    let kinds: Vec<_> = greeting.kinds.iter().map(|kind| (kind.number, kind.name.as_str())).collect();
    assert_eq!(kinds, [(1, "account"), (2, "contacts"), (3, "conversations"), (5, "notes"), (4, "messages")]);

    // Made, changed and deleted while the client is connected: it is told each time and fetches.
    put(&server, ann.user_id, "list", Some(json!({"title": "Milk", "ticks": [1, 2]}))).await;
    let has = |expected: Option<serde_json::Value>| {
        sdk::wait_for(&client, "the note", move |store| {
            let note = store.item(NOTES, "list").unwrap();
            (note.map(|note| serde_json::from_str::<serde_json::Value>(&note).unwrap()) == expected)
                .then_some(())
        })
    };
    has(Some(json!({"title": "Milk", "ticks": [1, 2]}))).await;
    put(&server, ann.user_id, "list", Some(json!("just text"))).await;
    has(Some(json!("just text"))).await;
    put(&server, ann.user_id, "list", Some(serde_json::Value::Null)).await;
    has(Some(serde_json::Value::Null)).await;
    put(&server, ann.user_id, "list", None).await;
    has(None).await;

    // Another device that comes later, and a device that was away, end in the same state.
    put(&server, ann.user_id, "kept", Some(json!(7))).await;
    put(&server, ann.user_id, "gone", Some(json!(8))).await;
    put(&server, ann.user_id, "gone", None).await;
    let later = sdk::caught_up(&server, &ann.devices[1].token).await;
    for client in [&client, &later] {
        let notes = sdk::wait_for(client, "the kept note", |store| {
            let notes = store.items(NOTES).unwrap();
            notes.iter().any(|note| note.key == "kept").then_some(notes)
        })
        .await;
        assert_eq!(notes.len(), 1, "{notes:?}");
    }
    let others = dump(&server, bob.token()).await;
    assert!(others.items.keys().all(|(kind, _)| *kind != NOTES), "nobody else's notes: {others:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deletion_reaches_a_device_that_was_away_as_a_tombstone() {
    let home = Home::new(CONFIG, &[]);
    let server = home.start();
    let [ann] = server.people(1).await;
    put(&server, ann.user_id, "list", Some(json!("milk"))).await;
    let mut replica = Replica::default();
    let mut wire = Wire::greeted(&server, ann.token()).await;
    wire.sync(&mut replica).await;
    assert!(replica.items.contains_key(&(NOTES, "list".to_owned())));
    wire.close().await;
    put(&server, ann.user_id, "list", None).await;
    server.kill();
    let server = home.start();
    let mut wire = Wire::greeted(&server, ann.token()).await;
    let pages = wire.sync(&mut replica).await;
    assert!(pages[0].rebuild.is_none(), "the chain goes on over the crash");
    let [item] = &pages[0].items[..] else { panic!("{pages:?}") };
    assert_eq!((item.kind, item.key.as_str(), item.deleted, item.value.as_str()), (NOTES, "list", true, ""));
    assert_eq!(replica, dump(&server, ann.token()).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_declares_other_kinds_is_not_told_of_it() {
    let home = Home::new(CONFIG, &[]);
    let server = home.start();
    let [ann] = server.people(1).await;
    put(&server, ann.user_id, "list", Some(json!("milk"))).await;
    let hello = highwater_wire::proto::Hello {
        kinds: vec![kind::ACCOUNT, kind::MESSAGES],
        ..requests::hello(ann.token())
    };
    let (mut wire, _) = Wire::greeted_with(&server, Encoding::Binary, hello).await;
    let mut replica = Replica::default();
    wire.sync(&mut replica).await;
    assert_eq!(replica.items.keys().map(|(kind, _)| *kind).collect::<Vec<_>>(), [kind::ACCOUNT]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_that_cannot_be_is_refused_and_changes_nothing() {
    let home = Home::new(CONFIG, &[]);
    let server = home.start();
    let [ann] = server.people(1).await;
    let before = dump(&server, ann.token()).await;
    let user = ann.user_id.to_string();
    let right = json!({"user_id": user, "kind": NOTES, "key": "k", "value": 1});
    for (what, wrong, status) in [
        ("kind", json!(1), 400),
        ("kind", json!(4), 400),
        ("kind", json!(6), 400),
        ("key", json!(""), 400),
        ("key", json!("k".repeat(129)), 400),
        ("value", json!("v".repeat(4096)), 400),
        ("user_id", json!("4711"), 404),
        ("user_id", json!("x"), 400),
        ("kind", json!("notes"), 400),
    ] {
        let mut body = right.clone();
        body[what] = wrong;
        let answer = server.operate("PUT", "/v1/documents", &body.to_string()).await;
        assert_eq!(answer.status, status, "{body} {answer:?}");
    }
    assert_eq!(dump(&server, ann.token()).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_away_while_a_deletion_was_forgotten_is_told_everything_anew_and_keeps_nothing_deleted() {
    // A table before the kinds, which end the file.
    let cleanup =
        "[storage]\nindex_after_bytes = 4096\n[cleanup]\npause_ms = 100\ntombstone_retention_s = 1\n";
    let home = Home::new(&format!("{cleanup}{CONFIG}"), &[]);
    let server = home.start();
    let [ann] = server.people(2).await;
    let [phone, desk] = [&ann.devices[0], &ann.devices[1]];
    for key in ["kept", "gone"] {
        put(&server, ann.user_id, key, Some(json!(key))).await;
    }
    let mut away = Replica::default();
    Wire::greeted(&server, &phone.token).await.sync(&mut away).await;
    assert!(away.items.contains_key(&(NOTES, "gone".to_owned())));

    put(&server, ann.user_id, "gone", None).await;
    eventually("the tombstone is removed", || async {
        let metrics = server.operate("GET", "/metrics", "").await.text();
        metrics.contains("highwater_cleanup_tombstones_total 1").then_some(())
    })
    .await;
    let mut wire = Wire::greeted(&server, &phone.token).await;
    let pages = wire.sync(&mut away).await;
    let causes: Vec<_> =
        pages.iter().filter_map(|page| page.rebuild).map(|rebuild| rebuild.cause()).collect();
    assert_eq!(causes, [highwater_wire::proto::rebuild::Cause::TooOld], "{pages:?}");
    let mut new = Replica::default();
    let pages = Wire::greeted(&server, &desk.token).await.sync(&mut new).await;
    assert!(pages.iter().all(|page| page.rebuild.is_none()), "a new device is not told anew");
    assert_eq!(away.items, new.items);
    assert!(
        new.items.contains_key(&(NOTES, "kept".to_owned()))
            && !new.items.contains_key(&(NOTES, "gone".to_owned()))
    );
    // It is said once, and the item can live again.
    put(&server, ann.user_id, "gone", Some(json!("again"))).await;
    let pages = wire.sync(&mut away).await;
    assert!(pages.iter().all(|page| page.rebuild.is_none()), "{pages:?}");
    assert_eq!(away.items.get(&(NOTES, "gone".to_owned())).map(String::as_str), Some("\"again\""));
}
