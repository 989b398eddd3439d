//! Alarms on the operator's port: what fires, what has fired, and what an operator says to it.

use actix_web::{HttpRequest, HttpResponse, web};
use highwater_wire::Refusal;
use serde::Deserialize;

use super::operator::{Operator, refused, refused_since};
use crate::monitor::alarms::{NoAlarm, SILENCE_MINUTES_MAX};

/// `GET /v1/alarms`: all rules as they stand, and the last episodes that ended, newest first.
pub(super) async fn list(operator: web::Data<Operator>, http: HttpRequest) -> HttpResponse {
    if let Err(refusal) = operator.authorise(&http) {
        return refused(refusal);
    }
    HttpResponse::Ok().content_type("application/json").body(operator.alarms.listing())
}

/// `POST /v1/alarms/NAME/ack`: it is seen, and not told again until it is over.
pub(super) async fn acknowledge(
    operator: web::Data<Operator>,
    http: HttpRequest,
    name: web::Path<String>,
) -> HttpResponse {
    if let Err(refusal) = operator.authorise(&http) {
        return refused(refusal);
    }
    done(operator.alarms.acknowledge(&name))
}

#[derive(Deserialize)]
struct Silence {
    /// From now; 0 ends a silence.
    minutes: i64,
}

/// `POST /v1/alarms/NAME/silence`: nothing of it begins to be told for so many minutes.
pub(super) async fn silence(
    operator: web::Data<Operator>,
    http: HttpRequest,
    name: web::Path<String>,
    payload: web::Payload,
) -> HttpResponse {
    let wanted: Silence = match operator.ask(&http, payload).await {
        Ok(wanted) => wanted,
        Err(response) => return response,
    };
    if !(0..=SILENCE_MINUTES_MAX).contains(&wanted.minutes) {
        return refused(Refusal::InvalidField);
    }
    done(operator.alarms.silence(&name, wanted.minutes))
}

fn done(outcome: Result<(), NoAlarm>) -> HttpResponse {
    match outcome {
        Ok(()) => HttpResponse::NoContent().finish(),
        Err(NoAlarm::Unknown) => {
            refused_since(Refusal::NotFound, "there is no alarm of this name, or it is off")
        }
        Err(NoAlarm::Quiet) => refused(Refusal::AlarmQuiet),
    }
}
