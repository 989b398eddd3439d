//! What a user takes of those whom the user does not know.

/// What becomes of a message of somebody who is no contact of the one who is written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Strangers {
    /// It is taken, and makes them contacts if it is the first one.
    #[default]
    Write,
    /// It is not: they ask to be a contact first.
    Ask,
}
