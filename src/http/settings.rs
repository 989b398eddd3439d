//! The settings in force on the operator's port, and the level of the log until the next start.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, web};
use highwater_wire::Refusal;
use parking_lot::Mutex;
use serde::Deserialize;

use super::operator::{Operator, refused};
use crate::config::{InForce, log_level};

/// Puts another filter of the log in the place of the one in force; false if it could not be put there.
pub type SetFilter = Arc<dyn Fn(&str) -> bool + Send + Sync>;

/// What the server runs with.
pub struct ServerSettings {
    in_force: Vec<InForce>,
    log_level: Mutex<String>,
    set_log_level: SetFilter,
}

impl ServerSettings {
    /// From the settings as they were read, and what puts another level of the log in the place of the one in force.
    #[must_use]
    pub fn new(in_force: Vec<InForce>, log_level: String, set_log_level: SetFilter) -> ServerSettings {
        ServerSettings { in_force, log_level: Mutex::new(log_level), set_log_level }
    }
}

/// `GET /v1/config`: every setting as it was read at the start, and where it came from; and the level of the log as it is
/// now. No setting is a secret: those are files of their own, which are named.
pub(super) async fn config(operator: web::Data<Operator>, http: HttpRequest) -> HttpResponse {
    if let Err(refusal) = operator.authorise(&http) {
        return refused(refusal);
    }
    let settings = operator.settings.in_force.iter().map(|(key, value, source)| {
        serde_json::json!({ "key": key, "value": value, "source": source.to_string() })
    });
    let settings: Vec<_> = settings.collect();
    let level = operator.settings.log_level.lock().clone();
    HttpResponse::Ok().json(serde_json::json!({ "settings": settings, "log_level_now": level }))
}

#[derive(Deserialize)]
struct Level {
    /// As `log.level` in the configuration.
    level: String,
}

/// `PUT /v1/log-level`: what is logged from now on, until the next start.
pub(super) async fn set_log_level(
    operator: web::Data<Operator>,
    http: HttpRequest,
    payload: web::Payload,
) -> HttpResponse {
    let wanted: Level = match operator.ask(&http, payload).await {
        Ok(wanted) => wanted,
        Err(response) => return response,
    };
    let Ok(level) = log_level(wanted.level) else {
        return refused(Refusal::InvalidField);
    };
    let mut now = operator.settings.log_level.lock();
    if !(operator.settings.set_log_level)(&level) {
        return refused(Refusal::Internal);
    }
    *now = level;
    HttpResponse::NoContent().finish()
}
