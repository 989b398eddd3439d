//! `highwater admin …`: questions to a running server, on the operator's port.

use std::{
    io::{self, BufRead, Read},
    path::PathBuf,
    process::ExitCode,
};

use serde_json::{Value, json};

use super::{
    Admin, AdminRequest, Provision,
    operator_port::{OperatorFault, OperatorPort},
    token_file::TokenFile,
};

/// Accounts in one request. Source: an answer of this size is streamed within a second.
const USERS_PER_REQUEST_MAX: u32 = 1_000;
/// Bytes of one line of an answer. Source: ids, a name and a token have a twentieth of it.
const LINE_BYTES_MAX: u64 = 4 * 1024;
/// What each line of an answer has to name.
const LINE_FIELDS: [&str; 4] = ["user_id", "name", "device_id", "token"];

/// Asks, and prints the answer to stdout; or the error to stderr, with exit code 1.
#[must_use]
#[allow(clippy::print_stdout, reason = "the answer is what the command is for")]
pub fn run(admin: Admin) -> ExitCode {
    match answer(&admin) {
        Ok(text) => {
            println!("{text}");
            ExitCode::SUCCESS
        }
        Err(fault) => {
            eprintln!("{fault}");
            ExitCode::FAILURE
        }
    }
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
enum AdminFault {
    #[error(transparent)]
    Operator(#[from] OperatorFault),
    #[error("{} cannot be written: {source}", path.display())]
    Out { path: PathBuf, source: io::Error },
    #[error("{fault}; the tokens of {devices} devices made before it are in {}", kept.display())]
    Partial { fault: Box<AdminFault>, devices: u64, kept: PathBuf },
}

fn answer(admin: &Admin) -> Result<String, AdminFault> {
    let port = OperatorPort::find(&admin.data, admin.operator.as_deref())?;
    match &admin.request {
        AdminRequest::Provision(wanted) => provision(&port, wanted),
        AdminRequest::Invite { expires_hours } => {
            let answer = port.ask("/v1/invites", &json!({ "expires_hours": expires_hours }))?;
            let code = answer["code"].as_str().filter(|code| !code.is_empty());
            let code = code.ok_or_else(|| OperatorFault::Answer("it names no code".to_owned()))?;
            Ok(code.to_owned())
        }
    }
}

fn provision(port: &OperatorPort, wanted: &Provision) -> Result<String, AdminFault> {
    let mut file = TokenFile::create(&wanted.out).map_err(|source| not_written(wanted, source))?;
    let mut devices = 0;
    if let Err(fault) = fetch(port, wanted, &mut file, &mut devices) {
        return Err(match file.give_up() {
            Some(kept) => AdminFault::Partial { fault: fault.into(), devices, kept },
            None => fault,
        });
    }
    file.finish().map_err(|source| not_written(wanted, source))?;
    Ok(format!("{devices} devices of {} users in {}", wanted.users, wanted.out.display()))
}

/// Asks for one part after the other and writes what comes, counting the devices.
fn fetch(
    port: &OperatorPort,
    wanted: &Provision,
    file: &mut TokenFile,
    devices: &mut u64,
) -> Result<(), AdminFault> {
    let mut made = 0;
    while made < wanted.users {
        let users = USERS_PER_REQUEST_MAX.min(wanted.users - made);
        let first = u64::from(wanted.first) + u64::from(made);
        let body = json!({ "users": users, "devices": wanted.devices, "prefix": wanted.prefix, "first": first });
        let mut lines = port.post("/v1/provision", &body)?;
        let before = *devices;
        while let Some(line) = next_line(&mut lines)? {
            file.line(&line).map_err(|source| not_written(wanted, source))?;
            *devices += 1;
        }
        let expected = u64::from(users) * u64::from(wanted.devices);
        if *devices - before != expected {
            let problem = format!("{} devices where {expected} were asked for", *devices - before);
            return Err(OperatorFault::Answer(problem).into());
        }
        made += users;
    }
    Ok(())
}

/// The next device, as its line stands in the answer; `None` at the end.
fn next_line(lines: &mut impl BufRead) -> Result<Option<String>, OperatorFault> {
    let mut line = String::new();
    let read = lines.by_ref().take(LINE_BYTES_MAX).read_line(&mut line)?;
    if read == 0 {
        return Ok(None);
    }
    if !line.ends_with('\n') {
        return Err(OperatorFault::Answer("a line is cut off or too long".to_owned()));
    }
    let device: Value = serde_json::from_str(&line).unwrap_or_default();
    if !LINE_FIELDS.iter().all(|field| device[field].as_str().is_some_and(|text| !text.is_empty())) {
        // Whatever else a line may hold, a token is not shown.
        let reason = device["detail"].as_str().unwrap_or("a line does not name a device and its token");
        return Err(OperatorFault::Answer(reason.to_owned()));
    }
    line.truncate(line.trim_end().len());
    Ok(Some(line))
}

fn not_written(wanted: &Provision, source: io::Error) -> AdminFault {
    AdminFault::Out { path: wanted.out.clone(), source }
}
