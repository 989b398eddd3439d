//! Tries the token of a device that has ended, with an empty store: whatever it is given should have been given to nobody.

use std::{sync::Arc, time::Duration};

use highwater_sdk::{Client, Event, Observer, Store};
use tokio::time::timeout;

use super::{ClientArguments, device, recorder};
use crate::{
    accounts::Account,
    history::{History, mono_ns},
};

/// How long the server may take to say no. Nothing depends on the answer but that it is no page.
const PROBE_TIMEOUT: Duration = Duration::from_secs(3);

/// Hears what an ended device hears.
struct Prober {
    account: Account,
    history: Arc<History>,
    begun_ns: u64,
}

impl Observer for Prober {
    fn event(&mut self, event: &Event) {
        let Event::Applied { cause, page, .. } = event else { return };
        let mut fields = recorder::applied(*cause, page);
        fields["asked"] = self.begun_ns.into();
        let Account { user_id, .. } = &self.account;
        recorder::write(&self.history, &self.account.lineage(), user_id, "ok", "apply", fields);
    }
}

/// Knocks once. Returns whether the server said no.
pub(super) async fn probe(arguments: &ClientArguments, account: &Account, history: &Arc<History>) -> bool {
    let prober = Prober { account: account.clone(), history: Arc::clone(history), begun_ns: mono_ns() };
    let client = Store::in_memory()
        .map(|store| Client::start_observed(device::options(arguments, account), store, prober));
    let Ok(Ok(client)) = client else {
        return false;
    };
    let mut status = client.watch_status();
    let stopped = async { status.wait_for(|status| status.stopped.is_some()).await.is_ok() };
    let refused = timeout(PROBE_TIMEOUT, stopped).await == Ok(true);
    client.close().await;
    refused
}
