//! Ids of host programs on the operator's port: registered, removed, listed, and reported to.

use std::fmt::Display;

use actix_web::{HttpRequest, HttpResponse, web};
use highwater_wire::Refusal;
use serde::Deserialize;

use super::{
    listing::{List, as_lines},
    operator::{Operator, refused, refused_since},
};
use crate::{
    actors::host_ids::{HostIds, HostIdsFault},
    model::{HostId, HostReport, PointKind, PointUnit},
};

/// Values in one report. More are refused as `invalid_field`. Source: so many of the longest fit into a body.
pub(super) const VALUES_MAX: usize = 1_000;

/// Largest number that is reported, either way. Source: integers up to 2^53 are exact in every JSON library.
pub(super) const VALUE_MAX: i64 = 1 << 53;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Register {
    ids: Vec<Registered>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Registered {
    id: u32,
    name: String,
    kind: String,
    #[serde(default)]
    unit: Option<String>,
}

/// `PUT /v1/ids`: these are registered besides those that are; the same once more changes nothing.
pub(super) async fn register(
    operator: web::Data<Operator>,
    http: HttpRequest,
    payload: web::Payload,
) -> HttpResponse {
    let wanted: Register = match operator.ask(&http, payload).await {
        Ok(wanted) => wanted,
        Err(response) => return response,
    };
    let mut ids = Vec::with_capacity(wanted.ids.len());
    for Registered { id, name, kind, unit } in wanted.ids {
        let Some(kind) = PointKind::of_name(&kind) else {
            return invalid(format!("the kind of id {id} is none of sum, gauge, max"));
        };
        let Some(unit) = unit.map_or(Some(PointUnit::Count), |unit| PointUnit::of_name(&unit)) else {
            return invalid(format!("the unit of id {id} is none of count, microseconds, bytes"));
        };
        ids.push(HostId { id, name, kind, unit });
    }
    change(operator, |host_ids| host_ids.register(ids)).await
}

#[derive(Deserialize)]
struct Remove {
    ids: Vec<u32>,
}

/// `POST /v1/ids/remove`: the operator's alone, since what was counted under them is told no more.
pub(super) async fn remove(
    operator: web::Data<Operator>,
    http: HttpRequest,
    payload: web::Payload,
) -> HttpResponse {
    let wanted: Remove = match operator.ask(&http, payload).await {
        Ok(wanted) => wanted,
        Err(response) => return response,
    };
    change(operator, move |host_ids| host_ids.remove(&wanted.ids)).await
}

/// `POST /v1/ids/list`: every id that there is, those of the server first, one in a line.
pub(super) async fn list(
    operator: web::Data<Operator>,
    http: HttpRequest,
    payload: web::Payload,
) -> HttpResponse {
    match operator.ask::<List>(&http, payload).await {
        Ok(_) => as_lines(operator.services.monitor.ids_json()),
        Err(response) => response,
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Report {
    values: Vec<Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Value {
    id: u32,
    #[serde(default)]
    add: Option<i64>,
    #[serde(default)]
    set: Option<i64>,
}

/// `POST /v1/report`: values are added and set, all of them or none.
pub(super) async fn report(
    operator: web::Data<Operator>,
    http: HttpRequest,
    payload: web::Payload,
) -> HttpResponse {
    let wanted: Report = match operator.ask(&http, payload).await {
        Ok(wanted) => wanted,
        Err(response) => return response,
    };
    let mut reports = Vec::with_capacity(wanted.values.len());
    for value in wanted.values {
        let report = match (value.add, value.set) {
            (Some(n), None) => HostReport::Add(n),
            (None, Some(n)) => HostReport::Set(n),
            _ => return invalid(format!("id {} has neither or both of add and set", value.id)),
        };
        reports.push((value.id, report));
    }
    match operator.host_ids.report(&reports) {
        Ok(()) => HttpResponse::NoContent().finish(),
        Err(why) => invalid(why),
    }
}

/// A change of the ids blocks for a sync.
async fn change(
    operator: web::Data<Operator>,
    what: impl FnOnce(&HostIds) -> Result<(), HostIdsFault> + Send + 'static,
) -> HttpResponse {
    let host_ids = operator.host_ids.clone();
    match web::block(move || what(&host_ids)).await {
        Ok(Ok(())) => HttpResponse::NoContent().finish(),
        Ok(Err(HostIdsFault::Refused(why))) => invalid(why),
        Ok(Err(HostIdsFault::File(fault))) => {
            let error = &fault as &dyn std::error::Error;
            tracing::warn!(error, "ids of host programs could not be stored");
            refused(if fault.is_full() { Refusal::StorageFull } else { Refusal::Internal })
        }
        Err(gone) => {
            tracing::error!(error = &gone as &dyn std::error::Error, "ids of host programs were not stored");
            refused(Refusal::Internal)
        }
    }
}

/// A refusal that says to a developer what is wrong.
pub(super) fn invalid(why: impl Display) -> HttpResponse {
    refused_since(Refusal::InvalidField, why)
}
