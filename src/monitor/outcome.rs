//! How an operation ended, in the few classes that are counted apart.

use highwater_wire::Refusal;

/// How an operation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It was done.
    Ok,
    /// The request can never be right: malformed, too large, a field out of range.
    BadInput,
    /// The caller did not prove who it is, or may not do this.
    Auth,
    /// Understood and permitted, but the state of things does not allow it.
    Refused,
    /// The server has too much to do or no room; nothing was done.
    Overload,
    /// The server met a fault.
    Fault,
}

impl Outcome {
    /// The classes of errors with their names, in order of id.
    pub const ERRORS: [(Outcome, &str); 5] = [
        (Outcome::BadInput, "bad_input"),
        (Outcome::Auth, "auth"),
        (Outcome::Refused, "refused"),
        (Outcome::Overload, "overload"),
        (Outcome::Fault, "fault"),
    ];
}

impl From<Refusal> for Outcome {
    fn from(refusal: Refusal) -> Outcome {
        match refusal {
            Refusal::UnknownOutcome => return Outcome::Fault,
            // Who guesses has proved nothing; the server has nothing to do with it.
            Refusal::TooManyAttempts => return Outcome::Auth,
            _ => {}
        }
        match refusal.http_status() {
            400 | 413 => Outcome::BadInput,
            401 | 403 => Outcome::Auth,
            429 | 503 | 507 => Outcome::Overload,
            500 => Outcome::Fault,
            _ => Outcome::Refused,
        }
    }
}
