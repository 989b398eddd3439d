//! JSON and binary clients side by side: the encoding is a matter of one connection alone.

use highwater_sdk::{Client, Store};
use highwater_wire::{Encoding, proto};
use proto::send::To;
use tokio_tungstenite::tungstenite::Message;

use crate::support::{Home, Replica, Wire, dump, requests, sdk};

#[tokio::test(flavor = "multi_thread")]
async fn a_json_device_and_a_binary_device_see_the_same() {
    let home = Home::dev();
    let server = home.start();
    let [ann, bob] = server.people(2).await;
    let client = |token: &str, encoding| {
        let mut options = sdk::options(&server, token);
        options.encoding = encoding;
        Client::start(options, Store::in_memory().unwrap()).unwrap()
    };
    let clients = [
        client(&ann.devices[0].token, Encoding::Json),
        client(&ann.devices[1].token, Encoding::Binary),
        client(&bob.devices[0].token, Encoding::Json),
        client(&bob.devices[1].token, Encoding::Binary),
    ];
    let awkward = ["\"quoted\" \\ and \u{0}\u{1f}", "ünï 👩‍👩‍👧 \u{2028}", "</script>", "plain"];
    for (place, (client, text)) in clients.iter().zip(awkward).enumerate() {
        sdk::say(client, if place < 2 { bob.user_id } else { ann.user_id }, text).await;
    }
    for client in &clients {
        assert_eq!(sdk::texts(client, 4).await, awkward);
    }
    let snapshots = [
        clients[0].read(|store| store.snapshot().unwrap()).await.unwrap(),
        dump(&server, ann.token()).await.snapshot,
    ];
    assert!(snapshots.iter().all(|snapshot| (1..=92).contains(&snapshot.len())), "{snapshots:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_goes_on_in_the_other_encoding() {
    let home = Home::dev();
    let server = home.start();
    let [ann] = server.people(1).await;
    let mut replica = Replica::default();
    for (round, encoding) in [Encoding::Json, Encoding::Binary, Encoding::Json].into_iter().enumerate() {
        let (mut wire, greeting) = Wire::greeted_with(&server, encoding, requests::hello(ann.token())).await;
        requests::sent(&mut wire, requests::send(To::UserId(ann.user_id), greeting.day, "note")).await;
        let pages = wire.sync(&mut replica).await;
        assert!(pages.iter().all(|page| page.rebuild.is_none()));
        assert_eq!(replica.entries.len(), round + 1);
        wire.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn json_is_read_as_people_write_it() {
    let home = Home::dev();
    let server = home.start();
    let [ann] = server.people(1).await;
    let (mut wire, greeting) =
        Wire::greeted_with(&server, Encoding::Json, requests::hello(ann.token())).await;
    let id = "oKGio6SlpqeoqaqrrK2urw";
    // Original spelling, numbers without quotes, base64 without padding, fields of a later schema.
    let frame = format!(
        r#"{{"request_id":41,"later":{{"x":[1]}},"send":{{"client_message_id":"{id}","day":{},"text":"a","user_id":{},"mood":"?"}}}}"#,
        greeting.day, ann.user_id
    );
    wire.message(Message::text(frame)).await;
    assert!(matches!(wire.answer(41).await, proto::server_frame::Body::Sent(_)));
    // The same in the canonical spelling is the same message.
    let canonical = format!(
        r#"{{"requestId":"42","send":{{"clientMessageId":"{id}==","day":{},"text":"a","userId":"{}"}}}}"#,
        greeting.day, ann.user_id
    );
    wire.message(Message::text(canonical)).await;
    assert!(matches!(wire.answer(42).await, proto::server_frame::Body::Sent(sent) if sent.seq == 1));
}
