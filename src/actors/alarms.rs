//! The alarms of a running server: judged when a minute ends, told to the log and by couriers, seen and silenced by
//! operators. What is told is decided by `src/monitor/alarms`.
//!
//! A start judges the stored minutes of the last day as the process before it did: what still fires is told once more, and a
//! silence or an acknowledgement is to be said again.

use parking_lot::Mutex;

use super::{courier::Courier, point_keeper::PointKeeper};
use crate::{
    model::{Clock, Resolution},
    monitor::{
        Monitor,
        alarms::{Alarms, NoAlarm, Rule, Severity, Telling, firing_html},
        ids,
        minutes::{DAY_MINUTES, Minutes},
    },
};

/// See the module.
pub struct StandingAlarms {
    alarms: Mutex<Alarms>,
    couriers: Vec<Courier>,
    clock: Clock,
    monitor: Monitor,
}

impl StandingAlarms {
    /// Alarms by these rules. `clock` is that of the minute points.
    #[must_use]
    pub fn new(rules: Vec<Rule>, couriers: Vec<Courier>, clock: Clock, monitor: Monitor) -> StandingAlarms {
        StandingAlarms { alarms: Mutex::new(Alarms::new(rules)), couriers, clock, monitor }
    }

    /// Takes up where an earlier process ended: what it counted, and what fired. Before the first tick; blocks. Points that
    /// cannot be read are said in the log; rules that would compare with them are not evaluable.
    pub fn take_up(&self, points: &PointKeeper) {
        let newest = self.monitor.with_points(Minutes::newest);
        let Some(newest) = newest else {
            return;
        };
        let mut alarms = self.alarms.lock();
        let past = alarms.past_mut();
        let slots = newest.0 - past.back_minutes() - DAY_MINUTES..newest.0 + 1;
        if let (Some(first), Some(last)) = (past.ids().first(), past.ids().last()) {
            match points.rows(Resolution::Minute, slots, *first..=*last) {
                Ok(rows) => past.take_up(&rows),
                Err(fault) => {
                    let error = &fault as &dyn std::error::Error;
                    tracing::warn!(error, "alarms know nothing of last week: its points cannot be read");
                }
            }
        }
        self.monitor.with_points(|points| alarms.take_up(points, points.present()));
    }

    /// Judges a minute that has ended, if one has since the last call, and tells what is to be told. Called by one caller,
    /// whenever it has told the minute points the time.
    pub fn judge(&self) {
        let now = self.clock.now();
        let mut alarms = self.alarms.lock();
        let tellings = self.monitor.with_points(|points| match points.newest() {
            Some(minute) => alarms.minute_ended(points, minute, now),
            None => Vec::new(),
        });
        for (severity, id) in
            [(Severity::Warning, ids::ALARMS_WARNING), (Severity::Critical, ids::ALARMS_CRITICAL)]
        {
            self.monitor.set(id, alarms.firing_count(severity) as u64);
        }
        drop(alarms);
        self.tell(&tellings);
    }

    /// Judges by these rules from the next minute on; see [`Alarms::set_rules`].
    pub fn set_rules(&self, rules: Vec<Rule>) {
        let tellings = self.alarms.lock().set_rules(rules, self.clock.now());
        self.tell(&tellings);
    }

    fn tell(&self, tellings: &[Telling]) {
        let begun = tellings.iter().filter(|told| told.state == "firing").count();
        self.monitor.add(ids::ALARMS_FIRED, begun as u64);
        tellings.iter().for_each(log);
        if !tellings.is_empty() {
            self.couriers.iter().for_each(|courier| courier.tell(tellings.to_vec()));
        }
    }

    /// All alarms and the last that ended, as JSON.
    #[must_use]
    pub fn listing(&self) -> String {
        self.alarms.lock().listing(self.clock.now())
    }

    /// What fires now, as a part of a page.
    #[must_use]
    pub fn firing_html(&self) -> String {
        firing_html(&self.alarms.lock())
    }

    /// See [`Alarms::acknowledge`].
    ///
    /// # Errors
    /// There is no such alarm, or it does not fire.
    pub fn acknowledge(&self, name: &str) -> Result<(), NoAlarm> {
        self.alarms.lock().acknowledge(name)
    }

    /// See [`Alarms::silence`].
    ///
    /// # Errors
    /// There is no such alarm.
    pub fn silence(&self, name: &str, minutes: i64) -> Result<(), NoAlarm> {
        self.alarms.lock().silence(name, minutes, self.clock.now())
    }
}

fn log(told: &Telling) {
    let Telling { alarm, state, severity, says, value, bound, unit, begun_ms, at_ms: _ } = told;
    if *state == "over" {
        tracing::info!(alarm, state, severity, value, bound, unit, begun_ms, "alarm: {says}");
    } else if *severity == Severity::Critical.name() {
        tracing::error!(alarm, state, severity, value, bound, unit, begun_ms, "alarm: {says}");
    } else {
        tracing::warn!(alarm, state, severity, value, bound, unit, begun_ms, "alarm: {says}");
    }
}

#[cfg(test)]
mod restart_tests;
#[cfg(test)]
mod tests;
