//! Settings read again while the server runs, as a start reads them: all of them are right, or nothing is taken.

use std::sync::Arc;

use actix::Addr;
use actix_web::web;
use tokio::sync::Mutex;

use super::{Reread, check_files, core::Core};
use crate::{
    actors::{
        accounts::Accounts,
        persistence::{Persistence, SetPolicy},
        policy_in_force::PolicyInForce,
    },
    config::{Config, InForce, Reloaded, sentence},
    http::settings::Reload,
};

/// What a reload works with.
struct Reloading {
    /// What is in force. Held throughout: one reload at a time.
    in_force: Mutex<(Config, Vec<InForce>)>,
    reread: Reread,
    persistence: Addr<Persistence>,
    policy: PolicyInForce,
    accounts: Arc<Accounts>,
}

/// What reads the settings again and takes of them what can be taken; the log is left to whoever asks.
pub(super) fn reload(in_force: (Config, Vec<InForce>), reread: Reread, core: &Core) -> Reload {
    let reloading = Arc::new(Reloading {
        in_force: Mutex::new(in_force),
        reread,
        persistence: core.persistence.clone(),
        policy: core.services.policy.clone(),
        accounts: Arc::clone(&core.accounts),
    });
    Arc::new(move || {
        let reloading = Arc::clone(&reloading);
        Box::pin(async move { reloading.reload().await })
    })
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
        let policy = reloaded.config.policy();
        // Should the actor be gone, the process is at its end.
        let _ = self.persistence.send(SetPolicy(policy)).await;
        self.policy.set(policy);
        self.accounts.set_registration(reloaded.config.registration.mode);
        *in_force = (reloaded.config.clone(), reloaded.in_force.clone());
        Ok(reloaded)
    }
}
