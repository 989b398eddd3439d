//! Operators on the operator's port: who asks, and who else may.

use actix_web::{HttpMessage, HttpRequest, HttpResponse, web};
use highwater_wire::Refusal;
use serde::Deserialize;

use super::{
    listing::{List, lines},
    operator::{Asking, Operator, refused},
};
use crate::model::{NamedOperator, OperatorRole};

/// `GET /v1/me`: who asks, and what the role is.
pub(super) async fn me(http: HttpRequest) -> HttpResponse {
    match http.extensions().get::<Asking>() {
        Some(Asking::Operator { name, role }) => {
            HttpResponse::Ok().json(serde_json::json!({ "name": name, "role": role.name() }))
        }
        Some(Asking::Program) | None => refused(Refusal::InvalidOperatorToken),
    }
}

#[derive(Deserialize)]
struct Make {
    name: String,
    /// Name of a role.
    role: String,
}

/// `POST /v1/operators`: a new operator, whose token is told here and never again.
pub(super) async fn make(
    operator: web::Data<Operator>,
    http: HttpRequest,
    payload: web::Payload,
) -> HttpResponse {
    let wanted: Make = match operator.ask(&http, payload).await {
        Ok(wanted) => wanted,
        Err(response) => return response,
    };
    let Some(role) = OperatorRole::of_name(&wanted.role) else {
        return refused(Refusal::InvalidField);
    };
    match operator.accounts.make_operator(wanted.name, role).await {
        Ok(token) => HttpResponse::Ok().json(serde_json::json!({ "token": token })),
        Err(refusal) => refused(refusal),
    }
}

/// `POST /v1/operators/list`: every named operator, one in a line, without the token.
pub(super) async fn list(
    operator: web::Data<Operator>,
    http: HttpRequest,
    payload: web::Payload,
) -> HttpResponse {
    if let Err(response) = operator.ask::<List>(&http, payload).await {
        return response;
    }
    match operator.accounts.operators().await {
        Ok(operators) => lines(operators.0.iter().map(shown)),
        Err(refusal) => refused(refusal),
    }
}

fn shown(operator: &NamedOperator) -> serde_json::Value {
    serde_json::json!({
        "name": operator.name,
        "role": operator.role.name(),
        "created_ms": operator.created.0,
    })
}

#[derive(Deserialize)]
struct Revoke {
    name: String,
}

/// `POST /v1/operators/revoke`: from the answer on the token is worth nothing.
pub(super) async fn revoke(
    operator: web::Data<Operator>,
    http: HttpRequest,
    payload: web::Payload,
) -> HttpResponse {
    let wanted: Revoke = match operator.ask(&http, payload).await {
        Ok(wanted) => wanted,
        Err(response) => return response,
    };
    match operator.accounts.revoke_operator(wanted.name).await {
        Ok(()) => HttpResponse::NoContent().finish(),
        Err(refusal) => refused(refusal),
    }
}
