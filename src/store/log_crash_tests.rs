//! The log when every single call in turn fails, or is the last one before a crash.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use super::files::Files;
use super::files_disk::DiskFiles;
use super::files_faulty::{Action, Call, CutPolicy, FaultyDisk, Rule, SeededRandom, Target, When};
use super::log::Log;
use super::log_batch::OwnedBatch;
use super::log_fault::{AppendFault, LogFault};
use super::log_segment::{PREPARED_NAME, segment_name};
use super::log_test_store::{CONFIG, DIRECTORY, FACTS, batch, fill, open, open_with};
use crate::model::Version;

/// A log of several segments whose last batch was acknowledged, as a kill leaves it, and its batches.
fn whole() -> (FaultyDisk, Vec<OwnedBatch>) {
    let disk = FaultyDisk::new();
    let (mut log, ..) = open(&disk).unwrap();
    let batches = fill(&mut log, 1, 12, 4000);
    assert!(log.segments() >= 3, "{} segments", log.segments());
    (disk.after_kill(), batches)
}

/// The same, and then an append that `action` stopped at its write or its sync, so that the last batch is in doubt.
fn in_doubt(call: Call, action: Action) -> (FaultyDisk, Vec<OwnedBatch>, OwnedBatch) {
    let (disk, batches) = whole();
    let (mut log, ..) = open(&disk).unwrap();
    let doubt = batch(100, 101, 8000, &mut SeededRandom(9));
    disk.add_rule(Rule { target: Target::Only(call), when: When::Nth(1), action });
    assert!(matches!(log.append(doubt.as_batch()), Err(AppendFault::InDoubt { .. })));
    (disk.after_kill(), batches, doubt)
}

/// Opens at every crash point, cuts the power in every way, and opens again. `may_have` may survive, `must_have` does.
fn crash_at_every_point(start: &FaultyDisk, must_have: &[OwnedBatch], may_have: Option<&OwnedBatch>) -> u64 {
    for nth in 1.. {
        let opened = start.after_kill();
        opened.add_rule(Rule { target: Target::Changing, when: When::Nth(nth), action: Action::Stop });
        let outcome = open(&opened);
        // A whole batch in doubt that was reported must stay, one that was not must not come back.
        let told = outcome.as_ref().ok().map(|(_, _, replayed)| replayed.len());
        let mut after = vec![opened.after_kill()];
        for seed in 0..6 {
            for policy in CutPolicy::ALL {
                after.push(opened.after_power_cut(policy, &mut SeededRandom(seed)));
            }
        }
        for disk in after {
            let (_, _, replayed) = open(&disk).unwrap_or_else(|fault| panic!("point {nth}: {fault}"));
            let (kept, more) = replayed.split_at(must_have.len());
            assert_eq!(kept, must_have, "point {nth}");
            assert!(
                more.is_empty() || more == may_have.cloned().as_slice(),
                "point {nth}: something invented"
            );
            assert!(
                told.is_none_or(|told| told == replayed.len()),
                "point {nth}: something told was taken back"
            );
            // And what was found is durable now.
            let (_, _, again) =
                open(&disk.after_power_cut(CutPolicy::Dropped, &mut SeededRandom(0))).unwrap();
            assert_eq!(again, replayed, "point {nth}");
        }
        if outcome.is_ok() {
            return nth - 1;
        }
    }
    unreachable!("opening makes a finite number of calls")
}

#[test]
fn a_crash_at_any_point_of_opening_leaves_a_log_that_opens() {
    let (disk, batches) = whole();
    let whole = crash_at_every_point(&disk, &batches, None);
    let (disk, batches, doubt) = in_doubt(Call::Sync, Action::Fail);
    let intact = crash_at_every_point(&disk, &batches, Some(&doubt));
    let (disk, batches, _) = in_doubt(Call::Write, Action::Short(5000));
    let torn = crash_at_every_point(&disk, &batches, None);
    let new = crash_at_every_point(&FaultyDisk::new(), &[], None);
    eprintln!("crash points of opening: whole {whole}, in doubt {intact}, torn {torn}, new {new}");
    assert!(whole >= 5 && intact >= 5 && torn >= 5 && new >= 4);
}

