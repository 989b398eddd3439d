//! From the ready line to the end: what a supervisor sees, and what stays.

use std::time::Duration;

use highwater_wire::proto::{client_frame::Request, send::To, server_frame::Body};
use highwater_wire::{Encoding, Refusal};

use crate::support::{Home, Replica, Wire, dump, eventually, http, requests, wire::assert_refused};

/// How long a stop may take; what supervisors wait before they kill.
const STOP_MAX: Duration = Duration::from_secs(10);

/// Close code of RFC 6455's registry: the service restarts, come again.
const SERVICE_RESTART: u16 = 1012;

#[tokio::test(flavor = "multi_thread")]
async fn one_line_on_stdout_says_where_it_listens_and_both_ports_are_healthy() {
    let home = Home::dev();
    let server = home.start();
    let line =
        format!("highwater ready client=http://{} operator=http://{}", server.client(), server.operator());
    assert_eq!(server.ready_line(), line);
    for address in [server.client(), server.operator()] {
        for (path, body) in [("/healthz", "ok\n"), ("/readyz", "ready\n")] {
            let answer = http::exchange(address, "GET", path, &[], b"").await;
            assert_eq!((answer.status, answer.text().as_str()), (200, body), "{path}");
        }
    }
    let metrics = http::exchange(server.operator(), "GET", "/metrics", &[], b"").await;
    assert_eq!(metrics.status, 200);
    let page = http::exchange(server.operator(), "GET", "/", &[], b"").await;
    assert!(page.header("content-security-policy").is_some());
    let stopped = server.stop();
    assert!(stopped.status.success(), "{stopped:?}");
    assert_eq!(stopped.stdout, [line], "nothing else was written to stdout");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_server_on_the_same_data_is_refused_by_name_and_the_first_goes_on() {
    let home = Home::dev();
    let server = home.start();
    let [ann] = server.people(1).await;
    let refused = home.start_refused();
    assert_eq!(refused.stdout, "");
    let directory = home.data().display().to_string();
    assert!(
        refused.stderr.contains(&directory) && refused.stderr.contains("in use by"),
        "{}",
        refused.stderr
    );
    Wire::greeted(&server, ann.token()).await.sync(&mut Replica::default()).await;
    // A lock left by a killed process holds nobody off.
    server.kill();
    let server = home.start();
    Wire::greeted(&server, ann.token()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_answers_what_is_in_flight_and_asks_everybody_to_come_again() {
    let home = Home::dev();
    let server = home.start();
    let people: [_; 8] = server.people(2).await;
    let mut wires = Vec::new();
    let mut day = 0;
    for person in &people {
        let mut wire = Wire::greeted(&server, person.token()).await;
        day = requests::today(&mut wire).await;
        wires.push(wire);
    }
    let mut idle = Wire::greeted(&server, &people[0].devices[1].token).await;
    let mut stranger = Wire::connect(&server, Encoding::Json).await;
    let mut posted = Vec::new();
    for (place, wire) in wires.iter_mut().enumerate() {
        let to = &people[(place + 1) % people.len()];
        for n in 0..40 {
            let send = requests::send(To::UserId(to.user_id), day, &format!("{place}.{n}"));
            posted.push((place, send.clone(), wire.post(Request::Send(send)).await));
        }
        // An answer to the first says that the frames of this connection are being read.
        let (_, _, first) = posted[place * 40];
        let body = wire.answer(first).await;
        assert!(matches!(body, Body::Sent(_)), "{body:?}");
    }
    posted.retain(|(_, send, _)| !send.text.ends_with(".0"));
    server.begin_to_stop();

    for wire in wires.iter_mut().chain([&mut idle, &mut stranger]) {
        assert_eq!(wire.closed().await, SERVICE_RESTART);
    }
    let (mut sent, mut refused) = (0, 0);
    let mut stands = Vec::new();
    for (place, send, request) in posted {
        match wires[place].take_answer(request) {
            Some(Body::Sent(place)) => {
                sent += 1;
                stands.push((place, send.text));
            }
            Some(body) => {
                assert_refused(&body, Refusal::Draining);
                refused += 1;
            }
            None => panic!("{} was not answered", send.text),
        }
    }
    println!("in flight at the stop: {sent} sent, {refused} refused");
    let stopped = server.stopped();
    assert!(stopped.status.success() && stopped.took < STOP_MAX, "{stopped:?}");

    let server = home.start();
    let mut all = 0;
    for (place, person) in people.iter().enumerate() {
        let replica = dump(&server, person.token()).await;
        all += replica.all_texts().iter().filter(|text| text.starts_with(&format!("{place}."))).count();
        for (sent, text) in &stands {
            let Some(entry) = replica.entries.get(&(sent.conversation_id, sent.seq)) else {
                continue;
            };
            assert_eq!(requests::text_of(entry), *text);
        }
    }
    assert_eq!(all, people.len() + sent, "what was told as sent stands, what was refused does not");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_answers_readings_and_registrations_too() {
    let home = Home::dev();
    let server = home.start();
    let [ann] = server.people(1).await;
    let mut wire = Wire::greeted(&server, ann.token()).await;
    let list = Request::ListDevices(highwater_wire::proto::ListDevices {});
    // The second registration is refused while the first runs: both are read together.
    let mut strangers = Vec::new();
    for n in 0..6 {
        let mut stranger = Wire::connect(&server, Encoding::Binary).await;
        let names = [format!("guest-{n}"), "other".to_owned()];
        let both = names.map(|name| requests::register(&name, "correct horse", ""));
        let posted = stranger.post_together(both).await;
        assert_refused(&stranger.answer(posted[1]).await, Refusal::TooManyInFlight);
        let first = posted[0];
        strangers.push((stranger, first));
    }
    let mut reads = Vec::new();
    for _ in 0..10 {
        reads.push(wire.post(list.clone()).await);
    }
    let sync = wire.post(requests::sync()).await;
    // Answered at once: what was written before it has been read.
    requests::today(&mut wire).await;
    server.begin_to_stop();
    assert_eq!(wire.closed().await, SERVICE_RESTART);
    for request in reads.into_iter().chain([sync]) {
        assert!(wire.take_answer(request).is_some(), "request {request} was not answered");
    }
    for (mut stranger, request) in strangers {
        assert_eq!(stranger.closed().await, SERVICE_RESTART);
        match stranger.take_answer(request).expect("every registration is answered") {
            Body::SignedIn(_) => {}
            body => assert_refused(&body, Refusal::Draining),
        }
    }
    let stopped = server.stopped();
    assert!(stopped.status.success() && stopped.took < STOP_MAX, "{stopped:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_answers_http_requests_too() {
    let home = Home::dev();
    let server = home.start();
    let address = server.client();
    let mut asked = Vec::new();
    for n in 0..6 {
        let frame = highwater_wire::proto::ClientFrame {
            request_id: 1,
            request: Some(requests::register(&format!("guest-{n}"), "correct horse", "")),
            ..Default::default()
        };
        asked.push(tokio::spawn(async move { http::post(address, Encoding::Json, None, &frame).await }));
    }
    eventually("all six are being answered", || async {
        let metrics = http::exchange(server.operator(), "GET", "/metrics", &[], b"").await.text();
        let value = |name: &str| {
            let line =
                metrics.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("no {name}"));
            line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()
        };
        (value("highwater_password_hashes_waiting ") + value("highwater_password_hashes_total ") >= 6.0)
            .then_some(())
    })
    .await;
    server.begin_to_stop();
    for answer in asked {
        let answer = answer.await.unwrap();
        match answer.frame(Encoding::Json).body.unwrap() {
            Body::SignedIn(_) => assert_eq!(answer.status, 200),
            body => assert_refused(&body, Refusal::Draining),
        }
    }
    assert!(server.stopped().status.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_is_there_after_a_stop_and_after_a_kill() {
    let home = Home::dev();
    let mut server = home.start();
    let [ann, bob] = server.people(2).await;
    let mut replica = Replica::default();
    let mut expected = Vec::new();
    for round in 0..4_u32 {
        let mut wire = Wire::greeted(&server, ann.token()).await;
        let day = requests::today(&mut wire).await;
        for n in 0..25 {
            let text = format!("{round}.{n}");
            requests::sent(&mut wire, requests::send(To::UserId(bob.user_id), day, &text)).await;
            expected.push(text);
        }
        let pages = wire.sync(&mut replica).await;
        assert!(pages.iter().all(|page| page.rebuild.is_none()), "a chain goes on over starts");
        assert_eq!(replica.all_texts(), expected);
        let before = (dump(&server, ann.token()).await, dump(&server, bob.token()).await);
        if round.is_multiple_of(2) {
            let stopped = server.stop();
            assert!(stopped.status.success() && stopped.took < STOP_MAX, "{stopped:?}");
        } else {
            server.kill();
        }
        server = home.start();
        assert_eq!((dump(&server, ann.token()).await, dump(&server, bob.token()).await), before);
    }
    let again = Wire::greeted(&server, ann.token()).await.sync(&mut replica).await;
    assert!(again[0].items.is_empty() && again[0].entries.is_empty(), "nothing is told twice: {again:?}");
    let third = Wire::greeted(&server, ann.token()).await.sync(&mut replica).await;
    assert!(third[0].snapshot.is_empty(), "only the first page of a run names it: {third:?}");
}
