//! What becomes of channels when their owner is erased, or one of those who follow them.

use highwater_wire::{Refusal, proto};
use proto::{Role, client_frame::Request, entry::Content, server_frame::Body};

use super::{
    channels::{Seat, create_channel, follow, text, turn, unfollow},
    contacts::{done, told},
    groups::{created, item},
};
use crate::support::{Home, Server, Wire, requests, within};

async fn followers(wire: &mut Wire, conversation_id: u64) -> u64 {
    match wire.ask(Request::DescribeGroup(proto::DescribeGroup { conversation_id })).await {
        Body::GroupInfo(info) => info.followers,
        other => panic!("no description but {other:?}"),
    }
}

async fn erase(server: &Server, name: &str) {
    let body = serde_json::json!({ "user": name }).to_string();
    assert_eq!(server.operate("POST", "/v1/erase", &body).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_of_an_erased_owner_goes_to_its_admin_or_has_ended() {
    let home = Home::new("[server]\nworkers = 2\n", &["--dev"]);
    let server = home.start();
    let [ann, bob, cy, dan] = server.people(1).await;
    let mut anns = Wire::greeted(&server, ann.token()).await;
    let (news, alone) = (
        created(&mut anns, create_channel(1, "News")).await,
        created(&mut anns, create_channel(2, "Alone")).await,
    );
    let (mut bobs, mut cys) = (Seat::of(&server, &bob).await, Seat::of(&server, &cy).await);
    let mut dans = Wire::greeted(&server, dan.token()).await;
    for channel in [news, alone] {
        done(&mut bobs.wire, follow(channel)).await;
        done(&mut cys.wire, follow(channel)).await;
        done(&mut dans, follow(channel)).await;
    }
    let (user_id, role) = (bob.user_id, Role::Admin.into());
    done(&mut anns, Request::GiveRole(proto::GiveRole { conversation_id: news, user_id, role })).await;
    let day = requests::today(&mut anns).await;
    for channel in [news, alone] {
        requests::sent(&mut anns, text(channel, day, "secret")).await;
    }
    cys.hears(news, 3).await;
    assert_eq!(followers(&mut cys.wire, news).await, 4);

    // Of one who merely followed nobody is told: the next entry is that of the owner.
    erase(&server, &dan.name).await;
    erase(&server, &ann.name).await;
    for (channel, seq) in [(news, 4), (alone, 3)] {
        let told_of = cys.hears(channel, seq).await;
        let erased = proto::Erased { account: true };
        assert_eq!((told_of.sender_id, told_of.content), (ann.user_id, Some(Content::Erased(erased))));
    }
    let is_owner = |replica: &_| item(replica, news).is_some_and(|item| item.role() == Role::Owner);
    told(&mut bobs.wire, &mut bobs.replica, is_owner).await;
    // Each erasure goes on by itself, in steps of its own.
    within("the erased follow no more", async { while followers(&mut cys.wire, news).await != 2 {} }).await;
    let on = requests::sent(&mut bobs.wire, text(news, day, "on we go")).await;
    assert_eq!(cys.hears(news, on.seq).await.content, Some(Content::Text("on we go".to_owned())));
    // It is a channel as any other, and its owner may make a group of it.
    done(&mut bobs.wire, turn(news, false)).await;

    assert_eq!(followers(&mut cys.wire, alone).await, 2, "who follows keeps it");
    requests::refused(&mut cys.wire, Request::Send(text(alone, day, "?")), Refusal::NoSuchConversation).await;
    done(&mut cys.wire, unfollow(alone)).await;
    requests::refused(&mut cys.wire, follow(alone), Refusal::NoSuchConversation).await;
    let body = serde_json::json!({ "group": alone.to_string(), "channel": false }).to_string();
    assert_eq!(server.operate("POST", "/v1/turn", &body).await.status, 404);
}