#[test]
fn a_batch_that_was_only_in_memory_is_stored_before_it_is_told() {
    let (disk, batches, doubt) = in_doubt(Call::Sync, Action::Fail);
    let (_, report, replayed) = open(&disk).unwrap();
    assert_eq!(report.last_batch.as_ref(), Some(&doubt));
    assert_eq!(replayed.len(), batches.len() + 1);
    let (_, _, after_cut) = open(&disk.after_power_cut(CutPolicy::Dropped, &mut SeededRandom(1))).unwrap();
    assert_eq!(after_cut, replayed);
    // Had it not been opened in between, the cut would have taken it.
    let (disk, batches, _) = in_doubt(Call::Sync, Action::Fail);
    let (_, _, lost) = open(&disk.after_power_cut(CutPolicy::Dropped, &mut SeededRandom(1))).unwrap();
    assert_eq!(lost, batches);
}

/// Appends, prepares, releases and reopens as an owner would; returns what was acknowledged and the batch in doubt.
fn live(log: &mut Log) -> (Vec<OwnedBatch>, Vec<OwnedBatch>) {
    let (mut acknowledged, mut doubted) = (Vec::new(), Vec::new());
    let mut random = SeededRandom(4);
    for n in 0..14 {
        let batch = batch(1000 + n, 1000 + n, 5000, &mut random);
        match log.append(batch.as_batch()) {
            Ok(()) => acknowledged.push(batch),
            Err(AppendFault::Full { .. }) => {}
            Err(AppendFault::InDoubt { .. }) => match log.reopen() {
                Ok(reopened) => acknowledged.extend(reopened.survived),
                Err(_) => {
                    doubted.push(batch);
                    break;
                }
            },
        }
        if n % 4 == 1 {
            // A failure to prepare shows at the next append, if it matters.
            let _ = log.prepare_next();
        }
        if n % 5 == 4 {
            let _ = log.release(Version(900));
        }
    }
    (acknowledged, doubted)
}

#[test]
fn no_single_failing_call_loses_or_invents_anything() {
    let actions = [Action::Fail, Action::FailAfter, Action::Short(4500), Action::Full, Action::Stop];
    let mut failed = 0;
    for action in actions {
        for nth in 1.. {
            let (disk, before) = whole();
            let (mut log, ..) = open(&disk).unwrap();
            disk.add_rule(Rule { target: Target::Any, when: When::Nth(nth), action });
            let (acknowledged, doubted) = live(&mut log);
            if disk.fired() == 0 {
                break;
            }
            failed += 1;
            for after in [disk.after_kill(), disk.after_power_cut(CutPolicy::Random, &mut SeededRandom(nth))]
            {
                let (_, _, replayed) =
                    open(&after).unwrap_or_else(|fault| panic!("{action:?} {nth}: {fault}"));
                let from =
                    replayed.iter().position(|batch| batch.last > Version(900)).unwrap_or(replayed.len());
                let (old, new) = replayed.split_at(from);
                assert!(before.ends_with(old) && !old.is_empty(), "{action:?} {nth}");
                let with_doubt = [&acknowledged[..], &doubted[..]].concat();
                assert!(new == acknowledged || new == with_doubt, "{action:?} {nth}: {} batches", new.len());
            }
        }
    }
    eprintln!("calls failed one by one: {failed}");
    assert!(failed > 200, "{failed}");
}

#[test]
fn a_full_disk_refuses_by_name_until_space_is_back() {
    let disk = FaultyDisk::new();
    let (mut log, ..) = open(&disk).unwrap();
    disk.set_capacity(Some(disk.used_bytes() + 5000));
    let mut random = SeededRandom(1);
    let mut stored = Vec::new();
    let refused = loop {
        let batch = batch(1 + stored.len() as u64, 1 + stored.len() as u64, 6000, &mut random);
        match log.append(batch.as_batch()) {
            Ok(()) => stored.push(batch),
            Err(fault) => break fault,
        }
    };
    assert!(matches!(refused, AppendFault::Full { .. }) && refused.is_full(), "{refused}");
    assert!(!disk.directory(DIRECTORY).exists(PREPARED_NAME).unwrap(), "the space taken is given back");
    assert!(matches!(open(&disk.after_kill()), Err(fault) if fault.is_full()));
    disk.set_capacity(None);
    let next = batch(50, 50, 6000, &mut random);
    log.append(next.as_batch()).unwrap();
    stored.push(next);
    assert_eq!(open(&disk.after_kill()).unwrap().2, stored);
}

