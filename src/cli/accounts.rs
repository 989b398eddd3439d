//! `highwater admin …` about one account: what can be asked, and the asking.

use std::{
    fs,
    io::{self, BufRead},
    path::{Path, PathBuf},
};

use clap::Subcommand;
use serde_json::json;

use super::{ServerFlags, admin::AdminFault, operator_port::OperatorPort, token_file::TokenFile};

/// Bytes of the line that holds a password. Source: the longest that is accepted has 128.
const PASSWORD_LINE_BYTES_MAX: u64 = 4 * 1024;

/// What an operator does to one account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountRequest {
    /// Name or id of the user.
    pub user: String,
    /// What becomes of the account.
    pub deed: Deed,
}

/// See `AccountRequest`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deed {
    /// One of its devices ends.
    EndDevice {
        /// The device.
        device: u64,
    },
    /// Its password is what stdin says.
    SetPassword {
        /// Whether the user's devices stay signed in.
        keep_devices: bool,
    },
    /// Everything that is kept for it is written to a file.
    Export {
        /// Which file.
        out: PathBuf,
    },
    /// It is suspended, or resumed.
    Suspend {
        /// Which of both.
        suspended: bool,
    },
    /// It is erased, with everything that its user wrote.
    Erase {
        /// Whether anybody may have the name from then on.
        free_name: bool,
    },
}

/// The same as commands.
#[derive(Debug, Subcommand)]
pub(super) enum AccountNamed {
    /// Sign a device out that its user cannot reach any more, a lost phone say.
    EndDevice {
        /// Name, or id.
        #[arg(value_name = "NAME|ID")]
        user: String,
        /// The device: `explain user` lists them.
        #[arg(value_name = "DEVICE")]
        device: u64,
        #[command(flatten)]
        server: ServerFlags,
    },
    /// Set the password of a user to the first line of stdin, and sign all devices of the user out.
    SetPassword {
        /// Name, or id.
        #[arg(value_name = "NAME|ID")]
        user: String,
        /// Leave the user's devices signed in.
        #[arg(long)]
        keep_devices: bool,
        #[command(flatten)]
        server: ServerFlags,
    },
    /// Write everything that is kept for a user to a file: a tar of JSON lines.
    Export {
        /// Name, or id.
        #[arg(value_name = "NAME|ID")]
        user: String,
        /// The file, which only its owner can read.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
        #[command(flatten)]
        server: ServerFlags,
    },
    /// Let a user in no more: all devices are out at once, until `resume`. Nothing of the user is lost.
    Suspend {
        /// Name, or id.
        #[arg(value_name = "NAME|ID")]
        user: String,
        #[command(flatten)]
        server: ServerFlags,
    },
    /// Erase a user, and everything that the user wrote, for everybody. It cannot be undone.
    Erase {
        /// Name, or id.
        #[arg(value_name = "NAME|ID")]
        user: String,
        /// Let anybody have the name from then on; else nobody is given it again.
        #[arg(long)]
        free_name: bool,
        /// Say that you mean it: without it nothing is done.
        #[arg(long, required = true)]
        yes_erase: bool,
        #[command(flatten)]
        server: ServerFlags,
    },
    /// Let a suspended user in again: the devices go on where they were.
    Resume {
        /// Name, or id.
        #[arg(value_name = "NAME|ID")]
        user: String,
        #[command(flatten)]
        server: ServerFlags,
    },
}

impl From<AccountNamed> for (ServerFlags, AccountRequest) {
    fn from(named: AccountNamed) -> (ServerFlags, AccountRequest) {
        match named {
            AccountNamed::EndDevice { user, device, server } => {
                (server, AccountRequest { user, deed: Deed::EndDevice { device } })
            }
            AccountNamed::SetPassword { user, keep_devices, server } => {
                (server, AccountRequest { user, deed: Deed::SetPassword { keep_devices } })
            }
            AccountNamed::Export { user, out, server } => {
                (server, AccountRequest { user, deed: Deed::Export { out } })
            }
            AccountNamed::Suspend { user, server } => {
                (server, AccountRequest { user, deed: Deed::Suspend { suspended: true } })
            }
            AccountNamed::Erase { user, free_name, yes_erase: _, server } => {
                (server, AccountRequest { user, deed: Deed::Erase { free_name } })
            }
            AccountNamed::Resume { user, server } => {
                (server, AccountRequest { user, deed: Deed::Suspend { suspended: false } })
            }
        }
    }
}

/// Asks, and says what was done.
pub(super) fn ask(port: &OperatorPort, request: &AccountRequest) -> Result<String, AdminFault> {
    let user = &request.user;
    match &request.deed {
        Deed::EndDevice { device } => {
            let body = json!({ "user": user, "device_id": device.to_string() });
            port.post("/v1/end-device", &body)?;
            Ok(format!("device {device} is signed out"))
        }
        Deed::SetPassword { keep_devices } => {
            let password = first_line(io::stdin().lock()).map_err(|source| AdminFault::Stdin { source })?;
            let body = json!({ "user": user, "password": password, "end_devices": !keep_devices });
            port.post("/v1/set-password", &body)?;
            Ok("the password is set".to_owned())
        }
        Deed::Export { out } => export(port, user, out),
        Deed::Erase { free_name } => {
            port.post("/v1/erase", &json!({ "user": user, "free_name": free_name }))?;
            Ok(format!(
                "the account is erased; `highwater explain user {user}` says when nothing is left of it"
            ))
        }
        Deed::Suspend { suspended } => {
            port.post("/v1/suspend", &json!({ "user": user, "suspended": suspended }))?;
            Ok(if *suspended { "the account is suspended" } else { "the account is resumed" }.to_owned())
        }
    }
}

/// An archive that breaks off is not kept: its last bytes came only if all did.
fn export(port: &OperatorPort, user: &str, out: &Path) -> Result<String, AdminFault> {
    let not_written = |source| AdminFault::Out { path: out.to_path_buf(), source };
    let mut archive = port.post("/v1/export", &json!({ "user": user }))?;
    let mut file = TokenFile::create(out).map_err(not_written)?;
    match file.copy(&mut archive) {
        Ok(bytes) => {
            file.finish().map_err(not_written)?;
            Ok(format!("{bytes} bytes in {}", out.display()))
        }
        Err(source) => {
            if let Some(partial) = file.give_up() {
                let _ = fs::remove_file(partial);
            }
            Err(not_written(source))
        }
    }
}

/// The first line without its end: a secret on the command line would be seen by everybody on the machine.
fn first_line(input: impl BufRead) -> io::Result<String> {
    let mut line = String::new();
    input.take(PASSWORD_LINE_BYTES_MAX).read_line(&mut line)?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}
