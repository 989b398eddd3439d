//! How far others have come: asked and hinted, over both ways in; who is told nothing; and the members of a group.

use std::time::{Duration, Instant};

use highwater_sdk::{Client, Event, Store, Target};
use highwater_wire::{Encoding, Refusal, kind, proto};
use proto::{Watermark, client_frame::Request, send::To, server_frame::Body};

use super::{
    contacts::{block, done, http_answer, told},
    groups::{add, create, created, leave},
};
use crate::support::{DEADLINE, Home, Person, Replica, Server, Wire, dump, requests, sdk, within};

/// Hints of one conversation on one connection are so far apart, with room for the way from the server to here.
const HINTS_APART: Duration = Duration::from_millis(900);

fn ask(conversation_id: u64) -> Request {
    Request::AskWatermarks(proto::AskWatermarks { conversation_id, ..Default::default() })
}

fn ask_page(conversation_id: u64, seq: u64, after: u64, limit: u32) -> Request {
    Request::AskWatermarks(proto::AskWatermarks { conversation_id, seq, after, limit })
}

fn mark_read(conversation_id: u64, seq: u64) -> Request {
    Request::MarkRead(proto::MarkRead { conversation_id, seq })
}

fn hide(hides_read: bool) -> Request {
    Request::SetPrivacy(proto::SetPrivacy { hides_read })
}

fn unblock(user_id: u64) -> Request {
    Request::UnblockUser(proto::UnblockUser { user_id })
}

async fn list(wire: &mut Wire, request: Request) -> proto::WatermarkList {
    match wire.ask(request).await {
        Body::Watermarks(list) => list,
        other => panic!("no watermarks but {other:?}"),
    }
}

/// Who is told, and delivered and read of each.
fn marks(list: &proto::WatermarkList) -> Vec<(u64, u64, u64)> {
    list.watermarks.iter().map(|mark| (mark.user_id, mark.delivered_seq, mark.read_seq)).collect()
}

/// The next hint; what else the server says by itself is passed over.
async fn hint(wire: &mut Wire) -> Watermark {
    loop {
        if let Body::Watermark(hint) = wire.unasked().await {
            return hint;
        }
    }
}

/// Hints until one says this, each with when it came.
async fn hinted(wire: &mut Wire, (delivered, read): (u64, u64)) -> Vec<(Instant, Watermark)> {
    let mut hints = Vec::new();
    loop {
        let hint = hint(wire).await;
        let is_last = (hint.delivered_seq, hint.read_seq) == (delivered, read);
        hints.push((Instant::now(), hint));
        if is_last {
            return hints;
        }
    }
}

async fn say(wire: &mut Wire, to: To) -> proto::Sent {
    let day = requests::today(wire).await;
    requests::sent(wire, requests::send(to, day, "hi")).await
}

/// Hands back everything that there is.
async fn hands_back(wire: &mut Wire, replica: &mut Replica) {
    wire.sync(replica).await;
    let beat = wire.post_with(replica.snapshot.clone(), requests::heartbeat()).await;
    wire.answer(beat).await;
}

/// Asks until the answer is this.
async fn soon(wire: &mut Wire, conversation: u64, expected: &[(u64, u64, u64)]) {
    let mut seen = list(wire, ask(conversation)).await;
    let began = Instant::now();
    while marks(&seen) != expected {
        assert!(began.elapsed() < DEADLINE, "{seen:?} is not {expected:?}");
        seen = list(wire, ask(conversation)).await;
    }
}

