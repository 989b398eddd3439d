//! The command line: what can be asked for, and the commands that are not the server.
//!
//! `serve` is what happens when no command is named. Flags are settings like those of the file and the environment and
//! are read by `config`; here they only get their names.

pub mod accounts;
pub mod admin;
mod admin_request;
pub mod alarms;
pub mod api_keys;
pub mod audit;
pub mod bots;
pub mod check_config;
pub mod explain;
pub mod groups;
pub mod looking;
pub mod mail;
mod measuring;
mod operator_port;
pub mod operators;
mod printing;
pub mod programs;
pub mod provision;
pub mod reports;
pub mod settings;
mod token_file;

pub use crate::config::sentence;
pub use measuring::Measuring;
pub use printing::print_answer;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::config::Flags;
pub use admin_request::AdminRequest;
use audit::{Audit, AuditCommand};
pub use provision::Provision;

/// What was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Run the server.
    Serve(Serve),
    /// Say which settings would be in force.
    CheckConfig(Settings),
    /// Ask something of a running server.
    Admin(Admin),
    /// Ask a running server why something is as it is.
    Explain(Explain),
    /// Check the audit log of a data directory.
    Audit(Audit),
    /// Print what the operator's port takes and answers.
    OpenApi,
}

/// Run the server.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Serve {
    /// Where its settings come from.
    pub settings: Settings,
    /// A bug to behave by; always `None` in builds without the feature `seeded-bugs`.
    pub seeded_bug: Option<String>,
    /// What is left out or hurried: for benchmarks and tests.
    pub measuring: Measuring,
}

/// What the command line says about settings: two of the sources of `Config::load`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    /// `--config`
    pub file: Option<PathBuf>,
    /// All other flags.
    pub flags: Flags,
}

/// A question to a running server, and how to reach it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admin {
    /// The server's data directory: it holds the operator's token, and the address while the server runs.
    pub data: PathBuf,
    /// The operator's port, `http://ADDRESS:PORT`, if not the one in the data directory.
    pub operator: Option<String>,
    /// What to ask.
    pub request: AdminRequest,
}

/// A question why something is as it is, and how to reach the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explain {
    /// As for `Admin`.
    pub data: PathBuf,
    /// As for `Admin`.
    pub operator: Option<String>,
    /// The answer as JSON.
    pub json: bool,
    /// What to explain.
    pub request: ExplainRequest,
}

/// What can be explained.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExplainRequest {
    /// Marks of every device of a user, what is kept of the inbox, and for whom.
    User {
        /// Name, or id.
        user: String,
    },
    /// Where a message went, and who has handed it back.
    Message {
        /// The conversation.
        conversation: u64,
        /// Its place there.
        seq: u64,
    },
    /// What a snapshot says.
    Snapshot(SnapshotOf),
}

/// A snapshot, and who handed it in.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
#[group(skip)]
pub struct SnapshotOf {
    /// Name or id of the user.
    #[arg(long, value_name = "NAME|ID")]
    pub user: String,
    /// The device.
    #[arg(long, value_name = "ID")]
    pub device: u64,
    /// Context of the device.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub context: u8,
    /// The snapshot in base64.
    #[arg(value_name = "BASE64")]
    pub snapshot: String,
}

/// Reads the command line. Ends the process on `--help`, `--version` and what it does not understand.
#[must_use]
pub fn parse() -> Command {
    Line::parse().into()
}

/// A chat server in one binary: stored first, nudged, fetched by snapshot.
#[derive(Debug, Parser)]
#[command(name = "highwater", version, args_conflicts_with_subcommands = true)]
struct Line {
    #[command(subcommand)]
    command: Option<Named>,
    #[command(flatten)]
    serve: ServeFlags,
}

