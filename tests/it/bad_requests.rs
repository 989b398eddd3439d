//! Requests that can be read and are wrong: each gets its number, and a reading of everything before and after is equal.

use highwater_wire::{Refusal, proto};
use proto::{client_frame::Request, end_device::Which, send::To, server_frame::Body};

use crate::support::{Home, Person, Replica, Server, Wire, dump, requests, wire::assert_refused};

/// Bytes of a text; as the greeting says.
const TEXT_BYTES_MAX: usize = 4096;

/// Ann and Bob know each other, Carol and Dave have a conversation of their own.
pub struct Village {
    pub ann: Person,
    pub people: [Person; 4],
    /// Of Ann and Bob.
    pub own: u64,
    /// Of Carol and Dave.
    pub foreign: u64,
    /// A message that Ann has sent.
    pub earlier: proto::Send,
    pub day: u32,
}

impl Village {
    pub async fn on(server: &Server) -> Village {
        let people: [Person; 4] = server.people(2).await;
        let [ann, bob, carol, dave] = &people;
        let mut wire = Wire::greeted(server, ann.token()).await;
        let day = requests::today(&mut wire).await;
        let earlier = requests::send(To::UserId(bob.user_id), day, "earlier");
        let own = requests::sent(&mut wire, earlier.clone()).await.conversation_id;
        let mut carols = Wire::greeted(server, carol.token()).await;
        let theirs = requests::send(To::UserId(dave.user_id), day, "between us");
        let foreign = requests::sent(&mut carols, theirs).await.conversation_id;
        wire.close().await;
        carols.close().await;
        Village { ann: ann.clone(), people, own, foreign, earlier, day }
    }

    /// Everything that anybody has.
    pub async fn dump(&self, server: &Server) -> Vec<Replica> {
        let mut all = Vec::new();
        for person in &self.people {
            all.push(dump(server, person.token()).await);
        }
        all
    }

