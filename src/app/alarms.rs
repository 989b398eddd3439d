//! The alarms put together: rules as the configuration has them, who is told, what an earlier process counted.

use std::{sync::Arc, time::Duration};

use super::{StartFault, core::Core, identity::IdentityFault, identity::secret};
use crate::{
    actors::{
        alarm_group::{alarm_group, bot_in_group},
        alarm_mail::alarm_mail,
        alarm_webhook::webhook,
        alarms::StandingAlarms,
        courier::{Carrier, Channel, Courier, GROUP, MAIL, TRIED_AGAIN_AFTER, WEBHOOK},
        host_callback::ask,
        mailer::Mailer,
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

/// The alarms of a server, as the process before it left them. `clock` is that of the minute points; `minute_ms` are their
/// minutes, if not 60,000.
pub(super) fn alarms(
    alarms: &Alarms,
    mailer: Option<Arc<Mailer>>,
    clock: &Clock,
    minute_ms: Option<u32>,
    core: &Core,
) -> Result<StandingAlarms, StartFault> {
    let monitor = core.points.monitor();
    let key = key(alarms).map_err(|fault| StartFault::Alarms(fault.into()))?;
    let told: [Option<(Channel, Carrier)>; 3] = [
        key.map(|key| (WEBHOOK, webhook(ask(alarms.webhook_url.clone()), key, clock.clone()))),
        mailer.map(|mailer| (MAIL, alarm_mail(mailer))),
        group(alarms, core).map(|carrier| (GROUP, carrier)),
    ];
    let again_after = tried_again_after(minute_ms);
    let start = |(channel, carrier)| Courier::start(channel, carrier, &again_after, monitor.clone());
    let couriers = told.into_iter().flatten().map(start).collect::<Result<_, _>>()?;
    let rules = rules(alarms).map_err(|fault| StartFault::Alarms(fault.into()))?;
    let standing = StandingAlarms::new(rules, couriers, clock.clone(), monitor.clone());
    standing.take_up(&core.points);
    Ok(standing)
}

/// Short minutes are for tests, which do not wait for long.
fn tried_again_after(minute_ms: Option<u32>) -> [Duration; TRIED_AGAIN_AFTER.len()] {
    TRIED_AGAIN_AFTER.map(|after| minute_ms.map_or(after, |ms| after * ms / 60_000))
}

/// A group that is told, and the task that speaks in it, for as long as the server runs.
fn group(alarms: &Alarms, core: &Core) -> Option<Carrier> {
    let (say, speaking) = bot_in_group(Arc::clone(&core.accounts), alarms.bot.clone(), alarms.group?);
    actix_web::rt::spawn(speaking);
    let services = Arc::clone(&core.services);
    Some(alarm_group(say, move || services.today()))
}

fn key(alarms: &Alarms) -> Result<Option<QuestionKey>, IdentityFault> {
    if alarms.webhook_url.is_empty() {
        return Ok(None);
    }
    secret(&alarms.webhook_secret_file, QuestionKey::of_secret).map(Some)
}

/// The rules as the settings have them.
pub(super) fn rules(alarms: &Alarms) -> Result<Vec<Rule>, RuleFault> {
    let overrides = alarms.rules.iter().map(|(name, rule)| {
        let hours = rule.hours.map(|(from, until)| Hours { from, until });
        (name.as_str(), Override { bound: rule.bound, hours, off: rule.off })
    });
    overridden(SHIPPED, overrides)
}
