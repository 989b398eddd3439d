//! Signing in by the word of a host app: its token is judged off the workers, then the committer decides. An account is
//! made at the first sight of a user, in one operation with who it is to the host app.

use std::net::{IpAddr, Ipv6Addr};

use highwater_wire::{Refusal, proto};

use super::{Accounts, Entitled};
use crate::{
    logic::{host_names, host_token::Vouched},
    model::{UserId, record::HostIdentityKey},
    monitor::Op,
    store::view::View,
};

/// Before a subject in the key of its failures: no name begins so, and neither counts for the other.
const SUBJECT: char = '\u{0}';

/// In place of a name in the key of an address's failures, whatever the token.
const ANY_TOKEN: &str = "\u{0}\u{0}";

/// Tokens that an app refused to one address, in the window in which failures count, before it is asked no more for it.
/// Source: each made up one is another, so none has a count of its own; behind one address of a provider some hundred
/// users may have sessions that ended.
const ADDRESS_FAILURES_MAX: u32 = 100;

impl Accounts {
    /// Makes a further device for whom the host app vouches, with an account at the first time.
    ///
    /// What the host app did not sign is counted for whom it claims to be and for the address, as wrong passwords are;
    /// what it refuses when it is asked is counted for the token and, if it is a public one, for the address or its network.
    ///
    /// # Errors
    /// As the protocol says; why a token is refused is not told.
    pub async fn sign_in_with_token(
        &self,
        sign_in: proto::SignInWithToken,
        peer: Option<IpAddr>,
    ) -> Result<proto::SignedIn, Refusal> {
        self.counted(Op::SignIn, self.vouch_and_admit(sign_in, peer)).await
    }

    async fn vouch_and_admit(
        &self,
        sign_in: proto::SignInWithToken,
        peer: Option<IpAddr>,
    ) -> Result<proto::SignedIn, Refusal> {
        let host_app = self.host_app.as_ref().ok_or(Refusal::HostSignInOff)?;
        let account = format!("{SUBJECT}{}", host_app.account_of_attempt(&sign_in.token));
        let address = peer.filter(|_| host_app.is_asked()).and_then(accountable);
        let now = self.services.clock.now();
        let mut judged = vec![self.attempts.begin(account, peer, now)?];
        if address.is_some() {
            let any = ANY_TOKEN.to_owned();
            judged.push(self.attempts.begin_of(any, address, now, ADDRESS_FAILURES_MAX)?);
        }
        let vouched = host_app.vouch(sign_in.token).await;
        let is_guess = vouched.as_ref().is_err_and(|denied| denied.is_guess);
        judged.into_iter().for_each(|attempt| attempt.end(is_guess));
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

/// The address that is held to account for what an address does: its network, where one client has many. Nothing of one
/// behind which there may be a proxy before this server, and so everybody: one stranger would lock all others out.
fn accountable(address: IpAddr) -> Option<IpAddr> {
    match address.to_canonical() {
        IpAddr::V4(address) => {
            let is_ours = address.is_private() || address.is_loopback() || address.is_link_local();
            // Source: RFC 6598, addresses that providers share.
            let is_shared = address.octets()[0] == 100 && address.octets()[1] & 0xc0 == 64;
            (!(is_ours || is_shared || address.is_unspecified())).then_some(address.into())
        }
        IpAddr::V6(address) => {
            let is_ours = address.is_loopback() || address.is_unspecified();
            let is_local = address.is_unique_local() || address.is_unicast_link_local();
            // Source: RFC 6177, a customer has a network of 64 bits or more to choose addresses from.
            let network = Ipv6Addr::from_bits(address.to_bits() >> 64 << 64);
            (!(is_ours || is_local)).then_some(network.into())
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_may_be_a_proxys_is_not_held_to_account() {
        for (address, accounts) in [
            ("127.0.0.1", None),
            ("::1", None),
            ("::ffff:127.0.0.1", None),
            ("10.0.0.1", None),
            ("172.16.3.4", None),
            ("192.168.0.7", None),
            ("169.254.0.1", None),
            ("100.64.0.1", None),
            ("100.128.0.1", Some("100.128.0.1")),
            ("fd00::1", None),
            ("fe80::1", None),
            ("0.0.0.0", None),
            ("192.0.3.1", Some("192.0.3.1")),
            ("::ffff:9.9.9.9", Some("9.9.9.9")),
            ("2001:470:0:1::1", Some("2001:470:0:1::")),
            ("2001:470:0:1:a:b:c:d", Some("2001:470:0:1::")),
        ] {
            let accounts = accounts.map(|accounts| accounts.parse().unwrap());
            assert_eq!(accountable(address.parse().unwrap()), accounts, "{address}");
        }
    }
}
