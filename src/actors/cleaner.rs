//! The cleaner: goes through all users and conversations, a few at a time, and has removed from the index what lies below
//! their floors, what has grown too old, and what erased users wrote.
//!
//! **Owns** how far its pass has come. **Receives** ticks, and what a reader found. **Emits** reading jobs, keys to be
//! removed to the intake, which applies them between batches, and what is to be decided before more can go. **Durable before replying:**
//! it answers nobody; a floor is raised by the committer, in an operation before; the cleaner only reads stored floors.
//! **Mailbox:** ticks and one reading at a time. **Started** by `app` beside persistence, **stopped** with it. **A restart
//! loses** how far the pass had come; the next one begins anew, and finds what is left.

mod bodies;
mod erasing;
#[cfg(test)]
mod erasing_tests;
mod finding;

use std::{sync::Arc, time::Duration};

use actix::{Actor, Addr, AsyncContext, Context, Handler, Message};

use self::finding::{Found, Judging, Place, find};
use super::{
    observed::Observed,
    persistence::intake::{Intake, Reply, Submission},
    reader::Readers,
    user::UserServices,
};
use crate::{
    logic::Request,
    model::{Clock, Retentions},
    monitor::{Monitor, ids},
    store::view::ReadFault,
};

/// How often a step is made while a pass is under way.
const STEP: Duration = Duration::from_millis(100);

/// See the module.
pub struct Cleaner {
    readers: Readers,
    intake: Arc<Intake>,
    monitor: Monitor,
    clock: Clock,
    observed: Arc<Observed>,
    retentions: Retentions,
    /// Time between the end of a pass and the next.
    pause: Duration,
    /// Where this pass is.
    place: Place,
    reading: bool,
}

/// What a reader brings back.
#[derive(Message)]
#[rtype(result = "()")]
struct Read(Result<Found, ReadFault>);

impl Cleaner {
    /// A cleaner that is not yet started.
    #[must_use]
    pub fn new(services: &UserServices, pause: Duration, retentions: Retentions) -> Cleaner {
        Cleaner {
            readers: services.readers.clone(),
            intake: Arc::clone(&services.intake),
            monitor: services.monitor.clone(),
            clock: services.clock.clone(),
            observed: Arc::clone(&services.observed),
            retentions,
            pause,
            place: Place::BEGIN,
            reading: false,
        }
    }

    /// Asks the committer for what has to be decided before it is removed. It judges by its own time; what it has no room
    /// for now is found again by the next pass.
    fn ask(&self, requests: Vec<Request>) {
        for request in requests {
            let submission = Submission::new(request, Reply::Nobody, &self.clock);
            if self.intake.submit(submission).is_err() {
                return;
            }
        }
    }

    /// Begins a step, unless what the last one found is still to be removed.
    fn step(&mut self, ctx: &mut Context<Cleaner>) {
        if self.reading || self.intake.removals_wait() {
            ctx.run_later(STEP, |cleaner, ctx| cleaner.step(ctx));
            return;
        }
        let (place, cleaner) = (self.place.clone(), ctx.address());
        let now = (!self.observed.is_suspended()).then(|| self.observed.at());
        let judging = Judging { since: self.observed.heard_since(), now, retentions: self.retentions };
        let read = self.readers.read(move |view| hand_over(&cleaner, find(view, place, &judging)));
        match read {
            Ok(()) => self.reading = true,
            // The readers have more to do than they can: sends and pages come first.
            Err(_) => drop(ctx.run_later(STEP, |cleaner, ctx| cleaner.step(ctx))),
        }
    }
}

fn hand_over(cleaner: &Addr<Cleaner>, found: Result<Found, ReadFault>) {
    #[allow(
        clippy::disallowed_methods,
        reason = "one reading at a time is under way, and its end must not be lost"
    )]
    cleaner.do_send(Read(found));
}

impl Actor for Cleaner {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        // After a restart devices come back first, and are heard of.
        ctx.run_later(self.pause, |cleaner, ctx| cleaner.step(ctx));
    }
}

impl Handler<Read> for Cleaner {
    type Result = ();

    fn handle(&mut self, read: Read, ctx: &mut Self::Context) {
        self.reading = false;
        let wait = match read.0 {
            Ok(found) => {
                let is_end = found.next.is_none();
                self.place = found.next.unwrap_or(Place::BEGIN);
                self.intake.remove(found.keys);
                self.intake.rewrite(found.rewrites);
                self.ask(found.requests);
                self.monitor.add(ids::CLEANUP_PASSES, u64::from(is_end));
                if is_end { self.pause } else { STEP }
            }
            Err(fault) => {
                let error = &fault as &dyn std::error::Error;
                tracing::error!(error, "cleanup could not read the store; it tries again after its pause");
                self.pause
            }
        };
        ctx.run_later(wait, |cleaner, ctx| cleaner.step(ctx));
    }
}
