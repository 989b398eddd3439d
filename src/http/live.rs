//! Live actors on the operator's port: how many there are of each sort, what waits for them, and which groups lag most. All
//! is read beside the actors: no mailbox is waited for, so an actor that hangs holds up no answer.

use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::{Value, json};

use super::operator::{Operator, refused};
use crate::{
    actors::{group::LiveGroup, ports::WorkerId},
    model::limits::INTAKE_OPERATIONS_MAX,
    monitor::{Monitor, ids},
};

/// Groups that are told, those that lag most first; how many more lag is said. Source: what fits a page.
const GROUPS_MAX: usize = 50;

/// `GET /v1/live`.
pub(super) async fn answer(operator: web::Data<Operator>, http: HttpRequest) -> HttpResponse {
    if let Err(refusal) = operator.authorise(&http) {
        return refused(refusal);
    }
    HttpResponse::Ok().json(live(&operator))
}

fn live(operator: &Operator) -> Value {
    let services = &operator.services;
    let monitor = &services.monitor;
    let groups = services.groups.live(GROUPS_MAX);
    let workers = services.ports.workers();
    let by_worker = operator.directory.by_worker(workers);
    let told: Vec<Value> = by_worker
        .iter()
        .enumerate()
        .map(|(worker, users)| {
            let waiting = services.ports.board_depth(WorkerId(worker));
            json!({ "worker": worker, "users": users, "board": waiting })
        })
        .collect();
    json!({
        "at_ms": services.clock.now().0,
        "actors": {
            "connections": monitor.value(ids::CONNECTIONS_OPEN),
            "connections_lagging": monitor.value(ids::CONNECTIONS_LAGGING),
            "users": by_worker.iter().sum::<usize>(),
            "groups": groups.active,
            "hubs": workers,
        },
        "queues": queues(operator, monitor),
        "workers": told,
        "groups_lagging": groups.lagging.iter().map(of_group).collect::<Vec<_>>(),
        "groups_left_out": groups.left_out,
    })
}

/// What waits, by whom it is waited for; the bound where there is one of the server's own.
fn queues(operator: &Operator, monitor: &Monitor) -> Value {
    let services = &operator.services;
    let gauge = |id| json!(monitor.value(id));
    let queue = |name: &str, waiting: Value, max: Option<usize>| json!({ "name": name, "waiting": waiting, "max": max });
    json!([
        queue("persistence", json!(services.intake.depth()), Some(INTAKE_OPERATIONS_MAX)),
        queue("readers", gauge(ids::READER_QUEUE_DEPTH), None),
        queue("password_hashes", gauge(ids::PASSWORD_HASHES_WAITING), None),
        queue("unanswered_requests", json!(services.unanswered.count()), None),
        queue("long_polls", json!(services.waiters.count()), None),
        queue("index_records_behind", gauge(ids::INDEX_LAG_RECORDS), None),
    ])
}

fn of_group(live: &LiveGroup) -> Value {
    let LiveGroup { group, waiting, records } = live;
    json!({
        "conversation_id": group.to_string(),
        "entries_waiting": waiting.entries,
        "waiting_since_ms": waiting.since.0,
        "faults": waiting.faults,
        "parked": waiting.is_parked,
        "records_untold": records,
    })
}
