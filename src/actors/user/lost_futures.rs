//! Who came back from a history that this store does not have: an operator hears of each lineage once per start.

use std::collections::HashSet;

use highwater_wire::proto::rebuild::Cause;
use parking_lot::Mutex;

use crate::{
    monitor::{Monitor, ids},
    sync::Chain,
};

/// Lineages that are remembered as told. Above it those that come are counted as rebuilds, and no longer told.
/// Source: choice; 40 bytes each, and who reads the log knows by then.
const LINEAGES_MAX: usize = 65_536;

/// See the module. Shared by all connections.
#[derive(Debug, Default)]
pub struct LostFutures {
    told: Mutex<HashSet<Chain>>,
}

impl LostFutures {
    /// Counts why a chain starts anew; the first of a lineage that comes from a lost future is told to the operator.
    pub fn note(&self, monitor: &Monitor, cause: Option<Cause>, chain: Chain) {
        match cause {
            Some(Cause::Foreign) => {
                monitor.add(ids::SNAPSHOTS_FORGED, 1);
                monitor.add(ids::REBUILDS_FORGED, 1);
            }
            Some(Cause::Future) => {
                monitor.add(ids::SNAPSHOTS_FUTURE, 1);
                monitor.add(ids::REBUILDS_FUTURE, 1);
                self.tell(monitor, chain);
            }
            Some(Cause::Lossy) => monitor.add(ids::REBUILDS_LOSSY, 1),
            _ => {}
        }
    }

    fn tell(&self, monitor: &Monitor, chain: Chain) {
        let mut told = self.told.lock();
        if told.len() >= LINEAGES_MAX || !told.insert(chain) {
            return;
        }
        drop(told);
        monitor.add(ids::LINEAGES_LOST_FUTURE, 1);
        let (user, device, context) = (chain.user.0, chain.lineage.device.0, chain.lineage.context);
        tracing::warn!(
            user,
            device,
            context,
            "a device comes from a history that this store does not have: was an older copy of it put back?"
        );
    }
}
