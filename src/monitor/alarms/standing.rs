//! All alarms of a server as they stand: rules with their states, and what has ended.

use std::collections::VecDeque;

use serde::Serialize;

use super::{
    judging::evaluate,
    past::Past,
    rule::{OF_MINUTES_MAX, Rule, Severity},
    series::Series,
    shipped::SHIPPED,
    state::{Episode, State, Told},
};
use crate::{
    model::TimeMs,
    monitor::{ids::FRAMEWORK, minutes::Minute, registry::index_of},
};

/// Ended episodes that are remembered; the oldest makes room. Source: what an operator reads after a night.
pub const ENDED_MAX: usize = 100;

/// See the module.
#[derive(Debug)]
pub struct Alarms {
    standing: Vec<(Rule, State)>,
    ended: VecDeque<Ended>,
    /// The last minute that was judged.
    judged: Option<Minute>,
    /// What rules compare with and points are not kept for.
    past: Past,
}

/// No rule of this name, or it does not fire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoAlarm {
    /// There is no such rule, or it is switched off.
    Unknown,
    /// It does not fire now.
    Quiet,
}

/// What is to be told, as it goes to a webhook and into the log.
#[derive(Debug, Clone, Serialize, PartialEq, Eq)]
pub struct Telling {
    /// Name of the rule.
    pub alarm: &'static str,
    /// `firing`, `still_firing` or `over`.
    pub state: &'static str,
    /// `warning` or `critical`.
    pub severity: &'static str,
    /// What it means, in one sentence.
    pub says: &'static str,
    /// What was measured when it counted last.
    pub value: i64,
    /// What it was compared with.
    pub bound: i64,
    /// Of both; empty for a count.
    pub unit: &'static str,
    /// Since when it fires, ms since 1970.
    pub begun_ms: i64,
    /// When this is told, ms since 1970.
    pub at_ms: i64,
}

#[derive(Debug, Clone, Serialize)]
struct Ended {
    alarm: &'static str,
    severity: &'static str,
    value: i64,
    bound: i64,
    unit: &'static str,
    begun_ms: i64,
    over_ms: i64,
    acknowledged: bool,
}

#[derive(Serialize)]
struct Listing<'a> {
    /// Start of the last minute that was judged, ms since 1970.
    judged_ms: Option<i64>,
    alarms: Vec<Standing>,
    ended: &'a VecDeque<Ended>,
}

#[derive(Serialize)]
struct Standing {
    alarm: &'static str,
    /// `firing`, `quiet` or `not_evaluable`.
    state: &'static str,
    /// Why it is not evaluable.
    why: Option<&'static str>,
    severity: &'static str,
    says: &'static str,
    /// Names of what is measured.
    ids: Vec<&'static str>,
    bound: i64,
    unit: &'static str,
    n: u32,
    of_minutes: u32,
    value: Option<i64>,
    begun_ms: Option<i64>,
    acknowledged: bool,
    silenced_until_ms: Option<i64>,
}

impl Alarms {
    /// These rules, of which nothing is known yet.
    #[must_use]
    pub fn new(rules: Vec<Rule>) -> Alarms {
        rules.iter().for_each(assert_fits);
        // What is switched off now may be switched on while the server runs.
        let past = Past::of(rules.iter().chain(SHIPPED));
        let standing = rules.into_iter().map(|rule| (rule, State::default())).collect();
        Alarms { standing, ended: VecDeque::new(), judged: None, past }
    }

    /// Judges by these rules from the next minute on. What a rule has come to it keeps, by its name; what fires by a rule that
    /// is none any more is over, which is answered as what is to be told.
    pub fn set_rules(&mut self, rules: Vec<Rule>, at: TimeMs) -> Vec<Telling> {
        rules.iter().for_each(assert_fits);
        let mut before = std::mem::take(&mut self.standing);
        for rule in rules {
            let known = before.iter().position(|(other, _)| other.name == rule.name);
            let state = known.map_or_else(State::default, |place| before.remove(place).1);
            self.standing.push((rule, state));
        }
        let mut tellings = Vec::new();
        for (rule, state) in before {
            let Some(over) = state.episode else { continue };
            tellings.extend(over.told.map(|_| Telling::of(&rule, &Told::Over(over), at)));
            self.end(Ended::of(&rule, over, at));
        }
        tellings
    }

    /// What is to be known of minutes before those that a series has.
    #[must_use]
    pub fn past_mut(&mut self) -> &mut Past {
        &mut self.past
    }

    /// Judges minutes that an earlier process counted and told of, oldest first, as if it had gone on: what fires then goes
    /// on firing. What was acknowledged or silenced is forgotten, so what still fires is told once more.
    pub fn take_up(&mut self, series: &impl Series, minutes: impl IntoIterator<Item = Minute>) {
        for minute in minutes {
            let _told_by_that_process = self.minute_ended(series, minute, minute.end());
        }
        if let Some(last) = self.judged {
            self.standing.iter_mut().for_each(|(rule, state)| state.tell_again(rule, last.end()));
        }
    }

