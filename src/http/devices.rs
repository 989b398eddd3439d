//! What an operator does to devices: ends a lost one, and names classes.

use actix_web::{HttpRequest, HttpResponse, web};
use highwater_wire::{Refusal, proto::DeviceClass};
use serde::Deserialize;

use super::{
    accounts::named,
    operator::{Operator, refused},
};
use crate::{logic::operation::Request, model::DeviceId};

#[derive(Deserialize)]
struct EndDevice {
    /// Name, or id in decimal.
    user: String,
    device_id: String,
}

/// `POST /v1/end-device`: its token is dead, its connections are closed, and nothing is kept for it any more.
pub(super) async fn end(
    operator: web::Data<Operator>,
    http: HttpRequest,
    payload: web::Payload,
) -> HttpResponse {
    let wanted: EndDevice = match operator.ask(&http, payload).await {
        Ok(wanted) => wanted,
        Err(response) => return response,
    };
    let Ok(device) = wanted.device_id.parse().map(DeviceId) else {
        return refused(Refusal::NoSuchDevice);
    };
    let user = match named(&operator, wanted.user).await {
        Ok(account) => account.user,
        Err(refusal) => return refused(refusal),
    };
    match operator.accounts.decide(Request::EndDevice { user, device }).await {
        Ok(_) => HttpResponse::NoContent().finish(),
        Err(refusal) => refused(refusal),
    }
}

/// How a class is called; one that this server does not know is unspecified.
pub(super) fn name_of_class(class: u8) -> &'static str {
    match DeviceClass::try_from(i32::from(class)) {
        Ok(DeviceClass::Phone) => "phone",
        Ok(DeviceClass::Desktop) => "desktop",
        Ok(DeviceClass::Tablet) => "tablet",
        Ok(DeviceClass::Web) => "web",
        Ok(DeviceClass::Unspecified) | Err(_) => "unspecified",
    }
}

/// The class of a name as `config/highwater.toml` has it; unspecified without one.
pub(super) fn class_of_name(name: Option<&str>) -> Option<DeviceClass> {
    Some(match name {
        None | Some("unspecified") => DeviceClass::Unspecified,
        Some("phone") => DeviceClass::Phone,
        Some("desktop") => DeviceClass::Desktop,
        Some("tablet") => DeviceClass::Tablet,
        Some("web") => DeviceClass::Web,
        Some(_) => return None,
    })
}