#[test]
fn a_store_below_its_watermark_is_refused_unless_the_loss_is_accepted() {
    let (disk, batches) = whole();
    let durable = Version(batches.last().unwrap().last.0 + 1);
    let facts = super::log::OpenFacts { durable, ..FACTS };
    let refused = open_with(&disk, facts).err().unwrap();
    assert!(
        matches!(refused, LogFault::ShorterThanWatermark { durable: told, .. } if told == durable),
        "{refused}"
    );
    let empty = open_with(&FaultyDisk::new(), facts).err().unwrap();
    assert!(matches!(empty, LogFault::ShorterThanWatermark { log_last: Version(0), .. }), "{empty}");
    let (_, report, replayed) =
        open_with(&disk, super::log::OpenFacts { accept_loss: true, ..facts }).unwrap();
    assert!(report.loss_accepted);
    assert_eq!(replayed, batches);
}

#[test]
fn releasing_keeps_what_is_above_the_reach_and_one_segment_more() {
    let (disk, batches) = whole();
    let (mut log, ..) = open(&disk).unwrap();
    let (segments, size) = (log.segments(), log.size_bytes());
    assert_eq!(log.release(Version(0)).unwrap().segments, 0);
    for batch in &batches {
        log.release(batch.last).unwrap();
        let first = log.first_version().unwrap();
        assert!(first <= batch.last, "what was freed last is kept: {first} > {}", batch.last);
        let (_, _, left) = open(&disk.after_power_cut(CutPolicy::Dropped, &mut SeededRandom(0))).unwrap();
        assert!(batches.ends_with(&left));
        assert_eq!(left.first().unwrap().first, first);
    }
    assert!(log.segments() < segments && log.size_bytes() < size, "something was released");
    assert!(!disk.directory(DIRECTORY).exists(&segment_name(1)).unwrap());
    let more = fill(&mut log, 5000, 3, 100);
    assert!(open(&disk.after_kill()).unwrap().2.ends_with(&more));
}

#[test]
fn one_append_is_one_write_and_one_sync() {
    let disk = FaultyDisk::new();
    let (mut log, ..) = open(&disk).unwrap();
    let mut random = SeededRandom(2);
    let before = disk.calls().0;
    log.append(batch(1, 1, 100, &mut random).as_batch()).unwrap();
    assert_eq!(disk.calls().0 - before, 2);
    // A rotation into a prepared segment: header, sync, name, directory, and then the same two.
    log.append(batch(2, 2, 9000, &mut random).as_batch()).unwrap();
    assert!(log.prepare_next().unwrap() && !log.prepare_next().unwrap());
    log.append(batch(3, 3, 9000, &mut random).as_batch()).unwrap();
    let (before, segments) = (disk.calls().0, log.segments());
    log.append(batch(4, 4, 9000, &mut random).as_batch()).unwrap();
    assert_eq!((disk.calls().0 - before, log.segments()), (6, segments + 1));
    assert_eq!(log.room_bytes(), u64::from(CONFIG.batch_bytes_max));
    log.append(batch(5, 5, 9000, &mut random).as_batch()).unwrap();
    assert_eq!(log.room_bytes(), CONFIG.segment_bytes - 4096 - 2 * 9048 - 48);
}

#[test]
#[should_panic(expected = "do not follow")]
fn versions_that_do_not_rise_are_a_bug() {
    let (mut log, ..) = open(&FaultyDisk::new()).unwrap();
    fill(&mut log, 5, 1, 10);
    fill(&mut log, 5, 1, 10);
}

#[test]
#[should_panic(expected = "over the limit")]
fn a_batch_over_the_limit_is_a_bug() {
    let (mut log, ..) = open(&FaultyDisk::new()).unwrap();
    fill(&mut log, 1, 1, CONFIG.batch_bytes_max as usize + 1);
}

#[test]
fn the_real_disk_keeps_a_log_too() {
    let path = std::env::temp_dir().join(format!("highwater-log-{}", std::process::id()));
    let files: Arc<dyn Files> = Arc::new(DiskFiles::open(&path).unwrap());
    let mut written = Vec::new();
    for round in 0..3 {
        let mut replayed = Vec::new();
        let (mut log, report) = Log::open(Arc::clone(&files), CONFIG, FACTS, &mut |batch| {
            replayed.push(OwnedBatch::from(batch));
            Ok(())
        })
        .unwrap();
        assert!(replayed == written && !report.torn, "round {round}");
        written.extend(fill(&mut log, 1 + 100 * round, 10, 3000));
        log.prepare_next().unwrap();
        assert_eq!(log.reopen().unwrap().survived, None);
        written.extend(fill(&mut log, 50 + 100 * round, 5, 7000));
    }
    let refused = Log::open(Arc::clone(&files), CONFIG, FACTS, &mut |_| Err("not understood".into()));
    assert!(matches!(refused, Err(LogFault::Replay { last: Version(2), .. })));
    std::fs::remove_dir_all(&path).unwrap();
}
