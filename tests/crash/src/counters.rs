//! What happened in a run, and what must have happened for it to prove anything.

use highwater_checker::Verdict;

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
    /// Devices that another one of their user ended.
    pub ended_by_user: u32,
    /// Devices that the operator ended.
    pub ended_by_operator: u32,
    /// Devices that signed in in the place of these.
    pub signed_in_again: u32,
    /// Times that an ended device knocked after a restart, and the server said no.
    pub probes_refused: u32,
    /// Users whom the operator erased.
    pub users_erased: u32,
    /// Fan-outs that a start found unfinished: a kill or cut fell between two steps of one.
    pub unfinished_fan_outs: u64,
}

/// The least that a run must reach.
#[derive(Debug, Default)]
pub(crate) struct Least {
    kills: u32,
    cuts: u32,
    cuts_after_kill: u32,
    acknowledged: u32,
    blocks: u32,
    refused_while_blocked: u32,
    ended: u32,
    signed_in_again: u32,
    probes_refused: u32,
    groups: u32,
    group_messages: u32,
    joins: u32,
    leaves: u32,
    rejoins: u32,
    unfinished_fan_outs: u32,
    channels: u32,
    posts: u32,
    posts_owed: u32,
    posts_withheld: u32,
    follows: u32,
    unfollows: u32,
    turns: u32,
    users_erased: u32,
    messages_erased: u32,
    read_out: u32,
    exports: u32,
}

impl Counters {
    /// All counters in one line.
    pub fn line(&self) -> String {
        let Counters { kills, kills_uncounted, at_rest, cuts, cuts_after_kill, cuts_before_ready, .. } = self;
        let Counters { changes_at_stake, unrecorded, client_kills, unknown, .. } = self;
        let Counters {
            ended_by_user,
            ended_by_operator,
            signed_in_again,
            probes_refused,
            unfinished_fan_outs,
            users_erased,
            ..
        } = self;
        format!(
            "kills={kills} kills_uncounted={kills_uncounted} at_rest={at_rest} cuts={cuts} \
             cuts_after_kill={cuts_after_kill} cuts_before_ready={cuts_before_ready} changes_at_stake={changes_at_stake} unrecorded={unrecorded} \
             client_kills={client_kills} unknown={unknown} ended_by_user={ended_by_user} ended_by_operator={ended_by_operator} \
             signed_in_again={signed_in_again} probes_refused={probes_refused} users_erased={users_erased} unfinished_fan_outs={unfinished_fan_outs}"
        )
    }
}

impl Least {
    /// 20 kills and 10 000 acknowledgements a minute; with power cuts 10 of them a minute, 5 soon after a kill. Plain
    /// talk has as many acknowledgements. Blocks and ends come beside, see [`Least::with_people`].
    pub(crate) fn of(options: &Options) -> Least {
        let share = |per_minute: u64| (per_minute as f64 * options.duration.as_secs_f64() / 60.0) as u32;
        let least = match options.power {
            Power::Stays => Least {
                kills: if options.blows { share(20) } else { 0 },
                acknowledged: share(10_000),
                ..Least::default()
            },
            Power::Recorded => Least { cuts: share(10), cuts_after_kill: share(5), ..Least::default() },
            Power::Ext4 { cuts } => return Least { cuts, ..Least::default() },
        };
        if options.only_messages || !options.blows { least } else { least.with_people(share) }
    }

    /// A run in which nobody was blocked, no device ended, no group changed, nobody followed and nobody was erased proves nothing of these. Plain talk is short
    /// and there to show that nothing is wrong without blows.
    fn with_people(self, share: impl Fn(u64) -> u32) -> Least {
        Least {
            blocks: share(60),
            refused_while_blocked: share(30),
            ended: share(6),
            signed_in_again: share(6),
            probes_refused: share(6),
            // What a run has from its beginning does not grow with its time.
            groups: 3,
            channels: 3,
            users_erased: 1,
            exports: 6,
            group_messages: share(300),
            joins: share(60),
            leaves: share(30),
            rejoins: share(9),
            unfinished_fan_outs: share(3),
            posts: share(150),
            posts_owed: share(600),
            posts_withheld: share(300),
            follows: share(90),
            unfollows: share(60),
            turns: share(6),
            messages_erased: share(100),
            read_out: share(2000),
            ..self
        }
    }

    /// Whether more blows are needed.
    pub(crate) fn misses_blows(&self, counters: &Counters) -> bool {
        counters.kills < self.kills
            || counters.cuts < self.cuts
            || counters.cuts_after_kill < self.cuts_after_kill
    }

    /// A line for each thing of which there was too little.
    pub(crate) fn shortfalls(&self, counters: &Counters, verdict: &Verdict) -> Vec<String> {
        let number = |count: u64| u32::try_from(count).unwrap_or(u32::MAX);
        let tried = &verdict.tried;
        let have = [
            ("counted kills", counters.kills, self.kills),
            ("power cuts", counters.cuts, self.cuts),
            ("cuts after a kill", counters.cuts_after_kill, self.cuts_after_kill),
            ("acknowledgements", number(verdict.acknowledged), self.acknowledged),
            ("blocks", number(tried.blocks), self.blocks),
            ("sends refused while blocked", number(tried.refused_while_blocked), self.refused_while_blocked),
            ("devices ended", number(tried.devices_ended), self.ended),
            ("devices signed in again", counters.signed_in_again, self.signed_in_again),
            ("knocks of ended devices refused", counters.probes_refused, self.probes_refused),
            ("groups", number(tried.groups), self.groups),
            ("messages to groups", number(tried.group_messages), self.group_messages),
            ("joins", number(tried.joins), self.joins),
            ("leaves", number(tried.leaves), self.leaves),
            ("joins of former members", number(tried.rejoins), self.rejoins),
            ("channels", number(tried.channels), self.channels),
            ("posts", number(tried.posts), self.posts),
            ("posts that a follower is owed", number(tried.posts_owed), self.posts_owed),
            ("posts that are not for a user", number(tried.posts_withheld), self.posts_withheld),
            ("follows", number(tried.follows), self.follows),
            ("unfollows", number(tried.unfollows), self.unfollows),
            ("turns", number(tried.turns), self.turns),
            ("users erased", number(tried.users_erased), self.users_erased),
            ("messages of erased users", number(tried.messages_erased), self.messages_erased),
            ("entries read out at the end", number(tried.read_out), self.read_out),
            ("archives looked through", number(tried.exports), self.exports),
            ("fan-outs left unfinished", number(counters.unfinished_fan_outs), self.unfinished_fan_outs),
        ];
        let short = have.iter().filter(|(_, have, least)| have < least);
        short.map(|(what, have, least)| format!("only {have} {what}, {least} are needed")).collect()
    }
}
