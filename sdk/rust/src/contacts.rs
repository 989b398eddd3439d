//! What the user has of others: who is blocked, what is noted of a contact, who is a stranger again, and requests.
//!
//! Each request may be made again after a fault: the second time it changes nothing. What is so now comes as items of
//! kind contacts, to all devices of the user; an older level of the client is not told of blocks and notes.

use crate::client::Client;
use crate::error::Error;
use highwater_wire::proto::{
    AcceptContact, AskContact, BlockUser, DeleteContact, NoteContact, RefuseContact, UnblockUser,
    WithdrawContact, client_frame::Request,
};

impl Client {
    /// Takes nothing more from a user, who is not told and for whom there is no such user from then on.
    ///
    /// # Errors
    /// A refusal, such as that as many are blocked as there may be; or a fault.
    pub async fn block_user(&self, user_id: u64) -> Result<(), Error> {
        self.ask_done(Request::BlockUser(BlockUser { user_id })).await
    }

    /// Ends a block.
    ///
    /// # Errors
    /// A refusal or a fault.
    pub async fn unblock_user(&self, user_id: u64) -> Result<(), Error> {
        self.ask_done(Request::UnblockUser(UnblockUser { user_id })).await
    }

    /// Notes of a contact what the user calls it and under which labels it is kept, in place of what was noted before.
    ///
    /// # Errors
    /// A refusal, such as that this is no contact or a text too long; or a fault.
    pub async fn note_contact(&self, user_id: u64, remark: &str, labels: &[&str]) -> Result<(), Error> {
        let labels = labels.iter().map(|label| (*label).to_owned()).collect();
        self.ask_done(Request::NoteContact(NoteContact { user_id, remark: remark.to_owned(), labels })).await
    }

    /// Makes a contact a stranger again, for this user alone. Conversation and messages stay.
    ///
    /// # Errors
    /// A refusal or a fault.
    pub async fn delete_contact(&self, user_id: u64) -> Result<(), Error> {
        self.ask_done(Request::DeleteContact(DeleteContact { user_id })).await
    }

    /// Asks a user to be a contact. Who still has this user as a contact, or asked too, is one at once.
    ///
    /// # Errors
    /// A refusal, such as no such user or too many requests; or a fault.
    pub async fn ask_contact(&self, user_id: u64, greeting: &str) -> Result<(), Error> {
        self.ask_done(Request::AskContact(AskContact { user_id, greeting: greeting.to_owned() })).await
    }

    /// Grants what a user asked: each is a contact of the other.
    ///
    /// # Errors
    /// A refusal, such as that nothing waits; or a fault.
    pub async fn accept_contact(&self, user_id: u64) -> Result<(), Error> {
        self.ask_done(Request::AcceptContact(AcceptContact { user_id })).await
    }

    /// Does not grant what a user asked, who is not told.
    ///
    /// # Errors
    /// A refusal or a fault.
    pub async fn refuse_contact(&self, user_id: u64) -> Result<(), Error> {
        self.ask_done(Request::RefuseContact(RefuseContact { user_id })).await
    }

    /// Takes back what was asked of a user, if it was not granted before.
    ///
    /// # Errors
    /// A refusal or a fault.
    pub async fn withdraw_contact(&self, user_id: u64) -> Result<(), Error> {
        self.ask_done(Request::WithdrawContact(WithdrawContact { user_id })).await
    }
}
