//! The audit log of the data directory, and its head in the server's log.

use std::{sync::Arc, time::Duration};

use actix_web::web;

use super::{ServeOptions, store::files_of};
use crate::{actors::audit::Audit, config::Config, model::Clock, monitor::Monitor, store::files::FileFault};

/// How often the head is said in the server's log: kept elsewhere, it proves that nothing was cut off behind it.
const HEAD_EVERY: Duration = Duration::from_secs(24 * 60 * 60);

/// Opens the log. After the lock of the store: it has one writer.
pub(super) fn open(
    config: &Config,
    options: &ServeOptions,
    clock: &Clock,
    monitor: &Monitor,
) -> Result<Arc<Audit>, FileFault> {
    let files = files_of(options, &config.server.data, "audit")?;
    Ok(Arc::new(Audit::open(files, clock.clone(), monitor.clone())))
}

/// Says the head now and once a day, for as long as the server runs.
pub(super) async fn say_heads(audit: Arc<Audit>) {
    let mut interval = actix_web::rt::time::interval(HEAD_EVERY);
    loop {
        interval.tick().await;
        let audit = Arc::clone(&audit);
        // Should the thread be gone, the next day says it.
        if let Ok(Some(head)) = web::block(move || audit.head()).await {
            tracing::info!(records = head.records, hash = head.hash, "the head of the audit log");
        }
    }
}
