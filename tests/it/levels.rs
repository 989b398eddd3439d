//! Levels: what one level has and another lacks, side by side on two devices; and a device whose app is updated in place.

use std::collections::BTreeMap;

use highwater_sdk::{Client, ClientOptions, Content, Store, Target};
use highwater_wire::{Encoding, Refusal, proto};
use proto::{ClientFrame, client_frame::Request, entry::Content as Told, send::To, server_frame::Body};

use crate::support::{DEADLINE, Home, Person, Replica, Server, Wire, dump, http, requests, sdk};

const NOT_SHOWN_IN_CHINESE: &str = "当前版本无法显示此消息。";
const NOT_SHOWN_IN_ENGLISH: &str = "This version of the app cannot show this message.";

fn custom(fallback: &str) -> proto::Custom {
    proto::Custom {
        schema: "poll/1".to_owned(),
        json: "{\"question\": \"Tea?\"}".to_owned(),
        fallback: fallback.to_owned(),
    }
}

/// What Bob says to Ann in these tests.
fn said() -> [Told; 4] {
    let text = |text: &str| Told::Text(text.to_owned());
    [text("hello"), Told::Custom(custom("Tea? yes / no")), Told::Custom(custom("")), text("bye")]
}

/// The same as level 1 has it.
fn said_at_level_one(sentence: &str) -> [Told; 4] {
    ["hello", "Tea? yes / no", sentence, "bye"].map(|text| Told::Text(text.to_owned()))
}

fn hello(token: &str, level: u32, locale: &str) -> proto::Hello {
    proto::Hello { level, locale: locale.to_owned(), ..requests::hello(token) }
}

async fn greeted(server: &Server, encoding: Encoding, hello: proto::Hello) -> Wire {
    let mut wire = Wire::connect(server, encoding).await;
    let level = hello.level.min(3);
    match wire.ask(Request::Hello(hello)).await {
        Body::Greeting(greeting) => assert_eq!(greeting.level, level),
        other => panic!("no greeting but {other:?}"),
    }
    wire
}

async fn say(wire: &mut Wire, ann: u64, day: u32, content: Told) -> proto::Sent {
    let to = To::UserId(ann);
    let send = match content {
        Told::Text(text) => requests::send(to, day, &text),
        Told::Custom(custom) => requests::send_custom(to, day, custom),
        other @ (Told::Notice(_) | Told::Erased(_)) => panic!("nobody sends {other:?}"),
    };
    requests::sent(wire, send).await
}

/// Says all of it, and gives the conversation.
async fn say_all(server: &Server, ann: &Person, bob: &Person) -> u64 {
    let mut wire = greeted(server, Encoding::Binary, hello(bob.token(), 1, "")).await;
    let day = requests::today(&mut wire).await;
    let mut conversation = 0;
    for content in said() {
        conversation = say(&mut wire, ann.user_id, day, content).await.conversation_id;
    }
    conversation
}

fn contents(replica: &Replica) -> Vec<Told> {
    replica.entries.values().map(|entry| entry.content.clone().unwrap()).collect()
}

async fn range(wire: &mut Wire, conversation_id: u64) -> Vec<proto::Entry> {
    let range = Request::Range(proto::Range { conversation_id, from_seq: 1, to_seq: 99 });
    match wire.ask(range).await {
        Body::Entries(list) => list.entries,
        other => panic!("no entries but {other:?}"),
    }
}

