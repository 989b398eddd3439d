//! Groups that want to be asked: who waits, who is let in, and who is told what of it.

use highwater_wire::{Refusal, proto};
use proto::{
    AnswerJoinRequest, GroupInfo, JoinByLink, ListJoinRequests, SetApproval, client_frame::Request,
    entry::Content, notice::What, server_frame::Body,
};

use super::{
    contacts::{done, http_answer},
    group_links::{code, joined, look},
    groups::{create, created, remove},
};
use crate::support::{Home, Wire, requests, sdk};

fn approval(conversation_id: u64, approval: bool) -> Request {
    Request::SetApproval(SetApproval { conversation_id, approval })
}

fn list(conversation_id: u64) -> Request {
    Request::ListJoinRequests(ListJoinRequests { conversation_id })
}

fn answer(conversation_id: u64, user_id: u64, accepted: bool) -> Request {
    Request::AnswerJoinRequest(AnswerJoinRequest { conversation_id, user_id, accepted })
}

fn ask(code: &str, greeting: &str) -> Request {
    Request::JoinByLink(JoinByLink { code: code.to_owned(), greeting: greeting.to_owned() })
}

fn asked(group: u64) -> Body {
    Body::GroupInfo(GroupInfo { conversation_id: group, asked: true, ..GroupInfo::default() })
}

/// Who waits, and what they say.
fn waiting(body: Body) -> Vec<(String, String)> {
    let Body::JoinRequestList(list) = body else { panic!("{body:?}") };
    list.requests.into_iter().map(|request| (request.user.unwrap().name, request.greeting)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_waits_until_somebody_lets_him_in() {
    let home = Home::dev();
    let server = home.start();
    let [ann, bob, cy, dan] = server.people(1).await;
    let mut anns = Wire::greeted(&server, ann.token()).await;
    let mut bobs = Wire::greeted(&server, bob.token()).await;
    let mut cys = Wire::greeted(&server, cy.token()).await;
    let group = created(&mut anns, create(1, "Tea", &[bob.user_id])).await;
    requests::refused(&mut bobs, approval(group, true), Refusal::Forbidden).await;
    requests::refused(&mut bobs, list(group), Refusal::Forbidden).await;
    requests::refused(&mut cys, list(group), Refusal::NoSuchConversation).await;
    done(&mut anns, approval(group, true)).await;
    let code = code(&mut anns, group, 1, 9).await;
    let Body::GroupInfo(seen) = cys.ask(look(&code)).await else { panic!("nothing seen") };
    assert!(seen.approval && seen.conversation_id == 0);
    assert_eq!(cys.ask(ask(&code, "It is Cy")).await, asked(group));
    assert_eq!(cys.ask(ask(&code, "It is Cy again")).await, asked(group));
    assert_eq!(http_answer(&server, dan.token(), ask(&code, "")).await, (200, asked(group)));
    let of_cy = (cy.name.clone(), "It is Cy".to_owned());
    assert_eq!(waiting(anns.ask(list(group)).await), [of_cy.clone(), (dan.name.clone(), String::new())]);

    // It waits after a kill too. Who asked takes it back; a refusal is told to nobody.
    server.kill();
    let server = home.start();
    let mut anns = Wire::greeted(&server, ann.token()).await;
    let mut cys = Wire::greeted(&server, cy.token()).await;
    let mut dans = Wire::greeted(&server, dan.token()).await;
    done(&mut dans, answer(group, dan.user_id, false)).await;
    let (status, listed) = http_answer(&server, ann.token(), list(group)).await;
    assert_eq!((status, waiting(listed)), (200, vec![of_cy]));
    requests::refused(&mut anns, answer(group, dan.user_id, true), Refusal::NoSuchRequest).await;
    assert_eq!(dans.ask(ask(&code, "")).await, asked(group));
    done(&mut anns, answer(group, dan.user_id, false)).await;
    assert_eq!(dans.ask(ask(&code, "please")).await, asked(group));
    requests::refused(&mut cys, answer(group, dan.user_id, true), Refusal::NoSuchConversation).await;
    done(&mut anns, answer(group, cy.user_id, true)).await;
    done(&mut anns, answer(group, cy.user_id, true)).await;
    assert_eq!(waiting(anns.ask(list(group)).await), []);
    assert_eq!(cys.ask(ask(&code, "")).await, joined(group));

    // Who was removed does not come back by a link, but may ask.
    done(&mut anns, remove(group, cy.user_id)).await;
    assert_eq!(cys.ask(ask(&code, "sorry")).await, asked(group));
    done(&mut anns, approval(group, false)).await;
    requests::refused(&mut cys, ask(&code, ""), Refusal::Forbidden).await;
    done(&mut anns, answer(group, cy.user_id, true)).await;
    assert_eq!(cys.ask(ask(&code, "")).await, joined(group));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rust_client_is_let_in_and_every_member_is_told() {
    let home = Home::dev();
    let server = home.start();
    let [ann, bob] = server.people(1).await;
    let anns = sdk::caught_up(&server, ann.token()).await;
    let bobs = sdk::caught_up(&server, bob.token()).await;
    let group = anns.create_group(highwater_sdk::ClientMessageId::random(), "Tea", &[]).await.unwrap();
    anns.set_approval(group, true).await.unwrap();
    let id = highwater_sdk::ClientMessageId::random();
    let link = anns.make_link(group, id, std::time::Duration::from_secs(60), 0).await.unwrap();
    assert!(bobs.join_by_link(&link.code, "It is Bob").await.unwrap().asked);
    // The devices of owner and admins are told that somebody asks by an entry, wherever they are.
    let whats = |after: u64, count: usize| {
        move |store: &highwater_sdk::Store| {
            let entries = store.entries_after(group, after, 99).unwrap();
            let what = |entry: &proto::Entry| match &entry.content {
                Some(Content::Notice(notice)) => (notice.what(), notice.users.len()),
                other => panic!("{other:?}"),
            };
            (entries.len() == count).then(|| entries.iter().map(what).collect::<Vec<_>>())
        }
    };
    let told = sdk::wait_for(&anns, "the request", whats(1, 2)).await;
    assert_eq!(told, [(What::ApprovalOn, 0), (What::Asked, 0)]);
    let waiting = anns.list_join_requests(group).await.unwrap();
    assert_eq!((waiting.len(), waiting[0].greeting.as_str()), (1, "It is Bob"));
    anns.answer_join_request(group, bob.user_id, true).await.unwrap();
    // Who is let in is told by the entry that makes him a member, and of nothing before it.
    assert_eq!(sdk::wait_for(&bobs, "being let in", whats(0, 1)).await, [(What::Admitted, 1)]);
}
