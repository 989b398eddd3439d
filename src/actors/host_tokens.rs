//! Tokens of a host app: judged by its keys, which are fetched anew when they are old or lack one that a token names.
//!
//! Neither is done on a worker: signatures are verified a few at a time on threads that may block, with a bounded line
//! before them, and of fetches there is one at a time.

mod key_source;

use std::sync::Arc;

use highwater_wire::Refusal;
use tokio::sync::Semaphore;

pub use self::key_source::{KeySource, fetch};
use super::{host_app::Denied, repeated_faults::RepeatedFaults};
use crate::{
    logic::{
        host_keys::HostKeys,
        host_token::{TokenFault, TokenRules, Vouched, judge},
    },
    model::Clock,
    monitor::{Monitor, ids},
};

/// Tokens that wait to be judged. More are refused as busy. Source: at 0.1 ms each the last one waits some 25 ms.
const WAITING_MAX: usize = 256;

/// Tokens judged at once. Source: an RSA signature of the longest key takes 0.3 ms; two cores are kept busy by no more.
const JUDGED_MAX: usize = 2;

/// See the module.
pub struct HostTokens {
    rules: Arc<TokenRules>,
    keys: KeySource,
    places: Arc<Semaphore>,
    turns: Arc<Semaphore>,
    faults: RepeatedFaults<TokenFault>,
    clock: Clock,
    monitor: Monitor,
}

impl HostTokens {
    /// Judges tokens by these rules and keys.
    #[must_use]
    pub fn new(rules: TokenRules, keys: KeySource, clock: Clock, monitor: Monitor) -> HostTokens {
        HostTokens {
            rules: Arc::new(rules),
            keys,
            places: Arc::new(Semaphore::new(WAITING_MAX)),
            turns: Arc::new(Semaphore::new(JUDGED_MAX)),
            faults: RepeatedFaults::default(),
            clock,
            monitor,
        }
    }

    /// Fetches the keys now and whenever they are old, for as long as it is polled.
    pub async fn keep_fresh(self: Arc<Self>) {
        self.keys.keep_fresh(&self.monitor).await;
    }

    /// For whom a token is.
    ///
    /// # Errors
    /// `HostTokenRefused`, `HostUnavailable` when there were never any keys to judge by, or `Busy`.
    pub async fn vouch(&self, token: String) -> Result<Vouched, Denied> {
        let token: Arc<str> = token.into();
        let (mut keys, edition) = self.keys.now();
        let mut judged = self.judged(&token, &keys).await?;
        if judged == Err(TokenFault::UnknownKey)
            && self.keys.renew_after(edition, &self.clock, &self.monitor).await
        {
            (keys, _) = self.keys.now();
            judged = self.judged(&token, &keys).await?;
        }
        self.count(judged.as_ref().err().copied());
        judged.map_err(|fault| match fault {
            TokenFault::UnknownKey if !self.keys.is_there() => {
                Denied { refusal: Refusal::HostUnavailable, is_guess: false }
            }
            fault => Denied { refusal: Refusal::HostTokenRefused, is_guess: !fault.is_of_host() },
        })
    }

    async fn judged(
        &self,
        token: &Arc<str>,
        keys: &Arc<HostKeys>,
    ) -> Result<Result<Vouched, TokenFault>, Denied> {
        let busy = |refusal| Denied { refusal, is_guess: false };
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| busy(Refusal::Busy))?;
        let turn = Arc::clone(&self.turns).acquire_owned().await.map_err(|_| busy(Refusal::Busy))?;
        let (token, keys, rules) = (Arc::clone(token), Arc::clone(keys), Arc::clone(&self.rules));
        let now = self.clock.now();
        let judging = tokio::task::spawn_blocking(move || {
            let _held = (place, turn);
            judge(&token, &rules, &keys, now)
        });
        judging.await.map_err(|_| busy(Refusal::Internal))
    }

    fn count(&self, fault: Option<TokenFault>) {
        let Some(fault) = fault else {
            return self.monitor.add(ids::HOST_TOKENS_ACCEPTED, 1);
        };
        let cause = match fault {
            TokenFault::UnknownKey => ids::HOST_TOKENS_REFUSED_KEY,
            TokenFault::Signature => ids::HOST_TOKENS_REFUSED_SIGNATURE,
            fault if fault.is_of_host() => ids::HOST_TOKENS_REFUSED_CLAIMS,
            _ => ids::HOST_TOKENS_REFUSED_FORM,
        };
        self.monitor.add(cause, 1);
        if let Some(times) = self.faults.is_to_be_told(fault, &self.clock) {
            tracing::info!(cause = %fault, times, "tokens of the host app were refused");
        }
    }
}
