//! The verifier of the audit log: reads every record of every file, changes nothing, and needs no running server.

use super::{
    audit::{AuditFault, FILE_BYTES_MAX, missing, names},
    audit_chain::{AuditHead, ChainEnd, walk},
    files::Files,
};

/// Changes without an end that are named; of more the number is told.
pub const UNENDED_NAMED_MAX: usize = 20;

/// What a log that is in order says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditVerified {
    /// The last record.
    pub head: AuditHead,
    /// When the first and the last record were written, ms since 1970.
    pub from_to_ms: Option<(i64, i64)>,
    /// Changes that begun and have no end: a crash, or one that is under way.
    pub unended: Vec<u64>,
    /// The last record is torn: a crash, or one that is being written.
    pub torn: bool,
    /// Whether the head that was asked for is among the records.
    pub has_head: bool,
}

/// Checks the whole log. `head` is the hash of a record that has to be there still, as an earlier check or the server's log
/// told it: without it nobody can see that the end was cut off.
///
/// # Errors
/// [`AuditFault::Damaged`] with the first place that is not what was written; or what cannot be read.
pub fn verify(files: &dyn Files, head: Option<&str>) -> Result<AuditVerified, AuditFault> {
    let mut verified = AuditVerified {
        head: AuditHead::empty(),
        from_to_ms: None,
        unended: Vec::new(),
        torn: false,
        has_head: head.is_none_or(|wanted| wanted == AuditHead::empty().hash),
    };
    let names = names(files)?;
    for (at, (name, first)) in names.iter().enumerate() {
        if *first != verified.head.records + 1 {
            return Err(missing(name));
        }
        let bytes = files.read_all(name, FILE_BYTES_MAX)?;
        let walked = walk(&bytes, verified.head.clone(), |link, _, hash| {
            let (from, _) = verified.from_to_ms.unwrap_or((link.at_ms, link.at_ms));
            verified.from_to_ms = Some((from, link.at_ms));
            verified.has_head |= head == Some(hash);
            match link.of {
                Some(begun) => verified.unended.retain(|n| *n != begun),
                None if link.kind == "begun" => verified.unended.push(link.n),
                None => {}
            }
        });
        verified.head = walked.head;
        match walked.end {
            ChainEnd::Whole => {}
            ChainEnd::Torn if at + 1 == names.len() => verified.torn = true,
            ChainEnd::Torn => {
                let what = "the file ends in the middle of a record";
                return Err(AuditFault::Damaged { file: name.clone(), line: walked.records + 1, what });
            }
            ChainEnd::Damaged { line, what } => {
                return Err(AuditFault::Damaged { file: name.clone(), line, what });
            }
        }
    }
    Ok(verified)
}
