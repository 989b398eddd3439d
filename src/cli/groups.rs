//! `highwater admin turn`: what a group is from there on, and the asking.

use clap::Subcommand;
use serde_json::json;

use super::{ServerFlags, admin::AdminFault, operator_port::OperatorPort};

/// A group becomes a channel, or a channel a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TurnRequest {
    /// Its conversation.
    pub group: u64,
    /// Whether it is a channel from there on.
    pub channel: bool,
}

/// The same as a command.
#[derive(Debug, Subcommand)]
pub(super) enum GroupNamed {
    /// Make a channel of a group, or a group of a channel, as if its owner had asked. Nobody lacks what is said around it.
    Turn {
        /// The conversation.
        #[arg(value_name = "GROUP")]
        group: u64,
        /// What it is from there on.
        #[arg(value_name = "FORM", value_parser = ["channel", "group"])]
        form: String,
        #[command(flatten)]
        server: ServerFlags,
    },
}

impl From<GroupNamed> for (ServerFlags, TurnRequest) {
    fn from(GroupNamed::Turn { group, form, server }: GroupNamed) -> (ServerFlags, TurnRequest) {
        (server, TurnRequest { group, channel: form == "channel" })
    }
}

/// Asks, and says what was done.
pub(super) fn ask(port: &OperatorPort, request: &TurnRequest) -> Result<String, AdminFault> {
    port.post("/v1/turn", &json!({ "group": request.group.to_string(), "channel": request.channel }))?;
    Ok(if request.channel { "it is a channel" } else { "it is a group" }.to_owned())
}
