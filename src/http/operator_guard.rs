//! The guard before every route of the operator's port: who asks, whether the role is enough, and what is written down.
//!
//! What changes something, or shows what people wrote, is written down before it is performed and again before it is
//! answered, and goes on to its end when whoever asked has gone away. Does not know what the routes do; the table of
//! `logic::operators` says it.

use std::sync::Arc;

use actix_http::h1;
use actix_web::{
    Error, HttpMessage, HttpRequest, HttpResponse,
    body::BoxBody,
    dev::{Payload, ServiceRequest, ServiceResponse},
    error::ErrorInternalServerError,
    middleware::Next,
    web::{self, Bytes},
};
use highwater_wire::Refusal;
use serde_json::Value;

use super::{
    accounts::named,
    body::{self, BodyFault},
    openapi,
    operator::{Asking, BODY_BYTES_MAX, Operator, refused},
    refusing::unread,
    requests::bearer,
};
use crate::{
    logic::{
        api_key_scopes::{Rule, check},
        operators::{Access, Deed, Named, OperatorRoute, Row, Subject, Verb},
        reveals::reason,
    },
    model::{AuditEntry, AuditKind, AuditOutcome, api_key::Scope},
};

/// Longest word of an operator's own that is written down, bytes; a longer one is left out. Source: names of keys,
/// operators and alarms are no longer, and tokens and secrets, which somebody may give in the place of a name, are.
const WORD_BYTES_MAX: usize = 32;

/// What the key of a program needs on this port.
const OF_PROGRAMS: Rule = Rule::OfKey(Scope::Report);

/// What a response says it concerned, when that is known only afterwards.
pub(super) struct Concerned(pub(super) String);

/// Lets a request in or turns it away, and writes down what becomes of it.
///
/// # Errors
/// What the route met.
pub(super) async fn guard(
    route: OperatorRoute,
    mut request: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let row = route.row();
    if row.access == Access::Anybody && row.deed == Deed::Polls {
        return next.call(request).await;
    }
    let operator = request.app_data::<web::Data<Operator>>().expect("the port is given its operator").clone();
    let asking = match row.access {
        Access::Anybody => None,
        Access::AtLeast(_) | Access::ProgramOr(_) => match who(&operator, &row, request.request()).await {
            Ok(asking) => Some(asking),
            Err(refusal) => {
                turned_away(&operator, &row, None, Some(refusal)).await;
                return Ok(request.into_response(refused(refusal)));
            }
        },
    };
    if !row.admits(asking.as_ref().and_then(Asking::role)) {
        turned_away(&operator, &row, asking.as_ref(), Some(Refusal::RoleMissing)).await;
        return Ok(request.into_response(refused(Refusal::RoleMissing)));
    }
    let subject = match subject(&operator, (route, &row), &mut request).await {
        Ok(subject) => subject,
        Err(fault) => {
            if row.deed != Deed::Polls {
                turned_away(&operator, &row, asking.as_ref(), fault.refusal()).await;
            }
            return Ok(request.into_response(unread(fault)));
        }
    };
    // The body may have been long in coming, and who asked may not ask any more.
    if row.verb != Verb::Get
        && let Some(asked) = &asking
        && let Err(refusal) = asks_still(&operator, asked, request.request()).await
    {
        turned_away(&operator, &row, asking.as_ref(), Some(refusal)).await;
        return Ok(request.into_response(refused(refusal)));
    }
    let entry = AuditEntry {
        operator: operator_named(asking.as_ref()),
        route: row.name,
        subject,
        ..AuditEntry::default()
    };
    request.extensions_mut().insert(route);
    if let Some(asking) = asking {
        request.extensions_mut().insert(asking);
    }
    match row.deed {
        Deed::Polls => next.call(request).await,
        Deed::Looks => looked(operator, entry, request, next).await,
        Deed::Reveals | Deed::Changes => {
            // A task of its own: it has its end in the log also when nobody waits for the answer any more.
            let change = actix_web::rt::spawn(changed(operator, entry, request, next));
            change.await.map_err(|_| ErrorInternalServerError("the request met a fault"))?
        }
    }
}

/// Who asks: an operator, or where it may a program whose key has the scope for it.
async fn who(operator: &Operator, row: &Row, http: &HttpRequest) -> Result<Asking, Refusal> {
    match operator.who(http).await {
        Err(Refusal::InvalidOperatorToken) if matches!(row.access, Access::ProgramOr(_)) => {
            let key = operator
                .accounts
                .prove_api_key(bearer(http).map_err(|_| Refusal::InvalidOperatorToken)?)
                .await?;
            check(&key, OF_PROGRAMS).inspect_err(|refusal| {
                operator.accounts.note_refused_use(&key, *refusal);
            })?;
            Ok(Asking::Program)
        }
        asked => asked,
    }
}

/// Whether who asked before the body came may ask now that it is here.
async fn asks_still(operator: &Operator, asked: &Asking, http: &HttpRequest) -> Result<(), Refusal> {
    match asked {
        Asking::Operator { .. } => operator.who(http).await.map(|_| ()),
        Asking::Program => check(&operator.accounts.api_key_of(bearer(http)?).await?, OF_PROGRAMS),
    }
}

