//! What users show besides their names: who is told, at which level, after a crash, and by whose word it changes.

use highwater_sdk::{ClientMessageId, Error as SdkError};
use highwater_wire::{Refusal, proto};
use proto::{client_frame::Request, send::To, server_frame::Body};

use crate::{
    contacts::{block, contact, done, http_answer, items, told},
    support::{DEADLINE, Home, Person, Replica, Server, Wire, dump, eventually, requests, sdk},
};

const ACCOUNT: u32 = 1;

fn set_profile(display_name: &str, avatar: &str, about: &str) -> Request {
    let [display_name, avatar, about] = [display_name, avatar, about].map(str::to_owned);
    Request::SetProfile(proto::SetProfile { display_name, avatar, about })
}

/// What a replica says of its own user.
fn own(replica: &Replica) -> proto::AccountItem {
    serde_json::from_str(&replica.items[&(ACCOUNT, "me".to_owned())]).unwrap()
}

/// By which name and picture a replica shows a contact.
fn shows(replica: &Replica, user_id: u64) -> Option<(String, String)> {
    contact(replica, user_id).map(|contact| (contact.display_name, contact.avatar))
}

fn is(display_name: &str, avatar: &str) -> Option<(String, String)> {
    Some((display_name.to_owned(), avatar.to_owned()))
}

/// Waits until a device of this person would be told that.
async fn has(server: &Server, person: &Person, user_id: u64, shown: Option<(String, String)>) {
    eventually("a contact is told", || async {
        (shows(&items(server, person).await, user_id) == shown).then_some(())
    })
    .await;
}