#[derive(Debug, Subcommand)]
enum Named {
    /// Run the server: what happens without a command, too.
    Serve(ServeFlags),
    /// Print every setting in force with its source, or what is wrong.
    CheckConfig(SettingFlags),
    /// Ask something of a running server, on the operator's port.
    Admin {
        #[command(subcommand)]
        request: admin::AdminCommand,
    },
    /// Say why something is as it is: marks, what is kept and for whom, what a snapshot says.
    Explain {
        #[command(subcommand)]
        request: ExplainNamed,
    },
    /// Check what operators did, in the files of a data directory.
    Audit {
        #[command(subcommand)]
        command: AuditCommand,
    },
}

#[derive(Debug, Args)]
struct ServeFlags {
    #[command(flatten)]
    settings: SettingFlags,
    /// Behave by this bug, for proofs that it is found.
    #[cfg(feature = "seeded-bugs")]
    #[arg(long, value_name = "NAME", env = crate::config::SEEDED_BUG_VARIABLE)]
    seeded_bug: Option<String>,
    #[command(flatten)]
    measuring: Measuring,
}

#[derive(Debug, Args)]
struct SettingFlags {
    /// Configuration file; without it, the one that HIGHWATER_CONFIG names, or none.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Data directory [default: data].
    #[arg(long, value_name = "DIR")]
    data: Option<String>,
    /// Address and port for clients; port 0 takes a free one [default: 127.0.0.1:8080].
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
    /// Address and port for operators [default: 127.0.0.1:8081].
    #[arg(long, value_name = "ADDR")]
    admin_listen: Option<String>,
    /// Try it out on one machine: registration is open, and only loopback addresses are listened on.
    #[arg(long)]
    dev: bool,
    /// Who may make an account: closed, invite or open [default: closed].
    #[arg(long, value_name = "MODE")]
    registration: Option<String>,
    /// Go on with a log that is shorter than what was once acknowledged.
    #[arg(long)]
    accept_loss: bool,
    /// Keep the index in memory, for benchmarks: what has left the log is forgotten.
    #[arg(long, hide = true)]
    memory_engine: bool,
}

#[derive(Debug, Subcommand)]
enum ExplainNamed {
    /// Marks of every device of a user, what is kept of the inbox, and for whom.
    User {
        /// Name, or id.
        #[arg(value_name = "NAME|ID")]
        user: String,
        #[command(flatten)]
        flags: ExplainFlags,
    },
    /// Where a message went, and which devices have handed it back; never what it says.
    Message {
        /// The conversation.
        #[arg(value_name = "CONVERSATION")]
        conversation: u64,
        /// Its place there.
        #[arg(value_name = "SEQ")]
        seq: u64,
        #[command(flatten)]
        flags: ExplainFlags,
    },
    /// What a snapshot says.
    Snapshot {
        #[command(flatten)]
        of: SnapshotOf,
        #[command(flatten)]
        flags: ExplainFlags,
    },
}

#[derive(Debug, Args)]
struct ExplainFlags {
    #[command(flatten)]
    server: ServerFlags,
    /// Print the server's answer as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct ServerFlags {
    /// Data directory of the running server.
    #[arg(long, value_name = "DIR", env = "HIGHWATER_SERVER_DATA", default_value = "data")]
    data: PathBuf,
    /// The operator's port, http://ADDRESS:PORT [default: as the server wrote it in the data directory].
    #[arg(long, value_name = "URL")]
    operator: Option<String>,
}

impl From<Line> for Command {
    fn from(line: Line) -> Command {
        match line.command {
            None => Command::Serve(line.serve.into()),
            Some(Named::Serve(serve)) => Command::Serve(serve.into()),
            Some(Named::CheckConfig(settings)) => Command::CheckConfig(settings.into()),
            Some(Named::Admin { request }) => request.into(),
            Some(Named::Explain { request }) => Command::Explain(request.into()),
            Some(Named::Audit { command }) => Command::Audit(command.into()),
        }
    }
}

