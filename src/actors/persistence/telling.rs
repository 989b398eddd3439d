//! Telling: after a batch is durable, the waiting requests get their answers and the workers their news.

use std::sync::Arc;

use highwater_wire::Refusal;

use super::intake::{Reply, Submission};
use crate::{
    actors::{
        directory::Directory,
        ports::{Ports, Post, WorkerId},
        user::audience,
        waiters::Waiters,
    },
    logic::{Answer, operation::Request},
    model::{Clock, DeviceEnd, Effect, Record, UserId},
    monitor::{Monitor, Op, Outcome, ids},
};

/// Gathers what each worker gets, so that a batch costs one message per worker.
pub(super) struct Telling {
    ports: Ports,
    directory: Directory,
    waiters: Waiters,
    by_worker: Vec<Vec<(UserId, Post)>>,
}

impl Telling {
    pub(super) fn new(ports: Ports, directory: Directory, waiters: Waiters) -> Telling {
        let by_worker = (0..ports.workers()).map(|_| Vec::new()).collect();
        Telling { ports, directory, waiters, by_worker }
    }

    fn post(&mut self, worker: WorkerId, user: UserId, post: Post) {
        self.by_worker[worker.0].push((user, post));
    }

    /// News for everybody whom the records concern and who is connected.
    pub(super) fn news(&mut self, records: &[Arc<Record>], monitor: &Monitor) {
        let mut messages = 0;
        for record in records {
            for (user, items) in audience(record) {
                self.waiters.wake(user);
                if let Some(worker) = self.directory.worker(user) {
                    self.post(worker, user, Post::News { items });
                }
            }
            for effect in &record.effects {
                match effect {
                    Effect::Message(_) => messages += 1,
                    Effect::DeviceEnded { user, device, .. } => {
                        monitor.add(ended(record.end_of_devices()), 1);
                        self.waiters.wake(*user);
                        if let Some(worker) = self.directory.worker(*user) {
                            self.post(worker, *user, Post::Ended(*device, record.end_of_devices()));
                        }
                    }
                    _ => {}
                }
            }
        }
        monitor.add(ids::MESSAGES_STORED, messages);
    }

    /// Answers one operation, which waited until `started_us` to be decided.
    pub(super) fn answer(
        &mut self,
        submission: Submission,
        result: Result<Answer, Refusal>,
        started_us: u64,
        monitor: &Monitor,
        clock: &Clock,
    ) {
        let outcome = match &result {
            Ok(_) => Outcome::Ok,
            Err(refusal) => Outcome::from(*refusal),
        };
        let took_us = clock.monotonic_us().saturating_sub(submission.queued_us);
        if let Some(op) = op_of(&submission.operation.request) {
            let waited_us = started_us.saturating_sub(submission.queued_us);
            monitor.operation(op).finished(outcome, took_us, waited_us);
        }
        match submission.reply {
            Reply::User(name) => self.post(name.worker, name.user, Post::Answer(name, result)),
            Reply::Nobody => {}
            // The task that asked may be gone with its client.
            Reply::Once(reply) => drop(reply.send(result)),
        }
    }

    /// Hands everything gathered to the workers.
    pub(super) fn flush(&mut self) {
        for (worker, posts) in self.by_worker.iter_mut().enumerate() {
            self.ports.post_all(WorkerId(worker), posts);
        }
    }
}

/// What counts the end of a device.
fn ended(why: DeviceEnd) -> u32 {
    match why {
        DeviceEnd::Replaced => ids::DEVICES_REPLACED,
        DeviceEnd::SignedOut => ids::DEVICES_ENDED,
    }
}

fn op_of(request: &Request) -> Option<Op> {
    match request {
        Request::Send(_) => Some(Op::Send),
        Request::Register(_) => Some(Op::Register),
        Request::AddDevice(_) => Some(Op::SignIn),
        Request::EndDevices { .. } | Request::EndDevice { .. } => Some(Op::EndDevice),
        Request::HandBack { .. } => Some(Op::HandBack),
        Request::OpenLineage(_)
        | Request::Expire(_)
        | Request::StoreTime
        | Request::AcceptTime
        | Request::Invite(_)
        | Request::PutDocument { .. } => None,
    }
}
