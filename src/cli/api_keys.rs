//! `highwater admin api-key …`: keys by which the programs of an app ask.

use clap::{Args, Subcommand};
use serde_json::json;

use super::{
    ServerFlags,
    admin::AdminFault,
    operator_port::{OperatorPort, text_of},
};

/// What an operator does with keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ApiKeyRequest {
    /// One is made; its secret is the answer.
    Make(NewApiKey),
    /// All are told.
    List,
    /// One is taken back.
    Revoke {
        /// Name or id.
        key: String,
    },
}

/// A key to be made.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
#[group(skip)]
pub struct NewApiKey {
    /// What it is called, in lists: at most 32 bytes, and each name once.
    #[arg(long, value_name = "NAME")]
    pub name: String,
    /// What it may do, with commas between: users (make accounts), send (send messages and say what was read), groups
    /// (make and change groups), contacts (ask, accept, block), read (read conversations, members and names), profile (what users show), report
    /// (count under ids of its own).
    #[arg(long, value_name = "SCOPES", value_delimiter = ',', required = true,
          value_parser = ["users", "send", "groups", "contacts", "read", "profile", "report"])]
    pub scopes: Vec<String>,
    /// Users for whom it may act besides those that it makes, at most 16, with commas between. Without this and
    /// `--all-users` it acts for those alone that it makes.
    #[arg(long, value_name = "NAME|ID", value_delimiter = ',')]
    pub users: Vec<String>,
    /// Let it act for everybody.
    #[arg(long, conflicts_with = "users")]
    pub all_users: bool,
    /// Days for which it is good; for ever without this.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=3650))]
    pub expires_in_days: Option<u32>,
}

/// The same as commands.
#[derive(Debug, Subcommand)]
pub(super) enum ApiKeyNamed {
    /// Make a key and print its secret, which is told this once.
    Make {
        #[command(flatten)]
        new: NewApiKey,
        #[command(flatten)]
        server: ServerFlags,
    },
    /// Print every key: what it may do, until when, when it was used last. One JSON object in a line.
    List {
        #[command(flatten)]
        server: ServerFlags,
    },
    /// Take a key back: it is dead at once.
    Revoke {
        /// Name, or id.
        #[arg(value_name = "NAME|ID")]
        key: String,
        #[command(flatten)]
        server: ServerFlags,
    },
}

impl From<ApiKeyNamed> for (ServerFlags, ApiKeyRequest) {
    fn from(named: ApiKeyNamed) -> (ServerFlags, ApiKeyRequest) {
        match named {
            ApiKeyNamed::Make { new, server } => (server, ApiKeyRequest::Make(new)),
            ApiKeyNamed::List { server } => (server, ApiKeyRequest::List),
            ApiKeyNamed::Revoke { key, server } => (server, ApiKeyRequest::Revoke { key }),
        }
    }
}

/// Asks, and says what was done.
pub(super) fn ask(port: &OperatorPort, request: &ApiKeyRequest) -> Result<String, AdminFault> {
    match request {
        ApiKeyRequest::Make(new) => {
            let body = json!({
                "name": new.name, "scopes": new.scopes, "users": new.users, "all_users": new.all_users,
                "expires_in_days": new.expires_in_days,
            });
            let answer = port.ask("/v1/api-keys", &body)?;
            Ok(text_of(&answer, "secret")?.to_owned())
        }
        ApiKeyRequest::List => Ok(port.lines("/v1/api-keys/list", &json!({}))?),
        ApiKeyRequest::Revoke { key } => {
            port.post("/v1/api-keys/revoke", &json!({ "key": key }))?;
            Ok("the key is revoked".to_owned())
        }
    }
}
