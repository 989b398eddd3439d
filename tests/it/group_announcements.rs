//! What is announced in a group: who may, who is told, and what who comes later finds.

use highwater_wire::{Refusal, proto};
use proto::{
    Announcement, GroupInfo, client_frame::Request, entry::Content, notice::What, server_frame::Body,
};

use super::{
    contacts::{done, http_answer},
    groups::{add, create, created},
};
use crate::support::{Home, Person, Wire, requests, sdk};

fn set(conversation_id: u64, text: &str) -> Request {
    Request::SetAnnouncement(proto::SetAnnouncement { conversation_id, text: text.to_owned() })
}

fn describe(conversation_id: u64) -> Request {
    Request::DescribeGroup(proto::DescribeGroup { conversation_id })
}

/// What is announced, and by whom.
fn announced(body: Body) -> Option<(String, proto::User)> {
    let Body::GroupInfo(GroupInfo { announcement, .. }) = body else { panic!("{body:?}") };
    announcement.map(|Announcement { text, by, at_ms }| {
        assert!(at_ms > 0);
        (text, by.unwrap())
    })
}

fn by(text: &str, person: &Person) -> Option<(String, proto::User)> {
    Some((
        text.to_owned(),
        proto::User { user_id: person.user_id, name: person.name.clone(), ..Default::default() },
    ))
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_later_finds_what_was_announced() {
    let home = Home::dev();
    let server = home.start();
    let [ann, bob, cy] = server.people(1).await;
    let mut anns = Wire::greeted(&server, ann.token()).await;
    let mut bobs = Wire::greeted(&server, bob.token()).await;
    let mut cys = Wire::greeted(&server, cy.token()).await;
    let group = created(&mut anns, create(1, "Tea", &[bob.user_id])).await;
    assert_eq!(announced(bobs.ask(describe(group)).await), None);
    requests::refused(&mut bobs, set(group, "no"), Refusal::Forbidden).await;
    requests::refused(&mut cys, set(group, "no"), Refusal::NoSuchConversation).await;
    requests::refused(&mut anns, set(group, "a\u{202e}b"), Refusal::InvalidAnnouncement).await;
    done(&mut anns, set(group, "At five.\nBring Käse 🧀.")).await;
    done(&mut anns, set(group, "At five.\nBring Käse 🧀.")).await;
    done(&mut anns, add(group, &[cy.user_id])).await;
    let due = by("At five.\nBring Käse 🧀.", &ann);
    assert_eq!(announced(cys.ask(describe(group)).await), due);
    let (status, body) = http_answer(&server, cy.token(), describe(group)).await;
    assert_eq!((status, announced(body)), (200, due.clone()));

    // It is so after a kill too.
    server.kill();
    let server = home.start();
    let mut anns = Wire::greeted(&server, ann.token()).await;
    assert_eq!(announced(anns.ask(describe(group)).await), due);
    done(&mut anns, set(group, "")).await;
    assert_eq!(announced(anns.ask(describe(group)).await), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rust_client_announces_and_everybody_is_told_in_one_order() {
    let home = Home::dev();
    let server = home.start();
    let [ann, bob] = server.people(1).await;
    let anns = sdk::caught_up(&server, ann.token()).await;
    let bobs = sdk::caught_up(&server, bob.token()).await;
    let id = highwater_sdk::ClientMessageId::random();
    let group = anns.create_group(id, "Tea", &[bob.user_id]).await.unwrap();
    anns.set_announcement(group, "At five").await.unwrap();
    anns.set_announcement(group, "At six").await.unwrap();
    anns.set_announcement(group, "").await.unwrap();
    let told = sdk::wait_for(&bobs, "three announcements", move |store| {
        let entries = store.entries_after(group, 1, 99).unwrap();
        let text = |entry: &proto::Entry| match &entry.content {
            Some(Content::Notice(notice)) => (notice.what(), notice.text.clone()),
            other => panic!("{other:?}"),
        };
        (entries.len() == 3).then(|| entries.iter().map(text).collect::<Vec<_>>())
    })
    .await;
    let due = ["At five", "At six", ""].map(|text| (What::Announced, text.to_owned()));
    assert_eq!(told, due);
    assert_eq!(bobs.describe_group(group).await.unwrap().announcement, None);
}
