//! What the user shows others besides the name, and what is taken of strangers.

use crate::client::Client;
use crate::error::Error;
use highwater_wire::proto::{SetProfile, SetStrangers, Strangers, client_frame::Request};

impl Client {
    /// Shows this from now on, in place of all that was shown before; empty texts show nothing. It may be asked again after
    /// a fault. The user's devices have it in the item of kind account, and whoever has the user as a contact, in the item
    /// of that contact.
    ///
    /// # Errors
    /// A refusal, such as that something is too long, or that it was changed too often; or a fault.
    pub async fn set_profile(&self, display_name: &str, avatar: &str, about: &str) -> Result<(), Error> {
        let [display_name, avatar, about] = [display_name, avatar, about].map(str::to_owned);
        self.ask_done(Request::SetProfile(SetProfile { display_name, avatar, about })).await
    }

    /// Says whether who is no contact may write, or has to ask to be one first; for all of the user's devices.
    ///
    /// # Errors
    /// A refusal or a fault.
    pub async fn set_strangers(&self, strangers: Strangers) -> Result<(), Error> {
        self.ask_done(Request::SetStrangers(SetStrangers { strangers: strangers.into() })).await
    }
}
