//! What can go wrong: the server said no (a refusal), or the way to it failed (a fault).

use crate::store::StoreError;
use highwater_wire::{DecodeError, Refusal, proto};
use tokio_tungstenite::tungstenite;

/// The server denied a request. Decide by `code`; name and message are for people.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("refused, {name} ({code}): {message}")]
pub struct Refused {
    /// The number on the wire.
    pub code: u32,
    /// The refusal of that number; none when the server is newer than this client.
    pub refusal: Option<Refusal>,
    /// The name on the wire.
    pub name: String,
    /// One English sentence.
    pub message: String,
    /// The same request may succeed later, unchanged.
    pub retry: bool,
    /// Not before this long, milliseconds; 0 says nothing.
    pub retry_after_ms: u32,
}

impl From<proto::Error> for Refused {
    fn from(error: proto::Error) -> Self {
        Refused {
            code: error.code,
            refusal: Refusal::from_code(error.code),
            name: error.name,
            message: error.message,
            retry: error.retry,
            retry_after_ms: error.retry_after_ms,
        }
    }
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        refusal.to_error(0).into()
    }
}

/// Why a call of this crate failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The server denied the request; nothing was done, except where the refusal says that this is unknown.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The base URL is not `http://HOST:PORT`.
    #[error("the base url has to be http://HOST:PORT")]
    BaseUrl,
    /// The WebSocket or the socket below it failed. The outcome of an open request is not known.
    #[error("the connection failed")]
    Transport(#[source] Box<tungstenite::Error>),
    /// The server closed the connection. The outcome of an open request is not known.
    #[error("the server closed the connection with code {code}")]
    ClosedByServer {
        /// Close code; 1005 when the server gave none, as RFC 6455 has it.
        code: u16,
        /// What the server said beside it, such as [`highwater_wire::close::DEVICE_REPLACED`]; often nothing.
        reason: String,
    },
    /// A frame of the server is not of the schema.
    #[error("the server sent a frame that cannot be read")]
    Decode(#[from] DecodeError),
    /// The server answered with something that does not fit the request.
    #[error("the server gave an answer that does not fit the request")]
    UnexpectedAnswer,
    /// The connection ended while the request was open: its outcome is not known.
    #[error("the connection ended before the answer")]
    Disconnected,
    /// Nothing came within the time given.
    #[error("no {what} within {after_ms} ms")]
    Timeout {
        /// What was waited for.
        what: &'static str,
        /// How long, milliseconds.
        after_ms: u64,
    },
    /// The client has stopped, see [`crate::StopReason`].
    #[error("the client has stopped")]
    Stopped,
    /// The outbox holds as many unanswered messages as it may.
    #[error("the outbox is full with {limit} unanswered messages")]
    OutboxFull {
        /// The limit.
        limit: usize,
    },
    /// The id names another message of the outbox.
    #[error("this client message id is in the outbox with another target or text")]
    IdReused,
    /// The outbox does not know this id (any more).
    #[error("the outbox does not know this client message id")]
    UnknownMessage,
    /// As many calls as may be are waiting for the connection.
    #[error("{limit} requests are waiting already")]
    TooManyWaiting {
        /// The limit.
        limit: usize,
    },
    /// The local store failed.
    #[error("the local store failed")]
    Store(#[from] StoreError),
    /// The operating system gave no thread for the store.
    #[error("the thread of the store could not be started")]
    Thread(#[source] std::io::Error),
}

impl From<tungstenite::Error> for Error {
    fn from(error: tungstenite::Error) -> Self {
        Error::Transport(Box::new(error))
    }
}

impl Error {
    /// The refusal, if this is one that this version of the schema lists.
    pub fn refusal(&self) -> Option<Refusal> {
        match self {
            Error::Refused(refused) => refused.refusal,
            _ => None,
        }
    }
}
