//! What is missing at the end: acknowledged messages, half-delivered ones, and holes that nothing explains.

use std::collections::{BTreeMap, HashSet};

use crate::channels::Channels;
use crate::dumps;
use crate::findings::{Bucket, Findings};
use crate::history::{History, Lineage};
use crate::holes::Holes;
use crate::membership::Membership;
use crate::positions::{Place, Positions};
use crate::sends::Sends;
use crate::sightings::Sightings;

/// How many lineages an event names before it only counts them.
const LINEAGES_NAMED: usize = 4;

/// What was sent and seen, where it stands, and who may have it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Told<'t> {
    pub(crate) sends: &'t Sends,
    pub(crate) sightings: &'t Sightings,
    pub(crate) positions: &'t Positions,
    pub(crate) membership: &'t Membership,
    pub(crate) channels: &'t Channels,
}

/// Compares every complete store with what its user is entitled to. Reports each entry that is missing anywhere
/// once, as lost, partial or unseen, and each hole (skipped). A lineage that is stuck is judged for neither: it is
/// reported as such. To a device that was ended nothing is owed.
pub(crate) fn judge(history: &History, told: Told<'_>, findings: &mut Findings) {
    let expected = expected_by_user(history, told);
    // By token, how many complete stores must hold it.
    let mut wanted = vec![0u32; history.tokens.len()];
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
        if lineage.declared && lineage.ended.is_none() {
            for &token in &expected[lineage.user as usize] {
                wanted[token as usize] += 1;
                if held_by[token as usize] != number && !is_named(told, lineage, token) {
                    missing.entry(token).or_default().push(&lineage.name);
                    absent.extend(told.positions.place(token));
                }
            }
        }
        Holes { history, told, lineage, dump, absent: &absent }.report(findings);
    }
    for (token, lineages) in missing {
        let nowhere = lineages.len() == wanted[token as usize] as usize;
        report_missing(history, told, (token, nowhere), &lineages, findings);
    }
}

/// By user, the tokens that every lineage live from the beginning must hold: what was acknowledged, and what was
/// shown to anybody entitled to it, for reading is telling. What was refused is judged as invented.
fn expected_by_user(history: &History, told: Told<'_>) -> Vec<Vec<u32>> {
    let Told { sends, sightings, .. } = told;
    let mut expected = vec![Vec::new(); history.users.len()];
    for (token, message) in sends.all() {
        if message.acknowledged.is_none() && (!sightings.seen(token) || message.refused) {
            continue;
        }
        match message.pair() {
            Some((one, other)) => {
                expected[one as usize].push(token);
                if other != one {
                    expected[other as usize].push(token);
                }
            }
            None => expect_of_members(told, token, &mut expected),
        }
    }
    let mut notices: Vec<u32> = history.notices.keys().copied().collect();
    notices.sort_unstable();
    for token in notices.into_iter().filter(|token| sightings.seen(*token)) {
        expect_of_members(told, token, &mut expected);
    }
    expected
}

/// An entry of a group is owed to everybody whose membership contains its place, one of a channel to whom it surely is, and
/// one that tells an erasure to the two of a conversation. Without one sure place it is reported elsewhere.
fn expect_of_members(told: Told<'_>, token: u32, expected: &mut [Vec<u32>]) {
    let Some(place) = told.positions.sure_place(token) else {
        return;
    };
    if let Some((one, other)) = told.sightings.pairs.of(place.conversation) {
        expected[one as usize].push(token);
        expected[other as usize].push(token);
        return;
    }
    if told.channels.is_channel(place.conversation) {
        for (user, expected) in (0u32..).zip(expected) {
            if told.channels.is_mine(place.conversation, user, place.seq) {
                expected.push(token);
            }
        }
        return;
    }
    for (user, intervals) in told.membership.of(place.conversation) {
        let is_owed = intervals.iter().any(|interval| interval.contains(place.seq));
        if is_owed && !told.membership.is_doubtful(place.conversation, user) {
            expected[user as usize].push(token);
        }
    }
}

/// Whether a post was named to a lineage as passed over, which is all that it is told.
fn is_named(told: Told<'_>, lineage: &Lineage, token: u32) -> bool {
    let place = told.positions.place(token).filter(|place| told.channels.is_channel(place.conversation));
    place.is_some_and(|place| names(lineage, place))
}

/// Whether a page of a lineage named this place instead of telling it.
pub(crate) fn names(lineage: &Lineage, Place { conversation, seq }: Place) -> bool {
    lineage.gaps.iter().any(|gap| gap.conversation == conversation && gap.from <= seq && seq <= gap.to)
}

/// `nowhere` if no store has it that should.
fn report_missing(
    history: &History,
    told: Told<'_>,
    (token, nowhere): (u32, bool),
    lineages: &[&str],
    findings: &mut Findings,
) {
    let message = told.sends.message(token);
    let of_a_group = message.is_none_or(|message| message.pair().is_none());
    let shown = told.positions.shown_at(token);
    let (bucket, word, at) = match message.map(|message| (message.acknowledged, message.invoked.1)) {
        Some((Some((_, at)), _)) if of_a_group && !nowhere => (Bucket::Partial, "acknowledged", at),
        Some((Some((_, at)), _)) => (Bucket::Lost, "acknowledged", at),
        Some((None, at)) => (Bucket::Unseen, "shown to others", at),
        None if nowhere => (Bucket::Lost, "shown before", shown),
        None => (Bucket::Partial, "shown to others", shown),
    };
    findings.report(bucket, at, || {
        let place = told.positions.place(token).map(|place| history.place(place.conversation, place.seq));
        let named = lineages[..lineages.len().min(LINEAGES_NAMED)].join(", ");
        let (token, place) = (history.token(token), place.unwrap_or_default());
        format!("{token}, {word} at {place}, is missing from {} lineages: {named}", lineages.len())
    });
}
