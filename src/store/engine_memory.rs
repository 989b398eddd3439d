//! An index engine in memory, for simulation and tests: it forgets at a crash what was not synced.

use std::collections::BTreeMap;
use std::ops::{Bound, ControlFlow};

use parking_lot::RwLock;

use super::engine::{Direction, EngineFault, IndexBatch, RawEngine};

/// Entries that a scan copies under the lock before it visits them, so that a visit may read and a scan does not stop
/// writers. Between two slices a batch may come in, as it may with the engines on disk.
const SCAN_SLICE_ENTRIES: usize = 64;

/// Keys and sealed values in a map. Share it as `Arc<MemoryEngine>` and keep the `Arc` across a simulated restart.
///
/// Not bounded: it is as large as what the test puts into it.
#[derive(Debug, Default)]
pub struct MemoryEngine {
    state: RwLock<State>,
}

#[derive(Debug, Default)]
struct State {
    /// What readers see.
    applied: BTreeMap<Vec<u8>, Vec<u8>>,
    /// For every key changed since the last sync, what is durable under it.
    durable_before: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
}

impl MemoryEngine {
    /// An engine with nothing in it.
    pub fn new() -> MemoryEngine {
        MemoryEngine::default()
    }

    /// A power cut: everything applied since the last sync is gone.
    pub fn crash(&self) {
        let mut state = self.state.write();
        for (key, durable) in std::mem::take(&mut state.durable_before) {
            match durable {
                Some(value) => state.applied.insert(key, value),
                None => state.applied.remove(&key),
            };
        }
    }
}

impl RawEngine for MemoryEngine {
    fn raw_get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, EngineFault> {
        Ok(self.state.read().applied.get(key).cloned())
    }

    fn raw_scan(
        &self,
        from: &[u8],
        to: Option<&[u8]>,
        direction: Direction,
        visit: &mut dyn FnMut(&[u8], &[u8]) -> ControlFlow<()>,
    ) -> Result<(), EngineFault> {
        let mut lower = Bound::Included(from.to_vec());
        let mut upper = to.map_or(Bound::Unbounded, |to| Bound::Excluded(to.to_vec()));
        loop {
            let slice = self.slice(&lower, &upper, direction);
            for (key, sealed) in &slice {
                if visit(key, sealed).is_break() {
                    return Ok(());
                }
            }
            if slice.len() < SCAN_SLICE_ENTRIES {
                return Ok(());
            }
            let Some((last, _)) = slice.into_iter().next_back() else {
                return Ok(());
            };
            match direction {
                Direction::Forward => lower = Bound::Excluded(last),
                Direction::Backward => upper = Bound::Excluded(last),
            }
            if is_empty(&lower, &upper) {
                return Ok(());
            }
        }
    }

    fn raw_apply(&self, batch: &IndexBatch) -> Result<(), EngineFault> {
        let state = &mut *self.state.write();
        for record in batch.records() {
            let before = match &record.sealed {
                Some(sealed) => state.applied.insert(record.key.clone(), sealed.clone()),
                None => state.applied.remove(&record.key),
            };
            state.durable_before.entry(record.key.clone()).or_insert(before);
        }
        Ok(())
    }

    fn raw_sync(&self) -> Result<(), EngineFault> {
        self.state.write().durable_before.clear();
        Ok(())
    }

    fn raw_size_on_disk(&self) -> u64 {
        0
    }

    fn raw_name(&self) -> &'static str {
        "memory"
    }
}

impl MemoryEngine {
    /// The next entries of a scan, copied.
    fn slice(
        &self,
        lower: &Bound<Vec<u8>>,
        upper: &Bound<Vec<u8>>,
        direction: Direction,
    ) -> Vec<(Vec<u8>, Vec<u8>)> {
        let state = self.state.read();
        let range = state.applied.range::<Vec<u8>, _>((lower.as_ref(), upper.as_ref()));
        let copied = |(key, sealed): (&Vec<u8>, &Vec<u8>)| (key.clone(), sealed.clone());
        match direction {
            Direction::Forward => range.take(SCAN_SLICE_ENTRIES).map(copied).collect(),
            Direction::Backward => range.rev().take(SCAN_SLICE_ENTRIES).map(copied).collect(),
        }
    }
}

/// Whether two bounds of a running scan have met. `BTreeMap::range` panics on what lies behind that point.
fn is_empty(lower: &Bound<Vec<u8>>, upper: &Bound<Vec<u8>>) -> bool {
    match (lower, upper) {
        (Bound::Included(lower) | Bound::Excluded(lower), Bound::Excluded(upper)) => lower >= upper,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::store::engine::Engine;
    use crate::store::engine_conformance::{Fixture, conformance};
    use std::sync::Arc;

    struct InMemory(Arc<MemoryEngine>);

    impl Fixture for InMemory {
        type Raw = MemoryEngine;

        fn new() -> InMemory {
            InMemory(Arc::default())
        }

        fn open(&self) -> Arc<MemoryEngine> {
            self.0.clone()
        }

        fn restart(&self, engine: Arc<MemoryEngine>) -> Arc<MemoryEngine> {
            engine.crash();
            engine
        }
    }

    conformance!(InMemory);

    fn put(engine: &MemoryEngine, key: &[u8], value: &[u8]) {
        let mut batch = IndexBatch::new();
        batch.put(key, value.to_vec()).unwrap();
        engine.apply(&batch).unwrap();
    }

    #[test]
    fn a_crash_brings_back_what_was_durable_however_often_it_was_changed() {
        let engine = MemoryEngine::new();
        put(&engine, b"kept", b"1");
        put(&engine, b"deleted", b"1");
        engine.sync().unwrap();
        put(&engine, b"kept", b"2");
        put(&engine, b"kept", b"3");
        put(&engine, b"new", b"1");
        let mut batch = IndexBatch::new();
        batch.delete(b"deleted").unwrap();
        batch.delete(b"new").unwrap();
        engine.apply(&batch).unwrap();
        put(&engine, b"new", b"2");
        engine.crash();
        assert_eq!(engine.get(b"kept").unwrap().unwrap(), b"1");
        assert_eq!(engine.get(b"deleted").unwrap().unwrap(), b"1");
        assert_eq!(engine.get(b"new").unwrap(), None);
    }
}
