//! Settings read again while the server runs, as a start reads them: all of them are right, or nothing is taken.

use std::sync::Arc;

use actix::Addr;
use actix_web::web;
use tokio::sync::Mutex;

use super::{Reread, alarms::rules, check_files, core::Core};
use crate::{
    actors::{
        accounts::Accounts,
        alarms::StandingAlarms,
        persistence::{Persistence, SetPolicy},
        policy_in_force::PolicyInForce,
    },
    config::{Config, InForce, Reloaded, sentence},
    http::settings::{Reload, ServerSettings, SetFilter},
};

/// What a reload works with.
struct Reloading {
    /// What is in force. Held throughout: one reload at a time.
    in_force: Mutex<(Config, Vec<InForce>)>,
    reread: Reread,
    persistence: Addr<Persistence>,
    policy: PolicyInForce,
    accounts: Arc<Accounts>,
    alarms: Arc<StandingAlarms>,
}

/// What was read at the start, and how it is read again.
pub(super) struct SettingsParts {
    /// Every setting with its source.
    pub(super) in_force: Vec<InForce>,
    /// Puts another filter in the place of the one that the log has.
    pub(super) set_filter: SetFilter,
    /// Reads them once more.
    pub(super) reread: Reread,
}

impl SettingsParts {
    /// The settings of a server, which tell those whom it concerns what was read again.
    pub(super) fn settings(
        self,
        config: &Config,
        core: &Core,
        alarms: &Arc<StandingAlarms>,
    ) -> Arc<ServerSettings> {
        let SettingsParts { in_force, set_filter, reread } = self;
        let reloading = Arc::new(Reloading {
            in_force: Mutex::new((config.clone(), in_force.clone())),
            reread,
            persistence: core.persistence.clone(),
            policy: core.services.policy.clone(),
            accounts: Arc::clone(&core.accounts),
            alarms: Arc::clone(alarms),
        });
        let reload: Reload = Arc::new(move || {
            let reloading = Arc::clone(&reloading);
            Box::pin(async move { reloading.reload().await })
        });
        Arc::new(ServerSettings::new(in_force, config.log.clone(), set_filter, reload))
    }
}

impl Reloading {
    async fn reload(&self) -> Result<Reloaded, String> {
        let mut in_force = self.in_force.lock().await;
        let reread = Arc::clone(&self.reread);
        let read = web::block(move || {
            let read = reread().map_err(|error| sentence(&error))?;
            check_files(&read.0).map_err(|error| sentence(&error))?;
            Ok::<_, String>(read)
        });
        let read = read.await.map_err(|_| "the server is stopping".to_owned())??;
        let reloaded = in_force.0.reloaded(&in_force.1, read).map_err(|error| sentence(&error))?;
        let rules = rules(&reloaded.config.alarms).map_err(|fault| sentence(&fault))?;
        if reloaded.taken.contains(&"alarms.rules") {
            self.alarms.set_rules(rules);
        }
        let policy = reloaded.config.policy();
        // Should the actor be gone, the process is at its end.
        let _ = self.persistence.send(SetPolicy(policy)).await;
        self.policy.set(policy);
        self.accounts.set_registration(reloaded.config.registration.mode);
        *in_force = (reloaded.config.clone(), reloaded.in_force.clone());
        Ok(reloaded)
    }
}
