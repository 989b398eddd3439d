//! What happened in a run, and what must have happened for it to prove anything.

use crate::campaign::{Options, Power};

/// What happened in a run.
#[derive(Debug, Default, Clone)]
pub struct Counters {
    /// Kills with enough unanswered sends.
    pub kills: u32,
    /// Kills with fewer, and those at rest: they do not count.
    pub kills_uncounted: u32,
    /// Kills and cuts that came while nothing was on its way.
    pub at_rest: u32,
    /// Power cuts.
    pub cuts: u32,
    /// Cuts within a second of a restart after a kill.
    pub cuts_after_kill: u32,
    /// Of these, cuts before the server was ready.
    pub cuts_before_ready: u32,
    /// Unsynced changes that cuts decided about.
    pub changes_at_stake: u64,
    /// Calls that a killed server had no time to record.
    pub unrecorded: u64,
    /// Client processes killed.
    pub client_kills: u32,
    /// Sends without an answer at the end.
    pub unknown: u64,
}

/// The least that a run must reach.
#[derive(Debug, Default)]
pub(crate) struct Least {
    kills: u32,
    cuts: u32,
    cuts_after_kill: u32,
    acknowledged: u32,
}

impl Counters {
    /// All counters in one line.
    pub fn line(&self) -> String {
        let Counters { kills, kills_uncounted, at_rest, cuts, cuts_after_kill, cuts_before_ready, .. } = self;
        let Counters { changes_at_stake, unrecorded, client_kills, unknown, .. } = self;
        format!(
            "kills={kills} kills_uncounted={kills_uncounted} at_rest={at_rest} cuts={cuts} \
             cuts_after_kill={cuts_after_kill} cuts_before_ready={cuts_before_ready} changes_at_stake={changes_at_stake} unrecorded={unrecorded} \
             client_kills={client_kills} unknown={unknown}"
        )
    }
}

impl Least {
    /// 20 kills and 10 000 acknowledgements a minute; with power cuts 10 of them a minute, 5 soon after a kill. Plain
    /// talk has as many acknowledgements.
    pub(crate) fn of(options: &Options) -> Least {
        let share = |per_minute: u64| (per_minute as f64 * options.duration.as_secs_f64() / 60.0) as u32;
        match options.power {
            Power::Stays => Least {
                kills: if options.blows { share(20) } else { 0 },
                acknowledged: share(10_000),
                ..Least::default()
            },
            Power::Recorded => Least { cuts: share(10), cuts_after_kill: share(5), ..Least::default() },
            Power::Ext4 { cuts } => Least { cuts, ..Least::default() },
        }
    }

    /// Whether more blows are needed.
    pub(crate) fn misses_blows(&self, counters: &Counters) -> bool {
        counters.kills < self.kills
            || counters.cuts < self.cuts
            || counters.cuts_after_kill < self.cuts_after_kill
    }

    /// A line for each thing of which there was too little.
    pub(crate) fn shortfalls(&self, counters: &Counters, acknowledged: u64) -> Vec<String> {
        let have = [
            ("counted kills", counters.kills, self.kills),
            ("power cuts", counters.cuts, self.cuts),
            ("cuts after a kill", counters.cuts_after_kill, self.cuts_after_kill),
            ("acknowledgements", u32::try_from(acknowledged).unwrap_or(u32::MAX), self.acknowledged),
        ];
        let short = have.iter().filter(|(_, have, least)| have < least);
        short.map(|(what, have, least)| format!("only {have} {what}, {least} are needed")).collect()
    }
}
