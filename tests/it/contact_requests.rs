//! Requests to be a contact over the wire: what waits, what each side is told, and what races end in.

use highwater_wire::{Refusal, proto};
use proto::{Standing, client_frame::Request, server_frame::Body};

use crate::{
    contacts::{block, contact, delete, done, http_answer, items, told},
    support::{Home, Replica, Wire, requests, sdk, wire::assert_refused},
};

fn ask(user_id: u64, greeting: &str) -> Request {
    Request::AskContact(proto::AskContact { user_id, greeting: greeting.to_owned() })
}

fn accept(user_id: u64) -> Request {
    Request::AcceptContact(proto::AcceptContact { user_id })
}

fn refuse(user_id: u64) -> Request {
    Request::RefuseContact(proto::RefuseContact { user_id })
}

fn withdraw(user_id: u64) -> Request {
    Request::WithdrawContact(proto::WithdrawContact { user_id })
}

fn standing(replica: &Replica, user_id: u64) -> Option<Standing> {
    contact(replica, user_id).map(|contact| contact.standing())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_waits_is_granted_and_is_told_to_both() {
    let home = Home::dev();
    let server = home.start();
    let [ann, bob] = server.people::<2>(1).await;
    let mut anns = Wire::greeted(&server, ann.token()).await;
    let mut bobs = Wire::greeted(&server, bob.token()).await;
    let (mut at_ann, mut at_bob) = (Replica::default(), Replica::default());
    done(&mut anns, ask(bob.user_id, "It is Ann\nfrom work")).await;
    told(&mut anns, &mut at_ann, |replica| standing(replica, bob.user_id) == Some(Standing::Asked)).await;
    told(&mut bobs, &mut at_bob, |replica| standing(replica, ann.user_id) == Some(Standing::AskedBy)).await;
    let waiting = contact(&at_bob, ann.user_id).unwrap();
    assert_eq!((waiting.name.as_str(), waiting.greeting.as_str()), (&*ann.name, "It is Ann\nfrom work"));
    assert!(waiting.asked_at_ms > 0);

    // What waits survives a crash, and is granted once, however often that is said.
    drop((anns, bobs));
    server.kill();
    let server = home.start();
    let mut anns = Wire::greeted(&server, ann.token()).await;
    let mut bobs = Wire::greeted(&server, bob.token()).await;
    done(&mut bobs, accept(ann.user_id)).await;
    done(&mut bobs, accept(ann.user_id)).await;
    let (status, again) = http_answer(&server, bob.token(), accept(ann.user_id)).await;
    assert!(status == 200 && matches!(again, Body::Done(_)));
    told(&mut anns, &mut at_ann, |replica| standing(replica, bob.user_id) == Some(Standing::Contact)).await;
    told(&mut bobs, &mut at_bob, |replica| standing(replica, ann.user_id) == Some(Standing::Contact)).await;
    let plain = proto::ContactItem { user_id: ann.user_id, name: ann.name.clone(), ..Default::default() };
    assert_eq!(contact(&at_bob, ann.user_id), Some(plain), "nothing waits any more");

    // Who is still known need not be asked again.
    done(&mut anns, delete(bob.user_id)).await;
    told(&mut anns, &mut at_ann, |replica| standing(replica, bob.user_id).is_none()).await;
    done(&mut anns, ask(bob.user_id, "")).await;
    told(&mut anns, &mut at_ann, |replica| standing(replica, bob.user_id) == Some(Standing::Contact)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_not_told_and_a_block_takes_no_requests() {
    let home = Home::dev();
    let server = home.start();
    let [ann, bob] = server.people::<2>(1).await;
    let mut anns = Wire::greeted(&server, ann.token()).await;
    let mut bobs = Wire::greeted(&server, bob.token()).await;
    done(&mut anns, ask(bob.user_id, "please")).await;
    let ann_had = items(&server, &ann).await;
    done(&mut bobs, refuse(ann.user_id)).await;
    assert_eq!(items(&server, &ann).await, ann_had, "who is refused is not told");
    assert_eq!(standing(&items(&server, &bob).await, ann.user_id), None);
    requests::refused(&mut bobs, accept(ann.user_id), Refusal::NoSuchRequest).await;

    done(&mut bobs, block(ann.user_id)).await;
    let to_bob = anns.ask(ask(bob.user_id, "please")).await;
    assert_refused(&to_bob, Refusal::NoSuchUser);
    assert_eq!(to_bob, anns.ask(ask(bob.user_id ^ 1, "please")).await, "as if there were nobody");
    let over_http = http_answer(&server, ann.token(), ask(bob.user_id, "please")).await;
    assert_eq!(over_http, (404, to_bob));
    requests::refused(&mut bobs, ask(ann.user_id, ""), Refusal::UnblockFirst).await;
    assert_eq!(items(&server, &ann).await, ann_had);
    done(&mut anns, withdraw(bob.user_id)).await;
    assert_eq!(standing(&items(&server, &ann).await, bob.user_id), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn races_end_the_same_on_both_sides() {
    let home = Home::dev();
    let server = home.start();
    for round in 0..12 {
        let [ann, bob] = server.people::<2>(1).await;
        let mut anns = Wire::greeted(&server, ann.token()).await;
        let mut bobs = Wire::greeted(&server, bob.token()).await;
        let both = async || {
            let (at_ann, at_bob) = (items(&server, &ann).await, items(&server, &bob).await);
            [standing(&at_ann, bob.user_id), standing(&at_bob, ann.user_id)]
        };
        if round % 2 == 0 {
            // Requests that cross make contacts, whichever came first.
            let answers = tokio::join!(anns.ask(ask(bob.user_id, "a")), bobs.ask(ask(ann.user_id, "b")));
            assert!(matches!(answers, (Body::Done(_), Body::Done(_))), "{answers:?}");
            assert_eq!(both().await, [Some(Standing::Contact); 2]);
        } else {
            // Granted or withdrawn: what was first is so for both.
            done(&mut anns, ask(bob.user_id, "a")).await;
            let (withdrawn, accepted) =
                tokio::join!(anns.ask(withdraw(bob.user_id)), bobs.ask(accept(ann.user_id)));
            assert!(matches!(withdrawn, Body::Done(_)), "{withdrawn:?}");
            let expected = match accepted {
                Body::Done(_) => [Some(Standing::Contact); 2],
                refused => {
                    assert_refused(&refused, Refusal::NoSuchRequest);
                    [None; 2]
                }
            };
            assert_eq!(both().await, expected);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rust_client_asks_and_answers_and_is_told_when_it_is_too_much() {
    let home = Home::dev();
    let server = home.start();
    let people = server.people::<24>(1).await;
    let asking = sdk::caught_up(&server, people[0].token()).await;
    let mut refused = None;
    for person in &people[1..] {
        if let Err(error) = asking.ask_contact(person.user_id, "hello").await {
            refused = Some((person.user_id, error));
            break;
        }
    }
    let Some((user_id, highwater_sdk::Error::Refused(error))) = refused else { panic!("{refused:?}") };
    assert_eq!((user_id, error.code), (people[21].user_id, 333), "twenty in a day");
    let again = http_answer(&server, people[0].token(), ask(people[22].user_id, "")).await;
    assert_eq!(again.0, 429);
    assert_refused(&again.1, Refusal::TooManyRequests);
    let first = sdk::caught_up(&server, people[1].token()).await;
    first.accept_contact(people[0].user_id).await.unwrap();
    let second = sdk::caught_up(&server, people[2].token()).await;
    second.refuse_contact(people[0].user_id).await.unwrap();
    asking.withdraw_contact(people[3].user_id).await.unwrap();
    let told = items(&server, &people[0]).await;
    let standings = [1, 2, 3].map(|place: usize| standing(&told, people[place].user_id));
    assert_eq!(standings, [Some(Standing::Contact), Some(Standing::Asked), None]);
}
