//! History on demand: how far the conversations go, and their entries by seq.

use crate::client::Client;
use crate::error::Error;
use crate::holes::{SeqRange, rest_of};
use highwater_wire::proto::{self, EntryList, Head, client_frame::Request, server_frame::Body};

/// Both wait for a connection if there is none, and for each answer no longer than the request timeout.
impl Client {
    /// How far each of the user's conversations goes on the server.
    ///
    /// # Errors
    /// A refusal or a fault; after [`Error::Disconnected`] ask again.
    pub async fn heads(&self) -> Result<Vec<Head>, Error> {
        let mut heads = Vec::new();
        let mut after = 0;
        loop {
            let Body::Heads(list) = self.ask(Request::Heads(proto::Heads { after, limit: 0 })).await? else {
                return Err(Error::UnexpectedAnswer);
            };
            heads.extend(list.heads);
            match list.next {
                0 => return Ok(heads),
                next if next <= after => return Err(Error::UnexpectedAnswer),
                next => after = next,
            }
        }
    }

    /// Entries of a conversation by seq, both ends included, in order: asked of the server, stored, and returned. What
    /// lies beyond the head or before the oldest is not among them. `more` says that not everything fitted: ask again
    /// from the seq after the last.
    ///
    /// # Errors
    /// A refusal, such as no such conversation, or that the first seq lies above the last; or a fault. What was not
    /// returned may be stored.
    pub async fn range(&self, conversation_id: u64, from_seq: u64, to_seq: u64) -> Result<EntryList, Error> {
        let range = proto::Range { conversation_id, from_seq, to_seq };
        let Body::Entries(list) = self.ask(Request::Range(range)).await? else {
            return Err(Error::UnexpectedAnswer);
        };
        rest_of(conversation_id, SeqRange { from_seq, to_seq }, &list)
            .map_err(|_| Error::UnexpectedAnswer)?;
        self.add_entries(list).await
    }
}
