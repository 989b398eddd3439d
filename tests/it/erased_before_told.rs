//! A user was erased, and others were not told yet: to whoever asks or acts it is as if there were no such user.

use highwater_wire::{Refusal, proto};
use proto::{client_frame::Request, send::To, server_frame::Body};

use super::{
    contacts::done,
    groups::{add, create, created},
};
use crate::support::{Home, Wire, eventually, requests};

/// The index is written a second later, and the cleaner waits for it: what is asked before that is asked before others are
/// told. It is true behind that too.
const CONFIG: &str = "[server]\nworkers = 2\n";

async fn members(wire: &mut Wire, conversation_id: u64, limit: u32) -> Vec<u64> {
    let (mut found, mut after) = (Vec::new(), 0);
    loop {
        let wanted = proto::ListMembers { conversation_id, after, limit };
        let Body::MemberList(list) = wire.ask(Request::ListMembers(wanted)).await else {
            panic!("no members")
        };
        found.extend(list.members.iter().map(|member| member.user_id));
        assert!(list.members.iter().all(|member| !member.name.is_empty()), "{list:?}");
        after = list.next;
        if after == 0 {
            return found;
        }
    }
}

async fn watermarks(wire: &mut Wire, conversation_id: u64) -> Vec<u64> {
    let wanted = proto::AskWatermarks { conversation_id, ..Default::default() };
    match wire.ask(Request::AskWatermarks(wanted)).await {
        Body::Watermarks(list) => list.watermarks.iter().map(|watermark| watermark.user_id).collect(),
        other => panic!("no watermarks but {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_erased_is_nobody_from_then_on_to_all_who_ask_and_act() {
    let home = Home::new(CONFIG, &["--dev"]);
    let server = home.start();
    let [ann, bob, cy, dan] = server.people(1).await;
    let mut anns = Wire::greeted(&server, ann.token()).await;
    let mut bobs = Wire::greeted(&server, bob.token()).await;
    let mut dans = Wire::greeted(&server, dan.token()).await;
    let group = created(&mut anns, create(1, "Tea", &[bob.user_id, cy.user_id])).await;
    let role = proto::Role::Admin.into();
    let give = proto::GiveRole { conversation_id: group, user_id: bob.user_id, role };
    done(&mut anns, Request::GiveRole(give)).await;
    let link_id = vec![1; 16].into();
    let make = proto::MakeLink { conversation_id: group, link_id, valid_s: 600, uses_max: 9 };
    let Body::LinkList(made) = anns.ask(Request::MakeLink(make)).await else { panic!("no link") };
    let code = made.links[0].code.clone();
    let day = requests::today(&mut anns).await;
    let to_bob = requests::send(To::UserId(bob.user_id), day, "secret");
    let direct = requests::sent(&mut anns, to_bob).await.conversation_id;
    let ask = proto::AskContact { user_id: dan.user_id, greeting: "it is me".to_owned() };
    done(&mut anns, Request::AskContact(ask)).await;

    let mut everybody = vec![ann.user_id, bob.user_id, cy.user_id];
    everybody.sort_unstable();
    assert_eq!(members(&mut bobs, group, 1).await, everybody);
    assert_eq!(watermarks(&mut bobs, direct).await, [ann.user_id]);
    let body = serde_json::json!({ "user": ann.name }).to_string();
    assert_eq!(server.operate("POST", "/v1/erase", &body).await.status, 200);

    let left = everybody.iter().copied().filter(|user| *user != ann.user_id);
    for limit in [0, 1] {
        assert_eq!(members(&mut bobs, group, limit).await, left.clone().collect::<Vec<_>>());
    }
    assert_eq!(watermarks(&mut bobs, group).await, [cy.user_id]);
    assert_eq!(watermarks(&mut bobs, direct).await, Vec::<u64>::new());
    let look = Request::LookAtLink(proto::LookAtLink { code: code.clone() });
    requests::refused(&mut dans, look, Refusal::NoSuchLink).await;
    let join = Request::JoinByLink(proto::JoinByLink { code, greeting: String::new() });
    requests::refused(&mut dans, join, Refusal::NoSuchLink).await;
    requests::refused(&mut bobs, add(group, &[ann.user_id]), Refusal::NoSuchUser).await;
    let accept = Request::AcceptContact(proto::AcceptContact { user_id: ann.user_id });
    requests::refused(&mut dans, accept, Refusal::NoSuchRequest).await;
    let note = proto::NoteContact { user_id: ann.user_id, remark: "boss".to_owned(), labels: Vec::new() };
    requests::refused(&mut bobs, Request::NoteContact(note), Refusal::NoSuchContact).await;

    // When everybody was told it is no other.
    eventually("all are told", || async {
        let body = serde_json::json!({ "user": ann.name }).to_string();
        let told = server.operate("POST", "/v1/explain/user", &body).await.text();
        told.contains("\"done\":true").then_some(())
    })
    .await;
    assert_eq!(members(&mut bobs, group, 1).await, left.collect::<Vec<_>>());
    assert_eq!(watermarks(&mut bobs, group).await, [cy.user_id]);
    assert_eq!(watermarks(&mut bobs, direct).await, Vec::<u64>::new());
}
