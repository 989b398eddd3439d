//! Changing a password: the old one is proven as at a sign-in, then the committer decides.

use highwater_wire::{Refusal, proto};

use super::{Accounts, is_acceptable};
use crate::{
    logic::{
        Answer, Principal,
        operation::{ChangePassword, Request},
    },
    model::{UserId, record::name_key},
    monitor::Op,
};

impl Accounts {
    /// Changes the password of a signed-in user who knows the old one.
    ///
    /// Wrong ones are counted for the account whatever address they come from, since who asks has a token and may have
    /// many addresses; and apart from failed sign-ins, so that strangers keep nobody from changing a password.
    ///
    /// # Errors
    /// `WrongCredentials`, `WeakPassword`, `TooManyAttempts`, `Busy`, or the committer's refusal.
    pub async fn change_password(
        &self,
        by: Principal,
        change: proto::ChangePassword,
    ) -> Result<Answer, Refusal> {
        self.counted(Op::ChangePassword, self.prove_and_change(by, change)).await
    }

    async fn prove_and_change(
        &self,
        by: Principal,
        change: proto::ChangePassword,
    ) -> Result<Answer, Refusal> {
        let account = self.services.readers.ask(move |view| view.account(by.user)).await?;
        let account = account.ok_or(Refusal::NoSuchUser)?;
        if !is_acceptable(&change.new_password, &account.name) {
            return Err(Refusal::WeakPassword);
        }
        let key = name_key(&account.name);
        let attempt = self.attempts.begin(key, None, self.services.clock.now())?;
        let proven = self.passwords.verify(change.old_password, account.password.clone()).await;
        attempt.end(matches!(proven, Ok(false)));
        let proven = account.password.filter(|_| proven == Ok(true)).ok_or(match proven {
            Err(refusal) => refusal,
            Ok(_) => Refusal::WrongCredentials,
        })?;
        let password = self.passwords.hash(change.new_password).await?;
        let end_other_devices = change.end_other_devices;
        self.decide(Request::ChangePassword(ChangePassword { by, proven, password, end_other_devices })).await
    }

    /// Sets the password of an account by an operator's word.
    ///
    /// # Errors
    /// `WeakPassword`, `NoSuchUser`, `Busy`, or the committer's refusal.
    pub async fn set_password(
        &self,
        user: UserId,
        name: &str,
        password: String,
        end_devices: bool,
    ) -> Result<Answer, Refusal> {
        if !is_acceptable(&password, name) {
            return Err(Refusal::WeakPassword);
        }
        let password = self.passwords.hash(password).await?;
        self.decide(Request::SetPassword { user, password, end_devices }).await
    }
}
