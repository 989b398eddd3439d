//! The way in to the committer: a bounded queue that any thread adds to, and a wake that is never sent twice.

use std::{
    collections::VecDeque,
    sync::{
        OnceLock,
        atomic::{AtomicBool, Ordering},
    },
};

use actix::Addr;
use highwater_wire::Refusal;
use parking_lot::Mutex;
use tokio::sync::oneshot;

use super::{Persistence, Wake};
use crate::{
    actors::{ports::WorkerId, transport::ConnectionId},
    logic::{Answer, Operation, Request, Warm},
    model::{
        Clock, ConversationId, UserId, Version,
        limits::{BATCH_OPERATIONS_MAX, INTAKE_OPERATIONS_MAX},
    },
};

/// An operation on its way to the committer, and who waits for what becomes of it.
pub struct Submission {
    /// What is asked.
    pub operation: Operation,
    /// Who waits.
    pub reply: Reply,
    /// When it came in, on the monotonic clock.
    pub queued_us: u64,
}

impl Submission {
    /// A request that comes in now.
    #[must_use]
    pub fn new(request: Request, reply: Reply, clock: &Clock) -> Submission {
        let operation = Operation { at: clock.now(), request };
        Submission { operation, reply, queued_us: clock.monotonic_us() }
    }
}

/// Who waits for an operation.
pub enum Reply {
    /// A request of a connection, answered through its user's actor.
    User(RequestName),
    /// Nobody.
    Nobody,
    /// The actor of a group, by its board; with the number of its step.
    Group(ConversationId, u64),
    /// A task that awaits it.
    Once(oneshot::Sender<Result<Answer, Refusal>>),
}

/// Which request an answer belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestName {
    /// Worker on which the user's actor lives.
    pub worker: WorkerId,
    /// The user.
    pub user: UserId,
    /// The connection that asked.
    pub connection: ConnectionId,
    /// Its number on that connection.
    pub request_id: u64,
}

/// Rows that a reader found for the operations of one actor that lacked them.
pub struct Warmed {
    /// Whose operations wait.
    pub actor: UserId,
    /// What was found; `None` when the index could not be read.
    pub rows: Option<Vec<Warm>>,
    /// Everything through this version was visible to the reader.
    pub as_of: Version,
}

/// Steps of fan-outs in one batch: half of it, so that neither they nor requests crowd the others out. More of them wait
/// for the next batch. Source: sync rule 22.
const BATCH_STEPS_MAX: usize = BATCH_OPERATIONS_MAX / 2;

/// Groups of which steps wait. Those of more are refused as busy, and asked for again later. Source: as many as have an
/// actor, and each asks anew when its steps were answered; it asks for `fan_out_job::STEPS_AT_ONCE_MAX` at most.
const GROUPS_WITH_STEPS_MAX: usize = 4096;

/// See the module. When it is full, a submission is refused as busy, and nothing of it was done. Steps of fan-outs have a
/// queue of their own, so that they go on while requests are refused.
#[derive(Default)]
pub struct Intake {
    queue: Mutex<Queue>,
    awake: AtomicBool,
    closed: AtomicBool,
    persistence: OnceLock<Addr<Persistence>>,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Submission>,
    /// Steps of fan-outs, by group, in the order in which the groups have their turn. None is empty.
    steps: VecDeque<VecDeque<Submission>>,
    warmed: Vec<Warmed>,
    /// Index keys that cleanup wants gone. Bounded: the cleaner brings more only when these are.
    removals: Vec<Vec<u8>>,
    /// Index keys with the values that they are to have, bounded likewise.
    rewrites: Vec<(Vec<u8>, Vec<u8>)>,
    /// Submissions taken and not yet answered.
    taken: usize,
}

impl Queue {
    /// One step of each group in turn, until there are enough.
    fn take_steps(&mut self, max: usize) -> Vec<Submission> {
        let mut taken = Vec::new();
        while taken.len() < max
            && let Some(mut steps) = self.steps.pop_front()
        {
            taken.extend(steps.pop_front());
            if !steps.is_empty() {
                self.steps.push_back(steps);
            }
        }
        taken
    }
}

