//! What operators and programs ask is read here, judged by the schema of its route, and refused by number.

use std::fmt::Display;

use actix_web::{
    HttpMessage, HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web,
};
use highwater_wire::Refusal;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{
    body::{self, BodyFault},
    openapi,
    operator::BODY_BYTES_MAX,
    strict_body::Strict,
};
use crate::logic::operators::OperatorRoute;

/// The body of a request.
pub(super) async fn read_json<T: DeserializeOwned>(
    http: &HttpRequest,
    payload: web::Payload,
) -> Result<T, HttpResponse> {
    let body = body::read(http, payload, BODY_BYTES_MAX).await.map_err(unread)?;
    let unexpected =
        |why: &dyn Display| refused_since(Refusal::InvalidField, format!("{NOT_EXPECTED}: {why}"));
    let route = http.extensions().get::<OperatorRoute>().copied();
    let Strict(mut value) = serde_json::from_slice(&body).map_err(|error| unexpected(&error))?;
    if let Some(schema) = route.and_then(|route| openapi::operation(route).body) {
        schema.write_whole(&mut value);
        schema.check(&value).map_err(|why| unexpected(&why))?;
    }
    serde_json::from_value(value).map_err(|error| unexpected(&error))
}

/// What is told to whose body cannot be taken.
pub(super) fn unread(fault: BodyFault) -> HttpResponse {
    fault.refusal().map_or_else(body::too_slow, refused)
}

/// Begins what is said of a body that cannot be read.
const NOT_EXPECTED: &str = "the body is not what was expected";

/// What stands in the query of a request; else what is wrong with it, for people.
pub(super) fn read_query<T: DeserializeOwned>(http: &HttpRequest) -> Result<T, String> {
    let read = web::Query::<T>::from_query(http.query_string()).map(web::Query::into_inner);
    read.map_err(|why| format!("the query is not what was expected: {why}"))
}

pub(super) fn refused(refusal: Refusal) -> HttpResponse {
    refused_since(refusal, refusal.text())
}

/// A refusal that says to a developer what is wrong.
pub(super) fn refused_since(refusal: Refusal, why: impl Display) -> HttpResponse {
    refused_with(refusal, serde_json::json!({ "message": why.to_string() }))
}

/// A refusal with members of its own, or a message in the place of the usual one.
pub(super) fn refused_with(refusal: Refusal, more: Value) -> HttpResponse {
    let mut body = serde_json::json!({
        "code": refusal.code(),
        "name": refusal.name(),
        "message": refusal.text(),
        "retry": refusal.retry(),
    });
    if let (Some(body), Value::Object(more)) = (body.as_object_mut(), more) {
        body.extend(more);
    }
    let status = StatusCode::from_u16(refusal.http_status()).unwrap_or(StatusCode::BAD_REQUEST);
    let mut response = HttpResponse::build(status);
    if status == StatusCode::UNAUTHORIZED {
        // RFC 9110, 15.5.2: it says how to come back.
        response.insert_header((header::WWW_AUTHENTICATE, "Bearer"));
    }
    let mut response = response.json(body);
    response.extensions_mut().insert(refusal);
    response
}
