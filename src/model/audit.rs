//! What the audit log says of one thing that an operator did or tried.

/// One thing to be written down.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AuditEntry {
    /// What kind of record.
    pub kind: AuditKind,
    /// Of an ended change: the number of the record that says that it begun.
    pub of: Option<u64>,
    /// Who: the name of an operator; nothing where it is not known who asked.
    pub operator: Option<String>,
    /// Method and path of the route, as it is documented.
    pub route: &'static str,
    /// On whom or what, by id: "user 7, device 9".
    pub subject: Option<String>,
    /// What came of it; nothing while that is not known.
    pub outcome: Option<AuditOutcome>,
}

/// Kinds of records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AuditKind {
    /// Something is about to be changed: on disk before it is performed.
    Begun,
    /// What came of it: on disk before the answer goes out.
    Ended,
    /// Something was looked at, or was to be: on disk before the answer goes out.
    #[default]
    Looked,
    /// Turned away before anything was looked at or begun.
    TurnedAway,
}

impl AuditKind {
    /// The word in the log.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            AuditKind::Begun => "begun",
            AuditKind::Ended => "ended",
            AuditKind::Looked => "looked",
            AuditKind::TurnedAway => "turned_away",
        }
    }
}

/// What came of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuditOutcome {
    /// It was done, or shown.
    Done,
    /// It was refused, by this number where it has one.
    Refused(Option<u32>),
    /// The server met a fault: whether anything was changed is in its log.
    Failed,
}

impl AuditOutcome {
    /// The word in the log.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            AuditOutcome::Done => "done",
            AuditOutcome::Refused(_) => "refused",
            AuditOutcome::Failed => "failed",
        }
    }
}
