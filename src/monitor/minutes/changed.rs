//! Ids that come and go while minutes are counted.

use super::{Minute, Minutes};
use crate::model::PointIds;

impl Minutes {
    /// Keeps points of these ids from now on, in ascending order. Those that stay have what they had; one that is new, or
    /// has another kind, is missing before the open minute; of one that went nothing is kept.
    pub fn change(&mut self, ids: PointIds) {
        assert!(ids.is_sorted_by(|a, b| a.0 < b.0), "ids ascend and none is used twice");
        let from = self.open.or(self.newest.map(|newest| newest.plus(1))).unwrap_or(Minute(i64::MIN));
        let (mut known_from, mut emitted, mut series) = (Vec::new(), Vec::new(), Vec::new());
        for id in ids.iter() {
            let before = self.index_of(id.0).filter(|index| self.ids[*index] == *id);
            known_from.push(before.map_or(from, |index| self.known_from[index]));
            emitted.push(before.map_or(0, |index| self.emitted[index]));
            series.push(before.and_then(|index| self.series[index].take()));
        }
        self.ids = ids;
        self.known_from = known_from.into();
        self.emitted = emitted.into();
        self.series = series.into();
    }
}
