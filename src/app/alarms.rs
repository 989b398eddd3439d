//! The alarms put together: rules as the configuration has them, the webhook, the disk that is watched, the tick.

use std::{path::PathBuf, time::Duration};

use super::{StartFault, identity::IdentityFault, identity::secret, store::disk_bytes, system};
use crate::{
    actors::{
        alarm_webhook::{AlarmWebhook, TRIED_AGAIN_AFTER},
        alarms::StandingAlarms,
        host_callback::ask,
    },
    config::Alarms,
    logic::host_callback::QuestionKey,
    model::Clock,
    monitor::{
        Monitor,
        alarms::{Hours, Override, Rule, RuleFault, SHIPPED, overridden},
        ids,
    },
};

/// How often the minute points look at the clock.
const TICK: Duration = Duration::from_secs(1);

/// A minute that is shorter is still looked at so many times.
const TICKS_PER_MINUTE_LEAST: u32 = 5;

/// Why alarms cannot be told or judged.
#[derive(Debug, thiserror::Error)]
pub enum AlarmsFault {
    /// The rules.
    #[error(transparent)]
    Rules(#[from] RuleFault),
    /// The secret of the webhook.
    #[error("the secret of the webhook cannot be used")]
    Secret(#[from] IdentityFault),
}

/// What is wrong with the rules or the file of the secret, if anything.
pub(super) fn check_files(alarms: &Alarms) -> Result<(), AlarmsFault> {
    rules(alarms)?;
    key(alarms)?;
    Ok(())
}

/// The alarms of a server. `minute_ms` are the minutes of its points, if not 60,000.
pub(super) fn alarms(
    alarms: &Alarms,
    minute_ms: Option<u32>,
    clock: &Clock,
    monitor: &Monitor,
) -> Result<StandingAlarms, StartFault> {
    let webhook = match key(alarms).map_err(|fault| StartFault::Alarms(fault.into()))? {
        None => None,
        Some(key) => {
            let ask = ask(alarms.webhook_url.clone());
            let (clock, monitor) = (clock.clone(), monitor.clone());
            Some(AlarmWebhook::start(ask, key, &TRIED_AGAIN_AFTER, clock, monitor)?)
        }
    };
    let rules = rules(alarms).map_err(|fault| StartFault::Alarms(fault.into()))?;
    let clock = match minute_ms {
        None => clock.clone(),
        Some(minute_ms) => system::hurried(clock, minute_ms),
    };
    Ok(StandingAlarms::new(rules, webhook, clock, monitor.clone()))
}

/// Ends minutes and has them judged, for as long as the server runs.
pub(super) async fn tick(
    alarms: std::sync::Arc<StandingAlarms>,
    monitor: Monitor,
    directory: PathBuf,
    minute_ms: Option<u32>,
) {
    let minute = minute_ms.map(|ms| Duration::from_millis(u64::from(ms)) / TICKS_PER_MINUTE_LEAST);
    let mut interval = actix_web::rt::time::interval(minute.map_or(TICK, |part| part.min(TICK)));
    loop {
        interval.tick().await;
        // A disk that hangs must not hold up who waits for signals.
        let directory = directory.clone();
        let disk = tokio::task::spawn_blocking(move || disk_bytes(&directory)).await;
        if let Ok(Some((free, size))) = disk {
            monitor.set(ids::DISK_FREE, free);
            monitor.set(ids::DISK_SIZE, size);
        }
        alarms.tick();
    }
}

fn key(alarms: &Alarms) -> Result<Option<QuestionKey>, IdentityFault> {
    if alarms.webhook_url.is_empty() {
        return Ok(None);
    }
    secret(&alarms.webhook_secret_file, QuestionKey::of_secret).map(Some)
}

fn rules(alarms: &Alarms) -> Result<Vec<Rule>, RuleFault> {
    let overrides = alarms.rules.iter().map(|(name, rule)| {
        let hours = rule.hours.map(|(from, until)| Hours { from, until });
        (name.as_str(), Override { bound: rule.bound, hours, off: rule.off })
    });
    overridden(SHIPPED, overrides)
}
