//! Messages that go by policy: the greeting says so, heads say from where on a conversation can be read, and nothing else
//! changes: seqs go on, resends are recognised, and who comes too late is told a gap.

use highwater::model::{Bodies, Retentions};
use highwater_sdk::Store;
use highwater_wire::{
    Encoding,
    proto::{self, client_frame::Request, send::To, server_frame::Body},
};

use crate::support::{Home, OldStore, Person, Replica, Server, Wire, eventually, requests, sdk};

/// A pass of cleanup all the time.
const CONFIG: &str =
    "[server]\nworkers = 2\n[storage]\nindex_after_bytes = 4096\n[cleanup]\npause_ms = 100\n";

/// Several steps of the index, and so several chunks of messages.
const MESSAGES: u64 = 600;

fn home(bodies: &str, more: &str) -> Home {
    Home::new(&format!("{CONFIG}{more}[messages]\nbodies = \"{bodies}\"\n"), &["--dev"])
}

/// Bob writes many messages to Ann. Returns the first of them.
async fn write_many(server: &Server, bob: &Person, ann: &Person) -> proto::Send {
    let mut wire = Wire::greeted(server, bob.token()).await;
    let day = requests::today(&mut wire).await;
    let send = |n: u64| requests::send(To::UserId(ann.user_id), day, &format!("message {n}"));
    let first = send(1);
    requests::sent(&mut wire, first.clone()).await;
    for part in 0..MESSAGES / 60 {
        let numbers = (part * 60 + 1..=(part + 1) * 60).filter(|n| *n > 1);
        for id in wire.post_together(numbers.map(send).map(Request::Send)).await {
            assert!(matches!(wire.answer(id).await, Body::Sent(_)));
        }
    }
    first
}

/// Syncs to the end and hands back what it has. Returns it, and how many gaps it was told.
async fn has_everything(server: &Server, token: &str) -> (Replica, usize) {
    let (mut wire, mut replica) = (Wire::greeted(server, token).await, Replica::default());
    let pages = wire.sync(&mut replica).await;
    let beat = wire.post_with(replica.snapshot.clone(), requests::heartbeat()).await;
    wire.answer(beat).await;
    wire.close().await;
    (replica, pages.iter().filter(|page| page.messages_gap).count())
}

/// The head of the one conversation that a user has.
async fn head(server: &Server, person: &Person) -> proto::Head {
    let mut wire = Wire::greeted(server, person.token()).await;
    let Body::Heads(list) = wire.ask(Request::Heads(proto::Heads::default())).await else {
        panic!("no heads")
    };
    let [head] = &list.heads[..] else { panic!("one conversation, not {list:?}") };
    head.clone()
}

/// What is said of each body to an operator who has a reason to see them.
async fn revealed(server: &Server, conversation: u64, (from, through): (u64, u64)) -> Vec<String> {
    let body = format!(
        r#"{{"conversation_id":"{conversation}","seq":{from},"through_seq":{through},"reason":"case 1"}}"#
    );
    let answer = server.operate("POST", "/v1/messages/reveal", &body).await;
    let of_line = |line: &str| {
        let told: serde_json::Value = serde_json::from_str(line).unwrap();
        told["body"].as_str().unwrap().to_owned()
    };
    answer.text().lines().map(of_line).collect()
}

/// What can be read of a conversation, in ranges of any size.
async fn seqs(server: &Server, person: &Person, conversation_id: u64, (from, to): (u64, u64)) -> Vec<u64> {
    let mut wire = Wire::greeted(server, person.token()).await;
    let (mut seqs, mut from_seq) = (Vec::new(), from);
    loop {
        let range = Request::Range(proto::Range { conversation_id, from_seq, to_seq: to });
        let Body::Entries(list) = wire.ask(range).await else { panic!("no entries") };
        seqs.extend(list.entries.iter().map(|entry| entry.seq));
        if !list.more {
            return seqs;
        }
        from_seq = seqs.last().unwrap() + 1;
    }
}

