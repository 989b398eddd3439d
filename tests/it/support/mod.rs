//! What the tests share: a server to start, and clients of four kinds.
//!
//! [`Home`] is a data directory with a configuration, [`Server`] the process on it. [`Wire`] is a WebSocket of single
//! frames, [`http`] a single request, [`Replica`] what a client has put together from pages, [`sdk`] the real client.

pub mod aged;
pub mod alarm_sink;
pub mod asked_app;
#[cfg(feature = "otlp")]
pub mod collector;
pub mod host_app;
pub mod http;
pub mod mail_sink;
pub mod replica;
pub mod requests;
pub mod sdk;
pub mod server;
pub mod sign_ins;
pub mod signing;
pub mod slow_disk;
pub mod temp_dir;
pub mod wire;

use std::time::Duration;

pub use aged::OldStore;
pub use alarm_sink::AlarmSink;
pub use asked_app::AskedApp;
pub use host_app::{HostApp, Page};
pub use mail_sink::MailSink;
pub use replica::{Replica, dump};
pub use server::{Home, Person, Server};
pub use wire::Wire;

/// How long anything that must happen may take. Source: an unoptimised server on two busy cores needs a tenth of it.
pub const DEADLINE: Duration = Duration::from_secs(20);

/// Waits for a future that must come to its end.
pub async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(DEADLINE, future).await {
        Ok(value) => value,
        Err(_) => panic!("{what}: not within {DEADLINE:?}"),
    }
}

/// Asks again and again until the answer is there: for what can only be looked at, not waited for.
pub async fn eventually<T, F: Future<Output = Option<T>>>(what: &str, mut look: impl FnMut() -> F) -> T {
    within(what, async {
        loop {
            if let Some(seen) = look().await {
                return seen;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await
}
