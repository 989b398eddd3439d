//! How a step is cut into batches, and that doing it again overwrites what was cut off.

#![allow(clippy::unwrap_used)]

use std::{collections::BTreeMap, sync::Arc};

use super::{
    engine::{IndexBatch, MAX_BATCH_RECORDS},
    index_writer::{BATCH_BYTES_MAX, reach_key, step},
    record_samples::Samples,
};
use crate::model::{Kind, Record, UserId, Version};

/// Everything is written.
fn batches(records: &[Arc<Record>], reach: Version, bytes_max: usize) -> Vec<IndexBatch> {
    step(records, reach, bytes_max, |_| Version(0)).batches
}

fn store(messages: u64) -> Samples {
    let mut store = Samples::new();
    for number in 0..messages {
        store.say(1 + number % 5, 2, &"x".repeat(usize::try_from(number * 37 % 900).unwrap() + 1));
        store.put(1, &format!("k{number}"), Some("v"), Version(0));
    }
    store
}

#[test]
fn batches_keep_their_limits_and_the_reach_comes_last() {
    let store = store(600);
    let records = store.tail.unindexed(usize::MAX);
    for bytes_max in [1, 500, BATCH_BYTES_MAX] {
        let batches = batches(&records, Version(1200), bytes_max);
        assert!(batches.len() > 2);
        for batch in &batches {
            let bytes: usize = batch
                .records()
                .iter()
                .map(|write| write.key.len() + write.sealed.as_ref().map_or(0, Vec::len))
                .sum();
            let seals = batch.len() * super::engine::SEAL_BYTES;
            assert!(batch.len() <= MAX_BATCH_RECORDS);
            assert!(batch.len() == 1 || bytes - seals <= bytes_max, "{bytes} bytes of {bytes_max}");
        }
        let writes: Vec<_> = batches.iter().flat_map(|batch| batch.records()).collect();
        assert_eq!(writes.last().unwrap().key, reach_key(), "the reach is the last write");
        assert_eq!(writes.iter().filter(|write| write.key == reach_key()).count(), 1);
    }
}

#[test]
fn a_longer_step_from_the_same_reach_overwrites_every_key_of_a_shorter_one() {
    let store = store(200);
    let records = store.tail.unindexed(usize::MAX);
    let keys = |count: usize| -> BTreeMap<Vec<u8>, usize> {
        let batches = batches(&records[..count], Version(count as u64), BATCH_BYTES_MAX);
        let writes = batches.iter().flat_map(|batch| batch.records());
        writes.map(|write| (write.key.clone(), write.sealed.as_ref().map_or(0, Vec::len))).collect()
    };
    let long = keys(records.len());
    for count in [1, 7, 100, 333] {
        for (key, bytes) in keys(count) {
            assert!(
                long.get(&key).is_some_and(|longer| *longer >= bytes),
                "a key of {count} records is not written again"
            );
        }
    }
}

#[test]
fn a_superseded_item_leaves_nothing_behind() {
    let mut store = Samples::new();
    let old = store.put(1, "theme", Some("1"), Version(0));
    store.index_all();
    let new = store.put(1, "theme", Some("2"), old);
    store.index_all();
    let held = |version| store.engine.get(&super::items::key(UserId(1), Kind(5), version)).unwrap();
    assert!(held(old).is_none() && held(new).is_some());
}
