//! One suite for all index engines: what `Engine` promises, asked of each of them.
//!
//! An engine's file calls `conformance!(its fixture)` in its tests; every promise is then a test of its own. Power cuts
//! and kills are not asked here (a process cannot take its own page cache away): the crash tests do that.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::engine::{
    Direction, Engine, EngineFault, IndexBatch, MAX_BATCH_RECORDS, MAX_KEY_BYTES, MAX_VALUE_BYTES, RawEngine,
};

/// An engine under test and the place where it keeps its data.
pub(crate) trait Fixture {
    type Raw: RawEngine;

    /// A place without data.
    fn new() -> Self;

    /// Opens the engine, for the first time.
    fn open(&self) -> Arc<Self::Raw>;

    /// Closes the engine and opens it again; an engine in memory loses what was not synced.
    fn restart(&self, engine: Arc<Self::Raw>) -> Arc<Self::Raw>;
}

/// Makes a test of every promise for the fixture `$fixture`.
macro_rules! conformance {
    ($fixture:ty) => {
        $crate::store::engine_conformance::conformance!($fixture;
            a_new_engine_is_empty
            what_was_put_is_there_and_what_was_deleted_is_not
            the_later_change_of_a_key_in_a_batch_holds
            scans_keep_to_their_bounds_in_both_directions
            a_scan_ends_when_told_and_may_read_meanwhile
            keys_are_ordered_as_bytes
            the_largest_batch_and_the_smallest_values_fit
            what_was_synced_is_there_after_a_restart
            readers_see_batches_whole
            a_damaged_or_moved_value_is_a_fault
            it_is_a_map_over_ten_thousand_changes
        );
    };
    ($fixture:ty; $($promise:ident)+) => {
        $(
            #[test]
            fn $promise() {
                $crate::store::engine_conformance::$promise::<$fixture>();
            }
        )+
    };
}
pub(crate) use conformance;

pub(crate) fn a_new_engine_is_empty<F: Fixture>() {
    let fixture = F::new();
    let engine = fixture.open();
    assert_eq!(engine.get(b"key").unwrap(), None);
    assert_eq!(scan(&*engine, b"", None, Direction::Forward), []);
    assert_eq!(scan(&*engine, b"", None, Direction::Backward), []);
    engine.apply(&IndexBatch::new()).unwrap();
    engine.sync().unwrap();
    assert!(!engine.name().is_empty());
}

pub(crate) fn what_was_put_is_there_and_what_was_deleted_is_not<F: Fixture>() {
    let fixture = F::new();
    let engine = fixture.open();
    apply(&*engine, &[(b"a", Some(b"1")), (b"b", Some(b"2")), (b"empty", Some(b""))]);
    assert_eq!(engine.get(b"a").unwrap().unwrap(), b"1");
    assert_eq!(engine.get(b"empty").unwrap().unwrap(), b"");
    assert_eq!(engine.get(b"a\0").unwrap(), None);
    assert_eq!(engine.get(b"").unwrap(), None);
    apply(&*engine, &[(b"a", Some(b"longer than before")), (b"b", None), (b"never there", None)]);
    assert_eq!(engine.get(b"a").unwrap().unwrap(), b"longer than before");
    assert_eq!(engine.get(b"b").unwrap(), None);
    apply(&*engine, &[(b"b", Some(b"again"))]);
    assert_eq!(engine.get(b"b").unwrap().unwrap(), b"again");
}

pub(crate) fn the_later_change_of_a_key_in_a_batch_holds<F: Fixture>() {
    let fixture = F::new();
    let engine = fixture.open();
    apply(
        &*engine,
        &[(b"a", Some(b"1")), (b"a", None), (b"b", None), (b"b", Some(b"1")), (b"b", Some(b"2"))],
    );
    assert_eq!(engine.get(b"a").unwrap(), None);
    assert_eq!(engine.get(b"b").unwrap().unwrap(), b"2");
}

