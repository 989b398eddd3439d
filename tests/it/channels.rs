//! Channels over the wire: made, followed, turned; who writes, and what a follower has.

use highwater_sdk::{Client, ClientMessageId, Store, Target};
use highwater_wire::{Encoding, Refusal, proto};
use proto::{Role, client_frame::Request, entry::Content, notice::What, send::To, server_frame::Body};

use super::{
    contacts::{block, done, http_answer, told},
    groups::{add, create, created, item, leave, remove},
};
use crate::support::{Home, Person, Replica, Server, Wire, requests, sdk};

pub fn create_channel(id: u8, name: &str) -> Request {
    Request::CreateChannel(proto::CreateChannel {
        client_channel_id: vec![id; 16].into(),
        name: name.to_owned(),
    })
}

pub fn follow(conversation_id: u64) -> Request {
    Request::Follow(proto::Follow { conversation_id })
}

pub fn unfollow(conversation_id: u64) -> Request {
    Request::Unfollow(proto::Unfollow { conversation_id })
}

pub fn turn(conversation_id: u64, channel: bool) -> Request {
    Request::TurnGroup(proto::TurnGroup { conversation_id, channel })
}

fn describe(conversation_id: u64) -> Request {
    Request::DescribeGroup(proto::DescribeGroup { conversation_id })
}

fn give(conversation_id: u64, user_id: u64, role: Role) -> Request {
    Request::GiveRole(proto::GiveRole { conversation_id, user_id, role: role.into() })
}

pub fn text(conversation_id: u64, day: u32, text: &str) -> proto::Send {
    requests::send(To::ConversationId(conversation_id), day, text)
}

async fn info(wire: &mut Wire, channel: u64) -> proto::GroupInfo {
    match wire.ask(describe(channel)).await {
        Body::GroupInfo(info) => info,
        other => panic!("no description but {other:?}"),
    }
}

/// A device that has synced, and what it holds.
pub struct Seat {
    pub wire: Wire,
    pub replica: Replica,
}

impl Seat {
    pub async fn of(server: &Server, person: &Person) -> Seat {
        let wire = Wire::greeted(server, person.token()).await;
        let mut seat = Seat { wire, replica: Replica::default() };
        seat.wire.sync(&mut seat.replica).await;
        seat
    }

    /// Waits until it has the conversation of a channel, or has it no more.
    pub async fn sees(&mut self, channel: u64, is_there: bool) {
        told(&mut self.wire, &mut self.replica, |replica| item(replica, channel).is_some() == is_there).await;
    }

    /// Waits until it holds the entry at a place.
    pub async fn hears(&mut self, channel: u64, seq: u64) -> proto::Entry {
        told(&mut self.wire, &mut self.replica, |replica| replica.entries.contains_key(&(channel, seq)))
            .await;
        self.replica.entries[&(channel, seq)].clone()
    }