fn explained(home: &Home, conversation: u64, seq: u64) -> String {
    let mut command = Home::bare_command();
    let (conversation, seq) = (conversation.to_string(), seq.to_string());
    command.args(["explain", "message", &conversation, &seq, "--data"]).arg(home.data());
    let output = tokio::task::block_in_place(|| command.output()).unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// Chunks of messages that cleanup has removed since the start.
async fn chunks_removed(server: &Server) -> u64 {
    let metrics = server.operate("GET", "/metrics", "").await.text();
    let line = metrics.lines().find(|line| line.starts_with("highwater_cleanup_body_chunks_total"));
    let line = line.unwrap_or_else(|| panic!("no such counter in\n{metrics}"));
    line.rsplit(' ').next().unwrap().parse::<f64>().unwrap() as u64
}

async fn bodies_greeted(server: &Server, person: &Person) -> String {
    Wire::greeted_with(server, Encoding::Json, requests::hello(person.token())).await.1.bodies
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_go_when_everybody_has_them_and_nothing_else_changes() {
    let home = home("until_delivered", "");
    let server = home.start();
    let [ann, bob] = server.people(2).await;
    assert_eq!(bodies_greeted(&server, &ann).await, "until_delivered");
    let first = write_many(&server, &bob, &ann).await;
    for token in [&ann.devices[0].token, &bob.devices[0].token, &bob.devices[1].token] {
        assert_eq!(has_everything(&server, token).await.0.entries.len() as u64, MESSAGES);
    }
    // Several passes later nothing is gone: one device lacks everything.
    let passes = || async {
        let metrics = server.operate("GET", "/metrics", "").await.text();
        let line = metrics.lines().find(|line| line.starts_with("highwater_cleanup_passes_total")).unwrap();
        line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()
    };
    let before = passes().await;
    eventually("some passes", || async { (passes().await > before + 3.0).then_some(()) }).await;
    let all = head(&server, &ann).await;
    assert_eq!((all.seq, all.oldest_seq), (MESSAGES, 1), "it is kept for the desk");
    assert_eq!(chunks_removed(&server).await, 0);

    let (late, gaps) = has_everything(&server, &ann.devices[1].token).await;
    assert_eq!((late.entries.len() as u64, gaps), (MESSAGES, 0), "who is live lost nothing");
    let left = eventually("everything is delivered", || async {
        let head = head(&server, &ann).await;
        (head.oldest_seq > MESSAGES / 2 && chunks_removed(&server).await > 1).then_some(head)
    })
    .await;
    assert!(left.oldest_seq <= MESSAGES, "the newest stays: {left:?}");
    assert_eq!(left.seq, MESSAGES);
    let conversation = left.conversation_id;
    let text = explained(&home, conversation, 1);
    assert!(text.contains("body removed by policy (now until_delivered)"), "{text}");
    assert!(explained(&home, conversation, MESSAGES).contains(" bytes from user "));

    // Who has lost its store is told a gap, and finds what is left; nobody is told to ask for what is gone.
    let (lost, gaps) = has_everything(&server, &ann.devices[0].token).await;
    assert_eq!((lost.entries.len(), gaps), (0, 1));
    assert_eq!(lost.items, late.items);
    let kept: Vec<u64> = (left.oldest_seq..=MESSAGES).collect();
    for (from, to) in [(1, MESSAGES), (left.oldest_seq, MESSAGES), (1, u64::MAX)] {
        let seen = seqs(&server, &bob, conversation, (from, to)).await;
        assert!(kept.ends_with(&seen) && !seen.is_empty(), "{from} to {to}: {seen:?}");
    }

    // From the index alone: seqs go on, and what is gone is recognised when it is sent again.
    server.stop();
    let server = home.start();
    let after = head(&server, &bob).await;
    assert_eq!(after.seq, MESSAGES);
    assert!(after.oldest_seq >= left.oldest_seq, "{after:?}");
    let mut wire = Wire::greeted(&server, bob.token()).await;
    let again = requests::sent(&mut wire, first).await;
    assert_eq!((again.conversation_id, again.seq), (conversation, 1));
    let day = requests::today(&mut wire).await;
    let new = requests::send(To::UserId(ann.user_id), day, "new");
    assert_eq!(requests::sent(&mut wire, new).await.seq, MESSAGES + 1);
    let mut goes_on = late;
    let mut desk = Wire::greeted(&server, &ann.devices[1].token).await;
    let pages = desk.sync(&mut goes_on).await;
    assert!(pages.iter().all(|page| !page.messages_gap), "{pages:?}");
    assert_eq!(goes_on.entries.len() as u64, MESSAGES + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_that_are_too_old_go_whoever_lacks_them() {
    let home = home("days:2", "inbox_retention_s = 86400\n");
    let retentions = Retentions { inbox_ms: 86_400_000, bodies: Bodies::Days(2), ..Retentions::default() };
    let mut store = OldStore::begun(&home, 12, retentions);
    let (ann, bob) = (store.person("ann"), store.person("bob"));
    for day in 0..12 {
        store.say(&ann, &bob, &format!("day {day}"));
        store.pass_days(1);
    }
    let conversation = store.say(&bob, &ann, "today").conversation.0;
    drop(store);

    let server = home.start();
    assert_eq!(bodies_greeted(&server, &ann).await, "days:2");
    let left = eventually("old messages are removed", || async {
        let head = head(&server, &ann).await;
        (head.oldest_seq > 8 && chunks_removed(&server).await >= head.oldest_seq - 1).then_some(head)
    })
    .await;
    // Of the last day nothing is gone, and of the one before at most a little.
    assert!((9..=12).contains(&left.oldest_seq) && left.seq == 13, "{left:?}");
    assert_eq!(seqs(&server, &bob, conversation, (1, 99)).await, (left.oldest_seq..=13).collect::<Vec<_>>());
    let text = explained(&home, conversation, 1);
    assert!(text.contains("body removed by policy (now days:2)"), "{text}");
    // Not even for a reason.
    let bodies = revealed(&server, conversation, (1, 13)).await;
    let gone = usize::try_from(left.oldest_seq - 1).unwrap();
    assert!(bodies[..gone].iter().all(|body| body == "removed by policy"), "{bodies:?}");
    assert!(bodies[gone..].iter().all(|body| body == "shown") && bodies.len() == 13, "{bodies:?}");
    // Bob never synced: he is told a gap, and what is young enough.
    let (bobs, gaps) = has_everything(&server, bob.token()).await;
    assert_eq!(gaps, 1);
    assert!(!bobs.entries.is_empty() && bobs.entries.keys().all(|(_, seq)| *seq >= left.oldest_seq));
    // The real client is told the same, repairs what it can, and is done.
    let client = sdk::client(&server, bob.token());
    let look = move |store: &Store| {
        let held = store.entries_after(conversation, 0, 99).unwrap();
        let is_done = !held.is_empty() && !store.repairing().unwrap();
        is_done.then(|| held.iter().map(|entry| entry.seq).collect::<Vec<_>>())
    };
    // No event says that a repair has ended.
    let held = eventually("a repair that ends", || async { client.read(look).await.unwrap() }).await;
    assert_eq!(held, (left.oldest_seq..=13).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_that_an_inbox_outlives_is_refused_by_the_names_of_both_settings() {
    let refused = home("days:29", "").start_refused();
    for name in ["messages.bodies", "cleanup.inbox_retention_s"] {
        assert!(refused.stderr.contains(name), "{}", refused.stderr);
    }
    assert_eq!(bodies_greeted_by_default().await, "forever");
}

async fn bodies_greeted_by_default() -> String {
    let home = Home::dev();
    let server = home.start();
    let [ann] = server.people(1).await;
    bodies_greeted(&server, &ann).await
}
