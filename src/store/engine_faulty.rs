//! An engine that fails by plan, around another engine: for simulation and fault tests.
//!
//! It keeps the promises that an engine has in failure: whole batches only, writing refused after a failure until it is
//! reopened, and at a crash any prefix of the unsynced batches.

use std::ops::ControlFlow;

use parking_lot::Mutex;

use super::engine::{Direction, EngineFault, IndexBatch, RawEngine};
use super::engine_memory::MemoryEngine;

/// Most unsynced batches that the wrapper remembers for a crash. One more is a bug of the test: the store syncs every
/// batch or every few.
const MAX_UNSYNCED_BATCHES: usize = 65_536;

/// Which calls fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallFault {
    /// The first call that fails, counted from 1 since the engine was made. A call refused as poisoned is not counted.
    pub call: u64,
    /// Whether all later calls fail too, after reopening as well.
    pub from_then_on: bool,
    /// Whether the call does its work before it answers with an error, as a failed sync may have done.
    pub done_all_the_same: bool,
}

/// What goes wrong. The default is nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FaultPlan {
    /// Calls of `apply` that fail.
    pub apply: Option<CallFault>,
    /// Calls of `sync` that fail.
    pub sync: Option<CallFault>,
}

/// The wrapper. [`crash`](FaultyEngine::crash) needs an engine in memory below.
#[derive(Debug)]
pub struct FaultyEngine<R> {
    inner: R,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    plan: FaultPlan,
    applies: u64,
    syncs: u64,
    poisoned_since: Option<&'static str>,
    unsynced: Vec<IndexBatch>,
}

impl<R: RawEngine> FaultyEngine<R> {
    /// Wraps `inner`, failing as `plan` says.
    pub fn new(inner: R, plan: FaultPlan) -> FaultyEngine<R> {
        FaultyEngine { inner, state: Mutex::new(State { plan, ..State::default() }) }
    }

    /// The engine below.
    pub fn inner(&self) -> &R {
        &self.inner
    }

    /// Replaces the plan; calls go on being counted from where they are.
    pub fn set_plan(&self, plan: FaultPlan) {
        self.state.lock().plan = plan;
    }

    /// Calls of `apply` and of `sync` so far, failed ones included, those refused as poisoned not.
    pub fn calls(&self) -> (u64, u64) {
        let state = self.state.lock();
        (state.applies, state.syncs)
    }

    /// Stands for opening the engine again after a failure: it writes again. The plan holds on.
    pub fn reopen(&self) {
        self.state.lock().poisoned_since = None;
    }

    /// Batches applied and not synced: what a crash can cut.
    pub fn unsynced_batches(&self) -> usize {
        self.state.lock().unsynced.len()
    }
}

impl FaultyEngine<MemoryEngine> {
    /// A power cut after which the first `kept_batches` of the unsynced batches are on disk, and none behind them; then
    /// the engine is open again. More than there are keeps all.
    pub fn crash(&self, kept_batches: usize) {
        let mut state = self.state.lock();
        self.inner.crash();
        for batch in state.unsynced.drain(..).take(kept_batches) {
            self.inner.raw_apply(&batch).expect("the engine in memory does not fail");
        }
        self.inner.raw_sync().expect("the engine in memory does not fail");
        state.poisoned_since = None;
    }
}

impl<R: RawEngine> RawEngine for FaultyEngine<R> {
    fn raw_get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, EngineFault> {
        self.inner.raw_get(key)
    }

    fn raw_scan(
        &self,
        from: &[u8],
        to: Option<&[u8]>,
        direction: Direction,
        visit: &mut dyn FnMut(&[u8], &[u8]) -> ControlFlow<()>,
    ) -> Result<(), EngineFault> {
        self.inner.raw_scan(from, to, direction, visit)
    }

    fn raw_apply(&self, batch: &IndexBatch) -> Result<(), EngineFault> {
        let mut state = self.state.lock();
        state.refuse_if_poisoned()?;
        state.applies += 1;
        let fault = state.plan.apply.filter(|fault| fault.hits(state.applies));
        if fault.is_none_or(|fault| fault.done_all_the_same) {
            assert!(state.unsynced.len() < MAX_UNSYNCED_BATCHES, "the test never syncs");
            self.inner.raw_apply(batch)?;
            state.unsynced.push(batch.clone());
        }
        let call = state.applies;
        state.answer(fault, "apply", call)
    }

    fn raw_sync(&self) -> Result<(), EngineFault> {
        let mut state = self.state.lock();
        state.refuse_if_poisoned()?;
        state.syncs += 1;
        let fault = state.plan.sync.filter(|fault| fault.hits(state.syncs));
        if fault.is_none_or(|fault| fault.done_all_the_same) {
            self.inner.raw_sync()?;
            state.unsynced.clear();
        }
        let call = state.syncs;
        state.answer(fault, "sync", call)
    }

    fn raw_size_on_disk(&self) -> u64 {
        self.inner.raw_size_on_disk()
    }

    fn raw_name(&self) -> &'static str {
        self.inner.raw_name()
    }
}

impl CallFault {
    /// Only call number `call` fails, and does nothing.
    pub fn once(call: u64) -> CallFault {
        CallFault { call, from_then_on: false, done_all_the_same: false }
    }

    /// Call number `call` and all after it fail, and do nothing.
    pub fn from(call: u64) -> CallFault {
        CallFault { from_then_on: true, ..CallFault::once(call) }
    }

