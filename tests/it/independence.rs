//! Lineages are independent: three devices and a context at different marks, what is kept and for whom, and what is
//! left of it when one has expired.

use std::time::Duration;

use highwater_wire::{
    Encoding,
    proto::{self, client_frame::Request, send::To},
};
use serde_json::Value;

use crate::support::{Home, Person, Replica, Server, Wire, dump, eventually, requests};

/// Messages before each hand-back: together more than one chunk of pointers, so that something can be removed.
const MESSAGES: usize = 300;

/// A pass of cleanup all the time; silence of four seconds is enough to expire.
const CONFIG: &str = "[server]\nworkers = 2\n[client]\nheartbeat_ms = 1000\n[storage]\nindex_after_bytes = 4096\n[cleanup]\npause_ms = 100\n";

async fn explained(server: &Server, person: &Person) -> Value {
    let body = format!(r#"{{"user":"{}"}}"#, person.name);
    serde_json::from_str(&server.operate("POST", "/v1/explain/user", &body).await.text()).unwrap()
}

async fn until(server: &Server, person: &Person, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    eventually(what, || async {
        let seen = explained(server, person).await;
        is_so(&seen).then_some(seen)
    })
    .await
}

/// Bob writes to Ann.
async fn write(server: &Server, ann: &Person, bob: &Person) {
    let mut wire = Wire::greeted(server, bob.token()).await;
    let day = requests::today(&mut wire).await;
    for part in 0..MESSAGES / 60 {
        let send = |n: usize| requests::send(To::UserId(ann.user_id), day, &format!("{part}-{n}"));
        for id in wire.post_together((0..60).map(send).map(Request::Send)).await {
            assert!(matches!(wire.answer(id).await, proto::server_frame::Body::Sent(_)));
        }
    }
    wire.close().await;
}

/// One lineage of a device, which goes on from what it has.
struct App {
    token: String,
    context: u32,
    replica: Replica,
}

impl App {
    fn new(person: &Person, device: usize, context: u32) -> App {
        App { token: person.devices[device].token.clone(), context, replica: Replica::default() }
    }

    async fn connect(&self, server: &Server) -> Wire {
        let hello = proto::Hello { context: self.context, ..requests::hello(&self.token) };
        Wire::greeted_with(server, Encoding::Binary, hello).await.0
    }

    /// Syncs to the end, hands back, and gives the pages.
    async fn catch_up(&mut self, server: &Server) -> Vec<proto::Page> {
        let mut wire = self.connect(server).await;
        let pages = wire.sync(&mut self.replica).await;
        let beat = wire.post_with(self.replica.snapshot.clone(), requests::heartbeat()).await;
        wire.answer(beat).await;
        wire.close().await;
        pages
    }
}

/// Marks of messages of the lineages of a user, in the order in which they came to be.
fn acked(seen: &Value) -> Vec<u64> {
    let rows = seen["lineages"].as_array().unwrap();
    rows.iter().map(|row| row["acked"]["messages"].as_u64().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_is_kept_what_it_lacks_and_the_operator_sees_for_whom() {
    let home = Home::new(CONFIG, &["--dev"]);
    let server = home.start();
    let [ann, bob] = server.people(3).await;
    let (mut phone, mut desk, mut tablet) =
        (App::new(&ann, 0, 0), App::new(&ann, 1, 0), App::new(&ann, 2, 0));
    write(&server, &ann, &bob).await;
    phone.catch_up(&server).await;
    let first = until(&server, &ann, "the phone's marks", |seen| acked(seen)[0] > 0).await;
    let first = first["messages"]["head"].as_u64().unwrap();
    // The extension of the phone begins here, and lacks nothing from before.
    let mut extension = App::new(&ann, 0, 2);
    assert!(extension.catch_up(&server).await.iter().all(|page| page.entries.is_empty()));
    write(&server, &ann, &bob).await;
    desk.catch_up(&server).await;
    let seen = until(&server, &ann, "the desk's marks", |seen| acked(seen)[1] > first).await;
    let head = seen["messages"]["head"].as_u64().unwrap();
    assert_eq!(acked(&seen), [first, head, 0, first], "{seen}");
    let held_by = |seen: &Value| {
        let held_by = &seen["messages"]["held_by"];
        (held_by["device_id"].as_str().map(str::to_owned), held_by["context"].as_u64())
    };
    let of = |device: usize, context: u64| (Some(ann.devices[device].device_id.to_string()), Some(context));
    assert_eq!(held_by(&seen), of(2, 0), "for the tablet, which has nothing: {seen}");
    assert_eq!(seen["messages"]["floor"], 0, "{seen}");
    assert_eq!(seen["messages"]["kept"].as_u64().unwrap() as usize, 2 * MESSAGES, "{seen}");

    // The tablet catches up: now the phone is behind, and only the second half is kept for it.
    assert_eq!(
        tablet.catch_up(&server).await.iter().map(|page| page.entries.len()).sum::<usize>(),
        2 * MESSAGES
    );
    let seen = until(&server, &ann, "the floor", |seen| seen["messages"]["floor"] == first).await;
    assert_eq!(held_by(&seen), of(0, 0), "for the phone: {seen}");
    // Both of the phone are where they were; the one goes on, and the other keeps what it lacks.
    phone.catch_up(&server).await;
    let seen = until(&server, &ann, "the extension alone", |seen| held_by(seen) == of(0, 2)).await;
    assert_eq!(acked(&seen), [head, head, head, first], "{seen}");
    assert_eq!(seen["messages"]["floor"], first, "{seen}");
    let pages = extension.catch_up(&server).await;
    assert!(pages.iter().all(|page| !page.messages_gap), "nothing that it lacked was removed");
    assert_eq!(extension.replica.entries.len(), MESSAGES);
    let seen = until(&server, &ann, "nothing is held back", |seen| held_by(seen) == (None, None)).await;
    assert_eq!((&seen["messages"]["floor"], acked(&seen)), (&head.into(), vec![head; 4]), "{seen}");
    until(&server, &ann, "it is cleaned", |seen| {
        seen["messages"]["kept"].as_u64().unwrap() < 2 * MESSAGES as u64
    })
    .await;
    assert_eq!(phone.replica.entries, desk.replica.entries);
    assert_eq!(phone.replica.entries, tablet.replica.entries);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_three_expires_and_what_was_kept_for_it_alone_is_gone() {
    let home = Home::new(&format!("{CONFIG}lineage_expiry_s = 4\n"), &["--dev"]);
    let server = home.start();
    let [ann, bob] = server.people(3).await;
    let (mut phone, mut desk, mut tablet) =
        (App::new(&ann, 0, 0), App::new(&ann, 1, 0), App::new(&ann, 2, 0));
    write(&server, &ann, &bob).await;
    write(&server, &ann, &bob).await;
    // The tablet says nothing from here on; the other two go on talking.
    let seen = eventually("the tablet has expired and the inbox is cleaned", || {
        let (phone, desk) = (phone.connect(&server), desk.connect(&server));
        let (server, ann) = (&server, &ann);
        async move {
            tokio::join!(phone, desk);
            tokio::time::sleep(Duration::from_millis(200)).await;
            let seen = explained(server, ann).await;
            (seen["lineages"][2]["live"] == false).then_some(seen)
        }
    })
    .await;
    assert_eq!((&seen["lineages"][0]["live"], &seen["lineages"][1]["live"]), (&true.into(), &true.into()));
    let held_by = &seen["messages"]["held_by"]["device_id"];
    assert_ne!(*held_by, ann.devices[2].device_id.to_string(), "nothing is kept for the tablet: {seen}");
    phone.catch_up(&server).await;
    desk.catch_up(&server).await;
    let seen = until(&server, &ann, "what only the tablet lacked is gone", |seen| {
        seen["messages"]["kept"].as_u64().unwrap() < 2 * MESSAGES as u64
    })
    .await;
    assert_eq!(acked(&seen)[2], 0, "the tablet has nothing yet: {seen}");
    let pages = tablet.catch_up(&server).await;
    assert!(pages.iter().any(|page| page.messages_gap), "it is told that something is missing: {pages:?}");
    assert_eq!(
        dump(&server, &ann.devices[2].token).await.entries,
        phone.replica.entries,
        "and reads it by seq"
    );
    assert_eq!(phone.replica.entries.len(), 2 * MESSAGES);
}
