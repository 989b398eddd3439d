//! Erasing an account: by its user, who proves the password again, or by an operator. The committer decides.

use highwater_wire::{Refusal, proto};

use super::Accounts;
use crate::{
    logic::{
        Answer, Principal,
        operation::{Erase, ErasedBy, ErasureRequest, Request},
    },
    model::{UserId, record::name_key},
    monitor::Op,
};

impl Accounts {
    /// Erases the signed-in user who knows the password. The name is kept back: nobody else is taken for the user.
    ///
    /// Wrong passwords are counted as those of a change of password are.
    ///
    /// # Errors
    /// `WrongCredentials`, `ErasureByOperator`, `TooManyAttempts`, `Busy`, or the committer's refusal.
    pub async fn erase_own(&self, by: Principal, erase: proto::EraseAccount) -> Result<Answer, Refusal> {
        self.counted(Op::EraseAccount, self.prove_and_erase(by, erase)).await
    }

    async fn prove_and_erase(&self, by: Principal, erase: proto::EraseAccount) -> Result<Answer, Refusal> {
        let account = self.services.readers.ask(move |view| view.account(by.user)).await?;
        let account = account.ok_or(Refusal::NoSuchUser)?;
        let password = account.password.ok_or(Refusal::ErasureByOperator)?;
        let key = name_key(&account.name);
        let attempt = self.attempts.begin(key, None, self.services.clock.now())?;
        let proven = self.passwords.verify(erase.password, Some(password.clone())).await;
        attempt.end(matches!(proven, Ok(false)));
        if !proven? {
            return Err(Refusal::WrongCredentials);
        }
        let by_user = ErasedBy::User { device: by.device, proven: password };
        self.decide(Request::Erase(ErasureRequest::Begin(Erase {
            user: by.user,
            by: by_user,
            frees_name: false,
        })))
        .await
    }

    /// Erases a user by an operator's word.
    ///
    /// # Errors
    /// `NoSuchUser`, `Busy`, or the committer's refusal.
    pub async fn erase(&self, user: UserId, frees_name: bool) -> Result<Answer, Refusal> {
        self.decide(Request::Erase(ErasureRequest::Begin(Erase { user, by: ErasedBy::Operator, frees_name })))
            .await
    }
}
