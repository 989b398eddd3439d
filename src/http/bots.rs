//! What an operator does with bots: makes one, and says something as one.

use actix_web::{HttpRequest, HttpResponse, web};
use highwater_wire::Refusal;
use serde::Deserialize;

use super::{
    accounts::named,
    operator::{Operator, refused},
    operator_guard::Concerned,
};
use crate::{
    logic::{Answer, operation::Target},
    model::ConversationId,
};

#[derive(Deserialize)]
struct Make {
    name: String,
}

/// `POST /v1/bots`: the bot of this name, made if there is none, with a new device of it.
pub(super) async fn make(
    operator: web::Data<Operator>,
    http: HttpRequest,
    payload: web::Payload,
) -> HttpResponse {
    let wanted: Make = match operator.ask(&http, payload).await {
        Ok(wanted) => wanted,
        Err(response) => return response,
    };
    match operator.accounts.make_bot(wanted.name).await {
        Ok((bot, device)) => {
            let mut response = HttpResponse::Ok().json(serde_json::json!({
                "user_id": bot.user_id.to_string(),
                "name": bot.name,
                "device_id": device.device_id.to_string(),
                "token": device.token,
            }));
            let concerned = format!("user {}, device {}", bot.user_id, device.device_id);
            response.extensions_mut().insert(Concerned(concerned));
            response
        }
        Err(refusal) => refused(refusal),
    }
}

#[derive(Deserialize)]
struct Say {
    /// Name or id of a bot.
    from: String,
    /// Name or id of a user, or none.
    #[serde(default)]
    to: Option<String>,
    /// In decimal: a group or a channel of the bot, where there is no user.
    #[serde(default)]
    conversation: Option<String>,
    text: String,
}

/// `POST /v1/send`: a message of a bot to one user, or to a group or a channel in which it may write.
pub(super) async fn send(
    operator: web::Data<Operator>,
    http: HttpRequest,
    payload: web::Payload,
) -> HttpResponse {
    let wanted: Say = match operator.ask(&http, payload).await {
        Ok(wanted) => wanted,
        Err(response) => return response,
    };
    match sent(&operator, wanted).await {
        Ok(Answer::Sent { conversation, seq, .. }) => HttpResponse::Ok()
            .json(serde_json::json!({ "conversation_id": conversation.to_string(), "seq": seq.0 })),
        Ok(_) => refused(Refusal::Internal),
        Err(refusal) => refused(refusal),
    }
}

async fn sent(operator: &Operator, wanted: Say) -> Result<Answer, Refusal> {
    let bot = named(operator, wanted.from).await?.user;
    let to = match (wanted.to, wanted.conversation) {
        (Some(user), None) => Target::User(named(operator, user).await?.user),
        (None, Some(id)) => {
            Target::Conversation(ConversationId(id.parse().map_err(|_| Refusal::NoSuchConversation)?))
        }
        _ => return Err(Refusal::InvalidField),
    };
    operator.accounts.send_as_bot(bot, to, wanted.text).await
}
