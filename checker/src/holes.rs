//! Holes in one store that nothing explains.

use std::collections::HashSet;

use crate::delivery::{Told, names};
use crate::findings::{Bucket, Findings};
use crate::history::{Change, Dump, History, Lineage};
use crate::membership::Interval;
use crate::positions::Place;

/// The holes in one store.
pub(crate) struct Holes<'j> {
    pub(crate) history: &'j History,
    pub(crate) told: Told<'j>,
    pub(crate) lineage: &'j Lineage,
    pub(crate) dump: &'j Dump,
    /// Where messages stand that are reported as missing: they explain a hole.
    pub(crate) absent: &'j HashSet<Place>,
}

impl Holes<'_> {
    /// One that was live from the beginning holds seqs from 1, of a group from each join; another from wherever it
    /// came in, and it may lack what a gap named. One whose device has ended holds what it had by then.
    pub(crate) fn report(&self, findings: &mut Findings) {
        let late = !self.lineage.declared;
        if late && self.was_told_of_a_gap() {
            return;
        }
        let places = self.places();
        for places in places.chunk_by(|a, b| a.conversation == b.conversation) {
            let conversation = places[0].conversation;
            if self.told.channels.is_channel(conversation) {
                self.report_in_channel(conversation, places, late, findings);
                continue;
            }
            if !self.told.membership.is_group(conversation) {
                self.report_between(if late { places[0].seq } else { 1 }, places, findings);
                continue;
            }
            for interval in self.told.membership.intervals(conversation, self.lineage.user) {
                let inside = inside(places, interval);
                let first = inside.first().filter(|place| late && **place == places[0]);
                let from = first.map_or(interval.join, |place| place.seq);
                self.report_between(from, inside, findings);
            }
        }
    }

    /// Of a channel, holes in what surely is its user's.
    fn report_in_channel(&self, channel: u32, places: &[Place], late: bool, findings: &mut Findings) {
        for &(first, last) in self.told.channels.mine(channel, self.lineage.user) {
            let inside = inside(places, &Interval { join: first, leave: Some(last) });
            let came_in = inside.first().filter(|place| late && **place == places[0]);
            self.report_between(came_in.map_or(first, |place| place.seq), inside, findings);
        }
    }

    fn report_between(&self, from: u64, places: &[Place], findings: &mut Findings) {
        let mut next = from;
        for &place in places {
            if place.seq > next && !self.explained(next, place) {
                findings.report(Bucket::Skipped, self.dump.at, || {
                    let (place, last) = (self.history.place(place.conversation, next), place.seq - 1);
                    format!("{} has a hole from {place} to seq {last}", self.lineage.name)
                });
            }
            next = next.max(place.seq.saturating_add(1));
        }
    }

    fn was_told_of_a_gap(&self) -> bool {
        let mut changes = self.lineage.steps.iter().map(|step| &step.change);
        changes.any(|change| matches!(change, Change::Apply(apply) if apply.flags.gap))
    }

    /// Sorted places of what it holds in its user's conversations. The second place of a duplicated message is
    /// not counted: it is reported already.
    fn places(&self) -> Vec<Place> {
        let user = self.lineage.user;
        let Told { sightings, positions, membership, channels, .. } = self.told;
        let entries = &self.history.entries[self.dump.entries.clone()];
        let mut places: Vec<Place> = entries
            .iter()
            .map(|entry| (entry.token, Place { conversation: entry.conversation, seq: entry.seq }))
            .filter(|&(token, place)| {
                let mine = sightings.pairs.include(place.conversation, user)
                    || membership.contains(place.conversation, user, place.seq)
                    || channels.is_mine(place.conversation, user, place.seq);
                mine && (!positions.duplicated(token) || positions.place(token) == Some(place))
            })
            .map(|(_, place)| place)
            .collect();
        places.sort_unstable();
        places
    }

    /// Whether a missing message stands, or a post that was named, at every seq from `next` up to that of `place`.
    fn explained(&self, next: u64, place: Place) -> bool {
        // A hole wider than the number of missing messages ends this after as many steps.
        let is_channel = self.told.channels.is_channel(place.conversation);
        let is_known =
            |place: Place| self.absent.contains(&place) || is_channel && names(self.lineage, place);
        (next..place.seq).all(|seq| is_known(Place { conversation: place.conversation, seq }))
    }
}

/// Of the sorted places of one conversation, those in an interval.
fn inside<'p>(places: &'p [Place], interval: &Interval) -> &'p [Place] {
    let begin = places.partition_point(|place| place.seq < interval.join);
    let end = places.partition_point(|place| interval.leave.is_none_or(|leave| place.seq <= leave));
    &places[begin..end.max(begin)]
}
