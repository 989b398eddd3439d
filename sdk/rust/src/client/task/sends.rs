//! Sending: loads the outbox, records answers.

use super::{End, Task, hello_refused};
use crate::event::Event;
use crate::message::{ClientMessageId, Content, SendResult};
use crate::send_queue::{Settlement, settlement};
use crate::session::Session;
use crate::store::{Applied, OutboxMessage};
use highwater_wire::proto::Sent;
use highwater_wire::{CUSTOM_BYTES_MAX, Refusal};
use std::time::Instant;

impl Task {
    /// Loads pending messages from the store as there is room. They get their day here at the latest.
    pub(super) async fn load_sends(&mut self, session: &Session) -> Result<(), End> {
        if !session.greeted() {
            return Ok(());
        }
        while let (Some((position, limit)), Some(day)) = (self.sends.wants(), self.shared.day()) {
            let messages = self
                .on_store(move |store| {
                    store.assign_day(day)?;
                    store.pending_after(position, limit)
                })
                .await?;
            let too_long: Vec<_> = self.too_long(&messages);
            self.sends.loaded(messages, limit);
            for (position, id, refusal) in too_long {
                self.send_answered(position, id, Err(refusal.into())).await?;
            }
        }
        Ok(())
    }

    /// Messages that the server would refuse unread, closing the connection each time they are tried.
    fn too_long(&self, messages: &[OutboxMessage]) -> Vec<(i64, ClientMessageId, Refusal)> {
        let status = self.shared.status.borrow();
        let text_bytes_max = status.greeting.as_ref().map_or(0, |greeting| greeting.text_bytes_max as usize);
        let refusal_of = |content: &Content| match content {
            Content::Text(text) if text_bytes_max > 0 && text.len() > text_bytes_max => {
                Some(Refusal::TextTooLong)
            }
            Content::Custom(_) if content.bytes() > CUSTOM_BYTES_MAX => Some(Refusal::CustomTooLong),
            _ => None,
        };
        let refused =
            |message: &OutboxMessage| Some((message.position, message.id, refusal_of(&message.content)?));
        messages.iter().filter_map(refused).collect()
    }

    /// Records an answer and tells it, or lets the message go out again.
    pub(super) async fn send_answered(
        &mut self,
        position: i64,
        id: ClientMessageId,
        result: SendResult,
    ) -> Result<(), End> {
        match settlement(result.clone()) {
            Settlement::Sent(sent) => {
                self.record_sent(id, sent).await?;
                self.resends.reset();
                self.sends.remove(position);
            }
            Settlement::Refused(refused) => {
                self.on_store(move |store| store.record_refused(id, refused.code)).await?;
                self.sends.remove(position);
            }
            // As at a hello: it is not the message that is wrong.
            Settlement::Out(refused) => return Err(hello_refused(refused)),
            Settlement::Again(at_least) => {
                let delay = self.resends.next_delay(rand::random(), Some(at_least));
                self.sends.again(position, Instant::now() + delay);
                self.emit(Event::SendAnswered { id, result });
                return Ok(());
            }
        }
        self.emit(Event::SendAnswered { id, result });
        self.shared.tell_settled(id);
        Ok(())
    }

    /// Own messages came back as entries: they are sent.
    pub(super) fn sends_seen(&mut self, applied: &Applied) {
        for &(id, sent) in &applied.settled {
            self.sends.remove_id(id);
            self.emit(Event::SendSeen { id, sent });
            self.shared.tell_settled(id);
        }
    }

    async fn record_sent(&mut self, id: ClientMessageId, sent: Sent) -> Result<(), End> {
        let agrees = self.on_store(move |store| store.record_sent(id, &sent)).await?;
        if !agrees {
            tracing::error!(%id, "the server put one message at two places");
        }
        Ok(())
    }
}
