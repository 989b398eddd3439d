//! What goes by age, in a store that was in use for long.

use highwater::model::{Content, Retentions};
use highwater_wire::{
    Refusal,
    proto::{self, client_frame::Request, send::To},
};

use crate::support::{Home, OldStore, Server, Wire, aged::Said, eventually, requests};

/// A pass of cleanup all the time.
const CONFIG: &str =
    "[server]\nworkers = 2\n[storage]\nsegment_bytes = 16777216\n[cleanup]\npause_ms = 100\n";

fn again(said: &Said, to: u64) -> proto::Send {
    let Content::Text(text) = &said.send.content else { panic!("only texts are said here") };
    proto::Send {
        client_message_id: said.send.id.0.to_vec().into(),
        day: said.send.day.0,
        text: String::from_utf8(text.to_vec()).unwrap(),
        custom: None,
        shown_seq: 0,
        to: Some(To::UserId(to)),
    }
}

/// Waits until a counter has come to so much.
async fn counted(server: &Server, name: &str, least: u64) {
    eventually(name, || async {
        let metrics = server.operate("GET", "/metrics", "").await.text();
        let line = metrics.lines().find(|line| line.starts_with(name));
        let line = line.unwrap_or_else(|| panic!("no {name} in\n{metrics}"));
        let count: f64 = line.rsplit(' ').next().unwrap().parse().unwrap();
        (count >= least as f64).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resend_is_recognised_within_the_window_and_refused_when_its_receipts_are_gone() {
    let home = Home::new(CONFIG, &["--dev"]);
    let mut store = OldStore::begun(&home, 12, Retentions::default());
    let (ann, bob) = (store.person("ann"), store.person("bob"));
    let old = store.say(&ann, &bob, "old");
    store.pass_days(7);
    let recent = store.say(&ann, &bob, "recent");
    store.pass_days(5);
    drop(store);

    let server = home.start();
    counted(&server, "highwater_cleanup_receipt_chunks_total", 1).await;
    let mut wire = Wire::greeted(&server, ann.token()).await;
    let gone = Request::Send(again(&old, bob.user_id));
    requests::refused(&mut wire, gone, Refusal::DayOutsideWindow).await;
    let sent = requests::sent(&mut wire, again(&recent, bob.user_id)).await;
    assert_eq!((sent.conversation_id, sent.seq), (recent.conversation.0, recent.seq.0), "the same place");
    let day = requests::today(&mut wire).await;
    let new = requests::send(To::UserId(bob.user_id), day, "new");
    assert_eq!(requests::sent(&mut wire, new).await.seq, recent.seq.0 + 1);
}
