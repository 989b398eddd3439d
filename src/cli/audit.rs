//! `highwater audit verify`, which reads the files and asks nobody, and `highwater admin audit`, which asks a running server.

use std::{fmt::Write, io, path::PathBuf, process::ExitCode};

use clap::{Args, Subcommand};
use serde_json::Value;

use super::{
    ServerFlags,
    admin::AdminFault,
    explain::time,
    operator_port::{OperatorFault, OperatorPort},
};
use crate::config::sentence;
use crate::store::{
    audit::AuditFault,
    audit_verify::{AuditVerified, UNENDED_NAMED_MAX, verify},
    files_disk::DiskFiles,
};

/// Records that are asked for at once. Source: an answer that is read whole has at most 64 KiB, a record at most 2 KiB.
const PAGE_RECORDS: u64 = 25;

/// What is done with the audit log of a data directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audit {
    /// The data directory.
    pub data: PathBuf,
    /// Hash of a record that has to be there still.
    pub head: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(super) enum AuditCommand {
    /// Check every record of the audit log; changes nothing, and needs no running server. Exit code 1 if something is
    /// wrong.
    Verify {
        /// The server's data directory.
        #[arg(long, value_name = "DIR", env = "HIGHWATER_SERVER_DATA", default_value = "data")]
        data: PathBuf,
        /// The head that an earlier check or the server's log told: without it nobody sees that the end was cut off.
        #[arg(long, value_name = "HASH", value_parser = hash)]
        head: Option<String>,
    },
}

impl From<AuditCommand> for Audit {
    fn from(AuditCommand::Verify { data, head }: AuditCommand) -> Audit {
        Audit { data, head }
    }
}

fn hash(text: &str) -> Result<String, String> {
    let is_hash = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_hash { Ok(text.to_ascii_lowercase()) } else { Err("a hash has 64 hexadecimal digits".to_owned()) }
}

/// Why an audit log is not in order.
#[derive(Debug, thiserror::Error)]
enum VerifyFault {
    #[error("there is no audit log in {}", directory.display())]
    Absent { directory: PathBuf, source: io::Error },
    #[error(transparent)]
    Log(#[from] AuditFault),
    #[error("the record {0} is not in the audit log: it was cut off before it, or is another log")]
    HeadMissing(String),
}

/// Checks the log, and prints what it is; or the place at which it is not what was written to stderr, with exit code 1.
#[must_use]
pub fn run(audit: &Audit) -> ExitCode {
    match verified(audit) {
        Ok(text) => super::print_answer(&text),
        Err(fault) => {
            eprintln!("{}", sentence(&fault));
            ExitCode::FAILURE
        }
    }
}

fn verified(audit: &Audit) -> Result<String, VerifyFault> {
    let directory = audit.data.join("audit");
    // Looked for first: opening a directory that is not there would make it.
    std::fs::read_dir(&directory)
        .map_err(|source| VerifyFault::Absent { directory: directory.clone(), source })?;
    let files = DiskFiles::open(directory).map_err(AuditFault::from)?;
    let found = verify(&files, audit.head.as_deref())?;
    if !found.has_head {
        return Err(VerifyFault::HeadMissing(audit.head.clone().unwrap_or_default()));
    }
    Ok(described(&found))
}

fn described(found: &AuditVerified) -> String {
    let mut text = format!("the audit log is in order: {} records", found.head.records);
    if let Some((from, to)) = found.from_to_ms {
        let _ = write!(text, " from {} to {}", time(&from.into()), time(&to.into()));
    }
    let _ = write!(text, "\nhead {}", found.head.hash);
    if !found.unended.is_empty() {
        let named: Vec<String> =
            found.unended.iter().take(UNENDED_NAMED_MAX).map(ToString::to_string).collect();
        let more = if found.unended.len() > UNENDED_NAMED_MAX { ", …" } else { "" };
        let _ = write!(
            text,
            "\n{} changes have no end, after a crash or since they are under way: {}{more}",
            found.unended.len(),
            named.join(", ")
        );
    }
    if found.torn {
        text.push_str("\nthe last record is torn, after a crash or since it is being written");
    }
    text
}

/// Which records of a running server are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Args)]
#[group(skip)]
pub struct AuditRequest {
    /// The number behind which to begin; without it the last records are told.
    #[arg(long, value_name = "N")]
    pub after: Option<u64>,
    /// How many records at most.
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=100_000))]
    pub limit: u64,
}

