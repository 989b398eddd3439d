//! Random histories of appends, failures, kills, power cuts and reopenings, judged against a model: everything
//! acknowledged is replayed, in order, nothing is invented, and at most the one batch in doubt comes on top.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use super::files_faulty::{Action, Call, CutPolicy, FaultyDisk, Rule, SeededRandom, Target, When};
use super::log::Log;
use super::log_batch::OwnedBatch;
use super::log_fault::AppendFault;
use super::log_test_store::{CONFIG, FACTS, batch, open_with};
use crate::model::Version;

const HISTORIES: u64 = 2000;
const STEPS: u64 = 40;

/// How often each rare thing happened.
type Counts = BTreeMap<&'static str, u64>;

struct History {
    disk: FaultyDisk,
    random: SeededRandom,
    log: Option<Log>,
    /// Batches that were acknowledged, or reported as surviving; the oldest may be released.
    acknowledged: Vec<OwnedBatch>,
    in_doubt: Option<OwnedBatch>,
    released: Version,
    used: u64,
    counts: Counts,
    /// Syncs may lie, so loss is expected.
    syncs_lie: bool,
}

impl History {
    fn new(seed: u64, syncs_lie: bool) -> History {
        History {
            disk: FaultyDisk::new(),
            random: SeededRandom(seed),
            log: None,
            acknowledged: Vec::new(),
            in_doubt: None,
            released: Version(0),
            used: 0,
            counts: Counts::new(),
            syncs_lie,
        }
    }

    fn count(&mut self, what: &'static str) {
        *self.counts.entry(what).or_default() += 1;
    }

    fn run(&mut self, steps: u64) -> Result<(), String> {
        for _ in 0..steps {
            self.step()?;
        }
        // At the end everything must still be there, on a disk that works.
        self.lose_the_process();
        self.disk.clear_rules();
        self.open()?;
        if self.log.is_some() { Ok(()) } else { Err("the log does not open on a disk that works".into()) }
    }

    fn step(&mut self) -> Result<(), String> {
        if self.log.is_none() {
            return self.open();
        }
        match self.random.below(100) {
            0..55 => self.append(),
            55..62 => self.prepare(),
            62..70 => self.release(),
            70..84 => {
                self.plan_a_fault();
                Ok(())
            }
            84..86 => {
                let room = self.random.below(CONFIG.segment_bytes * 2);
                self.disk.set_capacity(Some(self.disk.used_bytes() + room));
                Ok(())
            }
            86..90 => {
                self.disk.set_capacity(None);
                self.disk.clear_rules();
                Ok(())
            }
            _ => {
                self.lose_the_process();
                Ok(())
            }
        }
    }

    fn next_batch(&mut self) -> OwnedBatch {
        let first = self.used + 1 + self.random.below(3);
        let last = first + self.random.below(5);
        self.used = last;
        let most = if self.random.one_in(3) { u64::from(CONFIG.batch_bytes_max) } else { 300 };
        let bytes = self.random.below(most + 1) as usize;
        batch(first, last, bytes, &mut self.random)
    }

    fn append(&mut self) -> Result<(), String> {
        let batch = self.next_batch();
        let log = self.log.as_mut().unwrap();
        let segments = log.segments();
        match log.append(batch.as_batch()) {
            Ok(()) => {
                if log.segments() > segments {
                    self.count("rotated");
                }
                self.count("acknowledged");
                self.acknowledged.push(batch);
                Ok(())
            }
            Err(AppendFault::Full { .. }) => {
                self.count("refused as full");
                Ok(())
            }
            Err(fault @ AppendFault::InDoubt { .. }) => {
                if fault.is_full() {
                    self.count("in doubt as full");
                }
                self.count("in doubt");
                self.in_doubt = Some(batch);
                self.after_doubt()
            }
        }
    }

