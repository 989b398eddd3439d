//! Operations that wait for rows: a reader warms what the first of an actor's needs, and what the same actor asked for
//! later waits behind it, so that the order of one actor is kept.

use std::{collections::VecDeque, sync::Arc};

use highwater_wire::Refusal;

use super::{
    Persistence,
    intake::{Submission, Warmed},
    warm,
};
use crate::{logic::Request, model::UserId};

/// Readings of one actor's rows that were overtaken before its operations are refused as busy.
const WARM_ATTEMPTS_MAX: u32 = 8;

/// What waits of one actor.
#[derive(Default)]
pub(super) struct Parked {
    pub(super) waiting: VecDeque<Submission>,
    pub(super) attempts: u32,
}

impl Persistence {
    /// Rows have come: the operations that waited for them are decided next, in their order.
    pub(super) fn take_warmed(&mut self, warmed: Warmed) {
        let actor = warmed.actor;
        let Some(parked) = self.parked.get_mut(&actor) else {
            return;
        };
        parked.attempts += 1;
        let attempts = parked.attempts;
        let first = parked.waiting.front().map(|submission| &submission.operation.request);
        if warmed.rows.is_none() && matches!(first, Some(Request::Expand(_))) {
            // Whoever asks for steps counts its own attempts, and waits between them.
            return self.refuse_parked(actor, Refusal::Internal);
        }
        if warmed.rows.is_some_and(|rows| self.committer.warm(rows, warmed.as_of)) {
            let waiting = self.parked.remove(&actor).map(|parked| parked.waiting);
            for submission in waiting.into_iter().flatten().rev() {
                self.ready.push_front(submission);
            }
        } else if attempts < WARM_ATTEMPTS_MAX {
            self.read_rows(actor);
        } else {
            tracing::warn!(user = actor.0, "rows could not be read for a user's operations");
            self.refuse_parked(actor, Refusal::Busy);
        }
    }

    /// Back to the front, or behind what its actor waits for.
    pub(super) fn put_back(&mut self, submission: Submission) {
        let actor = submission.operation.actor();
        match actor.and_then(|actor| self.parked.get_mut(&actor)) {
            // The one that was found cold stands at the front; what follows came later.
            Some(parked) => parked.waiting.insert(1.min(parked.waiting.len()), submission),
            None => self.ready.push_front(submission),
        }
    }

    /// Sends an operation to a reader that warms what it needs.
    pub(super) fn park(&mut self, submission: Submission) {
        let actor = submission.operation.actor().expect("only operations of a user lack rows");
        let parked = self.parked.entry(actor).or_default();
        parked.waiting.push_back(submission);
        if parked.waiting.len() > 1 {
            return;
        }
        // Those of the same actor that did not fit this batch came later, so they wait behind it.
        let (behind, ready): (VecDeque<_>, VecDeque<_>) =
            self.ready.drain(..).partition(|submission| submission.operation.actor() == Some(actor));
        parked.waiting.extend(behind);
        self.ready = ready;
        self.read_rows(actor);
    }

    /// Has a reader find what the first of an actor's waiting operations needs.
    pub(super) fn read_rows(&mut self, actor: UserId) {
        let Some(first) = self.parked.get(&actor).and_then(|parked| parked.waiting.front()) else {
            return;
        };
        let operation = first.operation.clone();
        let intake = Arc::clone(&self.intake);
        let read = self.readers.read(move |view| {
            let as_of = view.bound();
            let rows = warm::everything(view, &operation);
            if let Err(fault) = &rows {
                let error = fault as &dyn std::error::Error;
                tracing::error!(error, "rows could not be read for an operation");
            }
            intake.warmed(Warmed { actor, rows: rows.ok(), as_of });
        });
        if let Err(refusal) = read {
            self.refuse_parked(actor, refusal);
        }
    }

    pub(super) fn refuse_parked(&mut self, actor: UserId, refusal: Refusal) {
        if let Some(parked) = self.parked.remove(&actor) {
            self.refuse(parked.waiting, refusal);
        }
    }
}
