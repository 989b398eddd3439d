//! API keys: a backend makes accounts, sends and reads for users, as far as its key goes and no longer than it is good.

use std::{
    process::Output,
    time::{SystemTime, UNIX_EPOCH},
};

use highwater::{
    actors::accounts::secret_hash,
    logic::operation::{self, ApiKeyChange},
    model::{
        ApiKey, ApiKeyId, Retentions, TimeMs,
        api_key::{ActsFor, Scope, Scopes},
    },
};
use highwater_wire::{Encoding, LEVEL, Refusal, proto};
use proto::{ClientFrame, client_frame::Request, send::To, server_frame::Body};
use serde_json::{Value, json};

use crate::support::{
    Home, OldStore, Person, Server, Wire, dump, eventually, http, requests, wire::assert_refused,
};

/// Runs `highwater admin api-key …` against the server of a home.
fn api_key(home: &Home, arguments: &[&str]) -> Output {
    let mut command = Home::bare_command();
    command.arg("admin").arg("api-key").args(arguments).arg("--data").arg(home.data());
    command.output().unwrap()
}

/// Makes a key; its secret.
fn make(home: &Home, name: &str, scopes: &str, more: &[&str]) -> String {
    let made = api_key(home, &[&["make", "--name", name, "--scopes", scopes], more].concat());
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let secret = String::from_utf8(made.stdout).unwrap().trim().to_owned();
    assert!(secret.starts_with("hwk_") && secret.len() == 47, "32 bytes in base64url");
    secret
}

