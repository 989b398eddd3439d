//! Links into groups: made and told once, looked at by strangers, used in a race, and what wrong codes cost.

use std::time::Duration;

use highwater_wire::{Refusal, proto};
use proto::{
    GroupInfo, JoinByLink, Link, ListLinks, LookAtLink, MakeLink, RevokeLink, client_frame::Request,
    entry::Content, notice::What, server_frame::Body,
};

use super::{
    contacts::{done, http_answer},
    groups::{add, create, created, give, remove},
};
use crate::support::{Home, Wire, requests, sdk};

pub fn make(conversation_id: u64, id: u8, uses_max: u32) -> Request {
    Request::MakeLink(MakeLink { conversation_id, link_id: vec![id; 16].into(), valid_s: 600, uses_max })
}

fn list(conversation_id: u64) -> Request {
    Request::ListLinks(ListLinks { conversation_id })
}

fn revoke(conversation_id: u64, id: u8) -> Request {
    Request::RevokeLink(RevokeLink { conversation_id, link_id: vec![id; 16].into() })
}

pub fn look(code: &str) -> Request {
    Request::LookAtLink(LookAtLink { code: code.to_owned() })
}

fn join(code: &str) -> Request {
    Request::JoinByLink(JoinByLink { code: code.to_owned(), greeting: String::new() })
}

fn links(body: Body) -> Vec<Link> {
    match body {
        Body::LinkList(list) => list.links,
        other => panic!("{other:?}"),
    }
}

/// A link of user `wire`, and its code.
pub async fn code(wire: &mut Wire, group: u64, id: u8, uses_max: u32) -> String {
    let made = links(wire.ask(make(group, id, uses_max)).await);
    assert_eq!((made.len(), made[0].link_id.as_ref(), made[0].used), (1, &[id; 16][..], 0));
    assert_eq!(made[0].code.len(), 32, "{made:?}");
    made[0].code.clone()
}

