//! What is missing at the end: acknowledged messages, half-delivered ones, and holes that nothing explains.

use std::collections::{BTreeMap, HashSet};

use crate::dumps;
use crate::findings::{Bucket, Findings};
use crate::history::{Change, Dump, History, Lineage};
use crate::positions::{Place, Positions};
use crate::sends::Sends;
use crate::sightings::Sightings;

/// How many lineages an event names before it only counts them.
const LINEAGES_NAMED: usize = 4;

/// Compares every complete store with what its user is entitled to. Reports each message that is missing
/// anywhere once, as lost or as unseen, and each hole (skipped). A lineage that is stuck is judged for neither:
/// it is reported as such.
pub(crate) fn judge(
    history: &History,
    sends: &Sends,
    sightings: &Sightings,
    positions: &Positions,
    findings: &mut Findings,
) {
    let expected = expected_by_user(history, sends, sightings);
    let mut missing: BTreeMap<u32, Vec<&str>> = BTreeMap::new();
    // By token, the number of the last dump that holds it, from 1.
    let mut held_by = vec![0u32; history.tokens.len()];
    for (lineage, number) in history.lineages.iter().zip(1u32..) {
        let Some(dump) = dumps::complete(lineage, history) else {
            continue;
        };
        for entry in &history.entries[dump.entries.clone()] {
            held_by[entry.token as usize] = number;
        }
        let mut absent = HashSet::new();
        if lineage.declared {
            for &token in &expected[lineage.user as usize] {
                if held_by[token as usize] != number {
                    missing.entry(token).or_default().push(&lineage.name);
                    absent.extend(positions.place(token));
                }
            }
        }
        Holes { history, sightings, positions, lineage, dump, absent: &absent }.report(findings);
    }
    for (token, lineages) in missing {
        report_missing(history, sends, positions, token, &lineages, findings);
    }
}

/// By user, the tokens that every lineage live from the beginning must hold: what was acknowledged, and what was
/// shown to anybody entitled to it, for reading is telling. What was refused is judged as invented.
fn expected_by_user(history: &History, sends: &Sends, sightings: &Sightings) -> Vec<Vec<u32>> {
    let mut expected = vec![Vec::new(); history.users.len()];
    for (token, message) in sends.all() {
        if message.acknowledged.is_some() || (sightings.seen(token) && !message.refused) {
            let (one, other) = message.pair();
            expected[one as usize].push(token);
            if other != one {
                expected[other as usize].push(token);
            }
        }
    }
    expected
}

fn report_missing(
    history: &History,
    sends: &Sends,
    positions: &Positions,
    token: u32,
    lineages: &[&str],
    findings: &mut Findings,
) {
    let message = sends.message(token).expect("only messages are expected");
    let (bucket, word, at) = match message.acknowledged {
        Some((_, at)) => (Bucket::Lost, "acknowledged", at),
        None => (Bucket::Unseen, "shown to others", message.invoked.1),
    };
    findings.report(bucket, at, || {
        let place = positions.place(token).map(|place| history.place(place.conversation, place.seq));
        let named = lineages[..lineages.len().min(LINEAGES_NAMED)].join(", ");
        let (token, place) = (history.token(token), place.unwrap_or_default());
        format!("{token}, {word} at {place}, is missing from {} lineages: {named}", lineages.len())
    });
}

/// The holes in one store.
struct Holes<'j> {
    history: &'j History,
    sightings: &'j Sightings,
    positions: &'j Positions,
    lineage: &'j Lineage,
    dump: &'j Dump,
    /// Where messages stand that are reported as missing: they explain a hole.
    absent: &'j HashSet<Place>,
}

impl Holes<'_> {
    /// One that was live from the beginning holds seqs from 1; another from wherever it came in, and it may lack
    /// what a gap named.
    fn report(&self, findings: &mut Findings) {
        let late = !self.lineage.declared;
        if late && self.was_told_of_a_gap() {
            return;
        }
        let places = self.places();
        for conversation in places.chunk_by(|a, b| a.conversation == b.conversation) {
            let mut next = if late { conversation[0].seq } else { 1 };
            for &place in conversation {
                if place.seq > next && !self.explained(next, place) {
                    findings.report(Bucket::Skipped, self.dump.at, || {
                        let (place, last) = (self.history.place(place.conversation, next), place.seq - 1);
                        format!("{} has a hole from {place} to seq {last}", self.lineage.name)
                    });
                }
                next = next.max(place.seq.saturating_add(1));
            }
        }
    }

    fn was_told_of_a_gap(&self) -> bool {
        let mut changes = self.lineage.steps.iter().map(|step| &step.change);
        changes.any(|change| matches!(change, Change::Apply(apply) if apply.flags.gap))
    }

    /// Sorted places of what it holds in its user's conversations. The second place of a duplicated message is
    /// not counted: it is reported already.
    fn places(&self) -> Vec<Place> {
        let entries = &self.history.entries[self.dump.entries.clone()];
        let mut places: Vec<Place> = entries
            .iter()
            .map(|entry| (entry.token, Place { conversation: entry.conversation, seq: entry.seq }))
            .filter(|&(token, place)| {
                self.sightings.pairs.include(place.conversation, self.lineage.user)
                    && (!self.positions.duplicated(token) || self.positions.place(token) == Some(place))
            })
            .map(|(_, place)| place)
            .collect();
        places.sort_unstable();
        places
    }

    /// Whether a missing message stands at every seq from `next` up to that of `place`.
    fn explained(&self, next: u64, place: Place) -> bool {
        // A hole wider than the number of missing messages ends this after as many steps.
        (next..place.seq).all(|seq| self.absent.contains(&Place { conversation: place.conversation, seq }))
    }
}
