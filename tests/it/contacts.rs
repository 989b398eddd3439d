//! Blocks, remarks and deleted contacts over the wire: what each side is told, and above all what it is not told.

use std::time::Duration;

use highwater_sdk::Error as SdkError;
use highwater_wire::{Encoding, Refusal, proto};
use proto::{ClientFrame, Standing, client_frame::Request, send::To, server_frame::Body};

use crate::support::{
    DEADLINE, Home, Person, Replica, Server, Wire, dump, http, requests, sdk, wire::assert_refused,
};

const CONTACTS: u32 = 2;

pub fn block(user_id: u64) -> Request {
    Request::BlockUser(proto::BlockUser { user_id })
}

fn unblock(user_id: u64) -> Request {
    Request::UnblockUser(proto::UnblockUser { user_id })
}

fn note(user_id: u64, remark: &str, labels: &[&str]) -> Request {
    let labels = labels.iter().map(|label| (*label).to_owned()).collect();
    Request::NoteContact(proto::NoteContact { user_id, remark: remark.to_owned(), labels })
}

pub fn delete(user_id: u64) -> Request {
    Request::DeleteContact(proto::DeleteContact { user_id })
}

pub async fn done(wire: &mut Wire, request: Request) {
    let answer = wire.ask(request).await;
    assert!(matches!(answer, Body::Done(_)), "{answer:?}");
}

/// What a replica has of a user.
pub fn contact(replica: &Replica, user_id: u64) -> Option<proto::ContactItem> {
    let value = replica.items.get(&(CONTACTS, user_id.to_string()))?;
    Some(serde_json::from_str(value).unwrap())
}

/// Waits until a device that may be nudged at any time has this.
pub async fn told(wire: &mut Wire, replica: &mut Replica, is_there: impl Fn(&Replica) -> bool) {
    wire.sync(replica).await;
    while !is_there(replica) {
        match wire.unasked().await {
            Body::Push(page) if replica.take(&page, false) => {}
            Body::Push(_) | Body::Nudge(_) => drop(wire.sync(replica).await),
            other => panic!("{other:?}"),
        }
    }
}

/// Everything that a user has but messages, at the newest level; `dump` is at the oldest.
pub async fn items(server: &Server, person: &Person) -> Replica {
    let hello = proto::Hello { context: 14, ..requests::hello(person.token()) };
    let (mut wire, _) = Wire::greeted_with(server, Encoding::Binary, hello).await;
    let mut replica = Replica::default();
    wire.sync(&mut replica).await;
    wire.close().await;
    replica
}

pub async fn http_answer(server: &Server, token: &str, request: Request) -> (u16, Body) {
    let frame = ClientFrame { request_id: 9, request: Some(request), ..Default::default() };
    let answer = http::post(server.client(), Encoding::Json, Some(token), &frame).await;
    (answer.status, answer.frame(Encoding::Json).body.unwrap())
}

