//! Groups over the wire: made, added to, written to, renamed and left, and what each member is told.

use highwater_sdk::{Client, ClientMessageId, Store, Target};
use highwater_wire::{Encoding, Refusal, proto};
use proto::{
    GroupItem, Role, client_frame::Request, entry::Content, notice::What, send::To, server_frame::Body,
};

use super::contacts::{block, done, http_answer, told};
use crate::support::{Home, Person, Replica, Server, Wire, http, requests, sdk};

const CONVERSATIONS: u32 = 3;

pub fn create(id: u8, name: &str, user_ids: &[u64]) -> Request {
    Request::CreateGroup(proto::CreateGroup {
        client_group_id: vec![id; 16].into(),
        name: name.to_owned(),
        user_ids: user_ids.to_vec(),
    })
}

pub fn add(conversation_id: u64, user_ids: &[u64]) -> Request {
    Request::AddMembers(proto::AddMembers { conversation_id, user_ids: user_ids.to_vec() })
}

pub fn remove(conversation_id: u64, user_id: u64) -> Request {
    Request::RemoveMember(proto::RemoveMember { conversation_id, user_id })
}

pub fn leave(conversation_id: u64) -> Request {
    Request::LeaveGroup(proto::LeaveGroup { conversation_id })
}

fn rename(conversation_id: u64, name: &str) -> Request {
    Request::RenameGroup(proto::RenameGroup { conversation_id, name: name.to_owned() })
}

pub fn give(conversation_id: u64, user_id: u64, role: Role) -> Request {
    Request::GiveRole(proto::GiveRole { conversation_id, user_id, role: role.into() })
}

fn list(conversation_id: u64, after: u64, limit: u32) -> Request {
    Request::ListMembers(proto::ListMembers { conversation_id, after, limit })
}

pub async fn created(wire: &mut Wire, request: Request) -> u64 {
    match wire.ask(request).await {
        Body::GroupCreated(created) => created.conversation_id,
        other => panic!("no group but {other:?}"),
    }
}

/// What a replica has of a group.
pub fn item(replica: &Replica, group: u64) -> Option<GroupItem> {
    let value = replica.items.get(&(CONVERSATIONS, group.to_string()))?;
    serde_json::from_str::<proto::ConversationItem>(value).unwrap().group
}

/// A person's device, and what it holds.
struct Seat {
    wire: Wire,
    replica: Replica,
}

impl Seat {
    async fn of(server: &Server, person: &Person) -> Seat {
        let mut seat =
            Seat { wire: Wire::greeted(server, person.token()).await, replica: Replica::default() };
        seat.wire.sync(&mut seat.replica).await;
        seat
    }

    /// Waits until it holds the entry at a place, as it comes: by a push, or a page after a nudge.
    async fn hears(&mut self, group: u64, seq: u64) -> proto::Entry {
        told(&mut self.wire, &mut self.replica, |replica| replica.entries.contains_key(&(group, seq))).await;
        self.replica.entries[&(group, seq)].clone()
    }

    async fn says(&mut self, group: u64, text: &str) -> proto::Sent {
        let day = requests::today(&mut self.wire).await;
        requests::sent(&mut self.wire, requests::send(To::ConversationId(group), day, text)).await
    }

    fn seqs(&self, group: u64) -> Vec<u64> {
        let of_group = self.replica.entries.keys().filter(|(conversation, _)| *conversation == group);
        of_group.map(|(_, seq)| *seq).collect()
    }
}

