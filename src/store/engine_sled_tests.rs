//! The engine on disk: the promises of every engine, what a crash leaves, damage, and directories that do not serve.

#![allow(clippy::unwrap_used)]

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::engine::{Direction, Engine, EngineFault, IndexBatch};
use super::engine_conformance::{Fixture, TestDirectory, conformance, scan};
use super::engine_sled::{
    ADVICE_DAMAGED, ADVICE_FILES, ADVICE_IN_USE, DAMAGE_NOTE, LOG_FILE, SledEngine, SledOptions,
};
use super::engine_sled_directory::beside;

struct OnDisk(TestDirectory);

impl OnDisk {
    fn dir(&self) -> PathBuf {
        self.0.path().join("index")
    }
}

impl Fixture for OnDisk {
    type Raw = SledEngine;

    fn new() -> OnDisk {
        OnDisk(TestDirectory::new())
    }

    fn open(&self) -> Arc<SledEngine> {
        Arc::new(SledEngine::open(&self.dir(), SledOptions::default()).unwrap())
    }

    fn restart(&self, engine: Arc<SledEngine>) -> Arc<SledEngine> {
        drop(Arc::into_inner(engine).expect("the test holds the only handle"));
        self.open()
    }
}

conformance!(OnDisk);

/// The flush thread writes nothing by itself during a test.
const QUIET: SledOptions = SledOptions { cache_capacity_bytes: 16 << 20, flush_interval_ms: 3_600_000 };

fn pair(number: u32) -> IndexBatch {
    let mut batch = IndexBatch::new();
    for side in [b'a', b'b'] {
        batch.put(&[&[side][..], &number.to_be_bytes()].concat(), vec![number as u8; 300]).unwrap();
    }
    batch
}

fn copy_directory(from: &Path, to: &Path) {
    std::fs::create_dir(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy_directory(&entry.path(), &target),
            false => drop(std::fs::copy(entry.path(), target).unwrap()),
        }
    }
}

#[test]
fn what_stands_on_disk_without_closing_is_a_prefix_of_whole_batches() {
    let fixture = OnDisk::new();
    let engine = SledEngine::open(&fixture.dir(), QUIET).unwrap();
    for number in 0..200 {
        engine.apply(&pair(number)).unwrap();
        if number == 99 {
            engine.sync().unwrap();
        }
    }
    let image = fixture.0.path().join("image");
    copy_directory(&fixture.dir(), &image);
    let reopened = SledEngine::open(&image, QUIET).unwrap();
    let survived = whole_batches(&reopened);
    assert!(survived >= 100, "only {survived} of the 100 synced batches");
}

#[test]
fn a_failed_sync_is_reported_and_ends_writing_but_not_reading() {
    let fixture = OnDisk::new();
    let mut engine = SledEngine::open(&fixture.dir(), QUIET).unwrap();
    engine.apply(&pair(1)).unwrap();
    // A device that cannot be synced: the operating system answers "invalid argument".
    engine.log_file = File::open("/dev/null").unwrap();
    assert!(matches!(engine.sync(), Err(EngineFault::Io { during: "sync of the log file", .. })));
    assert!(matches!(engine.sync(), Err(EngineFault::Poisoned { since: "sync", .. })));
    assert!(matches!(engine.apply(&pair(2)), Err(EngineFault::Poisoned { .. })));
    assert_eq!(scan(&engine, b"", None, Direction::Forward).len(), 2);
    drop(engine);
    let engine = SledEngine::open(&fixture.dir(), QUIET).unwrap();
    engine.apply(&pair(2)).unwrap();
    engine.sync().unwrap();
}

#[test]
fn what_a_crash_left_while_creating_is_done_anew() {
    let fixture = OnDisk::new();
    let unfinished = beside(&fixture.dir());
    std::fs::create_dir(&unfinished).unwrap();
    std::fs::write(unfinished.join("conf"), "half of").unwrap();
    let engine = fixture.open();
    assert!(!unfinished.exists());
    engine.apply(&pair(1)).unwrap();
    engine.sync().unwrap();
    let leftover = fixture.dir().join("snap.0000000000000001.generating");
    std::fs::write(&leftover, "half of a snapshot").unwrap();
    let engine = fixture.restart(engine);
    assert!(!leftover.exists());
    assert_eq!(scan(&*engine, b"", None, Direction::Forward).len(), 2);
    assert!(engine.size_on_disk() > 0);
}

