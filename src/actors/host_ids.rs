//! The ids that host programs registered: kept on disk, counted by the monitor.
//!
//! Not an actor: registering is rare and blocks for a sync, so it is done on a thread for that, one at a time.
//! A restart loses nothing that was answered.

use std::sync::Arc;

use parking_lot::Mutex;

use crate::{
    logic::host_ids::{self, Unregistered},
    model::{HostId, HostReport},
    monitor::{Monitor, host_values::Unreported, ids},
    store::{
        files::{FileFault, Files},
        host_ids as stored,
    },
};

/// See the module.
pub struct HostIds {
    files: Arc<dyn Files>,
    monitor: Monitor,
    /// Those that are on disk, ascending.
    registered: Mutex<Vec<HostId>>,
}

/// Why nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum HostIdsFault {
    /// It may not be.
    #[error(transparent)]
    Refused(#[from] Unregistered),
    /// It could not be stored.
    #[error("the ids of host programs cannot be stored")]
    File(#[from] FileFault),
}

impl HostIds {
    /// Those of an earlier process; before the points are read. If they cannot be read this is said in the log, and there
    /// are none: a program that registers its ids when it starts has them again.
    #[must_use]
    pub fn open(files: Arc<dyn Files>, monitor: Monitor) -> HostIds {
        let registered = stored::read(&*files).unwrap_or_else(|fault| {
            let error = &fault as &dyn std::error::Error;
            tracing::warn!(
                error,
                "the ids of host programs cannot be read; they have to be registered again"
            );
            Vec::new()
        });
        let ids = HostIds { files, monitor, registered: Mutex::new(Vec::new()) };
        ids.take_up(&mut ids.registered.lock(), registered);
        ids
    }

    /// Registers ids, all or none; durable when it returns. Blocks.
    ///
    /// # Errors
    /// [`HostIdsFault`]; nothing was changed.
    pub fn register(&self, new: Vec<HostId>) -> Result<(), HostIdsFault> {
        let mut registered = self.registered.lock();
        let all = host_ids::register(&registered, new)?;
        self.store(&mut registered, all)
    }

    /// Removes ids; one that is not there is none. What was stored of them is told no more. Blocks.
    ///
    /// # Errors
    /// [`HostIdsFault`]; nothing was changed.
    pub fn remove(&self, ids: &[u32]) -> Result<(), HostIdsFault> {
        let mut registered = self.registered.lock();
        let all = host_ids::remove(&registered, ids);
        self.store(&mut registered, all)
    }

    /// Takes what a host program reports, all or nothing.
    ///
    /// # Errors
    /// [`Unreported`].
    pub fn report(&self, reports: &[(u32, HostReport)]) -> Result<(), Unreported> {
        let taken = self.monitor.report(reports);
        match taken {
            Ok(()) => self.monitor.add(ids::HOST_VALUES_TAKEN, reports.len() as u64),
            Err(_) => self.monitor.add(ids::HOST_REPORTS_REFUSED, 1),
        }
        taken
    }

    fn store(&self, registered: &mut Vec<HostId>, all: Vec<HostId>) -> Result<(), HostIdsFault> {
        if all != *registered {
            stored::write(&*self.files, &all)?;
            self.take_up(registered, all);
        }
        Ok(())
    }

    fn take_up(&self, registered: &mut Vec<HostId>, all: Vec<HostId>) {
        self.monitor.change_host_ids(&all);
        self.monitor.set(ids::HOST_IDS_REGISTERED, all.len() as u64);
        *registered = all;
    }
}

#[cfg(test)]
mod tests;
