//! Keeps the points of the monitor: hands what was stored to a new process, and stores what it counts.
//!
//! Not an actor: the clock's ticks come from one task, and storing is done by another on a thread that may block, so that
//! a slow disk delays no minute. Nothing waits here: what could not be stored lies in the monitor's ring for a day, and
//! is stored with the next minute. What is older by then is lost, and missing.
//!
//! A restart loses what was counted in the open minute, if the process was killed; one that stops in order stores it.

use std::{
    ops::{Range, RangeInclusive},
    sync::Arc,
};

use parking_lot::Mutex;

use crate::{
    model::{PointRow, Resolution, TimeMs},
    monitor::{Monitor, ids, minutes::Minute},
    store::{
        files::{FileFault, Files},
        points::{PointRetention, PointStore},
    },
};

/// Stores the points of one monitor.
pub struct PointKeeper {
    monitor: Monitor,
    /// From where on stored minutes are wrong, since the clock went back.
    forgotten: Mutex<Option<Minute>>,
    state: Mutex<State>,
}

struct State {
    store: PointStore,
    /// What was there to store at the last attempt.
    attempted: u64,
    /// What was stored last.
    last: Option<PointRow>,
    /// The last attempt failed, and that was said.
    is_failing: bool,
    torn_counted: u64,
}

impl PointKeeper {
    /// Opens the stored points and gives the monitor its last day. Before the first tick.
    ///
    /// Points that cannot be read are said once in the log, and are tried again with every minute: nothing waits for them.
    #[must_use]
    pub fn open(files: Arc<dyn Files>, retention: PointRetention, monitor: Monitor) -> PointKeeper {
        let mut store = PointStore::new(files, retention);
        let is_failing = match store.last_day() {
            Ok(day) => {
                monitor.load(&day);
                false
            }
            Err(fault) => {
                say_failing(&fault);
                monitor.add(ids::POINT_FAULTS, 1);
                true
            }
        };
        let state = State { store, attempted: 0, last: None, is_failing, torn_counted: 0 };
        PointKeeper { monitor, forgotten: Mutex::default(), state: Mutex::new(state) }
    }

    /// Tells the monitor the time. About once a second, by one task; never waits for the disk.
    pub fn tick(&self, now: TimeMs) {
        if let Some(from) = self.monitor.tick(now) {
            let mut forgotten = self.forgotten.lock();
            *forgotten = Some(forgotten.map_or(from, |before| before.min(from)));
        }
    }

    /// Stores what there is to store, if a minute has ended since the last call. Blocks.
    pub fn store(&self) {
        let mut state = self.state.lock();
        let emissions = self.monitor.emissions();
        // What failed is tried again once a minute.
        if state.attempted == emissions && (state.is_failing || self.forgotten.lock().is_none()) {
            return;
        }
        state.attempted = emissions;
        let stored = self.forget(&mut state.store).and_then(|()| self.append(&mut state));
        self.say(&mut state, stored);
    }

    /// Stores the open minute as far as it was counted. The last call of a process that stops; blocks.
    pub fn finish(&self, now: TimeMs) {
        self.tick(now);
        self.monitor.close_minute();
        self.store();
    }

    /// What counts.
    #[must_use]
    pub fn monitor(&self) -> &Monitor {
        &self.monitor
    }

    /// For how long points are kept.
    #[must_use]
    pub fn retention(&self) -> PointRetention {
        self.state.lock().store.retention()
    }

    /// The rows of these stretches, oldest first, with these ids alone. Minutes that wait to be stored are among them.
    /// Blocks.
    ///
    /// # Errors
    /// [`FileFault`]: they could not be read.
    pub fn rows(
        &self,
        resolution: Resolution,
        slots: Range<i64>,
        ids: RangeInclusive<u32>,
    ) -> Result<Vec<PointRow>, FileFault> {
        let state = self.state.lock();
        let mut rows = state.store.rows(resolution, slots.clone(), ids.clone())?;
        if resolution == Resolution::Minute {
            let from = rows.last().map_or(slots.start, |row| row.slot + 1);
            let waiting = self.monitor.rows_from(Some(Minute(from)));
            rows.extend(waiting.iter().filter(|row| row.slot < slots.end).map(|row| row.only(&ids)));
        }
        Ok(rows)
    }

    fn forget(&self, store: &mut PointStore) -> Result<(), FileFault> {
        let Some(from) = *self.forgotten.lock() else {
            return Ok(());
        };
        if store.may_forget_from(from.0)? {
            store.forget_from(from.0)?;
        } else if self.monitor.rows_from(store.newest_minute().map(Minute)).is_empty() {
            let wrong = std::io::Error::other("more than a day of stored points lies ahead of the clock");
            return Err(FileFault::new("take back", "points", wrong));
        }
        // Done, or the clock has come back to where the stored points end. A newer word may have come meanwhile.
        let mut forgotten = self.forgotten.lock();
        *forgotten = forgotten.filter(|newer| *newer < from);
        Ok(())
    }

    fn append(&self, state: &mut State) -> Result<(), FileFault> {
        // The newest stored minute may have more by now: two processes counted in it.
        let mut rows = self.monitor.rows_from(state.store.newest_minute().map(Minute));
        if rows.first() == state.last.as_ref() {
            rows.drain(..1.min(rows.len()));
        }
        state.store.append(&rows)?;
        self.monitor.add(ids::POINT_MINUTES_STORED, rows.len() as u64);
        state.last = rows.pop().or(state.last.take());
        Ok(())
    }

    fn say(&self, state: &mut State, stored: Result<(), FileFault>) {
        let torn = state.store.torn();
        if torn > state.torn_counted {
            tracing::warn!("a file of points ended in the middle of a row and was cut there");
            self.monitor.add(ids::POINT_CHUNKS_CUT, torn - state.torn_counted);
            state.torn_counted = torn;
        }
        match stored {
            Ok(()) if state.is_failing => {
                tracing::info!("points are stored again");
                state.is_failing = false;
            }
            Ok(()) => {}
            Err(fault) => {
                self.monitor.add(ids::POINT_FAULTS, 1);
                if !state.is_failing {
                    say_failing(&fault);
                }
                state.is_failing = true;
            }
        }
    }
}

fn say_failing(fault: &FileFault) {
    tracing::warn!(
        error = fault as &dyn std::error::Error,
        "points of the monitor cannot be stored; counting goes on, and those of the last day are stored once it works"
    );
}

#[cfg(test)]
mod tests;
