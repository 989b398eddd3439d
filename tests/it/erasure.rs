//! A user is erased: out at once and for good, nobody is shown what the user wrote, not after a kill either, and what
//! others wrote stands. Everybody's devices are told where the user wrote to them.

use highwater_wire::{Encoding, Refusal, kind, proto};
use proto::{client_frame::Request, entry::Content, send::To, server_frame::Body};
use serde_json::Value;

use super::{
    contacts::told,
    groups::{create, created, item},
};
use crate::support::{Home, Replica, Server, Wire, dump, eventually, requests};

/// A pass of cleanup all the time, and an index that is not far behind.
const CONFIG: &str =
    "[server]\nworkers = 2\n[storage]\nindex_after_bytes = 4096\n[cleanup]\npause_ms = 100\n";

const PASSWORD: &str = "correct horse battery";

fn erase(password: &str) -> Request {
    Request::EraseAccount(proto::EraseAccount { password: password.to_owned() })
}

async fn erased_by_operator(server: &Server, user: &str, free_name: bool) -> u16 {
    let body = serde_json::json!({ "user": user, "free_name": free_name }).to_string();
    server.operate("POST", "/v1/erase", &body).await.status
}

async fn explained(server: &Server, user: &str) -> Value {
    let body = serde_json::json!({ "user": user }).to_string();
    let answer = server.operate("POST", "/v1/explain/user", &body).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    serde_json::from_str(&answer.text()).unwrap()
}

pub async fn until_done(server: &Server, user: &str) {
    eventually("nothing is left in the index", || async {
        (explained(server, user).await["erased"]["done"] == true).then_some(())
    })
    .await;
}

/// Makes an account with a password. Returns its id and token.
async fn registered(server: &Server, name: &str) -> (u64, String) {
    let mut wire = Wire::connect(server, Encoding::Binary).await;
    let Body::SignedIn(signed_in) = wire.ask(requests::register(name, PASSWORD, "")).await else {
        panic!("not registered")
    };
    (signed_in.user_id, signed_in.token)
}

/// What level 1 is told of the two.
const SENTENCES: [&str; 2] = [
    "This message was deleted with its sender's account.",
    "This account was deleted, with everything it wrote.",
];

/// What a conversation shows in order: a text, or "-" for what was erased, or "gone" for the entry that says so.
fn shown(replica: &Replica, conversation: u64) -> Vec<String> {
    let entries = replica.entries.range((conversation, 0)..=(conversation, u64::MAX));
    let shown = entries.zip(1..).map(|(((_, seq), entry), due)| {
        assert_eq!(*seq, due, "seq is dense");
        match &entry.content {
            Some(Content::Text(text)) if *text == SENTENCES[0] => "-".to_owned(),
            Some(Content::Text(text)) if *text == SENTENCES[1] => "gone".to_owned(),
            Some(Content::Text(text)) => text.clone(),
            Some(Content::Erased(erased)) => if erased.account { "gone" } else { "-" }.to_owned(),
            Some(Content::Notice(notice)) => format!("{:?} by {}", notice.what(), notice.by),
            other => panic!("{other:?}"),
        }
    });
    shown.collect()
}

