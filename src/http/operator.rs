//! The operator's port: what its routes work with and who asks; accounts for host apps and load, invites.

use std::{path::PathBuf, sync::Arc};

use actix_web::{HttpMessage, HttpRequest, HttpResponse, web};
use highwater_wire::{Refusal, proto::SignedIn};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

pub(super) use super::refusing::{read_query, refused, refused_since, refused_with};
use super::{
    devices, export::Exports, listing::as_lines, refusing::read_json, requests::bearer,
    settings::ServerSettings,
};
use crate::{
    actors::{
        accounts::{Accounts, secret_hash},
        alarms::StandingAlarms,
        audit::Audit,
        directory::Directory,
        host_ids::HostIds,
        mailer::Mailer,
        point_keeper::PointKeeper,
        user::UserServices,
    },
    logic::operation::Request,
    model::{Clock, Kind, OperatorRole, UserId, operator::ROOT_NAME, record::SecretHash},
    store::secrets::Secrets,
};

/// Accounts that one request may provision. More: refused as `invalid_field`.
pub(super) const PROVISION_USERS_MAX: usize = 1_000;

/// Devices that one account may be provisioned with. More: refused as `invalid_field`.
pub(super) const PROVISION_DEVICES_MAX: usize = 32;

/// Longest validity of an invite, hours.
pub(super) const INVITE_HOURS_MAX: i64 = 24 * 365;

/// Body of an operator's request, bytes.
pub(super) const BODY_BYTES_MAX: usize = 64 * 1024;

const HOUR_MS: i64 = 60 * 60 * 1000;

/// Who asks: left with the request by the guard.
#[derive(Debug, Clone)]
pub(super) enum Asking {
    /// An operator.
    Operator {
        /// By which the audit log knows the operator.
        name: String,
        /// What the operator may do.
        role: OperatorRole,
    },
    /// A program whose key has the scope for it.
    Program,
}

impl Asking {
    /// The name, if it is an operator.
    pub(super) fn operator(&self) -> Option<&str> {
        match self {
            Asking::Operator { name, .. } => Some(name),
            Asking::Program => None,
        }
    }

    /// The role, if it is an operator.
    pub(super) fn role(&self) -> Option<OperatorRole> {
        match self {
            Asking::Operator { role, .. } => Some(*role),
            Asking::Program => None,
        }
    }
}

/// What the operator's routes work with.
pub struct Operator {
    /// Accounts.
    pub accounts: Arc<Accounts>,
    /// Store, keys, runs, counters, time.
    pub services: Arc<UserServices>,
    /// Which worker has whose actor.
    pub directory: Directory,
    /// What operators did.
    pub audit: Arc<Audit>,
    /// What fires.
    pub alarms: Arc<StandingAlarms>,
    /// Who writes to operators, if anybody does.
    pub mailer: Option<Arc<Mailer>>,
    /// Exports that operators ask for.
    pub exports: Exports,
    /// Stored points.
    pub points: Arc<PointKeeper>,
    /// The clock by whose minutes is counted.
    pub minute_clock: Clock,
    /// Ids of host programs.
    pub host_ids: Arc<HostIds>,
    /// Hash of the token that lies in the data directory.
    pub token: SecretHash,
    /// What the server runs with.
    pub settings: Arc<ServerSettings>,
    /// The first thing that an operator does.
    pub setup: Setup,
}

/// The one-time setup token, and what it is exchanged for.
pub struct Setup {
    /// Hash of the setup token, until it was used.
    open: Mutex<Option<SecretHash>>,
    operator_token: String,
    directory: PathBuf,
}

impl Setup {
    /// From the secrets of a data directory.
    #[must_use]
    pub fn new(secrets: &Secrets, directory: PathBuf) -> Setup {
        let open = Mutex::new(secrets.setup_token.as_deref().map(secret_hash));
        Setup { open, operator_token: secrets.operator_token.clone(), directory }
    }

