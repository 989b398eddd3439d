//! What an operator does to accounts.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, web};
use highwater_wire::Refusal;
use serde::Deserialize;

use super::{
    explain::account_of,
    operator::{Operator, refused},
};
use crate::{logic::operation::Request, model::record::Account};

#[derive(Deserialize)]
struct SetPassword {
    /// Name, or id in decimal.
    user: String,
    password: String,
    /// Whether all devices of the user are signed out with it.
    end_devices: bool,
}

/// `POST /v1/set-password`: the old one is worth nothing from then on, nor is a sign-in that was proven by it.
pub(super) async fn set_password(
    operator: web::Data<Operator>,
    http: HttpRequest,
    payload: web::Payload,
) -> HttpResponse {
    let wanted: SetPassword = match operator.ask(&http, payload).await {
        Ok(wanted) => wanted,
        Err(response) => return response,
    };
    let account = match named(&operator, wanted.user).await {
        Ok(account) => account,
        Err(refusal) => return refused(refusal),
    };
    let (accounts, end_devices) = (&operator.accounts, wanted.end_devices);
    match accounts.set_password(account.user, &account.name, wanted.password, end_devices).await {
        Ok(_) => HttpResponse::NoContent().finish(),
        Err(refusal) => refused(refusal),
    }
}

#[derive(Deserialize)]
struct Suspend {
    /// Name, or id in decimal.
    user: String,
    /// Whether it is suspended from now on, or resumed.
    suspended: bool,
}

/// `POST /v1/suspend`: every device is out at once and nobody signs in; resumed, the devices go on where they were.
pub(super) async fn suspend(
    operator: web::Data<Operator>,
    http: HttpRequest,
    payload: web::Payload,
) -> HttpResponse {
    let wanted: Suspend = match operator.ask(&http, payload).await {
        Ok(wanted) => wanted,
        Err(response) => return response,
    };
    let user = match named(&operator, wanted.user).await {
        Ok(account) => account.user,
        Err(refusal) => return refused(refusal),
    };
    match operator.accounts.decide(Request::Suspend { user, suspended: wanted.suspended }).await {
        Ok(_) => HttpResponse::NoContent().finish(),
        Err(refusal) => refused(refusal),
    }
}

#[derive(Deserialize)]
struct Erase {
    /// Name, or id in decimal.
    user: String,
    /// Whether anybody may have the name from then on.
    #[serde(default)]
    free_name: bool,
}

/// `POST /v1/erase`: the account and its devices are gone at once, and nobody is shown what the user wrote. It cannot be
/// undone.
pub(super) async fn erase(
    operator: web::Data<Operator>,
    http: HttpRequest,
    payload: web::Payload,
) -> HttpResponse {
    let wanted: Erase = match operator.ask(&http, payload).await {
        Ok(wanted) => wanted,
        Err(response) => return response,
    };
    let user = match named(&operator, wanted.user).await {
        Ok(account) => account.user,
        Err(refusal) => return refused(refusal),
    };
    match operator.accounts.erase(user, wanted.free_name).await {
        Ok(_) => HttpResponse::Ok().json(serde_json::json!({ "user_id": user.to_string() })),
        Err(refusal) => refused(refusal),
    }
}

/// The account of a name or id.
pub(super) async fn named(operator: &Operator, user: String) -> Result<Account, Refusal> {
    let services = Arc::clone(&operator.services);
    services.readers.ask(move |view| account_of(view, &user)).await?.ok_or(Refusal::NoSuchUser)
}
