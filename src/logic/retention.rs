//! The decisions on what goes by age: how far the horizon moves, and what may be removed because of it.
//!
//! Each decision is durable before anything is removed because of it. While time is suspended none is made.

use super::{decide::Decided, operation::Answer, state::State};
use crate::model::{Day, Effect, Horizon, TimeMs, Version, limits::RECEIPTS_KEPT_DAYS};

/// Stores the observed time, and moves the horizon with it.
pub(super) fn store_time(state: &mut State, at: TimeMs, version: Version) -> Decided {
    let mut effects = vec![Effect::Time(state.time.at())];
    if !state.time.is_suspended() {
        state.horizon = moved(state, at, version);
        effects.push(Effect::Horizon(state.horizon.clone()));
    }
    Decided::changed(version, effects, Answer::Done)
}

/// The horizon, moved on to now. What was decided while time was suspended is dated when it is believed again: it is
/// kept for longer, and never for less.
fn moved(state: &State, at: TimeMs, version: Version) -> Horizon {
    let mut horizon = state.horizon.clone();
    let now = state.time.at();
    horizon.note(now, version, state.retentions.longest_ms());
    // A resend is judged by the wall clock and removal goes by observed time: the earlier of both keeps for longer.
    let today = now.day().min(at.day());
    horizon.raise_receipts(Day(today.0.saturating_sub(RECEIPTS_KEPT_DAYS)));
    horizon
}
