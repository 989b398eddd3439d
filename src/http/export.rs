//! Exports over HTTP: everything of one user as a tar, streamed; asked for by a device of the user, or by an operator.

use std::{io, sync::Arc, time::Duration};

use actix_web::{
    HttpRequest, HttpResponse,
    http::header,
    web::{self, Bytes},
};
use highwater_wire::Refusal;
use serde::Deserialize;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use super::{
    accounts::named,
    operator::{Operator, refused},
    requests::{Client, bearer},
    upgrade::Refused,
};
use crate::{
    actors::{
        export::{Export, Part},
        user::UserServices,
    },
    monitor::ids,
};

/// How long a part waits to be taken. Then the export is broken off, so that who does not read keeps nobody waiting.
const TAKE_MAX: Duration = Duration::from_secs(30);

/// Exports at the same time from one port: one, so that they take little from everybody else. Another is refused as busy.
#[derive(Clone)]
pub struct Exports(Arc<Semaphore>);

impl Default for Exports {
    fn default() -> Exports {
        Exports(Arc::new(Semaphore::new(1)))
    }
}

#[derive(Deserialize)]
struct Wanted {
    /// Name, or id in decimal.
    user: String,
}

/// `POST /v1/export` of the operator's port.
pub(super) async fn of_anybody(
    operator: web::Data<Operator>,
    http: HttpRequest,
    payload: web::Payload,
) -> HttpResponse {
    let wanted: Wanted = match operator.ask(&http, payload).await {
        Ok(wanted) => wanted,
        Err(response) => return response,
    };
    match named(&operator, wanted.user).await {
        Ok(account) => {
            let export = Export::new(account.user, None, &operator.services.kinds);
            begin(&operator.exports, &operator.services, export)
        }
        Err(refusal) => refused(refusal),
    }
}

/// `GET /v1/export` of the client port.
pub async fn of_oneself(client: web::Data<Client>, http: HttpRequest) -> HttpResponse {
    if !client.door.admits_origin(http.headers()) {
        return Refused::ForeignOrigin.response();
    }
    let token = match bearer(&http) {
        Ok(token) => token,
        Err(refusal) => return refused(refusal),
    };
    match client.accounts.authenticate(token).await {
        Ok(device) => {
            let export = Export::new(device.user, Some(device.device), &client.services.kinds);
            begin(&client.exports, &client.services, export)
        }
        Err(refusal) => refused(refusal),
    }
}

fn begin(exports: &Exports, services: &Arc<UserServices>, export: Export) -> HttpResponse {
    let Ok(permit) = Arc::clone(&exports.0).try_acquire_owned() else {
        return refused(Refusal::Busy);
    };
    services.monitor.add(ids::EXPORTS, 1);
    // One part waits while the one before it is on its way.
    let (parts, mut taken) = mpsc::channel(1);
    actix_web::rt::spawn(feed(Arc::clone(services), export, parts, permit));
    let stream = futures_util::stream::poll_fn(move |context| taken.poll_recv(context));
    HttpResponse::Ok()
        .content_type("application/x-tar")
        .insert_header((header::CONTENT_DISPOSITION, "attachment; filename=\"highwater-export.tar\""))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .streaming(stream)
}

/// Reads one part after the other. An archive that is broken off lacks its end, and the answer its last chunk.
async fn feed(
    services: Arc<UserServices>,
    mut export: Export,
    parts: mpsc::Sender<Result<Bytes, io::Error>>,
    permit: OwnedSemaphorePermit,
) {
    let mut permit = Some(permit);
    loop {
        let read = services.readers.ask(move |view| export.next(view).map(|part| (part, export))).await;
        let (part, next) = match read {
            Ok((Part::Bytes(bytes), next)) if bytes.is_empty() => {
                export = next;
                continue;
            }
            Ok((Part::Bytes(bytes), next)) => (Ok(Bytes::from(bytes)), Some(next)),
            Ok((Part::Last(bytes), _)) => (Ok(Bytes::from(bytes)), None),
            Ok((Part::Gone, _)) | Err(_) => (Err(io::Error::other("the export is broken off")), None),
        };
        if next.is_none() {
            // Before it is told: who has seen the end can begin anew.
            drop(permit.take());
        }
        let is_whole = part.is_ok();
        let is_taken = matches!(tokio::time::timeout(TAKE_MAX, parts.send(part)).await, Ok(Ok(())));
        match next {
            Some(next) if is_taken => export = next,
            None if is_taken && is_whole => return,
            _ => return services.monitor.add(ids::EXPORTS_BROKEN_OFF, 1),
        }
    }
}
