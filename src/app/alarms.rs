//! The alarms put together: rules as the configuration has them, the webhook, what an earlier process counted.

use super::{StartFault, identity::IdentityFault, identity::secret};
use crate::{
    actors::{
        alarm_webhook::{AlarmWebhook, TRIED_AGAIN_AFTER},
        alarms::StandingAlarms,
        host_callback::ask,
        point_keeper::PointKeeper,
    },
    config::Alarms,
    logic::host_callback::QuestionKey,
    model::Clock,
    monitor::alarms::{Hours, Override, Rule, RuleFault, SHIPPED, overridden},
};

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

/// The alarms of a server, as the process before it left them. `clock` is that of the minute points.
pub(super) fn alarms(
    alarms: &Alarms,
    clock: &Clock,
    points: &PointKeeper,
) -> Result<StandingAlarms, StartFault> {
    let monitor = points.monitor();
    let webhook = match key(alarms).map_err(|fault| StartFault::Alarms(fault.into()))? {
        None => None,
        Some(key) => {
            let ask = ask(alarms.webhook_url.clone());
            Some(AlarmWebhook::start(ask, key, &TRIED_AGAIN_AFTER, clock.clone(), monitor.clone())?)
        }
    };
    let rules = rules(alarms).map_err(|fault| StartFault::Alarms(fault.into()))?;
    let standing = StandingAlarms::new(rules, webhook, clock.clone(), monitor.clone());
    standing.take_up(points);
    Ok(standing)
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
