//! What is posted is told: followers who are connected hear of it without asking, wherever they are, and so do those who
//! wait over HTTP; nobody else does.

use std::time::Duration;

use highwater_wire::{Encoding, proto};
use proto::{ClientFrame, client_frame::Request, send::To, server_frame::Body};

use super::{
    channels::{Seat, create_channel, follow, text, unfollow},
    contacts::{done, http_answer, told},
    groups::{created, item},
};
use crate::support::{Home, Replica, Server, Wire, eventually, http, requests};

/// More than one worker, whatever the machine has, so that followers are spread.
fn spread() -> Home {
    Home::new("[server]\nworkers = 3\n", &["--dev"])
}

/// Messages to a follower and posts, in turn, at the time of the follow.
const PAIRS: usize = 10;

/// Longer than any test takes: whoever waits so long was not woken.
const LONG_MS: u32 = 15_000;

async fn counted(server: &Server, name: &str) -> u64 {
    let metrics = server.operate("GET", "/metrics", "").await.text();
    let line = metrics.lines().find(|line| line.starts_with(name)).unwrap_or_default().to_owned();
    line.rsplit(' ').next().and_then(|value| value.parse().ok()).unwrap_or(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn followers_hear_of_a_post_without_asking_and_who_unfollowed_does_not() {
    let home = spread();
    let server = home.start();
    let [ann, people @ ..] = server.people::<7>(1).await;
    let mut anns = Seat::of(&server, &ann).await;
    let channel = created(&mut anns.wire, create_channel(1, "News")).await;
    let day = requests::today(&mut anns.wire).await;
    let mut seats = Vec::new();
    for person in &people {
        let mut seat = Seat::of(&server, person).await;
        done(&mut seat.wire, follow(channel)).await;
        seat.sees(channel, true).await;
        seats.push(seat);
    }
    let mut gone = seats.pop().expect("six follow");
    done(&mut gone.wire, unfollow(channel)).await;
    gone.sees(channel, false).await;
    let before = counted(&server, "highwater_channel_followers_told_total").await;
    let mut pushed = vec![0; seats.len()];
    for seq in 2..5 {
        let sent = requests::sent(&mut anns.wire, text(channel, day, "news")).await;
        assert_eq!(sent.seq, seq);
        for (seat, pushed) in seats.iter_mut().zip(&mut pushed) {
            while !seat.seqs(channel).contains(&seq) {
                match seat.wire.unasked().await {
                    Body::Push(page) if seat.replica.take(&page, false) => *pushed += 1,
                    // The word of the follow itself may still have been on its way.
                    Body::Push(_) | Body::Nudge(_) => {
                        seat.wire.sync(&mut seat.replica).await;
                        // What was pushed before that page does not continue it.
                        seat.wire.take_unasked();
                    }
                    other => panic!("{other:?}"),
                }
            }
            assert_eq!(seat.seqs(channel), (2..=seq).collect::<Vec<_>>());
        }
    }
    assert!(pushed.iter().all(|pushed| (2..=3).contains(pushed)), "of three posts {pushed:?} were pushed");
    gone.wire.sync(&mut gone.replica).await;
    assert!(gone.seqs(channel).is_empty(), "what is posted behind the unfollow is not for this one");
    // Each post is told to the owner and to five, once, and to the workers by one envelope each.
    let told = || async { counted(&server, "highwater_channel_followers_told_total").await - before };
    eventually("all are counted", || async { (told().await >= 15).then_some(()) }).await;
    assert!(told().await <= 18, "{} for three posts", told().await);
    assert_eq!(counted(&server, "highwater_channel_posts_total").await, 4);
    assert_eq!(counted(&server, "highwater_channel_envelopes_total").await, 3 * 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_follows_while_the_connection_comes_up_hears_of_what_is_posted_next() {
    let home = spread();
    let server = home.start();
    let [ann, people @ ..] = server.people::<9>(1).await;
    let mut anns = Seat::of(&server, &ann).await;
    let channel = created(&mut anns.wire, create_channel(1, "News")).await;
    let day = requests::today(&mut anns.wire).await;
    for (place, person) in people.iter().enumerate() {
        let coming = Wire::greeted(&server, person.token());
        let following = async {
            // Before the connection is there, while what its user follows is read, and after it.
            tokio::time::sleep(Duration::from_millis(3 * place as u64)).await;
            http_answer(&server, person.token(), follow(channel)).await
        };
        let (mut wire, (status, _)) = tokio::join!(coming, following);
        assert_eq!(status, 200);
        let mut replica = Replica::default();
        told(&mut wire, &mut replica, |replica| item(replica, channel).is_some()).await;
        // More than once: the word of the follow itself may still be on its way.
        for _ in 0..3 {
            let sent = requests::sent(&mut anns.wire, text(channel, day, "news")).await;
            match wire.unasked().await {
                Body::Push(page) if replica.take(&page, false) => {}
                Body::Push(_) | Body::Nudge(_) => drop(wire.sync(&mut replica).await),
                other => panic!("{other:?}"),
            }
            assert!(replica.entries.contains_key(&(channel, sent.seq)));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_follows_in_the_middle_of_a_burst_has_everything_behind_the_follow() {
    let home = spread();
    let server = home.start();
    let [ann, people @ ..] = server.people::<9>(1).await;
    let mut anns = Seat::of(&server, &ann).await;
    let channel = created(&mut anns.wire, create_channel(1, "News")).await;
    let day = requests::today(&mut anns.wire).await;
    for person in &people {
        // They know each other, so that a message would be pushed.
        requests::sent(&mut anns.wire, requests::send(To::UserId(person.user_id), day, "first")).await;
        let mut seat = Seat::of(&server, person).await;
        // Some of them are decided in one batch with the follow, and behind it.
        let post = || Request::Send(text(channel, day, "news"));
        let direct = || Request::Send(requests::send(To::UserId(person.user_id), day, "direct"));
        let many = (0..PAIRS).flat_map(|_| [post(), direct()]);
        let posting = anns.wire.post_together(many);
        let (asked, (status, _)) =
            tokio::join!(posting, http_answer(&server, person.token(), follow(channel)));
        let mut newest = 0;
        for request_id in asked {
            let Body::Sent(sent) = anns.wire.answer(request_id).await else { panic!("it was refused") };
            newest = if sent.conversation_id == channel { sent.seq } else { newest };
        }
        let directs = |replica: &Replica| replica.all_texts().iter().filter(|text| *text == "direct").count();
        while directs(&seat.replica) < PAIRS || item(&seat.replica, channel).is_none() {
            match seat.wire.unasked().await {
                Body::Push(page) if seat.replica.take(&page, false) => {}
                Body::Push(_) | Body::Nudge(_) => drop(seat.wire.sync(&mut seat.replica).await),
                other => panic!("{other:?}"),
            }
        }
        seat.wire.sync(&mut seat.replica).await;
        let since = item(&seat.replica, channel).map_or(0, |item| item.since_seq);
        assert_eq!((status, seat.seqs(channel)), (200, (since..=newest).collect::<Vec<_>>()));
    }
}

async fn poll(server: &Server, token: &str, snapshot: &[u8]) -> http::Answer {
    let frame = ClientFrame {
        request_id: 1,
        snapshot: snapshot.to_vec().into(),
        request: Some(Request::Sync(proto::Sync { limit: 0, wait_ms: LONG_MS })),
    };
    http::post(server.client(), Encoding::Binary, Some(token), &frame).await
}

/// Polls once more and takes what comes.
async fn poll_into(server: &Server, token: &str, replica: &mut Replica) {
    let answer = poll(server, token, &replica.snapshot).await;
    let Some(Body::Page(page)) = answer.frame(Encoding::Binary).body else { panic!("{answer:?}") };
    assert!(replica.take(&page, true));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poll_ends_with_a_post_also_in_a_channel_that_was_followed_while_it_waits() {
    let home = spread();
    let server = home.start();
    let [ann, bob] = server.people(1).await;
    let mut anns = Seat::of(&server, &ann).await;
    let channel = created(&mut anns.wire, create_channel(1, "News")).await;
    let day = requests::today(&mut anns.wire).await;
    let mut replica = Replica::default();
    poll_into(&server, bob.token(), &mut replica).await;
    let follow_soon = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        http_answer(&server, bob.token(), follow(channel)).await
    };
    let (_, (status, _)) = tokio::join!(poll_into(&server, bob.token(), &mut replica), follow_soon);
    assert_eq!((status, item(&replica, channel).is_some()), (200, true));
    for seq in 2..6 {
        let posting = async {
            // Before the poll is there, while it looks, or while it waits.
            tokio::time::sleep(Duration::from_millis(40 * (seq - 2))).await;
            requests::sent(&mut anns.wire, text(channel, day, "news")).await
        };
        let (_, sent) = tokio::join!(poll_into(&server, bob.token(), &mut replica), posting);
        assert_eq!(sent.seq, seq);
        assert!(replica.entries.contains_key(&(channel, seq)));
    }
}
