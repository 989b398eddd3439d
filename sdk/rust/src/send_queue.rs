//! Which message of the outbox goes out next: a window onto the pending ones, in order of position.
//!
//! Pure: time is handed in, nothing is read or written here. At most [`LOADED_MAX`] messages are held in memory; the
//! rest wait in the store. After a lost connection everything unanswered waits again, in the old order.

use crate::error::Refused;
use crate::message::{ClientMessageId, SendResult};
use crate::store::OutboxMessage;
use highwater_wire::{Refusal, proto::Sent};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Pending messages in memory; more stay in the store until there is room.
/// Source: choice; several windows, so that reading the store is rare.
pub(crate) const LOADED_MAX: usize = 256;

/// What an answer means for a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Settlement {
    /// Stored by the server.
    Sent(Sent),
    /// Refused for good.
    Refused(Refused),
    /// The same again, not before this long.
    Again(Duration),
    /// The device may do nothing any more. The message stays, for when it, or another in its place, is let in.
    Out(Refused),
}

/// Reads an answer: a refusal with the retry flag is no end.
pub(crate) fn settlement(answer: SendResult) -> Settlement {
    match answer {
        Ok(sent) => Settlement::Sent(sent),
        Err(refused) if refused.retry => {
            Settlement::Again(Duration::from_millis(refused.retry_after_ms.into()))
        }
        Err(refused) => match refused.refusal {
            Some(Refusal::InvalidToken | Refusal::AccountSuspended) => Settlement::Out(refused),
            _ => Settlement::Refused(refused),
        },
    }
}

#[derive(Debug)]
struct Queued {
    message: OutboxMessage,
    in_flight: bool,
}

/// Pending messages in order, and which of them are on their way.
#[derive(Debug, Default)]
pub(crate) struct SendQueue {
    queued: BTreeMap<i64, Queued>,
    loaded_up_to: i64,
    /// The store may hold pending messages behind `loaded_up_to`.
    more_in_store: bool,
    /// A refusal asked for this; holds for the whole queue, so that order is kept as far as possible.
    not_before: Option<Instant>,
}

impl SendQueue {
    /// The store may have a new message.
    pub(crate) fn store_grew(&mut self) {
        self.more_in_store = true;
    }

    /// What to load now: pending messages behind a position, at most so many.
    pub(crate) fn wants(&self) -> Option<(i64, usize)> {
        let room = LOADED_MAX.saturating_sub(self.queued.len());
        (self.more_in_store && room > 0).then_some((self.loaded_up_to, room))
    }

    /// Takes what was loaded; fewer than asked for means that the store has no more.
    pub(crate) fn loaded(&mut self, messages: Vec<OutboxMessage>, asked: usize) {
        self.more_in_store = messages.len() >= asked;
        for message in messages {
            self.loaded_up_to = self.loaded_up_to.max(message.position);
            self.queued.insert(message.position, Queued { message, in_flight: false });
        }
    }

    /// The first message that waits, now marked as on its way; none while the queue is paused.
    pub(crate) fn take_next(&mut self, now: Instant) -> Option<OutboxMessage> {
        if self.not_before.is_some_and(|at| now < at) {
            return None;
        }
        self.not_before = None;
        let next = self.queued.values_mut().find(|queued| !queued.in_flight)?;
        next.in_flight = true;
        Some(next.message.clone())
    }

    /// When a paused queue goes on, if anything waits in it.
    pub(crate) fn wakes_at(&self) -> Option<Instant> {
        self.not_before.filter(|_| self.queued.values().any(|queued| !queued.in_flight))
    }

    /// The message has its final answer, or was seen to be sent.
    pub(crate) fn remove(&mut self, position: i64) {
        self.queued.remove(&position);
    }

    /// As [`SendQueue::remove`], by id.
    pub(crate) fn remove_id(&mut self, id: ClientMessageId) {
        self.queued.retain(|_, queued| queued.message.id != id);
    }

    /// The message waits again in its old place, and the queue pauses until the time given.
    pub(crate) fn again(&mut self, position: i64, not_before: Instant) {
        if let Some(queued) = self.queued.get_mut(&position) {
            queued.in_flight = false;
            self.not_before = Some(self.not_before.map_or(not_before, |at| at.max(not_before)));
        }
    }

