//! `highwater admin users …`, `groups …` and `messages …`: what is there, and for a reason, what a message says.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{
    ServerFlags,
    admin::AdminFault,
    operator_port::{OperatorFault, OperatorPort, text_of},
};

/// Entries of one request. Source: the most that one page may have.
const PAGE: usize = 500;

/// What is looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Look {
    /// Users, in order.
    Users {
        /// Those alone whose names begin so.
        prefix: Option<String>,
        /// Behind which of them, by id, or by name where there is a prefix.
        page: PageOf,
    },
    /// One user.
    User {
        /// Name, or id.
        user: String,
    },
    /// Groups and channels, in order.
    Groups(PageOf),
    /// One group.
    Group {
        /// Its conversation.
        group: u64,
        /// Behind which user its members go on.
        behind: Option<u64>,
    },
    /// Messages of a conversation.
    Messages(MessagesOf),
}

/// A part of a list.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
#[group(skip)]
pub struct PageOf {
    /// Behind which one to begin: an id, or with a prefix a name.
    #[arg(long, value_name = "ID|NAME")]
    pub behind: Option<String>,
    /// How many at most.
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub limit: u32,
}

/// See [`Look`].
#[derive(Debug, Clone, PartialEq, Eq, Args)]
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
    /// See users, all of them or one.
    #[command(subcommand)]
    Users(UsersNamed),
    /// See groups and channels, all of them or one.
    #[command(subcommand)]
    Groups(GroupsNamed),
    /// See messages: who sent one when, of what sort and how long it is; what it says only for a reason.
    #[command(subcommand)]
    Messages(MessagesNamed),
}

/// See [`LookNamed`].
#[derive(Debug, Subcommand)]
pub(super) enum UsersNamed {
    /// Print users in the order of their ids, erased ones too. One JSON object in a line.
    List {
        /// Those alone whose names begin so, in the order of names.
        #[arg(long, value_name = "PREFIX")]
        prefix: Option<String>,
        #[command(flatten)]
        page: PageOf,
        #[command(flatten)]
        server: ServerFlags,
    },
    /// Print a user with devices and what is counted.
    Get {
        /// Name, or id.
        #[arg(value_name = "NAME|ID")]
        user: String,
        #[command(flatten)]
        server: ServerFlags,
    },
}

/// See [`LookNamed`].
#[derive(Debug, Subcommand)]
pub(super) enum GroupsNamed {
    /// Print groups and channels in the order of their ids. One JSON object in a line.
    List {
        #[command(flatten)]
        page: PageOf,
        #[command(flatten)]
        server: ServerFlags,
    },
    /// Print a group or a channel with members, settings and the ways into it.
    Get {
        /// The conversation.
        #[arg(value_name = "CONVERSATION")]
        group: u64,
        /// Behind which user the members go on.
        #[arg(long, value_name = "USER")]
        behind: Option<u64>,
        #[command(flatten)]
        server: ServerFlags,
    },
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
            LookNamed::Users(UsersNamed::List { prefix, page, server }) => {
                (server, Look::Users { prefix, page })
            }
            LookNamed::Users(UsersNamed::Get { user, server }) => (server, Look::User { user }),
            LookNamed::Groups(GroupsNamed::List { page, server }) => (server, Look::Groups(page)),
            LookNamed::Groups(GroupsNamed::Get { group, behind, server }) => {
                (server, Look::Group { group, behind })
            }
            LookNamed::Messages(MessagesNamed::Get { of, server }) => (server, Look::Messages(of)),
        }
    }
}

/// Asks, and says what is there.
pub(super) fn ask(port: &OperatorPort, look: &Look) -> Result<String, AdminFault> {
    Ok(match look {
        Look::Users { prefix, page } => {
            let (last, behind) = match prefix {
                Some(_) => ("name", "behind_name"),
                None => ("user_id", "behind_user_id"),
            };
            listed(port, "/v1/users/list", json!({ "name_prefix": prefix }), (last, behind), page)?
        }
        Look::User { user } => shown(&port.ask("/v1/users/get", &json!({ "user": user }))?),
        Look::Groups(page) => {
            let order = ("conversation_id", "behind_conversation_id");
            listed(port, "/v1/groups/list", json!({}), order, page)?
        }
        Look::Group { group, behind } => {
            let behind = behind.map(|user| user.to_string());
            let body = json!({ "conversation_id": group.to_string(), "behind_user_id": behind });
            shown(&port.ask("/v1/groups/get", &body)?)
        }
        Look::Messages(of) => messages(port, of)?,
    })
}

/// One page after the other, until there are enough. `last` is by what a list is ordered, `behind` where it goes on.
fn listed(
    port: &OperatorPort,
    path: &str,
    mut body: Value,
    (last, behind): (&str, &str),
    page: &PageOf,
) -> Result<String, OperatorFault> {
    let mut lines = String::new();
    let (mut left, mut after) = (page.limit as usize, page.behind.clone());
    while left > 0 {
        body[behind] = json!(after);
        body["limit"] = json!(left.min(PAGE));
        let told = port.lines(path, &body)?;
        let Some(line) = told.lines().last() else { break };
        let line: Value = serde_json::from_str(line)
            .map_err(|error| OperatorFault::Answer(format!("a line is no JSON: {error}")))?;
        after = Some(text_of(&line, last)?.to_owned());
        left = left.saturating_sub(told.lines().count());
        lines.push_str(&told);
    }
    Ok(lines)
}

fn messages(port: &OperatorPort, of: &MessagesOf) -> Result<String, OperatorFault> {
    let conversation = of.conversation.to_string();
    let mut body = json!({ "conversation_id": conversation, "seq": of.seq, "through_seq": of.through });
    match &of.reveal {
        None => port.lines("/v1/messages/get", &body),
        Some(reason) => {
            body["reason"] = json!(reason);
            port.lines("/v1/messages/reveal", &body)
        }
    }
}

fn shown(answer: &Value) -> String {
    serde_json::to_string_pretty(answer).expect("what was read as JSON is written as JSON")
}
