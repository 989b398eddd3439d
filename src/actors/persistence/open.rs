//! Opening a store: index, watermark, log, replay, a new run. Nothing is served before this returns.

use std::sync::Arc;

use super::commit::{Committer, Fatal};
use crate::{
    model::{Effect, Horizon, Record, RunNumber, TimeMs, Version, record::Run},
    store::{
        engine::{Engine, EngineFault, IndexBatch},
        field::Input,
        files::Files,
        horizon, index_writer,
        log::{Log, LogConfig, OpenFacts},
        log_batch::StoreId,
        log_fault::LogFault,
        log_record,
        tail::Tail,
        view::{ReadFault, View},
        watermark::{Watermark, WatermarkFault},
    },
    sync::Lifeline,
};

/// What a store is opened with.
pub struct OpenStore {
    /// Where log and watermark are.
    pub files: Arc<dyn Files>,
    /// The index.
    pub engine: Arc<dyn Engine>,
    /// Whose files they are.
    pub store: StoreId,
    /// Sizes of the log.
    pub log: LogConfig,
    /// Random id of the run that begins.
    pub run_id: u32,
    /// An operator accepts that the store is shorter than it was.
    pub accept_loss: bool,
}

/// An open store.
pub struct Opened {
    /// For the persistence actor.
    pub committer: Committer,
    /// For every snapshot that comes in.
    pub lifeline: Arc<Lifeline>,
    /// For the log of the operator.
    pub report: Report,
}

/// What opening found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Number of the run that begins.
    pub run: RunNumber,
    /// Last version before it.
    pub found: Version,
    /// Records that the index did not have.
    pub replayed: usize,
    /// The last batch was torn and cut.
    pub torn: bool,
    /// The index was behind what it had reached once, and was healed by replay.
    pub index_was_behind: bool,
    /// Something that may have been told is missing, and an operator accepted it.
    pub lossy: bool,
    /// The newest observed time that was stored before.
    pub stored_time: Option<TimeMs>,
}

/// Why a store cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenFault {
    /// The log.
    #[error("the commit log cannot be opened")]
    Log(#[from] LogFault),
    /// The watermark.
    #[error("the watermark cannot be opened")]
    Watermark(#[from] WatermarkFault),
    /// The index.
    #[error("the index cannot be opened")]
    Engine(#[from] EngineFault),
    /// The index can be opened and not read.
    #[error("the index cannot be read")]
    Read(#[from] ReadFault),
    /// The index was written for another store.
    #[error("the index belongs to another store: put back the one that goes with this log")]
    IndexOfAnotherStore,
    /// The index ends before the log begins: what lies between is gone.
    #[error(
        "the index reaches version {reach}, but the log begins at version {first}: restore a backup of both"
    )]
    IndexBelowLog {
        /// The index's reach.
        reach: Version,
        /// First version of the log.
        first: Version,
    },
    /// The index has what the log does not.
    #[error(
        "the index reaches version {reach}, but the log ends at version {last}: they are not of one store"
    )]
    IndexAboveLog {
        /// The index's reach.
        reach: Version,
        /// Last version of the log.
        last: Version,
    },
    /// Numbers were used that the watermark had not reserved: a sync of it did not do what it said.
    #[error(
        "the commit log ends at version {last}, but the watermark reserved only up to {reserved}: the disk lied"
    )]
    WatermarkBelowLog {
        /// Last version of the log.
        last: Version,
        /// What the watermark reserved.
        reserved: Version,
    },
    /// The run could not begin.
    #[error("the new run cannot be recorded")]
    Run(#[from] Fatal),
}

