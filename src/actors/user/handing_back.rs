//! Handing back: the newest snapshot that a client has stored says how far its lineage has everything. The marks are
//! stored soon, since cleanup and the operator go by stored marks only.

use std::time::Duration;

use actix::{AsyncContext, Context};
use bytes::Bytes;

use super::User;
use crate::{
    actors::persistence::intake::{Reply, Submission},
    logic::{
        Operation,
        lineages::heard_step_ms,
        operation::{HandedBack, Request},
    },
    sync::{Chain, Marks, snapshot::Opened},
};

/// How long marks that were handed back may wait to be stored. Source: sync "Marks" (at most every second).
const STORING: Duration = Duration::from_secs(1);

impl User {
    /// Plans to store what was handed back, once.
    pub(super) fn plan_storing_handed(&mut self, ctx: &mut Context<User>) {
        if self.storing_handed || !self.sessions.iter().any(|session| session.handed.is_some()) {
            return;
        }
        self.storing_handed = true;
        ctx.run_later(STORING, |user, ctx| {
            user.storing_handed = false;
            user.store_handed_back();
            user.plan_storing_handed(ctx);
        });
    }

    /// Submits the marks that were handed back and are not stored yet. What the committer cannot take now waits.
    pub(super) fn store_handed_back(&mut self) {
        let (now, step_ms) = (self.services.observed.at(), heard_step_ms(self.services.lineage_expiry_ms));
        let mut handed = Vec::new();
        for place in 0..self.sessions.len() {
            let Some(snapshot) = self.sessions[place].handed.clone() else {
                continue;
            };
            // Also a client that has nothing new is heard of, now and then.
            let is_due = now.0 - self.sessions[place].heard.0 >= step_ms;
            let news = self.marks_of(place, &snapshot);
            let news = news.filter(|marks| is_due || self.sessions[place].lacks(marks));
            match news {
                Some(marks) => handed.push((place, snapshot, marks)),
                None => self.sessions[place].handed = None,
            }
        }
        if handed.is_empty() || !self.submit_handed_back(&handed) {
            return;
        }
        for (place, snapshot, marks) in handed {
            let session = &mut self.sessions[place];
            session.acked = *marks.all();
            session.heard = now;
            session.handed.take_if(|waiting| *waiting == snapshot);
        }
    }

    fn submit_handed_back(&self, handed: &[(usize, Bytes, Marks)]) -> bool {
        let back = |(place, _, marks): &(usize, Bytes, Marks)| HandedBack {
            lineage: self.sessions[*place].lineage,
            marks: *marks.all(),
        };
        let request = Request::HandBack { user: self.user, handed: handed.iter().map(back).collect() };
        let submission = Submission {
            operation: Operation { at: self.services.clock.now(), request },
            reply: Reply::Nobody,
            queued_us: self.services.clock.monotonic_us(),
        };
        self.services.intake.submit(submission).is_ok()
    }

    /// What a snapshot says, if this server gave it to this lineage.
    fn marks_of(&self, place: usize, snapshot: &Bytes) -> Option<Marks> {
        let session = &self.sessions[place];
        if let Some(marks) = session.chain.marks_of(snapshot) {
            return Some(marks);
        }
        let chain = Chain { user: self.user, lineage: session.lineage };
        match self.services.key.open(chain, snapshot, &self.services.lifeline) {
            Opened::Marks(marks) => Some(marks),
            Opened::Empty | Opened::Foreign | Opened::Future => None,
        }
    }
}