pub(crate) fn scans_keep_to_their_bounds_in_both_directions<F: Fixture>() {
    let fixture = F::new();
    let engine = fixture.open();
    apply(&*engine, &[(b"b", Some(b"1")), (b"d", Some(b"2")), (b"f", Some(b"3")), (b"d1", Some(b"4"))]);
    let cases: [(&[u8], Option<&[u8]>, &[&[u8]]); 12] = [
        (b"", None, &[b"b", b"d", b"d1", b"f"]),
        (b"b", None, &[b"b", b"d", b"d1", b"f"]),
        (b"b\0", None, &[b"d", b"d1", b"f"]),
        (b"", Some(b"f"), &[b"b", b"d", b"d1"]),
        (b"", Some(b"f\0"), &[b"b", b"d", b"d1", b"f"]),
        (b"c", Some(b"d1"), &[b"d"]),
        (b"d", Some(b"d"), &[]),
        (b"d", Some(b"b"), &[]),
        (b"", Some(b""), &[]),
        (b"e", Some(b"f"), &[]),
        (b"g", None, &[]),
        (b"", Some(b"b"), &[]),
    ];
    for (from, to, expected) in cases {
        let case = format!(
            "{:?}..{:?}",
            from.escape_ascii().to_string(),
            to.map(|to| to.escape_ascii().to_string())
        );
        let forward = keys(scan(&*engine, from, to, Direction::Forward));
        assert_eq!(forward, expected, "{case}");
        let mut backward = keys(scan(&*engine, from, to, Direction::Backward));
        backward.reverse();
        assert_eq!(backward, expected, "{case} backward");
    }
    assert_eq!(scan(&*engine, b"d", Some(b"d\0"), Direction::Forward), [(b"d".to_vec(), b"2".to_vec())]);
}

pub(crate) fn a_scan_ends_when_told_and_may_read_meanwhile<F: Fixture>() {
    let fixture = F::new();
    let engine = fixture.open();
    // More than an engine may take at once on the way.
    for number in 0..300u16 {
        let key = number.to_be_bytes();
        apply(&*engine, &[(&key, Some(&key))]);
    }
    for (direction, first) in [(Direction::Forward, 0u16), (Direction::Backward, 299)] {
        for stop_after in [1u16, 64, 65, 200] {
            let mut seen = Vec::new();
            let mut visit = |key: &[u8], value: &[u8]| {
                assert_eq!(engine.get(key).unwrap().unwrap(), value);
                seen.push(u16::from_be_bytes(key.try_into().unwrap()));
                if seen.len() == usize::from(stop_after) {
                    ControlFlow::Break(())
                } else {
                    ControlFlow::Continue(())
                }
            };
            engine.scan(b"", None, direction, &mut visit).unwrap();
            let expected: Vec<u16> = (0..stop_after).map(|step| first.abs_diff(step)).collect();
            assert_eq!(seen, expected, "{direction:?}, stop after {stop_after}");
        }
        assert_eq!(scan(&*engine, b"", None, direction).len(), 300);
        assert_eq!(scan(&*engine, &[0, 10], Some(&[0, 202]), direction).len(), 192);
    }
}

pub(crate) fn keys_are_ordered_as_bytes<F: Fixture>() {
    let fixture = F::new();
    let engine = fixture.open();
    let long = [0xff; MAX_KEY_BYTES];
    let ordered: [&[u8]; 7] = [&[0], &[0, 0], &[0, 255], &[1], &[127, 255], &[128], &long];
    for key in ordered.iter().rev() {
        apply(&*engine, &[(key, Some(b""))]);
    }
    assert_eq!(keys(scan(&*engine, b"", None, Direction::Forward)), ordered);
}

pub(crate) fn the_largest_batch_and_the_smallest_values_fit<F: Fixture>() {
    let fixture = F::new();
    let engine = fixture.open();
    let mut batch = IndexBatch::new();
    for number in 0..MAX_BATCH_RECORDS {
        let mut key = [7; MAX_KEY_BYTES];
        key[..2].copy_from_slice(&(number as u16).to_be_bytes());
        batch.put(&key, vec![number as u8; MAX_VALUE_BYTES]).unwrap();
    }
    engine.apply(&batch).unwrap();
    engine.sync().unwrap();
    let engine = fixture.restart(engine);
    let entries = scan(&*engine, b"", None, Direction::Forward);
    assert_eq!(entries.len(), MAX_BATCH_RECORDS);
    for (number, (_, value)) in entries.iter().enumerate() {
        assert_eq!(value, &vec![number as u8; MAX_VALUE_BYTES]);
    }
}

