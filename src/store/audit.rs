//! The audit log on disk: what operators did and tried, in files of their own, one chain of hashes through all of them.
//!
//! Owns the files of `data/audit`. A record is on disk when [`AuditLog::append`] has returned. Nothing is ever removed: a
//! file is full with [`FILE_RECORDS_MAX`] records, and the next one is begun. Does not know who may do what.

use std::{cmp::Ordering, sync::Arc};

use serde::Serialize;

use super::{
    audit_chain::{AuditHead, ChainEnd, LINE_BYTES_MAX, hash_of, read_line, walk},
    files::{FileFault, Files, LogFile},
};
use crate::model::{AuditEntry, AuditOutcome, TimeMs};

/// Records of a file; then the next one is begun. Source: a file is read whole for a page and at a start, in some
/// milliseconds; a busy year of an operator is one or two of them.
pub const FILE_RECORDS_MAX: u64 = 10_000;

/// Bytes of a file. A longer one was not written by this program, and is damage.
pub(super) const FILE_BYTES_MAX: usize = FILE_RECORDS_MAX as usize * LINE_BYTES_MAX;

/// Begin of the names of files; the number of the first record follows.
const FILE_PREFIX: &str = "audit-";

/// Why a record cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum AuditFault {
    /// The disk.
    #[error("the files of the audit log cannot be used")]
    Files(#[from] FileFault),
    /// What is there is not what was written. Nothing is added behind it.
    #[error("the audit log is damaged: {file}, line {line}: {what}")]
    Damaged {
        /// Which file.
        file: String,
        /// Which line, from 1.
        line: u64,
        /// What is wrong with it.
        what: &'static str,
    },
}

/// The audit log, open for writing by one process.
pub struct AuditLog {
    files: Arc<dyn Files>,
    head: AuditHead,
    /// The file that is written to, with the number of records and bytes in it.
    last: Option<LastFile>,
    /// A write has failed: what stands behind the good bytes is cut before the next one.
    has_failed: bool,
}

struct LastFile {
    name: String,
    records: u64,
    bytes: u64,
}

/// What [`AuditLog::open`] found.
pub struct OpenedAudit {
    /// The log.
    pub log: AuditLog,
    /// It ended in the middle of a record, which was cut.
    pub torn: bool,
}

/// A record as it is written.
#[derive(Serialize)]
struct Written<'a> {
    n: u64,
    at_ms: i64,
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    of: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    operator: Option<&'a str>,
    route: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refusal: Option<u32>,
    prev: &'a str,
}

impl AuditLog {
    /// Opens the log: the last file is checked whole, and the end of the one before it. What a crash tore is cut.
    ///
    /// # Errors
    /// [`AuditFault`]; where it is damaged nothing was changed.
    pub fn open(files: Arc<dyn Files>) -> Result<OpenedAudit, AuditFault> {
        let names = names(&*files)?;
        let Some((name, first)) = names.last().cloned() else {
            let log = AuditLog { files, head: AuditHead::empty(), last: None, has_failed: false };
            return Ok(OpenedAudit { log, torn: false });
        };
        let before = head_before(&*files, &names)?;
        if before.records + 1 != first {
            return Err(missing(&name));
        }
        let bytes = files.read_all(&name, FILE_BYTES_MAX)?;
        let walked = walk(&bytes, before, |_, _, _| {});
        if let ChainEnd::Damaged { line, what } = walked.end {
            return Err(AuditFault::Damaged { file: name, line, what });
        }
        let file = files.open(&name)?;
        let torn = walked.end == ChainEnd::Torn;
        if torn {
            file.set_len(walked.bytes as u64)?;
            file.sync_all()?;
        }
        let last = LastFile { name, records: walked.records, bytes: walked.bytes as u64 };
        let log = AuditLog { files, head: walked.head, last: Some(last), has_failed: false };
        Ok(OpenedAudit { log, torn })
    }

    /// The last record.
    #[must_use]
    pub fn head(&self) -> &AuditHead {
        &self.head
    }

    /// Adds a record and returns its number once it is on disk. Blocks.
    ///
    /// # Errors
    /// [`AuditFault`]: the record is not in the log; the next attempt begins where this one did.
    pub fn append(&mut self, at: TimeMs, entry: &AuditEntry) -> Result<u64, AuditFault> {
        let n = self.head.records + 1;
        let json = self.json(n, at, entry);
        let hash = hash_of(json.as_bytes());
        let line = format!("{hash} {json}\n");
        debug_assert!(line.len() <= LINE_BYTES_MAX, "what a record holds is bounded");
        self.write(n, line.as_bytes())?;
        self.head = AuditHead { records: n, hash };
        Ok(n)
    }

