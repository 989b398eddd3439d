//! `highwater admin operator …`: who looks after the server.

use clap::Subcommand;
use serde_json::json;

use super::{
    ServerFlags,
    admin::AdminFault,
    operator_port::{OperatorPort, text_of},
};

/// What is done with operators.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OperatorRequest {
    /// One is made; the token is the answer.
    Make {
        /// What the operator is called.
        name: String,
        /// Name of the role.
        role: String,
    },
    /// All are told.
    List,
    /// One is taken back.
    Revoke {
        /// What the operator is called.
        name: String,
    },
}

/// The same as commands.
#[derive(Debug, Subcommand)]
pub(super) enum OperatorNamed {
    /// Make an operator and print the token, which is told this once.
    Make {
        /// What the operator is called, also in the audit log: at most 32 small letters, digits, dots, dashes and
        /// underscores.
        #[arg(value_name = "NAME")]
        name: String,
        /// What the operator may do: viewer (see everything but what people wrote), moderator (also act on users, devices,
        /// groups, alarms) or admin (everything).
        #[arg(long, value_name = "ROLE", value_parser = ["viewer", "moderator", "admin"])]
        role: String,
        #[command(flatten)]
        server: ServerFlags,
    },
    /// Print every operator with the role. One JSON object in a line.
    List {
        #[command(flatten)]
        server: ServerFlags,
    },
    /// Take an operator back: the token is dead at once.
    Revoke {
        /// What the operator is called.
        #[arg(value_name = "NAME")]
        name: String,
        #[command(flatten)]
        server: ServerFlags,
    },
}

impl From<OperatorNamed> for (ServerFlags, OperatorRequest) {
    fn from(named: OperatorNamed) -> (ServerFlags, OperatorRequest) {
        match named {
            OperatorNamed::Make { name, role, server } => (server, OperatorRequest::Make { name, role }),
            OperatorNamed::List { server } => (server, OperatorRequest::List),
            OperatorNamed::Revoke { name, server } => (server, OperatorRequest::Revoke { name }),
        }
    }
}

/// Asks, and says what was done.
pub(super) fn ask(port: &OperatorPort, request: &OperatorRequest) -> Result<String, AdminFault> {
    match request {
        OperatorRequest::Make { name, role } => {
            let answer = port.ask("/v1/operators", &json!({ "name": name, "role": role }))?;
            Ok(text_of(&answer, "token")?.to_owned())
        }
        OperatorRequest::List => Ok(port.lines("/v1/operators/list", &json!({}))?),
        OperatorRequest::Revoke { name } => {
            port.post("/v1/operators/revoke", &json!({ "name": name }))?;
            Ok("the operator is revoked".to_owned())
        }
    }
}
