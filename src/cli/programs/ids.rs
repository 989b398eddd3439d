//! `highwater admin ids …`: what is counted, and under which numbers.

use clap::Subcommand;
use serde_json::{Value, json};

use crate::cli::{ServerFlags, admin::AdminFault, operator_port::OperatorPort};

/// What an operator asks of ids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IdsRequest {
    /// All are told, or those of host programs alone.
    List {
        /// Those of the server, too.
        all: bool,
    },
    /// Some of host programs are removed.
    Remove {
        /// Which.
        ids: Vec<u32>,
    },
}

/// The same as commands.
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum IdsNamed {
    /// Print the ids that host programs have registered, one JSON object in a line.
    List {
        /// Print those of the server, too.
        #[arg(long)]
        all: bool,
        #[command(flatten)]
        server: ServerFlags,
    },
    /// Remove ids of host programs: what was counted under them is told no more.
    Remove {
        /// Which.
        #[arg(value_name = "ID", required = true)]
        ids: Vec<u32>,
        #[command(flatten)]
        server: ServerFlags,
    },
}

impl From<IdsNamed> for (ServerFlags, IdsRequest) {
    fn from(named: IdsNamed) -> (ServerFlags, IdsRequest) {
        match named {
            IdsNamed::List { all, server } => (server, IdsRequest::List { all }),
            IdsNamed::Remove { ids, server } => (server, IdsRequest::Remove { ids }),
        }
    }
}

/// Asks, and says what was done.
pub(super) fn ask(port: &OperatorPort, request: &IdsRequest) -> Result<String, AdminFault> {
    match request {
        IdsRequest::List { all } => {
            let text = port.lines("/v1/ids/list", &json!({}))?;
            let is_asked = |line: &&str| *all || is_of_host(line);
            Ok(text.lines().filter(is_asked).collect::<Vec<_>>().join("\n"))
        }
        IdsRequest::Remove { ids } => {
            port.post("/v1/ids/remove", &json!({ "ids": ids }))?;
            Ok("removed".to_owned())
        }
    }
}

fn is_of_host(line: &str) -> bool {
    serde_json::from_str::<Value>(line).is_ok_and(|id| id["owner"] == "host")
}
