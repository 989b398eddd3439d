//! Taking pages: stored or discarded in the store's one transaction, then told.

use super::{End, Task};
use crate::event::Event;
use crate::session::Session;
use crate::store::{Applied, DiscardReason, Outcome, PageCause};
use highwater_wire::proto::Page;
use std::sync::Arc;
use std::time::Instant;

impl Task {
    /// Stores a page, or discards it, and tells so.
    pub(super) async fn take_page(
        &mut self,
        session: &mut Session,
        page: Page,
        cause: PageCause,
    ) -> Result<(), End> {
        let page = Arc::new(page);
        let told = Arc::clone(&page);
        match self.on_store(move |store| store.apply(&told, cause)).await? {
            Outcome::Applied(applied) => self.page_applied(session, page, cause, applied),
            Outcome::Discarded(reason) => self.page_discarded(session, page, cause, reason),
        }
        Ok(())
    }

    fn page_applied(&mut self, session: &mut Session, page: Arc<Page>, cause: PageCause, applied: Applied) {
        // A page that brings nothing has no snapshot: what is stored stands.
        if !page.snapshot.is_empty() {
            self.snapshot = page.snapshot.to_vec();
        }
        session.page_applied(&page);
        let applied = Arc::new(applied);
        let caught_up = cause == PageCause::Sync && !page.more;
        let repair_is_due = page.messages_gap || page.valid_complete || applied.rereading;
        self.emit(Event::Applied { cause, page, applied: Arc::clone(&applied) });
        self.sends_seen(&applied);
        if repair_is_due {
            self.repair_is_due();
        }
        if cause == PageCause::Sync {
            self.resyncs.reset();
            self.discarded_syncs = 0;
        }
        if caught_up {
            self.repair.caught_up();
            self.emit(Event::CaughtUp { snapshot: self.snapshot.clone() });
            self.publish_caught_up(session);
            for done in self.syncs_begun.drain(..) {
                // A caller that went away needs no answer.
                let _ = done.send(Ok(()));
            }
        }
    }

    fn page_discarded(
        &mut self,
        session: &mut Session,
        page: Arc<Page>,
        cause: PageCause,
        reason: DiscardReason,
    ) {
        session.page_discarded();
        if cause == PageCause::Sync {
            // Once is a push that crossed the answer; again and again would be a loop.
            self.discarded_syncs += 1;
            if self.discarded_syncs > 1 {
                let delay = self.resyncs.next_delay(rand::random(), None);
                session.delay_sync(Instant::now() + delay);
            }
        }
        self.emit(Event::Discarded { cause, page, reason });
    }
}
