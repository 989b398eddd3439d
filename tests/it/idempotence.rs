//! The same id has the same place: sent twice at once, again on another connection, after a crash, by another device.
//! Ids are those of a sender; the same id of somebody else is another message.

use highwater_sdk::{Client, Store, Target};
use highwater_wire::{Encoding, proto};
use proto::{ClientFrame, client_frame::Request, send::To, server_frame::Body};

use crate::support::{Home, Person, Server, Wire, dump, http, requests, sdk, temp_dir::TempDir};

async fn pair(server: &Server) -> ([Person; 2], Wire, u32) {
    let people: [Person; 2] = server.people(2).await;
    let mut wire = Wire::greeted(server, people[0].token()).await;
    let day = requests::today(&mut wire).await;
    (people, wire, day)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_id_has_the_same_place_wherever_it_comes_from() {
    let home = Home::dev();
    let server = home.start();
    let ([ann, bob], mut first, day) = pair(&server).await;
    let send = requests::send(To::UserId(bob.user_id), day, "once");
    let place = requests::sent(&mut first, send.clone()).await;
    // On the same connection, named in all three ways.
    for to in
        [To::UserId(bob.user_id), To::UserName(bob.name.clone()), To::ConversationId(place.conversation_id)]
    {
        let again = proto::Send { to: Some(to), ..send.clone() };
        assert_eq!(requests::sent(&mut first, again).await, place);
    }
    // From the sender's other device, after reconnecting, over HTTP.
    let mut other_device = Wire::greeted(&server, &ann.devices[1].token).await;
    assert_eq!(requests::sent(&mut other_device, send.clone()).await, place);
    first.close().await;
    let mut reconnected = Wire::greeted(&server, ann.token()).await;
    assert_eq!(requests::sent(&mut reconnected, send.clone()).await, place);
    let frame =
        ClientFrame { request_id: 1, request: Some(Request::Send(send.clone())), ..Default::default() };
    let answer = http::post(server.client(), Encoding::Json, Some(ann.token()), &frame).await;
    assert_eq!(answer.frame(Encoding::Json).body, Some(Body::Sent(place)));
    for person in [&ann, &bob] {
        assert_eq!(dump(&server, person.token()).await.all_texts(), ["once"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_id_of_somebody_else_is_another_message() {
    let home = Home::dev();
    let server = home.start();
    let ([ann, bob], mut anns, day) = pair(&server).await;
    let send = requests::send(To::UserId(bob.user_id), day, "mine");
    let first = requests::sent(&mut anns, send.clone()).await;
    let mut bobs = Wire::greeted(&server, bob.token()).await;
    let same_id = proto::Send { to: Some(To::UserId(ann.user_id)), text: "his".to_owned(), ..send };
    let second = requests::sent(&mut bobs, same_id).await;
    assert_eq!((second.conversation_id, second.seq), (first.conversation_id, 2));
    assert_eq!(dump(&server, ann.token()).await.all_texts(), ["mine", "his"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn duplicates_at_the_same_time_are_one_message() {
    let home = Home::dev();
    let server = home.start();
    let ([ann, bob], mut one, day) = pair(&server).await;
    let mut other = Wire::greeted(&server, &ann.devices[1].token).await;
    for round in 0..20 {
        let send = requests::send(To::UserId(bob.user_id), day, &round.to_string());
        let (mut on_one, mut on_other) = (Vec::new(), Vec::new());
        for _ in 0..8 {
            on_one.push(one.post(Request::Send(send.clone())).await);
            on_other.push(other.post(Request::Send(send.clone())).await);
        }
        let mut places = Vec::new();
        for (mine, its) in on_one.into_iter().zip(on_other) {
            places.push(one.answer(mine).await);
            places.push(other.answer(its).await);
        }
        assert!(matches!(&places[0], Body::Sent(sent) if sent.seq == round + 1), "{:?}", places[0]);
        assert!(places.iter().all(|place| *place == places[0]), "{places:?}");
    }
    assert_eq!(dump(&server, bob.token()).await.entries.len(), 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_messages_with_one_id_at_the_same_time_one_is_refused() {
    let home = Home::dev();
    let server = home.start();
    let ([ann, bob], mut one, day) = pair(&server).await;
    let mut other = Wire::greeted(&server, &ann.devices[1].token).await;
    let send = requests::send(To::UserId(bob.user_id), day, "this");
    let that = proto::Send { text: "that".to_owned(), ..send.clone() };
    let (first, second) = (one.post(Request::Send(send)).await, other.post(Request::Send(that)).await);
    let answers = [one.answer(first).await, other.answer(second).await];
    let sent = answers.iter().filter(|body| matches!(body, Body::Sent(_))).count();
    let conflicts =
        answers.iter().filter(|body| matches!(body, Body::Error(error) if error.code == 304)).count();
    assert_eq!((sent, conflicts), (1, 1), "{answers:?}");
    assert_eq!(dump(&server, bob.token()).await.entries.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_forgets_no_id() {
    let home = Home::dev();
    let server = home.start();
    let ([ann, bob], mut wire, day) = pair(&server).await;
    let mut known = Vec::new();
    for n in 0..30 {
        // Some on other days of the window, which are looked up in another way after the start.
        let send = requests::send(To::UserId(bob.user_id), day + 1 - n % 8, &n.to_string());
        known.push((requests::sent(&mut wire, send.clone()).await, send));
    }
    // Unanswered at the kill: each may stand or not, and is one message after it is sent again.
    let doubtful: Vec<_> =
        (0..40).map(|n| requests::send(To::UserId(bob.user_id), day, &format!("doubtful {n}"))).collect();
    for send in &doubtful {
        wire.post(Request::Send(send.clone())).await;
    }
    server.kill();
    let server = home.start();
    let mut wire = Wire::greeted(&server, ann.token()).await;
    let survived = dump(&server, bob.token()).await;
    for (place, send) in &known {
        assert_eq!(requests::sent(&mut wire, send.clone()).await, *place, "same id, same place, same time");
    }
    let mut doubtful_places = Vec::new();
    for send in &doubtful {
        doubtful_places.push((requests::sent(&mut wire, send.clone()).await, send));
    }
    for (place, send) in &doubtful_places {
        let before = survived.entries.get(&(place.conversation_id, place.seq));
        assert!(
            before.is_none_or(|entry| requests::text_of(entry) == send.text),
            "what stood kept its place"
        );
    }
    server.kill();
    let server = home.start();
    let mut wire = Wire::greeted(&server, ann.token()).await;
    for (place, send) in &doubtful_places {
        assert_eq!(requests::sent(&mut wire, (*send).clone()).await, *place);
    }
    let all = dump(&server, bob.token()).await;
    assert_eq!(all.entries.len(), 70, "each once");
    let seqs: Vec<u64> = all.entries.keys().map(|(_, seq)| *seq).collect();
    assert_eq!(seqs, (1..=70).collect::<Vec<_>>(), "without a hole");
    assert_eq!(dump(&server, ann.token()).await.all_texts(), all.all_texts());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_real_client_loses_and_doubles_nothing_over_crashes() {
    let home = Home::dev();
    let mut server = home.start();
    let [ann, bob] = server.people(1).await;
    let files = TempDir::new();
    let (mut expected, mut ids) = (Vec::new(), Vec::new());
    for round in 0..3 {
        // The client's store outlives both processes; its server comes back elsewhere each time.
        let client = Client::start(
            sdk::options(&server, ann.token()),
            Store::open(files.path().join("ann.sqlite")).unwrap(),
        )
        .unwrap();
        for n in 0..60 {
            let text = format!("{round}.{n:02}");
            ids.push(client.send(Target::User(bob.user_id), text.clone()).await.unwrap());
            expected.push(text);
        }
        // Killed when some are answered and others are not.
        sdk::settled(&client, ids[round * 60 + 20]).await;
        server.kill();
        client.close().await;
        server = home.start();
    }
    let client = Client::start(
        sdk::options(&server, ann.token()),
        Store::open(files.path().join("ann.sqlite")).unwrap(),
    )
    .unwrap();
    for id in ids {
        sdk::settled(&client, id).await;
    }
    let seen = sdk::texts(&sdk::caught_up(&server, bob.token()).await, expected.len()).await;
    assert_eq!(seen, expected, "each once, in the order of sending");
    assert_eq!(sdk::texts(&client, expected.len()).await, expected);
}