#[test]
fn an_empty_directory_made_by_the_operator_is_used() {
    let fixture = OnDisk::new();
    std::fs::create_dir(fixture.dir()).unwrap();
    fixture.open().apply(&pair(1)).unwrap();
    assert!(fixture.dir().join("conf").exists());
}

#[test]
fn a_directory_in_use_or_out_of_reach_is_named_with_advice() {
    let fixture = OnDisk::new();
    let _first = fixture.open();
    let fault = SledEngine::open(&fixture.dir(), QUIET).unwrap_err().to_string();
    assert!(fault.contains(ADVICE_IN_USE) && fault.contains("index"), "{fault}");
    let fault = SledEngine::open(Path::new("/dev/null/index"), QUIET).unwrap_err().to_string();
    assert!(fault.contains(ADVICE_FILES) && fault.contains("/dev/null/index"), "{fault}");
}

#[test]
fn a_store_found_damaged_stays_closed_until_the_operator_has_seen_to_it() {
    let fixture = OnDisk::new();
    let engine = fixture.open();
    engine.apply(&pair(1)).unwrap();
    engine.sync().unwrap();
    drop(engine);
    let snapshot = fixture.dir().join("snap.7FFFFFFFFFFFFFFF");
    std::fs::write(&snapshot, "nothing that sled has ever written").unwrap();
    let open = || SledEngine::open(&fixture.dir(), QUIET);
    assert!(open().unwrap_err().to_string().contains(ADVICE_DAMAGED));
    std::fs::remove_file(snapshot).unwrap();
    let again = open().unwrap_err().to_string();
    assert!(again.contains("damage was met before") && again.contains(ADVICE_DAMAGED), "{again}");
    std::fs::remove_file(fixture.dir().join(DAMAGE_NOTE)).unwrap();
    assert_eq!(scan(&open().unwrap(), b"", None, Direction::Forward).len(), 2);
}

/// Bits flipped and tails cut in a closed store: a fault, and the same fault at the next opening; or what can be read
/// is a prefix of the batches, each whole, so that the reach stored with them tells what is missing.
#[test]
fn damage_at_rest_is_a_fault_or_a_prefix_and_never_a_wrong_answer() {
    const BATCHES: u32 = 1_000;
    let fixture = OnDisk::new();
    let engine = SledEngine::open(&fixture.dir(), QUIET).unwrap();
    for number in 0..BATCHES {
        engine.apply(&pair(number)).unwrap();
    }
    engine.sync().unwrap();
    drop(engine);
    let mut noticed = 0;
    for trial in 0..12 {
        let image = fixture.0.path().join(format!("image-{trial}"));
        copy_directory(&fixture.dir(), &image);
        damage(&image.join(LOG_FILE), trial);
        match SledEngine::open(&image, QUIET) {
            Ok(engine) => noticed += usize::from(whole_batches(&engine) < BATCHES),
            Err(_) => {
                noticed += 1;
                SledEngine::open(&image, QUIET).unwrap_err();
            }
        }
    }
    assert!(noticed >= 6, "only {noticed} of 12 trials met the damage, so the test shows little");
}

/// Cuts the file's tail in every third trial, else flips four bits, somewhere else in every trial.
fn damage(file: &Path, trial: usize) {
    let mut bytes = std::fs::read(file).unwrap();
    if trial % 3 == 2 {
        bytes.truncate(bytes.len() - trial * 4_000);
    } else {
        for flip in 0..4 {
            // A factor that has nothing in common with the file's structure.
            let position = (trial * 4 + flip + 1) * 7_919 * 31 % bytes.len();
            bytes[position] ^= 1 << flip;
        }
    }
    std::fs::write(file, bytes).unwrap();
}

/// How many batches of [`pair`] are there, asserting that they are the first ones, whole and right.
fn whole_batches(engine: &SledEngine) -> u32 {
    let side = |side: u8| -> Vec<u32> {
        let number_of = |(key, value): (Vec<u8>, Vec<u8>)| {
            let number = u32::from_be_bytes(key[1..].try_into().unwrap());
            assert_eq!(value, vec![number as u8; 300], "a wrong value was read");
            number
        };
        scan(engine, &[side], Some(&[side + 1]), Direction::Forward).into_iter().map(number_of).collect()
    };
    let numbers = side(b'a');
    assert_eq!(numbers, (0..numbers.len() as u32).collect::<Vec<_>>(), "not a prefix");
    assert_eq!(side(b'b'), numbers, "a batch is torn");
    numbers.len() as u32
}
