//! What others have received and read, and whether they are told what this user has read.

use crate::client::Command;
use crate::{Client, Error};
use highwater_wire::proto::{
    AskWatermarks, SetPrivacy, Watermark, client_frame::Request, server_frame::Body,
};

/// Conversations that a client watches; one more, and the one that was named longest ago falls out.
/// Source: the server tells one connection hints of as many (protocol, section 5).
pub const WATCHED_MAX: usize = 16;

/// Conversations that are watched, and those of them that have to be asked for on this connection.
#[derive(Debug, Default)]
pub(crate) struct Watching {
    watched: Vec<u64>,
    due: Vec<u64>,
}

impl Watching {
    /// A conversation is shown: it is asked for, also when it was watched before.
    pub(crate) fn watch(&mut self, conversation_id: u64) {
        self.unwatch(conversation_id);
        if self.watched.len() == WATCHED_MAX {
            let oldest = self.watched.remove(0);
            self.due.retain(|due| *due != oldest);
        }
        self.watched.push(conversation_id);
        self.due.push(conversation_id);
    }

    /// A conversation is shown no more: nothing is told of it from here on.
    pub(crate) fn unwatch(&mut self, conversation_id: u64) {
        self.watched.retain(|watched| *watched != conversation_id);
        self.due.retain(|due| *due != conversation_id);
    }

    /// A new connection knows of nothing that is watched.
    pub(crate) fn connected(&mut self) {
        self.due.clone_from(&self.watched);
    }

    /// What is to be asked next, if anything is.
    pub(crate) fn take_next(&mut self) -> Option<Request> {
        let conversation_id = (!self.due.is_empty()).then(|| self.due.remove(0))?;
        Some(Request::AskWatermarks(AskWatermarks { conversation_id, ..AskWatermarks::default() }))
    }

    /// Whether something of this conversation is to be told.
    pub(crate) fn is_watched(&self, conversation_id: u64) -> bool {
        self.watched.contains(&conversation_id)
    }
}

impl Client {
    /// A conversation of two is shown: from now on [`crate::Event::Watermark`] says how far the other one has come, at once,
    /// after each new connection, and when it rises. Nothing is said of who may not be told of. At most [`WATCHED_MAX`]
    /// conversations are watched at a time.
    ///
    /// # Errors
    /// When the client has stopped.
    pub async fn watch(&self, conversation_id: u64) -> Result<(), Error> {
        self.command(Command::Watch(conversation_id)).await
    }

    /// A conversation is shown no more: nothing is told of it.
    ///
    /// # Errors
    /// When the client has stopped.
    pub async fn unwatch(&self, conversation_id: u64) -> Result<(), Error> {
        self.command(Command::Unwatch(conversation_id)).await
    }

    /// How far others have come with a conversation now, in the order of their ids, asked for list by list; of those alone
    /// who have read through `seq`, unless that is 0.
    ///
    /// # Errors
    /// A refusal, such as that there is no such conversation; or a fault.
    pub async fn watermarks(&self, conversation_id: u64, seq: u64) -> Result<Vec<Watermark>, Error> {
        let (mut watermarks, mut after) = (Vec::new(), 0);
        loop {
            let ask = AskWatermarks { conversation_id, seq, after, limit: 0 };
            match self.ask(Request::AskWatermarks(ask)).await? {
                Body::Watermarks(list) => {
                    watermarks.extend(list.watermarks);
                    // A server that does not go forward would be asked for ever.
                    if list.next <= after {
                        return Ok(watermarks);
                    }
                    after = list.next;
                }
                _ => return Err(Error::UnexpectedAnswer),
            }
        }
    }

    /// Whether the user's read marks are hidden from others, and those of others from the user; for all of the user's devices.
    ///
    /// # Errors
    /// A refusal or a fault.
    pub async fn set_privacy(&self, hides_read: bool) -> Result<(), Error> {
        self.ask_done(Request::SetPrivacy(SetPrivacy { hides_read })).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(watching: &mut Watching) -> Vec<u64> {
        let next = || match watching.take_next() {
            Some(Request::AskWatermarks(ask)) => Some(ask.conversation_id),
            _ => None,
        };
        std::iter::from_fn(next).collect()
    }

    #[test]
    fn each_connection_asks_anew_for_what_is_watched_and_the_oldest_falls_out() {
        let mut watching = Watching::default();
        (1..=WATCHED_MAX as u64 + 1).for_each(|conversation| watching.watch(conversation));
        watching.watch(2);
        let order: Vec<u64> = (3..=WATCHED_MAX as u64 + 1).chain([2]).collect();
        assert_eq!(asked(&mut watching), order);
        assert_eq!(asked(&mut watching), [0; 0], "once");
        assert!(!watching.is_watched(1) && watching.is_watched(2));
        watching.watch(5);
        watching.unwatch(5);
        watching.connected();
        let order: Vec<u64> = order.into_iter().filter(|conversation| *conversation != 5).collect();
        assert_eq!(asked(&mut watching), order);
    }
}
