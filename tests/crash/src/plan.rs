//! What happens next, drawn from the seed: kills, cuts, and cuts shortly after a kill and restart.

use rand::{Rng, RngExt};

use crate::images::Policy;

/// How long the server lives between its ready line and the next blow, milliseconds.
const UPTIME_MS: std::ops::RangeInclusive<u64> = 300..=2500;
/// A cut that follows a kill comes at the latest so long after the restart, milliseconds: within the second.
pub const CUT_AFTER_RESTART_MS_MAX: u64 = 950;
/// A start takes some tens of milliseconds: a cut within this time finds it unfinished, mostly.
const CUT_BEFORE_READY_MS_MAX: u64 = 60;
/// Answers and entries that clients are told before a cut that waits for them: the first ones after the restart.
const TOLD_MAX: u64 = 40;

/// One blow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blow {
    /// SIGKILL, restart.
    Kill,
    /// The power goes, restart.
    Cut,
    /// SIGKILL, restart, and the power goes soon after.
    KillThenCut(CutAfter),
}

/// When the second part of [`Blow::KillThenCut`] comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CutAfter {
    /// So long after the process was started, ready or not, milliseconds.
    Start(u64),
    /// So long after the ready line, milliseconds.
    Ready(u64),
    /// As soon as clients were told so much since the ready line: if it was replayed and not synced, it is lost.
    Told(u64),
}

/// Whether the plain blow of this number, from 0, comes while nothing is on its way: every fourth does. Then what was
/// told last must have been stored without a further send that carries it along.
pub fn comes_at_rest(number: u32) -> bool {
    number % 4 == 1
}

/// Draws the time until the next blow, milliseconds.
pub fn uptime_ms(rng: &mut impl Rng) -> u64 {
    rng.random_range(UPTIME_MS)
}

/// Draws the next blow.
pub fn next_blow(rng: &mut impl Rng, with_cuts: bool) -> Blow {
    let draw = rng.random_range(0..100);
    match draw {
        _ if !with_cuts => Blow::Kill,
        0..15 => Blow::Kill,
        15..50 => Blow::Cut,
        _ => Blow::KillThenCut(match rng.random_range(0..20) {
            0..5 => CutAfter::Start(rng.random_range(0..=CUT_BEFORE_READY_MS_MAX)),
            5..13 => CutAfter::Told(rng.random_range(1..=TOLD_MAX)),
            _ => CutAfter::Ready(rng.random_range(0..=CUT_AFTER_RESTART_MS_MAX)),
        }),
    }
}

/// Draws what becomes of unsynced changes. Losing all finds the most, so it comes most often.
pub fn policy(rng: &mut impl Rng) -> Policy {
    match rng.random_range(0..4) {
        0 | 1 => Policy::Dropped,
        2 => Policy::Pages,
        _ => Policy::Prefix,
    }
}
