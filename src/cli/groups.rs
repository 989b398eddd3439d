//! `highwater admin turn`, `broadcast` and `broadcasts`: what a group is from there on, which channels everybody follows,
//! and the asking.

use clap::Subcommand;
use serde_json::json;

use super::{ServerFlags, admin::AdminFault, operator_port::OperatorPort};

/// What an operator does with groups and channels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GroupDeed {
    /// A group becomes a channel, or a channel a group.
    Turn {
        /// Its conversation.
        group: u64,
        /// Whether it is a channel from there on.
        channel: bool,
    },
    /// Everybody follows a channel from here on, or it is an ordinary one again.
    Broadcast {
        /// Its conversation.
        channel: u64,
        /// Whether everybody follows it.
        everybody: bool,
    },
    /// The channels that everybody follows are told.
    Broadcasts,
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
    /// Have everybody follow a channel, whoever is there and whoever comes; nobody can leave it then, but mute it. One
    /// channel at a time. Off: it is an ordinary channel again, and those who follow it may leave.
    Broadcast {
        /// The conversation of the channel.
        #[arg(value_name = "CHANNEL")]
        channel: u64,
        /// Whether everybody follows it from here on.
        #[arg(value_name = "ON|OFF", value_parser = ["on", "off"])]
        set: String,
        #[command(flatten)]
        server: ServerFlags,
    },
    /// Print the channels that everybody follows, and whether everybody does by now. One JSON object in a line.
    Broadcasts {
        #[command(flatten)]
        server: ServerFlags,
    },
}

impl From<GroupNamed> for (ServerFlags, GroupDeed) {
    fn from(named: GroupNamed) -> (ServerFlags, GroupDeed) {
        match named {
            GroupNamed::Turn { group, form, server } => {
                (server, GroupDeed::Turn { group, channel: form == "channel" })
            }
            GroupNamed::Broadcast { channel, set, server } => {
                (server, GroupDeed::Broadcast { channel, everybody: set == "on" })
            }
            GroupNamed::Broadcasts { server } => (server, GroupDeed::Broadcasts),
        }
    }
}

/// Asks, and says what was done.
pub(super) fn ask(port: &OperatorPort, deed: &GroupDeed) -> Result<String, AdminFault> {
    match deed {
        GroupDeed::Turn { group, channel } => {
            port.post("/v1/turn", &json!({ "group": group.to_string(), "channel": channel }))?;
            Ok(if *channel { "it is a channel" } else { "it is a group" }.to_owned())
        }
        GroupDeed::Broadcast { channel, everybody } => {
            port.post("/v1/broadcast", &json!({ "channel": channel.to_string(), "everybody": everybody }))?;
            let said = match everybody {
                true => "everybody is given it, step by step: `admin broadcasts` says when that is done",
                false => "it is an ordinary channel",
            };
            Ok(said.to_owned())
        }
        GroupDeed::Broadcasts => Ok(port.lines("/v1/broadcast/list", &json!({}))?),
    }
}
