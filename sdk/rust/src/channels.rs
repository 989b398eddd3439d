//! Channels: made, followed, turned into groups and back. What is so now comes as an item of kind conversations, like a
//! group; [`Store::groups`](crate::Store::groups) has both, and `GroupItem::channel` tells which.
//!
//! A device that was away is told the newest posts of a channel; what was passed over is named by
//! [`Store::gaps`](crate::Store::gaps), and [`Client::range`] fetches it when somebody looks.

use crate::client::Client;
use crate::error::Error;
use crate::message::ClientMessageId;
use highwater_wire::proto::{
    CreateChannel, Follow, TurnGroup, Unfollow, client_frame::Request, server_frame::Body,
};

impl Client {
    /// Makes a channel that this user owns and follows, and gives its conversation. The id, as [`ClientMessageId::random`]
    /// makes it, is to be kept until this has returned: asked again with the same one it gives the same channel.
    ///
    /// # Errors
    /// A refusal, such as that the name is not allowed; or a fault, after which the same is asked again.
    pub async fn create_channel(&self, id: ClientMessageId, name: &str) -> Result<u64, Error> {
        let create = CreateChannel { client_channel_id: id.0.to_vec().into(), name: name.to_owned() };
        match self.ask(Request::CreateChannel(create)).await? {
            Body::GroupCreated(created) => Ok(created.conversation_id),
            _ => Err(Error::UnexpectedAnswer),
        }
    }

    /// Follows a channel: what is posted from here on is for this user.
    ///
    /// # Errors
    /// A refusal, such as that there is no such channel; or a fault.
    pub async fn follow(&self, conversation_id: u64) -> Result<(), Error> {
        self.ask_done(Request::Follow(Follow { conversation_id })).await
    }

    /// Follows a channel no more.
    ///
    /// # Errors
    /// A refusal, such as that the user owns it; or a fault.
    pub async fn unfollow(&self, conversation_id: u64) -> Result<(), Error> {
        self.ask_done(Request::Unfollow(Unfollow { conversation_id })).await
    }

    /// Makes a channel of a group, or a group of a channel. Nobody lacks what is said around it.
    ///
    /// # Errors
    /// A refusal, such as that only the owner may, or that more follow than a group may have members; or a fault.
    pub async fn turn_group(&self, conversation_id: u64, channel: bool) -> Result<(), Error> {
        self.ask_done(Request::TurnGroup(TurnGroup { conversation_id, channel })).await
    }
}