/// What the persistence actor takes at a time.
#[derive(Default)]
pub(super) struct Taken {
    pub(super) submissions: Vec<Submission>,
    pub(super) warmed: Vec<Warmed>,
}

impl Intake {
    /// Says whom to wake. Called once, before anything is submitted.
    pub(super) fn serve(&self, persistence: Addr<Persistence>) {
        assert!(self.persistence.set(persistence).is_ok(), "one persistence actor serves the intake");
    }

    /// Adds an operation.
    ///
    /// # Errors
    /// The submission and why it was not taken: the queue is full or the server is stopping.
    #[allow(
        clippy::result_large_err,
        reason = "what is not taken goes back whole, and nothing is boxed for the usual case"
    )]
    pub fn submit(&self, submission: Submission) -> Result<(), (Submission, Refusal)> {
        if self.closed.load(Ordering::Acquire) {
            return Err((submission, Refusal::Draining));
        }
        {
            let mut queue = self.queue.lock();
            if queue.waiting.len() + queue.taken >= INTAKE_OPERATIONS_MAX {
                return Err((submission, Refusal::Busy));
            }
            queue.waiting.push_back(submission);
        }
        self.wake();
        Ok(())
    }

    /// Adds steps of one group's fan-out: all of them, or none.
    ///
    /// # Errors
    /// As [`Intake::submit`].
    pub fn submit_steps(&self, steps: VecDeque<Submission>) -> Result<(), Refusal> {
        assert!(!steps.is_empty(), "who asks for steps asks for one at least");
        if self.closed.load(Ordering::Acquire) {
            return Err(Refusal::Draining);
        }
        {
            let mut queue = self.queue.lock();
            if queue.steps.len() >= GROUPS_WITH_STEPS_MAX {
                return Err(Refusal::Busy);
            }
            queue.steps.push_back(steps);
        }
        self.wake();
        Ok(())
    }

    /// Hands rows back that were asked for. Bounded by the submissions that wait for them.
    pub fn warmed(&self, warmed: Warmed) {
        self.queue.lock().warmed.push(warmed);
        self.wake();
    }

    /// Leaves index keys that are no longer needed. They are removed when there is time for it.
    pub fn remove(&self, keys: Vec<Vec<u8>>) {
        self.queue.lock().removals.extend(keys);
    }

    /// Leaves index keys with other values than they have, which are written when there is time for it.
    pub fn rewrite(&self, rewrites: Vec<(Vec<u8>, Vec<u8>)>) {
        self.queue.lock().rewrites.extend(rewrites);
    }

    /// Whether keys still wait to be removed or written.
    #[must_use]
    pub fn removals_wait(&self) -> bool {
        let queue = self.queue.lock();
        !queue.removals.is_empty() || !queue.rewrites.is_empty()
    }

    /// The keys to be written, at most so many of them.
    pub(super) fn take_rewrites(&self, max: usize) -> Vec<(Vec<u8>, Vec<u8>)> {
        let mut queue = self.queue.lock();
        let count = queue.rewrites.len().min(max);
        queue.rewrites.drain(..count).collect()
    }

    /// The keys to be removed, at most one batch of them.
    pub(super) fn take_removals(&self, max: usize) -> Vec<Vec<u8>> {
        let mut queue = self.queue.lock();
        let count = queue.removals.len().min(max);
        queue.removals.drain(..count).collect()
    }

    /// Operations that wait or are being decided.
    #[must_use]
    pub fn depth(&self) -> usize {
        let queue = self.queue.lock();
        let steps: usize = queue.steps.iter().map(VecDeque::len).sum();
        queue.waiting.len() + steps + queue.taken
    }

    /// Takes nothing new from now on; what is in is still decided and answered.
    pub fn close(&self) {
        self.closed.store(true, Ordering::Release);
    }

    /// Takes what fills a batch with what is ready for it, steps up to their part of it.
    pub(super) fn take(&self, ready: &VecDeque<Submission>) -> Taken {
        let is_step = |submission: &&Submission| matches!(submission.operation.request, Request::Expand(_));
        let steps_ready = ready.iter().filter(is_step).count();
        let submissions_max = BATCH_OPERATIONS_MAX.saturating_sub(ready.len());
        // Cleared before looking, so that what comes in after the look sends a wake.
        self.awake.store(false, Ordering::Release);
        let mut queue = self.queue.lock();
        let steps_max = BATCH_STEPS_MAX.saturating_sub(steps_ready).min(submissions_max);
        let mut submissions = queue.take_steps(steps_max);
        let count = queue.waiting.len().min(submissions_max - submissions.len());
        submissions.extend(queue.waiting.drain(..count));
        queue.taken += submissions.len();
        Taken { submissions, warmed: std::mem::take(&mut queue.warmed) }
    }

    /// The actor itself has something to be decided, which counts as taken.
    pub(super) fn took_one_more(&self) {
        self.queue.lock().taken += 1;
    }

    pub(super) fn answered(&self, count: usize) {
        self.queue.lock().taken -= count;
    }

    fn wake(&self) {
        if !self.awake.swap(true, Ordering::AcqRel)
            && let Some(persistence) = self.persistence.get()
        {
            // At most one wake is on its way and the mailbox has room for several. Should it be full all the same, the
            // actor's own interval finds the work.
            let _ = persistence.try_send(Wake);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::TimeMs;

    fn submission(request: Request) -> Submission {
        Submission { operation: Operation { at: TimeMs(0), request }, reply: Reply::Nobody, queued_us: 0 }
    }

    fn step(group: u64) -> Submission {
        submission(Request::Expand(ConversationId(group)))
    }

    #[test]
    fn steps_go_on_while_requests_are_refused_and_have_half_of_a_batch() {
        let intake = Intake::default();
        while intake.submit(submission(Request::StoreTime)).is_ok() {}
        let refused = intake.submit(submission(Request::StoreTime)).map_err(|(_, refusal)| refusal);
        assert_eq!(refused, Err(Refusal::Busy));
        for group in 1..=200 {
            assert!(intake.submit_steps([step(group)].into()).is_ok(), "a step has room of its own");
        }
        let counts = |submissions: &[Submission]| {
            let steps: Vec<u64> = submissions
                .iter()
                .filter_map(|submission| match submission.operation.request {
                    Request::Expand(group) => Some(group.0),
                    _ => None,
                })
                .collect();
            (submissions.len() - steps.len(), steps)
        };
        let (requests, steps) = counts(&intake.take(&VecDeque::new()).submissions);
        assert_eq!((requests, steps), (128, (1..=128).collect()));
        let ready = (1..=100).map(step).collect();
        let (requests, steps) = counts(&intake.take(&ready).submissions);
        assert_eq!((requests, steps), (128, (129..=156).collect()), "100 that had no room count");
    }

    #[test]
    fn steps_are_bounded_and_end_with_the_server() {
        let intake = Intake::default();
        let taken = (0..).take_while(|group| intake.submit_steps([step(*group)].into()).is_ok()).count();
        assert_eq!(taken, GROUPS_WITH_STEPS_MAX);
        assert_eq!(intake.submit_steps([step(1)].into()), Err(Refusal::Busy));
        intake.close();
        assert_eq!(intake.submit_steps([step(1)].into()), Err(Refusal::Draining));
    }

    #[test]
    fn groups_take_turns_whatever_each_asks_for() {
        let intake = Intake::default();
        for (group, steps) in [(1, 120), (2, 3), (3, 1), (4, 8)] {
            assert!(intake.submit_steps((0..steps).map(|_| step(group)).collect()).is_ok());
        }
        assert_eq!(intake.depth(), 132);
        let groups = |submissions: &[Submission]| -> Vec<u64> {
            let group = |submission: &Submission| match submission.operation.request {
                Request::Expand(group) => group.0,
                _ => 0,
            };
            submissions.iter().map(group).collect()
        };
        let first = groups(&intake.take(&VecDeque::new()).submissions);
        assert_eq!(first.len(), BATCH_STEPS_MAX);
        assert_eq!(first[..12], [1, 2, 3, 4, 1, 2, 4, 1, 2, 4, 1, 4]);
        assert_eq!(groups(&intake.take(&VecDeque::new()).submissions), [1; 4]);
    }
}