/// Opens a store, replays what the index lacks, and begins a run.
///
/// # Errors
/// [`OpenFault`], by name; nothing that counts was changed, and nothing is served.
pub fn open(with: OpenStore) -> Result<Opened, OpenFault> {
    let is_new = Log::is_absent(&*with.files).map_err(LogFault::from)?;
    let mut watermark = Watermark::open(Arc::clone(&with.files), with.store, is_new)?;
    let reach = read_reach(&*with.engine)?;
    tie_to_store(&*with.engine, with.store, reach)?;
    let index_was_behind = watermark.marks().index_shortfall(reach).is_some();

    let facts =
        OpenFacts { store: with.store, durable: watermark.marks().durable, accept_loss: with.accept_loss };
    let mut replay = Replay { above: reach, first: None, records: Vec::new() };
    let (log, found) = Log::open(Arc::clone(&with.files), with.log, facts, &mut |batch| {
        replay.take(batch.payload).map_err(Into::into)
    })?;
    replay.check(reach, log.first_version(), found.last_version)?;
    if found.last_version > watermark.usable() {
        let reserved = watermark.usable();
        return Err(OpenFault::WatermarkBelowLog { last: found.last_version, reserved });
    }
    if found.loss_accepted || index_was_behind {
        // Of the log it says as before until the record of the new run has passed it: a start that is cut off before
        // that finds the loss again, so that no loss goes unrecorded.
        let durable = watermark.marks().durable;
        watermark.accept_loss(durable, reach).map_err(|source| LogFault::File { source })?;
    }

    let tail = Arc::new(Tail::new(reach));
    tail.begin_at(read_horizon(&*with.engine)?);
    // Before anything of theirs is replayed; what the replay brings itself it hides.
    for erasure in View::new(&tail, &with.engine).erasures_under_way(usize::MAX)? {
        tail.erase(erasure.user);
    }
    let replayed = replay.records.len();
    let records: Vec<Arc<Record>> = replay.records.iter().map(|(record, _)| Arc::clone(record)).collect();
    tail.publish(replay.records);

    let view = View::new(&tail, &with.engine);
    let replayed_times =
        records.iter().flat_map(|record| &record.effects).filter_map(|effect| match effect {
            Effect::Time(time) => Some(*time),
            _ => None,
        });
    let stored_time = replayed_times.chain(view.indexed_time()?).max();
    let mut runs = view.runs()?;
    drop(view);
    runs.extend(records.iter().flat_map(|record| &record.effects).filter_map(|effect| match effect {
        Effect::Run(run) => Some(*run),
        _ => None,
    }));
    // An index step that was cut off may have brought a run that is replayed too.
    runs.sort_by_key(|run| run.number);
    runs.dedup();
    let number = RunNumber(runs.iter().map(|run| run.number.0).max().unwrap_or(0) + 1);
    let mut committer = Committer::new(log, watermark, tail, with.engine);
    let (run_id, found_version, lossy) = (with.run_id, found.last_version, found.loss_accepted);
    committer.begin_run(|first| {
        let run = Run { number, id: run_id, first, found: found_version, lossy };
        runs.push(run);
        Effect::Run(run)
    })?;
    let report = Report {
        run: number,
        found: found_version,
        replayed,
        torn: found.torn,
        index_was_behind,
        lossy,
        stored_time,
    };
    Ok(Opened { committer, lifeline: Arc::new(Lifeline::new(runs)), report })
}

/// An index that has nothing yet becomes this store's; any other has to be.
fn tie_to_store(engine: &dyn Engine, store: StoreId, reach: Version) -> Result<(), OpenFault> {
    let key = index_writer::store_key();
    match engine.get(&key)? {
        Some(owner) if owner[..] == store.0 => Ok(()),
        None if reach == Version(0) => {
            let mut batch = IndexBatch::new();
            batch.put(&key, store.0.to_vec()).expect("an id is within the engine's limits");
            Ok(engine.apply(&batch)?)
        }
        _ => Err(OpenFault::IndexOfAnotherStore),
    }
}

fn read_reach(engine: &dyn Engine) -> Result<Version, OpenFault> {
    let Some(value) = engine.get(&index_writer::reach_key())? else {
        return Ok(Version(0));
    };
    let reach = Input::new(&value).version().map_err(ReadFault::from)?;
    Ok(reach)
}

fn read_horizon(engine: &dyn Engine) -> Result<Horizon, OpenFault> {
    let Some(value) = engine.get(&horizon::key())? else {
        return Ok(Horizon::default());
    };
    Ok(horizon::decode(&mut Input::new(&value)).map_err(ReadFault::from)?)
}

/// Records that the index lacks, as the log gives them.
struct Replay {
    above: Version,
    first: Option<Record>,
    records: Vec<(Arc<Record>, usize)>,
}

impl Replay {
    fn take(&mut self, payload: &[u8]) -> Result<(), crate::store::field::Malformed> {
        for record in log_record::decode_all(payload)? {
            if self.first.is_none() {
                self.first = Some(record.clone());
            }
            #[cfg(feature = "seeded-bugs")]
            let record = super::seeded_bugs::replayed(record);
            if record.version > self.above {
                let mut bytes = Vec::new();
                log_record::encode(&mut bytes, &record);
                self.records.push((Arc::new(record), bytes.len()));
            }
        }
        Ok(())
    }

    fn check(&self, reach: Version, log_first: Option<Version>, log_last: Version) -> Result<(), OpenFault> {
        if reach > log_last {
            return Err(OpenFault::IndexAboveLog { reach, last: log_last });
        }
        let Some(first) = log_first else { return Ok(()) };
        let begins_the_store = self.first.as_ref().is_some_and(|record| {
            record
                .effects
                .iter()
                .any(|effect| matches!(effect, Effect::Run(run) if run.number == RunNumber(1)))
        });
        if first > reach && !begins_the_store {
            return Err(OpenFault::IndexBelowLog { reach, first });
        }
        Ok(())
    }
}