pub(crate) fn what_was_synced_is_there_after_a_restart<F: Fixture>() {
    let fixture = F::new();
    let mut engine = fixture.open();
    for round in 0..5u8 {
        apply(
            &*engine,
            &[(&[round], Some(&[round])), (b"newest", Some(&[round])), (&[round.wrapping_sub(2)], None)],
        );
        engine.sync().unwrap();
        engine = fixture.restart(engine);
        assert_eq!(engine.get(b"newest").unwrap().unwrap(), [round]);
        assert_eq!(engine.get(&[round]).unwrap().unwrap(), [round]);
        assert_eq!(engine.get(&[round.wrapping_sub(2)]).unwrap(), None);
    }
}

/// One writer puts the same generation under 16 keys in one batch, again and again. Who has read a generation under the
/// first key must not read an older one under the last key after it, nor any value that was never put.
pub(crate) fn readers_see_batches_whole<F: Fixture>() {
    const GENERATIONS: u64 = 1_500;
    let fixture = F::new();
    let engine = fixture.open();
    let write = |generation: u64| {
        let mut batch = IndexBatch::new();
        for key in 0..16u8 {
            batch.put(&[key], generation.to_be_bytes().to_vec()).unwrap();
        }
        engine.apply(&batch).unwrap();
    };
    let read = |key: u8| u64::from_be_bytes(engine.get(&[key]).unwrap().unwrap().try_into().unwrap());
    write(0);
    let done = AtomicBool::new(false);
    let reads = AtomicU64::new(0);
    std::thread::scope(|threads| {
        let start = |reader: u8| {
            let (done, reads, read, engine) = (&done, &reads, &read, &engine);
            threads.spawn(move || {
                let mut newest = 0;
                while !done.load(Ordering::Acquire) {
                    for key in [reader, 15, 0, 15] {
                        let generation = read(key);
                        assert!((newest..=GENERATIONS).contains(&generation), "{generation} after {newest}");
                        newest = generation;
                    }
                    let scanned = scan(&**engine, b"", None, Direction::Forward);
                    assert_eq!(scanned.len(), 16);
                    reads.fetch_add(1, Ordering::Relaxed);
                }
            })
        };
        let readers = [start(0), start(1), start(2)];
        for generation in 1..=GENERATIONS {
            write(generation);
            if generation % 100 == 0 {
                engine.sync().unwrap();
            }
        }
        // On a busy machine the readers may not have had their turn yet; one that has failed ends the wait.
        while reads.load(Ordering::Relaxed) < 3 && !readers.iter().any(|reader| reader.is_finished()) {
            std::thread::yield_now();
        }
        done.store(true, Ordering::Release);
    });
    assert_eq!(read(15), GENERATIONS);
}

pub(crate) fn a_damaged_or_moved_value_is_a_fault<F: Fixture>() {
    let fixture = F::new();
    let engine = fixture.open();
    apply(&*engine, &[(b"a", Some(b"one")), (b"b", Some(b"two")), (b"c", Some(b"three"))]);
    let sealed = engine.raw_get(b"b").unwrap().unwrap();
    let mut flipped = sealed.clone();
    flipped[1] ^= 0x10;
    for damaged in [flipped, engine.raw_get(b"c").unwrap().unwrap(), vec![], b"two".to_vec()] {
        let mut batch = IndexBatch::new();
        batch.put_unsealed(b"b", damaged);
        engine.apply(&batch).unwrap();
        let fault = engine.get(b"b").unwrap_err();
        assert!(matches!(&fault, EngineFault::Corrupt { key_prefix, .. } if key_prefix == "62"), "{fault}");
        for (direction, before) in [(Direction::Forward, b"a"), (Direction::Backward, b"c")] {
            let mut seen = Vec::new();
            let fault = engine.scan(b"", None, direction, &mut |key, _| {
                seen.push(key.to_vec());
                ControlFlow::Continue(())
            });
            assert!(matches!(fault, Err(EngineFault::Corrupt { .. })));
            assert_eq!(seen, [before], "what lies before the damage is visited, and nothing behind it");
        }
        assert_eq!(engine.get(b"a").unwrap().unwrap(), b"one");
    }
    apply(&*engine, &[(b"b", Some(b"mended"))]);
    assert_eq!(scan(&*engine, b"", None, Direction::Forward).len(), 3);
}

