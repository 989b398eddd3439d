//! `highwater admin bot …` and `admin send …`: accounts of programs, and what the operator says as one of them.

use std::io::{self, Read};

use clap::{Args, Subcommand};
use serde_json::json;

use super::{
    ServerFlags,
    admin::AdminFault,
    operator_port::{OperatorPort, text_of},
};

/// Bytes of a text on stdin. Source: the longest that is accepted has 4 KiB; a longer one is refused by the server.
const TEXT_BYTES_MAX: u64 = 16 * 1024;

/// What an operator does with bots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BotRequest {
    /// One is made, or gets a further device.
    Make {
        /// Its name.
        name: String,
    },
    /// The text on stdin is sent by one.
    Send {
        /// Name or id of the bot.
        from: String,
        /// To whom or where.
        to: SentTo,
    },
}

/// See [`BotRequest`].
#[derive(Debug, Clone, PartialEq, Eq, Args)]
#[group(required = true, multiple = false)]
pub struct SentTo {
    /// Name or id of the user.
    #[arg(long, value_name = "NAME|ID")]
    pub to: Option<String>,
    /// The group or channel, in which the bot may write: a conversation's id.
    #[arg(long, value_name = "ID")]
    pub conversation: Option<u64>,
}

/// The same as commands.
#[derive(Debug, Subcommand)]
pub(super) enum BotNamed {
    /// Make the account of a program, unless it is there, and print a line of JSON with a device token of it.
    Bot {
        /// Its name.
        #[arg(value_name = "NAME")]
        name: String,
        #[command(flatten)]
        server: ServerFlags,
    },
    /// Send the text on stdin to a user, or to a group or a channel, as a message of a bot.
    Send {
        /// Name or id of the bot: `admin bot system` makes one of this name.
        #[arg(long, value_name = "NAME|ID", default_value = "system")]
        from: String,
        #[command(flatten)]
        to: SentTo,
        #[command(flatten)]
        server: ServerFlags,
    },
}

impl From<BotNamed> for (ServerFlags, BotRequest) {
    fn from(named: BotNamed) -> (ServerFlags, BotRequest) {
        match named {
            BotNamed::Bot { name, server } => (server, BotRequest::Make { name }),
            BotNamed::Send { from, to, server } => (server, BotRequest::Send { from, to }),
        }
    }
}

/// Asks, and says what was done.
pub(super) fn ask(port: &OperatorPort, request: &BotRequest) -> Result<String, AdminFault> {
    match request {
        BotRequest::Make { name } => {
            let answer = port.ask("/v1/bots", &json!({ "name": name }))?;
            text_of(&answer, "token")?;
            Ok(answer.to_string())
        }
        BotRequest::Send { from, to } => {
            let mut text = String::new();
            let read = io::stdin().lock().take(TEXT_BYTES_MAX).read_to_string(&mut text);
            read.map_err(|source| AdminFault::Stdin { source })?;
            let text = text.trim_end_matches(['\r', '\n']);
            let conversation = to.conversation.map(|id| id.to_string());
            let body = json!({ "from": from, "to": to.to, "conversation": conversation, "text": text });
            let answer = port.ask("/v1/send", &body)?;
            Ok(format!(
                "sent: seq {} of conversation {}",
                answer["seq"],
                answer["conversation_id"].as_str().unwrap_or("?")
            ))
        }
    }
}