    /// Judges a minute that has ended by all rules, each minute once, and answers what is to be told, in the order of the
    /// rules.
    pub fn minute_ended(&mut self, series: &impl Series, minute: Minute, at: TimeMs) -> Vec<Telling> {
        if self.judged == Some(minute) {
            return Vec::new();
        }
        self.judged = Some(minute);
        self.past.note(series, minute);
        let remembered = self.past.behind(series);
        let (mut tellings, mut ended) = (Vec::new(), Vec::new());
        for (rule, state) in &mut self.standing {
            let (next, told, over) = state.step(rule, evaluate(rule, &remembered, minute), minute, at);
            *state = next;
            tellings.extend(told.map(|told| Telling::of(rule, &told, at)));
            ended.extend(over.map(|over| Ended::of(rule, over, at)));
        }
        ended.into_iter().for_each(|one| self.end(one));
        tellings
    }

    fn end(&mut self, ended: Ended) {
        self.ended.truncate(ENDED_MAX - 1);
        self.ended.push_front(ended);
    }

    /// Somebody has seen that an alarm fires: it is not told again until it is over.
    ///
    /// # Errors
    /// There is no such alarm, or it does not fire.
    pub fn acknowledge(&mut self, name: &str) -> Result<(), NoAlarm> {
        if self.named(name)?.acknowledge() { Ok(()) } else { Err(NoAlarm::Quiet) }
    }

    /// Silences an alarm for so many minutes, at most [`super::state::SILENCE_MINUTES_MAX`]; 0 ends the silence.
    ///
    /// # Errors
    /// There is no such alarm.
    pub fn silence(&mut self, name: &str, minutes: i64, at: TimeMs) -> Result<(), NoAlarm> {
        self.named(name)?.silence(minutes, at);
        Ok(())
    }

    /// How many alarms of a severity fire.
    #[must_use]
    pub fn firing_count(&self, severity: Severity) -> usize {
        self.firing().filter(|(rule, _)| rule.severity == severity).count()
    }

    /// What fires now, in the order of the rules.
    pub fn firing(&self) -> impl Iterator<Item = (&Rule, Episode)> {
        self.standing.iter().filter_map(|(rule, state)| Some((rule, state.episode?)))
    }

    /// All alarms and the last that ended, newest first, as JSON.
    #[must_use]
    pub fn listing(&self, at: TimeMs) -> String {
        let listing = Listing {
            judged_ms: self.judged.map(|minute| minute.0 * 60_000),
            alarms: self.standing.iter().map(|(rule, state)| Standing::of(rule, state, at)).collect(),
            ended: &self.ended,
        };
        serde_json::to_string(&listing).expect("an answer of numbers and names is always JSON")
    }

    fn named(&mut self, name: &str) -> Result<&mut State, NoAlarm> {
        let found = self.standing.iter_mut().find(|(rule, _)| rule.name == name);
        found.map(|(_, state)| state).ok_or(NoAlarm::Unknown)
    }
}

fn assert_fits(rule: &Rule) {
    let fits = (1..=rule.of_minutes).contains(&rule.n) && rule.of_minutes <= OF_MINUTES_MAX;
    assert!(fits, "{}: n of m minutes, of at most {OF_MINUTES_MAX}", rule.name);
}

impl Telling {
    fn of(rule: &Rule, told: &Told, at: TimeMs) -> Telling {
        let episode = told.episode();
        Telling {
            alarm: rule.name,
            state: told.name(),
            severity: rule.severity.name(),
            says: rule.says,
            value: episode.value,
            bound: episode.bound,
            unit: rule.unit,
            begun_ms: episode.begun.0,
            at_ms: at.0,
        }
    }
}

impl Ended {
    fn of(rule: &Rule, over: Episode, at: TimeMs) -> Ended {
        Ended {
            alarm: rule.name,
            severity: rule.severity.name(),
            value: over.value,
            bound: over.bound,
            unit: rule.unit,
            begun_ms: over.begun.0,
            over_ms: at.0,
            acknowledged: over.acknowledged,
        }
    }
}

impl Standing {
    fn of(rule: &Rule, state: &State, at: TimeMs) -> Standing {
        let name = |id| index_of(&FRAMEWORK, id).map(|index| FRAMEWORK[index].name);
        Standing {
            alarm: rule.name,
            state: match (state.episode, state.is_known()) {
                (Some(_), _) => "firing",
                (None, true) => "quiet",
                (None, false) => "not_evaluable",
            },
            why: state.unknown.map(|why| why.name()),
            severity: rule.severity.name(),
            says: rule.says,
            ids: rule.ids().filter_map(name).collect(),
            bound: rule.bound,
            unit: rule.unit,
            n: rule.n,
            of_minutes: rule.of_minutes,
            value: state.episode.map(|episode| episode.value),
            begun_ms: state.episode.map(|episode| episode.begun.0),
            acknowledged: state.episode.is_some_and(|episode| episode.acknowledged),
            silenced_until_ms: state.silenced_until(at).map(|until| until.0),
        }
    }
}
