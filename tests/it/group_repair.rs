//! What a member of a group finds again by seq, when the inbox tells it no more: exactly the own memberships, and an end.

use highwater_sdk::{Client, Store};

use super::{
    contacts::done,
    groups::{add, create, created, item, remove},
};
use crate::support::{Home, Person, Replica, Server, Wire, eventually, requests, sdk};
use highwater_wire::proto::send::To;

/// Marks are stored all the time.
const CONFIG: &str = "[client]\nheartbeat_ms = 1000\n[cleanup]\npause_ms = 100\n";

async fn says(wire: &mut Wire, group: u64, text: &str) -> u64 {
    let day = requests::today(wire).await;
    requests::sent(wire, requests::send(To::ConversationId(group), day, text)).await.seq
}

/// Has a person's device take everything and hand it back, so that its inbox may go.
async fn has_everything(server: &Server, person: &Person) -> Replica {
    let (mut wire, mut replica) = (Wire::greeted(server, person.token()).await, Replica::default());
    wire.sync(&mut replica).await;
    let beat = wire.post_with(replica.snapshot.clone(), requests::heartbeat()).await;
    wire.answer(beat).await;
    wire.close().await;
    replica
}

#[tokio::test(flavor = "multi_thread")]
async fn who_left_and_came_back_finds_what_was_theirs_and_the_repair_ends() {
    let home = Home::new(CONFIG, &["--dev"]);
    let server = home.start();
    let [ann, bob] = server.people(1).await;
    let mut anns = Wire::greeted(&server, ann.token()).await;
    let group = created(&mut anns, create(1, "Tea", &[bob.user_id])).await;
    assert_eq!(says(&mut anns, group, "both").await, 2);
    done(&mut anns, remove(group, bob.user_id)).await;
    for seq in 4..=6 {
        assert_eq!(says(&mut anns, group, "Ann alone").await, seq);
    }
    done(&mut anns, add(group, &[bob.user_id])).await;
    assert_eq!(says(&mut anns, group, "both again").await, 8);
    let own = [1, 2, 3, 7, 8];
    let held = has_everything(&server, &bob).await;
    assert_eq!(held.entries.keys().map(|(_, seq)| *seq).collect::<Vec<_>>(), own);
    assert!(item(&held, group).is_some());
    eventually("the inbox is let go", || async {
        let body = format!(r#"{{"user":"{}"}}"#, bob.name);
        let seen = server.operate("POST", "/v1/explain/user", &body).await.text();
        let messages = &serde_json::from_str::<serde_json::Value>(&seen).unwrap()["messages"];
        (messages["floor"] == messages["head"]).then_some(())
    })
    .await;

    // The store of the device is lost: a gap is told, and nothing else.
    let (mut wire, mut lost) = (Wire::greeted(&server, bob.token()).await, Replica::default());
    let pages = wire.sync(&mut lost).await;
    assert!(pages.iter().any(|page| page.messages_gap) && lost.entries.is_empty(), "{pages:?}");
    wire.close().await;

    // The client repairs it by seq.
    let client = sdk::client(&server, bob.token());
    let seqs = move |store: &Store| -> Vec<u64> {
        store.entries_after(group, 0, 99).unwrap().iter().map(|entry| entry.seq).collect()
    };
    let is_repaired = move |store: &Store| {
        let held = seqs(store);
        (!held.is_empty() && !store.repairing().unwrap()).then_some(held)
    };
    assert_eq!(sdk::wait_for(&client, "a repair that ends", is_repaired).await, own);
    history_is_the_own(&client, group).await;
    assert_eq!(client.read(move |store| seqs(store)).await.unwrap(), own, "asked for again it is the same");
    client.close().await;
}

/// What the application asks for: one membership at a time, and nothing in between.
async fn history_is_the_own(client: &Client, group: u64) {
    let mut told = Vec::new();
    for (from, to) in [(1, 99), (4, 99), (4, 6), (2, 7)] {
        let list = client.range(group, from, to).await.unwrap();
        told.push((list.entries.iter().map(|entry| entry.seq).collect::<Vec<_>>(), list.more));
    }
    assert_eq!(told, [(vec![1, 2, 3], true), (vec![7, 8], false), (vec![], false), (vec![2, 3], true)]);
}
