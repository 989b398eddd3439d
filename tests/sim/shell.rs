//! The simulated process: disk, index and committer, how they start, end, and what would be left after a power cut.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use highwater::{
    actors::persistence::{
        commit::{Committer, CommitterBounds},
        open::{OpenStore, Opened, open},
    },
    logic::{ObservedTime, Warm, hand_back_times::HandBackTimes, observed_time::ABSENCE_MAX_MS},
    model::{DevicePolicy, Record, UserId, Version},
    store::{
        engine::Engine,
        engine_faulty::{FaultPlan, FaultyEngine},
        engine_memory::MemoryEngine,
        field::Input,
        files_faulty::{CutPolicy, FaultyDisk, SeededRandom},
        index_writer,
        log::{Log, LogConfig, OpenFacts},
        log_batch::StoreId,
        log_record,
        view::View,
    },
    sync::Lifeline,
};

use crate::{
    faults::{self, Trouble},
    operations::Submission,
    world::World,
};

pub const STORE: StoreId = StoreId([7; 16]);
pub const DIRECTORY: &str = "log";

/// Small, so that a history begins several segments.
const LOG: LogConfig = LogConfig { segment_bytes: 17 * 1024, batch_bytes_max: 12 * 1024 };

/// What survives the end of the process, and what does not.
pub struct Shell {
    pub disk: FaultyDisk,
    pub engine: Arc<FaultyEngine<MemoryEngine>>,
    pub bounds: CommitterBounds,
    pub policy: DevicePolicy,
    /// What the index has even after a power cut that takes everything unsynced.
    pub synced_reach: Version,
    pub running: Option<Running>,
    /// An operator has accepted that the store is shorter than it was.
    pub accept_loss: bool,
}

/// The process.
pub struct Running {
    pub committer: Committer,
    pub lifeline: Arc<Lifeline>,
    pub ready: VecDeque<Submission>,
    pub parked: BTreeMap<UserId, VecDeque<Submission>>,
    pub warming: Vec<Warming>,
    pub index_is_broken: bool,
    /// Index batches applied since the reach last moved.
    pub step_batches: usize,
}

/// A reader at work for the operations of one user.
pub struct Warming {
    pub actor: UserId,
    pub state: WarmingState,
}

pub enum WarmingState {
    Waiting,
    Pinned(Box<View>),
    Read(Vec<Warm>, Version),
}

impl Shell {
    pub fn new(bounds: CommitterBounds, policy: DevicePolicy) -> Shell {
        Shell {
            disk: FaultyDisk::new(),
            engine: Arc::new(FaultyEngine::new(MemoryEngine::new(), FaultPlan::default())),
            bounds,
            policy,
            synced_reach: Version(0),
            running: None,
            accept_loss: false,
        }
    }

    pub fn dyn_engine(&self) -> Arc<dyn Engine> {
        Arc::clone(&self.engine) as Arc<dyn Engine>
    }

    /// A read that begins now.
    pub fn view(&self) -> View {
        let running = self.running.as_ref().expect("it runs");
        View::new(running.committer.tail(), &self.dyn_engine())
    }

    pub fn open(&self, run_id: u32) -> Result<Opened, highwater::actors::persistence::open::OpenFault> {
        open(OpenStore {
            files: self.disk.directory(DIRECTORY),
            engine: self.dyn_engine(),
            store: STORE,
            log: LOG,
            run_id,
            accept_loss: self.accept_loss,
        })
    }

    /// What is in a file of the store.
    pub fn content_of(&self, name: &str) -> Vec<u8> {
        let mut bytes = vec![0; 1 << 20];
        let file = self.disk.directory(DIRECTORY).open(name).unwrap();
        let length = file.read_at(0, &mut bytes).unwrap();
        bytes.truncate(length);
        bytes
    }

    pub fn reach(&self) -> Version {
        let value = Engine::get(&*self.engine, &index_writer::reach_key()).unwrap();
        value.map(|value| Input::new(&value).version().unwrap()).unwrap_or_default()
    }

    /// Every record that the log would hold after a power cut at this moment.
    fn records_after_cut(&self, policy: CutPolicy, random: &mut SeededRandom) -> BTreeMap<Version, Record> {
        let disk = self.disk.after_power_cut(policy, random);
        disk.set_capacity(None);
        let facts = OpenFacts { store: STORE, durable: Version(0), accept_loss: true };
        let mut found = BTreeMap::new();
        let opened = Log::open(disk.directory(DIRECTORY), LOG, facts, &mut |batch| {
            for record in log_record::decode_all(batch.payload)? {
                found.insert(record.version, record);
            }
            Ok(())
        });
        if let Err(fault) = opened {
            panic!("the log cannot be opened after a power cut ({policy:?}): {fault}");
        }
        found
    }
}

impl World {
    /// The process, which runs between steps.
    pub fn running(&mut self) -> &mut Running {
        self.shell.running.as_mut().expect("the process was started again in the same step")
    }

    /// What was told must be there after a power cut right now.
    pub fn probe(&mut self, through: Version) {
        self.counts.saw("durability probe");
        let policy = faults::policy(&mut self.random);
        let held = self.shell.records_after_cut(policy, &mut self.random);
        let from = self.shell.synced_reach.next();
        if from > through {
            return;
        }
        for (version, record) in self.oracle.records.range(from..=through) {
            let found = held.get(version);
            assert!(
                found.is_some(),
                "G1: version {version} was told and would not survive a power cut ({policy:?})"
            );
            assert!(found == Some(&**record), "G4: version {version} would come back with another content");
        }
    }