pub fn joined(group: u64) -> Body {
    Body::GroupInfo(GroupInfo { conversation_id: group, ..GroupInfo::default() })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_looks_at_a_link_and_joins_by_it() {
    let home = Home::dev();
    let server = home.start();
    let [ann, bob, cy, dan] = server.people(1).await;
    let mut anns = Wire::greeted(&server, ann.token()).await;
    let mut bobs = Wire::greeted(&server, bob.token()).await;
    let mut cys = Wire::greeted(&server, cy.token()).await;
    let group = created(&mut anns, create(1, "Tea", &[bob.user_id])).await;
    requests::refused(&mut bobs, make(group, 1, 2), Refusal::Forbidden).await;
    requests::refused(&mut bobs, list(group), Refusal::Forbidden).await;
    requests::refused(&mut bobs, revoke(group, 1), Refusal::Forbidden).await;
    requests::refused(&mut cys, list(group), Refusal::NoSuchConversation).await;
    let of_short_id = MakeLink { conversation_id: group, link_id: vec![1; 15].into(), ..MakeLink::default() };
    requests::refused(&mut anns, Request::MakeLink(of_short_id), Refusal::InvalidField).await;

    let first = code(&mut anns, group, 1, 2).await;
    // Made once more it is one link with a new code.
    let code = code(&mut anns, group, 1, 2).await;
    assert_ne!(first, code);
    requests::refused(&mut cys, look(&first), Refusal::NoSuchLink).await;
    let seen = GroupInfo { name: "Tea".to_owned(), members: 2, ..GroupInfo::default() };
    assert_eq!(cys.ask(look(&code)).await, Body::GroupInfo(seen.clone()));
    assert_eq!(http_answer(&server, dan.token(), look(&code)).await, (200, Body::GroupInfo(seen)));

    // It is so after a kill too, and nobody but the one who made it was told the code.
    server.kill();
    let server = home.start();
    let mut anns = Wire::greeted(&server, ann.token()).await;
    let mut cys = Wire::greeted(&server, cy.token()).await;
    assert_eq!(cys.ask(join(&code)).await, joined(group));
    assert_eq!(cys.ask(join(&code)).await, joined(group));
    let listed = links(anns.ask(list(group)).await);
    let shown: Vec<_> = listed.iter().map(|link| (link.code.as_str(), link.used, link.uses_max)).collect();
    assert_eq!(shown, [("", 1, 2)]);
    assert_eq!(listed[0].by.as_ref().map(|by| by.name.clone()), Some(ann.name.clone()));
    assert_eq!(http_answer(&server, dan.token(), join(&code)).await, (200, joined(group)));

    // Who was removed does not come back by a link, and comes back when he is added.
    done(&mut anns, remove(group, cy.user_id)).await;
    let other = self::code(&mut anns, group, 2, 5).await;
    requests::refused(&mut cys, join(&other), Refusal::Forbidden).await;
    done(&mut anns, add(group, &[cy.user_id])).await;
    assert_eq!(cys.ask(join(&other)).await, joined(group));
    done(&mut anns, revoke(group, 2)).await;
    done(&mut anns, revoke(group, 2)).await;
    let mut dans = Wire::greeted(&server, dan.token()).await;
    requests::refused(&mut dans, look(&other), Refusal::NoSuchLink).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_is_somebodys_whom_it_names() {
    let home = Home::dev();
    let server = home.start();
    let [ann, bob, cy, dan] = server.people(1).await;
    let mut anns = Wire::greeted(&server, ann.token()).await;
    let mut bobs = Wire::greeted(&server, bob.token()).await;
    let mut cys = Wire::greeted(&server, cy.token()).await;
    let mut dans = Wire::greeted(&server, dan.token()).await;
    let group = created(&mut anns, create(1, "Tea", &[bob.user_id])).await;
    done(&mut anns, give(group, bob.user_id, proto::Role::Admin)).await;
    let made = links(bobs.ask(make(group, 1, 9)).await);
    let maker = made[0].by.clone().unwrap();
    assert_eq!((maker.user_id, maker.name), (bob.user_id, bob.name.clone()), "the answer says who");
    let listed = links(anns.ask(list(group)).await);
    assert_eq!(listed[0].by, made[0].by, "and the list says the same");

    // A suspension is told to nobody and ends nothing: the link stays good.
    let suspend = serde_json::json!({ "user": bob.name, "suspended": true }).to_string();
    assert_eq!(server.operate("POST", "/v1/suspend", &suspend).await.status, 204);
    assert_eq!(cys.ask(join(&made[0].code)).await, joined(group));
    // An erasure ends it at once.
    let erase = serde_json::json!({ "user": bob.name }).to_string();
    assert_eq!(server.operate("POST", "/v1/erase", &erase).await.status, 200);
    requests::refused(&mut dans, look(&made[0].code), Refusal::NoSuchLink).await;
    requests::refused(&mut dans, join(&made[0].code), Refusal::NoSuchLink).await;
    assert_eq!(links(anns.ask(list(group)).await), [], "and it is nobody's to be listed");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_at_once_as_many_come_in_as_the_link_says() {
    const USES: usize = 3;
    let home = Home::dev();
    let server = home.start();
    let [ann, b, c, d, e, f, g, h] = server.people(1).await;
    let mut anns = Wire::greeted(&server, ann.token()).await;
    let group = created(&mut anns, create(1, "Tea", &[])).await;
    let code = code(&mut anns, group, 1, USES as u32).await;
    let others = [b, c, d, e, f, g, h];
    let tries = others.iter().map(|person| http_answer(&server, person.token(), join(&code)));
    let told = futures_util::future::join_all(tries).await;
    let came = told.iter().filter(|(_, body)| *body == joined(group)).count();
    let late = |(_, body): &&(u16, Body)| matches!(body, Body::Error(error) if error.code == Refusal::NoSuchLink.code());
    assert_eq!((came, told.iter().filter(late).count()), (USES, others.len() - USES), "{told:?}");
    let listed = links(anns.ask(list(group)).await);
    assert_eq!((listed[0].used, listed[0].uses_max), (USES as u32, USES as u32));
    let Body::MemberList(members) = anns
        .ask(Request::ListMembers(proto::ListMembers { conversation_id: group, after: 0, limit: 0 }))
        .await
    else {
        panic!("no members")
    };
    assert_eq!(members.members.len(), 1 + USES);
    // Who came is told so again, by the same request.
    for (person, (_, body)) in others.iter().zip(&told) {
        let again = http_answer(&server, person.token(), join(&code)).await;
        assert_eq!(again.1 == joined(group), *body == joined(group), "{again:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_codes_cost_attempts_whatever_is_wrong_with_them() {
    let home = Home::dev();
    let server = home.start();
    let [ann, bob, cy] = server.people(1).await;
    let mut anns = Wire::greeted(&server, ann.token()).await;
    let mut bobs = Wire::greeted(&server, bob.token()).await;
    let group = created(&mut anns, create(1, "Tea", &[])).await;
    let code = code(&mut anns, group, 1, 5).await;
    let mut wrong = code.clone().into_bytes();
    wrong[20] = if wrong[20] == b'A' { b'B' } else { b'A' };
    let of_other_secret = String::from_utf8(wrong).unwrap();
    let of_no_group = format!("AAAAAAAAAAA{}", &code[11..]);
    let tried = [of_other_secret.as_str(), &of_no_group, "", "?"];
    for number in 0..10 {
        let code = tried[number % tried.len()];
        let request = if number % 3 == 0 { look(code) } else { join(code) };
        requests::refused(&mut bobs, request, Refusal::NoSuchLink).await;
    }
    // Also the right one is not looked at now, over HTTP neither; others are not concerned.
    requests::refused(&mut bobs, join(&code), Refusal::TooManyAttempts).await;
    requests::refused(&mut bobs, look(&code), Refusal::TooManyAttempts).await;
    assert_eq!(
        http_answer(&server, bob.token(), join(&code)).await.0,
        Refusal::TooManyAttempts.http_status()
    );
    assert_eq!(http_answer(&server, cy.token(), join(&code)).await, (200, joined(group)));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rust_client_joins_by_a_link_and_everybody_is_told() {
    let home = Home::dev();
    let server = home.start();
    let [ann, bob] = server.people(1).await;
    let anns = sdk::caught_up(&server, ann.token()).await;
    let bobs = sdk::caught_up(&server, bob.token()).await;
    let group = anns.create_group(highwater_sdk::ClientMessageId::random(), "Tea", &[]).await.unwrap();
    let id = highwater_sdk::ClientMessageId::random();
    let link = anns.make_link(group, id, Duration::from_secs(60), 0).await.unwrap();
    assert_eq!(bobs.look_at_link(&link.code).await.unwrap().name, "Tea");
    assert_eq!(bobs.join_by_link(&link.code, "").await.unwrap().conversation_id, group);
    assert_eq!(anns.list_links(group).await.unwrap()[0].used, 1);
    anns.revoke_link(group, &link.link_id).await.unwrap();
    assert_eq!(anns.list_links(group).await.unwrap(), []);
    for client in [&anns, &bobs] {
        let told = sdk::wait_for(client, "the join", move |store| {
            let entries = store.entries_after(group, 1, 99).unwrap();
            entries.first().and_then(|entry| entry.content.clone())
        });
        let Content::Notice(notice) = told.await else { panic!("no notice") };
        assert_eq!((notice.what(), notice.by.as_str()), (What::JoinedByLink, bob.name.as_str()));
    }
}
