//! Explaining: how far each lineage of a user has come, what is kept and for whom, and what a snapshot says.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, web};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use highwater_wire::Refusal;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    explain_group::waiting_groups,
    operator::{Operator, refused},
};
use crate::{
    actors::user::UserServices,
    logic::hand_back_times::Minute,
    model::{
        DeviceId, Erasure, HeardSince, KindSet, Lineage, LineageId, Lineages, UserId, Version,
        limits::CONTEXT_MAX,
        record::{Account, Device, name_key},
    },
    store::view::{ReadFault, View},
    sync::{Chain, Kinds, Marks, snapshot::Opened},
};

/// Inbox entries that are counted; above it the answer says "at least".
pub(super) const ENTRIES_COUNTED_MAX: usize = 10_000;

#[derive(Deserialize)]
pub(super) struct ExplainUser {
    /// Name, or id in decimal.
    user: String,
}

/// `POST /v1/explain/user`.
pub(super) async fn user(
    operator: web::Data<Operator>,
    http: HttpRequest,
    payload: web::Payload,
) -> HttpResponse {
    let wanted: ExplainUser = match operator.ask(&http, payload).await {
        Ok(wanted) => wanted,
        Err(response) => return response,
    };
    let (wanted, services) = (wanted.user, Arc::clone(&operator.services));
    let found = operator.services.readers.ask(move |view| explain_user(view, &services, &wanted)).await;
    match found {
        Ok(Some(explained)) => HttpResponse::Ok().json(explained),
        Ok(None) => refused(Refusal::NoSuchUser),
        Err(refusal) => refused(refusal),
    }
}

/// The account of an id or of a name. An id is its owner's, whoever has its digits for a name: else one could hide
/// behind them, and what was meant for one would reach the other.
pub(super) fn account_of(view: &View, wanted: &str) -> Result<Option<Account>, ReadFault> {
    if let Ok(id) = wanted.parse()
        && let Some(account) = view.account(UserId(id))?
    {
        return Ok(Some(account));
    }
    match view.user_of_name(&name_key(wanted))? {
        Some(user) => view.account(user),
        None => Ok(None),
    }
}

fn explain_user(view: &View, services: &UserServices, wanted: &str) -> Result<Option<Value>, ReadFault> {
    let since = services.observed.heard_since();
    let Some(account) = account_of(view, wanted)? else {
        return Ok(erasure_of(view, wanted)?.map(|erasure| erased(&erasure)));
    };
    let head = view.messages_head(account.user)?;
    let lineages = view.lineages(account.user)?;
    let (oldest, count) = view.kept_entries(account.user, ENTRIES_COUNTED_MAX)?;
    let mut rows = Vec::new();
    for row in &lineages.rows {
        rows.push(lineage(&services.kinds, row, view.device(row.id.device)?.as_ref(), head, since));
    }
    Ok(Some(json!({
        "user_id": account.user.to_string(),
        "name": account.name,
        "suspended": account.suspended,
        "durable": view.bound().0,
        "observed_ms": services.observed.at().0,
        "expiry_is_suspended": services.observed.is_suspended(),
        "messages": {
            "head": head.0,
            "floor": lineages.floor.0,
            "oldest_kept": oldest.map(|version| version.0),
            "kept": count,
            "kept_is_at_least": count == ENTRIES_COUNTED_MAX,
            "held_by": held_by(&lineages, head, since),
        },
        "groups_owned": view.owned(account.user)?,
        "groups": waiting_groups(view, &services.groups, account.user)?,
        "tombstone_floors": marks(&services.kinds, &lineages.tombstones),
        "lineages": rows,
    })))
}

/// The erasure of an id, or of a name that is kept back.
pub(super) fn erasure_of(view: &View, wanted: &str) -> Result<Option<Erasure>, ReadFault> {
    if let Ok(id) = wanted.parse()
        && let Some(erasure) = view.erasure(UserId(id))?
    {
        return Ok(Some(erasure));
    }
    match view.user_of_name(&name_key(wanted))? {
        Some(user) => view.erasure(user),
        None => Ok(None),
    }
}

fn erased(erasure: &Erasure) -> Value {
    json!({
        "user_id": erasure.user.to_string(),
        "erased": {
            "at_ms": erasure.at.0,
            "version": erasure.begun.0,
            "told_through": erasure.told.to_string(),
            "done": erasure.is_done,
        },
    })
}