fn listed(home: &Home) -> Vec<Value> {
    let lines = String::from_utf8(api_key(home, &["list"]).stdout).unwrap();
    lines.lines().filter(|line| !line.is_empty()).map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// What a key asks for somebody.
async fn asked(server: &Server, secret: &str, act_for: Option<&str>, request: Request) -> http::Answer {
    let (bearer, level) = (format!("Bearer {secret}"), LEVEL.to_string());
    let mut headers = vec![
        ("Content-Type", Encoding::Binary.content_type()),
        ("X-Highwater-Level", level.as_str()),
        ("Authorization", bearer.as_str()),
    ];
    headers.extend(act_for.map(|user| ("Highwater-Act-For", user)));
    let frame = ClientFrame { request_id: 5, request: Some(request), ..ClientFrame::default() };
    http::exchange(server.client(), "POST", "/v1/request", &headers, &Encoding::Binary.encode(&frame)).await
}

async fn ask(server: &Server, secret: &str, act_for: Option<&str>, request: Request) -> Body {
    let answer = asked(server, secret, act_for, request).await;
    let frame = answer.frame(Encoding::Binary);
    assert_eq!((answer.status, frame.request_id), (200, 5), "{frame:?}");
    frame.body.unwrap()
}

async fn refused(server: &Server, secret: &str, act_for: Option<&str>, request: Request, refusal: Refusal) {
    let what = format!("{request:?}");
    let answer = asked(server, secret, act_for, request).await;
    assert_eq!(answer.status, refusal.http_status(), "{what}: {:?}", answer.frame(Encoding::Binary));
    assert_refused(&answer.frame(Encoding::Binary).body.unwrap(), refusal);
}

async fn today(server: &Server, secret: &str) -> u32 {
    let Body::Heartbeat(answer) = ask(server, secret, None, requests::heartbeat()).await else { panic!() };
    answer.day
}

fn create(name: &str, password: &str, bot: bool) -> Request {
    let (name, password) = (name.to_owned(), password.to_owned());
    Request::CreateUser(proto::CreateUser { name, password, bot })
}

async fn created(server: &Server, secret: &str, request: Request) -> proto::User {
    let Body::User(user) = ask(server, secret, None, request).await else { panic!("no user") };
    user
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backend_makes_accounts_and_talks_for_them() {
    let home = Home::dev();
    let server = home.start();
    let [ann] = server.people(1).await;
    let secret = make(&home, "shop", "users,send,groups,contacts,read", &[]);
    let day = today(&server, &secret).await;

    let cy = created(&server, &secret, create("Cy", "", false)).await;
    assert_eq!((cy.name.as_str(), cy.bot), ("Cy", false));
    assert_eq!(
        created(&server, &secret, create("cY", "", false)).await,
        cy,
        "asked again it is there already"
    );
    let dan = created(&server, &secret, create("dan", "battery staple", false)).await;
    assert_eq!(created(&server, &secret, create("dan", "battery staple", false)).await, dan);
    let tea = created(&server, &secret, create("tea", "", true)).await;
    assert!(tea.bot);

    // A message of Cy, by name and by id; sent again it is the same.
    let send = requests::send(To::UserId(ann.user_id), day, "your tea is ready");
    let Body::Sent(first) = ask(&server, &secret, Some("cy"), Request::Send(send.clone())).await else {
        panic!()
    };
    let Body::Sent(again) = ask(&server, &secret, Some(&cy.user_id.to_string()), Request::Send(send)).await
    else {
        panic!()
    };
    assert_eq!((first.seq, &first), (1, &again));
    assert_eq!(dump(&server, ann.token()).await.all_texts(), ["your tea is ready"]);

    // Ann answers; the key reads it for Cy, and says that it was read.
    let mut wire = Wire::greeted(&server, ann.token()).await;
    let reply = requests::send(To::ConversationId(first.conversation_id), day, "thanks");
    assert_eq!(requests::sent(&mut wire, reply).await.seq, 2);
    let head = || async {
        let heads = ask(&server, &secret, Some("cy"), Request::Heads(proto::Heads::default())).await;
        let Body::Heads(heads) = heads else { panic!("no heads") };
        heads.heads[0].clone()
    };
    assert_eq!((head().await.seq, head().await.unread), (2, 1));
    let range = proto::Range { conversation_id: first.conversation_id, from_seq: 1, to_seq: 2 };
    let Body::Entries(entries) = ask(&server, &secret, Some("cy"), Request::Range(range)).await else {
        panic!()
    };
    let texts: Vec<String> = entries.entries.iter().map(requests::text_of).collect();
    assert_eq!(texts, ["your tea is ready", "thanks"]);
    let mark = proto::MarkRead { conversation_id: first.conversation_id, seq: 2 };
    assert!(matches!(ask(&server, &secret, Some("cy"), Request::MarkRead(mark)).await, Body::Done(_)));
    assert_eq!(head().await.unread, 0);

    // A group of Dan's, and a contact.
    let group = proto::CreateGroup {
        client_group_id: vec![7; 16].into(),
        name: "Tea".to_owned(),
        user_ids: vec![ann.user_id, cy.user_id],
    };
    let Body::GroupCreated(group) = ask(&server, &secret, Some("dan"), Request::CreateGroup(group)).await
    else {
        panic!("no group")
    };
    let members = Request::ListMembers(proto::ListMembers {
        conversation_id: group.conversation_id,
        ..proto::ListMembers::default()
    });
    let Body::MemberList(members) = ask(&server, &secret, Some("cy"), members).await else { panic!() };
    assert_eq!(members.members.len(), 3);
    let ask_contact =
        Request::AskContact(proto::AskContact { user_id: ann.user_id, greeting: "hello".to_owned() });
    assert!(matches!(ask(&server, &secret, Some("dan"), ask_contact).await, Body::Done(_)));

    // Who signs in later with the password has everything that came before; a bot has none.
    let Body::SignedIn(device) = wire_less(&server, requests::sign_in("dan", "battery staple")).await else {
        panic!("not signed in")
    };
    assert_eq!(device.user_id, dan.user_id);
    let Body::User(found) = wire.ask(requests::find_user("tea")).await else { panic!() };
    assert_eq!(found, tea, "others are told that it is a bot");
    let set = json!({"user": "tea", "password": "battery staple", "end_devices": false}).to_string();
    let answer = server.operate("POST", "/v1/set-password", &set).await;
    assert_eq!(answer.status, Refusal::BotHasNoPassword.http_status(), "{answer:?}");

    let keys = listed(&home);
    assert_eq!((&keys[0]["name"], &keys[0]["acts_for"]), (&json!("shop"), &json!("made")));
    assert!(keys[0]["requests_since_start"].as_u64().unwrap() > 10, "{keys:?}");
    assert_eq!(keys[0]["refused_since_start"], 0);
    let shown = keys[0].to_string();
    assert!(!shown.contains("hwk_") && !shown.contains(&secret[4..]), "a secret is told once");
    eventually("the use to be stored", || async { listed(&home)[0]["used_ms"].as_i64() }).await;
}

/// A request without a token.
async fn wire_less(server: &Server, request: Request) -> Body {
    let frame = ClientFrame { request_id: 1, request: Some(request), ..ClientFrame::default() };
    let answer = http::post(server.client(), Encoding::Binary, None, &frame).await;
    answer.frame(Encoding::Binary).body.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_does_what_its_scopes_say_for_whom_it_may() {
    let home = Home::dev();
    let server = home.start();
    let [ann, bob, cy]: [Person; 3] = server.people(1).await;
    let (to_bob, day) =
        (To::UserId(bob.user_id), requests::today(&mut Wire::greeted(&server, ann.token()).await).await);
    let send = || Request::Send(requests::send(to_bob.clone(), day, "hi"));
    let (ann_id, cy_id) = (ann.user_id.to_string(), cy.user_id.to_string());
    let (for_ann, for_cy) = (Some(ann_id.as_str()), Some(cy_id.as_str()));

    let sender = make(&home, "till", "send", &["--users", &format!("{},{}", ann.name, bob.user_id)]);
    assert!(matches!(ask(&server, &sender, for_ann, send()).await, Body::Sent(_)));
    refused(&server, &sender, for_cy, send(), Refusal::NotForThisUser).await;
    refused(&server, &sender, Some("nobody-at-all"), send(), Refusal::NotForThisUser).await;
    for named in [None, Some(""), Some(" ")] {
        refused(&server, &sender, named, send(), Refusal::InvalidField).await;
    }
    // What is for nobody names nobody.
    let maker = make(&home, "maker", "users", &[]);
    for request in [create("eve", "", false), requests::heartbeat()] {
        refused(&server, &maker, for_ann, request, Refusal::InvalidField).await;
    }
    let mut anns = Wire::greeted(&server, ann.token()).await;
    requests::refused(&mut anns, requests::find_user("eve"), Refusal::NoSuchUser).await;
    let read = || Request::Heads(proto::Heads::default());
    for request in
        [read(), create("eve", "", false), Request::LeaveGroup(proto::LeaveGroup { conversation_id: 1 })]
    {
        refused(&server, &sender, for_ann, request, Refusal::ScopeMissing).await;
    }
    for request in [
        requests::sync(),
        Request::ListDevices(proto::ListDevices {}),
        Request::SignOut(proto::SignOut {}),
        Request::ChangePassword(proto::ChangePassword::default()),
        requests::register("eve", "battery staple", ""),
    ] {
        refused(&server, &sender, for_ann, request, Refusal::Forbidden).await;
    }
    let reader = make(&home, "archive", "read", &["--all-users", "--expires-in-days", "2"]);
    assert!(matches!(ask(&server, &reader, for_cy, read()).await, Body::Heads(_)));
    refused(&server, &reader, for_cy, send(), Refusal::ScopeMissing).await;
    refused(&server, &reader, Some("nobody-at-all"), read(), Refusal::NoSuchUser).await;
    let suspend = json!({"user": cy_id, "suspended": true}).to_string();
    assert_eq!(server.operate("POST", "/v1/suspend", &suspend).await.status, 204);
    refused(&server, &reader, for_cy, read(), Refusal::AccountSuspended).await;

    // A device is no key, and a key no device.
    refused(&server, ann.token(), for_cy, read(), Refusal::InvalidField).await;
    refused(&server, ann.token(), None, create("eve", "", false), Refusal::Forbidden).await;
    let mut wire = Wire::greeted(&server, ann.token()).await;
    assert_refused(&wire.ask(create("eve", "", false)).await, Refusal::Forbidden);
    let mut wire = Wire::connect(&server, Encoding::Binary).await;
    assert_refused(&wire.ask(Request::Hello(requests::hello(&sender))).await, Refusal::InvalidToken);
    refused(&server, "hwk_guessed", for_ann, send(), Refusal::InvalidApiKey).await;
    let log = server.log();
    assert!(log.contains("an API key asked what it may not") && !log.contains(&sender[4..]), "{log}");
    assert_eq!(dump(&server, bob.token()).await.all_texts(), ["hi"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_taken_back_at_once_and_its_bounds_hold() {
    let home = Home::dev();
    let server = home.start();
    let [ann, bob]: [Person; 2] = server.people(1).await;
    let secret = make(&home, "till", "send", &["--users", &ann.name]);
    let day = today(&server, &secret).await;
    // Many at once while it is taken back: each is stored and answered, or refused and not stored.
    let sends = (0..24).map(|number| {
        let send = requests::send(To::UserId(bob.user_id), day, &format!("message {number}"));
        asked(&server, &secret, Some(&ann.name), Request::Send(send))
    });
    let (answers, revoked) = tokio::join!(futures_util::future::join_all(sends), async {
        let body = json!({"key": "till"}).to_string();
        server.operate("POST", "/v1/api-keys/revoke", &body).await.status
    });
    assert_eq!(revoked, 204);
    let stored = answers.iter().filter(|answer| answer.status == 200).count();
    for answer in answers.iter().filter(|answer| answer.status != 200) {
        assert_refused(&answer.frame(Encoding::Binary).body.unwrap(), Refusal::InvalidApiKey);
    }
    assert_eq!(dump(&server, bob.token()).await.all_texts().len(), stored);
    refused(&server, &secret, Some(&ann.name), requests::heartbeat(), Refusal::InvalidApiKey).await;

    // What an operator may not make.
    for body in [
        json!({"name": "x", "scopes": []}),
        json!({"name": "", "scopes": ["send"]}),
        json!({"name": "x".repeat(33), "scopes": ["send"]}),
        json!({"name": "x", "scopes": ["everything"]}),
        json!({"name": "x", "scopes": ["send"], "expires_in_days": 0}),
        json!({"name": "x", "scopes": ["send"], "users": vec![&ann.name; 17]}),
        json!({"name": "x", "scopes": ["send"], "users": [&ann.name], "all_users": true}),
    ] {
        let answer = server.operate("POST", "/v1/api-keys", &body.to_string()).await;
        assert_eq!(answer.status, 400, "{body}: {answer:?}");
    }
    let unknown = json!({"name": "x", "scopes": ["send"], "users": ["nobody-at-all"]}).to_string();
    assert_eq!(server.operate("POST", "/v1/api-keys", &unknown).await.status, 404);
    let unknown = json!({"key": "till"}).to_string();
    assert_eq!(server.operate("POST", "/v1/api-keys/revoke", &unknown).await.status, 404);
    for number in 0..=32 {
        let body =
            json!({"name": format!("key {number}"), "scopes": ["send"], "all_users": true}).to_string();
        let status = server.operate("POST", "/v1/api-keys", &body).await.status;
        assert_eq!(status, if number < 32 { 200 } else { Refusal::TooManyApiKeys.http_status() }, "{number}");
    }
    // They outlive the process.
    let kept = make_room(&home);
    server.kill();
    let server = home.start();
    assert_eq!(listed(&home).len(), 32);
    let send = Request::Send(requests::send(To::UserId(bob.user_id), day, "after the crash"));
    assert!(matches!(ask(&server, &kept, Some(&ann.name), send).await, Body::Sent(_)));
}

/// Puts one key in the place of another.
fn make_room(home: &Home) -> String {
    assert!(api_key(home, &["revoke", "key 0"]).status.success());
    make(home, "newest", "send,read", &["--all-users"])
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_key_is_worth_nothing_and_is_listed_until_it_is_revoked() {
    const DAY_MS: i64 = 24 * 60 * 60 * 1000;
    let home = Home::dev();
    let mut store = OldStore::begun(&home, 3, Retentions::default());
    let ann = store.person("ann");
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64;
    for days in [-1, 400] {
        let key = ApiKey {
            id: ApiKeyId(rand::random()),
            name: format!("key of {days} days"),
            secret: secret_hash(&format!("hwk_{days}")),
            scopes: Scopes::default().with(Scope::Read),
            acts_for: ActsFor::All,
            created: TimeMs(now - 3 * DAY_MS),
            expires: Some(TimeMs(now + days * DAY_MS)),
            used: None,
        };
        store.decide(operation::Request::ApiKey(ApiKeyChange::Make(key)));
    }
    drop(store);
    let server = home.start();
    let heads = || Request::Heads(proto::Heads::default());
    refused(&server, "hwk_-1", Some(&ann.name), heads(), Refusal::InvalidApiKey).await;
    assert!(matches!(ask(&server, "hwk_400", Some(&ann.name), heads()).await, Body::Heads(_)));
    assert_eq!(listed(&home).len(), 2);
    assert!(api_key(&home, &["revoke", "key of -1 days"]).status.success());
    assert_eq!(listed(&home).len(), 1);
}