fn contact(replica: &Replica, user: u64) -> proto::ContactItem {
    serde_json::from_str(&replica.items[&(kind::CONTACTS, user.to_string())]).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_erases_the_own_account_and_nobody_reads_what_it_wrote() {
    let home = Home::new(CONFIG, &["--dev"]);
    let server = home.start();
    let (ann, token) = registered(&server, "ann").await;
    let [bob] = server.people(2).await;
    let mut anns = Wire::greeted(&server, &token).await;
    let mut bobs = Wire::greeted(&server, bob.token()).await;
    let day = requests::today(&mut anns).await;
    let sent = requests::sent(&mut anns, requests::send(To::UserId(bob.user_id), day, "secret one")).await;
    let (conversation, to_ann) = (sent.conversation_id, To::UserId(ann));
    requests::sent(&mut bobs, requests::send(to_ann.clone(), day, "hello")).await;
    requests::sent(&mut anns, requests::send(To::UserId(bob.user_id), day, "secret two")).await;
    let mut replica = Replica::default();
    told(&mut bobs, &mut replica, |replica| replica.entries.len() == 3).await;

    requests::refused(&mut anns, erase("a guess of mine"), Refusal::WrongCredentials).await;
    requests::refused(&mut bobs, erase(PASSWORD), Refusal::ErasureByOperator).await;
    // Its end overtakes the answer.
    anns.post(erase(PASSWORD)).await;
    assert_eq!(anns.closed().await, highwater_wire::close::UNAUTHENTICATED);

    let due = ["-", "hello", "-"];
    assert_eq!(shown(&dump(&server, &bob.devices[1].token).await, conversation)[..3], due, "at once");
    let mut wire = Wire::connect(&server, Encoding::Binary).await;
    requests::refused(&mut wire, requests::sign_in("ann", PASSWORD), Refusal::WrongCredentials).await;
    requests::refused(&mut wire, requests::register("Ann", PASSWORD, ""), Refusal::NameTaken).await;
    requests::refused(&mut bobs, requests::find_user("ann"), Refusal::NoSuchUser).await;
    let late = Request::Send(requests::send(to_ann, day, "are you there?"));
    requests::refused(&mut bobs, late, Refusal::NoSuchUser).await;

    server.kill();
    let server = home.start();
    assert_eq!(shown(&dump(&server, &bob.devices[1].token).await, conversation)[..3], due, "after a kill");
    until_done(&server, "ann").await;
    let end = dump(&server, &bob.devices[1].token).await;
    assert_eq!(shown(&end, conversation), ["-", "hello", "-", "gone"]);
    assert_eq!(contact(&end, ann).name, "deleted account", "level 1 has a name for it");

    // The device that has the texts goes on from where it was, and is told to let them go.
    let mut bobs = Wire::greeted(&server, bob.token()).await;
    told(&mut bobs, &mut replica, |replica| replica.entries.len() == 4).await;
    let erased = proto::Erased { account: true };
    assert_eq!(replica.entries[&(conversation, 4)].content, Some(Content::Erased(erased)));
    let standing = contact(&replica, ann);
    assert_eq!((standing.standing(), standing.name.as_str()), (proto::Standing::Erased, ""));

    server.kill();
    let server = home.start();
    assert_eq!(dump(&server, &bob.devices[1].token).await, end, "done is done");
    // That may have been lost, and then it is found out again.
    until_done(&server, &ann.to_string()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_waits_for_the_pause_of_cleanup_to_be_told() {
    // Ten minutes from one pass to the next, as by default.
    let home = Home::new("[server]\nworkers = 2\n", &["--dev"]);
    let server = home.start();
    let [ann, bob, cy] = server.people(1).await;
    let mut anns = Wire::greeted(&server, ann.token()).await;
    let mut bobs = Wire::greeted(&server, bob.token()).await;
    // A start looks whether it finds something of an earlier run, and now that is over.
    assert_eq!(erased_by_operator(&server, &cy.name, false).await, 200);
    until_done(&server, &cy.name).await;
    let day = requests::today(&mut anns).await;
    let to_bob = requests::send(To::UserId(bob.user_id), day, "secret");
    let conversation = requests::sent(&mut anns, to_bob).await.conversation_id;
    let mut replica = Replica::default();
    told(&mut bobs, &mut replica, |replica| replica.entries.len() == 1).await;
    assert_eq!(erased_by_operator(&server, &ann.name, false).await, 200);
    told(&mut bobs, &mut replica, |replica| {
        contact(replica, ann.user_id).standing() == proto::Standing::Erased
            && replica.entries.contains_key(&(conversation, 2))
    })
    .await;
    until_done(&server, &ann.name).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_erases_the_owner_of_a_group_which_goes_on() {
    let home = Home::new(CONFIG, &["--dev"]);
    let server = home.start();
    let [ann, bob, cy] = server.people(1).await;
    let mut anns = Wire::greeted(&server, ann.token()).await;
    let mut bobs = Wire::greeted(&server, bob.token()).await;
    let group = created(&mut anns, create(1, "Tea", &[bob.user_id, cy.user_id])).await;
    let day = requests::today(&mut anns).await;
    requests::sent(&mut anns, requests::send(To::ConversationId(group), day, "secret")).await;
    requests::sent(&mut bobs, requests::send(To::ConversationId(group), day, "hello")).await;

    assert_eq!(erased_by_operator(&server, "nobody-of-this-name", false).await, 404);
    assert_eq!(erased_by_operator(&server, &ann.name, true).await, 200);
    assert_eq!(erased_by_operator(&server, &ann.user_id.to_string(), true).await, 404);
    assert_eq!(anns.closed().await, highwater_wire::close::UNAUTHENTICATED);
    server.kill();
    let server = home.start();
    until_done(&server, &ann.user_id.to_string()).await;
    let mut bobs = Wire::greeted(&server, bob.token()).await;
    let mut replica = Replica::default();
    told(&mut bobs, &mut replica, |replica| replica.entries.contains_key(&(group, 4))).await;
    let seen = dump(&server, cy.token()).await;
    assert_eq!(shown(&replica, group), ["Created by deleted account", "-", "hello", "gone"]);
    let seen = shown(&seen, group);
    assert_eq!(seen[1], format!("deleted account: {}", SENTENCES[0]), "at level 1");
    assert_eq!(seen[3], format!("deleted account: {}", SENTENCES[1]));
    // Of two who have been members for as long, the one with the lower id inherits.
    let heir = if bob.user_id < cy.user_id { proto::Role::Owner } else { proto::Role::Member };
    assert_eq!(item(&replica, group).unwrap().role(), heir);
    let day = requests::today(&mut bobs).await;
    let sent = requests::sent(&mut bobs, requests::send(To::ConversationId(group), day, "on we go")).await;
    assert_eq!(sent.seq, 5);
    // The name was given up.
    let (again, _) = registered(&server, &ann.name).await;
    assert_ne!(again, ann.user_id);
}

/// What a group announces, and what its notices of that say.
async fn announced(server: &Server, token: &str, group: u64) -> (Option<String>, Vec<String>) {
    let mut wire = Wire::greeted(server, token).await;
    let describe = Request::DescribeGroup(proto::DescribeGroup { conversation_id: group });
    let Body::GroupInfo(info) = wire.ask(describe).await else { panic!("it is a member's") };
    let range = Request::Range(proto::Range { conversation_id: group, from_seq: 1, to_seq: 99 });
    let Body::Entries(list) = wire.ask(range).await else { panic!("it is a member's") };
    let texts = list.entries.into_iter().filter_map(|entry| match entry.content {
        Some(Content::Notice(notice)) if notice.what() == proto::notice::What::Announced => Some(notice.text),
        _ => None,
    });
    (info.announcement.map(|announcement| announcement.text), texts.collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_erased_user_announced_is_gone_and_what_others_did_stands() {
    let home = Home::new(CONFIG, &["--dev"]);
    let server = home.start();
    let [ann, bob] = server.people(1).await;
    let mut anns = Wire::greeted(&server, ann.token()).await;
    let group = created(&mut anns, create(1, "Tea", &[bob.user_id])).await;
    let text = "secret".to_owned();
    let announce = Request::SetAnnouncement(proto::SetAnnouncement { conversation_id: group, text });
    let Body::Done(_) = anns.ask(announce).await else { panic!("the owner may") };
    let before = (Some("secret".to_owned()), vec!["secret".to_owned()]);
    assert_eq!(announced(&server, bob.token(), group).await, before);
    assert_eq!(erased_by_operator(&server, &ann.name, false).await, 200);
    // At once, when the group was told, and after a kill.
    let after = (None, vec![String::new()]);
    assert_eq!(announced(&server, bob.token(), group).await, after);
    until_done(&server, &ann.user_id.to_string()).await;
    assert_eq!(announced(&server, bob.token(), group).await, after);
    server.kill();
    let server = home.start();
    assert_eq!(announced(&server, bob.token(), group).await, after);
}
