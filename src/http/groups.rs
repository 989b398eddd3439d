//! What an operator does to groups.

use actix_web::{HttpRequest, HttpResponse, web};
use highwater_wire::Refusal;
use serde::Deserialize;

use super::operator::{Operator, refused};
use crate::{
    logic::operation::Request,
    model::{ConversationId, Form},
};

#[derive(Deserialize)]
struct Turn {
    /// Its conversation, in decimal.
    group: String,
    /// Whether it is a channel from here on, or a group.
    channel: bool,
}

/// `POST /v1/turn`: a group becomes a channel, or a channel a group, as if its owner had asked.
pub(super) async fn turn(
    operator: web::Data<Operator>,
    http: HttpRequest,
    payload: web::Payload,
) -> HttpResponse {
    let wanted: Turn = match operator.ask(&http, payload).await {
        Ok(wanted) => wanted,
        Err(response) => return response,
    };
    let Ok(group) = wanted.group.parse() else {
        return refused(Refusal::NoSuchConversation);
    };
    let to = if wanted.channel { Form::Channel } else { Form::Group };
    match operator.accounts.decide(Request::Turn(ConversationId(group), to)).await {
        Ok(_) => HttpResponse::NoContent().finish(),
        Err(refusal) => refused(refusal),
    }
}
