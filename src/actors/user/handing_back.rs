//! Handing back: the newest snapshot that a client has stored says how far its lineage has everything. The marks are
//! stored soon, since cleanup and the operator go by stored marks only.

use std::time::Duration;

use actix::{AsyncContext, Context};
use bytes::Bytes;

use super::{User, UserServices};
use crate::{
    actors::persistence::intake::{Reply, Submission},
    logic::{
        lineages::heard_step_ms,
        operation::{HandedBack, Request},
    },
    model::{Lineage, UserId},
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
        let mut handed = Vec::new();
        for place in 0..self.sessions.len() {
            let Some(snapshot) = self.sessions[place].handed.clone() else {
                continue;
            };
            let stored = &self.sessions[place].lineage;
            let marks = self.marks_of(place, &snapshot);
            match marks.filter(|marks| is_news(&self.services, stored, marks)) {
                Some(marks) => handed.push((place, snapshot, marks)),
                None => self.sessions[place].handed = None,
            }
        }
        let back = |(place, _, marks): &(usize, Bytes, Marks)| HandedBack {
            lineage: self.sessions[*place].lineage.id,
            marks: *marks.all(),
        };
        let all = handed.iter().map(back).collect();
        if handed.is_empty() || !hand_back(&self.services, self.user, all) {
            return;
        }
        for (place, snapshot, marks) in handed {
            let session = &mut self.sessions[place];
            session.lineage.raise(marks.all());
            session.lineage.heard = self.services.observed.at();
            session.handed.take_if(|waiting| *waiting == snapshot);
        }
    }

    /// What a snapshot says, if this server gave it to this lineage.
    fn marks_of(&self, place: usize, snapshot: &Bytes) -> Option<Marks> {
        let session = &self.sessions[place];
        if let Some(marks) = session.chain.marks_of(snapshot) {
            return Some(marks);
        }
        let chain = Chain { user: self.user, lineage: session.lineage.id };
        match self.services.key.open(chain, snapshot, &self.services.lifeline) {
            Opened::Marks(marks) => Some(marks),
            Opened::Empty | Opened::Lossy(..) | Opened::Foreign(_) | Opened::Future(_) => None,
        }
    }
}

/// Whether marks that were handed back have to be stored. Also a client that has nothing new is heard of, now and then.
pub fn is_news(services: &UserServices, stored: &Lineage, marks: &Marks) -> bool {
    let step_ms = heard_step_ms(services.policy.now().lineage_expiry_ms);
    stored.lacks(marks.all()) || stored.hearing_is_news(services.observed.at(), step_ms)
}

/// Submits marks that lineages of a user handed back. Nobody waits for it; false when the committer has no room, and the
/// next that is handed back says the same.
pub fn hand_back(services: &UserServices, user: UserId, handed: Vec<HandedBack>) -> bool {
    let submission = Submission::new(Request::HandBack { user, handed }, Reply::Nobody, &services.clock);
    services.intake.submit(submission).is_ok()
}
