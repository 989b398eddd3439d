//! The settings in force on the operator's port: shown, read again, and the level of the log until the next start.

use std::{future::Future, pin::Pin, sync::Arc};

use actix_web::{HttpRequest, HttpResponse, web};
use highwater_wire::Refusal;
use parking_lot::Mutex;
use serde::Deserialize;

use super::{
    host_ids::invalid,
    operator::{Operator, refused},
};
use crate::config::{InForce, Log, Reloaded, log_level};

/// Puts another filter in the place of the one that the log has, by its level and whether requests have lines; false if it
/// could not be put there.
pub type SetFilter = Arc<dyn Fn(&str, bool) -> bool + Send + Sync>;

/// Reads the settings again and takes what can be taken, all but the log's; or says what is wrong with them, and takes
/// nothing.
pub type Reload = Arc<dyn Fn() -> Pin<Box<dyn Future<Output = Result<Reloaded, String>>>> + Send + Sync>;

/// What the server runs with.
pub struct ServerSettings {
    now: Mutex<Now>,
    set_filter: SetFilter,
    reload: Reload,
}

struct Now {
    in_force: Vec<InForce>,
    log: Log,
}

impl ServerSettings {
    /// From the settings as they were read.
    #[must_use]
    pub fn new(in_force: Vec<InForce>, log: Log, set_filter: SetFilter, reload: Reload) -> ServerSettings {
        ServerSettings { now: Mutex::new(Now { in_force, log }), set_filter, reload }
    }

    /// Reads the settings again. What is logged changes where its settings did; a level of the moment stays else.
    ///
    /// # Errors
    /// What is wrong with them; then all is as it was.
    pub async fn reload(&self) -> Result<Reloaded, String> {
        let reloaded = (self.reload)().await?;
        let mut now = self.now.lock();
        now.in_force.clone_from(&reloaded.in_force);
        if reloaded.taken.iter().any(|key| key.starts_with("log.")) {
            let log = reloaded.config.log.clone();
            if !(self.set_filter)(&log.level, log.requests) {
                return Err("the log cannot be set to another level".to_owned());
            }
            now.log = log;
        }
        tracing::info!(taken = ?reloaded.taken, waiting = ?reloaded.waiting, "the settings were read again");
        Ok(reloaded)
    }
}

/// `GET /v1/config`: every setting in force, and where it came from; and the level of the log as it is
/// now. No setting is a secret: those are files of their own, which are named.
pub(super) async fn config(operator: web::Data<Operator>, http: HttpRequest) -> HttpResponse {
    if let Err(refusal) = operator.authorise(&http) {
        return refused(refusal);
    }
    let now = operator.settings.now.lock();
    let settings = now.in_force.iter().map(|(key, value, source)| {
        serde_json::json!({ "key": key, "value": value, "source": source.to_string() })
    });
    let settings: Vec<_> = settings.collect();
    HttpResponse::Ok().json(serde_json::json!({ "settings": settings, "log_level_now": now.log.level }))
}

/// `POST /v1/reload`: the settings are read again as a start reads them, and those are taken that can be. Where one of them
/// is wrong, or a file that they name, nothing is taken, and the answer says what is wrong.
pub(super) async fn reload(operator: web::Data<Operator>, http: HttpRequest) -> HttpResponse {
    if let Err(refusal) = operator.authorise(&http) {
        return refused(refusal);
    }
    match operator.settings.reload().await {
        Ok(Reloaded { taken, waiting, .. }) => {
            HttpResponse::Ok().json(serde_json::json!({ "taken": taken, "waiting": waiting }))
        }
        Err(why) => invalid(why),
    }
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
    let mut now = operator.settings.now.lock();
    if !(operator.settings.set_filter)(&level, now.log.requests) {
        return refused(Refusal::Internal);
    }
    now.log.level = level;
    HttpResponse::NoContent().finish()
}