    /// Exchanges the setup token for the operator's token, once.
    fn exchange(&self, token: &str) -> Result<&str, Refusal> {
        let mut open = self.open.lock();
        if open.is_none_or(|expected| expected != secret_hash(token.trim())) {
            return Err(Refusal::InvalidOperatorToken);
        }
        // Gone from the disk first: a token that was used must not come back with the next start.
        Secrets::remove_setup_token(&self.directory).map_err(|fault| {
            tracing::error!(error = &fault as &dyn std::error::Error, "the setup token could not be removed");
            Refusal::Internal
        })?;
        *open = None;
        Ok(&self.operator_token)
    }
}

#[derive(Deserialize)]
struct SetupRequest {
    token: String,
}

pub(super) async fn setup(
    operator: web::Data<Operator>,
    http: HttpRequest,
    payload: web::Payload,
) -> HttpResponse {
    let body: SetupRequest = match read_json(&http, payload).await {
        Ok(body) => body,
        Err(response) => return response,
    };
    match operator.setup.exchange(&body.token) {
        Ok(token) => HttpResponse::Ok().json(serde_json::json!({ "operator_token": token })),
        Err(refusal) => refused(refusal),
    }
}

#[derive(Deserialize)]
struct Provision {
    users: usize,
    devices: usize,
    #[serde(default)]
    prefix: String,
    #[serde(default)]
    first: u64,
    /// Class of the devices: phone, desktop, tablet, web.
    #[serde(default)]
    class: Option<String>,
}

/// One device of a provisioned account.
#[derive(Serialize)]
struct Provisioned {
    user_id: String,
    name: String,
    device_id: String,
    token: String,
}

pub(super) async fn provision(
    operator: web::Data<Operator>,
    http: HttpRequest,
    payload: web::Payload,
) -> HttpResponse {
    let wanted: Provision = match operator.ask(&http, payload).await {
        Ok(wanted) => wanted,
        Err(response) => return response,
    };
    let users_fit = (1..=PROVISION_USERS_MAX).contains(&wanted.users);
    if !users_fit || !(1..=PROVISION_DEVICES_MAX).contains(&wanted.devices) {
        return refused(Refusal::InvalidField);
    }
    let Some(end) = wanted.first.checked_add(wanted.users as u64) else {
        return refused(Refusal::InvalidField);
    };
    let prefix = if wanted.prefix.is_empty() { "u" } else { &wanted.prefix };
    let names: Vec<String> = (wanted.first..end).map(|number| format!("{prefix}{number}")).collect();
    let Some(class) = devices::class_of_name(wanted.class.as_deref()) else {
        return refused(Refusal::InvalidField);
    };
    if let Err(refusal) = operator.accounts.refuse_too_many(wanted.devices, class) {
        return refused(refusal);
    }
    // All or nothing, as far as can be seen before: the tokens of those made are told in no other answer.
    if let Err(refusal) = operator.accounts.refuse_taken(&names).await {
        return refused(refusal);
    }
    let made = futures_util::future::join_all(names.iter().map(|name| {
        let accounts = Arc::clone(&operator.accounts);
        async move { accounts.provision(name.clone(), wanted.devices, class).await }
    }))
    .await;
    provisioned(&names, made)
}

/// The devices that were made, one in a line. What failed all the same is named at the end, behind the tokens of the
/// others; when all failed, that is the answer.
fn provisioned(names: &[String], made: Vec<Result<Vec<SignedIn>, Refusal>>) -> HttpResponse {
    let mut lines = String::new();
    let mut failed = None;
    for (name, made) in names.iter().zip(made) {
        match made {
            Err(refusal) => failed = Some((name, refusal)),
            Ok(devices) => {
                for device in devices {
                    let line = Provisioned {
                        user_id: device.user_id.to_string(),
                        name: name.clone(),
                        device_id: device.device_id.to_string(),
                        token: device.token,
                    };
                    lines.push_str(&serde_json::to_string(&line).unwrap_or_default());
                    lines.push('\n');
                }
            }
        }
    }
    match failed {
        Some((_, refusal)) if lines.is_empty() => return refused(refusal),
        Some((name, refusal)) => {
            let error =
                serde_json::json!({ "failed": name, "name": refusal.name(), "message": refusal.text() });
            lines.push_str(&format!("{error}\n"));
        }
        None => {}
    }
    as_lines(lines)
}

#[derive(Deserialize)]
struct InviteRequest {
    expires_hours: i64,
}