    /// Everything unanswered waits again, at once.
    pub(crate) fn connection_lost(&mut self) {
        self.queued.values_mut().for_each(|queued| queued.in_flight = false);
        self.not_before = None;
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::message::Target;
    use highwater_wire::Refusal;

    fn message(position: i64) -> OutboxMessage {
        OutboxMessage {
            position,
            id: ClientMessageId([position as u8; 16]),
            day: Some(1),
            target: Target::User(7),
            content: "x".into(),
            shown_seq: 0,
        }
    }

    fn queue(positions: &[i64]) -> SendQueue {
        let mut queue = SendQueue::default();
        queue.loaded(positions.iter().map(|&position| message(position)).collect(), LOADED_MAX);
        queue
    }

    fn take_all(queue: &mut SendQueue, now: Instant) -> Vec<i64> {
        std::iter::from_fn(|| queue.take_next(now)).map(|message| message.position).collect()
    }

    #[test]
    fn goes_out_in_order_once() {
        let now = Instant::now();
        let mut queue = queue(&[1, 2, 3]);
        assert_eq!(take_all(&mut queue, now), [1, 2, 3]);
        assert!(take_all(&mut queue, now).is_empty());
    }

    #[test]
    fn lost_connection_repeats_the_unanswered_in_order() {
        let now = Instant::now();
        let mut queue = queue(&[1, 2, 3]);
        take_all(&mut queue, now);
        queue.remove(2);
        queue.again(3, now + Duration::from_secs(60));
        queue.connection_lost();
        assert_eq!(take_all(&mut queue, now), [1, 3]);
    }

    #[test]
    fn retry_pauses_the_queue_and_keeps_the_place() {
        let now = Instant::now();
        let mut queue = queue(&[1, 2, 3]);
        queue.take_next(now);
        let later = now + Duration::from_millis(500);
        queue.again(1, later);
        queue.again(1, now);
        assert_eq!(queue.wakes_at(), Some(later));
        assert!(take_all(&mut queue, now).is_empty());
        assert_eq!(take_all(&mut queue, later), [1, 2, 3]);
    }

    #[test]
    fn seen_by_sync_is_not_sent_again() {
        let now = Instant::now();
        let mut queue = queue(&[1, 2]);
        take_all(&mut queue, now);
        queue.remove_id(ClientMessageId([1; 16]));
        queue.again(1, now);
        queue.connection_lost();
        assert_eq!(take_all(&mut queue, now), [2]);
    }

    #[test]
    fn loads_behind_what_it_has_and_no_more_than_fits() {
        let mut queue = SendQueue::default();
        assert_eq!(queue.wants(), None);
        queue.store_grew();
        assert_eq!(queue.wants(), Some((0, LOADED_MAX)));
        queue.loaded((1..=LOADED_MAX as i64).map(message).collect(), LOADED_MAX);
        assert_eq!(queue.wants(), None);
        queue.remove(1);
        assert_eq!(queue.wants(), Some((LOADED_MAX as i64, 1)));
        queue.loaded(Vec::new(), 1);
        assert_eq!(queue.wants(), None);
    }

    #[test]
    fn the_retry_flag_decides_but_for_what_is_wrong_with_the_device() {
        let sent = Sent { conversation_id: 1, seq: 2, sent_at_ms: 3 };
        assert_eq!(settlement(Ok(sent)), Settlement::Sent(sent));
        for refusal in Refusal::ALL {
            let refused = Refused::from(refusal.to_error(70));
            match settlement(Err(refused.clone())) {
                Settlement::Again(after) => {
                    assert!(refusal.retry());
                    assert_eq!(after, Duration::from_millis(70));
                }
                Settlement::Out(out) => {
                    assert!([Refusal::InvalidToken, Refusal::AccountSuspended].contains(refusal));
                    assert_eq!(out, refused);
                }
                other => {
                    assert!(!refusal.retry());
                    assert_eq!(other, Settlement::Refused(refused));
                }
            }
        }
    }
}
