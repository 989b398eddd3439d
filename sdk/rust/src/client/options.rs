//! What a client is told at its start.

use highwater_wire::{Encoding, proto};
use std::time::Duration;

/// Settings of a client; [`ClientOptions::new`] gives the defaults.
#[derive(Clone)]
pub struct ClientOptions {
    /// `http://HOST:PORT` of the server.
    pub base_url: String,
    /// The device token.
    pub token: String,
    /// How frames are written; binary unless there is a reason.
    pub encoding: Encoding,
    /// Highest level of the protocol to speak, from 1. Lower than the default only for an application that has to see what
    /// an older one saw.
    pub level: u32,
    /// Kinds to synchronise; empty means all that the server offers.
    pub kinds: Vec<u32>,
    /// Which chain of the device this is: an app is 0, its push extension another. One store for each.
    pub context: u32,
    /// Nudges only: the server never pushes pages, every page is asked for.
    pub nudge_only: bool,
    /// Language of texts that the server renders, BCP 47; empty means English.
    pub locale: String,
    /// Name and version of the application, for the operator.
    pub client: String,
    /// Ceiling of the first reconnect delay. Source: choice; short enough not to be noticed.
    pub backoff_base: Duration,
    /// Ceiling of every reconnect delay. Source: choice; bounds the load of a server's return.
    pub backoff_cap: Duration,
    /// How long connecting may take.
    pub connect_timeout: Duration,
    /// How long a request may stay unanswered before the connection is given up.
    pub request_timeout: Duration,
    /// Upper limit of entries and items in a page; 0 leaves it to the server.
    pub sync_limit: u32,
    /// Sends that may be unanswered at a time, within what the greeting allows. 1 keeps the order of messages also
    /// across refusals that ask to try again.
    pub sends_in_flight_max: usize,
}

impl ClientOptions {
    /// The defaults for a server and a device token.
    pub fn new(base_url: impl Into<String>, token: impl Into<String>) -> Self {
        ClientOptions {
            base_url: base_url.into(),
            token: token.into(),
            encoding: Encoding::Binary,
            level: highwater_wire::LEVEL,
            kinds: Vec::new(),
            context: 0,
            nudge_only: false,
            locale: String::new(),
            client: concat!("highwater-sdk/", env!("CARGO_PKG_VERSION")).to_owned(),
            backoff_base: Duration::from_millis(200),
            backoff_cap: Duration::from_secs(30),
            connect_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_secs(30),
            sync_limit: 0,
            sends_in_flight_max: usize::MAX,
        }
    }

    /// The first request of a connection.
    pub(crate) fn hello(&self) -> proto::Hello {
        proto::Hello {
            token: self.token.clone(),
            level: self.level,
            kinds: self.kinds.clone(),
            context: self.context,
            nudge_only: self.nudge_only,
            locale: self.locale.clone(),
            client: self.client.clone(),
        }
    }
}

impl std::fmt::Debug for ClientOptions {
    /// Without the token, which is a secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClientOptions")
            .field("base_url", &self.base_url)
            .field("encoding", &self.encoding)
            .field("level", &self.level)
            .field("kinds", &self.kinds)
            .field("context", &self.context)
            .field("nudge_only", &self.nudge_only)
            .finish_non_exhaustive()
    }
}
