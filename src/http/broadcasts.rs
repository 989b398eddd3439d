//! What an operator does to channels that everybody follows.

use actix_web::{HttpRequest, HttpResponse, web};
use highwater_wire::Refusal;
use serde::Deserialize;

use super::{
    listing::{List, lines},
    operator::{Operator, refused},
};
use crate::{
    logic::{broadcasts::BroadcastRequest, operation::Request},
    model::{Broadcast, ConversationId},
};

#[derive(Deserialize)]
struct Set {
    /// Its conversation, in decimal.
    channel: String,
    /// Whether everybody follows it from here on.
    everybody: bool,
}

/// `POST /v1/broadcast`: everybody follows a channel, or it is an ordinary one again.
pub(super) async fn set(
    operator: web::Data<Operator>,
    http: HttpRequest,
    payload: web::Payload,
) -> HttpResponse {
    let wanted: Set = match operator.ask(&http, payload).await {
        Ok(wanted) => wanted,
        Err(response) => return response,
    };
    let Ok(channel) = wanted.channel.parse() else {
        return refused(Refusal::NoSuchConversation);
    };
    let set = BroadcastRequest::Set { channel: ConversationId(channel), is_on: wanted.everybody };
    match operator.accounts.decide(Request::Broadcast(set)).await {
        Ok(_) => HttpResponse::NoContent().finish(),
        Err(refusal) => refused(refusal),
    }
}

/// `POST /v1/broadcast/list`: every channel that everybody follows, one in a line, and whether everybody does by now.
pub(super) async fn list(
    operator: web::Data<Operator>,
    http: HttpRequest,
    payload: web::Payload,
) -> HttpResponse {
    if let Err(response) = operator.ask::<List>(&http, payload).await {
        return response;
    }
    match operator.services.readers.ask(|view| view.broadcasts()).await {
        Ok(rows) => lines(rows.0.iter().map(shown)),
        Err(refusal) => refused(refusal),
    }
}

fn shown(row: &Broadcast) -> serde_json::Value {
    serde_json::json!({ "channel": row.channel.to_string(), "everybody_follows": row.left_after.is_none() })
}
