//! How much of the index is live: the bytes of its keys and values, added up a few rows at a time.
//!
//! An engine does not know it, and to ask for all at once would read the whole index. A lap takes as long as there are rows;
//! what is written meanwhile is in this lap or the next, so the sum is true to what a lap misses.

use std::ops::ControlFlow;

use super::{
    engine::Direction,
    view::{ReadFault, View},
};

/// A lap in progress, and what the last one found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IndexSurvey {
    /// Where the lap goes on; nothing at its beginning.
    from: Vec<u8>,
    /// What it has found so far.
    bytes: u64,
    /// What the last whole lap found.
    live_bytes: Option<u64>,
}

impl IndexSurvey {
    /// Bytes of all keys and values, as the last whole lap found them; `None` before the end of the first.
    #[must_use]
    pub fn live_bytes(&self) -> Option<u64> {
        self.live_bytes
    }

    /// Whether the next step begins a lap.
    #[must_use]
    pub fn is_at_the_beginning(&self) -> bool {
        self.from.is_empty()
    }
}

impl View {
    /// Goes on with a survey by so many rows, or to the end of the lap.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn survey(&self, mut survey: IndexSurvey, rows_max: usize) -> Result<IndexSurvey, ReadFault> {
        let from = std::mem::take(&mut survey.from);
        let mut left = rows_max;
        let mut add = |key: &[u8], value: &[u8]| {
            if left == 0 {
                survey.from = key.to_vec();
                return ControlFlow::Break(());
            }
            left -= 1;
            survey.bytes += (key.len() + value.len()) as u64;
            ControlFlow::Continue(())
        };
        self.engine.scan(&from, None, Direction::Forward, &mut add)?;
        if survey.from.is_empty() {
            survey.live_bytes = Some(std::mem::take(&mut survey.bytes));
        }
        Ok(survey)
    }

    /// Bytes that the index takes on the disk.
    #[must_use]
    pub fn index_disk_bytes(&self) -> u64 {
        self.engine.size_on_disk()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::sync::Arc;

    use super::*;
    use crate::{
        model::Version,
        store::{
            engine::{Engine, IndexBatch},
            engine_memory::MemoryEngine,
            tail::Tail,
        },
    };

    fn filled(rows: u32) -> Arc<dyn Engine> {
        let engine = MemoryEngine::new();
        for row in 0..rows {
            let mut batch = IndexBatch::new();
            batch.put(&row.to_be_bytes(), vec![7; 96]).unwrap();
            engine.apply(&batch).unwrap();
        }
        Arc::new(engine)
    }

    #[test]
    fn laps_of_any_step_find_all_bytes_and_begin_anew() {
        for rows in [0, 1, 99, 100, 101, 1_000] {
            let engine = filled(rows);
            let view = View::new(&Arc::new(Tail::new(Version(0))), &engine);
            for step in [1, 7, 100, 5_000] {
                let mut survey = IndexSurvey::default();
                let mut steps = 0;
                while survey.live_bytes().is_none() {
                    survey = view.survey(survey, step).unwrap();
                    steps += 1;
                    assert!(steps <= rows as usize / step + 1, "{rows} rows by {step}");
                }
                assert_eq!(survey.live_bytes(), Some(u64::from(rows) * 100));
                let next = view.survey(survey.clone(), step).unwrap();
                assert_eq!(next.live_bytes(), survey.live_bytes(), "known while the next lap runs");
            }
        }
    }
}