#[track_caller]
fn assert_notice(entry: &proto::Entry, by: &Person, what: What, users: &[&Person], name: &str, role: Role) {
    let user = |person: &&Person| proto::User {
        user_id: person.user_id,
        name: person.name.clone(),
        ..Default::default()
    };
    let notice = proto::Notice {
        what: what.into(),
        by: by.name.clone(),
        users: users.iter().map(user).collect(),
        name: name.to_owned(),
        role: role.into(),
        text: String::new(),
    };
    assert_eq!((entry.sender_id, entry.client_message_id.len()), (by.user_id, 0));
    assert_eq!(entry.content, Some(Content::Notice(notice)));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_member_is_told_what_is_said_and_what_becomes_of_the_group() {
    let home = Home::dev();
    let server = home.start();
    let [ann, bob, cy] = server.people(1).await;
    let mut anns = Seat::of(&server, &ann).await;
    let mut bobs = Seat::of(&server, &bob).await;
    let mut cys = Seat::of(&server, &cy).await;

    let group = created(&mut anns.wire, create(1, "Tea", &[bob.user_id])).await;
    for seat in [&mut anns, &mut bobs] {
        assert_notice(&seat.hears(group, 1).await, &ann, What::Created, &[&bob], "Tea", Role::Unspecified);
    }
    let of_role = |name: &str, role: Role, since_seq| {
        Some(GroupItem { name: name.to_owned(), role: role.into(), since_seq, channel: false })
    };
    assert_eq!(item(&anns.replica, group), of_role("Tea", Role::Owner, 1));
    assert_eq!(item(&bobs.replica, group), of_role("Tea", Role::Member, 1));

    assert_eq!(bobs.says(group, "hi").await.seq, 2);
    let heard = anns.hears(group, 2).await;
    assert_eq!((heard.sender_id, requests::text_of(&heard)), (bob.user_id, "hi".to_owned()));
    assert_eq!(bobs.hears(group, 2).await.client_message_id.len(), 16);

    // Who comes is told from there on, and nothing of before.
    done(&mut anns.wire, add(group, &[cy.user_id, bob.user_id])).await;
    for seat in [&mut anns, &mut bobs, &mut cys] {
        assert_notice(&seat.hears(group, 3).await, &ann, What::Joined, &[&cy], "", Role::Unspecified);
    }
    assert_eq!(item(&cys.replica, group), of_role("Tea", Role::Member, 3));
    assert_eq!(cys.seqs(group), [3]);

    done(&mut anns.wire, give(group, bob.user_id, Role::Owner)).await;
    done(&mut bobs.wire, rename(group, "Coffee")).await;
    for seat in [&mut anns, &mut bobs, &mut cys] {
        assert_notice(&seat.hears(group, 5).await, &bob, What::Renamed, &[], "Coffee", Role::Unspecified);
        let given = seat.replica.entries[&(group, 4)].clone();
        assert_notice(&given, &ann, What::RoleGiven, &[&bob], "", Role::Owner);
    }
    assert_eq!(item(&anns.replica, group), of_role("Coffee", Role::Admin, 1));
    assert_eq!(item(&bobs.replica, group), of_role("Coffee", Role::Owner, 1));
    assert_eq!(item(&cys.replica, group), of_role("Coffee", Role::Member, 3));

    // Who goes is told that, and nothing after it.
    done(&mut anns.wire, remove(group, cy.user_id)).await;
    assert_notice(&cys.hears(group, 6).await, &ann, What::Removed, &[&cy], "", Role::Unspecified);
    done(&mut bobs.wire, leave(group)).await;
    assert_notice(&bobs.hears(group, 7).await, &bob, What::Left, &[], "", Role::Unspecified);
    assert_eq!(anns.says(group, "alone").await.seq, 8);
    anns.hears(group, 8).await;
    assert_eq!(item(&anns.replica, group), of_role("Coffee", Role::Owner, 1), "somebody has to own it");
    for seat in [&mut bobs, &mut cys] {
        seat.wire.sync(&mut seat.replica).await;
        assert_eq!(item(&seat.replica, group), None);
    }
    assert_eq!((bobs.seqs(group), cys.seqs(group)), ((1..=7).collect(), vec![3, 4, 5, 6]));
    assert_eq!(anns.seqs(group), (1..=8).collect::<Vec<_>>());

    // Both is so after a kill too.
    server.kill();
    let server = home.start();
    let mut again = Seat::of(&server, &cy).await;
    assert_eq!((item(&again.replica, group), again.seqs(group)), (None, vec![3, 4, 5, 6]));
    requests::refused(&mut again.wire, list(group, 0, 0), Refusal::NoSuchConversation).await;
    let mut anns = Seat::of(&server, &ann).await;
    assert_eq!(anns.says(group, "still there").await.seq, 9);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_request_makes_no_second_group() {
    let home = Home::dev();
    let server = home.start();
    let [ann, bob] = server.people(1).await;
    let mut wire = Wire::greeted(&server, ann.token()).await;
    let asked = create(1, "Tea", &[bob.user_id]);
    let ids = wire.post_together([asked.clone(), asked.clone()]).await;
    let answers = [wire.answer(ids[0]).await, wire.answer(ids[1]).await];
    assert_eq!(answers[0], answers[1]);
    let Body::GroupCreated(made) = answers[0].clone() else { panic!("{answers:?}") };
    let over_http = http_answer(&server, ann.token(), asked.clone()).await;
    assert_eq!(over_http, (200, answers[0].clone()));
    server.kill();
    let server = home.start();
    let mut anns = Seat::of(&server, &ann).await;
    assert_eq!(created(&mut anns.wire, asked).await, made.conversation_id, "after a kill too");
    assert_eq!(anns.seqs(made.conversation_id), [1], "it was made once");
    // Another id, or another user with the same, makes another one.
    assert_ne!(created(&mut anns.wire, create(2, "Tea", &[bob.user_id])).await, made.conversation_id);
    let mut bobs = Wire::greeted(&server, bob.token()).await;
    assert_ne!(created(&mut bobs, create(1, "Tea", &[])).await, made.conversation_id);
}

#[tokio::test(flavor = "multi_thread")]
async fn members_are_listed_in_parts_to_members_alone() {
    let home = Home::dev();
    let server = home.start();
    let people = server.people::<6>(1).await;
    let [ann, bob, .., stranger] = &people;
    let mut wire = Wire::greeted(&server, ann.token()).await;
    let others: Vec<u64> = people[1..5].iter().map(|person| person.user_id).collect();
    let group = created(&mut wire, create(1, "Tea", &others)).await;
    done(&mut wire, give(group, bob.user_id, Role::Admin)).await;
    let mut expected: Vec<proto::Member> = people[..5]
        .iter()
        .map(|person| {
            let role = match person.user_id {
                user if user == ann.user_id => Role::Owner,
                user if user == bob.user_id => Role::Admin,
                _ => Role::Member,
            };
            proto::Member {
                user_id: person.user_id,
                name: person.name.clone(),
                role: role.into(),
                ..Default::default()
            }
        })
        .collect();
    expected.sort_by_key(|member| member.user_id);
    for limit in [0, 1, 2, 5, 1000] {
        let (mut after, mut found) = (0, Vec::new());
        loop {
            let Body::MemberList(part) = wire.ask(list(group, after, limit)).await else { panic!("no list") };
            assert!(limit == 0 || part.members.len() <= limit as usize);
            found.extend(part.members);
            after = part.next;
            if after == 0 {
                break;
            }
        }
        assert_eq!(found, expected, "limit {limit}");
    }
    let over_http = http_answer(&server, bob.token(), list(group, 0, 0)).await;
    assert_eq!(over_http, (200, Body::MemberList(proto::MemberList { members: expected, next: 0 })));
    let mut theirs = Wire::greeted(&server, stranger.token()).await;
    for request in [list(group, 0, 0), list(group + 1, 0, 0), leave(group), add(group, &[stranger.user_id])] {
        requests::refused(&mut theirs, request, Refusal::NoSuchConversation).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_blocked_by_somebody_cannot_add_that_one() {
    let home = Home::dev();
    let server = home.start();
    let [ann, bob, cy] = server.people(1).await;
    let mut anns = Wire::greeted(&server, ann.token()).await;
    let mut bobs = Wire::greeted(&server, bob.token()).await;
    done(&mut bobs, block(ann.user_id)).await;
    let nobody = bob.user_id ^ 1;
    let of = |user| [create(1, "Tea", &[cy.user_id, user]), create(2, "Tea", &[user])];
    for (to_bob, to_nobody) in of(bob.user_id).into_iter().zip(of(nobody)) {
        let refused = anns.ask(to_bob).await;
        assert_eq!(refused, anns.ask(to_nobody).await, "as if there were no such user");
        assert!(matches!(&refused, Body::Error(error) if error.code == Refusal::NoSuchUser.code()));
    }
    let group = created(&mut anns, create(1, "Tea", &[cy.user_id])).await;
    requests::refused(&mut anns, add(group, &[bob.user_id]), Refusal::NoSuchUser).await;
    requests::refused(&mut anns, add(group, &[nobody]), Refusal::NoSuchUser).await;
    let bobs_items = Seat::of(&server, &bob).await.replica.items;
    assert!(!bobs_items.contains_key(&(CONVERSATIONS, group.to_string())), "he is told nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_the_wrong_form_is_refused_by_number() {
    let home = Home::dev();
    let server = home.start();
    let [ann, bob] = server.people(1).await;
    let mut wire = Wire::greeted(&server, ann.token()).await;
    let group = created(&mut wire, create(1, "Tea", &[bob.user_id])).await;
    let too_many: Vec<u64> = (1..=101).collect();
    let short_id = proto::CreateGroup { client_group_id: vec![1; 15].into(), ..Default::default() };
    for (request, refusal) in [
        (Request::CreateGroup(short_id), Refusal::InvalidField),
        (create(3, "", &[]), Refusal::InvalidGroupName),
        (create(3, "a\nb", &[]), Refusal::InvalidGroupName),
        (create(3, "Tea", &too_many), Refusal::InvalidField),
        (add(group, &too_many), Refusal::InvalidField),
        (rename(group, &"n".repeat(129)), Refusal::InvalidGroupName),
        (give(group, bob.user_id, Role::Unspecified), Refusal::InvalidField),
        (give(group, ann.user_id, Role::Member), Refusal::InvalidField),
        (give(group, 7, Role::Member), Refusal::NoSuchUser),
        (remove(group, ann.user_id), Refusal::InvalidField),
    ] {
        requests::refused(&mut wire, request.clone(), refusal).await;
        let (status, body) = http_answer(&server, ann.token(), request).await;
        assert_eq!(status, refusal.http_status(), "{body:?}");
    }
    let mut bobs = Wire::greeted(&server, bob.token()).await;
    for request in [add(group, &[7]), remove(group, ann.user_id), rename(group, "x")] {
        requests::refused(&mut bobs, request, Refusal::Forbidden).await;
    }
    let answer = http::post(server.client(), Encoding::Json, None, &proto::ClientFrame::default()).await;
    assert_ne!(answer.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rust_client_has_groups_among_its_conversations() {
    let home = Home::dev();
    let server = home.start();
    let [ann, bob] = server.people(1).await;
    let anns = sdk::caught_up(&server, ann.token()).await;
    let file = home.data().join("../bob.sqlite");
    let bobs = Client::start(sdk::options(&server, bob.token()), Store::open(&file).unwrap()).unwrap();
    let id = ClientMessageId::random();
    let group = anns.create_group(id, "Tea", &[bob.user_id]).await.unwrap();
    assert_eq!(anns.create_group(id, "Tea", &[bob.user_id]).await.unwrap(), group);
    let sent = anns.send(Target::Conversation(group), "hi").await.unwrap();
    assert_eq!(sdk::settled(&anns, sent).await.conversation_id, group);
    anns.rename_group(group, "Coffee").await.unwrap();
    anns.give_role(group, bob.user_id, Role::Admin).await.unwrap();

    let whats = move |store: &Store| -> Vec<What> {
        let contents =
            store.entries_after(group, 0, 99).unwrap().into_iter().filter_map(|entry| entry.content);
        contents
            .filter_map(
                |content| if let Content::Notice(notice) = content { Some(notice.what()) } else { None },
            )
            .collect()
    };
    let all = [What::Created, What::Renamed, What::RoleGiven];
    let has_all =
        move |store: &Store| (whats(store) == all && !store.groups().unwrap().is_empty()).then_some(());
    sdk::wait_for(&bobs, "three notices", has_all).await;
    let item =
        GroupItem { name: "Coffee".to_owned(), role: Role::Admin.into(), since_seq: 1, channel: false };
    let expected = vec![(group, item)];
    sdk::wait_for(&bobs, "the group as it is now", {
        let expected = expected.clone();
        move |store| (store.groups().unwrap() == expected).then_some(())
    })
    .await;
    let mut members = bobs.list_members(group).await.unwrap();
    members.sort_by_key(|member| member.role);
    let named: Vec<_> =
        members.iter().map(|member| (member.user_id, member.name.as_str(), member.role())).collect();
    assert_eq!(
        named,
        [(ann.user_id, ann.name.as_str(), Role::Owner), (bob.user_id, bob.name.as_str(), Role::Admin)]
    );
    bobs.close().await;

    // What was stored is there again, before anything is asked.
    let store = Store::open(&file).unwrap();
    assert_eq!((store.groups().unwrap(), whats(&store)), (expected, all.to_vec()));
    let bobs = Client::start(sdk::options(&server, bob.token()), store).unwrap();
    bobs.leave_group(group).await.unwrap();
    sdk::wait_for(&bobs, "the end of the group", |store| store.groups().unwrap().is_empty().then_some(()))
        .await;
    anns.add_members(group, &[bob.user_id]).await.unwrap();
    sdk::wait_for(&bobs, "the group again", |store| (!store.groups().unwrap().is_empty()).then_some(()))
        .await;
    anns.remove_member(group, bob.user_id).await.unwrap();
    sdk::wait_for(&bobs, "the end of the group", |store| store.groups().unwrap().is_empty().then_some(()))
        .await;
}