#[derive(Debug, Subcommand)]
pub(super) enum AuditNamed {
    /// What operators did and tried: a record in a line, oldest first.
    Audit {
        #[command(flatten)]
        request: AuditRequest,
        #[command(flatten)]
        server: ServerFlags,
    },
}

impl From<AuditNamed> for (ServerFlags, AuditRequest) {
    fn from(AuditNamed::Audit { request, server }: AuditNamed) -> (ServerFlags, AuditRequest) {
        (server, request)
    }
}

/// Asks for page after page.
pub(super) fn ask(port: &OperatorPort, request: AuditRequest) -> Result<String, AdminFault> {
    let mut after = match request.after {
        Some(after) => after,
        None => head_of(&port.get("/v1/audit?limit=1")?)?.saturating_sub(request.limit),
    };
    let (mut lines, mut left) = (Vec::new(), request.limit);
    while left > 0 {
        let limit = left.min(PAGE_RECORDS);
        let page = port.get(&format!("/v1/audit?after={after}&limit={limit}"))?;
        let records = page["records"].as_array().ok_or_else(none_named)?;
        if records.is_empty() {
            break;
        }
        for record in records {
            after = record["record"]["n"].as_u64().filter(|number| *number > after).ok_or_else(none_named)?;
            left -= 1;
            lines.push(line(&record["record"]));
        }
    }
    Ok(lines.join("\n"))
}

fn head_of(page: &Value) -> Result<u64, OperatorFault> {
    page["head"]["records"].as_u64().ok_or_else(none_named)
}

fn none_named() -> OperatorFault {
    OperatorFault::Answer("it names no records".to_owned())
}

/// A record for people: number, time, operator, what, on whom, and what came of it.
fn line(record: &Value) -> String {
    let text = |key: &str| record[key].as_str();
    let mut line = format!(
        "{} {} {} {}",
        record["n"],
        time(&record["at_ms"]),
        text("operator").unwrap_or("-"),
        text("route").unwrap_or("-")
    );
    if let Some(subject) = text("subject") {
        let _ = write!(line, " ({subject})");
    }
    let _ = write!(line, ": {}", text("kind").unwrap_or("-"));
    if let Some(begun) = record["of"].as_u64() {
        let _ = write!(line, " of {begun}");
    }
    if let Some(outcome) = text("outcome") {
        let _ = write!(line, ", {outcome}");
    }
    if let Some(refusal) = record["refusal"].as_u64() {
        let _ = write!(line, " {refusal}");
    }
    line
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;
    use crate::store::audit_chain::AuditHead;

    #[test]
    fn a_record_is_one_line_for_people() {
        let record = json!({"n": 7, "at_ms": 1_700_000_000_123_i64, "kind": "ended", "of": 6, "operator": "root",
            "route": "POST /v1/suspend", "subject": "user 9", "outcome": "refused", "refusal": 300, "prev": "0"});
        assert_eq!(
            line(&record),
            "7 2023-11-14 22:13:20 UTC root POST /v1/suspend (user 9): ended of 6, refused 300"
        );
        let stranger = json!({"n": 1, "at_ms": 0, "kind": "turned_away", "route": "POST /v1/erase"});
        assert_eq!(line(&stranger), "1 1970-01-01 00:00:00 UTC - POST /v1/erase: turned_away");
    }

    #[test]
    fn a_verified_log_says_what_is_worth_knowing() {
        let mut found = AuditVerified {
            head: AuditHead { records: 30, hash: "ab".repeat(32) },
            from_to_ms: Some((0, 1000)),
            unended: Vec::new(),
            torn: false,
            has_head: true,
        };
        let first =
            "the audit log is in order: 30 records from 1970-01-01 00:00:00 UTC to 1970-01-01 00:00:01 UTC";
        assert_eq!(described(&found), format!("{first}\nhead {}", "ab".repeat(32)));
        found.unended = (1..=25).collect();
        found.torn = true;
        let text = described(&found);
        assert!(text.contains("25 changes have no end") && text.contains(", 20, …") && text.contains("torn"));
    }

    #[test]
    fn a_head_is_a_hash() {
        assert_eq!(hash(&"AB".repeat(32)).unwrap(), "ab".repeat(32));
        for wrong in ["", "ab", &"xy".repeat(32), &"a".repeat(65)] {
            assert!(hash(wrong).is_err(), "{wrong}");
        }
    }
}
