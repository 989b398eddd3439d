//! The cleaner: goes through all users, a few at a time, and has removed from the index what lies below
//! their floors, and what has grown too old.
//!
//! **Owns** how far its pass has come. **Receives** ticks, and what a reader found. **Emits** reading jobs, keys to be
//! removed to the intake, which applies them between batches, and expiries to be decided. **Durable before replying:**
//! it answers nobody; a floor is raised by the committer, in an operation before; the cleaner only reads stored floors.
//! **Mailbox:** ticks and one reading at a time. **Started** by `app` beside persistence, **stopped** with it. **A restart
//! loses** how far the pass had come; the next one begins anew, and finds what is left.

use std::{sync::Arc, time::Duration};

use actix::{Actor, Addr, AsyncContext, Context, Handler, Message};

use super::{
    observed::Observed,
    persistence::intake::{Intake, Reply, Submission},
    reader::Readers,
    user::UserServices,
};
use crate::{
    logic::Request,
    model::{Clock, HeardSince, UserId, Version},
    monitor::{Monitor, ids},
    store::view::{ReadFault, View},
};

/// How often a step is made while a pass is under way.
const STEP: Duration = Duration::from_millis(100);

/// Users that a step looks at. Source: two short reads each, about 20 µs, so 5 ms of a reader every 100 ms.
const USERS_PER_STEP: usize = 250;

/// Chunks that a step removes at most: one batch of the index. More wait for the next step.
const CHUNKS_PER_STEP: usize = 256;

/// See the module.
pub struct Cleaner {
    readers: Readers,
    intake: Arc<Intake>,
    monitor: Monitor,
    clock: Clock,
    observed: Arc<Observed>,
    /// Time between the end of a pass and the next.
    pause: Duration,
    /// The last user that is done in this pass.
    after: Option<UserId>,
    reading: bool,
}

/// What one step found.
struct Found {
    keys: Vec<Vec<u8>>,
    /// Users for whom something is kept only for lineages that have expired.
    expired: Vec<UserId>,
    /// The last user that is done; `None` when the pass has reached its end.
    after: Option<UserId>,
}

/// What a reader brings back.
#[derive(Message)]
#[rtype(result = "()")]
struct Read(Result<Found, ReadFault>);

impl Cleaner {
    /// A cleaner that is not yet started.
    #[must_use]
    pub fn new(services: &UserServices, pause: Duration) -> Cleaner {
        Cleaner {
            readers: services.readers.clone(),
            intake: Arc::clone(&services.intake),
            monitor: services.monitor.clone(),
            clock: services.clock.clone(),
            observed: Arc::clone(&services.observed),
            pause,
            after: None,
            reading: false,
        }
    }

    /// Asks the committer to let go of what is kept for expired lineages. It judges by its own time; what it has no room
    /// for now is found again by the next pass.
    fn expire(&self, users: Vec<UserId>) {
        for user in users {
            let submission = Submission::new(Request::Expire(user), Reply::Nobody, &self.clock);
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
        let (after, cleaner) = (self.after, ctx.address());
        let since = self.observed.heard_since();
        let read = self.readers.read(move |view| hand_over(&cleaner, find(view, after, since)));
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

/// What can be removed for the next users after `after`.
fn find(view: &View, after: Option<UserId>, since: HeardSince) -> Result<Found, ReadFault> {
    let users = view.lineages_after(after, USERS_PER_STEP)?;
    let is_last = users.len() < USERS_PER_STEP;
    let horizon = view.horizon();
    let mut found = Found { keys: Vec::new(), expired: Vec::new(), after };
    for lineages in users {
        if lineages.floor_is_due(since) {
            found.expired.push(lineages.user);
        }
        let through = lineages.removable_through();
        if through > Version(0) {
            let room = CHUNKS_PER_STEP - found.keys.len();
            found.keys.extend(view.removable_chunks(lineages.user, through, room)?);
        }
        let room = CHUNKS_PER_STEP - found.keys.len();
        found.keys.extend(view.receipt_chunks_before(lineages.user, horizon.receipts_from, room)?);
        if found.keys.len() == CHUNKS_PER_STEP {
            // There may be more of this user: the next step looks at it again.
            return Ok(found);
        }
        found.after = Some(lineages.user);
    }
    if is_last {
        found.after = None;
    }
    Ok(found)
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
                let is_end = found.after.is_none() && found.keys.len() < CHUNKS_PER_STEP;
                self.after = found.after;
                self.intake.remove(found.keys);
                self.expire(found.expired);
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
