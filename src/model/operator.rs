//! Operators: who looks after the server, and what each may do.

/// What an operator may do; each role may also do what the ones before it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum OperatorRole {
    /// Sees everything but what people wrote.
    Viewer,
    /// Acts on users, devices, groups and alarms.
    Moderator,
    /// Everything: also what shows what people wrote, operators, keys and settings.
    Admin,
}

impl OperatorRole {
    /// Every role, the least first.
    pub const ALL: [OperatorRole; 3] = [OperatorRole::Viewer, OperatorRole::Moderator, OperatorRole::Admin];

    /// The word on the wire and in the audit log.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            OperatorRole::Viewer => "viewer",
            OperatorRole::Moderator => "moderator",
            OperatorRole::Admin => "admin",
        }
    }

    /// The role of a word.
    #[must_use]
    pub fn of_name(name: &str) -> Option<OperatorRole> {
        OperatorRole::ALL.into_iter().find(|role| role.name() == name)
    }
}
