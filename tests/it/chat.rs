//! Two people and their devices talk through the real client: everything reaches everyone once, in order.

use highwater_sdk::{Client, ClientMessageId, Store, Target, requests::device_info, wire::proto};
use highwater_wire::kind;

use crate::support::{DEADLINE, Home, dump, sdk, temp_dir::TempDir};

#[tokio::test(flavor = "multi_thread")]
async fn two_people_who_register_talk_to_each_other() {
    let home = Home::dev();
    let server = home.start();
    let device = || device_info("laptop", proto::DeviceClass::Desktop);
    let url = server.client_url();
    let ann = highwater_sdk::register(&url, "ann", "correct horse", "", device()).await.unwrap();
    let bob = highwater_sdk::register(&url, "bob", "battery staple", "", device()).await.unwrap();
    let (ann_client, bob_client) =
        (sdk::caught_up(&server, &ann.token).await, sdk::caught_up(&server, &bob.token).await);

    let found = ann_client.find_user("BOB").await.unwrap();
    assert_eq!((found.user_id, found.name.as_str()), (bob.user_id, "bob"));
    let id = ann_client.send(Target::UserName("Bob".to_owned()), "Hello Bob, grüße 👋").await.unwrap();
    let first = sdk::settled(&ann_client, id).await;
    assert_eq!(first.seq, 1);
    let place =
        sdk::wait_for(&bob_client, "Ann's message", |store| store.newest_seqs().unwrap().first().copied())
            .await;
    assert_eq!(place, (first.conversation_id, 1));

    let answer = bob_client.send(Target::Conversation(first.conversation_id), "Hello Ann").await.unwrap();
    let answer = sdk::settled(&bob_client, answer).await;
    assert_eq!((answer.conversation_id, answer.seq), (first.conversation_id, 2));
    for client in [&ann_client, &bob_client] {
        assert_eq!(sdk::texts(client, 2).await, ["Hello Bob, grüße 👋", "Hello Ann"]);
    }

    // The first message made each a contact of the other, and the conversation an item of both.
    for (client, own, other, name) in [(&ann_client, &ann, &bob, "bob"), (&bob_client, &bob, &ann, "ann")] {
        let (user, peer, conversation) = (own.user_id, other.user_id, first.conversation_id);
        let items = sdk::wait_for(client, "the items", move |store| {
            let key = peer.to_string();
            let contact = store.item(kind::CONTACTS, &key).unwrap()?;
            let row = store.item(kind::CONVERSATIONS, &conversation.to_string()).unwrap()?;
            Some((contact, row, store.item(kind::ACCOUNT, "me").unwrap()?))
        })
        .await;
        let json = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
        assert_eq!(json(&items.0), serde_json::json!({"userId": peer.to_string(), "name": name}));
        let row = serde_json::json!({"conversationId": conversation.to_string(), "peerId": peer.to_string()});
        assert_eq!(json(&items.1), row);
        assert_eq!(json(&items.2)["userId"], user.to_string());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_device_of_both_gets_everything_also_what_its_user_sends() {
    let home = Home::dev();
    let server = home.start();
    let [ann, bob] = server.people(3).await;
    let mut clients = Vec::new();
    for device in ann.devices.iter().chain(&bob.devices) {
        clients.push(sdk::caught_up(&server, &device.token).await);
    }
    // All six talk at once, four messages each.
    let mut ids = Vec::new();
    for round in 0..4 {
        for (place, client) in clients.iter().enumerate() {
            let to = if place < 3 { bob.user_id } else { ann.user_id };
            ids.push((place, client.send(Target::User(to), format!("{place}.{round}")).await.unwrap()));
        }
    }
    for (place, id) in &ids {
        sdk::settled(&clients[*place], *id).await;
    }
    let seen = sdk::texts(&clients[0], 24).await;
    for client in &clients {
        assert_eq!(sdk::texts(client, 24).await, seen, "all see one order");
        let newest = client.read(|store| store.newest_seqs().unwrap()).await.unwrap();
        assert_eq!(newest.len(), 1, "one conversation");
        assert_eq!(newest[0].1, 24, "seqs count without a hole");
    }
    for place in 0..6 {
        let own: Vec<_> = seen.iter().filter(|text| text.starts_with(&format!("{place}."))).collect();
        assert!(own.is_sorted(), "the order of each sender is kept: {own:?}");
    }
    ids_are_only_on_own_devices(&clients, &ids).await;
}

async fn ids_are_only_on_own_devices(clients: &[Client], ids: &[(usize, ClientMessageId)]) {
    for (place, client) in clients.iter().enumerate() {
        let (conversation, _) = client.read(|store| store.newest_seqs().unwrap()[0]).await.unwrap();
        let entries =
            client.read(move |store| store.entries_after(conversation, 0, 100).unwrap()).await.unwrap();
        let own = entries.iter().filter_map(|entry| ClientMessageId::from_bytes(&entry.client_message_id));
        let own: std::collections::BTreeSet<_> = own.collect();
        let sent_by_user = ids.iter().filter(|(from, _)| (*from < 3) == (place < 3)).map(|(_, id)| *id);
        assert_eq!(own, sent_by_user.collect(), "device {place} knows the ids of its own user only");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_device_gets_the_items_and_what_comes_after_its_sign_in() {
    let home = Home::dev();
    let server = home.start();
    let [bob] = server.people(1).await;
    let (url, device) = (server.client_url(), || device_info("phone", proto::DeviceClass::Phone));
    let ann = highwater_sdk::register(&url, "ann", "correct horse", "", device()).await.unwrap();
    let bob_client = sdk::caught_up(&server, bob.token()).await;
    for text in ["one", "two"] {
        sdk::say(&bob_client, ann.user_id, text).await;
    }
    let late = highwater_sdk::sign_in(&url, "Ann", "correct horse", device()).await.unwrap();
    assert_eq!(late.user_id, ann.user_id);
    assert_ne!(late.device_id, ann.device_id);
    let third = sdk::say(&bob_client, ann.user_id, "three").await;

    let late = sdk::caught_up(&server, &late.token).await;
    assert_eq!(sdk::texts(&late, 1).await, ["three"]);
    let newest = late.read(|store| store.newest_seqs().unwrap()).await.unwrap();
    assert_eq!(newest, [(third.conversation_id, 3)], "the seq is that of everybody");
    let contacts = late.read(|store| store.items(kind::CONTACTS).unwrap()).await.unwrap();
    assert_eq!(contacts.len(), 1, "state is told in full");
    let first = sdk::caught_up(&server, &ann.token).await;
    assert_eq!(sdk::texts(&first, 3).await, ["one", "two", "three"], "the first device has all");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_was_away_catches_up_page_by_page() {
    let home = Home::dev();
    let server = home.start();
    let [ann, bob] = server.people(1).await;
    let files = TempDir::new();
    let open = || Store::open(files.path().join("ann.sqlite")).unwrap();
    let options = || sdk::options(&server, ann.token());

    let bob_client = sdk::caught_up(&server, bob.token()).await;
    sdk::say(&bob_client, ann.user_id, "0").await;
    let ann_client = Client::start(options(), open()).unwrap();
    assert_eq!(sdk::texts(&ann_client, 1).await, ["0"]);
    ann_client.close().await;

    // More than one page, in long and short ones.
    let count = 700;
    let text = |n: usize| format!("{n}{}", "x".repeat(if n.is_multiple_of(50) { 4000 } else { 0 }));
    let mut last = None;
    for n in 1..count {
        last = Some(bob_client.send(Target::User(ann.user_id), text(n)).await.unwrap());
    }
    sdk::settled(&bob_client, last.unwrap()).await;

    let ann_client = Client::start(options(), open()).unwrap();
    let texts = sdk::texts(&ann_client, count).await;
    assert_eq!(
        texts[1..],
        (1..count).map(text).collect::<Vec<_>>(),
        "everything, once, in the order of sending"
    );
    ann_client.wait_caught_up(DEADLINE).await.unwrap();
    assert_eq!(dump(&server, ann.token()).await.all_texts(), texts);
}

#[tokio::test(flavor = "multi_thread")]
async fn notes_to_oneself_reach_ones_other_devices_once() {
    let home = Home::dev();
    let server = home.start();
    let [ann] = server.people(2).await;
    let phone = sdk::caught_up(&server, &ann.devices[0].token).await;
    let desktop = sdk::caught_up(&server, &ann.devices[1].token).await;
    for text in ["milk", "bread"] {
        sdk::say(&phone, ann.user_id, text).await;
    }
    for client in [&phone, &desktop] {
        assert_eq!(sdk::texts(client, 2).await, ["milk", "bread"]);
    }
}