/// Two who have a conversation, in which Ann wrote three messages; Bob has not been there.
async fn two(server: &Server, devices: usize) -> ([Person; 2], Wire, u64) {
    let [ann, bob] = server.people(devices).await;
    let mut anns = Wire::greeted(server, ann.token()).await;
    let mut sent = say(&mut anns, To::UserId(bob.user_id)).await;
    for _ in 0..2 {
        sent = say(&mut anns, To::UserId(bob.user_id)).await;
    }
    assert_eq!(sent.seq, 3);
    ([ann, bob], anns, sent.conversation_id)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_delivered_and_read_is_answered_and_hinted_to_who_asked() {
    let home = Home::dev();
    let server = home.start();
    let ([ann, bob], mut anns, conversation) = two(&server, 2).await;
    // Nothing was delivered: Bob has two devices, and none of them was there.
    let nothing = list(&mut anns, ask(conversation)).await;
    assert_eq!(marks(&nothing), [(bob.user_id, 0, 0)]);
    assert_eq!((nothing.delivered_told, nothing.read_told, nothing.next), (true, true, 0));

    let mut bobs = Wire::greeted(&server, bob.token()).await;
    let mut replica = Replica::default();
    hands_back(&mut bobs, &mut replica).await;
    let hints = hinted(&mut anns, (3, 0)).await;
    assert_eq!(hints.len(), 1, "{hints:?}");
    let expected =
        Watermark { conversation_id: conversation, user_id: bob.user_id, delivered_seq: 3, read_seq: 0 };
    assert_eq!(hints[0].1, expected);

    done(&mut bobs, mark_read(conversation, 2)).await;
    assert_eq!(hint(&mut anns).await.read_seq, 2);
    // Who writes has read what is shown, and what was sent before is delivered.
    let day = requests::today(&mut bobs).await;
    let reply = proto::Send { shown_seq: 3, ..requests::send(To::UserId(ann.user_id), day, "yes") };
    assert_eq!(requests::sent(&mut bobs, reply).await.seq, 4);
    hinted(&mut anns, (4, 4)).await;

    // The same over HTTP, where no hints come, and after a kill.
    let over_http = http_answer(&server, ann.token(), ask(conversation)).await;
    let Body::Watermarks(over_http) = over_http.1 else { panic!("{over_http:?}") };
    assert_eq!(marks(&over_http), [(bob.user_id, 4, 4)]);
    server.kill();
    let server = home.start();
    let mut anns = Wire::greeted(&server, ann.token()).await;
    assert_eq!(marks(&list(&mut anns, ask(conversation)).await), [(bob.user_id, 4, 4)]);
    // Only those of the conversation may ask, and of oneself nothing is told.
    let [cy] = server.people(1).await;
    requests::refused(
        &mut Wire::greeted(&server, cy.token()).await,
        ask(conversation),
        Refusal::NoSuchConversation,
    )
    .await;
    let own = say(&mut anns, To::UserId(ann.user_id)).await;
    assert_eq!(marks(&list(&mut anns, ask(own.conversation_id)).await), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn hints_are_gathered_for_a_second_and_the_newest_counts() {
    let home = Home::dev();
    let server = home.start();
    let ([_, bob], mut anns, conversation) = two(&server, 1).await;
    for _ in 0..57 {
        say(&mut anns, To::ConversationId(conversation)).await;
    }
    list(&mut anns, ask(conversation)).await;
    let mut bobs = Wire::greeted(&server, bob.token()).await;
    let reading = tokio::spawn(async move {
        for seq in 1..=60 {
            done(&mut bobs, mark_read(conversation, seq)).await;
        }
        bobs
    });
    let hints = hinted(&mut anns, (60, 60)).await;
    let _bobs = reading.await.unwrap();
    assert!(hints.len() < 30, "{} hints of 60 marks", hints.len());
    for pair in hints.windows(2) {
        assert!(pair[1].0 - pair[0].0 >= HINTS_APART, "{pair:?}");
        assert!(pair[1].1.read_seq > pair[0].1.read_seq, "{pair:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_did_not_ask_and_who_speaks_level_1_is_told_no_hints() {
    let home = Home::dev();
    let server = home.start();
    let ([ann, bob], mut anns, conversation) = two(&server, 2).await;
    let mut silent = Wire::greeted(&server, &ann.devices[1].token).await;
    let hello = proto::Hello { level: 1, context: 3, ..requests::hello(ann.token()) };
    let mut old = Wire::connect(&server, Encoding::Json).await;
    assert!(matches!(old.ask(Request::Hello(hello)).await, Body::Greeting(_)));
    assert_eq!(marks(&list(&mut old, ask(conversation)).await), [(bob.user_id, 0, 0)]);
    list(&mut anns, ask(conversation)).await;

    let mut bobs = Wire::greeted(&server, bob.token()).await;
    done(&mut bobs, mark_read(conversation, 2)).await;
    hinted(&mut anns, (2, 2)).await;
    // What was there for the others would have come before this answer.
    for wire in [&mut silent, &mut old] {
        requests::today(wire).await;
        let unasked = wire.take_unasked();
        assert!(!unasked.iter().any(|body| matches!(body, Body::Watermark(_))), "{unasked:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn neither_side_of_a_block_is_told_anything_of_the_other() {
    let home = Home::dev();
    let server = home.start();
    let ([ann, bob], mut anns, conversation) = two(&server, 1).await;
    let mut bobs = Wire::greeted(&server, bob.token()).await;
    done(&mut bobs, mark_read(conversation, 1)).await;
    soon(&mut anns, conversation, &[(bob.user_id, 1, 1)]).await;
    list(&mut bobs, ask(conversation)).await;

    done(&mut bobs, block(ann.user_id)).await;
    assert_eq!(marks(&list(&mut anns, ask(conversation)).await), [], "the blocked");
    assert_eq!(marks(&list(&mut bobs, ask(conversation)).await), [], "and the one who blocks");
    // Both watch from before. They read on, and a third one, of whom both are told, shows that hints came so far.
    let [cy] = server.people(1).await;
    let mut cys = Wire::greeted(&server, cy.token()).await;
    done(&mut bobs, mark_read(conversation, 3)).await;
    for (wire, person) in [(&mut anns, &ann), (&mut bobs, &bob)] {
        let other = say(wire, To::UserId(cy.user_id)).await.conversation_id;
        wire.take_unasked();
        list(wire, ask(other)).await;
        done(&mut cys, mark_read(other, 1)).await;
        loop {
            let hint = hint(wire).await;
            assert_eq!(hint.conversation_id, other, "{} is told of the other side", person.name);
            if hint.read_seq == 1 {
                break;
            }
        }
    }
    done(&mut bobs, unblock(ann.user_id)).await;
    assert_eq!(marks(&list(&mut anns, ask(conversation)).await), [(bob.user_id, 3, 3)], "it was not lost");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_hides_what_was_read_is_not_told_it_and_delivery_is_told_all_the_same() {
    let home = Home::dev();
    let server = home.start();
    let ([ann, bob], mut anns, conversation) = two(&server, 2).await;
    let mut bobs = Wire::greeted(&server, bob.token()).await;
    let mut replica = Replica::default();
    hands_back(&mut bobs, &mut replica).await;
    done(&mut bobs, mark_read(conversation, 2)).await;
    soon(&mut anns, conversation, &[(bob.user_id, 3, 2)]).await;

    done(&mut bobs, hide(true)).await;
    soon(&mut anns, conversation, &[(bob.user_id, 3, 0)]).await;
    let to_bob = list(&mut bobs, ask(conversation)).await;
    assert!(to_bob.delivered_told && !to_bob.read_told, "{to_bob:?}");
    assert_eq!(marks(&to_bob), [(ann.user_id, 0, 0)], "what Ann wrote she has read, and Bob is not told");
    // It is told to all of his devices, and none of level 1.
    let privacy = (kind::ACCOUNT, "privacy".to_owned());
    let mut other = (Wire::greeted(&server, &bob.devices[1].token).await, Replica::default());
    told(&mut other.0, &mut other.1, |replica| replica.items.contains_key(&privacy)).await;
    assert_eq!(other.1.items[&privacy], r#"{"hidesRead":true}"#);
    assert!(!dump(&server, bob.token()).await.items.contains_key(&privacy));

    let outcome = http_answer(&server, bob.token(), hide(false)).await;
    assert_eq!(outcome.0, 200, "{outcome:?}");
    soon(&mut anns, conversation, &[(bob.user_id, 3, 2)]).await;
    told(&mut other.0, &mut other.1, |replica| replica.items[&privacy] == "{}").await;
    assert!(!replica.items.contains_key(&privacy), "Ann's device is told nothing of it");
    let answered = list(&mut bobs, ask(conversation)).await;
    assert_eq!((answered.read_told, marks(&answered)), (true, vec![(ann.user_id, 3, 3)]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_tells_neither_tells_nobody() {
    let config = "[server]\nworkers = 2\n[messages]\nread_watermarks = false\n";
    let home = Home::new(config, &["--dev"]);
    let server = home.start();
    let ([_, bob], mut anns, conversation) = two(&server, 1).await;
    let mut bobs = Wire::greeted(&server, bob.token()).await;
    let mut replica = Replica::default();
    hands_back(&mut bobs, &mut replica).await;
    done(&mut bobs, mark_read(conversation, 2)).await;
    soon(&mut anns, conversation, &[(bob.user_id, 3, 0)]).await;
    let answer = list(&mut anns, ask(conversation)).await;
    assert_eq!((answer.delivered_told, answer.read_told), (true, false));

    let neither = format!("{config}delivered_watermarks = false\n");
    let home = Home::new(&neither, &["--dev"]).with_data(home.data());
    drop(server);
    let server = home.start();
    let [ann, cy] = server.people(1).await;
    let mut anns = Wire::greeted(&server, ann.token()).await;
    let conversation = say(&mut anns, To::UserId(cy.user_id)).await.conversation_id;
    let answer = list(&mut anns, ask(conversation)).await;
    assert_eq!((answer.delivered_told, answer.read_told, marks(&answer)), (false, false, vec![]));
    let group = created(&mut anns, create(1, "Tea", &[cy.user_id])).await;
    assert_eq!(marks(&list(&mut anns, ask(group)).await), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_began_later_was_delivered_nothing_of_before() {
    let home = Home::dev();
    let server = home.start();
    let ([_, bob], mut anns, conversation) = two(&server, 1).await;
    // Another context begins at its first hello, behind the three.
    let hello = proto::Hello { context: 2, ..requests::hello(bob.token()) };
    let (mut later, _) = Wire::greeted_with(&server, Encoding::Binary, hello).await;
    let mut replica = Replica::default();
    hands_back(&mut later, &mut replica).await;
    // What comes now from somebody else it has, and that is known.
    let [cy] = server.people(1).await;
    let mut cys = Wire::greeted(&server, cy.token()).await;
    let other = say(&mut cys, To::UserId(bob.user_id)).await.conversation_id;
    hands_back(&mut later, &mut replica).await;
    soon(&mut cys, other, &[(bob.user_id, 1, 0)]).await;
    assert_eq!(marks(&list(&mut anns, ask(conversation)).await), [(bob.user_id, 0, 0)]);
    say(&mut anns, To::ConversationId(conversation)).await;
    hands_back(&mut later, &mut replica).await;
    soon(&mut anns, conversation, &[(bob.user_id, 4, 0)]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_group_members_are_told_page_by_page_what_lies_within_their_own_membership() {
    let home = Home::dev();
    let server = home.start();
    let [ann, bob, cy, dan] = server.people(1).await;
    let mut anns = Wire::greeted(&server, ann.token()).await;
    let mut bobs = Wire::greeted(&server, bob.token()).await;
    let mut cys = Wire::greeted(&server, cy.token()).await;
    let mut dans = Wire::greeted(&server, dan.token()).await;
    let group = created(&mut anns, create(1, "Tea", &[bob.user_id, cy.user_id])).await;
    for _ in 0..3 {
        say(&mut anns, To::ConversationId(group)).await;
    }
    requests::refused(&mut dans, ask(group), Refusal::NoSuchConversation).await;
    done(&mut bobs, mark_read(group, 3)).await;
    let mut replica = Replica::default();
    hands_back(&mut cys, &mut replica).await;
    let mut expected = [(bob.user_id, 3, 3), (cy.user_id, 4, 0)];
    expected.sort_unstable();
    soon(&mut anns, group, &expected).await;

    // Who has read the third: Bob. Looked at one by one the lists together say the same.
    let of_third = list(&mut anns, ask_page(group, 3, 0, 0)).await;
    assert_eq!(marks(&of_third), [(bob.user_id, 3, 3)]);
    let (mut after, mut found) = (0, Vec::new());
    loop {
        let page = list(&mut anns, ask_page(group, 0, after, 1)).await;
        found.extend(marks(&page));
        after = page.next;
        if after == 0 {
            break;
        }
        assert_eq!(page.watermarks.len(), 1);
    }
    assert_eq!(found, expected);
    assert!(anns.take_unasked().iter().all(|body| !matches!(body, Body::Watermark(_))), "no hints of groups");

    // Dan comes at the fifth: what others had read before is not his to know.
    done(&mut anns, add(group, &[dan.user_id])).await;
    let of_others = list(&mut dans, ask(group)).await;
    assert!(
        of_others.watermarks.iter().all(|mark| mark.read_seq == 0 || mark.read_seq >= 5),
        "{of_others:?}"
    );
    requests::refused(&mut dans, ask_page(group, 4, 0, 0), Refusal::InvalidField).await;
    done(&mut bobs, mark_read(group, 5)).await;
    assert_eq!(marks(&list(&mut dans, ask_page(group, 5, 0, 0)).await), [(bob.user_id, 5, 5)]);
    done(&mut bobs, hide(true)).await;
    assert_eq!(marks(&list(&mut dans, ask_page(group, 5, 0, 0)).await), []);
    done(&mut dans, leave(group)).await;
    requests::refused(&mut dans, ask(group), Refusal::NoSuchConversation).await;
}

/// Events until one says this of the other one.
async fn sdk_hears(
    events: &mut tokio::sync::broadcast::Receiver<Event>,
    (user, delivered, read): (u64, u64, u64),
) {
    within("what the SDK tells", async {
        loop {
            if let Event::Watermark { watermark } = events.recv().await.unwrap()
                && (watermark.user_id, watermark.delivered_seq, watermark.read_seq) == (user, delivered, read)
            {
                return;
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sdk_tells_what_is_watched_and_says_what_was_shown() {
    let home = Home::dev();
    let server = home.start();
    let ([ann, bob], mut anns, conversation) = two(&server, 1).await;
    let bobs = Client::start(sdk::options(&server, bob.token()), Store::in_memory().unwrap()).unwrap();
    bobs.wait_caught_up(DEADLINE).await.unwrap();
    let mut events = bobs.events();
    bobs.watch(conversation).await.unwrap();
    sdk_hears(&mut events, (ann.user_id, 3, 3)).await;
    let mut replica = Replica::default();
    // Written from a device that shows the second: the first two are read, and the third is not.
    let id = bobs.send_showing(Target::Conversation(conversation), "yes", 2).await.unwrap();
    assert_eq!(bobs.wait_sent(id).await.unwrap().unwrap().seq, 4);
    assert_eq!(marks(&list(&mut anns, ask(conversation)).await)[0].2, 2);
    hands_back(&mut anns, &mut replica).await;
    sdk_hears(&mut events, (ann.user_id, 4, 3)).await;
    // Another connection is told anew without being asked to.
    bobs.reconnect_now().await.unwrap();
    sdk_hears(&mut events, (ann.user_id, 4, 3)).await;
    done(&mut anns, mark_read(conversation, 4)).await;
    sdk_hears(&mut events, (ann.user_id, 4, 4)).await;

    bobs.set_privacy(true).await.unwrap();
    assert_eq!(marks(&list(&mut anns, ask(conversation)).await)[0].2, 0);
    let told = bobs.watermarks(conversation, 0).await.unwrap();
    assert_eq!(told.iter().map(|mark| mark.read_seq).collect::<Vec<_>>(), [0]);
    bobs.close().await;
}
