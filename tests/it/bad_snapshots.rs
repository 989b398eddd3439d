//! Snapshots that cannot be continued: a rebuild is the answer, at once, and at its end the client has what it had.

use highwater_wire::{Encoding, proto};
use proto::{client_frame::Request, rebuild::Cause, send::To, server_frame::Body};

use crate::support::{Home, Person, Replica, Server, Wire, dump, requests};

/// Bob with a few contacts and messages, on a connection that has everything.
struct Scene {
    people: [Person; 4],
    wire: Wire,
    replica: Replica,
}

async fn scene(server: &Server) -> Scene {
    let people: [Person; 4] = server.people(2).await;
    let bob = &people[0];
    for friend in &people[1..] {
        let mut wire = Wire::greeted(server, friend.token()).await;
        let day = requests::today(&mut wire).await;
        for text in ["one", "two", "three"] {
            requests::sent(&mut wire, requests::send(To::UserId(bob.user_id), day, text)).await;
        }
    }
    let (mut wire, mut replica) = (Wire::greeted(server, bob.token()).await, Replica::default());
    wire.sync(&mut replica).await;
    assert_eq!((replica.items.len(), replica.entries.len()), (7, 9));
    Scene { people, wire, replica }
}

/// Hands a wrong snapshot in as a client that has everything but stores this: it must be rebuilt to the same.
async fn assert_rebuilt(scene: &mut Scene, wrong: Vec<u8>, cause: Cause, what: &str) {
    let mut replica = scene.replica.clone();
    replica.snapshot = wrong;
    let pages = scene.wire.sync(&mut replica).await;
    let rebuild = pages[0].rebuild.unwrap_or_else(|| panic!("{what}: no rebuild but {:?}", pages[0]));
    assert_eq!(rebuild.cause(), cause, "{what}");
    assert!(pages.iter().any(|page| page.complete), "{what}: it says when the rebuild ends");
    assert!(pages[1..].iter().all(|page| page.rebuild.is_none()), "{what}: it begins once");
    assert_eq!(replica, scene.replica, "{what}");
    // What comes out of it goes on like any other.
    let pages = scene.wire.sync(&mut replica).await;
    assert!(pages[0].rebuild.is_none() && pages[0].snapshot.is_empty(), "{what}: {pages:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flipped_bit_in_any_byte_is_seen() {
    let home = Home::dev();
    let server = home.start();
    let mut scene = scene(&server).await;
    let right = scene.replica.snapshot.clone();
    for byte in 0..right.len() {
        let mut wrong = right.clone();
        wrong[byte] ^= 1 << (byte % 8);
        assert_rebuilt(&mut scene, wrong, Cause::Foreign, &format!("byte {byte}")).await;
    }
    // Nothing of it was remembered: the right one still continues.
    let mut replica = scene.replica.clone();
    let pages = scene.wire.sync(&mut replica).await;
    assert!(pages[0].rebuild.is_none() && pages[0].snapshot.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_cut_or_made_up_is_seen() {
    let home = Home::dev();
    let server = home.start();
    let mut scene = scene(&server).await;
    let right = scene.replica.snapshot.clone();
    for length in [1, 2, 9, 10, 11, right.len() - 1] {
        assert_rebuilt(&mut scene, right[..length].to_vec(), Cause::Foreign, &format!("{length} bytes"))
            .await;
    }
    let longer = [right.clone(), vec![0]].concat();
    for (what, wrong) in [
        ("one byte more", longer),
        ("zeros", vec![0; right.len()]),
        ("128 bytes", vec![0xa5; 128]),
        ("1000 bytes", vec![0x5a; 1000]),
        ("60,000 bytes", vec![1; 60_000]),
    ] {
        assert_rebuilt(&mut scene, wrong, Cause::Foreign, what).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_elses_snapshot_is_taken() {
    let (home, other_home) = (Home::dev(), Home::dev());
    let (server, other_server) = (home.start(), other_home.start());
    let mut scene = scene(&server).await;
    let other_scene = self::scene(&other_server).await;

    let mut of_other_context = Replica::default();
    let hello = proto::Hello { context: 1, ..requests::hello(scene.people[0].token()) };
    let (mut extension, _) = Wire::greeted_with(&server, Encoding::Binary, hello).await;
    extension.sync(&mut of_other_context).await;
    let (of_other_user, of_other_device) = (
        synced(&server, &scene.people[1].devices[0].token).await,
        synced(&server, &scene.people[0].devices[1].token).await,
    );
    for (what, wrong) in [
        ("another user's", of_other_user),
        ("another device's", of_other_device),
        ("another context's", of_other_context.snapshot),
        ("another server's", other_scene.replica.snapshot),
    ] {
        assert_rebuilt(&mut scene, wrong, Cause::Foreign, what).await;
    }
}

async fn synced(server: &Server, token: &str) -> Vec<u8> {
    let mut replica = Replica::default();
    let mut wire = Wire::greeted(server, token).await;
    wire.sync(&mut replica).await;
    wire.close().await;
    replica.snapshot
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_snapshot_on_other_requests_is_no_obstacle() {
    let home = Home::dev();
    let server = home.start();
    let mut scene = scene(&server).await;
    let day = requests::today(&mut scene.wire).await;
    let send = requests::send(To::UserId(scene.people[1].user_id), day, "four");
    let request = scene.wire.post_with(vec![9; 300], Request::Send(send)).await;
    assert!(matches!(scene.wire.answer(request).await, Body::Sent(_)));
    let request = scene.wire.post_with(vec![9; 300], requests::heartbeat()).await;
    assert!(matches!(scene.wire.answer(request).await, Body::Heartbeat(_)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_in_small_pages_sweeps_what_is_gone_only_at_its_end() {
    let home = Home::dev();
    let server = home.start();
    let mut scene = scene(&server).await;
    let mut replica = scene.replica.clone();
    replica.snapshot = vec![1; 40];
    let stale = (2, "4711".to_owned());
    replica.items.insert(stale.clone(), "{}".to_owned());
    let mut pages = 0;
    loop {
        let sync = Request::Sync(proto::Sync { limit: 2, wait_ms: 0 });
        let request = scene.wire.post_with(replica.snapshot.clone(), sync).await;
        let Body::Page(page) = scene.wire.answer(request).await else { panic!("no page") };
        assert!(page.items.len() + page.entries.len() <= 2, "the client's limit is kept");
        assert!(replica.take(&page, true));
        pages += 1;
        assert_eq!(replica.items.contains_key(&stale), replica.items.len() == 8, "swept by `complete` alone");
        if !page.more {
            break;
        }
    }
    assert!(pages >= 8, "{pages}");
    assert_eq!(replica, scene.replica);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_an_older_copy_of_the_store_was_put_back_a_later_snapshot_is_from_the_future() {
    let home = Home::dev();
    let first = home.start();
    let [ann] = first.people(1).await;
    assert!(first.stop().status.success());
    let backup = home.data().with_file_name("backup");
    copy(home.data(), &backup);

    let second = home.start();
    let (mut wire, mut replica) = (Wire::greeted(&second, ann.token()).await, Replica::default());
    let day = requests::today(&mut wire).await;
    requests::sent(&mut wire, requests::send(To::UserId(ann.user_id), day, "will be lost")).await;
    wire.sync(&mut replica).await;
    assert!(second.stop().status.success());

    std::fs::remove_dir_all(home.data()).unwrap();
    std::fs::rename(&backup, home.data()).unwrap();
    let third = home.start();
    let mut wire = Wire::greeted(&third, ann.token()).await;
    let pages = wire.sync(&mut replica).await;
    assert_eq!(pages[0].rebuild.map(|rebuild| rebuild.cause()), Some(Cause::Future));
    assert_eq!(replica.items, dump(&third, ann.token()).await.items, "the state is that of the store");
}

fn copy(from: &std::path::Path, to: &std::path::Path) {
    let status = std::process::Command::new("cp").arg("-a").arg(from).arg(to).status().unwrap();
    assert!(status.success());
}