impl From<ServeFlags> for Serve {
    fn from(flags: ServeFlags) -> Serve {
        #[cfg(feature = "seeded-bugs")]
        let seeded_bug = flags.seeded_bug;
        #[cfg(not(feature = "seeded-bugs"))]
        let seeded_bug = None;
        Serve { settings: flags.settings.into(), seeded_bug, measuring: flags.measuring }
    }
}

impl From<SettingFlags> for Settings {
    fn from(flags: SettingFlags) -> Settings {
        Settings {
            file: flags.config,
            flags: Flags {
                data: flags.data,
                listen: flags.listen,
                admin_listen: flags.admin_listen,
                dev: flags.dev,
                registration: flags.registration,
                accept_loss: flags.accept_loss,
                memory_engine: flags.memory_engine,
            },
        }
    }
}

impl From<ExplainNamed> for Explain {
    fn from(named: ExplainNamed) -> Explain {
        let (flags, request) = match named {
            ExplainNamed::User { user, flags } => (flags, ExplainRequest::User { user }),
            ExplainNamed::Message { conversation, seq, flags } => {
                (flags, ExplainRequest::Message { conversation, seq })
            }
            ExplainNamed::Snapshot { of, flags } => (flags, ExplainRequest::Snapshot(of)),
        };
        let ExplainFlags { server, json } = flags;
        Explain { data: server.data, operator: server.operator, json, request }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{
        accounts::{AccountRequest, Deed},
        groups::GroupDeed,
        looking::{Look, MessagesOf},
        *,
    };
    use clap::{CommandFactory, error::ErrorKind};

    fn command(line: &str) -> Command {
        Line::try_parse_from(line.split_whitespace()).unwrap().into()
    }

    #[test]
    fn the_definitions_fit_together() {
        Line::command().debug_assert();
    }

    #[test]
    fn serve_needs_no_name() {
        assert_eq!(command("highwater"), Command::Serve(Serve::default()));
        let flags = "--data d --listen 127.0.0.1:0 --admin-listen [::1]:0 --config c.toml --dev --registration invite \
                     --accept-loss";
        let expected = Command::Serve(Serve {
            settings: Settings {
                file: Some("c.toml".into()),
                flags: Flags {
                    data: Some("d".into()),
                    listen: Some("127.0.0.1:0".into()),
                    admin_listen: Some("[::1]:0".into()),
                    dev: true,
                    registration: Some("invite".into()),
                    accept_loss: true,
                    memory_engine: false,
                },
            },
            seeded_bug: None,
            measuring: Measuring::default(),
        });
        assert_eq!(command(&format!("highwater {flags}")), expected);
        assert_eq!(command(&format!("highwater serve {flags}")), expected);
    }

    #[test]
    fn flags_before_another_command_are_refused_not_lost() {
        let error = Line::try_parse_from(["highwater", "--dev", "check-config"]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ArgumentConflict);
    }

    #[test]
    fn a_seeded_bug_is_an_unknown_flag_in_ordinary_builds() {
        let line = Line::try_parse_from(["highwater", "serve", "--seeded-bug", "ack-before-sync"]);
        if cfg!(feature = "seeded-bugs") {
            let Command::Serve(serve) = line.unwrap().into() else { panic!("not serve") };
            assert_eq!(serve.seeded_bug.as_deref(), Some("ack-before-sync"));
        } else {
            assert_eq!(line.unwrap_err().kind(), ErrorKind::UnknownArgument);
        }
    }

    #[test]
    fn check_config_takes_what_serve_takes() {
        let Command::CheckConfig(settings) = command("highwater check-config --config c.toml --dev") else {
            panic!("not check-config")
        };
        assert_eq!(settings.file, Some("c.toml".into()));
        assert!(settings.flags.dev);
    }

    #[test]
    fn what_is_shown_for_a_reason_is_named_in_full() {
        let look = |line: &str| {
            let line = format!("highwater admin {line} --data d");
            match Line::try_parse_from(line.split_whitespace()).map(Command::from) {
                Ok(Command::Admin(Admin { request: AdminRequest::Look(look), .. })) => Some(look),
                _ => None,
            }
        };
        let messages = |seq, through, reveal: Option<&str>| {
            let reveal = reveal.map(str::to_owned);
            Some(Look::Messages(MessagesOf { conversation: 77, seq, through, reveal }))
        };
        for (line, expected) in [
            ("messages get 77", messages(None, None, None)),
            ("messages get 77 3 --through 5", messages(Some(3), Some(5), None)),
            ("messages get 77 3 --reveal case-17", messages(Some(3), None, Some("case-17"))),
            ("messages get 77 --reveal case-17", None),
            ("messages get 77 --through 5", None),
            ("messages get", None),
            ("users get ann", Some(Look::User { user: "ann".to_owned() })),
            ("groups get 77", Some(Look::Group { group: 77, behind: None })),
            ("groups list --limit 0", None),
        ] {
            assert_eq!(look(line), expected, "{line}");
        }
    }

    #[test]
    fn admin_commands_have_their_defaults_and_bounds() {
        let provision =
            command("highwater admin provision --users 3 --out t.jsonl --data d --operator http://h:1");
        assert_eq!(
            provision,
            Command::Admin(Admin {
                data: "d".into(),
                operator: Some("http://h:1".into()),
                request: AdminRequest::Provision(Provision {
                    users: 3,
                    devices: 1,
                    out: "t.jsonl".into(),
                    prefix: "u".into(),
                    first: 1,
                    class: "unspecified".into(),
                }),
            })
        );
        let Command::Explain(explain) = command("highwater explain user ann --data d") else {
            panic!("not explain")
        };
        assert_eq!(explain.request, ExplainRequest::User { user: "ann".to_owned() });
        let Command::Admin(end) = command("highwater admin end-device ann 70 --data d") else {
            panic!("not admin")
        };
        let request = |deed| AdminRequest::Account(AccountRequest { user: "ann".to_owned(), deed });
        assert_eq!(end.request, request(Deed::EndDevice { device: 70 }));
        let Command::Admin(set) = command("highwater admin set-password ann --keep-devices --data d") else {
            panic!("not admin")
        };
        assert_eq!(set.request, request(Deed::SetPassword { keep_devices: true }));
        let Command::Admin(export) = command("highwater admin export ann --out a.tar --data d") else {
            panic!("not admin")
        };
        assert_eq!(export.request, request(Deed::Export { out: PathBuf::from("a.tar") }));
        for (word, suspended) in [("suspend", true), ("resume", false)] {
            let Command::Admin(admin) = command(&format!("highwater admin {word} ann --data d")) else {
                panic!("not admin")
            };
            assert_eq!(admin.request, request(Deed::Suspend { suspended }));
        }
        for (form, channel) in [("channel", true), ("group", false)] {
            let Command::Admin(turn) = command(&format!("highwater admin turn 77 {form} --data d")) else {
                panic!("not admin")
            };
            assert_eq!(turn.request, AdminRequest::Group(GroupDeed::Turn { group: 77, channel }));
        }
        for (word, everybody) in [("on", true), ("off", false)] {
            let Command::Admin(admin) = command(&format!("highwater admin broadcast 77 {word} --data d"))
            else {
                panic!("not admin")
            };
            let deed = GroupDeed::Broadcast { channel: 77, everybody };
            assert_eq!(admin.request, AdminRequest::Group(deed));
        }
        let Command::Admin(invite) = command("highwater admin invite --data d") else { panic!("not admin") };
        assert_eq!(invite.request, AdminRequest::Invite { expires_hours: 72 });
        for wrong in ["--users 0 --devices 1", "--users 1 --devices 33", "--users 1 --devices 0"] {
            let line = format!("highwater admin provision --out t {wrong}");
            assert!(Line::try_parse_from(line.split_whitespace()).is_err(), "{wrong}");
        }
    }
}