fn operator_named(asking: Option<&Asking>) -> Option<String> {
    asking.and_then(Asking::operator).map(str::to_owned)
}

/// Writes down that nothing was done: who asks may not, or the body cannot be taken.
async fn turned_away(operator: &Operator, row: &Row, asking: Option<&Asking>, refusal: Option<Refusal>) {
    let name = operator_named(asking);
    // Whoever has no name may come as often as it likes: a key that was revoked, too.
    if name.is_none() && !operator.audit.notes_stranger() {
        return;
    }
    let entry = AuditEntry {
        kind: AuditKind::TurnedAway,
        operator: name,
        route: row.name,
        outcome: Some(AuditOutcome::Refused(refusal.map(Refusal::code))),
        ..AuditEntry::default()
    };
    // What could not be written was said: nothing was done here.
    let _ = write(operator, entry).await;
}

async fn looked(
    operator: web::Data<Operator>,
    mut entry: AuditEntry,
    request: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let response = next.call(request).await?;
    conclude(&mut entry, response.response());
    let is_stranger = entry.operator.is_none() && entry.outcome != Some(AuditOutcome::Done);
    if !is_stranger || operator.audit.notes_stranger() {
        // What could not be written was said, and nothing was changed.
        let _ = write(&operator, entry).await;
    }
    Ok(response)
}

async fn changed(
    operator: web::Data<Operator>,
    entry: AuditEntry,
    request: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let begun = AuditEntry { kind: AuditKind::Begun, ..entry.clone() };
    let Ok(number) = write(&operator, begun).await else {
        return Ok(request.into_response(refused(Refusal::AuditUnavailable)));
    };
    let response = next.call(request).await?;
    let mut ended = AuditEntry { kind: AuditKind::Ended, of: Some(number), ..entry };
    conclude(&mut ended, response.response());
    let audit = Arc::clone(&operator.audit);
    // Should the thread be gone, the log has the beginning.
    let _ = web::block(move || audit.end(ended)).await;
    Ok(response)
}

async fn write(operator: &Operator, entry: AuditEntry) -> Result<u64, ()> {
    let audit = Arc::clone(&operator.audit);
    match web::block(move || audit.write(&entry)).await {
        Ok(Ok(number)) => Ok(number),
        Ok(Err(_)) | Err(_) => Err(()),
    }
}

/// What came of it, as the response says.
fn conclude(entry: &mut AuditEntry, response: &HttpResponse) {
    let extensions = response.extensions();
    entry.outcome = Some(match extensions.get::<Refusal>() {
        Some(Refusal::Internal | Refusal::UnknownOutcome) => AuditOutcome::Failed,
        Some(refusal) => AuditOutcome::Refused(Some(refusal.code())),
        None if response.status().is_success() => AuditOutcome::Done,
        None if response.status().is_server_error() => AuditOutcome::Failed,
        None => AuditOutcome::Refused(None),
    });
    if let Some(Concerned(subject)) = extensions.get() {
        entry.subject = Some(subject.clone());
    }
}

/// On whom or what, by id. Reads the body, and leaves it with the request for the route.
async fn subject(
    operator: &Operator,
    (route, row): (OperatorRoute, &Row),
    request: &mut ServiceRequest,
) -> Result<Option<String>, BodyFault> {
    if row.verb == Verb::Get {
        return Ok(None);
    }
    let payload = request.extract::<web::Payload>().await.expect("a payload is always there");
    let bytes = body::read(request.request(), payload, BODY_BYTES_MAX).await?;
    let mut body: Value = serde_json::from_slice(&bytes).unwrap_or_default();
    if let Some(schema) = openapi::operation(route).body {
        schema.write_whole(&mut body);
    }
    request.set_payload(payload_of(bytes));
    let mut subjects = Vec::new();
    for subject in row.subjects {
        let in_path = request.match_info().get(subject.field).map(|part| Value::String(part.to_owned()));
        if let Some(id) = id_of(operator, subject, in_path.as_ref().unwrap_or(&body[subject.field])).await {
            subjects.push(format!("{} {id}", subject.word));
        }
    }
    Ok((!subjects.is_empty()).then(|| subjects.join(", ")))
}

fn payload_of(bytes: Bytes) -> Payload {
    let (_, mut payload) = h1::Payload::create(true);
    payload.unread_data(bytes);
    Payload::from(payload)
}

/// What a field names: nothing where it names nothing that is there.
async fn id_of(operator: &Operator, subject: &Subject, value: &Value) -> Option<String> {
    match subject.named {
        Named::User => {
            let user = named(operator, value.as_str()?.to_owned()).await.ok()?;
            Some(user.user.to_string())
        }
        Named::Number => {
            let number = value.as_u64().or_else(|| value.as_str()?.parse().ok())?;
            Some(number.to_string())
        }
        Named::Reason => reason(value.as_str()?).map(str::to_owned),
        Named::Word => value.as_str().filter(|word| is_plain(word)).map(str::to_owned),
    }
}

/// A word that an operator made up, and not by accident something that has to stay unwritten.
fn is_plain(word: &str) -> bool {
    let fits = (1..=WORD_BYTES_MAX).contains(&word.len());
    fits && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte))
}
