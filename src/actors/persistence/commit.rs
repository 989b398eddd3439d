//! The commit: a batch of operations decided, appended, synced, published. No actor, no clock, no thread: the shell
//! in `mod.rs` and the seeded simulator both drive this.

mod index;
mod room;
mod time;

use std::sync::Arc;

use highwater_wire::Refusal;

pub use super::bounds::CommitterBounds;
use crate::{
    logic::{Answer, Operation, State, Warm, decide, lacking},
    model::{Effect, Record, UserId, Version, limits::BATCH_OPERATIONS_MAX},
    store::{
        engine::Engine,
        files::FileFault,
        log::Log,
        log_batch::{Batch, OwnedBatch},
        log_fault::{AppendFault, LogFault},
        log_record,
        tail::Tail,
        watermark::Watermark,
    },
};
#[cfg(test)]
pub use index::rewrite;

/// Versions reserved ahead at a time. Source: at 250,000 commits/s one sync of the watermark every 4 s; 2^48 versions
/// last for 268 million starts.
const RESERVE_STEP: u64 = 1 << 20;

/// What became of one operation of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Decided, and durable where it changed something: to be told.
    Told(Result<Answer, Refusal>),
    /// Not decided: rows lack that must be warmed first. What its actor asked for later in the batch is `Again`.
    Cold,
    /// Not decided, nothing was done: to be submitted again, before what came after it.
    Again,
    /// It is not known whether it stands in the log.
    Unknown,
}

/// What a batch did.
#[derive(Debug, Default)]
pub struct Committed {
    /// One outcome per operation, in order.
    pub outcomes: Vec<Outcome>,
    /// What was published, to be told to those it concerns.
    pub records: Vec<Arc<Record>>,
    /// What the records took in the log, bytes, without the frame of the batch.
    pub log_bytes: u64,
}

/// Why the process must end.
#[derive(Debug, thiserror::Error)]
pub enum Fatal {
    /// The log failed, was opened again, and failed again.
    #[error("the commit log cannot be trusted any more")]
    Log(#[source] LogFault),
}

/// Whether writes are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// Yes.
    Writable,
    /// No: the disk is full. Reads go on; `Committer::recover` finds out when there is space again.
    Full,
}

/// The committer's hold on log, tail, index and state. One owner, one thread.
pub struct Committer {
    log: Log,
    watermark: Watermark,
    tail: Arc<Tail>,
    engine: Arc<dyn Engine>,
    state: State,
    bounds: CommitterBounds,
    /// The last number given, or the reach of what may not be given again.
    last_number: Version,
    health: Health,
    /// Records of a batch of which it is not known whether it stands in the log.
    in_doubt: Vec<Record>,
    /// Failures since the last batch that was synced.
    failures: u32,
    index_job: Option<index::IndexJob>,
    indexed_entries: (u64, u64),
    payload: Vec<u8>,
    #[cfg(feature = "seeded-bugs")]
    bug: Option<super::seeded_bugs::SeededBug>,
    #[cfg(feature = "seeded-bugs")]
    withheld: Option<(Version, Version, u32, Vec<u8>)>,
}

impl Committer {
    /// Takes over an opened store: see `open`.
    pub(super) fn new(log: Log, watermark: Watermark, tail: Arc<Tail>, engine: Arc<dyn Engine>) -> Committer {
        let last_number = watermark.usable();
        let mut state = State::default();
        state.set_horizon(tail.horizon());
        Committer {
            log,
            watermark,
            tail,
            engine,
            state,
            bounds: CommitterBounds::default(),
            last_number,
            health: Health::Writable,
            in_doubt: Vec::new(),
            failures: 0,
            index_job: None,
            indexed_entries: (0, 0),
            payload: Vec::new(),
            #[cfg(feature = "seeded-bugs")]
            bug: None,
            #[cfg(feature = "seeded-bugs")]
            withheld: None,
        }
    }

