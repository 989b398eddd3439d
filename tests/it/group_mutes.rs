//! Who may write to a group, and what everybody is told of it.

use highwater_sdk::{Client, Store};
use highwater_wire::{Refusal, proto};
use proto::{GroupInfo, client_frame::Request, entry::Content, notice::What, send::To, server_frame::Body};

use super::{
    contacts::{done, http_answer},
    groups::{add, create, created},
};
use crate::support::{Home, Wire, requests, sdk};

fn mute_all(conversation_id: u64, muted: bool) -> Request {
    Request::MuteGroup(proto::MuteGroup { conversation_id, muted })
}

fn mute(conversation_id: u64, user_id: u64, muted: bool) -> Request {
    Request::MuteMember(proto::MuteMember { conversation_id, user_id, muted })
}

fn describe(conversation_id: u64) -> Request {
    Request::DescribeGroup(proto::DescribeGroup { conversation_id })
}

fn info(all_muted: bool, muted: bool) -> Body {
    Body::GroupInfo(GroupInfo { name: "Tea".to_owned(), all_muted, muted, ..GroupInfo::default() })
}

/// What came of trying to write: the place, or the refusal.
async fn tries(wire: &mut Wire, group: u64) -> Result<u64, u32> {
    let day = requests::today(wire).await;
    match wire.ask(Request::Send(requests::send(To::ConversationId(group), day, "hi"))).await {
        Body::Sent(sent) => Ok(sent.seq),
        Body::Error(error) => Err(error.code),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_muted_is_refused_by_a_number_of_its_own() {
    let muted = Err(Refusal::Muted.code());
    let home = Home::dev();
    let server = home.start();
    let [ann, bob, cy] = server.people(1).await;
    let mut anns = Wire::greeted(&server, ann.token()).await;
    let mut bobs = Wire::greeted(&server, bob.token()).await;
    let mut cys = Wire::greeted(&server, cy.token()).await;
    let group = created(&mut anns, create(1, "Tea", &[bob.user_id])).await;
    requests::refused(&mut bobs, mute_all(group, true), Refusal::Forbidden).await;
    requests::refused(&mut bobs, mute(group, ann.user_id, true), Refusal::Forbidden).await;
    requests::refused(&mut anns, mute(group, ann.user_id, true), Refusal::InvalidField).await;
    requests::refused(&mut anns, mute(group, cy.user_id, true), Refusal::NoSuchUser).await;
    requests::refused(&mut cys, describe(group), Refusal::NoSuchConversation).await;
    assert_eq!(bobs.ask(describe(group)).await, info(false, false));

    done(&mut anns, mute_all(group, true)).await;
    done(&mut anns, mute_all(group, true)).await;
    assert_eq!((tries(&mut anns, group).await, tries(&mut bobs, group).await), (Ok(3), muted));
    // Who comes now finds out by asking, over HTTP as well.
    done(&mut anns, add(group, &[cy.user_id])).await;
    assert_eq!(cys.ask(describe(group)).await, info(true, false));
    assert_eq!(http_answer(&server, cy.token(), describe(group)).await, (200, info(true, false)));
    assert_eq!(tries(&mut cys, group).await, muted);
    done(&mut anns, mute(group, cy.user_id, true)).await;
    done(&mut anns, mute_all(group, false)).await;
    assert_eq!((tries(&mut bobs, group).await, tries(&mut cys, group).await), (Ok(7), muted));

    // It is so after a kill too.
    server.kill();
    let server = home.start();
    let mut anns = Wire::greeted(&server, ann.token()).await;
    let mut cys = Wire::greeted(&server, cy.token()).await;
    assert_eq!(tries(&mut cys, group).await, muted);
    assert_eq!(cys.ask(describe(group)).await, info(false, true));
    done(&mut anns, mute(group, cy.user_id, false)).await;
    assert_eq!(tries(&mut cys, group).await, Ok(9));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rust_client_mutes_and_is_told_who_was() {
    let home = Home::dev();
    let server = home.start();
    let [ann, bob] = server.people(1).await;
    let anns = sdk::caught_up(&server, ann.token()).await;
    let bobs: Client = sdk::caught_up(&server, bob.token()).await;
    let id = highwater_sdk::ClientMessageId::random();
    let group = anns.create_group(id, "Tea", &[bob.user_id]).await.unwrap();
    anns.mute_group(group, true).await.unwrap();
    anns.mute_member(group, bob.user_id, true).await.unwrap();
    assert_eq!(
        bobs.describe_group(group).await.unwrap(),
        GroupInfo { name: "Tea".to_owned(), all_muted: true, muted: true, ..GroupInfo::default() }
    );
    anns.mute_member(group, bob.user_id, false).await.unwrap();
    anns.mute_group(group, false).await.unwrap();
    let whats = move |store: &Store| {
        let entries = store.entries_after(group, 1, 99).unwrap();
        let what = |entry: &proto::Entry| match &entry.content {
            Some(Content::Notice(notice)) => (notice.what(), notice.users.len()),
            other => panic!("{other:?}"),
        };
        (entries.len() == 4).then(|| entries.iter().map(what).collect::<Vec<_>>())
    };
    let told = sdk::wait_for(&bobs, "four notices", whats).await;
    let expected = [(What::AllMuted, 0), (What::Muted, 1), (What::Unmuted, 1), (What::AllUnmuted, 0)];
    assert_eq!(told, expected);
}
