//! Signing in by the word of a host app: its token is judged off the workers, then the committer decides. An account is
//! made at the first sight of a user, in one operation with who it is to the host app.

use std::net::IpAddr;

use highwater_wire::{Refusal, proto};

use super::{Accounts, Entitled};
use crate::{
    logic::{
        host_names,
        host_token::{Vouched, claimed_subject},
    },
    model::{UserId, record::HostIdentityKey},
    store::view::View,
};

/// Before a subject in the key of its failures: no name begins so, and neither counts for the other.
const SUBJECT: char = '\u{0}';

impl Accounts {
    /// Makes a further device for whom the host app vouches, with an account at the first time.
    ///
    /// What the host app did not sign is counted for whom it claims to be and for the address, as wrong passwords are.
    ///
    /// # Errors
    /// As the protocol says; why a token is refused is not told.
    pub async fn sign_in_with_token(
        &self,
        sign_in: proto::SignInWithToken,
        peer: Option<IpAddr>,
    ) -> Result<proto::SignedIn, Refusal> {
        let host_tokens = self.host_tokens.as_ref().ok_or(Refusal::HostSignInOff)?;
        let subject = format!("{SUBJECT}{}", claimed_subject(&sign_in.token));
        self.begin_attempt(subject.clone(), peer, self.services.clock.now())?;
        let vouched = host_tokens.vouch(sign_in.token).await;
        self.end_attempt(subject, peer, vouched.as_ref().is_err_and(|denied| denied.is_guess));
        let vouched = vouched.map_err(|denied| denied.refusal)?;
        self.admit_vouched(vouched, sign_in.device.unwrap_or_default(), sign_in.in_place_of).await
    }

    /// Adds a device to the account of the user, or makes it. Whoever loses a race for the account or for its name looks
    /// again: as often as there are names.
    async fn admit_vouched(
        &self,
        vouched: Vouched,
        info: proto::DeviceInfo,
        in_place_of: u64,
    ) -> Result<proto::SignedIn, Refusal> {
        for name in host_names::candidates(&vouched.called, &vouched.identity) {
            if let Some(user) = self.user_of(vouched.identity).await? {
                return self.add_device(user, info, in_place_of, None).await;
            }
            let by = Entitled { host_identity: Some(vouched.identity), ..Entitled::default() };
            match self.make_account(name, by, info.clone()).await {
                Err(Refusal::NameTaken) => {}
                // Refused as busy when the other one of two first sign-ins was decided, and then it is found.
                Err(Refusal::Busy) => break,
                other => return other,
            }
        }
        match self.user_of(vouched.identity).await? {
            Some(user) => self.add_device(user, info, in_place_of, None).await,
            None => Err(Refusal::Busy),
        }
    }

    async fn user_of(&self, identity: HostIdentityKey) -> Result<Option<UserId>, Refusal> {
        let read = move |view: &View| {
            let Some(user) = view.user_of_host_identity(&identity)? else { return Ok(None) };
            // Who was erased comes as somebody new.
            Ok(view.account(user)?.map(|account| account.user))
        };
        self.services.readers.ask(read).await
    }
}
