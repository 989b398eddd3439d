//! The persistence actor: the one place where operations are decided, stored and then told.
//!
//! **Owns** the committer: log, watermark, index writing, and the rows that decisions need. **Receives** wakes; the
//! work itself is in its intake. **Emits** answers, news and ends to the boards of the workers, records of groups to
//! the board of their actors, warming jobs to the readers. **Durable before replying:** everything; nothing is told before its batch is synced. **Mailbox:** wakes
//! only, coalesced; the intake is bounded and refuses as busy. **Started** by `app` alone on its arbiter and thread,
//! **stopped** after the intake was closed and drained. **A restart loses** nothing that was told: it is a new run.

mod bounds;
pub mod commit;
mod indexing;
pub mod intake;
pub mod open;
mod parking;
#[cfg(feature = "seeded-bugs")]
pub mod seeded_bugs;
mod telling;
mod timekeeping;
mod turning;
pub mod warm;

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use actix::{Actor, ActorContext, Addr, AsyncContext, Context, Handler, Message};
use highwater_wire::Refusal;

pub use bounds::TailBounds;
pub use telling::TellingParts;

use self::{
    commit::{Committed, Committer, Fatal, Health, Outcome},
    intake::{Intake, Submission},
    telling::Telling,
};
use super::{observed::Observed, reader::Readers};
use crate::{
    model::{Clock, Policy, TimeMs, UserId, limits::BATCH_OPERATIONS_MAX},
    monitor::{Monitor, ids},
};

/// How often the actor looks for work without being woken: for housekeeping, a full disk, and the index.
const INTERVAL: Duration = Duration::from_millis(50);

/// Batches decided before timers have their turn. Source: at 1 ms a batch the interval is late by at most 16 ms.
const BATCHES_PER_TURN: usize = 16;

/// How often the index catches up when there is little to do, in intervals. Source: a second of traffic packs better
/// than 50 ms of it, and replaying a second takes milliseconds.
const INDEX_INTERVALS: u32 = 20;

/// How often the disk is tried again while it is full, in intervals.
const FULL_DISK_LOOK_INTERVALS: u32 = 10;

/// How often the watermark is saved and the next segment prepared, in intervals.
const HOUSEKEEPING_INTERVALS: u32 = 4;

/// See the module.
pub struct Persistence {
    committer: Committer,
    intake: Arc<Intake>,
    readers: Readers,
    telling: Telling,
    clock: Clock,
    monitor: Monitor,
    observed: Arc<Observed>,
    /// The observed time that was stored last.
    stored_time: Option<TimeMs>,
    bounds: TailBounds,
    /// Opens the index anew after it failed.
    reopen_index: Box<dyn FnMut() -> bool + Send>,
    /// Whether the disk has room for a batch of the index.
    index_has_room: Box<dyn Fn() -> bool + Send>,
    /// Ends the process: the reason is logged before.
    abort: Arc<dyn Fn() + Send + Sync>,
    /// Operations to be decided before those of the intake, in order.
    ready: VecDeque<Submission>,
    /// Operations of actors that wait for rows; a later one of the same actor waits behind.
    parked: HashMap<UserId, parking::Parked>,
    intervals: u32,
    index_is_broken: bool,
    index_waits_for_room: bool,
    stopping: bool,
}

/// There is work in the intake.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Wake;

/// Finish: decide what is in, index it, end. Answered when it is done.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Finish;

/// Decide by this from the next batch on. Answered when it is so.
#[derive(Message)]
#[rtype(result = "()")]
pub struct SetPolicy(pub Policy);

/// What the actor is made of.
pub struct PersistenceParts {
    /// An opened store.
    pub committer: Committer,
    /// Its way in.
    pub intake: Arc<Intake>,
    /// For rows that lack.
    pub readers: Readers,
    /// Whom it tells.
    pub told: TellingParts,
    /// Where the time is shown.
    pub observed: Arc<Observed>,
    /// Time.
    pub clock: Clock,
    /// Counters.
    pub monitor: Monitor,
    /// Bounds of the tail.
    pub bounds: TailBounds,
    /// Opens the index anew after it failed; false when it failed again.
    pub reopen_index: Box<dyn FnMut() -> bool + Send>,
    /// Whether the disk has room for a batch of the index; while it has not, the index waits and stays readable.
    pub index_has_room: Box<dyn Fn() -> bool + Send>,
    /// Ends the process after a fault that cannot be survived.
    pub abort: Arc<dyn Fn() + Send + Sync>,
}

