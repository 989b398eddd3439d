//! What the handles of a client ask of its task.

use super::{End, Task};
use crate::error::Error;
use crate::event::{DisconnectReason, StopReason};
use crate::session::{Ask, Session};
use tokio::sync::oneshot;

/// Calls that wait for the connection; a further one is refused.
const WAITING_MAX: usize = 256;

/// What a handle asks of the task.
pub(crate) enum Command {
    /// Ask the server.
    Ask(Ask),
    /// Sync, and say when done.
    Sync(oneshot::Sender<Result<(), Error>>),
    /// Tell how far others have come with a conversation.
    Watch(u64),
    /// Tell it no more.
    Unwatch(u64),
    /// Connect anew, at once.
    Reconnect,
    /// Stop.
    Close,
}

impl Task {
    /// Takes one command; without a session what needs the server waits for the next one.
    pub(super) fn obey(
        &mut self,
        command: Option<Command>,
        session: Option<&mut Session>,
    ) -> Result<(), End> {
        let full = || Error::TooManyWaiting { limit: WAITING_MAX };
        match command {
            Some(Command::Ask(ask)) if self.asks.len() >= WAITING_MAX => {
                // A caller that went away needs no answer, here and below.
                let _ = ask.reply.send(Err(full()));
                Ok(())
            }
            Some(Command::Ask(ask)) => {
                self.asks.retain(|ask| !ask.reply.is_closed());
                self.asks.push_back(ask);
                Ok(())
            }
            Some(Command::Sync(done)) if self.syncs_waiting.len() >= WAITING_MAX => {
                let _ = done.send(Err(full()));
                Ok(())
            }
            Some(Command::Sync(done)) => {
                self.syncs_waiting.push(done);
                if let Some(session) = session.filter(|session| session.greeted()) {
                    session.want_sync();
                }
                Ok(())
            }
            Some(Command::Watch(conversation_id)) => {
                self.watching.watch(conversation_id);
                Ok(())
            }
            Some(Command::Unwatch(conversation_id)) => {
                self.watching.unwatch(conversation_id);
                Ok(())
            }
            Some(Command::Reconnect) => Err(End::Lost(DisconnectReason::Asked)),
            Some(Command::Close) | None => Err(End::Stop(StopReason::Closed)),
        }
    }
}
