//! The cleaner: goes through all users and conversations, a few at a time, and has removed from the index what lies below
//! their floors, what has grown too old, and what erased users wrote; and has those given a follow who are to have it.
//!
//! **Owns** how far its pass has come. **Receives** ticks, what a reader found, and that an erasure or a broadcast has
//! begun. **Emits** reading jobs, keys to be removed to the intake, which applies them between batches, and what is to be
//! decided before more can go. **Durable before replying:** it answers nobody; a floor is raised by the committer, in an
//! operation before; the cleaner only reads stored floors. **Mailbox:** ticks, one reading at a time, and wakes, which may
//! be lost. **Started** by `app` beside persistence, **stopped** with it. **A restart loses** how far the pass had come; the
//! next one begins anew, and finds what is left.

mod bell;
mod bodies;
mod broadcasting;
#[cfg(test)]
mod broadcasting_tests;
mod erasing;
#[cfg(test)]
mod erasing_tests;
mod finding;
mod schedule;

use std::{sync::Arc, time::Duration};

use actix::{Actor, Addr, AsyncContext, Context, Handler, Message, SpawnHandle};

use self::{
    bell::Began,
    schedule::{Pass, Schedule},
};
pub use self::{
    bell::CleanerBell,
    finding::{Found, Judging, Place, find},
    schedule::Left,
};
use super::{
    observed::Observed,
    persistence::intake::{Intake, Reply, Submission},
    reader::Readers,
    user::UserServices,
};
use crate::{
    logic::Request,
    model::{Clock, Retentions, Version},
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
    schedule: Schedule,
    /// What this pass goes through, or the next.
    pass: Pass,
    /// Where this pass is.
    place: Place,
    /// Where a full pass was when it made way; it goes on behind.
    interrupted: Option<Place>,
    reading: bool,
    /// Between two passes, what begins the next.
    timer: Option<SpawnHandle>,
    /// The newest broadcast or erasure that there may be.
    awaited: Version,
    /// One has begun since this pass looked for those under way.
    woken: bool,
    /// What this pass leaves of them, as far as it has come.
    left: Left,
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
            schedule: Schedule::new(pause, services.clock.monotonic_us()),
            pass: Pass::Awaited,
            place: Place::AWAITED,
            interrupted: None,
            reading: false,
            timer: None,
            // What the log brings back may be one.
            awaited: services.tail.durable(),
            woken: false,
            left: Left::Nothing,
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
        let (since, retentions, awaited) = (self.observed.heard_since(), self.retentions, self.awaited);
        let judging = Judging { since, now, retentions, awaited };
        self.woken &= self.place != Place::AWAITED;
        let read = self.readers.read(move |view| hand_over(&cleaner, find(view, place, &judging)));
        match read {
            Ok(()) => self.reading = true,
            // The readers have more to do than they can: sends and pages come first.
            Err(_) => drop(ctx.run_later(STEP, |cleaner, ctx| cleaner.step(ctx))),
        }
    }

    /// A pass has ended: the next one begins after a while.
    fn rest(&mut self, ctx: &mut Context<Cleaner>) {
        let left = std::mem::replace(&mut self.left, Left::Nothing);
        let left = if self.woken { Left::Moves } else { left };
        let (pass, wait) = self.schedule.ended(self.pass, left, self.clock.monotonic_us());
        match self.interrupted.take() {
            Some(place) => {
                (self.pass, self.place) = (Pass::Full, place);
                ctx.run_later(STEP, |cleaner, ctx| cleaner.step(ctx));
            }
            None => self.begin_after(pass, wait, ctx),
        }
    }

    /// A pass goes on; a full one makes way for what others wait for.
    fn go_on(&mut self, next: Place, ctx: &mut Context<Cleaner>) {
        let is_due = self.schedule.awaited_is_due(self.clock.monotonic_us());
        self.place = if is_due && self.pass == Pass::Full && !next.is_awaited() {
            self.interrupted = Some(next);
            self.pass = Pass::Awaited;
            Place::AWAITED
        } else {
            next
        };
        ctx.run_later(STEP, |cleaner, ctx| cleaner.step(ctx));
    }

    fn begin_after(&mut self, pass: Pass, wait: Duration, ctx: &mut Context<Cleaner>) {
        self.pass = pass;
        self.place = match pass {
            Pass::Full => Place::BEGIN,
            Pass::Awaited => Place::AWAITED,
        };
        self.timer = Some(ctx.run_later(wait, |cleaner, ctx| {
            cleaner.timer = None;
            cleaner.step(ctx);
        }));
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
        // After a restart devices come back first, and are heard of, so a full pass waits. What others wait for does not.
        self.begin_after(Pass::Awaited, STEP, ctx);
    }
}

impl Handler<Read> for Cleaner {
    type Result = ();

    fn handle(&mut self, read: Read, ctx: &mut Self::Context) {
        self.reading = false;
        match read.0 {
            Ok(found) => {
                self.left = self.left.max(found.left);
                self.intake.remove(found.keys);
                self.intake.rewrite(found.rewrites);
                self.ask(found.requests);
                match found.next {
                    Some(next) => self.go_on(next, ctx),
                    None => {
                        self.monitor.add(ids::CLEANUP_PASSES, u64::from(self.pass == Pass::Full));
                        self.rest(ctx);
                    }
                }
            }
            Err(fault) => {
                let error = &fault as &dyn std::error::Error;
                tracing::error!(error, "cleanup could not read the store; it tries again after its pause");
                self.begin_after(self.pass, self.pause, ctx);
            }
        }
    }
}

impl Handler<Began> for Cleaner {
    type Result = ();

    fn handle(&mut self, Began(begun): Began, ctx: &mut Self::Context) {
        self.awaited = self.awaited.max(begun);
        self.schedule.wake(self.clock.monotonic_us());
        // The first wake is enough, and others do not put off what it began.
        if !std::mem::replace(&mut self.woken, true)
            && let Some(timer) = self.timer.take()
        {
            ctx.cancel_future(timer);
            self.begin_after(Pass::Awaited, STEP, ctx);
        }
    }
}
