//! What is unread over the wire: the server's number, the one that each device computes from what it was told, and the
//! numbers after a kill are the same. And how a conversation is kept.

use highwater_wire::{Encoding, Refusal, kind, proto};
use proto::{client_frame::Request, send::To, server_frame::Body};

use crate::{
    contacts::{done, http_answer, told},
    support::{Home, Replica, Server, Wire, requests},
};

fn mark_read(conversation_id: u64, seq: u64) -> Request {
    Request::MarkRead(proto::MarkRead { conversation_id, seq })
}

fn keep(conversation_id: u64, muted_until_ms: i64, pinned: bool) -> Request {
    Request::SetConversation(proto::SetConversation { conversation_id, muted_until_ms, pinned })
}

/// The one head of somebody who has one conversation.
async fn head(wire: &mut Wire) -> proto::Head {
    match wire.ask(Request::Heads(proto::Heads::default())).await {
        Body::Heads(mut list) => {
            assert_eq!((list.heads.len(), list.next), (1, 0), "items of one's own are no conversations");
            list.heads.remove(0)
        }
        other => panic!("{other:?}"),
    }
}

/// What a device was told that its user has read and how the user keeps the conversation.
fn own(replica: &Replica, conversation: u64) -> proto::OwnItem {
    let value = replica.items.get(&(kind::CONVERSATIONS, format!("{conversation}/own")));
    value.map(|value| serde_json::from_str(value).unwrap()).unwrap_or_default()
}

/// What a device computes from that and from entries, as protocol.md says, section 8.
fn unread_at(replica: &Replica, conversation: u64) -> u64 {
    let own = own(replica, conversation);
    let entries: Vec<_> = replica.entries.range((conversation, 0)..=(conversation, u64::MAX)).collect();
    let count_at = |seq: u64| {
        replica.entries[&(conversation, seq)].seq - replica.entries[&(conversation, seq)].uncounted
    };
    let (mut read, mut read_count, mut above) = (own.read_seq, own.read_count, own.own_seqs);
    for (_, entry) in
        entries.iter().filter(|(_, entry)| !entry.client_message_id.is_empty() && entry.seq > own.as_of_seq)
    {
        if entry.read_seq > read {
            (read, read_count) = (entry.read_seq, count_at(entry.read_seq));
            above.retain(|seq| *seq > read);
        }
        if entry.seq > read {
            above.push(entry.seq);
        }
    }
    let newest = entries.last().map_or(0, |(_, newest)| newest.seq - newest.uncounted);
    newest - read_count - above.len() as u64
}

async fn say(wire: &mut Wire, to: u64, shown_seq: u64, text: &str) -> proto::Sent {
    let day = requests::today(wire).await;
    let send = requests::send(To::UserId(to), day, text);
    requests::sent(wire, proto::Send { shown_seq, ..send }).await
}

/// All devices and the server say this number.
async fn all_say(devices: &mut [(Wire, Replica)], conversation: u64, unread: u64) {
    let newest = head(&mut devices[0].0).await;
    assert_eq!(newest.unread, unread, "{newest:?}");
    assert_eq!(newest.count - newest.read_count - newest.own_seqs.len() as u64, unread);
    for (wire, replica) in devices {
        told(wire, replica, |replica| {
            replica.entries.contains_key(&(conversation, newest.seq))
                && unread_at(replica, conversation) == unread
        })
        .await;
    }
}

async fn devices(server: &Server, person: &crate::support::Person) -> Vec<(Wire, Replica)> {
    let mut devices = Vec::new();
    for device in &person.devices {
        devices.push((Wire::greeted(server, &device.token).await, Replica::default()));
    }
    devices
}

