//! Alarms told by mail: one mail for what is told of a minute, to each who is written to, tried again for those whose mail
//! was not taken.

use std::sync::Arc;

use super::{courier::Carrier, mailer::Mailer};
use crate::monitor::alarms::letter;

/// Writes to all of a mailer.
#[must_use]
pub fn alarm_mail(mailer: Arc<Mailer>) -> Carrier {
    Box::new(move |tellings| {
        let mail = mailer.written(&letter(tellings));
        let (mailer, mut left) = (Arc::clone(&mailer), mailer.recipients().to_vec());
        Box::new(move || {
            mailer.hand_over(&mail, &mut left, |outcome| {
                if let Err(fault) = &outcome.answer {
                    tracing::warn!(
                        error = fault as &dyn std::error::Error,
                        "the mail server did not take alarms"
                    );
                }
            });
            left.is_empty()
        })
    })
}
