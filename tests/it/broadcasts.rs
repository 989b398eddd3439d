//! A channel that everybody follows by an operator's word: who is there is given it, also when the server dies in between;
//! who comes later has it at once; nobody leaves it until the operator takes it back.

use std::{io::Write, process::Stdio};

use highwater_wire::{Encoding, Refusal, kind, proto};
use proto::{client_frame::Request, server_frame::Body};
use serde_json::{Value, json};

use super::{
    channels::{Seat, create_channel, follow, text, turn, unfollow},
    contacts::{block, done, told},
    groups::{create, created, item, leave},
};
use crate::support::{Home, Replica, Server, Wire, eventually, requests};

const PASSWORD: &str = "correct horse battery";

async fn set(server: &Server, channel: &str, everybody: bool) -> u16 {
    let body = json!({ "channel": channel, "everybody": everybody }).to_string();
    server.operate("POST", "/v1/broadcast", &body).await.status
}

async fn listed(server: &Server) -> Vec<Value> {
    let answer = server.operate("POST", "/v1/broadcast/list", "{}").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

async fn until_everybody_follows(server: &Server, channel: u64) {
    let expected = json!({ "channel": channel.to_string(), "everybody_follows": true });
    eventually("everybody follows", || async { listed(server).await.contains(&expected).then_some(()) })
        .await;
}

async fn followers(wire: &mut Wire, channel: u64) -> u64 {
    match wire.ask(Request::DescribeGroup(proto::DescribeGroup { conversation_id: channel })).await {
        Body::GroupInfo(info) => info.followers,
        other => panic!("no description but {other:?}"),
    }
}

async fn registered(server: &Server, name: &str) -> String {
    let mut wire = Wire::connect(server, Encoding::Binary).await;
    let Body::SignedIn(signed_in) = wire.ask(requests::register(name, PASSWORD, "")).await else {
        panic!("not registered")
    };
    signed_in.token
}

/// A bot of the operator, as its program is connected.
async fn bot(server: &Server) -> (u64, String) {
    let answer = server.operate("POST", "/v1/bots", &json!({ "name": "system" }).to_string()).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let made: Value = serde_json::from_slice(&answer.body).unwrap();
    (made["user_id"].as_str().unwrap().parse().unwrap(), made["token"].as_str().unwrap().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_who_is_there_is_given_it_over_a_kill_and_who_comes_has_it_at_once() {
    let home = Home::new("[server]\nworkers = 2\n", &["--dev"]);
    let server = home.start();
    let [ann, bob, cy] = server.people(1).await;
    let (_, token) = bot(&server).await;
    let mut system = Wire::greeted(&server, &token).await;
    let news = created(&mut system, create_channel(1, "News")).await;
    // Whom its owner blocks has it all the same, and who follows already goes on.
    done(&mut system, block(cy.user_id)).await;
    let mut bobs = Wire::greeted(&server, bob.token()).await;
    done(&mut bobs, follow(news)).await;
    let ordinary = created(&mut bobs, create_channel(1, "Other")).await;

    assert_eq!(set(&server, &news.to_string(), true).await, 204);
    server.kill();
    let server = home.start();
    until_everybody_follows(&server, news).await;
    assert_eq!(listed(&server).await.len(), 1);
    let mut system = Wire::greeted(&server, &token).await;
    assert_eq!(followers(&mut system, news).await, 4);
    let dan = registered(&server, "dan").await;
    assert_eq!(followers(&mut system, news).await, 5, "by the operation that made the account");

    let day = requests::today(&mut system).await;
    requests::sent(&mut system, text(news, day, "The terms change in May.")).await;
    for token in [ann.token(), bob.token(), cy.token(), &dan] {
        let mut wire = Wire::greeted(&server, token).await;
        let mut replica = Replica::default();
        wire.sync(&mut replica).await;
        let held = item(&replica, news).expect("the conversation is there");
        assert!(held.channel);
        told(&mut wire, &mut replica, |replica| replica.entries.contains_key(&(news, 2))).await;
        for request in [unfollow(news), leave(news)] {
            requests::refused(&mut wire, request, Refusal::FollowedByAll).await;
        }
    }
    requests::refused(&mut system, turn(news, false), Refusal::FollowedByAll).await;

    // It may be muted, and is a contact for a device of the first level.
    let mut anns = Seat::of(&server, &ann).await;
    let mute = proto::SetConversation { conversation_id: news, muted_until_ms: i64::MAX, pinned: false };
    done(&mut anns.wire, Request::SetConversation(mute)).await;
    let (mut old, mut held) = (Wire::connect(&server, Encoding::Json).await, Replica::default());
    let hello = proto::Hello { level: 1, context: 9, ..requests::hello(ann.token()) };
    assert!(matches!(old.ask(Request::Hello(hello)).await, Body::Greeting(_)));
    old.sync(&mut held).await;
    let contact = format!(r#"{{"userId":"{news}","name":"News"}}"#);
    assert_eq!(held.items[&(kind::CONTACTS, news.to_string())], contact);

    // Taken back it is a channel like others: follows stay, who likes leaves, and who comes does not have it.
    assert_eq!(set(&server, &news.to_string(), false).await, 204);
    assert_eq!((listed(&server).await, followers(&mut system, news).await), (Vec::new(), 5));
    done(&mut anns.wire, unfollow(news)).await;
    anns.sees(news, false).await;
    let eve = registered(&server, "eve").await;
    let (mut wire, mut replica) = (Wire::greeted(&server, &eve).await, Replica::default());
    wire.sync(&mut replica).await;
    assert!(item(&replica, news).is_none() && item(&replica, ordinary).is_none());

    // Said again it is for everybody again: who left and who came meanwhile.
    assert_eq!(set(&server, &news.to_string(), true).await, 204);
    anns.sees(news, true).await;
    told(&mut wire, &mut replica, |replica| item(replica, news).is_some()).await;
    until_everybody_follows(&server, news).await;
    assert_eq!(followers(&mut system, news).await, 6);
    let metrics = server.operate("GET", "/metrics", "").await.text();
    let line = metrics.lines().find(|line| line.starts_with("highwater_broadcast_follows_total"));
    let given: u64 = line.and_then(|line| line.rsplit(' ').next()).unwrap().parse().unwrap();
    assert!((2..=4).contains(&given), "two now, and two before if no kill came between: {given}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_channel_everybody_follows_and_nothing_else() {
    let home = Home::dev();
    let server = home.start();
    let [ann] = server.people(1).await;
    let mut anns = Wire::greeted(&server, ann.token()).await;
    let group = created(&mut anns, create(9, "Tea", &[])).await;
    assert_eq!(set(&server, &group.to_string(), true).await, 404, "a group is none");
    assert_eq!(set(&server, "1", true).await, 404);
    assert_eq!(set(&server, "news", true).await, 400);
    let one = created(&mut anns, create_channel(1, "News")).await.to_string();
    let other = created(&mut anns, create_channel(2, "More news")).await.to_string();
    for _ in 0..2 {
        assert_eq!(set(&server, &one, true).await, 204, "said twice it is said once");
    }
    let body = json!({ "channel": other, "everybody": true }).to_string();
    let refused = server.operate("POST", "/v1/broadcast", &body).await;
    assert_eq!(refused.status, Refusal::TooManyBroadcasts.http_status());
    assert!(refused.text().contains("too_many_broadcasts"), "{refused:?}");
    for (channel, everybody) in [(&one, false), (&other, true)] {
        assert_eq!(set(&server, channel, everybody).await, 204);
    }
    assert_eq!(listed(&server).await[0]["channel"], other.as_str());
}

#[tokio::test(flavor = "multi_thread")]
async fn by_the_command_line_a_bot_speaks_to_everybody() {
    let home = Home::dev();
    let server = home.start();
    let [ann] = server.people(1).await;
    let (_, token) = bot(&server).await;
    let mut system = Wire::greeted(&server, &token).await;
    let news = created(&mut system, create_channel(1, "News")).await.to_string();
    let admin = |words: &[&str], input: &str| {
        let mut command = Home::bare_command();
        command.arg("admin").args(words).arg("--data").arg(home.data()).stdin(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let done = child.wait_with_output().unwrap();
        (done.status.success(), String::from_utf8(done.stdout).unwrap())
    };
    let (is_done, said) = admin(&["broadcast", &news, "on"], "");
    assert!(is_done && said.starts_with("everybody is given it"), "{said}");
    until_everybody_follows(&server, news.parse().unwrap()).await;
    let line = format!("{{\"channel\":\"{news}\",\"everybody_follows\":true}}\n");
    let (is_done, said) = admin(&["broadcasts"], "");
    assert!(is_done && said.starts_with(&line), "{said}");

    let (is_done, said) = admin(&["send", "--conversation", &news], "The terms change in May.\n");
    assert_eq!((is_done, said.trim_end()), (true, format!("sent: seq 2 of conversation {news}").as_str()));
    let mut anns = Seat::of(&server, &ann).await;
    let heard = anns.hears(news.parse().unwrap(), 2).await;
    assert_eq!(requests::text_of(&heard), "The terms change in May.");
    assert!(!admin(&["send", "--conversation", "1"], "nobody hears").0);
    assert!(!admin(&["send"], "to whom?").0);
    let (is_done, said) = admin(&["broadcast", &news, "off"], "");
    assert!(is_done && said.starts_with("it is an ordinary channel"), "{said}");
    assert_eq!(listed(&server).await, Vec::<Value>::new());
}
