//! Metrics pushed to an OpenTelemetry collector: all current values, once in an interval, and once more at the end.
//!
//! What is not taken is not sent again: sums count since the process began, so the next push says it as well. Nothing else
//! ever waits for the collector.

use std::{sync::Arc, time::Duration};

use actix_web::web;
use tokio::time::{MissedTickBehavior, interval};

use super::user::UserServices;
use crate::{
    model::TimeMs,
    monitor::{Monitor, ids, otlp::Export},
};

/// How long a collector may take to answer. Source: a stop waits for the last push, of the 10 s that it may take.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(3);

/// Hands over the bytes of a push, and answers with the status; blocks.
pub type Push = Arc<dyn Fn(&[u8]) -> Result<u16, PushFault> + Send + Sync>;

/// There was no answer.
#[derive(Debug, thiserror::Error)]
#[error("no answer came")]
pub struct PushFault(#[source] Box<ureq::Error>);

/// See the module.
pub struct OtlpPusher {
    services: Arc<UserServices>,
    push: Push,
    instance: String,
    since: TimeMs,
}

impl OtlpPusher {
    /// Pushes what these services count, as the server of this name.
    #[must_use]
    pub fn new(services: Arc<UserServices>, push: Push, instance: String) -> OtlpPusher {
        let since = services.clock.now();
        OtlpPusher { services, push, instance, since }
    }

    /// Pushes until it is dropped. A push that takes longer than the interval delays the next one.
    pub async fn run(self: Arc<Self>, every: Duration) {
        let mut interval = interval(every);
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut is_failing = false;
        loop {
            interval.tick().await;
            let outcome = self.push().await;
            if outcome.is_ok() && is_failing {
                tracing::info!("the collector takes metrics again");
            }
            if let Err(why) = &outcome
                && !is_failing
            {
                tracing::warn!(why, "metrics could not be pushed; it is tried again and again");
            }
            is_failing = outcome.is_err();
        }
    }

    /// Pushes what is counted now.
    ///
    /// # Errors
    /// Why it was not taken.
    pub async fn push(&self) -> Result<(), String> {
        self.services.look();
        let monitor: &Monitor = &self.services.monitor;
        let at = self.services.clock.now();
        let bytes = monitor.otlp(Export { instance: &self.instance, since: self.since, at });
        let push = Arc::clone(&self.push);
        let outcome = match web::block(move || push(&bytes)).await {
            Ok(Ok(status @ 200..300)) => Ok(status),
            Ok(Ok(status)) => Err(format!("the collector answered {status}")),
            Ok(Err(fault)) => Err(format!("{fault}: {}", fault.0)),
            Err(_) => Err("the server is stopping".to_owned()),
        };
        let id = if outcome.is_ok() { ids::OTLP_DELIVERED } else { ids::OTLP_FAILED };
        monitor.add(id, 1);
        outcome.map(drop)
    }
}

/// Pushes to a collector by HTTP, with these headers beside the usual ones.
#[must_use]
pub fn push_to(endpoint: &str, headers: Vec<(String, String)>) -> Push {
    let url = format!("{endpoint}/v1/metrics");
    // No redirect: the headers go to the address above and nowhere else.
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .timeout_global(Some(ANSWER_TIMEOUT))
        .max_redirects(0)
        .http_status_as_error(false)
        .proxy(None)
        .user_agent("highwater")
        .build()
        .into();
    Arc::new(move |bytes| {
        let mut request = agent.post(&url).header("content-type", "application/x-protobuf");
        for (name, value) in &headers {
            request = request.header(name, value);
        }
        let answer = request.send(bytes).map_err(|error| PushFault(Box::new(error)))?;
        Ok(answer.status().as_u16())
    })
}