    fn json(&self, n: u64, at: TimeMs, entry: &AuditEntry) -> String {
        let refusal = match entry.outcome {
            Some(AuditOutcome::Refused(number)) => number,
            _ => None,
        };
        let written = Written {
            n,
            at_ms: at.0,
            kind: entry.kind.name(),
            of: entry.of,
            operator: entry.operator.as_deref(),
            route: entry.route,
            subject: entry.subject.as_deref(),
            outcome: entry.outcome.map(AuditOutcome::name),
            refusal,
            prev: &self.head.hash,
        };
        serde_json::to_string(&written).expect("numbers and strings become JSON")
    }

    fn write(&mut self, n: u64, line: &[u8]) -> Result<(), AuditFault> {
        if self.last.as_ref().is_none_or(|last| last.records >= FILE_RECORDS_MAX) {
            let name = name_of(n);
            // What is there was not seen as a file of the log, as a link is not; to make it anew would empty it.
            if self.files.exists(&name)? {
                let in_the_way = std::io::ErrorKind::AlreadyExists.into();
                return Err(FileFault::new("create", &name, in_the_way).into());
            }
            self.files.create(&name)?;
            self.files.sync_dir()?;
            self.last = Some(LastFile { name, records: 0, bytes: 0 });
        }
        let last = self.last.as_mut().expect("a file was begun");
        let file = last.untouched(&*self.files, self.has_failed)?;
        if self.has_failed {
            file.set_len(last.bytes)?;
        }
        self.has_failed = true;
        file.write_at(last.bytes, line)?;
        file.sync_data()?;
        self.has_failed = false;
        last.bytes += line.len() as u64;
        last.records += 1;
        Ok(())
    }
}

impl LastFile {
    /// The file, as it was left. It is opened for each record: who puts a copy in its place, or takes it away under a running
    /// server, has no record written into the void.
    fn untouched(&self, files: &dyn Files, has_failed: bool) -> Result<Box<dyn LogFile>, AuditFault> {
        let damaged = |what| AuditFault::Damaged { file: self.name.clone(), line: self.records, what };
        if !files.exists(&self.name)? {
            return Err(damaged("it was taken away under the server; put it back, or start anew"));
        }
        let file = files.open(&self.name)?;
        match file.len()?.cmp(&self.bytes) {
            Ordering::Less => Err(damaged("it was made shorter by somebody else; put it back")),
            Ordering::Greater if !has_failed => {
                Err(damaged("it was made longer by somebody else; put it back"))
            }
            _ => Ok(file),
        }
    }
}

/// Records behind `after`, at most `records_max` and none behind `head`, oldest first: JSON and hash of each. Blocks. A
/// page ends with its file at the latest.
///
/// # Errors
/// [`AuditFault`].
pub fn page(
    files: &dyn Files,
    head: &AuditHead,
    after: u64,
    records_max: usize,
) -> Result<Vec<(String, String)>, AuditFault> {
    let names = names(files)?;
    let Some((name, _)) = names.iter().rev().find(|(_, first)| *first <= after.saturating_add(1)) else {
        return Ok(Vec::new());
    };
    let bytes = files.read_all(name, FILE_BYTES_MAX)?;
    let mut records = Vec::new();
    for line in bytes.split(|byte| *byte == b'\n') {
        let Some((link, json, hash)) = read_line(line) else { break };
        if link.n > head.records || records.len() == records_max {
            break;
        }
        if link.n > after {
            records.push((json.to_owned(), hash.to_owned()));
        }
    }
    Ok(records)
}

/// Names of the files with the numbers of their first records, in order.
pub(super) fn names(files: &dyn Files) -> Result<Vec<(String, u64)>, FileFault> {
    let named = |name: String| {
        let first = name.strip_prefix(FILE_PREFIX)?.parse().ok()?;
        (name == name_of(first)).then_some((name, first))
    };
    let mut names: Vec<_> = files.list()?.into_iter().filter_map(named).collect();
    names.sort_unstable_by_key(|(_, first)| *first);
    Ok(names)
}

fn name_of(first: u64) -> String {
    format!("{FILE_PREFIX}{first:012}")
}

pub(super) fn missing(name: &str) -> AuditFault {
    AuditFault::Damaged { file: name.to_owned(), line: 1, what: "records before this file are missing" }
}

/// The last record of the file before the last one, as that file says it; the verifier looks at all of them.
fn head_before(files: &dyn Files, names: &[(String, u64)]) -> Result<AuditHead, AuditFault> {
    let Some((name, _)) = names.len().checked_sub(2).map(|at| &names[at]) else {
        return Ok(AuditHead::empty());
    };
    let bytes = files.read_all(name, FILE_BYTES_MAX)?;
    let last = bytes.strip_suffix(b"\n").and_then(|lines| lines.rsplit(|byte| *byte == b'\n').next());
    let head = last.and_then(|line| {
        let (link, _, hash) = read_line(line)?;
        Some(AuditHead { records: link.n, hash: hash.to_owned() })
    });
    head.ok_or_else(|| missing(&names[names.len() - 1].0))
}
