//! The same requests over HTTP: the same bodies and results as over a WebSocket, with the status of each refusal.

use highwater_wire::{Encoding, Refusal, proto};
use proto::{ClientFrame, client_frame::Request, send::To, server_frame::Body};

use crate::{
    bad_requests::Village,
    support::{Home, Replica, Server, Wire, dump, http, requests, wire::assert_refused},
};

const BOTH: [Encoding; 2] = [Encoding::Binary, Encoding::Json];

/// Largest body, bytes; as the protocol says.
const BODY_BYTES_MAX: usize = 65_536;

fn frame(request: Request) -> ClientFrame {
    ClientFrame { request_id: 9, request: Some(request), ..Default::default() }
}

/// Asks over HTTP; the answer must be 200 and carry the request's number.
async fn ask(server: &Server, encoding: Encoding, token: Option<&str>, request: Request) -> Body {
    let answer = http::post(server.client(), encoding, token, &frame(request)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.header("content-type"), Some(encoding.content_type()));
    let frame = answer.frame(encoding);
    assert_eq!(frame.request_id, 9);
    frame.body.unwrap()
}

#[track_caller]
fn assert_status(answer: &http::Answer, encoding: Encoding, refusal: Refusal) {
    assert_eq!(answer.status, refusal.http_status(), "{answer:?}");
    assert_refused(&answer.frame(encoding).body.unwrap(), refusal);
    assert_eq!(answer.header("retry-after").is_some(), refusal.retry(), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_whole_life_over_http_alone() {
    let home = Home::dev();
    let server = home.start();
    for encoding in BOTH {
        let name = format!("ann-{}", encoding.subprotocol().len());
        let Body::SignedIn(first) =
            ask(&server, encoding, None, requests::register(&name, "correct horse", "")).await
        else {
            panic!("not registered")
        };
        let Body::SignedIn(second) =
            ask(&server, encoding, None, requests::sign_in(&name, "correct horse")).await
        else {
            panic!("not signed in")
        };
        assert_eq!(first.user_id, second.user_id);
        let token = Some(first.token.as_str());
        let Body::Heartbeat(heartbeat) = ask(&server, encoding, token, requests::heartbeat()).await else {
            panic!()
        };
        let send = requests::send(To::UserName(name.to_uppercase()), heartbeat.day, "note");
        let Body::Sent(sent) = ask(&server, encoding, token, Request::Send(send)).await else {
            panic!("not sent")
        };
        assert_eq!(sent.seq, 1);
        let Body::User(user) = ask(&server, encoding, token, requests::find_user(&name)).await else {
            panic!()
        };
        assert_eq!(user, proto::User { user_id: first.user_id, name: name.clone(), ..Default::default() });
        let list = ask(&server, encoding, token, Request::ListDevices(proto::ListDevices {})).await;
        let Body::DeviceList(list) = list else { panic!("no list") };
        let listed: Vec<_> = list.devices.iter().map(|device| (device.device_id, device.current)).collect();
        assert_eq!(listed, [(first.device_id, true), (second.device_id, false)]);
        assert_eq!(dump(&server, &first.token).await.all_texts(), ["note"]);

        let which = Some(proto::end_device::Which::DeviceId(second.device_id));
        let done = ask(&server, encoding, token, Request::EndDevice(proto::EndDevice { which })).await;
        assert!(matches!(done, Body::Done(_)));
        let done = ask(&server, encoding, token, Request::SignOut(proto::SignOut {})).await;
        assert!(matches!(done, Body::Done(_)));
        for token in [&first.token, &second.token] {
            let answer =
                http::post(server.client(), encoding, Some(token), &frame(requests::heartbeat())).await;
            assert_status(&answer, encoding, Refusal::InvalidToken);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_requests_are_refused_as_on_a_websocket() {
    let home = Home::dev();
    let server = home.start();
    let village = Village::on(&server).await;
    let before = village.dump(&server).await;
    for encoding in BOTH {
        for (what, request, refusal) in village.wrong_requests() {
            println!("{what}: {}", refusal.http_status());
            let answer =
                http::post(server.client(), encoding, Some(village.ann.token()), &frame(request)).await;
            assert_status(&answer, encoding, refusal);
        }
    }
    assert_eq!(village.dump(&server).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_are_equal_to_those_of_a_websocket() {
    let home = Home::dev();
    let server = home.start();
    let village = Village::on(&server).await;
    let token = village.ann.token();
    for encoding in BOTH {
        let (mut wire, _) = Wire::greeted_with(&server, encoding, requests::hello(token)).await;
        for request in [
            Request::Send(village.earlier.clone()),
            requests::sync(),
            requests::heartbeat(),
            requests::find_user(&village.people[2].name),
            Request::ListDevices(proto::ListDevices {}),
        ] {
            assert_eq!(ask(&server, encoding, Some(token), request.clone()).await, wire.ask(request).await);
        }
        wire.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_goes_on_from_websocket_to_http_and_back() {
    let home = Home::dev();
    let server = home.start();
    let village = Village::on(&server).await;
    let (token, mut replica) = (village.ann.token(), Replica::default());
    let mut wire = Wire::greeted(&server, token).await;
    wire.sync(&mut replica).await;
    let send = requests::send(To::ConversationId(village.own), village.day, "over HTTP");
    ask(&server, Encoding::Json, Some(token), Request::Send(send)).await;
    // The WebSocket is pushed to, and the chain may be fetched by HTTP all the same.
    let Body::Push(push) = wire.unasked().await else { panic!("no push") };
    let mut next = frame(requests::sync());
    next.snapshot = replica.snapshot.clone().into();
    let answer = http::post(server.client(), Encoding::Json, Some(token), &next).await;
    let Some(Body::Page(page)) = answer.frame(Encoding::Json).body else { panic!("no page") };
    assert_eq!((&page.snapshot, &page.base), (&push.snapshot, &push.base), "one chain, the same bytes");
    assert!(replica.take(&page, true));
    assert!(!replica.take(&push, false), "what was fetched is not taken twice");
    wire.sync(&mut replica).await;
    assert_eq!(replica, dump(&server, token).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_new_is_204_and_small() {
    let home = Home::dev();
    let server = home.start();
    let village = Village::on(&server).await;
    let mut replica = Replica::default();
    Wire::greeted(&server, village.ann.token()).await.sync(&mut replica).await;
    for encoding in BOTH {
        let mut sync = frame(requests::sync());
        sync.snapshot = replica.snapshot.clone().into();
        let answer = http::post(server.client(), encoding, Some(village.ann.token()), &sync).await;
        assert_eq!((answer.status, answer.body.len()), (204, 0), "{answer:?}");
        println!(
            "nothing new over HTTP, {encoding:?}: {} bytes with headers\n{}",
            answer.bytes(),
            answer.head
        );
        assert!(answer.bytes() <= 150, "{} bytes:\n{}", answer.bytes(), answer.head);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_cannot_be_read_are_refused() {
    let home = Home::dev();
    let server = home.start();
    let [ann] = server.people(1).await;
    let before = dump(&server, ann.token()).await;
    let bearer = format!("Bearer {}", ann.token());
    let post = |content_type: &'static str, body: Vec<u8>| {
        let (bearer, address) = (bearer.clone(), server.client());
        async move {
            let headers = [("Content-Type", content_type), ("Authorization", bearer.as_str())];
            http::exchange(address, "POST", "/v1/request", &headers, &body).await
        }
    };
    let (binary, json) = (Encoding::Binary.content_type(), Encoding::Json.content_type());
    let heartbeat = |encoding: Encoding| encoding.encode(&frame(requests::heartbeat()));

    assert_status(&post(binary, vec![0xff; 30]).await, Encoding::Binary, Refusal::MalformedFrame);
    assert_status(&post(json, b"{".to_vec()).await, Encoding::Json, Refusal::MalformedFrame);
    assert_status(&post(json, heartbeat(Encoding::Binary)).await, Encoding::Json, Refusal::MalformedFrame);
    assert_status(&post(binary, heartbeat(Encoding::Json)).await, Encoding::Binary, Refusal::MalformedFrame);
    for content_type in ["text/plain", "application/octet-stream", "text/json-ish"] {
        assert_status(
            &post(content_type, heartbeat(Encoding::Json)).await,
            Encoding::Json,
            Refusal::WrongFrameType,
        );
    }
    assert_eq!(post("application/json; charset=utf-8", heartbeat(Encoding::Json)).await.status, 200);

    // The longest body is read, one byte more is not.
    let mut longest = heartbeat(Encoding::Json);
    longest.resize(BODY_BYTES_MAX, b' ');
    assert_eq!(post(json, longest.clone()).await.status, 200);
    longest.push(b' ');
    assert_status(&post(json, longest).await, Encoding::Json, Refusal::FrameTooLarge);
    assert_status(&post(binary, vec![0; 10_000_000]).await, Encoding::Binary, Refusal::FrameTooLarge);
    assert_eq!(dump(&server, ann.token()).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn there_is_no_hello_and_nothing_without_a_token() {
    let home = Home::dev();
    let server = home.start();
    let [ann] = server.people(1).await;
    for encoding in BOTH {
        let hello = frame(Request::Hello(requests::hello(ann.token())));
        for token in [None, Some(ann.token())] {
            let answer = http::post(server.client(), encoding, token, &hello).await;
            assert_status(&answer, encoding, Refusal::UnknownRequest);
        }
        let nothing = ClientFrame { request_id: 9, ..Default::default() };
        let answer = http::post(server.client(), encoding, Some(ann.token()), &nothing).await;
        assert_status(&answer, encoding, Refusal::UnknownRequest);
        for request in [requests::heartbeat(), requests::sync(), requests::find_user(&ann.name)] {
            let answer = http::post(server.client(), encoding, None, &frame(request)).await;
            assert_status(&answer, encoding, Refusal::InvalidToken);
        }
    }
    let without_number = ClientFrame { request: Some(requests::heartbeat()), ..Default::default() };
    let answer = http::post(server.client(), Encoding::Json, Some(ann.token()), &without_number).await;
    assert_eq!((answer.status, answer.frame(Encoding::Json).request_id), (200, 0), "it needs no number");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_context_is_a_number_to_fifteen() {
    let home = Home::dev();
    let server = home.start();
    let [ann] = server.people(1).await;
    let bearer = format!("Bearer {}", ann.token());
    let body = Encoding::Json.encode(&frame(requests::sync()));
    for (context, status) in
        [("0", 200), ("15", 200), ("16", 400), ("-1", 400), ("x", 400), ("", 400), ("256", 400)]
    {
        let headers = [
            ("Content-Type", "application/json"),
            ("Authorization", bearer.as_str()),
            ("X-Highwater-Context", context),
        ];
        let answer = http::exchange(server.client(), "POST", "/v1/request", &headers, &body).await;
        assert_eq!(answer.status, status, "{context:?}");
        if status == 400 {
            assert_status(&answer, Encoding::Json, Refusal::InvalidField);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn other_paths_and_methods_are_not_there() {
    let home = Home::dev();
    let server = home.start();
    for (method, path) in
        [("GET", "/v1/request"), ("PUT", "/v1/request"), ("POST", "/v1/nothing"), ("GET", "/../etc/passwd")]
    {
        let answer = http::exchange(server.client(), method, path, &[], b"").await;
        assert!([404, 405].contains(&answer.status), "{method} {path}: {answer:?}");
    }
    // The upgrade's address asked for without an upgrade.
    let answer = http::exchange(server.client(), "GET", "/v1/ws", &[], b"").await;
    assert!((400..500).contains(&answer.status), "{answer:?}");
    let page = http::exchange(server.client(), "GET", "/", &[], b"").await;
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
    assert!(
        page.header("content-security-policy").is_some_and(|policy| policy.contains("default-src 'none'"))
    );
}
