#![allow(clippy::unwrap_used)]

use std::{cell::Cell, sync::Arc};

use futures_util::FutureExt;

use super::*;
use crate::{
    model::Version,
    store::{
        engine::{Engine, IndexBatch},
        engine_memory::MemoryEngine,
        tail::Tail,
        view::View,
    },
};

/// Two steps and a half for a lap.
const ROWS_IN_INDEX: u32 = 2_500;

fn filled() -> View {
    let engine = MemoryEngine::new();
    for row in 0..ROWS_IN_INDEX {
        let mut batch = IndexBatch::new();
        batch.put(&row.to_be_bytes(), vec![7; 96]).unwrap();
        engine.apply(&batch).unwrap();
    }
    let engine: Arc<dyn Engine> = Arc::new(engine);
    View::new(&Arc::new(Tail::new(Version(0))), &engine)
}

/// The ticks, counted from 1, at which the index was read, while so many passed; `refused` is what a reader answers at one.
fn read_at(ticks: u32, monitor: &Monitor, refused: impl Fn(u32) -> Option<Refusal>) -> Vec<u32> {
    let (view, now, read) = (filled(), Cell::new(0), std::cell::RefCell::new(Vec::new()));
    let step = async |so_far: IndexSurvey| {
        read.borrow_mut().push(now.get());
        match refused(now.get()) {
            Some(refusal) => Err(refusal),
            None => Ok((view.survey(so_far, ROWS).unwrap(), 7)),
        }
    };
    let tick = async || {
        now.set(now.get() + 1);
        if now.get() > ticks {
            std::future::pending::<()>().await;
        }
    };
    assert!(laps(monitor, step, tick).now_or_never().is_none(), "it goes on for ever");
    read.into_inner()
}

#[test]
fn a_lap_is_read_tick_by_tick_and_followed_by_a_rest() {
    let monitor = Monitor::new();
    assert_eq!(read_at(130, &monitor, |_| None), [1, 2, 3, 64, 65, 66, 127, 128, 129]);
    assert_eq!(monitor.value(ids::INDEX_LIVE_BYTES), i64::from(ROWS_IN_INDEX) * 100);
    assert_eq!(monitor.value(ids::INDEX_DISK_BYTES), 7);
}

#[test]
fn an_index_that_cannot_be_read_is_tried_after_a_rest_and_gone_on_with_where_it_was() {
    let monitor = Monitor::new();
    let broken = |tick| (tick == 2 || tick == 63).then_some(Refusal::Internal);
    assert_eq!(read_at(180, &monitor, broken), [1, 2, 63, 124, 125]);
    assert_eq!(monitor.value(ids::INDEX_LIVE_BYTES), i64::from(ROWS_IN_INDEX) * 100);
    let broken = |_| Some(Refusal::Internal);
    assert_eq!(read_at(180, &Monitor::new(), broken), [1, 62, 123], "a fault is logged once a rest");
}

#[test]
fn readers_that_are_busy_are_asked_again_at_the_next_tick() {
    let busy = |tick| (tick < 4).then_some(Refusal::Busy);
    assert_eq!(read_at(10, &Monitor::new(), busy), [1, 2, 3, 4, 5, 6]);
}