    /// The process stays, or goes, with a batch in doubt.
    fn after_doubt(&mut self) -> Result<(), String> {
        if self.random.one_in(3) {
            let other = self.next_batch();
            let refused = self.log.as_mut().unwrap().append(other.as_batch());
            assert!(matches!(refused, Err(AppendFault::InDoubt { source: None, .. })), "{refused:?}");
            self.count("refused after a failure");
        }
        if self.random.one_in(4) {
            self.lose_the_process();
            return Ok(());
        }
        self.disk.set_capacity(None);
        loop {
            match self.log.as_mut().unwrap().reopen() {
                Ok(reopened) => return self.judge_reopened(reopened.survived),
                Err(fault) if self.random.one_in(2) => {
                    self.judge_fault(&fault)?;
                    self.count("reopening failed");
                    self.disk.clear_rules();
                    if self.disk_is_stopped() {
                        self.lose_the_process();
                        return Ok(());
                    }
                }
                Err(_) => {
                    self.lose_the_process();
                    return Ok(());
                }
            }
        }
    }

    fn disk_is_stopped(&self) -> bool {
        self.disk.directory("log").list().is_err()
    }

    fn judge_reopened(&mut self, survived: Option<OwnedBatch>) -> Result<(), String> {
        let doubt = self.in_doubt.take();
        match survived {
            Some(batch) if doubt.as_ref() == Some(&batch) => {
                self.count("survived reopening");
                self.acknowledged.push(batch);
                Ok(())
            }
            Some(_) => Err("reopening reports a batch that was not in doubt".into()),
            None => {
                self.count("gone after reopening");
                Ok(())
            }
        }
    }

    fn prepare(&mut self) -> Result<(), String> {
        if self.log.as_mut().unwrap().prepare_next().is_err() {
            self.count("preparing failed");
        }
        Ok(())
    }

    fn release(&mut self) -> Result<(), String> {
        if self.acknowledged.is_empty() {
            return Ok(());
        }
        let at = self.random.below(self.acknowledged.len() as u64) as usize;
        let reach = self.acknowledged[at].last;
        self.released = self.released.max(reach);
        match self.log.as_mut().unwrap().release(reach) {
            Ok(released) if released.segments > 0 => self.count("released"),
            Ok(_) => {}
            Err(_) => self.count("releasing failed"),
        }
        Ok(())
    }

    /// Something goes wrong within the next calls.
    fn plan_a_fault(&mut self) {
        let random = &mut self.random;
        let short = random.below(12_000) as usize;
        let targets = [
            Target::Only(Call::Write),
            Target::Only(Call::Sync),
            Target::Only(Call::SyncDir),
            Target::Only(Call::Rename),
            Target::Only(Call::Remove),
            Target::Only(Call::SetLen),
            Target::Only(Call::Read),
            Target::Changing,
        ];
        let mut actions = vec![
            Action::Fail,
            Action::FailAfter,
            Action::Short(short),
            Action::Full,
            Action::Slow(1000),
            Action::Stop,
            Action::Stop,
        ];
        if self.syncs_lie {
            actions = vec![Action::Lie];
        }
        let targets = if self.syncs_lie { &targets[1..3] } else { &targets[..] };
        let target = targets[random.below(targets.len() as u64) as usize];
        let action = actions[random.below(actions.len() as u64) as usize];
        let nth = 1 + random.below(5);
        let when = if random.one_in(4) { When::From(nth) } else { When::Nth(nth) };
        self.disk.add_rule(Rule { target, when, action });
    }

    fn lose_the_process(&mut self) {
        self.log = None;
        let cut = CutPolicy::ALL[self.random.below(5) as usize];
        let (next, what) = match self.random.below(4) {
            0 => (self.disk.after_kill(), "killed"),
            1 => {
                // Cut within the second after a kill: the next process had read what was never synced.
                let killed = self.disk.after_kill();
                let stop_at = 1 + self.random.below(12);
                killed.add_rule(Rule {
                    target: Target::Changing,
                    when: When::Nth(stop_at),
                    action: Action::Stop,
                });
                let outcome = open_with(&killed, FACTS);
                let what = if outcome.is_ok() { "killed, opened, cut" } else { "killed, cut while opening" };
                if let Ok((_, _, replayed)) = outcome {
                    self.settle(replayed.last());
                }
                (killed.after_power_cut(cut, &mut self.random), what)
            }
            _ => (self.disk.after_power_cut(cut, &mut self.random), name_of(cut)),
        };
        self.count(what);
        self.disk = next;
        self.disk.set_capacity(None);
        if self.random.one_in(4) {
            self.plan_a_fault();
        }
    }

