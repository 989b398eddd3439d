//! `highwater admin …` for programs that ask: their keys, and their accounts.

pub mod ids;

use clap::Subcommand;

use super::{
    ServerFlags,
    admin::AdminFault,
    api_keys::{self, ApiKeyNamed, ApiKeyRequest},
    bots::{self, BotNamed, BotRequest},
    operator_port::OperatorPort,
};

use ids::{IdsNamed, IdsRequest};

/// What an operator does for programs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProgramRequest {
    /// Something with API keys.
    ApiKey(ApiKeyRequest),
    /// Something with bots.
    Bot(BotRequest),
    /// Something with ids of the monitor.
    Ids(IdsRequest),
}

/// The same as commands.
#[derive(Debug, Subcommand)]
pub(super) enum ProgramNamed {
    /// Make, list and revoke the keys by which programs ask.
    #[command(subcommand)]
    ApiKey(ApiKeyNamed),
    #[command(flatten)]
    Bot(BotNamed),
    /// List what is counted by programs beside the server, and remove what is counted no more.
    #[command(subcommand)]
    Ids(IdsNamed),
}

impl From<ProgramNamed> for (ServerFlags, ProgramRequest) {
    fn from(named: ProgramNamed) -> (ServerFlags, ProgramRequest) {
        match named {
            ProgramNamed::ApiKey(named) => {
                let (server, request) = named.into();
                (server, ProgramRequest::ApiKey(request))
            }
            ProgramNamed::Bot(named) => {
                let (server, request) = named.into();
                (server, ProgramRequest::Bot(request))
            }
            ProgramNamed::Ids(named) => {
                let (server, request) = named.into();
                (server, ProgramRequest::Ids(request))
            }
        }
    }
}

/// Asks, and says what was done.
pub(super) fn ask(port: &OperatorPort, request: &ProgramRequest) -> Result<String, AdminFault> {
    match request {
        ProgramRequest::ApiKey(request) => api_keys::ask(port, request),
        ProgramRequest::Bot(request) => bots::ask(port, request),
        ProgramRequest::Ids(request) => ids::ask(port, request),
    }
}
