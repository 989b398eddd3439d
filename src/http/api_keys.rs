//! What an operator does with API keys.

use actix_web::{HttpRequest, HttpResponse, web};
use highwater_wire::Refusal;
use serde::Deserialize;

use super::{
    accounts::named,
    listing::{List, lines},
    operator::{Operator, refused},
    operator_guard::Concerned,
};
use crate::{
    actors::accounts::{KeyUses, NewApiKey},
    model::{
        ApiKey, ApiKeyId,
        api_key::{API_KEY_USERS_MAX, ActsFor, Scope, Scopes},
    },
};

/// Longest validity of a key, days. Source: as that of an invite, ten times over: a key is in a program's configuration.
pub(super) const EXPIRES_DAYS_MAX: i64 = 3650;

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

#[derive(Deserialize)]
struct Make {
    name: String,
    /// Names of scopes.
    scopes: Vec<String>,
    /// Names or ids of users for whom it may act, besides those that it makes.
    #[serde(default)]
    users: Vec<String>,
    #[serde(default)]
    all_users: bool,
    /// For ever without it.
    #[serde(default)]
    expires_in_days: Option<i64>,
}

/// `POST /v1/api-keys`: a new key, whose secret is told here and never again.
pub(super) async fn make(
    operator: web::Data<Operator>,
    http: HttpRequest,
    payload: web::Payload,
) -> HttpResponse {
    let wanted: Make = match operator.ask(&http, payload).await {
        Ok(wanted) => wanted,
        Err(response) => return response,
    };
    match made(&operator, wanted).await {
        Ok((id, secret)) => {
            let id = id.to_string();
            let mut response = HttpResponse::Ok().json(serde_json::json!({ "id": id, "secret": secret }));
            response.extensions_mut().insert(Concerned(format!("key {id}")));
            response
        }
        Err(refusal) => refused(refusal),
    }
}

async fn made(operator: &Operator, wanted: Make) -> Result<(ApiKeyId, String), Refusal> {
    let mut scopes = Scopes::default();
    for name in &wanted.scopes {
        scopes = scopes.with(Scope::of_name(name).ok_or(Refusal::InvalidField)?);
    }
    let valid_ms = match wanted.expires_in_days {
        None => None,
        Some(days) if (1..=EXPIRES_DAYS_MAX).contains(&days) => Some(days * DAY_MS),
        Some(_) => return Err(Refusal::InvalidField),
    };
    if wanted.users.len() > API_KEY_USERS_MAX || (wanted.all_users && !wanted.users.is_empty()) {
        return Err(Refusal::InvalidField);
    }
    let mut users = Vec::with_capacity(wanted.users.len());
    for user in wanted.users {
        users.push(named(operator, user).await?.user);
    }
    let acts_for = match (wanted.all_users, users.is_empty()) {
        (true, _) => ActsFor::All,
        (false, true) => ActsFor::Made,
        (false, false) => ActsFor::Users(users),
    };
    let new = NewApiKey { name: wanted.name, scopes, acts_for, valid_ms };
    operator.accounts.make_api_key(new).await
}

/// `POST /v1/api-keys/list`: every key, one in a line, without its secret.
pub(super) async fn list(
    operator: web::Data<Operator>,
    http: HttpRequest,
    payload: web::Payload,
) -> HttpResponse {
    if let Err(response) = operator.ask::<List>(&http, payload).await {
        return response;
    }
    match operator.accounts.api_keys().await {
        Ok(keys) => lines(keys.iter().map(|(key, uses)| shown(key, uses))),
        Err(refusal) => refused(refusal),
    }
}

fn shown(key: &ApiKey, uses: &KeyUses) -> serde_json::Value {
    let acts_for = match &key.acts_for {
        ActsFor::Made => serde_json::json!("made"),
        ActsFor::All => serde_json::json!("all"),
        ActsFor::Users(users) => users.iter().map(ToString::to_string).collect(),
    };
    serde_json::json!({
        "id": key.id.to_string(),
        "name": key.name,
        "scopes": key.scopes.each().map(Scope::name).collect::<Vec<_>>(),
        "acts_for": acts_for,
        "created_ms": key.created.0,
        "expires_ms": key.expires.map(|at| at.0),
        "used_ms": key.used.map(|at| at.0),
        "requests_since_start": uses.requests,
        "refused_since_start": uses.refused,
    })
}

#[derive(Deserialize)]
struct Revoke {
    /// Name, or id in decimal.
    key: String,
}

/// `POST /v1/api-keys/revoke`: from the answer on it is worth nothing.
pub(super) async fn revoke(
    operator: web::Data<Operator>,
    http: HttpRequest,
    payload: web::Payload,
) -> HttpResponse {
    let wanted: Revoke = match operator.ask(&http, payload).await {
        Ok(wanted) => wanted,
        Err(response) => return response,
    };
    match operator.accounts.revoke_api_key(&wanted.key).await {
        Ok(()) => HttpResponse::NoContent().finish(),
        Err(refusal) => refused(refusal),
    }
}