    pub fn seqs(&self, channel: u64) -> Vec<u64> {
        let of_channel = self.replica.entries.keys().filter(|(conversation, _)| *conversation == channel);
        of_channel.map(|(_, seq)| *seq).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_is_made_once_and_followed_by_whoever_knows_it_and_is_not_blocked() {
    let home = Home::dev();
    let server = home.start();
    let [ann, bob, cy] = server.people(1).await;
    let mut anns = Seat::of(&server, &ann).await;
    let mut bobs = Seat::of(&server, &bob).await;
    let channel = created(&mut anns.wire, create_channel(1, "News")).await;
    assert_eq!(created(&mut anns.wire, create_channel(1, "Other")).await, channel);
    for (id, name, refusal) in [(2, " ", Refusal::InvalidGroupName), (3, "", Refusal::InvalidGroupName)] {
        requests::refused(&mut anns.wire, create_channel(id, name), refusal).await;
    }
    let short = Request::CreateChannel(proto::CreateChannel {
        client_channel_id: vec![1; 15].into(),
        name: "News".to_owned(),
    });
    requests::refused(&mut anns.wire, short, Refusal::InvalidField).await;
    anns.sees(channel, true).await;
    let owned = item(&anns.replica, channel).unwrap();
    assert_eq!(
        (owned.role(), owned.channel, owned.since_seq, owned.name.as_str()),
        (Role::Owner, true, 1, "News")
    );

    // A follower has what is said from there on, and may describe the channel; whoever does not follow may not.
    let day = requests::today(&mut anns.wire).await;
    requests::sent(&mut anns.wire, text(channel, day, "before")).await;
    requests::refused(&mut bobs.wire, describe(channel), Refusal::NoSuchConversation).await;
    done(&mut bobs.wire, follow(channel)).await;
    done(&mut bobs.wire, follow(channel)).await;
    let sent = requests::sent(&mut anns.wire, text(channel, day, "hello")).await;
    assert_eq!(requests::text_of(&bobs.hears(channel, sent.seq).await), "hello");
    assert_eq!(bobs.seqs(channel), [3]);
    let followed = item(&bobs.replica, channel).unwrap();
    assert_eq!((followed.role(), followed.channel, followed.since_seq), (Role::Member, true, 3));
    let described = info(&mut bobs.wire, channel).await;
    assert_eq!((described.channel, described.followers, described.name.as_str()), (true, 2, "News"));

    // Only who has a role writes; what is for members of groups alone is refused.
    let late = Request::Send(text(channel, day, "me too"));
    requests::refused(&mut bobs.wire, late.clone(), Refusal::NoSuchConversation).await;
    for request in [add(channel, &[cy.user_id]), remove(channel, bob.user_id)] {
        requests::refused(&mut anns.wire, request, Refusal::Forbidden).await;
    }
    for request in [unfollow(channel), leave(channel)] {
        requests::refused(&mut anns.wire, request, Refusal::Forbidden).await;
    }
    done(&mut anns.wire, give(channel, bob.user_id, Role::Admin)).await;
    told(&mut bobs.wire, &mut bobs.replica, |replica| {
        item(replica, channel).is_some_and(|item| item.role() == Role::Admin)
    })
    .await;
    let said = requests::sent(&mut bobs.wire, text(channel, day, "me too")).await;
    assert_eq!(requests::text_of(&anns.hears(channel, said.seq).await), "me too");

    // Whom the owner blocks finds no such channel; over HTTP it is the same.
    done(&mut anns.wire, block(cy.user_id)).await;
    let (status, refused) = http_answer(&server, cy.token(), follow(channel)).await;
    let (_, nothing) = http_answer(&server, cy.token(), follow(channel ^ 1)).await;
    assert_eq!((status, refused), (404, nothing));

    done(&mut bobs.wire, unfollow(channel)).await;
    done(&mut bobs.wire, unfollow(channel)).await;
    bobs.sees(channel, false).await;
    requests::refused(&mut bobs.wire, late, Refusal::NoSuchConversation).await;
    assert_eq!(info(&mut anns.wire, channel).await.followers, 1);
    // All of it is there after a kill.
    server.kill();
    let server = home.start();
    let mut anns = Seat::of(&server, &ann).await;
    assert_eq!(created(&mut anns.wire, create_channel(1, "News")).await, channel);
    let (status, body) = http_answer(&server, bob.token(), follow(channel)).await;
    assert_eq!((status, body), (200, Body::Done(proto::Done {})));
    assert_eq!(info(&mut anns.wire, channel).await.followers, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_turns_into_a_channel_and_back_and_everybody_is_told_and_lacks_nothing() {
    let home = Home::dev();
    let server = home.start();
    let [ann, bob, cy] = server.people(1).await;
    let mut anns = Seat::of(&server, &ann).await;
    let mut bobs = Seat::of(&server, &bob).await;
    let mut cys = Seat::of(&server, &cy).await;
    let group = created(&mut anns.wire, create(1, "Tea", &[bob.user_id])).await;
    let day = requests::today(&mut anns.wire).await;
    requests::refused(&mut bobs.wire, turn(group, true), Refusal::Forbidden).await;
    requests::refused(&mut cys.wire, turn(group, true), Refusal::NoSuchConversation).await;
    requests::refused(&mut cys.wire, follow(group), Refusal::NoSuchConversation).await;
    requests::sent(&mut bobs.wire, text(group, day, "as a member")).await;
    done(&mut anns.wire, turn(group, true)).await;
    done(&mut anns.wire, turn(group, true)).await;
    let form =
        |seat: &Seat| item(&seat.replica, group).map(|item| (item.channel, item.role(), item.since_seq));
    for seat in [&mut anns, &mut bobs] {
        let Some(Content::Notice(notice)) = seat.hears(group, 3).await.content else { panic!("no notice") };
        assert_eq!(notice.what(), What::Turned);
        told(&mut seat.wire, &mut seat.replica, |replica| item(replica, group).unwrap().channel).await;
    }
    assert_eq!((form(&anns), form(&bobs)), (Some((true, Role::Owner, 1)), Some((true, Role::Member, 1))));
    requests::refused(&mut bobs.wire, Request::Send(text(group, day, "more")), Refusal::Forbidden).await;
    done(&mut cys.wire, follow(group)).await;
    requests::sent(&mut anns.wire, text(group, day, "as the owner")).await;
    for seat in [&mut anns, &mut bobs, &mut cys] {
        assert_eq!(requests::text_of(&seat.hears(group, 4).await), "as the owner");
    }
    assert_eq!((bobs.seqs(group), cys.seqs(group)), (vec![1, 2, 3, 4], vec![4]));

    done(&mut anns.wire, turn(group, false)).await;
    for seat in [&mut bobs, &mut cys] {
        told(&mut seat.wire, &mut seat.replica, |replica| !item(replica, group).unwrap().channel).await;
    }
    requests::sent(&mut cys.wire, text(group, day, "I am in")).await;
    for seat in [&mut anns, &mut bobs, &mut cys] {
        assert_eq!(requests::text_of(&seat.hears(group, 6).await), "I am in");
    }
    assert_eq!((bobs.seqs(group), cys.seqs(group)), ((1..=6).collect(), vec![4, 5, 6]));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rust_client_follows_a_channel_and_names_what_was_passed_over() {
    const POSTS: u64 = 120;
    let home = Home::dev();
    let server = home.start();
    let [ann, bob] = server.people(1).await;
    let anns = sdk::caught_up(&server, ann.token()).await;
    let bobs = sdk::caught_up(&server, bob.token()).await;
    let id = ClientMessageId::random();
    let channel = anns.create_channel(id, "News").await.unwrap();
    assert_eq!(anns.create_channel(id, "News").await.unwrap(), channel);
    bobs.follow(channel).await.unwrap();
    let is_channel = move |store: &Store| {
        let item = store.groups().unwrap().into_iter().find(|(id, _)| *id == channel)?.1;
        item.channel.then_some(item.since_seq)
    };
    assert_eq!(sdk::wait_for(&bobs, "the channel", is_channel).await, 2);
    let post = async |client: &Client, text: &str| {
        let id = client.send(Target::Conversation(channel), text).await.unwrap();
        sdk::settled(client, id).await
    };
    post(&anns, "news").await;
    let has = move |seq| {
        move |store: &Store| {
            store.entries_after(channel, 0, 999).unwrap().iter().any(|entry| entry.seq == seq).then_some(())
        }
    };
    sdk::wait_for(&bobs, "the post", has(2)).await;

    // A device that was away is told the newest hundred, and which ones it is not told.
    let hello = || proto::Hello { context: 5, ..requests::hello(bob.token()) };
    let (mut away, mut replica) =
        (Wire::greeted_with(&server, Encoding::Binary, hello()).await.0, Replica::default());
    away.sync(&mut replica).await;
    away.close().await;
    for _ in 0..POSTS {
        post(&anns, "more").await;
    }
    sdk::wait_for(&bobs, "the last post", has(POSTS + 2)).await;
    let mut back = Wire::greeted_with(&server, Encoding::Binary, hello()).await.0;
    let pages = back.sync(&mut replica).await;
    let gap = pages.iter().flat_map(|page| &page.gaps).next().copied();
    let expected = proto::Gap { conversation_id: channel, from_seq: 3, to_seq: POSTS + 2 - 100 };
    assert_eq!(gap, Some(expected));

    anns.turn_group(channel, false).await.unwrap();
    let is_group = move |store: &Store| is_channel(store).is_none().then_some(());
    sdk::wait_for(&bobs, "the turn", is_group).await;
    post(&bobs, "a member writes").await;
    anns.turn_group(channel, true).await.unwrap();
    sdk::wait_for(&bobs, "the turn back", is_channel).await;
    bobs.unfollow(channel).await.unwrap();
    let is_gone = move |store: &Store| store.groups().unwrap().is_empty().then_some(());
    sdk::wait_for(&bobs, "the end", is_gone).await;
    anns.unfollow(channel).await.unwrap_err();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_turns_a_group_and_a_group_that_grows_turns_by_itself() {
    let home = Home::new("[groups]\nchannel_above_members = 2\n", &["--dev"]);
    let server = home.start();
    let [ann, bob, cy] = server.people(1).await;
    let mut anns = Seat::of(&server, &ann).await;
    let mut bobs = Seat::of(&server, &bob).await;
    let day = requests::today(&mut anns.wire).await;
    let turned = async |group: String, channel: bool| {
        let body = serde_json::json!({ "group": group, "channel": channel }).to_string();
        server.operate("POST", "/v1/turn", &body).await.status
    };
    let becomes = async |seat: &mut Seat, group: u64, channel: bool| {
        told(&mut seat.wire, &mut seat.replica, |replica| {
            item(replica, group).is_some_and(|item| item.channel == channel)
        })
        .await;
    };
    let group = created(&mut anns.wire, create(1, "Tea", &[bob.user_id])).await;
    assert_eq!(turned(group.to_string(), true).await, 204);
    becomes(&mut bobs, group, true).await;
    requests::refused(&mut bobs.wire, Request::Send(text(group, day, "no")), Refusal::Forbidden).await;
    assert_eq!(turned(group.to_string(), false).await, 204);
    becomes(&mut bobs, group, false).await;
    requests::sent(&mut bobs.wire, text(group, day, "yes")).await;
    assert_eq!(turned((group ^ 1).to_string(), true).await, 404);
    assert_eq!(turned("tea".to_owned(), true).await, 400);
    // It was a channel before, so it stays a group however it grows.
    done(&mut anns.wire, add(group, &[cy.user_id])).await;
    let grown = created(&mut anns.wire, create(2, "More tea", &[bob.user_id])).await;
    done(&mut anns.wire, add(grown, &[cy.user_id])).await;
    becomes(&mut bobs, grown, true).await;
    assert!(!item(&bobs.replica, group).unwrap().channel);
    let Body::GroupInfo(info) = anns.wire.ask(describe(group)).await else { panic!("no description") };
    assert_eq!((info.channel, info.followers), (false, 0));
}
