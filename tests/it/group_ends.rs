//! The end of a group: the owner's word, everybody's last entry, and what stays readable behind it.

use highwater_sdk::Store;
use highwater_wire::{Refusal, proto};
use proto::{client_frame::Request, entry::Content, notice::What, send::To, server_frame::Body};

use super::{
    contacts::{done, told},
    groups::{add, create, created, item},
};
use crate::support::{Home, Replica, Wire, requests, sdk};

fn dissolve(conversation_id: u64) -> Request {
    Request::DissolveGroup(proto::DissolveGroup { conversation_id })
}

fn range(conversation_id: u64) -> Request {
    Request::Range(proto::Range { conversation_id, from_seq: 1, to_seq: 99 })
}

/// What a member held at the end is there: the last entry, and no conversation.
async fn hears_the_end(wire: &mut Wire, replica: &mut Replica, group: u64, seq: u64) {
    told(wire, replica, |replica| {
        replica.entries.contains_key(&(group, seq)) && item(replica, group).is_none()
    })
    .await;
    let Some(Content::Notice(notice)) = &replica.entries[&(group, seq)].content else { panic!("no notice") };
    assert_eq!((notice.what(), notice.users.len()), (What::Dissolved, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_owner_ends_a_group_and_what_was_told_stays_readable() {
    let home = Home::dev();
    let server = home.start();
    let [ann, bob, cy] = server.people(1).await;
    let mut anns = Wire::greeted(&server, ann.token()).await;
    let mut bobs = Wire::greeted(&server, bob.token()).await;
    let group = created(&mut anns, create(1, "Tea", &[bob.user_id])).await;
    let day = requests::today(&mut bobs).await;
    let said = requests::send(To::ConversationId(group), day, "hi");
    let sent = requests::sent(&mut bobs, said.clone()).await;
    assert_eq!(sent.seq, 2);
    requests::refused(&mut bobs, dissolve(group), Refusal::Forbidden).await;
    done(&mut anns, dissolve(group)).await;
    hears_the_end(&mut anns, &mut Replica::default(), group, 3).await;
    hears_the_end(&mut bobs, &mut Replica::default(), group, 3).await;

    // Nobody writes, adds or ends it once more; what was sent before is recognised. Both is so after a kill too.
    server.kill();
    let server = home.start();
    let mut anns = Wire::greeted(&server, ann.token()).await;
    let mut bobs = Wire::greeted(&server, bob.token()).await;
    assert_eq!(requests::sent(&mut bobs, said).await, sent);
    let late = Request::Send(requests::send(To::ConversationId(group), day, "is anybody there?"));
    for request in [late, add(group, &[cy.user_id]), dissolve(group)] {
        requests::refused(&mut anns, request.clone(), Refusal::NoSuchConversation).await;
        requests::refused(&mut bobs, request, Refusal::NoSuchConversation).await;
    }
    for wire in [&mut anns, &mut bobs] {
        let Body::Entries(list) = wire.ask(range(group)).await else { panic!("no entries") };
        assert_eq!(list.entries.iter().map(|entry| entry.seq).collect::<Vec<_>>(), [1, 2, 3]);
    }
    let mut cys = Wire::greeted(&server, cy.token()).await;
    requests::refused(&mut cys, range(group), Refusal::NoSuchConversation).await;
    // The same request makes no second group in its place.
    assert_eq!(created(&mut anns, create(1, "Tea", &[bob.user_id])).await, group);
    requests::refused(&mut anns, dissolve(group), Refusal::NoSuchConversation).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rust_client_ends_a_group() {
    let home = Home::dev();
    let server = home.start();
    let [ann, bob] = server.people(1).await;
    let mut anns = Wire::greeted(&server, ann.token()).await;
    let bobs = sdk::caught_up(&server, bob.token()).await;
    let id = highwater_sdk::ClientMessageId::random();
    let group = bobs.create_group(id, "Tea", &[ann.user_id]).await.unwrap();
    bobs.dissolve_group(group).await.unwrap();
    let has_ended = move |store: &Store| {
        let ends = store.entries_after(group, 0, 99).unwrap().len() == 2;
        (ends && store.groups().unwrap().is_empty()).then_some(())
    };
    sdk::wait_for(&bobs, "the end of the group", has_ended).await;
    hears_the_end(&mut anns, &mut Replica::default(), group, 2).await;
}