#[tokio::test(flavor = "multi_thread")]
async fn every_device_and_the_server_count_the_same_through_reading_writing_and_a_kill() {
    let home = Home::dev();
    let server = home.start();
    let [ann, bob] = server.people(2).await;
    let mut bobs = Wire::greeted(&server, bob.token()).await;
    let mut anns = devices(&server, &ann).await;
    let conversation = say(&mut bobs, ann.user_id, 0, "one").await.conversation_id;
    for text in ["two", "three"] {
        say(&mut bobs, ann.user_id, 0, text).await;
    }
    all_say(&mut anns, conversation, 3).await;
    assert_eq!(head(&mut bobs).await.unread, 0, "who writes alone has read it");

    // Ann answers without having looked, and then from a device that shows the second.
    say(&mut anns[0].0, bob.user_id, 0, "four").await;
    all_say(&mut anns, conversation, 3).await;
    say(&mut anns[1].0, bob.user_id, 2, "five").await;
    all_say(&mut anns, conversation, 1).await;
    assert_eq!(head(&mut anns[0].0).await.own_seqs, [4, 5]);
    assert_eq!(head(&mut bobs).await.unread, 2);

    done(&mut anns[1].0, mark_read(conversation, 3)).await;
    all_say(&mut anns, conversation, 0).await;
    // A mark never falls, and what is not there yet is not read.
    done(&mut anns[0].0, mark_read(conversation, 1)).await;
    done(&mut bobs, mark_read(conversation, u64::MAX)).await;
    say(&mut bobs, ann.user_id, 0, "six").await;
    all_say(&mut anns, conversation, 1).await;
    let before = (head(&mut anns[0].0).await, head(&mut bobs).await);
    assert_eq!((before.0.read_seq, before.1.read_seq, before.1.unread), (3, 6, 0));

    server.kill();
    let server = home.start();
    let mut anns = devices(&server, &ann).await;
    let mut bobs = Wire::greeted(&server, bob.token()).await;
    all_say(&mut anns[..1], conversation, 1).await;
    assert_eq!((head(&mut anns[0].0).await, head(&mut bobs).await), before, "a kill changes nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn how_a_conversation_is_kept_is_told_to_ones_own_devices_alone() {
    let home = Home::dev();
    let server = home.start();
    let [ann, bob, cy] = server.people(2).await;
    let mut bobs = devices(&server, &bob).await;
    let mut anns = devices(&server, &ann).await;
    let conversation = say(&mut bobs[0].0, ann.user_id, 0, "hi").await.conversation_id;
    done(&mut anns[0].0, keep(conversation, 1_795_262_400_123, true)).await;
    for (wire, replica) in &mut anns {
        told(wire, replica, |replica| own(replica, conversation).pinned).await;
        assert_eq!(own(replica, conversation).muted_until_ms, 1_795_262_400_123);
        assert_eq!(unread_at(replica, conversation), 1, "muted is not read");
    }
    // Over HTTP the same; and what is kept outlives a mark that rises.
    let for_good = http_answer(&server, ann.token(), keep(conversation, i64::MAX, false)).await;
    assert_eq!(for_good.0, 200, "{for_good:?}");
    done(&mut anns[1].0, mark_read(conversation, 1)).await;
    for (wire, replica) in &mut anns {
        told(wire, replica, |replica| own(replica, conversation).read_seq == 1).await;
        let own = own(replica, conversation);
        assert_eq!((own.muted_until_ms, own.pinned), (i64::MAX, false));
    }
    for (wire, replica) in &mut bobs {
        wire.sync(replica).await;
        assert_eq!(own(replica, conversation), proto::OwnItem::default(), "it is Ann's own");
        let read: Vec<u64> = replica.entries.values().map(|entry| entry.read_seq).collect();
        assert_eq!(read, [1], "he is told what he has read himself");
    }
    assert!(anns[0].1.entries.values().all(|entry| entry.read_seq == 0), "what Bob has read is not Ann's");

    let mut cys = Wire::greeted(&server, cy.token()).await;
    for request in [mark_read(conversation, 1), mark_read(conversation ^ 1, 1), keep(conversation, 0, true)] {
        requests::refused(&mut cys, request.clone(), Refusal::NoSuchConversation).await;
        assert_eq!(http_answer(&server, cy.token(), request).await.0, 404);
    }
    requests::refused(&mut anns[0].0, keep(conversation, -1, true), Refusal::InvalidField).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn level_1_is_told_nothing_of_it() {
    let home = Home::dev();
    let server = home.start();
    let [ann, bob] = server.people(1).await;
    let mut bobs = Wire::greeted(&server, bob.token()).await;
    let conversation = say(&mut bobs, ann.user_id, 0, "hi").await.conversation_id;
    let mut anns = Wire::greeted(&server, ann.token()).await;
    done(&mut anns, mark_read(conversation, 1)).await;
    say(&mut anns, bob.user_id, 1, "hello").await;
    let hello = proto::Hello { level: 1, context: 3, ..requests::hello(ann.token()) };
    let mut old = Wire::connect(&server, Encoding::Json).await;
    assert!(matches!(old.ask(Request::Hello(hello)).await, Body::Greeting(_)));
    let mut replica = Replica::default();
    old.sync(&mut replica).await;
    let of_conversations: Vec<_> =
        replica.items.keys().filter(|(number, _)| *number == kind::CONVERSATIONS).collect();
    assert_eq!(of_conversations, [&(kind::CONVERSATIONS, conversation.to_string())]);
    let head = head(&mut old).await;
    let plain = proto::Head { conversation_id: conversation, seq: 2, oldest_seq: 1, ..Default::default() };
    assert_eq!(head, plain);
    let range = proto::Range { conversation_id: conversation, from_seq: 1, to_seq: 2 };
    let Body::Entries(list) = old.ask(Request::Range(range)).await else { panic!("no entries") };
    assert!(list.entries.iter().all(|entry| (entry.uncounted, entry.read_seq) == (0, 0)), "{list:?}");
}