/// Each has written to the other one, so they are contacts.
async fn introduced(server: &Server, one: &Person, other: &Person) {
    let mut wire = Wire::greeted(server, one.token()).await;
    let day = requests::today(&mut wire).await;
    requests::sent(&mut wire, requests::send(To::UserId(other.user_id), day, "hi")).await;
    wire.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_reaches_own_devices_and_everybody_who_has_the_user() {
    let home = Home::dev();
    let server = home.start();
    let [ann, bob, cy, dot] = server.people::<4>(2).await;
    introduced(&server, &ann, &bob).await;
    introduced(&server, &cy, &ann).await;
    let mut anns = Wire::greeted(&server, &ann.devices[0].token).await;
    let mut tablet = Wire::greeted(&server, &ann.devices[1].token).await;
    let mut bobs = Wire::greeted(&server, bob.token()).await;
    let (mut at_tablet, mut at_bob) = (Replica::default(), Replica::default());
    tablet.sync(&mut at_tablet).await;
    bobs.sync(&mut at_bob).await;
    assert_eq!(shows(&at_bob, ann.user_id), is("", ""));

    done(&mut anns, set_profile("Änn 🧀", "https://cdn.example/a/7", "tea\nand cheese")).await;
    told(&mut tablet, &mut at_tablet, |replica| own(replica).display_name == "Änn 🧀").await;
    let about = own(&at_tablet).about;
    assert_eq!((about.as_str(), own(&at_tablet).name), ("tea\nand cheese", ann.name.clone()));
    let shown = is("Änn 🧀", "https://cdn.example/a/7");
    told(&mut bobs, &mut at_bob, |replica| shows(replica, ann.user_id) == shown).await;
    assert_eq!(contact(&at_bob, ann.user_id).unwrap().name, ann.name, "the name stays");
    // Who is not there now is told when he comes, and who meets her later has it at once.
    has(&server, &cy, ann.user_id, shown.clone()).await;
    assert_eq!(shows(&items(&server, &dot).await, ann.user_id), None, "a stranger has nothing of her");
    introduced(&server, &dot, &ann).await;
    assert_eq!(shows(&items(&server, &dot).await, ann.user_id), shown);
    let Body::User(found) = bobs.ask(requests::find_user(&ann.name)).await else { panic!() };
    assert_eq!((found.display_name, found.about), ("Änn 🧀".to_owned(), about));

    // The newer one counts, the same once more is nothing new; over HTTP as well.
    done(&mut anns, set_profile("Anna", "", "")).await;
    let again = http_answer(&server, ann.token(), set_profile("Anna", "", "")).await;
    assert_eq!(again, (200, Body::Done(proto::Done {})));
    told(&mut bobs, &mut at_bob, |replica| shows(replica, ann.user_id) == is("Anna", "")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn level_1_has_names_alone_and_nothing_changes_for_it() {
    let home = Home::dev();
    let server = home.start();
    let [ann, bob] = server.people::<2>(1).await;
    introduced(&server, &ann, &bob).await;
    let before = [dump(&server, ann.token()).await.items, dump(&server, bob.token()).await.items];
    let mut anns = Wire::greeted(&server, ann.token()).await;
    done(&mut anns, set_profile("Änn", "cat.png", "tea")).await;
    has(&server, &bob, ann.user_id, is("Änn", "cat.png")).await;
    let after = [dump(&server, ann.token()).await.items, dump(&server, bob.token()).await.items];
    assert_eq!(before, after, "level 1 is told names");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_or_too_often_is_refused() {
    let home = Home::dev();
    let server = home.start();
    let [ann] = server.people::<1>(1).await;
    let mut anns = Wire::greeted(&server, ann.token()).await;
    for wrong in [
        set_profile(&"x".repeat(65), "", ""),
        set_profile("Ann\u{202e}", "", ""),
        set_profile("", &"x".repeat(257), ""),
        set_profile("", "a\nb", ""),
        set_profile("", "", &"x".repeat(281)),
    ] {
        requests::refused(&mut anns, wrong, Refusal::InvalidProfile).await;
    }
    for name in 0..5 {
        done(&mut anns, set_profile(&name.to_string(), "", "")).await;
    }
    let Body::Error(error) = anns.ask(set_profile("one more", "", "")).await else { panic!() };
    let expected = (Refusal::TooManyChanges.code(), true, 10_000);
    assert_eq!((error.code, error.retry, error.retry_after_ms), expected);
    assert_eq!(own(&items(&server, &ann).await).display_name, "4", "nothing was done");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_blocked_is_not_told_before_the_block_ends() {
    let home = Home::dev();
    let server = home.start();
    let [ann, bob, cy] = server.people::<3>(1).await;
    introduced(&server, &ann, &bob).await;
    introduced(&server, &ann, &cy).await;
    let mut anns = Wire::greeted(&server, ann.token()).await;
    done(&mut anns, block(bob.user_id)).await;
    done(&mut anns, set_profile("Änn", "", "")).await;
    // Both stand in one pass, so when one is told the other one was passed over.
    has(&server, &cy, ann.user_id, is("Änn", "")).await;
    assert_eq!(shows(&items(&server, &bob).await, ann.user_id), is("", ""));
    done(&mut anns, Request::UnblockUser(proto::UnblockUser { user_id: bob.user_id })).await;
    assert_eq!(shows(&items(&server, &bob).await, ann.user_id), is("Änn", ""));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_killed_goes_on_telling() {
    let home = Home::dev();
    let mut server = home.start();
    let [ann, bob] = server.people::<2>(1).await;
    introduced(&server, &ann, &bob).await;
    for round in 0..3 {
        let (name, mut anns) = (format!("Ann {round}"), Wire::greeted(&server, ann.token()).await);
        done(&mut anns, set_profile(&name, "", "")).await;
        server.kill();
        server = home.start();
        has(&server, &bob, ann.user_id, is(&name, "")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn members_are_listed_with_what_they_show_and_the_rust_client_sets_it() {
    let home = Home::dev();
    let server = home.start();
    let [ann, bob]: [Person; 2] = server.people(1).await;
    let anns = sdk::caught_up(&server, ann.token()).await;
    let bobs = sdk::caught_up(&server, bob.token()).await;
    bobs.set_profile("Böb", "bob.png", "").await.unwrap();
    let group = anns.create_group(ClientMessageId([7; 16]), "Tea", &[bob.user_id]).await.unwrap();
    let members = anns.list_members(group).await.unwrap();
    let bobs_row = members.iter().find(|member| member.user_id == bob.user_id).unwrap();
    let shown = [&bobs_row.name, &bobs_row.display_name, &bobs_row.avatar].map(String::as_str);
    assert_eq!(shown, [bob.name.as_str(), "Böb", "bob.png"]);
    let refused = bobs.set_profile(&"x".repeat(65), "", "").await;
    assert!(matches!(refused, Err(SdkError::Refused(refused)) if refused.code == 350));
    anns.wait_caught_up(DEADLINE).await.unwrap();
}
