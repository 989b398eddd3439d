//! The stores at the end, each by itself: is there one, does it hold anything twice, is its order that of seq?

use std::collections::HashMap;

use crate::findings::{Bucket, Findings};
use crate::history::{Dump, History, Lineage};
use crate::positions::{Place, Positions};

/// The dump of a lineage that reached the end, after the last heal.
pub(crate) fn complete<'h>(lineage: &'h Lineage, history: &History) -> Option<&'h Dump> {
    lineage
        .dump
        .as_ref()
        .filter(|dump| dump.synced && history.healed_at.is_none_or(|healed| healed <= dump.t))
}

/// Looks at every store. Reports lineages that are stuck, and within a store what is duplicated or reordered.
pub(crate) fn judge(history: &History, positions: &Positions, findings: &mut Findings) {
    // By token, the number of the last dump that holds it, from 1: cheaper than a set for each dump.
    let mut held_by = vec![0u32; history.tokens.len()];
    for (lineage, number) in history.lineages.iter().zip(1u32..) {
        let Some(dump) = &lineage.dump else {
            // A device that was ended cannot sync, and its client may have gone with it.
            if lineage.ended.is_none() {
                findings.report(Bucket::Stuck, lineage.at, || format!("{} left no dump", lineage.name));
            }
            continue;
        };
        if complete(lineage, history).is_none() && lineage.ended.is_none() {
            let why = if dump.synced { "its dump is from before the last heal" } else { "it could not sync" };
            findings
                .report(Bucket::Stuck, dump.at, || format!("{} did not reach the end: {why}", lineage.name));
        }
        let mut newest: HashMap<u32, u64> = HashMap::new();
        for entry in &history.entries[dump.entries.clone()] {
            let place = Place { conversation: entry.conversation, seq: entry.seq };
            if std::mem::replace(&mut held_by[entry.token as usize], number) == number {
                if !positions.duplicated(entry.token) {
                    findings.report(Bucket::Duplicated, dump.at, || {
                        format!("{} holds {} twice", lineage.name, history.token(entry.token))
                    });
                }
                continue;
            }
            let newest = newest.entry(entry.conversation).or_insert(entry.seq);
            if entry.seq < *newest && !positions.contested(place) {
                findings.report(Bucket::Reordered, dump.at, || {
                    let place = history.place(entry.conversation, entry.seq);
                    format!("{} holds {place} after seq {newest}", lineage.name)
                });
            }
            *newest = entry.seq.max(*newest);
        }
    }
}