    /// Every wrong request of Ann, and its refusal.
    pub fn wrong_requests(&self) -> Vec<(String, Request, Refusal)> {
        let send = |to| requests::send(to, self.day, "hello");
        let right = send(To::ConversationId(self.own));
        let bob = &self.people[1];
        let mut sends = vec![
            ("no text", proto::Send { text: String::new(), ..right.clone() }, Refusal::EmptyMessage),
            (
                "a text too long",
                proto::Send { text: "x".repeat(TEXT_BYTES_MAX + 1), ..right.clone() },
                Refusal::TextTooLong,
            ),
            (
                "too long in bytes, not in letters",
                proto::Send { text: "ü".repeat(TEXT_BYTES_MAX / 2 + 1), ..right.clone() },
                Refusal::TextTooLong,
            ),
            ("nobody to send to", proto::Send { to: None, ..right.clone() }, Refusal::InvalidField),
            ("an unknown user", send(To::UserId(4711)), Refusal::NoSuchUser),
            ("user 0", send(To::UserId(0)), Refusal::NoSuchUser),
            ("an unknown name", send(To::UserName("nobody-at-all".to_owned())), Refusal::NoSuchUser),
            ("no name", send(To::UserName(String::new())), Refusal::NoSuchUser),
            ("a name that nobody can have", send(To::UserName("a b\n".repeat(2000))), Refusal::NoSuchUser),
            ("an unknown conversation", send(To::ConversationId(4711)), Refusal::NoSuchConversation),
            ("conversation 0", send(To::ConversationId(0)), Refusal::NoSuchConversation),
            (
                "somebody else's conversation",
                send(To::ConversationId(self.foreign)),
                Refusal::NoSuchConversation,
            ),
            (
                "an id used for another text",
                proto::Send { text: "another".to_owned(), ..self.earlier.clone() },
                Refusal::IdConflict,
            ),
            (
                "an id used in another conversation",
                proto::Send { to: Some(To::UserId(self.ann.user_id)), ..self.earlier.clone() },
                Refusal::IdConflict,
            ),
        ];
        for length in [0, 1, 15, 17, 64] {
            let id = vec![7; length].into();
            sends.push((
                "an id of another length",
                proto::Send { client_message_id: id, ..right.clone() },
                Refusal::InvalidField,
            ));
        }
        for day in [self.day - 7, self.day - 8, self.day + 2, 0, u32::MAX] {
            sends.push((
                "a day outside the window",
                proto::Send { day, ..right.clone() },
                Refusal::DayOutsideWindow,
            ));
        }
        let end = |which| Request::EndDevice(proto::EndDevice { which });
        let mut all: Vec<_> = sends
            .into_iter()
            .map(|(what, send, refusal)| (what.to_owned(), Request::Send(send), refusal))
            .collect();
        for (what, request, refusal) in [
            ("no device named", end(None), Refusal::InvalidField),
            ("all others, but not", end(Some(Which::AllOthers(false))), Refusal::InvalidField),
            ("an unknown device", end(Some(Which::DeviceId(4711))), Refusal::NoSuchDevice),
            (
                "somebody else's device",
                end(Some(Which::DeviceId(bob.devices[0].device_id))),
                Refusal::NoSuchDevice,
            ),
            ("nobody of that name", requests::find_user("nobody-at-all"), Refusal::NoSuchUser),
            ("nobody without a name", requests::find_user(""), Refusal::NoSuchUser),
        ] {
            all.push((what.to_owned(), request, refusal));
        }
        all
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_wrong_request_gets_its_number_and_changes_nothing() {
    let home = Home::dev();
    let server = home.start();
    let village = Village::on(&server).await;
    let before = village.dump(&server).await;
    let mut wire = Wire::greeted(&server, village.ann.token()).await;
    for (what, request, refusal) in village.wrong_requests() {
        let body = wire.ask(request).await;
        println!("{what}: {}", refusal.code());
        assert_refused(&body, refusal);
    }
    assert_eq!(village.dump(&server).await, before);
    let Body::DeviceList(list) = wire.ask(Request::ListDevices(proto::ListDevices {})).await else {
        panic!()
    };
    assert_eq!(list.devices.len(), 2, "no device was ended");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_ones_own_looks_like_what_does_not_exist() {
    let home = Home::dev();
    let server = home.start();
    let village = Village::on(&server).await;
    let mut wire = Wire::greeted(&server, village.ann.token()).await;
    let to_conversation = |id| Request::Send(requests::send(To::ConversationId(id), village.day, "x"));
    let foreign = wire.ask(to_conversation(village.foreign)).await;
    assert_eq!(foreign, wire.ask(to_conversation(4711)).await);
    let end = |id| Request::EndDevice(proto::EndDevice { which: Some(Which::DeviceId(id)) });
    let foreign = wire.ask(end(village.people[2].devices[0].device_id)).await;
    assert_eq!(foreign, wire.ask(end(4711)).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_edges_of_text_and_window_are_inside() {
    let home = Home::dev();
    let server = home.start();
    let village = Village::on(&server).await;
    let mut wire = Wire::greeted(&server, village.ann.token()).await;
    let mut texts = vec!["earlier".to_owned()];
    for text in ["x".repeat(TEXT_BYTES_MAX), "ü".repeat(TEXT_BYTES_MAX / 2), "y".to_owned()] {
        requests::sent(&mut wire, requests::send(To::ConversationId(village.own), village.day, &text)).await;
        texts.push(text);
    }
    for day in [village.day - 6, village.day - 1, village.day + 1] {
        let text = format!("on day {day}");
        let send = requests::send(To::ConversationId(village.own), day, &text);
        let first = requests::sent(&mut wire, send.clone()).await;
        assert_eq!(
            requests::sent(&mut wire, send).await,
            first,
            "a resend is recognised on every day of the window"
        );
        texts.push(text);
    }
    assert_eq!(dump(&server, village.people[1].token()).await.texts(village.own), texts);
}
