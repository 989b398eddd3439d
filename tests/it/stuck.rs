//! No client is stuck for good, and none can sync the server to death.

use highwater_wire::{Refusal, proto::server_frame::Body};

use crate::support::{Home, Person, Replica, Server, Wire, requests, wire::assert_refused};

/// A device with something to fetch, on a new connection.
async fn with_news(server: &Server) -> (Person, Wire) {
    let [ann, bob] = server.people(1).await;
    let mut wire = Wire::greeted(server, bob.token()).await;
    let day = requests::today(&mut wire).await;
    for n in 0..5 {
        let send = requests::send(highwater_wire::proto::send::To::UserId(ann.user_id), day, &n.to_string());
        requests::sent(&mut wire, send).await;
    }
    let wire = Wire::greeted(server, ann.token()).await;
    (ann, wire)
}

async fn entries_of(wire: &mut Wire, snapshot: &[u8]) -> usize {
    let request = wire.post_with(snapshot.to_vec(), requests::sync()).await;
    let Body::Page(page) = wire.answer(request).await else { panic!("no page") };
    page.items.len() + page.entries.len()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_cannot_take_a_page_gets_smaller_ones_and_goes_on() {
    let home = Home::dev();
    let server = home.start();
    let (ann, mut wire) = with_news(&server).await;
    // It dies of every page, and comes back with what it had.
    for _ in 0..3 {
        assert!(entries_of(&mut wire, &[]).await > 5);
        wire = Wire::greeted(&server, ann.token()).await;
    }
    for _ in 0..10 {
        assert_eq!(entries_of(&mut wire, &[]).await, 1);
        wire = Wire::greeted(&server, ann.token()).await;
    }
    let metrics = server.operate("GET", "/metrics", "").await.text();
    assert!(metrics.contains("highwater_lineages_stuck_total 1"), "somebody is called, once");
    // One entry it can take; then it is answered as ever.
    let mut replica = Replica::default();
    let pages = wire.sync(&mut replica).await;
    assert_eq!((pages[0].items.len() + pages[0].entries.len(), pages.len()), (1, 2), "{pages:?}");
    assert_eq!(replica.all_texts(), ["0", "1", "2", "3", "4"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_asks_in_a_loop_is_told_to_stay_away() {
    let home = Home::dev();
    let server = home.start();
    let (_, mut wire) = with_news(&server).await;
    let mut replica = Replica::default();
    wire.sync(&mut replica).await;
    let mut refused = None;
    for _ in 0..40 {
        let request = wire.post_with(replica.snapshot.clone(), requests::sync()).await;
        match wire.answer(request).await {
            Body::Page(page) => assert!(page.snapshot.is_empty() && refused.is_none()),
            body => {
                assert_refused(&body, Refusal::SyncTooOften);
                refused = Some(body);
            }
        }
    }
    let Some(Body::Error(error)) = refused else { panic!("nobody was told to stay away") };
    assert!((1..=10_000).contains(&error.retry_after_ms), "{error:?}");
    // Everything else is served.
    requests::today(&mut wire).await;
}