pub(super) async fn invite(
    operator: web::Data<Operator>,
    http: HttpRequest,
    payload: web::Payload,
) -> HttpResponse {
    let body: InviteRequest = match operator.ask(&http, payload).await {
        Ok(body) => body,
        Err(response) => return response,
    };
    if !(1..=INVITE_HOURS_MAX).contains(&body.expires_hours) {
        return refused(Refusal::InvalidField);
    }
    match operator.accounts.invite(body.expires_hours * HOUR_MS).await {
        Ok(code) => HttpResponse::Ok().json(serde_json::json!({ "code": code })),
        Err(refusal) => refused(refusal),
    }
}

pub(super) async fn accept_time(operator: web::Data<Operator>, http: HttpRequest) -> HttpResponse {
    if let Err(refusal) = operator.authorise(&http) {
        return refused(refusal);
    }
    match operator.accounts.decide(Request::AcceptTime).await {
        Ok(_) => HttpResponse::Ok().json(serde_json::json!({ "now_ms": operator.services.clock.now().0 })),
        Err(refusal) => refused(refusal),
    }
}

#[derive(Deserialize)]
struct PutDocument {
    user_id: String,
    kind: u8,
    key: String,
    /// A JSON value, which may be null; absent deletes the item.
    #[serde(default, deserialize_with = "given")]
    value: Option<Value>,
}

/// What is there is a value, null too.
fn given<'de, D: serde::Deserializer<'de>>(input: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(input).map(Some)
}

/// Longest key of a document, bytes, and longest document. Source: index keys hold 256 bytes, values 8 KiB.
pub(super) const DOCUMENT_KEY_BYTES_MAX: usize = 128;
const DOCUMENT_BYTES_MAX: usize = 4 * 1024;

pub(super) async fn put_document(
    operator: web::Data<Operator>,
    http: HttpRequest,
    payload: web::Payload,
) -> HttpResponse {
    let body: PutDocument = match operator.ask(&http, payload).await {
        Ok(body) => body,
        Err(response) => return response,
    };
    let (kind, value) = (Kind(body.kind), body.value.map(|value| value.to_string()));
    let fits = !body.key.is_empty()
        && body.key.len() <= DOCUMENT_KEY_BYTES_MAX
        && value.as_ref().is_none_or(|value| value.len() <= DOCUMENT_BYTES_MAX);
    if !fits {
        return refused(Refusal::InvalidField);
    }
    let Ok(user) = body.user_id.parse().map(UserId) else {
        return refused(Refusal::NoSuchUser);
    };
    if !operator.services.kinds.is_document_kind(kind) {
        return refused(Refusal::InvalidField);
    }
    match operator.accounts.decide(Request::PutDocument { user, kind, key: body.key, value }).await {
        Ok(_) => HttpResponse::NoContent().finish(),
        Err(refusal) => refused(refusal),
    }
}

impl Operator {
    /// The body of a request of an operator or a program: the guard has judged who asks before anything else.
    pub(super) async fn ask<T: DeserializeOwned>(
        &self,
        http: &HttpRequest,
        payload: web::Payload,
    ) -> Result<T, HttpResponse> {
        self.authorise(http).map_err(refused)?;
        read_json(http, payload).await
    }

    /// Whether the guard has let the request in: a route that is not in the table lets nobody in.
    pub(super) fn authorise(&self, http: &HttpRequest) -> Result<(), Refusal> {
        http.extensions().get::<Asking>().map(|_| ()).ok_or(Refusal::InvalidOperatorToken)
    }

    /// Which operator asks. Compares hashes, so that time tells nothing about the token.
    ///
    /// # Errors
    /// `InvalidOperatorToken`, or that the store cannot be read now.
    pub(super) async fn who(&self, http: &HttpRequest) -> Result<Asking, Refusal> {
        let token = bearer(http).map_err(|_| Refusal::InvalidOperatorToken)?;
        if secret_hash(token) == self.token {
            return Ok(Asking::Operator { name: ROOT_NAME.to_owned(), role: OperatorRole::Admin });
        }
        let operator = self.accounts.prove_operator(token).await?;
        Ok(Asking::Operator { name: operator.name, role: operator.role })
    }
}
