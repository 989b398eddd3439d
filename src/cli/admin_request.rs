//! What can be asked of a running server, and the same as commands.

use clap::Subcommand;

use super::{
    Provision, ServerFlags,
    accounts::{AccountNamed, AccountRequest},
    alarms::{AlarmsNamed, AlarmsRequest},
    audit::{AuditNamed, AuditRequest},
    groups::{GroupDeed, GroupNamed},
    looking::{Look, LookNamed},
    mail::MailNamed,
    operators::{OperatorNamed, OperatorRequest},
    programs::{ProgramNamed, ProgramRequest},
    reports::{ReportNamed, ReportRequest},
    settings::{SettingsNamed, SettingsRequest},
};

/// What can be asked of a running server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AdminRequest {
    /// Make accounts without a password and write their devices' tokens to a file.
    Provision(Provision),
    /// Say that the server's clock is right after more time has passed than is believed.
    AcceptTime,
    /// Make an invite code.
    Invite {
        /// Hours for which the code can be used.
        expires_hours: u32,
    },
    /// Do something to one account.
    Account(AccountRequest),
    /// Do something for a program that asks.
    Program(ProgramRequest),
    /// Do something with a group or a channel.
    Group(GroupDeed),
    /// Look at what is there.
    Look(Look),
    /// See how alarms stand, or say something to one.
    Alarms(AlarmsRequest),
    /// See what operators did.
    Audit(AuditRequest),
    /// Say who is an operator.
    Operator(OperatorRequest),
    /// See what the server runs with, or change what it logs.
    Settings(SettingsRequest),
    /// See that mail arrives.
    TryOutMail,
    /// See what a day or a week came to.
    Report(ReportRequest),
}

#[derive(Debug, Subcommand)]
pub(super) enum AdminNamed {
    /// Make accounts without a password and write their devices' tokens to a file.
    Provision {
        #[command(flatten)]
        provision: Provision,
        #[command(flatten)]
        server: ServerFlags,
    },
    /// Say that the server's clock is right: after more than a day of absence nothing expires before.
    AcceptTime {
        #[command(flatten)]
        server: ServerFlags,
    },
    #[command(flatten)]
    Account(AccountNamed),
    #[command(flatten)]
    Program(ProgramNamed),
    #[command(flatten)]
    Group(GroupNamed),
    #[command(flatten)]
    Look(LookNamed),
    #[command(flatten)]
    Alarms(AlarmsNamed),
    #[command(flatten)]
    Audit(AuditNamed),
    #[command(flatten)]
    Settings(SettingsNamed),
    /// Make, list and revoke operators, each with a role and a token.
    #[command(subcommand)]
    Operator(OperatorNamed),
    #[command(flatten)]
    Mail(MailNamed),
    #[command(flatten)]
    Report(ReportNamed),
    /// Make an invite code and print it.
    Invite {
        /// Hours for which the code can be used.
        #[arg(long, value_name = "N", default_value_t = 72, value_parser = clap::value_parser!(u32).range(1..))]
        expires_hours: u32,
        #[command(flatten)]
        server: ServerFlags,
    },
}