    /// Makes this committer misbehave, from now on.
    #[cfg(feature = "seeded-bugs")]
    pub fn seed_bug(&mut self, bug: Option<super::seeded_bugs::SeededBug>) {
        self.bug = bug;
    }

    /// Sets other bounds than the defaults. Called before anything is decided: rows held are forgotten.
    pub fn set_bounds(&mut self, bounds: CommitterBounds) {
        self.bounds = bounds;
        self.state.empty(bounds.rows_max);
    }

    /// Whether writes are taken.
    #[must_use]
    pub fn health(&self) -> Health {
        self.health
    }

    /// The tail that this committer publishes to.
    #[must_use]
    pub fn tail(&self) -> &Arc<Tail> {
        &self.tail
    }

    /// Bytes of the log on disk.
    #[must_use]
    pub fn log_bytes(&self) -> u64 {
        self.log.size_bytes()
    }

    /// Takes rows that a reader found; false when they must be read again.
    pub fn warm(&mut self, rows: Vec<Warm>, as_of: Version) -> bool {
        self.state.warm(rows, as_of)
    }

    /// Decides the operations in order, makes what they change durable with one append and one sync, publishes it.
    ///
    /// What comes back as `Told` may be told; nothing else was or will be. Operations beyond the limits of a batch come
    /// back as `Again`.
    ///
    /// # Errors
    /// [`Fatal`]: the process must end; nothing of this batch may be told.
    pub fn commit<'a>(
        &mut self,
        operations: impl IntoIterator<Item = &'a Operation>,
    ) -> Result<Committed, Fatal> {
        let operations: Vec<&Operation> = operations.into_iter().collect();
        if self.health == Health::Full {
            return Ok(refuse_all(operations.len(), Refusal::StorageFull));
        }
        if self.reserve(operations.len()).is_err() {
            return Ok(refuse_all(operations.len(), Refusal::StorageFull));
        }
        let mut outcomes = Vec::with_capacity(operations.len());
        let mut records = Vec::new();
        self.payload.clear();
        self.state.begin_batch();
        let mut lengths = Vec::new();
        // Operations of one actor are decided in the order in which they came.
        let mut cold: Vec<UserId> = Vec::new();
        for operation in operations {
            let waits = operation.actor().is_some_and(|actor| cold.contains(&actor));
            let full = outcomes.len() >= BATCH_OPERATIONS_MAX || self.is_full_for(operation);
            if waits || full {
                outcomes.push(Outcome::Again);
                continue;
            }
            if !lacking(&self.state, operation).is_empty() {
                cold.extend(operation.actor());
                outcomes.push(Outcome::Cold);
                continue;
            }
            let version = self.last_number.next();
            match decide(&mut self.state, operation, version) {
                Err(refusal) => outcomes.push(Outcome::Told(Err(refusal))),
                Ok(decided) => {
                    if let Some(record) = decided.record {
                        self.last_number = version;
                        let before = self.payload.len();
                        log_record::encode(&mut self.payload, &record);
                        lengths.push(self.payload.len() - before);
                        records.push(record);
                    }
                    outcomes.push(Outcome::Told(Ok(decided.answer)));
                }
            }
        }
        self.make_durable(outcomes, records, &lengths)
    }

    fn make_durable(
        &mut self,
        outcomes: Vec<Outcome>,
        records: Vec<Record>,
        lengths: &[usize],
    ) -> Result<Committed, Fatal> {
        let (Some(first), Some(last)) = (records.first(), records.last()) else {
            return Ok(Committed { outcomes, ..Committed::default() });
        };
        let (first, last) = (first.version, last.version);
        match self.append(first, last, records.len() as u32) {
            Ok(()) => {
                self.failures = 0;
                let log_bytes = lengths.iter().sum::<usize>() as u64;
                let records = self.publish(records, lengths);
                Ok(Committed { outcomes, records, log_bytes })
            }
            Err(fault) => {
                tracing::error!(
                    error = &fault as &dyn std::error::Error,
                    "a batch could not be made durable"
                );
                if matches!(fault, AppendFault::Full { .. }) {
                    // Nothing was written, so nothing is in doubt.
                    self.forget();
                    self.health = Health::Full;
                    let refused = Outcome::Told(Err(Refusal::StorageFull));
                    return Ok(Committed { outcomes: again_or(outcomes, refused), ..Committed::default() });
                }
                self.after_failure(outcomes, records, fault.is_full())
            }
        }
    }

    fn append(&mut self, first: Version, last: Version, records: u32) -> Result<(), AppendFault> {
        #[cfg(feature = "seeded-bugs")]
        if self.bug == Some(super::seeded_bugs::SeededBug::AcknowledgeBeforeWrite) {
            // What was withheld is written now, and this batch is withheld: it is told before it is written.
            let withheld = self.withheld.replace((first, last, records, self.payload.clone()));
            return match withheld {
                None => Ok(()),
                Some((first, last, records, payload)) => {
                    self.log.append(Batch { first, last, records, payload: &payload })
                }
            };
        }
        self.log.append(Batch { first, last, records, payload: &self.payload })
    }

    fn publish(&mut self, records: Vec<Record>, lengths: &[usize]) -> Vec<Arc<Record>> {
        let records: Vec<Arc<Record>> = records.into_iter().map(Arc::new).collect();
        self.tail.publish(records.iter().cloned().zip(lengths.iter().copied()).collect());
        self.watermark.note(self.tail.durable(), self.tail.indexed());
        records
    }

    /// The failed batch is in doubt: nobody is answered before it is known whether it survived.
    fn after_failure(
        &mut self,
        outcomes: Vec<Outcome>,
        records: Vec<Record>,
        full: bool,
    ) -> Result<Committed, Fatal> {
        self.failures += 1;
        self.forget();
        self.in_doubt = records;
        match self.log.reopen() {
            Ok(reopened) => {
                if let Some(batch) = reopened.survived {
                    let records = self.adopt(&batch);
                    return Ok(Committed { outcomes, records, log_bytes: 0 });
                }
                self.in_doubt.clear();
                if full {
                    self.health = Health::Full;
                    return Ok(Committed {
                        outcomes: again_or(outcomes, Outcome::Told(Err(Refusal::StorageFull))),
                        ..Committed::default()
                    });
                }
                Ok(Committed { outcomes: again_or(outcomes, Outcome::Again), ..Committed::default() })
            }
            Err(fault) if fault.is_full() => {
                self.health = Health::Full;
                Ok(Committed { outcomes: again_or(outcomes, Outcome::Unknown), ..Committed::default() })
            }
            Err(fault) => Err(Fatal::Log(fault)),
        }
        .and_then(|committed| {
            // A log that was opened anew and fails again at once is not tried a third time.
            if self.failures >= FAILURES_MAX && self.health == Health::Writable {
                return Err(Fatal::Log(LogFault::File { source: persistent_failure() }));
            }
            Ok(committed)
        })
    }

    /// The batch in doubt stands in the log, as it was decided.
    fn adopt(&mut self, batch: &OwnedBatch) -> Vec<Arc<Record>> {
        let records = std::mem::take(&mut self.in_doubt);
        let matches = records.first().map(|record| record.version) == Some(batch.first)
            && records.last().map(|record| record.version) == Some(batch.last);
        assert!(matches, "the batch that survived is the one that was in doubt");
        let lengths = encoded_lengths(&records);
        self.failures = 0;
        let records = self.publish(records, &lengths);
        // Rows that a reader read before this moment lack what these records changed.
        self.forget();
        records
    }

    /// Tries to take writes again after the disk was full: opens the log anew and learns what became of the batch in
    /// doubt. Returns what must be told now.
    ///
    /// # Errors
    /// [`Fatal`]: the process must end.
    pub fn recover(&mut self) -> Result<Vec<Arc<Record>>, Fatal> {
        if self.health == Health::Writable {
            return Ok(Vec::new());
        }
        let survived = match self.log.reopen() {
            Ok(reopened) => reopened.survived,
            Err(fault) if fault.is_full() => return Ok(Vec::new()),
            Err(fault) => return Err(Fatal::Log(fault)),
        };
        // The next segment is the next that will be needed: with it there is room for more than one batch.
        let prepared = self.log.prepare_next();
        let records = survived.map(|batch| self.adopt(&batch)).unwrap_or_default();
        self.in_doubt.clear();
        if prepared.is_ok() {
            self.health = Health::Writable;
            self.failures = 0;
            tracing::info!("the disk has space again: writes are taken");
        }
        Ok(records)
    }

    /// Reserves numbers ahead when few are left.
    fn reserve(&mut self, wanted: usize) -> Result<(), FileFault> {
        let wanted = Version((self.last_number.0 + wanted as u64 + 1).min(Version::MAX.0));
        if wanted <= self.watermark.usable() {
            return Ok(());
        }
        let target = Version((wanted.0 + RESERVE_STEP).min(Version::MAX.0));
        self.watermark.reserve(target).inspect_err(|fault| {
            tracing::error!(error = fault as &dyn std::error::Error, "no numbers can be reserved");
        })
    }

    /// Commits a record that no operation asked for: the start of a run.
    pub(super) fn begin_run(&mut self, run: impl FnOnce(Version) -> Effect) -> Result<(), Fatal> {
        let failed = |source| Fatal::Log(LogFault::File { source });
        self.reserve(1).map_err(failed)?;
        let version = self.last_number.next();
        self.last_number = version;
        let record = Record { version, effects: vec![run(version)] };
        self.payload.clear();
        log_record::encode(&mut self.payload, &record);
        let length = self.payload.len();
        let batch = Batch { first: version, last: version, records: 1, payload: &self.payload };
        self.log.append(batch).map_err(|_| failed(persistent_failure()))?;
        self.publish(vec![record], &[length]);
        Ok(())
    }

    /// Work that nobody waits for: the watermark on disk, the next segment.
    pub fn housekeeping(&mut self) {
        if let Err(fault) = self.watermark.save() {
            tracing::warn!(error = &fault as &dyn std::error::Error, "the watermark could not be saved");
        }
        if self.health == Health::Writable
            && let Err(fault) = self.log.prepare_next()
        {
            tracing::warn!(
                error = &fault as &dyn std::error::Error,
                "the next log segment could not be prepared"
            );
        }
    }
}

/// Failures in a row after which the log is not tried again. Source: sync rule 5 (a sync that fails again ends it).
const FAILURES_MAX: u32 = 2;

fn persistent_failure() -> FileFault {
    FileFault::new("sync", "commit log", std::io::Error::other("it failed again after it was opened anew"))
}

fn encoded_lengths(records: &[Record]) -> Vec<usize> {
    let mut bytes = Vec::new();
    let length = |record: &Record| {
        bytes.clear();
        log_record::encode(&mut bytes, record);
        bytes.len()
    };
    records.iter().map(length).collect()
}

fn refuse_all(count: usize, refusal: Refusal) -> Committed {
    let outcomes = vec![Outcome::Told(Err(refusal)); count];
    Committed { outcomes, ..Committed::default() }
}

/// Outcomes of a batch that is gone: what was told as done was not, and what was refused may have been refused because
/// of it. Only rows that lack stay lacking.
fn again_or(outcomes: Vec<Outcome>, otherwise: Outcome) -> Vec<Outcome> {
    let again = |outcome| match outcome {
        Outcome::Cold | Outcome::Again => Outcome::Again,
        Outcome::Told(_) | Outcome::Unknown => otherwise.clone(),
    };
    outcomes.into_iter().map(again).collect()
}
