//! Bots: accounts that programs drive by a device or by a key, and what an operator says as one of them.

use std::{io::Write, process::Stdio};

use highwater_wire::{Encoding, Refusal, proto};
use proto::{client_frame::Request, send::To, server_frame::Body};
use serde_json::{Value, json};

use crate::support::{Home, Server, Wire, dump, requests, wire::assert_refused};

async fn make(server: &Server, name: &str) -> Value {
    let answer = server.operate("POST", "/v1/bots", &json!({ "name": name }).to_string()).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    serde_json::from_slice(&answer.body).unwrap()
}

async fn say(server: &Server, from: &str, to: &str, text: &str) -> u16 {
    let body = json!({ "from": from, "to": to, "text": text }).to_string();
    server.operate("POST", "/v1/send", &body).await.status
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bot_syncs_and_answers_as_any_client_and_has_no_password() {
    let home = Home::dev();
    let server = home.start();
    let [ann] = server.people(1).await;
    let bot = make(&server, "tea-bot").await;
    let (id, token) = (bot["user_id"].as_str().unwrap(), bot["token"].as_str().unwrap());
    let mut wire = Wire::greeted(&server, ann.token()).await;
    let day = requests::today(&mut wire).await;
    let Body::User(found) = wire.ask(requests::find_user("Tea-Bot")).await else { panic!() };
    assert_eq!((found.bot, found.user_id.to_string().as_str()), (true, id));
    requests::sent(&mut wire, requests::send(To::UserId(found.user_id), day, "a cup, please")).await;

    assert_eq!(dump(&server, token).await.all_texts(), ["a cup, please"]);
    let mut driven = Wire::greeted(&server, token).await;
    requests::sent(&mut driven, requests::send(To::UserId(ann.user_id), day, "here it is")).await;
    assert_eq!(dump(&server, ann.token()).await.all_texts(), ["a cup, please", "here it is"]);

    // Made again it is the same bot, with a further device.
    let again = make(&server, "tea-bot").await;
    assert_eq!(again["user_id"], bot["user_id"]);
    assert_ne!(again["token"], bot["token"]);
    assert_eq!(dump(&server, again["token"].as_str().unwrap()).await.all_texts().len(), 2);
    let mut stranger = Wire::connect(&server, Encoding::Binary).await;
    assert_refused(&stranger.ask(requests::sign_in("tea-bot", "")).await, Refusal::WrongCredentials);
    let taken = server.operate("POST", "/v1/bots", &json!({ "name": ann.name }).to_string()).await;
    assert_eq!(taken.status, Refusal::NameTaken.http_status());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_speaks_as_a_bot_to_one_and_is_blocked_like_anybody() {
    let home = Home::dev();
    let server = home.start();
    let [ann, bob] = server.people(1).await;
    assert_eq!(say(&server, "system", &ann.name, "hello").await, 404, "nobody is called so yet");
    make(&server, "system").await;
    assert_eq!(say(&server, "system", "nobody-at-all", "hello").await, 404);
    assert_eq!(say(&server, &bob.name, &ann.name, "I am Bob").await, Refusal::Forbidden.http_status());
    assert_eq!(say(&server, "system", &ann.name, "").await, 400);

    let mut command = Home::bare_command();
    command.args(["admin", "send", "--to", &ann.name, "--data"]).arg(home.data()).stdin(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all("The terms change in May.\n".as_bytes()).unwrap();
    let said = child.wait_with_output().unwrap();
    assert!(said.status.success(), "{said:?}");
    assert!(String::from_utf8(said.stdout).unwrap().starts_with("sent: seq 1 of conversation "));
    assert_eq!(dump(&server, ann.token()).await.all_texts(), ["The terms change in May."]);

    let mut wire = Wire::greeted(&server, ann.token()).await;
    let Body::User(system) = wire.ask(requests::find_user("system")).await else { panic!() };
    assert!(system.bot);
    let block = Request::BlockUser(proto::BlockUser { user_id: system.user_id });
    assert!(matches!(wire.ask(block).await, Body::Done(_)));
    assert_eq!(say(&server, "system", &ann.name, "again").await, Refusal::NoSuchUser.http_status());
    assert_eq!(dump(&server, ann.token()).await.all_texts().len(), 1);
}
