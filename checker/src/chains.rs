//! Each lineage from answer to answer: every one continues the snapshot before it, nothing is given twice, and
//! seqs grow.
//!
//! A lineage may be given something again only after it lawfully presented an older snapshot (it was killed and
//! its store came back older), or when the server rebuilds it.

use std::collections::{HashMap, HashSet};

use crate::findings::{Bucket, Findings};
use crate::history::{Apply, At, Change, Entry, History, Lineage};

use crate::positions::{Place, Positions};
use crate::written::SnapshotName;

/// Follows every lineage. Reports what is rewound, and within a chain duplicated and reordered.
pub(crate) fn judge(history: &History, positions: &Positions, findings: &mut Findings) {
    for lineage in &history.lineages {
        let mut judge = Judge { history, positions, lineage, findings, chain: Chain::default() };
        for step in &lineage.steps {
            match &step.change {
                Change::Apply(apply) => judge.apply(apply, step.at),
                Change::Restart(snapshot) => judge.chain.restart(*snapshot),
            }
        }
    }
}

struct Judge<'j> {
    history: &'j History,
    positions: &'j Positions,
    lineage: &'j Lineage,
    findings: &'j mut Findings,
    chain: Chain,
}

impl Judge<'_> {
    fn apply(&mut self, apply: &Apply, at: At) {
        if apply.flags.rebuild {
            if !self.chain.rebuild_continues(apply.base) {
                self.chain.forget();
            }
            self.chain.reach(apply.base);
        } else {
            self.check_base(apply, at);
        }
        for entry in &self.history.entries[apply.entries.clone()] {
            self.deliver(entry, at);
        }
        self.check_snapshot(apply, at);
        self.chain.reach(apply.snapshot);
        self.chain.rebuild_is_open = apply.flags.rebuild && apply.flags.more && apply.settled;
    }

    fn check_base(&mut self, apply: &Apply, at: At) {
        match self.chain.expected {
            None => self.chain.reach(apply.base),
            Some(expected) if expected == apply.base => {}
            Some(expected) => {
                self.findings.report(Bucket::Rewound, at, || {
                    let (base, held) = (say(apply.base), say(expected));
                    format!("{} applied what continues {base}, and held {held}", self.lineage.name)
                });
                self.chain.rewind_if_known(apply.base);
            }
        }
    }

    /// Marks never fall, and equal marks make equal snapshots: one that comes back after another is a fall.
    fn check_snapshot(&mut self, apply: &Apply, at: At) {
        if apply.snapshot == apply.base || apply.flags.rebuild || !self.chain.knows(apply.snapshot) {
            return;
        }
        self.findings.report(Bucket::Rewound, at, || {
            let snapshot = say(apply.snapshot);
            format!("{} was given snapshot {snapshot}, which it had before", self.lineage.name)
        });
        self.chain.rewind_if_known(apply.snapshot);
    }

    fn deliver(&mut self, entry: &Entry, at: At) {
        let name = &self.lineage.name;
        if !self.chain.delivered.insert(entry.token) {
            if !self.positions.duplicated(entry.token) {
                self.findings.report(Bucket::Duplicated, at, || {
                    format!("{name} was given {} again along one chain", self.history.token(entry.token))
                });
            }
            return;
        }
        let newest = self.chain.newest.get(&entry.conversation).copied();
        let place = Place { conversation: entry.conversation, seq: entry.seq };
        let falls = newest.is_some_and(|newest| entry.seq < newest);
        if falls && !self.positions.contested(place) && !self.positions.duplicated(entry.token) {
            self.findings.report(Bucket::Reordered, at, || {
                let place = self.history.place(entry.conversation, entry.seq);
                format!("{name} was given {place} after seq {}", newest.unwrap_or_default())
            });
        }
        let seq = newest.map_or(entry.seq, |newest| newest.max(entry.seq));
        self.chain.newest.insert(entry.conversation, seq);
        self.chain.log.push(Delivery {
            token: entry.token,
            conversation: entry.conversation,
            before: newest,
        });
    }
}

/// What one lineage holds by the answers that it stored.
#[derive(Debug, Default)]
struct Chain {
    /// The snapshot that the next answer must continue; none while it is not known.
    expected: Option<SnapshotName>,
    /// Snapshots of this chain: how many came before, and how many deliveries.
    reached: HashMap<SnapshotName, (usize, usize)>,
    delivered: HashSet<u32>,
    /// Highest seq by conversation.
    newest: HashMap<u32, u64>,
    /// All deliveries in order, so that they can be taken back.
    log: Vec<Delivery>,
    rebuild_is_open: bool,
}

#[derive(Debug)]
struct Delivery {
    token: u32,
    conversation: u32,
    /// What was newest in the conversation before.
    before: Option<u64>,
}

impl Chain {
    fn rebuild_continues(&self, base: SnapshotName) -> bool {
        self.rebuild_is_open && self.expected == Some(base)
    }

    fn knows(&self, snapshot: SnapshotName) -> bool {
        self.reached.contains_key(&snapshot)
    }

    /// The lineage now holds `snapshot`.
    fn reach(&mut self, snapshot: SnapshotName) {
        if self.expected != Some(snapshot) || !self.knows(snapshot) {
            let before = self.reached.len();
            self.reached.insert(snapshot, (before, self.log.len()));
        }
        self.expected = Some(snapshot);
    }

    /// The client came back. With an older snapshot it may be given again what came after it; with one that no
    /// line names, the line of its last answer was lost with it.
    fn restart(&mut self, snapshot: Option<SnapshotName>) {
        self.rebuild_is_open = false;
        match snapshot {
            None => self.forget(),
            Some(same) if self.expected == Some(same) => {}
            Some(known) if self.knows(known) => {
                self.rewind_if_known(known);
                self.expected = Some(known);
            }
            Some(None) => {
                self.forget();
                self.reach(None);
            }
            Some(unknown) => self.reach(unknown),
        }
    }

    /// Takes back what was delivered after `snapshot`.
    fn rewind_if_known(&mut self, snapshot: SnapshotName) {
        let Some(&(order, deliveries)) = self.reached.get(&snapshot) else {
            return;
        };
        // A history may return to a snapshot that was reached after what was taken back before.
        let deliveries = deliveries.min(self.log.len());
        for delivery in self.log.drain(deliveries..).rev() {
            self.delivered.remove(&delivery.token);
            match delivery.before {
                Some(seq) => self.newest.insert(delivery.conversation, seq),
                None => self.newest.remove(&delivery.conversation),
            };
        }
        self.reached.retain(|_, &mut (other, _)| other <= order);
    }

    fn forget(&mut self) {
        *self = Self::default();
    }
}

fn say(snapshot: SnapshotName) -> String {
    snapshot.map_or_else(|| "the empty snapshot".to_owned(), |name| format!("{name:016x}"))
}
