//! The watermark under failures, kills and power cuts.
#![allow(clippy::unwrap_used)]

use super::files_faulty::{Action, Call, CutPolicy, FaultyDisk, Rule, SeededRandom, Target, When};
use super::log_batch::StoreId;
use super::watermark::{Marks, WATERMARK_NAME, Watermark, WatermarkFault};
use crate::model::Version;

const STORE: StoreId = StoreId([3; 16]);

fn open(disk: &FaultyDisk, is_new: bool) -> Result<Watermark, WatermarkFault> {
    Watermark::open(disk.directory("data"), STORE, is_new)
}

fn marks(reserved: u64, durable: u64, indexed: u64) -> Marks {
    Marks { reserved: Version(reserved), durable: Version(durable), indexed: Version(indexed) }
}

#[test]
fn what_is_saved_is_read_and_what_is_only_written_survives_a_kill() {
    let disk = FaultyDisk::new();
    let mut mark = open(&disk, true).unwrap();
    assert_eq!(mark.marks(), marks(0, 0, 0));
    mark.reserve(Version(1000)).unwrap();
    mark.reserve(Version(500)).unwrap();
    assert_eq!(mark.usable(), Version(1000));
    mark.note(Version(10), Version(5));
    mark.write_behind().unwrap();
    assert_eq!(open(&disk.after_kill(), false).unwrap().marks(), marks(1000, 10, 5));
    let cut = disk.after_power_cut(CutPolicy::Dropped, &mut SeededRandom(0));
    assert_eq!(open(&cut, false).unwrap().marks(), marks(1000, 0, 0));
    mark.save().unwrap();
    let cut = disk.after_power_cut(CutPolicy::Dropped, &mut SeededRandom(0));
    assert_eq!(open(&cut, false).unwrap().marks(), marks(1000, 10, 5));
    mark.accept_loss(Version(7), Version(9)).unwrap();
    assert_eq!(open(&disk.after_kill(), false).unwrap().marks(), marks(1000, 7, 5));
}

#[test]
fn nothing_is_written_when_nothing_changed() {
    let disk = FaultyDisk::new();
    let mut mark = open(&disk, true).unwrap();
    mark.note(Version(1), Version(1));
    mark.save().unwrap();
    let before = disk.calls().0;
    mark.save().unwrap();
    mark.note(Version(1), Version(1));
    mark.write_behind().unwrap();
    mark.reserve(Version(0)).unwrap();
    assert_eq!(disk.calls().0, before);
}

#[test]
fn a_missing_damaged_foreign_or_newer_file_is_named() {
    let disk = FaultyDisk::new();
    assert!(matches!(open(&disk, false), Err(WatermarkFault::Missing)));
    let mut mark = open(&disk, true).unwrap();
    mark.reserve(Version(9)).unwrap();
    assert!(matches!(
        Watermark::open(disk.directory("data"), StoreId([4; 16]), false),
        Err(WatermarkFault::Foreign)
    ));
    // Each byte of the newest slot: the older one is taken. Both: damage.
    for at in 0..72 {
        let one = disk.after_kill();
        one.tamper("data", WATERMARK_NAME, |file| file[at] ^= 4);
        let first = open(&one, false).unwrap().usable();
        let other = disk.after_kill();
        other.tamper("data", WATERMARK_NAME, |file| file[4096 + at] ^= 4);
        let second = open(&other, false).unwrap().usable();
        assert_eq!((first.0.min(second.0), first.0.max(second.0)), (0, 9), "byte {at}");
        one.tamper("data", WATERMARK_NAME, |file| file[4096 + at] ^= 4);
        assert!(matches!(open(&one, false), Err(WatermarkFault::Damaged)), "byte {at}");
    }
    disk.tamper("data", WATERMARK_NAME, Vec::clear);
    assert!(matches!(open(&disk, true), Err(WatermarkFault::Damaged)));
}

#[test]
fn a_shortfall_is_seen() {
    let known = marks(100, 50, 40);
    assert_eq!(known.log_shortfall(Version(50)), None);
    let short = known.log_shortfall(Version(49)).unwrap();
    assert_eq!((short.found, short.expected), (Version(49), Version(50)));
    assert_eq!(known.index_shortfall(Version(40)), None);
    assert!(known.index_shortfall(Version(39)).is_some());
}

/// What a watermark must keep: `reserved` as promised, and the rest not below what was saved nor above what was noted.
#[test]
fn nothing_promised_falls_in_any_history() {
    let (mut opened, mut failed, mut creations_cut) = (0, 0, 0);
    for seed in 0..2000 {
        let mut random = SeededRandom(seed);
        let mut disk = FaultyDisk::new();
        let (mut floor, mut ceiling) = (Marks::default(), Marks::default());
        let mut is_new = true;
        for _ in 0..12 {
            let call = [Call::Write, Call::Sync, Call::SyncDir, Call::Rename, Call::Create]
                [random.below(5) as usize];
            let action =
                [Action::Fail, Action::FailAfter, Action::Short(30), Action::Stop][random.below(4) as usize];
            if random.one_in(2) {
                let when = When::Nth(1 + random.below(6));
                disk.add_rule(Rule { target: Target::Only(call), when, action });
            }
            let outcome = open(&disk, is_new);
            let is_io = matches!(outcome, Err(WatermarkFault::File { .. }));
            assert!(outcome.is_ok() || is_io, "seed {seed}: {:?}", outcome.err());
            creations_cut += u64::from(is_io && is_new);
            if let Ok(mut mark) = outcome {
                is_new = false;
                opened += 1;
                let found = mark.marks();
                assert!(
                    floor.reserved <= found.reserved && found.reserved <= ceiling.reserved,
                    "seed {seed}"
                );
                assert!(floor.durable <= found.durable && found.durable <= ceiling.durable, "seed {seed}");
                assert!(floor.indexed <= found.indexed && found.indexed <= ceiling.indexed, "seed {seed}");
                (floor, ceiling) = (found, found);
                for _ in 0..random.below(12) {
                    let now = mark.marks();
                    let step = random.below(10);
                    let outcome = match random.below(3) {
                        0 => {
                            let up_to = Version(now.reserved.0 + 100);
                            ceiling.reserved = ceiling.reserved.max(up_to);
                            mark.reserve(up_to)
                        }
                        1 => {
                            mark.note(Version(now.durable.0 + step), Version(now.indexed.0 + step / 2));
                            mark.write_behind()
                        }
                        _ => mark.save().inspect(|()| floor = mark.marks()),
                    };
                    failed += u64::from(outcome.is_err());
                    ceiling.durable = mark.marks().durable;
                    ceiling.indexed = mark.marks().indexed;
                    floor.reserved = floor.reserved.max(mark.usable());
                }
            }
            let policy = CutPolicy::ALL[random.below(5) as usize];
            disk =
                if random.one_in(3) { disk.after_kill() } else { disk.after_power_cut(policy, &mut random) };
        }
    }
    eprintln!("watermark: opened {opened}, calls failed {failed}, creations cut {creations_cut}");
    assert!(opened > 1000 && failed > 100 && creations_cut > 10);
}
