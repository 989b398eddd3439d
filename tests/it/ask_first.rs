//! Users who want to be asked: what a stranger is answered, how both come to write, and where the operator has it so.

use highwater_sdk::{Error as SdkError, Strangers};
use highwater_wire::{Refusal, proto};
use proto::{Standing, client_frame::Request, send::To, server_frame::Body};

use crate::{
    contacts::{block, contact, done, http_answer, items, told},
    support::{Home, Person, Replica, Server, Wire, dump, requests, sdk},
};

const ACCOUNT: u32 = 1;

fn set_strangers(strangers: proto::Strangers) -> Request {
    Request::SetStrangers(proto::SetStrangers { strangers: strangers.into() })
}

fn write(to: &Person, day: u32, text: &str) -> Request {
    Request::Send(requests::send(To::UserId(to.user_id), day, text))
}

fn ask(to: &Person, greeting: &str) -> Request {
    Request::AskContact(proto::AskContact { user_id: to.user_id, greeting: greeting.to_owned() })
}

/// What a replica says of its user's own setting.
fn said(replica: &Replica) -> Option<i32> {
    let value = replica.items.get(&(ACCOUNT, "strangers".to_owned()))?;
    Some(serde_json::from_str::<proto::StrangersItem>(value).unwrap().strangers)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_asks_is_accepted_and_both_write() {
    let home = Home::dev();
    let server = home.start();
    let [ann, bob, cy] = server.people::<3>(2).await;
    let mut anns = Wire::greeted(&server, ann.token()).await;
    let mut bobs = Wire::greeted(&server, &bob.devices[0].token).await;
    let mut tablet = Wire::greeted(&server, &bob.devices[1].token).await;
    let day = requests::today(&mut anns).await;
    done(&mut bobs, set_strangers(proto::Strangers::Ask)).await;
    let (mut at_tablet, ask_number) = (Replica::default(), proto::Strangers::Ask.into());
    told(&mut tablet, &mut at_tablet, |replica| said(replica) == Some(ask_number)).await;
    assert_eq!(said(&dump(&server, bob.token()).await), None, "level 1 has nothing of it");

    // However he is named, and over HTTP as well: nothing is stored, and no device of his is told.
    let by_name = Request::Send(requests::send(To::UserName(bob.name.clone()), day, "by name"));
    for request in [write(&bob, day, "first"), by_name] {
        requests::refused(&mut anns, request.clone(), Refusal::AskFirst).await;
        assert_eq!(http_answer(&server, ann.token(), request).await.0, 403);
    }
    assert_eq!(contact(&items(&server, &bob).await, ann.user_id), None);
    // Who is blocked is answered as if there were nobody, whatever he wants of strangers.
    done(&mut bobs, block(cy.user_id)).await;
    let mut cys = Wire::greeted(&server, cy.token()).await;
    requests::refused(&mut cys, write(&bob, day, "hi"), Refusal::NoSuchUser).await;
    requests::refused(&mut cys, ask(&bob, "hi"), Refusal::NoSuchUser).await;

    done(&mut anns, ask(&bob, "first")).await;
    requests::refused(&mut anns, write(&bob, day, "not yet"), Refusal::AskFirst).await;
    told(&mut tablet, &mut at_tablet, |replica| contact(replica, ann.user_id).is_some()).await;
    let waiting = contact(&at_tablet, ann.user_id).unwrap();
    assert_eq!((waiting.standing(), waiting.greeting.as_str()), (Standing::AskedBy, "first"));
    done(&mut bobs, Request::AcceptContact(proto::AcceptContact { user_id: ann.user_id })).await;
    requests::sent(&mut anns, requests::send(To::UserId(bob.user_id), day, "now")).await;
    requests::sent(&mut bobs, requests::send(To::UserId(ann.user_id), day, "yes")).await;

    // Nobody says nothing.
    requests::refused(&mut bobs, set_strangers(proto::Strangers::Unspecified), Refusal::InvalidField).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn groups_are_not_concerned_and_who_writes_first_is_answered() {
    let home = Home::dev();
    let mut server = home.start();
    let [ann, bob]: [Person; 2] = server.people(2).await;
    let bobs = sdk::caught_up(&server, &bob.devices[1].token).await;
    bobs.set_strangers(Strangers::Ask).await.unwrap();
    server.kill();
    server = home.start();
    let anns = sdk::caught_up(&server, &ann.devices[1].token).await;
    let mut wire = Wire::greeted(&server, ann.token()).await;
    let day = requests::today(&mut wire).await;
    requests::refused(&mut wire, write(&bob, day, "after a crash"), Refusal::AskFirst).await;
    let group = anns.create_group(highwater_sdk::ClientMessageId([9; 16]), "Tea", &[bob.user_id]).await;
    let to_group = requests::send(To::ConversationId(group.unwrap()), day, "to all");
    requests::sent(&mut wire, to_group).await;
    let mut bobs_wire = Wire::greeted(&server, bob.token()).await;
    requests::sent(&mut bobs_wire, requests::send(To::UserId(ann.user_id), day, "me first")).await;
    requests::sent(&mut wire, requests::send(To::UserId(bob.user_id), day, "an answer")).await;
    let refused = anns.ask_contact(bob.user_id, &"x".repeat(201)).await;
    assert!(matches!(refused, Err(SdkError::Refused(refused)) if refused.code == 104));
}

/// What the server says in the greeting that it has.
async fn capabilities(server: &Server, person: &Person) -> Vec<String> {
    let mut wire = Wire::connect(server, highwater_wire::Encoding::Binary).await;
    match wire.ask(Request::Hello(requests::hello(person.token()))).await {
        Body::Greeting(greeting) => greeting.capabilities,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operator_has_strangers_ask_until_a_user_says_otherwise() {
    let home = Home::dev();
    let server = home.start();
    let [ann] = server.people::<1>(1).await;
    assert!(!capabilities(&server, &ann).await.contains(&"strangers_ask".to_owned()));
    let home = Home::new("[accounts]\nstrangers = \"request\"\n", &["--dev"]);
    let server = home.start();
    let [ann, bob] = server.people::<2>(1).await;
    assert!(capabilities(&server, &ann).await.contains(&"strangers_ask".to_owned()));
    let mut anns = Wire::greeted(&server, ann.token()).await;
    let mut bobs = Wire::greeted(&server, bob.token()).await;
    let day = requests::today(&mut anns).await;
    requests::refused(&mut anns, write(&bob, day, "hi"), Refusal::AskFirst).await;
    done(&mut bobs, set_strangers(proto::Strangers::Write)).await;
    requests::sent(&mut anns, requests::send(To::UserId(bob.user_id), day, "hi")).await;
}
