//! Every entry that a lineage was given: was it sent, so, by this sender, and may this user see it?

use std::collections::HashSet;

use crate::channels::Channels;
use crate::findings::{Bucket, Findings};
use crate::history::{At, Change, Entry, History, Lineage};
use crate::membership::Membership;
use crate::pairs::Pairs;
use crate::requests::Standing;
use crate::rights::Rights;
use crate::sends::{Message, Sends};

/// Entries that one lineage was given or held at one time.
#[derive(Debug)]
pub(crate) struct Page<'h> {
    pub(crate) lineage: &'h Lineage,
    pub(crate) t: u64,
    pub(crate) at: At,
    /// False when it raced a power cut.
    pub(crate) settled: bool,
    pub(crate) entries: &'h [Entry],
}

/// All pages of a history: the applies of each lineage in order of time, then its dump, then what it was read out.
pub(crate) fn pages(history: &History) -> impl Iterator<Item = Page<'_>> {
    history.lineages.iter().flat_map(move |lineage| {
        let applies = lineage.steps.iter().filter_map(move |step| match &step.change {
            Change::Apply(apply) => {
                let entries = &history.entries[apply.entries.clone()];
                let (t, at, settled) = (step.t, step.at, apply.settled);
                Some(Page { lineage, t, at, settled, entries })
            }
            Change::Restart(_) => None,
        });
        let dump = lineage.dump.iter().map(move |dump| {
            let entries = &history.entries[dump.entries.clone()];
            Page { lineage, t: dump.t, at: dump.at, settled: true, entries }
        });
        let reads = lineage.reads.iter().map(move |read| {
            let entries = &history.entries[read.entries.clone()];
            Page { lineage, t: read.t, at: read.at, settled: true, entries }
        });
        applies.chain(dump).chain(reads)
    })
}

/// What was seen, and where it belongs.
#[derive(Debug)]
pub(crate) struct Sightings {
    pub(crate) pairs: Pairs,
    seen: Vec<bool>,
}

impl Sightings {
    /// Reports what is invented (once for each token) and what is leaked (once for each token and lineage).
    pub(crate) fn judge(
        history: &History,
        sends: &Sends,
        (membership, channels): (&Membership, &Channels),
        standing: &Standing,
        findings: &mut Findings,
    ) -> Self {
        let pairs = Pairs::by_majority(history, sends);
        let mut seen = vec![false; history.tokens.len()];
        let mut invented = HashSet::new();
        let mut leaked = HashSet::new();
        let rights = Rights { membership, standing, channels };
        for page in pages(history) {
            for entry in page.entries {
                let message = sends.message(entry.token);
                let is_notice = history.notices.contains_key(&entry.token);
                if !is_notice
                    && let Some(fault) = invention(message, entry, &pairs)
                    && invented.insert(entry.token)
                {
                    findings.report(Bucket::Invented, page.at, || describe(history, &page, entry, fault));
                }
                let known = message.is_some() || is_notice;
                let leak = if known { rights.leak(message, entry, &page, &pairs) } else { None };
                seen[entry.token as usize] |= known && leak.is_none() && page.settled;
                if let Some(fault) = leak
                    && leaked.insert((entry.token, page.lineage.name.as_str()))
                {
                    findings.report(Bucket::Leaked, page.at, || describe(history, &page, entry, fault));
                }
            }
        }
        Self { pairs, seen }
    }

    /// Whether a lineage entitled to it was given this message, other than while the power was going away.
    pub(crate) fn seen(&self, token: u32) -> bool {
        self.seen[token as usize]
    }
}

fn invention(message: Option<&Message>, entry: &Entry, pairs: &Pairs) -> Option<&'static str> {
    let Some(message) = message else {
        return Some("nobody sent it");
    };
    if message.refused {
        Some("it was finally refused")
    } else if message.sender != entry.sender {
        Some("another user sent it")
    } else if entry.id != Entry::NO_ID && entry.id != message.id {
        Some("it was sent with another id")
    } else if !pairs.agree(message, entry.conversation) {
        Some("it was sent to another conversation")
    } else {
        None
    }
}

fn describe(history: &History, page: &Page<'_>, entry: &Entry, fault: &str) -> String {
    let place = history.place(entry.conversation, entry.seq);
    format!("{} has {} at {place}: {fault}", page.lineage.name, history.token(entry.token))
}
