//! What the server tells by itself: pushes that continue the chain, nudges where a push will not do.

use highwater_wire::{Encoding, base_of, proto};
use proto::{client_frame::Request, send::To, server_frame::Body};

use crate::support::{Home, Person, Replica, Server, Wire, dump, requests};

/// Two people who have written to each other before, so that a message brings nothing but itself.
async fn acquainted(server: &Server) -> ([Person; 2], Wire, u32) {
    let [ann, bob] = server.people(2).await;
    let mut ann_wire = Wire::greeted(server, ann.token()).await;
    let day = requests::today(&mut ann_wire).await;
    requests::sent(&mut ann_wire, requests::send(To::UserId(bob.user_id), day, "first")).await;
    ([ann, bob], ann_wire, day)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_pushed_inline_and_continues_the_chain() {
    let home = Home::dev();
    let server = home.start();
    let ([_, bob], mut ann, day) = acquainted(&server).await;
    let (mut wire, mut replica) = (Wire::greeted(&server, bob.token()).await, Replica::default());
    wire.sync(&mut replica).await;
    for text in ["second", "third"] {
        let sent = requests::sent(&mut ann, requests::send(To::UserId(bob.user_id), day, text)).await;
        let Body::Push(page) = wire.unasked().await else { panic!("not a push") };
        assert_eq!(page.base, base_of(&replica.snapshot));
        assert_eq!(page.entries.len(), 1, "what was given before is not told again");
        assert_eq!((page.entries[0].seq, requests::text_of(&page.entries[0])), (sent.seq, text.to_owned()));
        assert!(page.items.is_empty() && page.rebuild.is_none() && !page.more);
        assert!(replica.take(&page, false));
    }
    // What the pushes gave is what a sync gives, and after them there is nothing more.
    let pages = wire.sync(&mut replica).await;
    assert!(pages[0].snapshot.is_empty() && pages[0].entries.is_empty(), "{pages:?}");
    assert_eq!(replica, dump(&server, bob.token()).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn own_messages_are_pushed_to_all_own_devices() {
    let home = Home::dev();
    let server = home.start();
    let ([ann, bob], mut sending, day) = acquainted(&server).await;
    let (mut phone, mut phone_has) =
        (Wire::greeted(&server, &ann.devices[1].token).await, Replica::default());
    let mut sending_has = Replica::default();
    phone.sync(&mut phone_has).await;
    sending.sync(&mut sending_has).await;
    sending.take_unasked();
    let send = requests::send(To::UserId(bob.user_id), day, "from the desktop");
    requests::sent(&mut sending, send.clone()).await;
    for wire in [&mut phone, &mut sending] {
        let Body::Push(page) = wire.unasked().await else { panic!("not a push") };
        assert_eq!(page.entries[0].client_message_id, send.client_message_id);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_kind_is_nudged_and_fetched() {
    let home = Home::dev();
    let server = home.start();
    let [ann, bob] = server.people(1).await;
    let (mut bob_wire, mut replica) = (Wire::greeted(&server, bob.token()).await, Replica::default());
    bob_wire.sync(&mut replica).await;
    let mut ann_wire = Wire::greeted(&server, ann.token()).await;
    let day = requests::today(&mut ann_wire).await;
    // The first message makes a contact and a conversation.
    requests::sent(&mut ann_wire, requests::send(To::UserId(bob.user_id), day, "first")).await;
    assert!(matches!(bob_wire.unasked().await, Body::Nudge(_)));
    bob_wire.sync(&mut replica).await;
    assert_eq!((replica.items.len(), replica.all_texts()), (3, vec!["first".to_owned()]));
}

#[tokio::test(flavor = "multi_thread")]
async fn before_its_first_sync_a_connection_is_nudged_once() {
    let home = Home::dev();
    let server = home.start();
    let ([_, bob], mut ann, day) = acquainted(&server).await;
    let mut wire = Wire::greeted(&server, bob.token()).await;
    for text in ["second", "third"] {
        requests::sent(&mut ann, requests::send(To::UserId(bob.user_id), day, text)).await;
    }
    assert!(matches!(wire.unasked().await, Body::Nudge(_)));
    let mut replica = Replica::default();
    wire.sync(&mut replica).await;
    assert_eq!(replica.all_texts(), ["first", "second", "third"]);
    assert!(wire.take_unasked().is_empty(), "one nudge says it all");
}

#[tokio::test(flavor = "multi_thread")]
async fn nudge_only_is_never_pushed_to() {
    let home = Home::dev();
    let server = home.start();
    let ([_, bob], mut ann, day) = acquainted(&server).await;
    let hello = proto::Hello { nudge_only: true, ..requests::hello(bob.token()) };
    let (mut wire, _) = Wire::greeted_with(&server, Encoding::Json, hello).await;
    let mut replica = Replica::default();
    wire.sync(&mut replica).await;
    for round in 2..5 {
        requests::sent(&mut ann, requests::send(To::UserId(bob.user_id), day, "more")).await;
        assert!(matches!(wire.unasked().await, Body::Nudge(_)));
        wire.sync(&mut replica).await;
        assert_eq!(replica.entries.len(), round);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_heartbeat_with_an_old_snapshot_is_answered_by_a_nudge() {
    let home = Home::dev();
    let server = home.start();
    let ([_, bob], mut ann, day) = acquainted(&server).await;
    let (mut wire, mut replica) = (Wire::greeted(&server, bob.token()).await, Replica::default());
    wire.sync(&mut replica).await;
    let stored = replica.snapshot.clone();
    requests::sent(&mut ann, requests::send(To::UserId(bob.user_id), day, "lost on the way")).await;
    assert!(matches!(wire.unasked().await, Body::Push(_)));
    // The push was not stored, so the heartbeat hands back what was there before.
    let request = wire.post_with(stored, Request::Heartbeat(proto::Heartbeat {})).await;
    assert!(matches!(wire.answer(request).await, Body::Heartbeat(_)));
    assert!(matches!(wire.unasked().await, Body::Nudge(_)));
    wire.sync(&mut replica).await;
    assert_eq!(replica.all_texts(), ["first", "lost on the way"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn kinds_that_were_not_declared_are_not_told() {
    let home = Home::dev();
    let server = home.start();
    let ([_, bob], _, _) = acquainted(&server).await;
    let hello = proto::Hello { kinds: vec![3, 77], context: 1, ..requests::hello(bob.token()) };
    let (mut wire, greeting) = Wire::greeted_with(&server, Encoding::Binary, hello).await;
    assert_eq!(greeting.kinds.len(), 1, "an unknown kind is ignored: {greeting:?}");
    let mut replica = Replica::default();
    wire.sync(&mut replica).await;
    assert_eq!((replica.items.len(), replica.entries.len()), (1, 0), "conversations alone");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_connection_of_the_lineage_takes_the_place() {
    let home = Home::dev();
    let server = home.start();
    let [ann] = server.people(1).await;
    let mut first = Wire::greeted(&server, ann.token()).await;
    let other_context = proto::Hello { context: 1, ..requests::hello(ann.token()) };
    let (mut extension, _) = Wire::greeted_with(&server, Encoding::Binary, other_context).await;
    let mut second = Wire::greeted(&server, ann.token()).await;
    assert_eq!(first.closed().await, highwater_wire::close::REPLACED);
    for wire in [&mut second, &mut extension] {
        requests::today(wire).await;
    }
}
