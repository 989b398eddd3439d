//! Every entry that a lineage was given: was it sent, so, by this sender, and may this user see it?

use std::collections::HashSet;

use crate::findings::{Bucket, Findings};
use crate::history::{At, Change, Entry, History, Lineage};
use crate::pairs::Pairs;
use crate::sends::{Message, Sends};

/// Entries that one lineage was given or held at one time.
#[derive(Debug)]
pub(crate) struct Page<'h> {
    pub(crate) lineage: &'h Lineage,
    pub(crate) at: At,
    /// False when it raced a power cut.
    pub(crate) settled: bool,
    pub(crate) entries: &'h [Entry],
}

/// All pages of a history: the applies of each lineage in order of time, then its dump.
pub(crate) fn pages(history: &History) -> impl Iterator<Item = Page<'_>> {
    history.lineages.iter().flat_map(move |lineage| {
        let applies = lineage.steps.iter().filter_map(move |step| match &step.change {
            Change::Apply(apply) => {
                let entries = &history.entries[apply.entries.clone()];
                Some(Page { lineage, at: step.at, settled: apply.settled, entries })
            }
            Change::Restart(_) => None,
        });
        let dump = lineage.dump.iter().map(move |dump| {
            let entries = &history.entries[dump.entries.clone()];
            Page { lineage, at: dump.at, settled: true, entries }
        });
        applies.chain(dump)
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
    pub(crate) fn judge(history: &History, sends: &Sends, findings: &mut Findings) -> Self {
        let pairs = Pairs::by_majority(history, sends);
        let mut seen = vec![false; history.tokens.len()];
        let mut invented = HashSet::new();
        let mut leaked = HashSet::new();
        for page in pages(history) {
            for entry in page.entries {
                let message = sends.message(entry.token);
                if let Some(fault) = invention(message, entry, &pairs)
                    && invented.insert(entry.token)
                {
                    findings.report(Bucket::Invented, page.at, || describe(history, &page, entry, fault));
                }
                let entitled = message.is_some_and(|message| message.entitles(page.lineage.user));
                seen[entry.token as usize] |= entitled && page.settled;
                let known = message.is_some();
                if known && !entitled && leaked.insert((entry.token, page.lineage.name.as_str())) {
                    let fault = "its user is neither sender nor recipient";
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
