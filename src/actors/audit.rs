//! Keeps the audit log: what operators did and tried, on disk before it is performed or answered.
//!
//! Not an actor: requests of the operator's port write here one after the other, on threads that may block. While it cannot
//! be written, what changes something is refused by its route, and what only looks goes on and is said in the server's
//! log. The ends of changes that were performed meanwhile wait in memory, at most [`OWED_MAX`], and are written before
//! anything else; a crash loses them, and the log then says that the change begun.

use std::sync::Arc;

use parking_lot::Mutex;

use crate::{
    model::{AuditEntry, Clock, TimeMs},
    monitor::{Monitor, ids},
    store::{
        audit::{self, AuditFault, AuditLog},
        audit_chain::AuditHead,
        files::Files,
    },
};

/// Ends of changes that wait to be written. More are said in the server's log and lost. Source: nothing begins while one
/// waits, so there are no more than requests at a time, which are as many as connections of the operator's port.
const OWED_MAX: usize = 64;

/// Requests by nobody known, with a wrong token or none, that are written down in a minute. More are counted alone: else
/// whoever comes to the port fills the disk.
const STRANGERS_PER_MINUTE_MAX: u32 = 10;

const MINUTE_US: u64 = 60_000_000;

/// Records in one page of the audit log.
pub const PAGE_RECORDS_MAX: usize = 500;

/// The record could not be written, which was said in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unwritten;

/// The audit log of one server.
pub struct Audit {
    files: Arc<dyn Files>,
    clock: Clock,
    monitor: Monitor,
    state: Mutex<State>,
    /// The minute in which strangers are counted, and how many came. Apart: `state` is held while the disk syncs.
    strangers: Mutex<(u64, u32)>,
}

#[derive(Default)]
struct State {
    /// Nothing while it cannot be opened.
    log: Option<AuditLog>,
    owed: Vec<(TimeMs, AuditEntry)>,
    /// The last attempt failed, and that was said.
    is_failing: bool,
}

impl Audit {
    /// Opens the log. One that cannot be opened is said, and tried again with each record.
    #[must_use]
    pub fn open(files: Arc<dyn Files>, clock: Clock, monitor: Monitor) -> Audit {
        let audit = Audit { files, clock, monitor, state: Mutex::default(), strangers: Mutex::default() };
        let opened = audit.opened(&mut audit.state.lock()).map(drop);
        audit.say(&mut audit.state.lock(), &opened);
        audit
    }

    /// Writes a record, behind those that are owed; its number once it is on disk. Blocks.
    ///
    /// # Errors
    /// [`Unwritten`].
    pub fn write(&self, entry: &AuditEntry) -> Result<u64, Unwritten> {
        let now = self.clock.now();
        let mut state = self.state.lock();
        let written = self.append(&mut state, now, entry);
        self.say(&mut state, &written);
        written.map_err(|_| Unwritten)
    }

    /// Writes the end of a change that was performed; where that fails it is owed. Blocks.
    pub fn end(&self, entry: AuditEntry) {
        if self.write(&entry).is_ok() {
            return;
        }
        let mut state = self.state.lock();
        if state.owed.len() < OWED_MAX {
            state.owed.push((self.clock.now(), entry));
        } else {
            tracing::error!(route = entry.route, of = entry.of, "the end of a change is in no audit log");
        }
    }

    /// Whether a request by nobody known is written down. Never waits for the disk.
    pub fn notes_stranger(&self) -> bool {
        self.monitor.add(ids::AUDIT_STRANGERS, 1);
        let minute = self.clock.monotonic_us() / MINUTE_US;
        let mut strangers = self.strangers.lock();
        if strangers.0 != minute {
            *strangers = (minute, 0);
        }
        strangers.1 += 1;
        strangers.1 <= STRANGERS_PER_MINUTE_MAX
    }

    /// The last record; nothing while the log cannot be opened. Blocks while a record is written.
    #[must_use]
    pub fn head(&self) -> Option<AuditHead> {
        self.state.lock().log.as_ref().map(|log| log.head().clone())
    }

    /// Records behind `after`, or the last ones, oldest first, each as JSON with its hash. Blocks.
    ///
    /// # Errors
    /// [`AuditFault`].
    pub fn page(
        &self,
        after: Option<u64>,
        records_max: usize,
    ) -> Result<(AuditHead, Vec<(String, String)>), AuditFault> {
        let head = {
            let mut state = self.state.lock();
            self.opened(&mut state)?.head().clone()
        };
        let last = head.records.saturating_sub(records_max as u64);
        let records = audit::page(&*self.files, &head, after.unwrap_or(last), records_max)?;
        Ok((head, records))
    }

    fn opened<'a>(&self, state: &'a mut State) -> Result<&'a mut AuditLog, AuditFault> {
        let log = match state.log.take() {
            Some(log) => log,
            None => {
                let opened = AuditLog::open(Arc::clone(&self.files))?;
                if opened.torn {
                    tracing::warn!(
                        "the audit log ended in the middle of a record, which was cut: after a crash that is what nobody was answered upon"
                    );
                }
                opened.log
            }
        };
        Ok(state.log.insert(log))
    }

    fn append(&self, state: &mut State, now: TimeMs, entry: &AuditEntry) -> Result<u64, AuditFault> {
        while let Some((at, owed)) = state.owed.first().cloned() {
            self.opened(state)?.append(at, &owed)?;
            self.monitor.add(ids::AUDIT_RECORDS, 1);
            state.owed.remove(0);
        }
        let number = self.opened(state)?.append(now, entry)?;
        self.monitor.add(ids::AUDIT_RECORDS, 1);
        Ok(number)
    }

    fn say<T>(&self, state: &mut State, written: &Result<T, AuditFault>) {
        match written {
            Ok(_) if state.is_failing => tracing::info!("the audit log is written again"),
            Ok(_) => {}
            Err(fault) => {
                self.monitor.add(ids::AUDIT_FAULTS, 1);
                if !state.is_failing {
                    let error = fault as &dyn std::error::Error;
                    tracing::error!(
                        error,
                        "the audit log cannot be written: operators change nothing until it can"
                    );
                }
            }
        }
        state.is_failing = written.is_err();
    }
}

#[cfg(test)]
mod tests;