impl Persistence {
    /// An actor that is not yet started.
    #[must_use]
    pub fn new(parts: PersistenceParts) -> Persistence {
        // Before the first connection looks at it.
        parts.observed.set(parts.committer.time(), parts.committer.heard_since());
        Persistence {
            committer: parts.committer,
            intake: parts.intake,
            readers: parts.readers,
            telling: Telling::new(parts.told),
            clock: parts.clock,
            monitor: parts.monitor,
            observed: parts.observed,
            stored_time: None,
            bounds: parts.bounds,
            reopen_index: parts.reopen_index,
            index_has_room: parts.index_has_room,
            abort: parts.abort,
            ready: VecDeque::new(),
            parked: HashMap::new(),
            intervals: 0,
            index_is_broken: false,
            index_waits_for_room: false,
            stopping: false,
        }
    }

    /// Works until nothing is left to decide, but not for ever: timers and the end must have their turn. Between batches
    /// the index is brought one batch further. Returns whether there is more to do.
    fn work(&mut self) -> bool {
        for _ in 0..BATCHES_PER_TURN {
            self.observed.turn(self.clock.monotonic_us());
            self.take_in();
            let tail_bytes = self.committer.tail().bytes();
            let tail_is_full = tail_bytes > self.bounds.bytes_max;
            let indexed =
                tail_bytes > self.bounds.index_after_bytes.min(self.bounds.bytes_max) && self.index_step();
            let decided = if !tail_is_full {
                self.commit_batch()
            } else if self.index_waits_for_room {
                // Nothing will make room in the tail before there is space on the disk.
                self.refuse_ready(Refusal::StorageFull)
            } else {
                0
            };
            self.observe();
            if decided == 0 && !indexed {
                return false;
            }
        }
        true
    }

    fn take_in(&mut self) {
        let taken = self.intake.take(&self.ready);
        for warmed in taken.warmed {
            self.take_warmed(warmed);
        }
        for submission in taken.submissions {
            let actor = submission.operation.actor();
            match actor.and_then(|actor| self.parked.get_mut(&actor)) {
                Some(parked) => parked.waiting.push_back(submission),
                None => self.ready.push_back(submission),
            }
        }
    }

    fn commit_batch(&mut self) -> usize {
        let count = self.ready.len().min(BATCH_OPERATIONS_MAX);
        if count == 0 {
            return 0;
        }
        let batch: Vec<Submission> = self.ready.drain(..count).collect();
        let started_us = self.clock.monotonic_us();
        self.count_waits(&batch, started_us);
        self.committer.advance(started_us);
        match self.committer.commit(batch.iter().map(|submission| &submission.operation)) {
            Ok(committed) => {
                if !committed.records.is_empty() {
                    let took_us = self.clock.monotonic_us().saturating_sub(started_us);
                    self.monitor.add(ids::BATCHES, 1);
                    self.monitor.add(ids::LOG_BYTES, committed.log_bytes);
                    self.monitor.observe(ids::BATCH_SYNC, took_us);
                    self.monitor.observe(ids::BATCH_OPERATIONS, committed.records.len() as u64);
                }
                self.tell(batch, committed, started_us)
            }
            Err(fatal) => {
                self.die(&fatal);
                0
            }
        }
    }

    /// Tells what is durable, parks what lacks rows, keeps what was not decided. Returns how many were settled or moved.
    fn tell(&mut self, batch: Vec<Submission>, committed: Committed, started_us: u64) -> usize {
        self.telling.news(&committed.records, &self.monitor);
        let mut again = VecDeque::new();
        let mut answered = 0;
        let total = batch.len();
        for (submission, outcome) in batch.into_iter().zip(committed.outcomes) {
            match outcome {
                Outcome::Told(result) => {
                    self.telling.answer(submission, result, started_us, &self.monitor, &self.clock);
                    answered += 1;
                }
                Outcome::Unknown => {
                    let unknown = Err(Refusal::UnknownOutcome);
                    self.telling.answer(submission, unknown, started_us, &self.monitor, &self.clock);
                    answered += 1;
                }
                Outcome::Cold => self.park(submission),
                Outcome::Again => again.push_back(submission),
            }
        }
        self.telling.flush();
        self.intake.answered(answered);
        let waiting = again.len();
        again.into_iter().rev().for_each(|submission| self.put_back(submission));
        self.turn_outgrown();
        total - waiting
    }

