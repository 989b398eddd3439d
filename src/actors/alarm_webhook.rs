//! Alarms told to a webhook: one signed request for what is told of a minute.

use super::{courier::Carrier, host_callback::Ask};
use crate::{
    logic::host_callback::{QuestionKey, signed},
    model::Clock,
};

/// Tells a webhook, which is asked by `ask`.
#[must_use]
pub fn webhook(ask: Ask, key: QuestionKey, clock: Clock) -> Carrier {
    Box::new(move |tellings| {
        let body = serde_json::json!({ "alarms": tellings }).to_string();
        let (ask, key, clock) = (ask.clone(), key.clone(), clock.clone());
        Box::new(move || is_taken(&ask, &body, &key, &clock))
    })
}

/// Whether the webhook has taken it: any status of success. The time in the signature is that of the try.
fn is_taken(ask: &Ask, body: &str, key: &QuestionKey, clock: &Clock) -> bool {
    match ask(&signed(body.to_owned(), key, clock.now())) {
        Ok((status, _)) if (200..300).contains(&status) => true,
        Ok((status, _)) => {
            tracing::warn!(status, "the webhook for alarms did not take them");
            false
        }
        Err(fault) => {
            tracing::warn!(
                error = &fault as &dyn std::error::Error,
                "the webhook for alarms was not reached"
            );
            false
        }
    }
}
