//! Operators: who looks after the server, and what each may do.

use super::{ids::TimeMs, record::SecretHash};

/// Named operators that there may be at once. One more is refused as `TooManyOperators`. Source: all of them stand in one
/// row of the index, which has room for 8 KiB; so many of the longest take 3.
pub const OPERATORS_MAX: usize = 32;

/// Length of an operator's name, bytes. A longer one is refused as `InvalidField`.
pub const OPERATOR_NAME_BYTES_MAX: usize = 32;

/// The name of whoever has the token that lies in the data directory: nobody else is called so.
pub const ROOT_NAME: &str = "root";

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

/// An operator with a token. What one may do never changes: for another role another one is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedOperator {
    /// Each name once: it stands in the audit log.
    pub name: String,
    /// What the operator may do.
    pub role: OperatorRole,
    /// Hash of the token, which was shown once.
    pub token: SecretHash,
    /// When the operator was made.
    pub created: TimeMs,
}

/// All named operators, oldest first; at most [`OPERATORS_MAX`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Operators(pub Vec<NamedOperator>);

impl Operators {
    /// One of them.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<&NamedOperator> {
        self.0.iter().find(|operator| operator.name == name)
    }

    /// The operator of a token.
    #[must_use]
    pub fn of_token(&self, token: &SecretHash) -> Option<&NamedOperator> {
        self.0.iter().find(|operator| operator.token == *token)
    }
}

/// Whether an operator may be called so. The name stands in logs and paths, so it is a plain word.
#[must_use]
pub fn is_operator_name(name: &str) -> bool {
    let fits = (1..=OPERATOR_NAME_BYTES_MAX).contains(&name.len());
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-.".contains(&byte);
    // A first hyphen would be a flag to the command line, dots alone a directory.
    let begins = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    fits && name.bytes().next().is_some_and(begins) && name.bytes().all(plain) && name != ROOT_NAME
}
