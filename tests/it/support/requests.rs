//! Requests as a right client makes them; tests spoil what they want to be wrong.

use highwater_wire::{LEVEL, proto};
use proto::{client_frame::Request, entry::Content, send::To, server_frame::Body};

use super::{Wire, wire::assert_refused};
use highwater_wire::Refusal;

pub fn hello(token: &str) -> proto::Hello {
    proto::Hello { token: token.to_owned(), level: LEVEL, ..Default::default() }
}

pub fn sync() -> Request {
    Request::Sync(proto::Sync::default())
}

pub fn heartbeat() -> Request {
    Request::Heartbeat(proto::Heartbeat {})
}

pub fn find_user(name: &str) -> Request {
    Request::FindUser(proto::FindUser { name: name.to_owned() })
}

/// A new message with an id of its own.
pub fn send(to: To, day: u32, text: &str) -> proto::Send {
    proto::Send {
        client_message_id: rand::random::<[u8; 16]>().to_vec().into(),
        day,
        text: text.to_owned(),
        to: Some(to),
        ..proto::Send::default()
    }
}

/// A new custom message.
pub fn send_custom(to: To, day: u32, custom: proto::Custom) -> proto::Send {
    proto::Send { custom: Some(custom), ..send(to, day, "") }
}

pub fn register(name: &str, password: &str, invite: &str) -> Request {
    Request::Register(proto::Register {
        name: name.to_owned(),
        password: password.to_owned(),
        invite: invite.to_owned(),
        device: Some(device("test")),
    })
}

pub fn sign_in(name: &str, password: &str) -> Request {
    Request::SignIn(proto::SignIn {
        name: name.to_owned(),
        password: password.to_owned(),
        device: Some(device("test")),
        in_place_of: 0,
    })
}

pub fn device(name: &str) -> proto::DeviceInfo {
    proto::DeviceInfo { name: name.to_owned(), device_class: proto::DeviceClass::Desktop.into() }
}

pub fn text_of(entry: &proto::Entry) -> String {
    match &entry.content {
        Some(Content::Text(text)) => text.clone(),
        Some(Content::Custom(_) | Content::Notice(_) | Content::Erased(_)) | None => {
            panic!("an entry without text: {entry:?}")
        }
    }
}

/// The server's day, as clients learn it.
pub async fn today(wire: &mut Wire) -> u32 {
    match wire.ask(heartbeat()).await {
        Body::Heartbeat(answer) => answer.day,
        other => panic!("no heartbeat but {other:?}"),
    }
}

/// Sends a message that must be taken.
pub async fn sent(wire: &mut Wire, send: proto::Send) -> proto::Sent {
    match wire.ask(Request::Send(send)).await {
        Body::Sent(sent) => sent,
        other => panic!("not sent but {other:?}"),
    }
}

/// A request that must be refused as this.
pub async fn refused(wire: &mut Wire, request: Request, refusal: Refusal) {
    assert_refused(&wire.ask(request).await, refusal);
}
