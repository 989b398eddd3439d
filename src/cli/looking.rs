//! `highwater admin messages …`: who sent what when, and for a reason, what it says.

use clap::Subcommand;
use serde_json::json;

use super::{ServerFlags, admin::AdminFault, operator_port::OperatorPort};

/// What is looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Look {
    /// Messages of a conversation.
    Messages(MessagesOf),
}

/// See [`Look`].
#[derive(Debug, Clone, PartialEq, Eq, clap::Args)]
#[group(skip)]
pub struct MessagesOf {
    /// The conversation.
    #[arg(value_name = "CONVERSATION")]
    pub conversation: u64,
    /// Place of the first; without it, the newest are told.
    #[arg(value_name = "SEQ")]
    pub seq: Option<u64>,
    /// Place of the last, at most 100 messages in all.
    #[arg(long, value_name = "SEQ", requires = "seq")]
    pub through: Option<u64>,
    /// Show what was written. The reason is in the audit log before anything is read.
    #[arg(long, value_name = "REASON", requires = "seq")]
    pub reveal: Option<String>,
}

/// The same as commands.
#[derive(Debug, Subcommand)]
pub(super) enum LookNamed {
    /// See messages: who sent one when, of what sort and how long it is; what it says only for a reason.
    #[command(subcommand)]
    Messages(MessagesNamed),
}

/// See [`LookNamed`].
#[derive(Debug, Subcommand)]
pub(super) enum MessagesNamed {
    /// Print a message, or several, of a conversation. One JSON object in a line.
    Get {
        #[command(flatten)]
        of: MessagesOf,
        #[command(flatten)]
        server: ServerFlags,
    },
}

impl From<LookNamed> for (ServerFlags, Look) {
    fn from(named: LookNamed) -> (ServerFlags, Look) {
        match named {
            LookNamed::Messages(MessagesNamed::Get { of, server }) => (server, Look::Messages(of)),
        }
    }
}

/// Asks, and says what is there.
pub(super) fn ask(port: &OperatorPort, look: &Look) -> Result<String, AdminFault> {
    match look {
        Look::Messages(of) => {
            let conversation = of.conversation.to_string();
            let mut body =
                json!({ "conversation_id": conversation, "seq": of.seq, "through_seq": of.through });
            let path = match &of.reveal {
                None => "/v1/messages/get",
                Some(reason) => {
                    body["reason"] = json!(reason);
                    "/v1/messages/reveal"
                }
            };
            Ok(port.lines(path, &body)?)
        }
    }
}
