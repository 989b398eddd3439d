//! Marks that are handed back are stored, raise the floor, and let the inbox be cleaned; who comes from below the floor
//! is told so, and finds everything by seq.

use highwater_wire::proto::{self, client_frame::Request, send::To, server_frame::Body};
use serde_json::Value;

use crate::support::{Home, Person, Replica, Server, Wire, dump, eventually, requests};

/// A pass of cleanup all the time.
const CONFIG: &str = "[server]\nworkers = 2\n[client]\nheartbeat_ms = 1000\n[storage]\nindex_after_bytes = 4096\n[cleanup]\npause_ms = 100\n";

/// More than one chunk of pointers, so that something can be removed.
const MESSAGES: usize = 600;

/// What the operator is told of a user.
fn explained(home: &Home, user: &str) -> Value {
    let mut command = Home::bare_command();
    command.args(["explain", "user", user, "--json", "--data"]).arg(home.data());
    let output = tokio::task::block_in_place(|| command.output()).unwrap();
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn explained_message(home: &Home, conversation: u64, seq: u64) -> String {
    let mut command = Home::bare_command();
    command
        .args(["explain", "message", &conversation.to_string(), &seq.to_string(), "--data"])
        .arg(home.data());
    let output = tokio::task::block_in_place(|| command.output()).unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

async fn until(home: &Home, user: &str, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    eventually(what, || async {
        let seen = explained(home, user);
        is_so(&seen).then_some(seen)
    })
    .await
}

/// Ann with two devices, to whom Bob has written many messages.
async fn written_to(server: &Server) -> (Person, Person) {
    let [ann, bob] = server.people(2).await;
    let mut wire = Wire::greeted(server, bob.token()).await;
    let day = requests::today(&mut wire).await;
    for part in 0..MESSAGES / 60 {
        let send = |n: usize| requests::send(To::UserId(ann.user_id), day, &format!("{part}-{n}"));
        let posted = wire.post_together((0..60).map(send).map(Request::Send)).await;
        for id in posted {
            assert!(matches!(wire.answer(id).await, Body::Sent(_)));
        }
    }
    (ann, bob)
}

/// Syncs to the end and hands back what it has.
async fn has_everything(server: &Server, token: &str) -> Replica {
    let (mut wire, mut replica) = (Wire::greeted(server, token).await, Replica::default());
    wire.sync(&mut replica).await;
    let beat = wire.post_with(replica.snapshot.clone(), requests::heartbeat()).await;
    wire.answer(beat).await;
    wire.close().await;
    replica
}

#[tokio::test(flavor = "multi_thread")]
async fn an_inbox_is_kept_for_the_device_that_lacks_it_and_cleaned_when_none_does() {
    let home = Home::new(CONFIG, &["--dev"]);
    let server = home.start();
    let (ann, _) = written_to(&server).await;
    let [phone, desk] = [&ann.devices[0], &ann.devices[1]];
    has_everything(&server, &phone.token).await;
    let seen = until(&home, &ann.name, "the phone's marks are stored", |seen| {
        seen["lineages"][0]["acked"]["messages"] == seen["messages"]["head"]
    })
    .await;
    let messages = &seen["messages"];
    assert_eq!(messages["held_by"]["device_id"], desk.device_id.to_string(), "{seen}");
    assert_eq!((&messages["floor"], &messages["kept"]), (&0.into(), &MESSAGES.into()), "{seen}");

    let full = has_everything(&server, &desk.token).await;
    let (conversation, _) = *full.entries.keys().next().unwrap();
    let text = explained_message(&home, conversation, 7);
    assert!(text.contains("message 7 of conversation") && text.contains("has not handed it back"), "{text}");
    let seen = until(&home, &ann.name, "the inbox is cleaned", |seen| {
        seen["messages"]["kept"].as_u64().unwrap() < MESSAGES as u64
            && explained_message(&home, conversation, 7).contains("no longer in the inbox")
    })
    .await;
    assert_eq!(seen["messages"]["floor"], seen["messages"]["head"], "{seen}");
    assert!(seen["messages"]["held_by"].is_null(), "{seen}");

    let text = explained_message(&home, conversation, 7);
    assert!(text.contains("no longer in the inbox: cleaned up"), "{text}");
    assert!(text.contains("every hand-back since 20"), "{text}");
    // Bob's own devices have handed nothing back; the two of Ann have come past it, and it is known when.
    assert_eq!(text.matches(": has come past it, with the message or with a gap, ").count(), 2, "{text}");

    // Who goes on from what it handed back lacks nothing; who has lost it is told a gap, and finds everything by seq.
    let (mut wire, mut replica) = (Wire::greeted(&server, &phone.token).await, Replica::default());
    let pages = wire.sync(&mut replica).await;
    assert_eq!(pages.iter().filter(|page| page.messages_gap).count(), 1, "{pages:?}");
    assert!(pages.last().unwrap().complete, "conversations were told anew");
    assert!(replica.entries.is_empty());
    assert_eq!(replica.items, full.items);
    assert_eq!(dump(&server, &phone.token).await, full);

    drop(server);
    let server = home.start();
    let mut wire = Wire::greeted(&server, &desk.token).await;
    let mut goes_on = full.clone();
    let pages = wire.sync(&mut goes_on).await;
    assert!(pages.iter().all(|page| !page.messages_gap && page.entries.is_empty()), "{pages:?}");
    assert_eq!(dump(&server, &desk.token).await, full);
}

#[tokio::test(flavor = "multi_thread")]
async fn heads_and_ranges_stop_at_their_bounds_and_show_nothing_to_others() {
    let home = Home::dev();
    let server = home.start();
    let (ann, bob) = written_to(&server).await;
    let [eve] = server.people(1).await;
    let mut wire = Wire::greeted(&server, bob.token()).await;
    let Body::Heads(list) = wire.ask(Request::Heads(proto::Heads::default())).await else {
        panic!("no heads")
    };
    let [head] = &list.heads[..] else { panic!("one conversation, not {list:?}") };
    assert_eq!((head.seq, head.oldest_seq, list.next), (MESSAGES as u64, 1, 0));
    let range = |from_seq, to_seq| {
        Request::Range(proto::Range { conversation_id: head.conversation_id, from_seq, to_seq })
    };
    for (from, to, first, count) in [(1, 3, 1, 3), (0, 1, 1, 1), (598, 9999, 598, 3), (601, 700, 0, 0)] {
        let Body::Entries(list) = wire.ask(range(from, to)).await else { panic!("no entries") };
        let seqs: Vec<u64> = list.entries.iter().map(|entry| entry.seq).collect();
        assert_eq!(seqs, (first..first + count).collect::<Vec<_>>(), "{from} to {to}");
        assert!(!list.more);
    }
    let Body::Entries(list) = wire.ask(range(0, u64::MAX)).await else { panic!("no entries") };
    assert!(list.more && list.entries.len() == 500, "{} entries", list.entries.len());
    requests::refused(&mut wire, range(2, 1), highwater_wire::Refusal::InvalidField).await;
    let after = Request::Heads(proto::Heads { after: u64::MAX, limit: 0 });
    requests::refused(&mut wire, after, highwater_wire::Refusal::InvalidField).await;
    let mut stranger = Wire::greeted(&server, eve.token()).await;
    requests::refused(&mut stranger, range(1, 1), highwater_wire::Refusal::NoSuchConversation).await;
    let Body::Heads(list) = stranger.ask(Request::Heads(proto::Heads::default())).await else {
        panic!("no heads")
    };
    assert_eq!(list, proto::HeadList::default());
    drop(ann);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_is_silent_for_too_long_holds_nothing_back_and_finds_what_it_lacks_when_it_returns() {
    let home = Home::new(&format!("{CONFIG}lineage_expiry_s = 4\n"), &["--dev"]);
    let server = home.start();
    let (ann, _) = written_to(&server).await;
    let [phone, desk] = [&ann.devices[0], &ann.devices[1]];
    let full = has_everything(&server, &phone.token).await;
    let seen = until(&home, &ann.name, "the phone's marks are stored", |seen| {
        seen["lineages"][0]["acked"]["messages"] == seen["messages"]["head"]
    })
    .await;
    let held_by = &seen["messages"]["held_by"]["device_id"];
    assert_eq!(*held_by, desk.device_id.to_string(), "the desk holds back while it is live: {seen}");

    let seen = until(&home, &ann.name, "the inbox is cleaned after the desk has expired", |seen| {
        // The phone says that it is there; else it would expire as well, and nothing would be removed.
        tokio::task::block_in_place(|| {
            tokio::runtime::Handle::current().block_on(Wire::greeted(&server, &phone.token))
        });
        seen["messages"]["kept"].as_u64().unwrap() < MESSAGES as u64
    })
    .await;
    assert_eq!(seen["lineages"][1]["live"], false, "{seen}");
    assert!(seen["messages"]["held_by"].is_null(), "{seen}");

    let (mut wire, mut replica) = (Wire::greeted(&server, &desk.token).await, Replica::default());
    let pages = wire.sync(&mut replica).await;
    assert!(pages.iter().any(|page| page.messages_gap), "{pages:?}");
    assert_eq!(dump(&server, &desk.token).await, full);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connected_device_with_nothing_new_is_heard_of_by_its_heartbeats() {
    let home = Home::new(&format!("{CONFIG}lineage_expiry_s = 3\n"), &["--dev"]);
    let server = home.start();
    let [ann] = server.people(2).await;
    let (mut wire, mut replica) = (Wire::greeted(&server, ann.token()).await, Replica::default());
    wire.sync(&mut replica).await;
    let live = |seen: &Value, place: usize| seen["lineages"][place]["live"] == true;
    // Until the other one, which says nothing, has expired, and a while longer.
    let mut expired = 0;
    while expired < 5 {
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        let beat = wire.post_with(replica.snapshot.clone(), requests::heartbeat()).await;
        wire.answer(beat).await;
        let seen = explained(&home, &ann.name);
        assert!(live(&seen, 0), "{seen}");
        expired += u32::from(!live(&seen, 1));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_past_its_retention_is_removed_although_a_live_device_lacks_it() {
    let home = Home::new(&format!("{CONFIG}inbox_retention_s = 3\n"), &["--dev"]);
    let server = home.start();
    let (ann, bob) = written_to(&server).await;
    let [phone, desk] = [&ann.devices[0], &ann.devices[1]];
    let seen = until(&home, &ann.name, "the inbox is cleaned", |seen| {
        seen["messages"]["kept"].as_u64().unwrap() < MESSAGES as u64
    })
    .await;
    assert_eq!(seen["lineages"][1]["live"], true, "{seen}");
    assert_eq!(seen["messages"]["floor"], seen["messages"]["head"], "{seen}");
    for device in [phone, desk] {
        let (mut wire, mut replica) = (Wire::greeted(&server, &device.token).await, Replica::default());
        let pages = wire.sync(&mut replica).await;
        assert_eq!(pages.iter().filter(|page| page.messages_gap).count(), 1, "{pages:?}");
        assert_eq!(dump(&server, &device.token).await.entries.len(), MESSAGES, "everything is found by seq");
    }
    // What comes afterwards is told as ever.
    let mut wire = Wire::greeted(&server, bob.token()).await;
    let day = requests::today(&mut wire).await;
    requests::sent(&mut wire, requests::send(To::UserId(ann.user_id), day, "new")).await;
    let (mut wire, mut replica) = (Wire::greeted(&server, &phone.token).await, Replica::default());
    wire.sync(&mut replica).await;
    assert_eq!(replica.entries.len(), 1);
}
