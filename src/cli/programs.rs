//! `highwater admin …` for programs that ask: their keys, and their accounts.

use clap::Subcommand;

use super::{
    ServerFlags,
    admin::AdminFault,
    api_keys::{self, ApiKeyNamed, ApiKeyRequest},
    bots::{self, BotNamed, BotRequest},
    operator_port::OperatorPort,
};

/// What an operator does for programs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProgramRequest {
    /// Something with API keys.
    ApiKey(ApiKeyRequest),
    /// Something with bots.
    Bot(BotRequest),
}

/// The same as commands.
#[derive(Debug, Subcommand)]
pub(super) enum ProgramNamed {
    /// Make, list and revoke the keys by which programs ask.
    #[command(subcommand)]
    ApiKey(ApiKeyNamed),
    #[command(flatten)]
    Bot(BotNamed),
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
        }
    }
}

/// Asks, and says what was done.
pub(super) fn ask(port: &OperatorPort, request: &ProgramRequest) -> Result<String, AdminFault> {
    match request {
        ProgramRequest::ApiKey(request) => api_keys::ask(port, request),
        ProgramRequest::Bot(request) => bots::ask(port, request),
    }
}
