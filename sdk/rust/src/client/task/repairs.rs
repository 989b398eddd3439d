//! Repair after a gap: looks up what the store lacks, stores what is fetched, tells it.

use super::{End, Task, retry_after};
use crate::error::Refused;
use crate::event::{DisconnectReason, Event};
use crate::holes::{repaired_of, rest_of};
use crate::repair::{Lack, Repaired, Step};
use crate::store::{Store, StoreError};
use highwater_wire::proto::{EntryList, Head, HeadList, server_frame::Body};
use std::time::Instant;

impl Task {
    /// A page told a gap or a change of level, and the store knows.
    pub(super) fn repair_is_due(&mut self) {
        let repaired = self.repair.became_due();
        self.tell_repaired(repaired);
    }

    /// Takes the answer to the open request of the repair.
    pub(super) async fn repair_answered(&mut self, answer: Result<Body, Refused>) -> Result<(), End> {
        match (self.repair.answered(), answer) {
            // Overtaken by a gap: what was asked is asked again.
            (None, _) => return Ok(()),
            (Some(step), Err(refused)) => self.repair_refused(step, &refused),
            (Some(Step::Heads { after }), Ok(Body::Heads(list))) => self.heads_told(after, list).await?,
            (Some(step @ Step::Range { .. }), Ok(Body::Entries(list))) => {
                self.entries_told(step, list).await?;
            }
            _ => {
                let reason = DisconnectReason::Protocol("an answer that does not fit its request");
                return Err(End::Lost(reason));
            }
        }
        if self.repair.is_done() {
            self.on_store(Store::end_repair).await?;
            self.repair.ended();
            self.emit(Event::RepairEnded);
        }
        Ok(())
    }

    fn repair_refused(&mut self, step: Step, refused: &Refused) {
        if refused.retry {
            let delay = self.repairs.next_delay(rand::random(), Some(retry_after(refused)));
            self.repair.again(step, Some(Instant::now() + delay));
        } else {
            self.give_up_repair(step, refused);
        }
    }

    fn give_up_repair(&mut self, step: Step, why: &dyn std::fmt::Display) {
        tracing::warn!(?step, %why, "messages that a gap left out could not be fetched");
        let repaired = self.repair.give_up(step);
        self.tell_repaired(repaired);
    }

    async fn heads_told(&mut self, after: u64, list: HeadList) -> Result<(), End> {
        if list.next != 0 && list.next <= after {
            self.give_up_repair(Step::Heads { after }, &"the lists of heads go in a circle");
            return Ok(());
        }
        self.repairs.reset();
        let told = move |store: &mut Store| {
            store.take_heads(&list.heads)?;
            lacks(store, &list.heads)
        };
        let lacks = self.on_store(told).await?;
        self.repair.heads_told(lacks, Some(list.next).filter(|&next| next != 0));
        Ok(())
    }

    async fn entries_told(&mut self, step: Step, list: EntryList) -> Result<(), End> {
        let Step::Range { conversation_id, seqs } = step else { return Ok(()) };
        let Ok(rest) = rest_of(conversation_id, seqs, &list) else {
            self.give_up_repair(step, &"the entries told are not those asked for");
            return Ok(());
        };
        self.repairs.reset();
        let applied = self.on_store(move |store| store.add_entries(&list.entries)).await?;
        self.sends_seen(&applied);
        let repaired = self.repair.entries_told(applied.new_entries + applied.replaced_entries, rest);
        self.tell_repaired(repaired);
        Ok(())
    }

    fn tell_repaired(&mut self, repaired: Option<Repaired>) {
        if let Some(Repaired { conversation_id, entries }) = repaired {
            self.emit(Event::Repaired { conversation_id, entries });
        }
    }
}

/// What a repair has to fetch of these conversations: what a gap left out, and what was told for another level.
fn lacks(store: &Store, heads: &[Head]) -> Result<Vec<Lack>, StoreError> {
    let (repairing, rereading) = (store.repairing()?, store.rereading()?);
    let lack = |head: &Head| {
        let conversation_id = head.conversation_id;
        let mut holes = Vec::new();
        if let Some(within) = repaired_of(head).filter(|_| repairing) {
            holes.extend(store.holes(conversation_id, within.from_seq, within.to_seq)?);
        }
        if rereading {
            holes.extend(store.told_otherwise(conversation_id)?);
        }
        holes.sort_by_key(|hole| hole.from_seq);
        Ok(Lack { conversation_id, holes })
    };
    heads.iter().map(lack).collect()
}
