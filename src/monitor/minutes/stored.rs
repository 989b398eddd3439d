//! Minutes from an earlier process, and for a later one.

use super::{HOURS, MINUTES_PER_HOUR, Minute, Minutes};
use crate::{
    model::{PointIds, PointRow},
    monitor::values::Values,
};

impl Minutes {
    /// Takes up stored minutes, oldest first, before the first tick. Of an id that is not registered any more
    /// nothing is taken; one that a row does not have is missing up to it.
    pub fn load(&mut self, rows: &[PointRow]) {
        assert!(self.open.is_none(), "stored points are loaded before counting begins");
        for row in rows {
            let minute = Minute(row.slot);
            assert!(self.newest.is_none_or(|newest| newest < minute), "stored minutes ascend");
            self.open_hour(minute);
            for index in 0..self.ids.len() {
                let value = row.value(self.ids[index].0);
                self.store(index, minute, value.unwrap_or(0));
                if value.is_none() {
                    self.known_from[index] = minute.plus(1);
                }
            }
            self.note_present(minute);
        }
    }

    /// Gives the open minute a point of what was counted so far; it stays open, and what comes is combined with it.
    pub fn close(&mut self, values: impl Values) {
        if let Some(open) = self.open {
            self.emit(open, values);
        }
    }

    /// All minutes that have points, oldest first: at most what the ring holds, 1,500.
    #[must_use]
    pub fn present(&self) -> Vec<Minute> {
        self.present_from(None)
    }

    /// The minutes from this one on that have points, oldest first; all that are kept if there is none. At most what the
    /// ring holds, 1,500.
    #[must_use]
    pub fn rows_from(&self, from: Option<Minute>) -> Vec<PointRow> {
        let all_known_from = self.known_from.iter().max().copied();
        let row = |minute: Minute| {
            let is_known = |index: &usize| minute >= self.known_from[*index];
            let known: Vec<usize> = (0..self.ids.len()).filter(is_known).collect();
            let ids = if all_known_from.is_none_or(|from| minute >= from) {
                PointIds::clone(&self.ids)
            } else {
                known.iter().map(|index| self.ids[*index]).collect()
            };
            let values = known.into_iter().map(|index| self.stored(index, minute)).collect();
            PointRow { slot: minute.0, minutes: 1, ids, values }
        };
        self.present_from(from).into_iter().map(row).collect()
    }

    fn present_from(&self, from: Option<Minute>) -> Vec<Minute> {
        let Some(newest) = self.newest else {
            return Vec::new();
        };
        let oldest = newest.plus(1 - (HOURS * MINUTES_PER_HOUR) as i64);
        let first = from.map_or(oldest, |from| from.max(oldest));
        (first.0..=newest.0).map(Minute).filter(|minute| self.is_present(*minute)).collect()
    }
}
