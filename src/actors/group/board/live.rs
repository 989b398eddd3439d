//! What waits of the groups that have an actor, for operators: read beside the actors, without asking any.

use std::cmp::Reverse;

use super::{Groups, Place};
use crate::{logic::fan_out_job::Waiting, model::ConversationId};

/// A group of which something waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LiveGroup {
    /// Which.
    pub group: ConversationId,
    /// What of its fan-out waits.
    pub waiting: Waiting,
    /// Durable records that its members are not told of yet.
    pub records: usize,
}

/// The groups that have an actor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveGroups {
    /// How many.
    pub active: usize,
    /// Those that lag most: parked ones first, then by the age of what waits, then by id.
    pub lagging: Vec<LiveGroup>,
    /// How many more lag.
    pub left_out: usize,
}

impl Groups {
    /// What the groups do now. Of those of which something waits at most `max` are told.
    #[must_use]
    pub fn live(&self, max: usize) -> LiveGroups {
        let places = self.shared.places.lock();
        let lagging = places.iter().filter_map(|(group, place)| live(*group, place)).collect();
        let active = places.len();
        drop(places);
        let (lagging, left_out) = lagging_most(lagging, max);
        LiveGroups { active, lagging, left_out }
    }
}

fn live(group: ConversationId, place: &Place) -> Option<LiveGroup> {
    let waiting = place.job.waiting()?;
    Some(LiveGroup { group, waiting, records: place.told.len() })
}

/// Parked ones first, then the oldest; and how many more there are.
fn lagging_most(mut all: Vec<LiveGroup>, max: usize) -> (Vec<LiveGroup>, usize) {
    all.sort_unstable_by_key(|live| (Reverse(live.waiting.is_parked), live.waiting.since.0, live.group.0));
    let left_out = all.len().saturating_sub(max);
    all.truncate(max);
    (all, left_out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::TimeMs;

    fn live(group: u64, since: i64, is_parked: bool) -> LiveGroup {
        let waiting = Waiting { entries: 1, since: TimeMs(since), faults: 0, is_parked };
        LiveGroup { group: ConversationId(group), waiting, records: 0 }
    }

    #[test]
    fn those_that_lag_most_come_first_and_the_rest_is_counted() {
        let all = vec![
            live(1, 50, false),
            live(2, 10, false),
            live(3, 90, true),
            live(4, 10, false),
            live(5, 20, true),
        ];
        for (max, expected, left_out) in
            [(9, vec![5, 3, 2, 4, 1], 0), (3, vec![5, 3, 2], 2), (0, vec![], 5), (5, vec![5, 3, 2, 4, 1], 0)]
        {
            let (found, rest) = lagging_most(all.clone(), max);
            let ids: Vec<u64> = found.iter().map(|live| live.group.0).collect();
            assert_eq!((ids, rest), (expected, left_out), "at most {max}");
        }
    }
}