/// The lineage for which most is kept; null when every live one has everything.
fn held_by(lineages: &Lineages, head: Version, since: HeardSince) -> Option<Value> {
    let row = lineages.holding_back(head, since)?;
    Some(json!({
        "device_id": row.id.device.to_string(),
        "context": row.id.context,
        "acked": row.acked_messages().0,
    }))
}

fn lineage(kinds: &Kinds, row: &Lineage, device: Option<&Device>, head: Version, since: HeardSince) -> Value {
    let behind = row.holds_messages() && row.acked_messages() < head;
    json!({
        "device_id": row.id.device.to_string(),
        "device_name": device.map(|device| device.name.as_str()),
        "context": row.id.context,
        "heard_ms": row.heard.0,
        "handed_back_ms": row.handed.map(|handed| Minute::of(handed).begin().0),
        "from": row.from.0,
        "declares": names(kinds, row.kinds),
        "acked": marks(kinds, &row.acked),
        "behind": behind,
        "live": row.is_live(since),
    })
}

fn names(kinds: &Kinds, set: KindSet) -> Vec<String> {
    kinds.listed().into_iter().filter(|(kind, _)| set.contains(*kind)).map(|(_, name)| name).collect()
}

fn marks(kinds: &Kinds, by_kind: &[Version]) -> Value {
    let mark = |number: usize| by_kind.get(number - 1).map_or(0, |mark| mark.0);
    kinds.listed().into_iter().map(|(kind, name)| (name, json!(mark(usize::from(kind.0))))).collect()
}

#[derive(Deserialize)]
pub(super) struct ExplainSnapshot {
    user: String,
    device_id: String,
    #[serde(default)]
    context: u8,
    /// Base64, as the JSON encoding has it.
    snapshot: String,
}

/// `POST /v1/explain/snapshot`: what a snapshot says, if this server gave it to that lineage.
pub(super) async fn snapshot(
    operator: web::Data<Operator>,
    http: HttpRequest,
    payload: web::Payload,
) -> HttpResponse {
    let wanted: ExplainSnapshot = match operator.ask(&http, payload).await {
        Ok(wanted) => wanted,
        Err(response) => return response,
    };
    let Ok(bytes) = STANDARD.decode(wanted.snapshot) else {
        return refused(Refusal::InvalidField);
    };
    if wanted.context > CONTEXT_MAX {
        return refused(Refusal::InvalidField);
    }
    let Ok(device) = wanted.device_id.parse() else {
        return refused(Refusal::NoSuchDevice);
    };
    let found = operator.services.readers.ask(move |view| account_of(view, &wanted.user)).await;
    let account = match found {
        Ok(Some(account)) => account,
        Ok(None) => return refused(Refusal::NoSuchUser),
        Err(refusal) => return refused(refusal),
    };
    let lineage = LineageId { device: DeviceId(device), context: wanted.context };
    let chain = Chain { user: account.user, lineage };
    HttpResponse::Ok().json(explain_snapshot(&operator.services, chain, &bytes))
}

fn explain_snapshot(services: &UserServices, chain: Chain, bytes: &[u8]) -> Value {
    match services.key.open(chain, bytes, &services.lifeline) {
        Opened::Empty => json!({ "verdict": "empty", "means": "everything is told from the beginning" }),
        Opened::Foreign(_) => json!({
            "verdict": "foreign",
            "means": "damaged, or given by another server or to another lineage: everything is told anew",
        }),
        Opened::Future(_) => json!({
            "verdict": "future",
            "means": "it speaks of a history that this store does not have: everything is told anew",
        }),
        Opened::Lossy(..) => json!({
            "verdict": "lossy",
            "means": "the store has lost something since: what stays valid is told, and every item anew",
        }),
        Opened::Marks(given) => said(services, &given),
    }
}

fn said(services: &UserServices, given: &Marks) -> Value {
    json!({
        "verdict": "good",
        "means": "the next page continues from these marks",
        "level": given.level,
        "run": given.run.number.0,
        "run_is_current": given.run == services.lifeline.current(),
        "marks": marks(&services.kinds, given.all()),
        "told_anew": names(&services.kinds, given.enumerating()),
    })
}