    fn refuse(&mut self, submissions: impl IntoIterator<Item = Submission>, refusal: Refusal) {
        let now_us = self.clock.monotonic_us();
        let mut count = 0;
        for submission in submissions {
            self.telling.answer(submission, Err(refusal), now_us, &self.monitor, &self.clock);
            count += 1;
        }
        self.telling.flush();
        self.intake.answered(count);
    }

    fn refuse_ready(&mut self, refusal: Refusal) -> usize {
        let refused: Vec<Submission> = self.ready.drain(..).collect();
        let count = refused.len();
        self.refuse(refused, refusal);
        count
    }

    fn on_interval(&mut self) {
        self.intervals = self.intervals.wrapping_add(1);
        if self.intervals.is_multiple_of(FULL_DISK_LOOK_INTERVALS) {
            self.look_at_full_disk();
            if self.index_is_broken && (self.reopen_index)() {
                tracing::info!("the index was opened anew");
                self.index_is_broken = false;
            }
        }
        self.store_time(self.time_step_ms());
        self.work();
        // Nothing waits: the index catches up, one batch at a time, as long as nothing comes in.
        let indexing = self.bounds.index_after_bytes < usize::MAX;
        if indexing && self.intervals.is_multiple_of(INDEX_INTERVALS) {
            while self.intake.depth() == 0 && self.ready.is_empty() && self.index_step() {}
        }
        self.remove_step();
        self.telling.groups().look_again(&self.readers);
        if self.intervals.is_multiple_of(HOUSEKEEPING_INTERVALS) {
            self.committer.housekeeping();
        }
        self.observed.set(self.committer.time(), self.committer.heard_since());
        self.observe();
    }

    fn look_at_full_disk(&mut self) {
        if self.committer.health() == Health::Writable {
            return;
        }
        match self.committer.recover() {
            Ok(records) => {
                self.telling.news(&records, &self.monitor);
                self.telling.flush();
            }
            Err(fatal) => self.die(&fatal),
        }
    }

    fn die(&mut self, fatal: &Fatal) {
        let error = fatal as &dyn std::error::Error;
        tracing::error!(error, "the store cannot go on; the process ends and recovers at its next start");
        self.stopping = true;
        (self.abort)();
    }

    fn count_waits(&self, batch: &[Submission], now_us: u64) {
        let longest = batch.first().map_or(0, |first| now_us.saturating_sub(first.queued_us));
        self.monitor.set(ids::PERSISTENCE_QUEUE_DEPTH, self.intake.depth() as u64);
        tracing::trace!(operations = batch.len(), longest_wait_us = longest, "a batch is decided");
    }

    fn observe(&self) {
        let tail = self.committer.tail();
        self.monitor.set(ids::TAIL_BYTES, tail.bytes() as u64);
        self.monitor.set(ids::INDEX_LAG_RECORDS, tail.unindexed_count() as u64);
    }
}

/// An actor that finished has said so. After a panic nothing can be decided any more: the process ends, and recovers at
/// its next start.
impl Drop for Persistence {
    fn drop(&mut self) {
        if !self.stopping {
            (self.abort)();
        }
    }
}

impl Actor for Persistence {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.intake.serve(ctx.address());
        ctx.run_interval(INTERVAL, |persistence, _| {
            if !persistence.stopping {
                persistence.on_interval();
            }
        });
    }
}

impl Handler<Wake> for Persistence {
    type Result = ();

    fn handle(&mut self, _: Wake, ctx: &mut Self::Context) {
        if !self.stopping && self.work() {
            ctx.notify(Wake);
        }
    }
}

impl Handler<SetPolicy> for Persistence {
    type Result = ();

    fn handle(&mut self, SetPolicy(policy): SetPolicy, _: &mut Self::Context) {
        self.committer.set_policy(policy);
    }
}

impl Handler<Finish> for Persistence {
    type Result = ();

    fn handle(&mut self, _: Finish, ctx: &mut Self::Context) {
        self.store_time(1);
        while self.work() {}
        let left: Vec<Submission> =
            self.parked.drain().flat_map(|(_, parked)| parked.waiting).chain(self.ready.drain(..)).collect();
        self.refuse(left, Refusal::Draining);
        self.index_before_the_end();
        self.committer.housekeeping();
        self.stopping = true;
        ctx.stop();
    }
}

/// Starts the actor alone on its own arbiter.
pub fn start(arbiter: &actix::ArbiterHandle, parts: PersistenceParts) -> Addr<Persistence> {
    Persistence::start_in_arbiter(arbiter, move |_| Persistence::new(parts))
}
