//! What is told of the minutes in which lineages handed back: compared with the records themselves.

use highwater::{
    logic::hand_back_times::{MARKS_MAX, Minute, Versions},
    model::{Effect, Lineage, LineageId, TimeMs, UserId, Version},
};

use crate::world::World;

/// Marks that are remembered in half of the histories: so few that some are forgotten.
const FEW_MARKS: usize = 12;

pub fn any_bound(history_is_short_of_room: bool) -> usize {
    if history_is_short_of_room { FEW_MARKS } else { MARKS_MAX }
}

impl World {
    /// An operator asks when a client handed back some message.
    pub fn explain_one(&mut self) {
        let Some(place) = self.any_live_client() else {
            return;
        };
        let (user, lineage) = (self.clients[place].user, self.clients[place].lineage);
        let Some(row) = self.oracle.lineages.get(&user).and_then(|held| held.get(lineage)).copied() else {
            return;
        };
        let handed: Vec<(Version, TimeMs)> = self
            .oracle
            .inbox_above(user, row.from)
            .iter()
            // By its minute is found what came to inboxes when it was sent.
            .filter(|entry| entry.version <= row.acked_messages() && self.oracle.came_at_once(entry))
            // Posts are not noted.
            .filter(|entry| !self.oracle.channels.contains_key(&entry.message.conversation))
            .map(|entry| (entry.version, entry.message.sent_at))
            .collect();
        if handed.is_empty() {
            return;
        }
        let (version, sent_at) = handed[self.any(handed.len())];
        let exact = Versions { least: version, greatest: version };
        let of_minute = self.hand_backs.sent_within(sent_at).unwrap_or(exact);
        assert!(
            (of_minute.least..=of_minute.greatest).contains(&version),
            "{version} is not in {of_minute:?}"
        );
        let truth = self.passed(user, lineage, version);
        for versions in [exact, of_minute] {
            let told = self.hand_backs.handed_back(&row, versions, sent_at);
            let told = told.expect("its row says when its mark rose last");
            assert!(told.to >= truth, "handed back in {truth:?}, told {told:?} for {versions:?}");
            match told.from {
                Some(from) => {
                    // Sent by the wall clock, handed back by the observed time, which may be behind it.
                    let truth = truth.max(Minute::of(sent_at));
                    assert!(from <= truth, "handed back in {truth:?}, told {told:?}");
                    self.counts.saw("hand-back time known");
                }
                None => self.counts.saw("hand-back time not known"),
            }
        }
    }

    /// The same of several messages, when everybody has handed back.
    pub fn explain_some(&mut self) {
        for _ in 0..5 {
            self.explain_one();
        }
    }

    /// In which minute the mark of a lineage passed a version, by the records.
    fn passed(&self, user: UserId, lineage: LineageId, version: Version) -> Minute {
        let row_of = |effect: &Effect| match effect {
            Effect::Lineages(lineages) if lineages.user == user => lineages.get(lineage).copied(),
            _ => None,
        };
        let rows = self.oracle.records.values().flat_map(|record| record.effects.iter()).filter_map(row_of);
        let first: Lineage =
            rows.into_iter().find(|row| row.acked_messages() >= version).expect("it has passed it");
        Minute::of(first.handed.expect("its mark rose"))
    }
}
