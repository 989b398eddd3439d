//! The alarms put together: rules as the configuration has them, who is told, what an earlier process counted.

use std::sync::Arc;

use super::{StartFault, identity::IdentityFault, identity::secret};
use crate::{
    actors::{
        alarm_mail::alarm_mail,
        alarm_webhook::webhook,
        alarms::StandingAlarms,
        courier::{Carrier, Channel, Courier, MAIL, TRIED_AGAIN_AFTER, WEBHOOK},
        host_callback::ask,
        mailer::Mailer,
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
    mailer: Option<Arc<Mailer>>,
    clock: &Clock,
    points: &PointKeeper,
) -> Result<StandingAlarms, StartFault> {
    let monitor = points.monitor();
    let key = key(alarms).map_err(|fault| StartFault::Alarms(fault.into()))?;
    let told: [Option<(Channel, Carrier)>; 2] = [
        key.map(|key| (WEBHOOK, webhook(ask(alarms.webhook_url.clone()), key, clock.clone()))),
        mailer.map(|mailer| (MAIL, alarm_mail(mailer))),
    ];
    let start = |(channel, carrier)| Courier::start(channel, carrier, &TRIED_AGAIN_AFTER, monitor.clone());
    let couriers = told.into_iter().flatten().map(start).collect::<Result<_, _>>()?;
    let rules = rules(alarms).map_err(|fault| StartFault::Alarms(fault.into()))?;
    let standing = StandingAlarms::new(rules, couriers, clock.clone(), monitor.clone());
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
