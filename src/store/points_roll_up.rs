//! From minutes to longer stretches. Pure.

use crate::model::{PointRow, Resolution};

/// The rows of longer stretches that the minutes add up to. `minutes` ascend; the last row may be of a stretch that is
/// still running.
pub(crate) fn roll_up<'a>(
    minutes: impl IntoIterator<Item = &'a PointRow>,
    resolution: Resolution,
) -> Vec<PointRow> {
    let mut rolled: Vec<PointRow> = Vec::new();
    for minute in minutes {
        let slot = resolution.slot_of(minute.slot);
        match rolled.pop_if(|row| row.slot == slot) {
            Some(row) => rolled.push(row.followed_by(minute)),
            None => rolled.push(PointRow { slot, ..minute.clone() }),
        }
    }
    rolled
}
