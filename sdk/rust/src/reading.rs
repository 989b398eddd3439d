//! What the user has read, and how the user keeps a conversation.

use crate::{Client, Error};
use highwater_wire::proto::{MarkRead, SetConversation, client_frame::Request};

impl Client {
    /// Everything of a conversation through this seq is read; what lies above its newest entry means that one. A mark never
    /// falls. Each rise is a change that all of the user's devices are told, so a client says it when the user comes to rest,
    /// and not for each message that passes.
    ///
    /// # Errors
    /// A refusal, such as that there is no such conversation; or a fault.
    pub async fn mark_read(&self, conversation_id: u64, seq: u64) -> Result<(), Error> {
        self.ask_done(Request::MarkRead(MarkRead { conversation_id, seq })).await
    }

    /// Mutes a conversation until a time by the server's clock, milliseconds since 1970; 0 for not at all, the highest number
    /// for good. And pins it or not. Both in place of what was before.
    ///
    /// # Errors
    /// A refusal or a fault.
    pub async fn set_conversation(
        &self,
        conversation_id: u64,
        muted_until_ms: i64,
        pinned: bool,
    ) -> Result<(), Error> {
        let request = SetConversation { conversation_id, muted_until_ms, pinned };
        self.ask_done(Request::SetConversation(request)).await
    }
}
