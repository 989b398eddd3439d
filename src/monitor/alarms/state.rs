//! What becomes of an alarm from one minute to the next.
//!
//! It begins when n of the last m minutes count, and is over when none of them does and n are known to be quiet: what comes
//! and goes is one alarm, and minutes that are not evaluable begin nothing and end nothing. It is told once when it begins, again after the time of its rule unless
//! somebody has acknowledged it, and once when it is over. While it is silenced nothing begins to be told; what begins
//! meanwhile is told afterwards if it still fires. The end of what was told is always told.

use super::{
    judging::{Verdict, Why},
    rule::Rule,
};
use crate::{model::TimeMs, monitor::minutes::Minute};

/// Longest silence. Source: a day is a maintenance; longer is a rule that should be switched off where it is seen.
pub const SILENCE_MINUTES_MAX: i64 = 24 * 60;

const MINUTE_MS: i64 = 60_000;

/// An alarm: what its last minutes were, and whether it fires.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct State {
    /// The last minute that was judged.
    minute: Option<Minute>,
    /// Bit n: the minute n before it counted.
    firing: u64,
    /// Bit n: the minute n before it was quiet.
    quiet: u64,
    /// Why the last minute was not evaluable.
    pub unknown: Option<Why>,
    /// What fires now.
    pub episode: Option<Episode>,
    /// Nothing begins to be told before.
    silenced_until: Option<TimeMs>,
}

/// An alarm that fires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Episode {
    /// Since when.
    pub begun: TimeMs,
    /// When it was told last.
    pub told: Option<TimeMs>,
    /// Whether somebody has said that it is seen.
    pub acknowledged: bool,
    /// What was measured when it counted last.
    pub value: i64,
    /// What it was compared with.
    pub bound: i64,
}

/// What is to be told of an alarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// It fires.
    Begun(Episode),
    /// It still fires.
    Still(Episode),
    /// It fires no more.
    Over(Episode),
}

impl Told {
    /// Its name on the wire.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Told::Begun(_) => "firing",
            Told::Still(_) => "still_firing",
            Told::Over(_) => "over",
        }
    }

    /// Of what.
    #[must_use]
    pub const fn episode(&self) -> Episode {
        match self {
            Told::Begun(episode) | Told::Still(episode) | Told::Over(episode) => *episode,
        }
    }
}

impl State {
    /// The state after one more minute, what is to be told of it, and the episode that is over. `at` is the time at which it
    /// is judged. A minute that is not behind the last one comes of a clock that was set back: the minutes judged before
    /// count no more, and what fires goes on firing.
    #[must_use]
    pub fn step(
        self,
        rule: &Rule,
        verdict: Verdict,
        minute: Minute,
        at: TimeMs,
    ) -> (State, Option<Told>, Option<Episode>) {
        let mut next = self.with(verdict, minute);
        let (firing, quiet) = next.counted(rule);
        match (next.episode.as_mut(), verdict) {
            (None, Verdict::Firing { value, bound }) if firing >= rule.n => {
                next.episode = Some(Episode { begun: at, told: None, acknowledged: false, value, bound });
            }
            (Some(over), _) if firing == 0 && quiet >= rule.n => {
                let over = *over;
                next.episode = None;
                return (next, over.told.map(|_| Told::Over(over)), Some(over));
            }
            (Some(episode), Verdict::Firing { value, bound }) => {
                (episode.value, episode.bound) = (value, bound);
            }
            _ => {}
        }
        let told = next.telling(rule, verdict, at);
        (next, told, None)
    }

    /// Whether the last minute was judged, and could be.
    #[must_use]
    pub fn is_known(&self) -> bool {
        self.minute.is_some() && self.unknown.is_none()
    }

    /// Whether nothing begins to be told now. A silence that ends later than one can last comes of a clock that was set
    /// back, and is none.
    #[must_use]
    pub fn is_silenced(&self, at: TimeMs) -> bool {
        let left = self.silenced_until.map_or(0, |until| until.0.saturating_sub(at.0));
        (1..=SILENCE_MINUTES_MAX * MINUTE_MS).contains(&left)
    }

    /// Until when it is silenced.
    #[must_use]
    pub fn silenced_until(&self, at: TimeMs) -> Option<TimeMs> {
        self.silenced_until.filter(|_| self.is_silenced(at))
    }

    /// Silences it for so many minutes from now, at most [`SILENCE_MINUTES_MAX`]; 0 ends a silence.
    pub fn silence(&mut self, minutes: i64, at: TimeMs) {
        let minutes = minutes.clamp(0, SILENCE_MINUTES_MAX);
        self.silenced_until = (minutes > 0).then(|| TimeMs(at.0.saturating_add(minutes * MINUTE_MS)));
    }

    /// Somebody has seen that it fires: it is not told again until it is over. Whether it fires.
    pub fn acknowledge(&mut self) -> bool {
        let Some(episode) = self.episode.as_mut() else {
            return false;
        };
        episode.acknowledged = true;
        true
    }

    /// What fires was told by a process that is gone: it is told again with the next minute that is judged.
    pub fn tell_again(&mut self, rule: &Rule, at: TimeMs) {
        if let Some(told) = self.episode.as_mut().and_then(|episode| episode.told.as_mut()) {
            *told = TimeMs(at.0.saturating_sub(rule.repeat_minutes * MINUTE_MS));
        }
    }

    fn with(mut self, verdict: Verdict, minute: Minute) -> State {
        let passed = self.minute.map_or(0, |last| minute.0.saturating_sub(last.0));
        let shift = u32::try_from(passed).ok().filter(|passed| *passed > 0);
        let shifted = |bits: u64| shift.and_then(|shift| bits.checked_shl(shift)).unwrap_or(0);
        self.firing = shifted(self.firing) | u64::from(matches!(verdict, Verdict::Firing { .. }));
        self.quiet = shifted(self.quiet) | u64::from(verdict == Verdict::Quiet);
        self.minute = Some(minute);
        self.unknown = match verdict {
            Verdict::NotEvaluable(why) => Some(why),
            Verdict::Firing { .. } | Verdict::Quiet => None,
        };
        self
    }

    /// Of the last minutes of a rule: how many counted, and how many were quiet.
    fn counted(&self, rule: &Rule) -> (u32, u32) {
        let window = (1_u64 << rule.of_minutes) - 1;
        ((self.firing & window).count_ones(), (self.quiet & window).count_ones())
    }

    /// What is to be told of what fires.
    fn telling(&mut self, rule: &Rule, verdict: Verdict, at: TimeMs) -> Option<Told> {
        if self.is_silenced(at) || verdict == Verdict::NotEvaluable(Why::OutOfHours) {
            return None;
        }
        let episode = self.episode.as_mut()?;
        let Some(told) = episode.told else {
            if episode.acknowledged {
                return None;
            }
            episode.told = Some(at);
            return Some(Told::Begun(*episode));
        };
        // A clock that was set back must not put the next time off.
        let since = at.0.saturating_sub(told.0);
        if since < 0 {
            episode.told = Some(at);
        } else if since >= rule.repeat_minutes * MINUTE_MS && !episode.acknowledged {
            episode.told = Some(at);
            return Some(Told::Still(*episode));
        }
        None
    }
}