    /// Once a log has been opened, the batch in doubt is stored or gone, for good.
    fn settle(&mut self, last: Option<&OwnedBatch>) -> bool {
        let Some(doubt) = self.in_doubt.take() else {
            return false;
        };
        let survived = last == Some(&doubt);
        if survived {
            self.acknowledged.push(doubt);
        }
        survived
    }

    fn open(&mut self) -> Result<(), String> {
        match open_with(&self.disk, FACTS) {
            Ok((log, report, replayed)) => {
                if report.torn {
                    self.count("torn batch cut");
                }
                let had_doubt = self.in_doubt.is_some();
                let what = match (had_doubt, self.settle(replayed.last())) {
                    (true, true) => "survived opening",
                    (true, false) => "gone after opening",
                    _ => "opened without doubt",
                };
                self.count(what);
                self.judge_replay(&replayed)?;
                self.log = Some(log);
                Ok(())
            }
            Err(fault) => {
                self.judge_fault(&fault)?;
                self.count("opening failed");
                self.lose_the_process();
                Ok(())
            }
        }
    }

    /// No fault of this disk may ever look like damage.
    fn judge_fault(&self, fault: &super::log_fault::LogFault) -> Result<(), String> {
        use super::log_fault::LogFault::{File, Full};
        if matches!(fault, File { .. } | Full { .. }) { Ok(()) } else { Err(format!("{fault}")) }
    }

    /// What was replayed is what was acknowledged, but for a beginning that was released.
    fn judge_replay(&self, replayed: &[OwnedBatch]) -> Result<(), String> {
        let Some(missing) = self.acknowledged.len().checked_sub(replayed.len()) else {
            return Err("a batch was invented".into());
        };
        let (gone, kept) = self.acknowledged.split_at(missing);
        if kept != replayed {
            return Err("what is replayed is not what was acknowledged".into());
        }
        match gone.last() {
            Some(last) if last.last > self.released => {
                Err(format!("{} was lost at the beginning", last.last))
            }
            _ => Ok(()),
        }
    }
}

fn add(total: &mut Counts, more: Counts) {
    for (what, count) in more {
        *total.entry(what).or_default() += count;
    }
}

fn name_of(cut: CutPolicy) -> &'static str {
    match cut {
        CutPolicy::Dropped => "cut, all dropped",
        CutPolicy::Kept => "cut, all kept",
        CutPolicy::Random => "cut at random",
        CutPolicy::Prefix => "cut to a prefix",
        CutPolicy::Torn => "cut, last write torn",
    }
}

#[test]
fn what_was_acknowledged_is_replayed_after_any_history() {
    // Each thread takes every fourth seed; a history depends on nothing but its own.
    let run = |from: u64| {
        let mut counts = Counts::new();
        for seed in (from..HISTORIES).step_by(4) {
            let mut history = History::new(seed, false);
            history.run(STEPS).unwrap_or_else(|why| panic!("seed {seed}: {why}"));
            add(&mut counts, history.counts);
        }
        counts
    };
    let mut total = Counts::new();
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|from| scope.spawn(move || run(from))).collect();
        threads.into_iter().for_each(|thread| add(&mut total, thread.join().unwrap()));
    });
    eprintln!("{HISTORIES} histories of {STEPS} steps: {total:#?}");
    let expected = [
        "acknowledged",
        "cut at random",
        "cut to a prefix",
        "cut, all dropped",
        "cut, all kept",
        "cut, last write torn",
        "gone after opening",
        "gone after reopening",
        "in doubt",
        "in doubt as full",
        "killed",
        "killed, cut while opening",
        "killed, opened, cut",
        "opened without doubt",
        "opening failed",
        "preparing failed",
        "refused after a failure",
        "refused as full",
        "released",
        "releasing failed",
        "reopening failed",
        "rotated",
        "survived opening",
        "survived reopening",
        "torn batch cut",
    ];
    for what in expected {
        assert!(total.contains_key(what), "\"{what}\" never happened");
    }
    assert_eq!(total.len(), expected.len(), "something happened that is not listed");
}

/// A model that never complains proves nothing: on a disk whose syncs lie it must.
#[test]
fn the_model_notices_a_disk_that_lies() {
    let noticed = (0..300).filter(|&seed| History::new(seed, true).run(STEPS).is_err()).count();
    eprintln!("300 histories on a disk that lies: {noticed} noticed");
    assert!(noticed > 50, "only {noticed} of 300 noticed");
}
