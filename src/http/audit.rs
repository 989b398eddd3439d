//! The audit log on the operator's port.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, web};
use highwater_wire::Refusal;
use serde::Deserialize;

use super::operator::{Operator, read_query, refused, refused_since};
use crate::{actors::audit::PAGE_RECORDS_MAX, store::audit_chain::AuditHead};

/// Records in a page that asks for no number.
const PAGE_RECORDS: usize = 100;

/// What is asked for.
#[derive(Deserialize)]
struct Query {
    /// The number behind which the page begins; without it the last records are told.
    after: Option<u64>,
    /// How many records at most.
    limit: Option<usize>,
}

/// `GET /v1/audit`: the head, and a page of records as they are stored, each with its hash.
pub(super) async fn page(operator: web::Data<Operator>, http: HttpRequest) -> HttpResponse {
    if let Err(refusal) = operator.authorise(&http) {
        return refused(refusal);
    }
    let query: Query = match read_query(&http) {
        Ok(query) => query,
        Err(why) => return refused_since(Refusal::InvalidField, why),
    };
    let records_max = query.limit.unwrap_or(PAGE_RECORDS);
    if !(1..=PAGE_RECORDS_MAX).contains(&records_max) {
        return refused(Refusal::InvalidField);
    }
    let (audit, after) = (Arc::clone(&operator.audit), query.after);
    match web::block(move || audit.page(after, records_max)).await {
        Ok(Ok((head, records))) => {
            HttpResponse::Ok().content_type("application/json").body(shown(&head, &records))
        }
        Ok(Err(fault)) => {
            let error = &fault as &dyn std::error::Error;
            tracing::warn!(error, "the audit log could not be read");
            refused(Refusal::AuditUnavailable)
        }
        Err(_) => refused(Refusal::Internal),
    }
}

/// The records stand as they are on disk, so that whoever reads can judge their hashes.
fn shown(head: &AuditHead, records: &[(String, String)]) -> String {
    let records: Vec<String> =
        records.iter().map(|(json, hash)| format!(r#"{{"hash":"{hash}","record":{json}}}"#)).collect();
    format!(
        r#"{{"head":{{"records":{},"hash":"{}"}},"records":[{}]}}"#,
        head.records,
        head.hash,
        records.join(",")
    )
}
