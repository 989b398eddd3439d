//! The host app that vouches for users of its own: by tokens that it signed, or by its answer when it is asked.

use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use highwater_wire::Refusal;
use sha2::{Digest, Sha256};

use super::{host_callback::HostCallback, host_tokens::HostTokens};
use crate::logic::host_token::{Vouched, claimed_subject};

/// How a host app is believed: in one way.
#[derive(Clone)]
pub enum HostApp {
    /// It signs tokens.
    Signs(Arc<HostTokens>),
    /// It is asked about tokens of its own.
    IsAsked(Arc<HostCallback>),
}

/// Why nobody is vouched for.
pub struct Denied {
    /// What is told.
    pub refusal: Refusal,
    /// Whether it counts as an attempt to guess.
    pub is_guess: bool,
}

impl HostApp {
    /// Whose failures count together, before anything of a token was judged: those of the subject that it claims, or of
    /// the token where nothing can be read in it.
    #[must_use]
    pub fn account_of_attempt(&self, token: &str) -> String {
        match self {
            HostApp::Signs(_) => claimed_subject(token),
            HostApp::IsAsked(_) => URL_SAFE_NO_PAD.encode(Sha256::digest(token.as_bytes())),
        }
    }

    /// Whether an address is held to account for the tokens that it makes up: each is a question to the app.
    #[must_use]
    pub fn is_asked(&self) -> bool {
        matches!(self, HostApp::IsAsked(_))
    }

    /// For whom a token is.
    ///
    /// # Errors
    /// `HostTokenRefused`, `HostUnavailable` or `Busy`.
    pub async fn vouch(&self, token: String) -> Result<Vouched, Denied> {
        match self {
            HostApp::Signs(tokens) => tokens.vouch(token).await,
            HostApp::IsAsked(callback) => callback.vouch(token).await,
        }
    }

    /// Does what has to be done again and again, for as long as it is polled.
    pub async fn keep_fresh(self) {
        if let HostApp::Signs(tokens) = self {
            tokens.keep_fresh().await;
        }
    }
}