    /// The same calls, but each does its work before it fails.
    pub fn done_all_the_same(self) -> CallFault {
        CallFault { done_all_the_same: true, ..self }
    }

    fn hits(&self, call: u64) -> bool {
        call == self.call || (self.from_then_on && call > self.call)
    }
}

impl State {
    fn refuse_if_poisoned(&self) -> Result<(), EngineFault> {
        match self.poisoned_since {
            Some(since) => Err(EngineFault::Poisoned { engine: "faulty", since }),
            None => Ok(()),
        }
    }

    fn answer(
        &mut self,
        fault: Option<CallFault>,
        during: &'static str,
        call: u64,
    ) -> Result<(), EngineFault> {
        if fault.is_none() {
            return Ok(());
        }
        self.poisoned_since = Some(during);
        Err(EngineFault::Planned { during, call })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::store::engine::Engine;
    use crate::store::engine_conformance::{Fixture, conformance};
    use std::sync::Arc;

    struct WithoutFaults;

    impl Fixture for WithoutFaults {
        type Raw = FaultyEngine<MemoryEngine>;

        fn new() -> WithoutFaults {
            WithoutFaults
        }

        fn open(&self) -> Arc<Self::Raw> {
            Arc::new(engine(FaultPlan::default()))
        }

        fn restart(&self, engine: Arc<Self::Raw>) -> Arc<Self::Raw> {
            engine.crash(0);
            engine
        }
    }

    conformance!(WithoutFaults);

    fn engine(plan: FaultPlan) -> FaultyEngine<MemoryEngine> {
        FaultyEngine::new(MemoryEngine::new(), plan)
    }

    fn pair(number: u8) -> IndexBatch {
        let mut batch = IndexBatch::new();
        batch.put(&[b'a', number], vec![number]).unwrap();
        batch.put(&[b'b', number], vec![number]).unwrap();
        batch
    }

    /// Which of the pairs are there, asserting that each is whole or absent.
    fn pairs(engine: &FaultyEngine<MemoryEngine>) -> Vec<u8> {
        let there = |first: u8, number: u8| engine.get(&[first, number]).unwrap().is_some();
        (0..20)
            .filter(|number| {
                assert_eq!(there(b'a', *number), there(b'b', *number), "pair {number} is torn");
                there(b'a', *number)
            })
            .collect()
    }

    #[test]
    fn a_crash_keeps_what_was_synced_and_a_prefix_of_whole_batches() {
        for kept in 0..=4 {
            let engine = engine(FaultPlan::default());
            engine.apply(&pair(0)).unwrap();
            engine.sync().unwrap();
            for number in 1..=3 {
                engine.apply(&pair(number)).unwrap();
            }
            assert_eq!(pairs(&engine), [0, 1, 2, 3]);
            assert_eq!(engine.unsynced_batches(), 3);
            engine.crash(kept);
            let expected: Vec<u8> = (0..=kept.min(3) as u8).collect();
            assert_eq!(pairs(&engine), expected);
            engine.crash(0);
            assert_eq!(pairs(&engine), expected, "what survived a crash is on disk");
        }
    }

    #[test]
    fn a_single_fault_refuses_writing_until_reopened_and_reading_goes_on() {
        let engine = engine(FaultPlan { apply: Some(CallFault::once(2)), sync: None });
        engine.apply(&pair(1)).unwrap();
        assert!(matches!(engine.apply(&pair(2)), Err(EngineFault::Planned { during: "apply", call: 2 })));
        assert!(matches!(engine.apply(&pair(3)), Err(EngineFault::Poisoned { since: "apply", .. })));
        assert!(matches!(engine.sync(), Err(EngineFault::Poisoned { .. })));
        assert_eq!(pairs(&engine), [1]);
        engine.reopen();
        engine.apply(&pair(3)).unwrap();
        engine.sync().unwrap();
        assert_eq!(pairs(&engine), [1, 3]);
        assert_eq!(engine.calls(), (3, 1));
    }

    #[test]
    fn a_lasting_fault_survives_reopening() {
        let engine = engine(FaultPlan { apply: None, sync: Some(CallFault::from(2)) });
        engine.sync().unwrap();
        for call in 2..5 {
            assert!(
                matches!(engine.sync(), Err(EngineFault::Planned { during: "sync", call: c }) if c == call)
            );
            engine.reopen();
        }
        engine.set_plan(FaultPlan::default());
        engine.sync().unwrap();
    }

    #[test]
    fn what_failed_may_have_been_done_or_not() {
        let lost = engine(FaultPlan { apply: None, sync: Some(CallFault::once(1)) });
        lost.apply(&pair(1)).unwrap();
        lost.sync().unwrap_err();
        lost.crash(0);
        assert!(pairs(&lost).is_empty());

        let kept = engine(FaultPlan { apply: None, sync: Some(CallFault::once(1).done_all_the_same()) });
        kept.apply(&pair(1)).unwrap();
        kept.sync().unwrap_err();
        kept.crash(0);
        assert_eq!(pairs(&kept), [1]);

        let applied = engine(FaultPlan { apply: Some(CallFault::once(1).done_all_the_same()), sync: None });
        applied.apply(&pair(1)).unwrap_err();
        assert_eq!(pairs(&applied), [1]);
    }
}
