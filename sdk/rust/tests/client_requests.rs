//! The client against a played server: requests with one answer.
#![allow(clippy::unwrap_used)]

mod fake_server;
mod pages;

use fake_server::{FakeServer, PATIENCE, greeting};
use highwater_sdk::wire::Refusal;
use highwater_sdk::wire::proto::client_frame::Request;
use highwater_sdk::wire::proto::server_frame::Body;
use highwater_sdk::wire::proto::{DeviceClass, SignedIn, User};
use highwater_sdk::{Client, Error, Store, requests};
use pages::page;
use tokio::time::timeout;

#[tokio::test]
async fn request_is_answered_refused_or_cut_off() {
    let server = FakeServer::start().await;
    let client = Client::start(server.options(), Store::in_memory().unwrap()).unwrap();
    let asking = |name: &'static str| {
        let client = client.clone();
        tokio::spawn(async move { client.find_user(name).await })
    };
    let early = asking("early");
    let (mut connection, _, sync_id, _) = server.accept_greeted(greeting()).await;
    connection.answer_page(sync_id, page(0, 1)).await;
    let frame = connection.read().await;
    assert!(matches!(frame.request, Some(Request::FindUser(find)) if find.name == "early"));
    let user = User { user_id: u64::MAX, name: "early".to_owned(), ..User::default() };
    connection.answer(frame.request_id, Body::User(user.clone())).await;
    assert_eq!(timeout(PATIENCE, early).await.unwrap().unwrap().unwrap(), user);

    let refused = asking("nobody");
    let frame = connection.read().await;
    connection.refuse(frame.request_id, Refusal::NoSuchUser, 0).await;
    let refused = timeout(PATIENCE, refused).await.unwrap().unwrap().unwrap_err();
    assert_eq!(refused.refusal(), Some(Refusal::NoSuchUser));

    let cut = asking("cut");
    connection.read().await;
    drop(connection);
    assert!(matches!(timeout(PATIENCE, cut).await.unwrap().unwrap(), Err(Error::Disconnected)));
}

#[tokio::test]
async fn register_and_sign_in_need_no_hello() {
    let server = FakeServer::start().await;
    let signed_in = SignedIn { user_id: 1, device_id: 2, token: "t".to_owned() };
    let base_url = server.base_url();
    let registering = tokio::spawn(async move {
        let device = requests::device_info("laptop", DeviceClass::Desktop);
        highwater_sdk::register(&base_url, "ann", "password", "invite", device).await
    });
    let mut connection = server.accept().await;
    let frame = connection.read().await;
    let Some(Request::Register(register)) = frame.request else { panic!("{frame:?}") };
    assert_eq!((register.name.as_str(), register.invite.as_str()), ("ann", "invite"));
    assert_eq!(register.device.unwrap().device_class(), DeviceClass::Desktop);
    connection.answer(frame.request_id, Body::SignedIn(signed_in.clone())).await;
    assert_eq!(timeout(PATIENCE, registering).await.unwrap().unwrap().unwrap(), signed_in);

    let base_url = server.base_url();
    let signing_in = tokio::spawn(async move {
        let device = requests::device_info("laptop", DeviceClass::Desktop);
        highwater_sdk::sign_in(&base_url, "ann", "wrong", device).await
    });
    let mut connection = server.accept().await;
    let frame = connection.read().await;
    assert!(matches!(frame.request, Some(Request::SignIn(_))));
    connection.refuse(frame.request_id, Refusal::WrongCredentials, 0).await;
    let refused = timeout(PATIENCE, signing_in).await.unwrap().unwrap().unwrap_err();
    assert_eq!(refused.refusal(), Some(Refusal::WrongCredentials));

    let base_url = server.base_url();
    let signing_in = tokio::spawn(async move {
        let device = requests::device_info("laptop", DeviceClass::Desktop);
        highwater_sdk::sign_in_with_token(&base_url, "a.b.c", device, 7).await
    });
    let mut connection = server.accept().await;
    let frame = connection.read().await;
    let Some(Request::SignInWithToken(sign_in)) = frame.request else { panic!("{frame:?}") };
    assert_eq!((sign_in.token.as_str(), sign_in.in_place_of), ("a.b.c", 7));
    connection.answer(frame.request_id, Body::SignedIn(signed_in.clone())).await;
    assert_eq!(timeout(PATIENCE, signing_in).await.unwrap().unwrap().unwrap(), signed_in);

    let mut store = Store::in_memory().unwrap();
    assert_eq!(store.remembered_sign_in().unwrap(), None);
    store.remember_sign_in(&signed_in).unwrap();
    assert_eq!(store.remembered_sign_in().unwrap(), Some(signed_in));
}