fn told(entries: &[proto::Entry]) -> Vec<Told> {
    entries.iter().map(|entry| entry.content.clone().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn two_devices_of_one_user_are_told_each_at_its_level() {
    let home = Home::dev();
    let server = home.start();
    let [ann, bob] = server.people(2).await;
    let (old_hello, new_hello) =
        (hello(&ann.devices[0].token, 1, "zh-Hans-CN"), hello(&ann.devices[1].token, 3, ""));
    for (round, (old_encoding, new_encoding)) in
        [(Encoding::Binary, Encoding::Json), (Encoding::Json, Encoding::Binary)].into_iter().enumerate()
    {
        let mut old = greeted(&server, old_encoding, old_hello.clone()).await;
        let mut new = greeted(&server, new_encoding, new_hello.clone()).await;
        let (mut at_old, mut at_new) = (Replica::default(), Replica::default());
        old.sync(&mut at_old).await;
        new.sync(&mut at_new).await;
        assert_eq!(
            at_old.entries.len(),
            4 * round,
            "the first round has told pushes, the second tells pages first"
        );

        let conversation = say_all(&server, &ann, &bob).await;
        for (wire, replica) in [(&mut old, &mut at_old), (&mut new, &mut at_new)] {
            while replica.entries.len() < 4 * (round + 1) {
                match wire.unasked().await {
                    Body::Push(page) if replica.take(&page, false) => assert!(page.level_changed.is_none()),
                    Body::Push(_) | Body::Nudge(_) => drop(wire.sync(replica).await),
                    other => panic!("{other:?}"),
                }
            }
        }
        let times = |told: [Told; 4]| told.iter().cycle().take(4 * (round + 1)).cloned().collect::<Vec<_>>();
        assert_eq!(contents(&at_old), times(said_at_level_one(NOT_SHOWN_IN_CHINESE)));
        assert_eq!(contents(&at_new), times(said()));
        assert!(at_old.entries.keys().eq(at_new.entries.keys()), "the same ids");
        assert_eq!(told(&range(&mut old, conversation).await), contents(&at_old));
        assert_eq!(told(&range(&mut new, conversation).await), contents(&at_new));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_whose_app_is_updated_reads_again_what_it_holds() {
    let home = Home::dev();
    let server = home.start();
    let [ann, bob] = server.people(1).await;
    let conversation = say_all(&server, &ann, &bob).await;
    let mut replica = Replica::default();
    let mut wire = greeted(&server, Encoding::Binary, hello(ann.token(), 1, "")).await;
    let pages = wire.sync(&mut replica).await;
    assert!(pages.iter().all(|page| page.level_changed.is_none()), "what begins has no level before");
    assert_eq!(contents(&replica), said_at_level_one(NOT_SHOWN_IN_ENGLISH));

    for (level, kinds, content) in [
        (3, Some(vec![1, 2, 3, 4]), said().to_vec()),
        (3, None, said().to_vec()),
        (2, Some(vec![]), said().to_vec()),
        (1, Some(vec![1, 2, 3, 4]), said_at_level_one(NOT_SHOWN_IN_ENGLISH).to_vec()),
        (99, Some(vec![1, 2, 3, 4]), said().to_vec()),
    ] {
        let mut wire = greeted(&server, Encoding::Binary, hello(ann.token(), level, "")).await;
        // A page that is lost changes nothing: the unchanged snapshot is told the same again.
        let mut lost = replica.clone();
        wire.sync(&mut lost).await;
        let pages = wire.sync(&mut replica).await;
        let said: Vec<_> = pages.iter().filter_map(|page| page.level_changed.clone()).collect();
        assert_eq!(said, kinds.clone().map(|kinds| proto::LevelChange { kinds }).as_slice(), "level {level}");
        assert!(pages.iter().all(|page| page.entries.is_empty()), "{pages:?}");
        let anew = pages.iter().flat_map(|page| &page.items).map(|item| item.kind);
        let differs = kinds.is_some_and(|kinds| kinds.contains(&2));
        let expected: &[u32] = if differs { &[1, 2, 3] } else { &[] };
        assert!(
            anew.eq(expected.iter().copied()),
            "the account, the one contact and conversation, where they differ: {pages:?}"
        );

        let entries = range(&mut wire, conversation).await;
        assert_eq!(told(&entries), content, "level {level}");
        let ids = |entry: &proto::Entry| proto::Entry { content: None, ..entry.clone() };
        assert!(entries.iter().map(ids).eq(replica.entries.values().map(ids)), "only the content is another");
        let again = wire.sync(&mut replica).await;
        assert!(again.iter().all(|page| page.snapshot.is_empty()), "it is said once: {again:?}");
    }
}

/// Entries of a store by place, as far as it holds all of them.
fn held(store: &Store) -> BTreeMap<u64, Told> {
    assert_eq!(store.conflicts().unwrap(), 0);
    let conversations = store.newest_seqs().unwrap();
    let entries = conversations.iter().flat_map(|(id, _)| store.entries_after(*id, 0, 99).unwrap());
    entries.map(|entry| (entry.seq, entry.content.unwrap())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rust_client_sends_custom_messages_and_follows_its_level() {
    let home = Home::dev();
    let server = home.start();
    let [ann, bob] = server.people(1).await;
    let sender = sdk::caught_up(&server, bob.token()).await;
    for content in said() {
        let content = match content {
            Told::Text(text) => Content::Text(text),
            Told::Custom(custom) => Content::Custom(custom),
            other @ (Told::Notice(_) | Told::Erased(_)) => panic!("nobody sends {other:?}"),
        };
        let id = sender.send(Target::User(ann.user_id), content).await.unwrap();
        sdk::settled(&sender, id).await;
    }
    let file = home.data().join("../ann.sqlite");
    let by_seq = |told: [Told; 4]| (1..).zip(told).collect::<BTreeMap<u64, _>>();
    for (level, content) in [
        (1, said_at_level_one(NOT_SHOWN_IN_ENGLISH)),
        (3, said()),
        (2, said()),
        (1, said_at_level_one(NOT_SHOWN_IN_ENGLISH)),
        (3, said()),
    ] {
        let options = ClientOptions { level, ..sdk::options(&server, ann.token()) };
        let client = Client::start(options, Store::open(&file).unwrap()).unwrap();
        client.wait_caught_up(DEADLINE).await.unwrap();
        let expected = by_seq(content);
        let what = format!("every message at level {level}");
        sdk::wait_for(&client, &what, move |store| (held(store) == expected).then_some(())).await;
        // Only when all was read again is it over, and nothing came twice.
        sdk::wait_for(&client, "the end of reading again", |store| {
            (!store.rereading().unwrap()).then_some(())
        })
        .await;
        client.close().await;
    }
}

async fn post(
    server: &Server,
    token: &str,
    headers: &[(&str, &str)],
    snapshot: &[u8],
    request: Request,
) -> http::Answer {
    let frame = ClientFrame { request_id: 1, snapshot: snapshot.to_vec().into(), request: Some(request) };
    let bearer = format!("Bearer {token}");
    let content_type = ("Content-Type", Encoding::Binary.content_type());
    let headers = [&[content_type, ("Authorization", bearer.as_str())], headers].concat();
    http::exchange(server.client(), "POST", "/v1/request", &headers, &Encoding::Binary.encode(&frame)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn over_http_headers_name_the_level_and_the_language() {
    let home = Home::dev();
    let server = home.start();
    let [ann, bob] = server.people(1).await;
    say_all(&server, &ann, &bob).await;
    let mut snapshot = Vec::new();
    for (headers, content, changed) in [
        (vec![], said_at_level_one(NOT_SHOWN_IN_ENGLISH), None),
        (vec![("X-Highwater-Level", "3")], said(), Some(vec![1, 2, 3, 4])),
        (
            vec![("Accept-Language", "de, zh;q=0.5")],
            said_at_level_one(NOT_SHOWN_IN_CHINESE),
            Some(vec![1, 2, 3, 4]),
        ),
        (vec![("X-Highwater-Level", "9")], said(), Some(vec![1, 2, 3, 4])),
    ] {
        let answer = post(&server, ann.token(), &headers, &snapshot, requests::sync()).await;
        let Some(Body::Page(page)) = answer.frame(Encoding::Binary).body else { panic!("{answer:?}") };
        assert_eq!(page.level_changed.map(|change| change.kinds), changed, "{headers:?}");
        if snapshot.is_empty() {
            assert_eq!(told(&page.entries), content);
        }
        snapshot = page.snapshot.to_vec();
        let again = post(&server, ann.token(), &headers, &snapshot, requests::sync()).await;
        assert_eq!(again.status, 204, "it is said once");

        let conversation_id = page.entries.first().map(|entry| entry.conversation_id);
        let conversation_id = match conversation_id {
            Some(conversation_id) => conversation_id,
            None => *dump(&server, ann.token())
                .await
                .entries
                .keys()
                .map(|(conversation, _)| conversation)
                .next()
                .unwrap(),
        };
        let range = Request::Range(proto::Range { conversation_id, from_seq: 1, to_seq: 99 });
        let answer = post(&server, ann.token(), &headers, &[], range).await;
        let Some(Body::Entries(list)) = answer.frame(Encoding::Binary).body else { panic!("{answer:?}") };
        assert_eq!(told(&list.entries), content, "{headers:?}");
    }
    for level in ["0", "-1", "x", ""] {
        let answer = post(&server, ann.token(), &[("X-Highwater-Level", level)], &[], requests::sync()).await;
        assert_eq!(answer.status, Refusal::InvalidField.http_status(), "{level:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_custom_messages_and_levels_are_refused_by_number() {
    let home = Home::dev();
    let server = home.start();
    let [ann, bob] = server.people(1).await;
    let mut wire = greeted(&server, Encoding::Json, hello(bob.token(), 99, "")).await;
    let day = requests::today(&mut wire).await;
    let of = |schema: &str, json: &str, fallback: &str| {
        let (schema, json, fallback) = (schema.to_owned(), json.to_owned(), fallback.to_owned());
        requests::send_custom(To::UserId(ann.user_id), day, proto::Custom { schema, json, fallback })
    };
    let document = |bytes: usize| format!("\"{}\"", "x".repeat(bytes - 2));
    for (send, refusal) in [
        (of("poll/1", "{question}", ""), Refusal::InvalidCustom),
        (of("poll/1", "", "fallback"), Refusal::InvalidCustom),
        (of("", "{}", "fallback"), Refusal::InvalidCustom),
        (of("two words", "{}", ""), Refusal::InvalidCustom),
        (of(&"n".repeat(65), "{}", ""), Refusal::InvalidCustom),
        (of("poll/1", &document(4097), ""), Refusal::CustomTooLong),
        (of("poll/1", &document(4096), &"f".repeat(3072)), Refusal::CustomTooLong),
        (of("poll/1", "{}", &"f".repeat(4097)), Refusal::TextTooLong),
        (proto::Send { text: "both".to_owned(), ..of("poll/1", "{}", "") }, Refusal::InvalidField),
        (proto::Send { custom: None, ..of("poll/1", "{}", "") }, Refusal::EmptyMessage),
    ] {
        requests::refused(&mut wire, Request::Send(send.clone()), refusal).await;
        let answer = post(&server, bob.token(), &[], &[], Request::Send(send)).await;
        assert_eq!(answer.status, refusal.http_status(), "{answer:?}");
    }
    assert_eq!(dump(&server, ann.token()).await.entries.len(), 0, "nothing was stored");

    // The longest that is taken, by both ways, and what its id is good for.
    let longest = of("poll/1", &document(4096), &"f".repeat(3066));
    let sent = requests::sent(&mut wire, longest.clone()).await;
    let answer = post(&server, bob.token(), &[], &[], Request::Send(longest.clone())).await;
    let Some(Body::Sent(again)) = answer.frame(Encoding::Binary).body else { panic!("{answer:?}") };
    assert_eq!(again, sent, "the same id has the same place");
    let alike = proto::Send { custom: None, text: "f".repeat(3066), ..longest.clone() };
    requests::refused(&mut wire, Request::Send(alike), Refusal::IdConflict).await;
    let mut level_zero = Wire::connect(&server, Encoding::Binary).await;
    requests::refused(&mut level_zero, Request::Hello(hello(ann.token(), 0, "")), Refusal::InvalidField)
        .await;

    drop(wire);
    let killed = home;
    server.kill();
    let server = killed.start();
    let mut wire = greeted(&server, Encoding::Binary, hello(ann.token(), 3, "")).await;
    let mut replica = Replica::default();
    wire.sync(&mut replica).await;
    assert_eq!(
        contents(&replica),
        [Told::Custom(longest.custom.unwrap())],
        "byte for byte, after a kill too"
    );
}
