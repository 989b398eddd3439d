//! A group and a device whose level has none: it is a contact that one reads and answers.

use highwater_sdk::{Client, ClientOptions, Store, Target};
use highwater_wire::{Encoding, Refusal, kind, proto};
use proto::{client_frame::Request, entry::Content, send::To, server_frame::Body};

use super::{
    contacts::{done, http_answer, told},
    groups::{add, create, created, leave, remove},
};
use crate::support::{DEADLINE, Home, Replica, Server, Wire, requests, sdk};

async fn greeted(server: &Server, token: &str, level: u32, locale: &str) -> Wire {
    let mut wire = Wire::connect(server, Encoding::Json).await;
    let hello = proto::Hello { level, locale: locale.to_owned(), ..requests::hello(token) };
    match wire.ask(Request::Hello(hello)).await {
        Body::Greeting(greeting) => assert_eq!(greeting.level, level),
        other => panic!("no greeting but {other:?}"),
    }
    wire
}

/// Waits until it holds the entry at a place.
async fn hears(wire: &mut Wire, replica: &mut Replica, group: u64, seq: u64) -> (u64, String) {
    told(wire, replica, |replica| replica.entries.contains_key(&(group, seq))).await;
    let entry = &replica.entries[&(group, seq)];
    (entry.sender_id, requests::text_of(entry))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_of_level_one_is_invited_reads_and_answers() {
    let home = Home::dev();
    let server = home.start();
    let [ann, bob, cy] = server.people(1).await;
    let mut anns = Wire::greeted(&server, ann.token()).await;
    let (mut old, mut held) = (greeted(&server, bob.token(), 1, "").await, Replica::default());
    old.sync(&mut held).await;
    let before = held.items.clone();

    let group = created(&mut anns, create(1, "Tea", &[bob.user_id])).await;
    let made = format!("{} made the group \"Tea\" with {}", ann.name, bob.name);
    assert_eq!(hears(&mut old, &mut held, group, 1).await, (group, made));
    let contact = format!(r#"{{"userId":"{group}","name":"Tea"}}"#);
    let conversation = format!(r#"{{"conversationId":"{group}","peerId":"{group}"}}"#);
    let mut with_group = before.clone();
    with_group.insert((kind::CONTACTS, group.to_string()), contact);
    with_group.insert((kind::CONVERSATIONS, group.to_string()), conversation);
    assert_eq!(held.items, with_group, "a contact, and a conversation with it");

    let day = requests::today(&mut anns).await;
    requests::sent(&mut anns, requests::send(To::ConversationId(group), day, "hi")).await;
    assert_eq!(hears(&mut old, &mut held, group, 2).await, (group, format!("{}: hi", ann.name)));
    // The answer goes to that contact, and so to the group.
    let answer = requests::send(To::UserId(group), day, "hello");
    let sent = requests::sent(&mut old, answer.clone()).await;
    assert_eq!((sent.conversation_id, sent.seq), (group, 3));
    assert_eq!(requests::sent(&mut old, answer).await, sent, "sent again it has the same place");
    assert_eq!(hears(&mut old, &mut held, group, 3).await, (bob.user_id, "hello".to_owned()));
    let mut at_ann = Replica::default();
    told(&mut anns, &mut at_ann, |replica| replica.entries.contains_key(&(group, 3))).await;
    let heard = &at_ann.entries[&(group, 3)];
    assert_eq!((heard.sender_id, requests::text_of(heard)), (bob.user_id, "hello".to_owned()));

    // Nobody else reaches the group by that number, and nobody learns that it is one.
    let outside = Request::Send(requests::send(To::UserId(group), day, "let me in"));
    let nobody = Request::Send(requests::send(To::UserId(group ^ 1), day, "let me in"));
    let mut cys = Wire::greeted(&server, cy.token()).await;
    let refused = cys.ask(outside.clone()).await;
    assert_eq!(refused, cys.ask(nobody).await);
    assert_eq!(http_answer(&server, cy.token(), outside).await, (404, refused));

    // In the device's language, and nothing when it is over.
    let mut chinese = greeted(&server, bob.token(), 1, "zh").await;
    done(&mut anns, add(group, &[cy.user_id])).await;
    let added = format!("{}邀请{}加入了群聊", ann.name, cy.name);
    assert_eq!(hears(&mut chinese, &mut held, group, 4).await, (group, added));
    done(&mut anns, remove(group, bob.user_id)).await;
    let removed = format!("{}将{}移出了群聊", ann.name, bob.name);
    assert_eq!(hears(&mut chinese, &mut held, group, 5).await, (group, removed));
    assert_eq!(held.items, before);
    requests::refused(
        &mut chinese,
        Request::Send(requests::send(To::UserId(group), day, "again")),
        Refusal::NoSuchUser,
    )
    .await;
    requests::refused(&mut chinese, leave(group), Refusal::NoSuchConversation).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_is_updated_has_a_group_where_it_had_a_contact() {
    let home = Home::dev();
    let server = home.start();
    let [ann, bob] = server.people(1).await;
    let mut anns = Wire::greeted(&server, ann.token()).await;
    let group = created(&mut anns, create(1, "Tea", &[bob.user_id])).await;
    let file = home.data().join("../bob.sqlite");
    for (round, level) in [(0, 1), (1, 3), (2, 1), (3, 2)] {
        let options = ClientOptions { level, ..sdk::options(&server, bob.token()) };
        let client = Client::start(options, Store::open(&file).unwrap()).unwrap();
        client.wait_caught_up(DEADLINE).await.unwrap();
        let is_contact = client.read(move |store| store.item(kind::CONTACTS, &group.to_string())).await;
        assert_eq!(is_contact.unwrap().unwrap().is_some(), level == 1, "level {level}");
        let groups = client.read(|store| store.groups().unwrap()).await.unwrap();
        assert_eq!(groups.len(), usize::from(level > 1), "level {level}");
        // What is told from now on has the form of the level.
        let to = if level == 1 { Target::User(group) } else { Target::Conversation(group) };
        let id = client.send(to, "hi").await.unwrap();
        let own = sdk::settled(&client, id).await;
        assert_eq!((own.conversation_id, own.seq), (group, 2 * round + 2));
        let day = requests::today(&mut anns).await;
        requests::sent(&mut anns, requests::send(To::ConversationId(group), day, "ho")).await;
        let expected = match level {
            1 => (group, Content::Text(format!("{}: ho", ann.name))),
            _ => (ann.user_id, Content::Text("ho".to_owned())),
        };
        let heard = sdk::wait_for(&client, "an answer", move |store| {
            store.entry(group, own.seq + 1).unwrap().map(|entry| (entry.sender_id, entry.content.unwrap()))
        })
        .await;
        assert_eq!(heard, expected, "level {level}");
        client.close().await;
    }
}