    /// Now and then: it costs a start of the log.
    pub fn probe_sometimes(&mut self) {
        if self.random.one_in(5) {
            let durable = self.running().committer.tail().durable();
            self.probe(durable);
        }
    }

    /// The process ends without warning, or the machine loses power, and starts again.
    pub fn crash(&mut self, power_cut: bool) {
        if let Some(running) = self.shell.running.take()
            && running.step_batches > 0
        {
            self.counts.saw("index step cut by a crash");
        }
        self.after_the_end();
        self.lose(power_cut);
        self.start();
        // What a kill leaves in the cache is read back by the next start, and is not on disk for that.
        if !power_cut && self.random.one_in(3) {
            self.counts.saw("power cut soon after a kill");
            self.running().committer.housekeeping();
            self.crash(true);
        } else if self.random.one_in(2) {
            self.resend_what_waits();
        }
    }

    /// What the end of the process does to disk and index.
    pub fn lose(&mut self, power_cut: bool) {
        self.counts.saw(if power_cut { "power cut" } else { "kill" });
        let unsynced = self.shell.engine.unsynced_batches() as u64;
        let kept = self.random.below(unsynced + 1);
        if power_cut {
            let policy = faults::policy(&mut self.random);
            self.shell.disk = self.shell.disk.after_power_cut(policy, &mut self.random);
        } else {
            self.shell.disk = self.shell.disk.after_kill();
        }
        // What the engine had not yet written is gone with the process; what it had written may still be in the cache.
        if power_cut || self.random.one_in(2) {
            self.shell.engine.crash(usize::try_from(kept).unwrap());
            self.shell.synced_reach = self.shell.reach();
            if kept > 0 && kept < unsynced {
                self.counts.saw("index cut in the middle");
            }
        } else {
            self.shell.engine.reopen();
        }
        self.shell.engine.set_plan(FaultPlan::default());
    }

    /// Opens the store until that works, sometimes with trouble on the way, and compares what it found.
    pub fn start(&mut self) {
        let mut troubles = if self.random.one_in(6) { 1 + self.random.below(2) } else { 0 };
        loop {
            let trouble = (troubles > 0).then(|| faults::of_open(&mut self.random));
            troubles = troubles.saturating_sub(1);
            if let Some(trouble) = trouble {
                self.shell.disk.add_rule(trouble.rule());
            }
            let run_id = self.random.next_u64() as u32;
            let before = self.shell.disk.fired();
            let opened = self.shell.open(run_id);
            let fired = self.shell.disk.fired() > before;
            self.shell.disk.clear_rules();
            match opened {
                // A process whose machine is gone serves nobody, whatever opening says.
                Ok(opened) if !(fired && trouble.is_some_and(Trouble::is_the_end)) => {
                    self.opened(opened);
                    return;
                }
                _ if trouble.is_some_and(Trouble::is_the_end) => self.counts.saw("crash in an open"),
                Ok(_) => unreachable!("an open that worked is served"),
                Err(fault) => {
                    let full = self.shell.disk.used_bytes() + 64 * 1024 > self.capacity.unwrap_or(u64::MAX);
                    assert!(fired || full, "the store cannot be opened: {:?}", faults::chain(&fault));
                    self.counts.saw("open fails");
                }
            }
            self.shell.disk.set_capacity(None);
            self.capacity = None;
            let power_cut = self.random.one_in(2);
            self.lose(power_cut);
        }
    }

    fn opened(&mut self, opened: Opened) {
        let Opened { mut committer, lifeline, report } = opened;
        committer.set_bounds(self.shell.bounds);
        // A day of absence is believed at most, except by a store that has never noted the time.
        if self.now.0 - self.oracle.now.0 <= ABSENCE_MAX_MS || report.stored_time.is_none() {
            self.oracle.now = self.oracle.now.max(self.now);
        }
        let time = ObservedTime::at_start(report.stored_time, self.now, self.monotonic_us());
        self.oracle.time_begins_at(time.at());
        if time.is_suspended() {
            self.counts.saw("time suspended");
        }
        committer.set_time(time);
        committer.set_policy(self.policy());
        let tail = Arc::clone(committer.tail());
        let replayed = tail.unindexed(usize::MAX);
        let clocks = (time.at(), self.now);
        self.hand_backs =
            HandBackTimes::since(clocks, self.hand_backs.marks_max(), tail.indexed(), &replayed);
        for (event, happened) in [
            ("replay", report.replayed > 0),
            ("torn", report.torn),
            ("index behind its reach", report.index_was_behind),
        ] {
            if happened {
                self.counts.saw(event);
            }
        }
        assert!(!report.lossy || self.shell.accept_loss, "nothing that was told may be missing");
        self.shell.accept_loss = false;
        if self.oracle.is_in_mid_entry() {
            self.counts.saw("crash between group steps");
        }
        let new = self.oracle.reopened(&replayed, tail.indexed());
        if new.len() > 1 {
            let runs_only =
                new.iter().all(|record| matches!(record.effects[..], [highwater::model::Effect::Run(_)]));
            if !runs_only {
                self.counts.saw("surfaced after a crash");
            }
        }
        assert_eq!(tail.durable(), self.oracle.last, "the head is the last record");
        assert_eq!(lifeline.runs(), self.oracle.runs, "every run is known");
        self.shell.running = Some(Running {
            committer,
            lifeline,
            ready: VecDeque::new(),
            parked: BTreeMap::new(),
            warming: Vec::new(),
            index_is_broken: false,
            step_batches: 0,
        });
        self.check_horizon();
        // What was read back is served from here on, so it must be on disk.
        self.probe(self.oracle.last);
    }
}