/// Random batches, reads, scans, syncs and restarts beside a `BTreeMap`, for three seeds.
pub(crate) fn it_is_a_map_over_ten_thousand_changes<F: Fixture>() {
    for seed in 1..=3 {
        let fixture = F::new();
        let mut engine = fixture.open();
        let mut model = BTreeMap::new();
        let mut random = StdRng::seed_from_u64(seed);
        let mut changes = 0;
        while changes < 10_000 {
            changes += change_both(&*engine, &mut model, &mut random);
            compare_some(&*engine, &model, &mut random);
            if random.random_ratio(1, 20) {
                engine.sync().unwrap();
            }
            if random.random_ratio(1, 150) {
                engine.sync().unwrap();
                engine = fixture.restart(engine);
            }
        }
        let all: Vec<_> = model.into_iter().collect();
        assert_eq!(scan(&*engine, b"", None, Direction::Forward), all, "seed {seed}");
    }
}

/// Applies one random batch to both and answers its length.
fn change_both(engine: &dyn Engine, model: &mut BTreeMap<Vec<u8>, Vec<u8>>, random: &mut StdRng) -> usize {
    let mut batch = IndexBatch::new();
    for _ in 0..random.random_range(1..=40) {
        let key = random_key(random);
        if random.random_ratio(1, 3) {
            batch.delete(&key).unwrap();
            model.remove(&key);
        } else {
            let longest = if random.random_ratio(1, 50) { MAX_VALUE_BYTES } else { 100 };
            let value = vec![random.random(); random.random_range(0..=longest)];
            batch.put(&key, value.clone()).unwrap();
            model.insert(key, value);
        }
    }
    engine.apply(&batch).unwrap();
    batch.len()
}

fn compare_some(engine: &dyn Engine, model: &BTreeMap<Vec<u8>, Vec<u8>>, random: &mut StdRng) {
    let key = random_key(random);
    assert_eq!(engine.get(&key).unwrap(), model.get(&key).cloned());
    let (from, to) = (random_key(random), random_key(random));
    let expected: Vec<_> = if from < to {
        model.range(from.clone()..to.clone()).map(|(key, value)| (key.clone(), value.clone())).collect()
    } else {
        Vec::new()
    };
    assert_eq!(scan(engine, &from, Some(&to), Direction::Forward), expected);
    let mut backward = scan(engine, &from, Some(&to), Direction::Backward);
    backward.reverse();
    assert_eq!(backward, expected);
}

/// Few different keys, of few different bytes, so that changes meet; 1 to 4 bytes long.
fn random_key(random: &mut StdRng) -> Vec<u8> {
    (0..random.random_range(1..=4)).map(|_| [0, 1, 2, 127, 255][random.random_range(0..5)]).collect()
}

fn apply(engine: &dyn Engine, changes: &[(&[u8], Option<&[u8]>)]) {
    let mut batch = IndexBatch::new();
    for (key, value) in changes {
        match value {
            Some(value) => batch.put(key, value.to_vec()).unwrap(),
            None => batch.delete(key).unwrap(),
        }
    }
    engine.apply(&batch).unwrap();
}

/// All entries that a scan visits, in the order of the visits.
pub(crate) fn scan(
    engine: &dyn Engine,
    from: &[u8],
    to: Option<&[u8]>,
    direction: Direction,
) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut entries = Vec::new();
    let mut visit = |key: &[u8], value: &[u8]| {
        entries.push((key.to_vec(), value.to_vec()));
        ControlFlow::Continue(())
    };
    engine.scan(from, to, direction, &mut visit).unwrap();
    entries
}

fn keys(entries: Vec<(Vec<u8>, Vec<u8>)>) -> Vec<Vec<u8>> {
    entries.into_iter().map(|(key, _)| key).collect()
}

/// A directory of its own for one test, removed with it.
pub(crate) struct TestDirectory(PathBuf);

impl TestDirectory {
    pub(crate) fn new() -> TestDirectory {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("highwater-store-{}-{number}", std::process::id()));
        std::fs::create_dir(&path).unwrap();
        TestDirectory(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for TestDirectory {
    fn drop(&mut self) {
        // What cannot be removed stays in the system's directory for temporary files; the test has its verdict.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