/// Both refusals, without the number of their request.
async fn twice(wire: &mut Wire, one: Request, other: Request) -> [Body; 2] {
    [wire.ask(one).await, wire.ask(other).await]
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_blocked_finds_nobody_and_is_told_nothing() {
    let home = Home::dev();
    let server = home.start();
    let [ann, bob] = server.people::<2>(1).await;
    let mut anns = Wire::greeted(&server, ann.token()).await;
    let mut bobs = Wire::greeted(&server, bob.token()).await;
    let day = requests::today(&mut bobs).await;
    let before = requests::send(To::UserId(ann.user_id), day, "before");
    let place = requests::sent(&mut bobs, before.clone()).await;
    let (bob_had, bob_had_items) = (dump(&server, bob.token()).await, items(&server, &bob).await);
    done(&mut anns, block(bob.user_id)).await;

    // However Ann is named, the answer is that of a name, or an id, that nobody ever had.
    let nobody = ann.user_id ^ 1;
    let send = |to| Request::Send(requests::send(to, day, "after"));
    for (to_ann, to_nobody) in [
        (send(To::UserId(ann.user_id)), send(To::UserId(nobody))),
        (send(To::UserName(ann.name.clone())), send(To::UserName("nobody".to_owned()))),
        (send(To::ConversationId(place.conversation_id)), send(To::UserId(nobody))),
        (requests::find_user(&ann.name), requests::find_user("nobody")),
    ] {
        let answers = twice(&mut bobs, to_ann.clone(), to_nobody.clone()).await;
        assert_eq!(answers[0], answers[1], "{to_ann:?}");
        assert_refused(&answers[0], Refusal::NoSuchUser);
        let over_http = http_answer(&server, bob.token(), to_ann).await;
        assert_eq!(over_http, (404, answers[0].clone()));
        assert_eq!(over_http, http_answer(&server, bob.token(), to_nobody).await);
    }
    // Blocking tells nothing either: not that Ann is there, and not her name beyond what Bob had.
    done(&mut bobs, block(nobody)).await;
    assert_eq!(contact(&items(&server, &bob).await, nobody).unwrap().name, "");
    done(&mut bobs, unblock(nobody)).await;
    // What was stored before the block is still stored, and said to be.
    assert_eq!(requests::sent(&mut bobs, before).await, place);
    assert_eq!(dump(&server, bob.token()).await, bob_had, "the blocked is told nothing");
    assert_eq!(items(&server, &bob).await.items, bob_had_items.items, "the blocked is told nothing");
    assert_eq!(dump(&server, ann.token()).await.all_texts(), ["before"]);

    // The one who blocks may write; the other one may answer again when the block has ended.
    requests::sent(&mut anns, requests::send(To::UserId(bob.user_id), day, "from Ann")).await;
    requests::refused(&mut bobs, send(To::UserId(ann.user_id)), Refusal::NoSuchUser).await;
    done(&mut anns, unblock(bob.user_id)).await;
    requests::sent(&mut bobs, requests::send(To::UserId(ann.user_id), day, "again")).await;
    assert_eq!(dump(&server, ann.token()).await.all_texts(), ["before", "from Ann", "again"]);
    assert!(matches!(bobs.ask(requests::find_user(&ann.name)).await, Body::User(_)));
}

#[tokio::test(flavor = "multi_thread")]
async fn blocks_and_notes_reach_the_owners_devices_as_their_level_has_them() {
    let home = Home::dev();
    let server = home.start();
    let [ann, bob, cy] = server.people::<3>(2).await;
    let mut phone = Wire::greeted(&server, &ann.devices[0].token).await;
    let mut old = Wire::connect(&server, Encoding::Json).await;
    let hello = proto::Hello { level: 1, ..requests::hello(&ann.devices[1].token) };
    assert!(matches!(old.ask(Request::Hello(hello)).await, Body::Greeting(_)));
    let mut bobs = Wire::greeted(&server, bob.token()).await;
    let day = requests::today(&mut bobs).await;
    requests::sent(&mut bobs, requests::send(To::UserId(ann.user_id), day, "hi")).await;

    done(&mut phone, note(bob.user_id, "Bobby", &["tea", "work"])).await;
    done(&mut phone, block(bob.user_id)).await;
    done(&mut phone, block(cy.user_id)).await;
    let (mut at_phone, mut at_old) = (Replica::default(), Replica::default());
    told(&mut phone, &mut at_phone, |replica| contact(replica, cy.user_id).is_some()).await;
    told(&mut old, &mut at_old, |replica| contact(replica, bob.user_id).is_some()).await;
    let plain = proto::ContactItem { user_id: bob.user_id, name: bob.name.clone(), ..Default::default() };
    let labels = ["tea", "work"].map(str::to_owned).to_vec();
    let noted = proto::ContactItem { remark: "Bobby".to_owned(), labels, blocked: true, ..plain.clone() };
    let stranger = proto::ContactItem {
        user_id: cy.user_id,
        name: cy.name.clone(),
        standing: Standing::Stranger.into(),
        blocked: true,
        ..Default::default()
    };
    assert_eq!(contact(&at_phone, bob.user_id), Some(noted));
    assert_eq!(contact(&at_phone, cy.user_id), Some(stranger));
    assert_eq!(contact(&at_old, bob.user_id), Some(plain.clone()), "level 1 has a name and no more");
    let raw = &at_old.items[&(CONTACTS, bob.user_id.to_string())];
    assert!(!["remark", "labels", "blocked", "standing"].iter().any(|field| raw.contains(field)), "{raw}");
    assert_eq!(contact(&at_old, cy.user_id), None, "level 1 has no strangers");

    // A deleted contact goes from every device of the one, and from none of the other one.
    done(&mut phone, unblock(bob.user_id)).await;
    done(&mut phone, delete(bob.user_id)).await;
    for (wire, replica) in [(&mut phone, &mut at_phone), (&mut old, &mut at_old)] {
        told(wire, replica, |replica| contact(replica, bob.user_id).is_none()).await;
        assert_eq!(replica.all_texts(), ["hi"], "the conversation stays");
    }
    requests::refused(&mut phone, note(bob.user_id, "again", &[]), Refusal::NoSuchContact).await;
    requests::sent(&mut bobs, requests::send(To::UserId(ann.user_id), day, "still here")).await;
    told(&mut phone, &mut at_phone, |replica| replica.entries.len() == 2).await;
    assert_eq!(contact(&at_phone, bob.user_id), None, "a message does not add again");
    assert!(contact(&dump(&server, bob.token()).await, ann.user_id).is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_block_holds_after_a_crash_and_a_send_beside_it_comes_before_or_not_at_all() {
    let home = Home::dev();
    let mut server = home.start();
    let [ann, bob] = server.people::<2>(1).await;
    for round in 0..6 {
        let mut anns = Wire::greeted(&server, ann.token()).await;
        let mut bobs = Wire::greeted(&server, bob.token()).await;
        let day = requests::today(&mut bobs).await;
        done(&mut anns, unblock(bob.user_id)).await;
        let had = dump(&server, ann.token()).await.entries.len();
        let sends: Vec<_> = (0..6)
            .map(|place| {
                let text = format!("{round}.{place}");
                Request::Send(requests::send(To::UserId(ann.user_id), day, &text))
            })
            .collect();
        // Both are under way at once; only the order of the commits decides.
        let (ids, blocked) = tokio::join!(bobs.post_together(sends), anns.ask(block(bob.user_id)));
        assert!(matches!(blocked, Body::Done(_)), "{blocked:?}");
        let mut taken = 0;
        let mut was_refused = false;
        for id in ids {
            match bobs.answer(id).await {
                Body::Sent(_) => {
                    assert!(!was_refused, "nothing passes a block");
                    taken += 1;
                }
                refused => {
                    assert_refused(&refused, Refusal::NoSuchUser);
                    was_refused = true;
                }
            }
        }
        drop((anns, bobs));
        server.kill();
        server = home.start();
        assert_eq!(dump(&server, ann.token()).await.entries.len(), had + taken);
        let mut bobs = Wire::greeted(&server, bob.token()).await;
        let late = Request::Send(requests::send(To::UserName(ann.name.clone()), day, "late"));
        requests::refused(&mut bobs, late, Refusal::NoSuchUser).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rust_client_blocks_notes_and_deletes() {
    let home = Home::dev();
    let server = home.start();
    let [ann, bob]: [Person; 2] = server.people(1).await;
    let anns = sdk::caught_up(&server, ann.token()).await;
    let bobs = sdk::caught_up(&server, bob.token()).await;
    sdk::say(&bobs, ann.user_id, "hi").await;
    anns.note_contact(bob.user_id, "Bobby", &["tea"]).await.unwrap();
    anns.block_user(bob.user_id).await.unwrap();
    let refused = anns.note_contact(bob.user_id, &"x".repeat(65), &[]).await;
    assert!(matches!(refused, Err(SdkError::Refused(refused)) if refused.code == 104));
    let found = tokio::time::timeout(Duration::from_secs(10), bobs.find_user(&ann.name)).await.unwrap();
    assert!(matches!(found, Err(SdkError::Refused(refused)) if refused.code == 300));
    anns.unblock_user(bob.user_id).await.unwrap();
    sdk::say(&bobs, ann.user_id, "again").await;
    anns.delete_contact(bob.user_id).await.unwrap();
    anns.wait_caught_up(DEADLINE).await.unwrap();
}
